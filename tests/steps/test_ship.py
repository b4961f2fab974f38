"""From packs to a candidate in one command, on the sandbox."""

import json
import shutil
from datetime import UTC, datetime

import pytest

from ftv4.actions import environment
from ftv4.cli import run
from ftv4.clients.git import Git
from ftv4.contracts.models import ModelsConfig
from ftv4.documents import MODELS, parse
from ftv4.errors import GateError, UsageError
from ftv4.sandbox.serve import serving
from ftv4.steps import ship
from ftv4.steps.ship import Order
from tests.conftest import ROOT

DATASET = "train/datasets/stage_synthesis.jsonl"


@pytest.fixture(scope="module")
def packs(tmp_path_factory):
    """A folder with 48 packs, below a repository."""
    root = tmp_path_factory.mktemp("packs")
    shutil.copytree(ROOT / "config", root / "config")
    asked = ["--packs-per-industry", "8", "--seed", "77", "--bent", "--anchor-date", "2025-09-30"]
    assert run(["--repo", str(root), "synth", "packs", *asked]) == 0
    return root


@pytest.fixture
def planted(repository, packs):
    """A repository with 48 packs, three eval cases, and an author."""
    git = Git(repository.root)
    git("init", "--quiet")
    git("config", "user.email", "operator@localhost")
    shutil.copytree(packs, repository.root, dirs_exist_ok=True)
    for case in sorted((ROOT / "evals" / "cases").glob("*.json"))[::8]:
        pack = json.loads(case.read_text())["pack"]
        shutil.copytree(ROOT / pack, repository.path(pack))
        repository.write(f"evals/cases/{case.name}", case.read_bytes())
    return repository


def shipped(ftv4, *flags, code=0):
    done = ftv4("synth", "ship", "--format", "json", "--iterations", "1", "--target-runs", "48", *flags)
    assert done.code == code, done.err
    return json.loads(done.out) if done.out else None


def approve(ftv4, manifest):
    return ftv4("review", manifest["review_pack_path"], "--curator", "synthetic")


def newest(repository):
    path = repository.files("train/ops/synth_ship", "*/ops_manifest.json")[-1]
    return json.loads(path.read_text())


def test_a_ship_stops_for_a_person_to_approve(planted, ftv4):
    manifest = shipped(ftv4)

    assert manifest["status"] == "awaiting_approval"
    command = f"ftv4 review {manifest['review_pack_path']}"
    assert manifest["next_action"] == f"approve some of the 48 undecided items: {command}"
    assert any("48 undecided" in line["message"] for line in manifest["logs"])


def test_a_ship_without_anything_to_approve_says_so(planted, ftv4):
    manifest = shipped(ftv4, "--skip_runpacks=true")

    assert manifest["review_pack_path"] is None
    assert manifest["next_action"].startswith("nothing is left to approve")


def test_A5_what_is_approved_where_it_says_is_what_is_trained_on(planted, ftv4):
    first = shipped(ftv4)
    approve(ftv4, first)
    second = shipped(ftv4, "--skip_runpacks=true")

    assert second["status"] == "candidate_ready"
    assert second["dataset"]["row_count"] >= 40
    assert second["fine_tune"]["dry_run"]
    assert second["evals"]["passed"]
    assert not second["promotion"]["promoted"]


def test_B4_a_live_ship_counts_accepted_rows(planted, ftv4, monkeypatch):
    monkeypatch.setenv("FTV4_SANDBOX_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("FTV4_SANDBOX_KEY", "k")
    approve(ftv4, shipped(ftv4))
    shipped(
        ftv4, "--skip-runpacks", "--dry-run=false", "--provider", "sandbox", "--live-min-rows", "100",
        "--max-homogeneity-share", "0.1", code=4,
    )  # fmt: skip

    errors = newest(planted)["errors"]
    assert any("--live-min-rows is 100" in line for line in errors)
    assert any("--max-homogeneity-share is 10.0%" in line for line in errors)


def test_a_live_ship_without_a_key_does_nothing_at_all(planted, ftv4):
    shipped(ftv4, "--dry-run=false", code=2)

    assert newest(planted)["status"] == "failed"
    assert not planted.path("train/ops/runs").exists()


def test_C5_a_dataset_by_another_name_is_refused(planted, ftv4):
    done = ftv4("synth", "ship", "--dataset", "train/custom.jsonl")

    assert done.code == 2
    assert "the dataset built here is stage_synthesis.jsonl" in done.err


def test_E6_a_ship_that_fails_leaves_its_manifest(repository, ftv4):
    shipped(ftv4, code=4)

    manifest = newest(repository)
    assert manifest["status"] == "failed"
    assert manifest["errors"] == ["no pack in train/packs"]
    assert manifest["next_action"] == "make some: ftv4 synth packs"


@pytest.mark.parametrize("flags", [("--force",), ("--force", "--reason", " "), ("--reason", "why")])
def test_force_and_reason_go_together_before_anything_is_done(repository, ftv4, flags):
    done = ftv4("synth", "ship", "--auto-promote", *flags)

    assert (done.code, "--reason" in done.err) == (2, True)
    assert not repository.path("train").exists()


@pytest.mark.parametrize("suffix", ["", "a/b", "x" * 65, "\udcff"])
def test_a_suffix_that_no_provider_takes_is_refused_at_once(suffix):
    with pytest.raises(UsageError, match="--suffix"):
        Order(suffix=suffix)


@pytest.mark.parametrize("flag", ["--notes", "--reason", "--client-id", "--packs-dir"])
def test_half_a_character_is_refused_by_name(repository, ftv4, flag):
    done = ftv4("synth", "ship", "--force", "--reason", "r", flag, "\udcff")

    assert done.code == 2
    assert f"Invalid value for '{flag}'" in done.err


def test_an_error_that_nobody_foresaw_closes_the_manifest_too(planted, ftv4, monkeypatch):
    def broken(*_):
        raise RuntimeError("odd\n::error::")

    monkeypatch.setattr("ftv4.steps.ship.curate", broken)
    ftv4("synth", "ship", "--skip-runpacks")

    manifest = newest(planted)
    assert manifest["status"] == "failed"
    assert manifest["errors"][0].startswith("unexpected: RuntimeError: odd")


def test_D3_the_evidence_is_of_the_very_models_json_that_a_promotion_changes(repository, monkeypatch):
    seen = []

    def weigh(wish, desk, evaluation, *_):
        seen.extend((desk, evaluation))
        raise GateError("enough")

    monkeypatch.setattr(ship, "load_cases", lambda files: files.write(MODELS, "{}") and ())
    monkeypatch.setattr(ship, "promote", weigh)
    crew = ship.Crew(repository, lambda *_: None, lambda _: None, lambda: datetime.now(UTC), "ada")

    with pytest.raises(GateError, match="enough"):
        ship._Voyage(Order(suffix="s"), crew)._promote("sandbox:m")

    desk, evaluation = seen
    assert parse(ModelsConfig, desk.before, MODELS) == evaluation.config


def test_a_live_ship_trains_once_and_promotes(planted, ftv4, tmp_path_factory):
    approve(ftv4, shipped(ftv4))
    live = ("--skip-runpacks", "--dry-run=false", "--provider", "sandbox", "--suffix", "s")
    with serving(tmp_path_factory.mktemp("sandbox")) as urls, environment(**urls.environment()):
        with environment(GITHUB_ACTIONS="true", GITHUB_RUN_ID="7"):
            shipped(ftv4, *live, code=5)
            refused = newest(planted)["errors"]
        first = shipped(ftv4, *live)
        second = shipped(ftv4, *live, "--poll-job", "--poll-interval-seconds", "5")
        pins = planted.models().pin("synthesis_decision", "hvac").model_id
        third = shipped(ftv4, *live, "--auto-promote", "--force", "--reason", "three cases cannot settle it")

    assert refused[0].startswith("could not read who approved run 7")
    assert first["fine_tune"]["job_id"] == second["fine_tune"]["job_id"] == third["fine_tune"]["job_id"]
    assert sum(line["message"].startswith("run train/") for line in first["logs"]) == 1
    assert first["next_action"] == (
        f"ftv4 ft follow {first['fine_tune']['run_dir']}, then "
        "ftv4 synth ship --skip-runpacks --suffix s and the same flags"
    )
    assert second["status"] == "candidate_ready"
    assert pins == "deterministic:synthesis-hvac-v1"
    assert third["status"] == "completed"
    assert planted.models().pin("synthesis_decision", "hvac").model_id == third["promotion"]["new_model_id"]
