"""From packs to a candidate in one command, on the sandbox."""

import json
import shutil

import pytest

from ftv4.actions import environment
from ftv4.clients.git import Git
from ftv4.sandbox.serve import serving
from tests.conftest import ROOT

DATASET = "train/datasets/stage_synthesis.jsonl"


@pytest.fixture
def planted(repository, ftv4):
    """A repository with 48 packs, three eval cases, and an author."""
    git = Git(repository.root)
    git("init", "--quiet")
    git("config", "user.email", "operator@localhost")
    assert (
        ftv4(
            "synth", "packs", "--packs-per-industry", "8", "--seed", "77", "--anchor-date", "2026-02-09"
        ).code
        == 0
    )
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
    assert manifest["next_action"] == f"approve items: ftv4 review {manifest['review_pack_path']}"


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


def test_a_live_ship_trains_once_and_promotes(planted, ftv4, tmp_path_factory):
    approve(ftv4, shipped(ftv4))
    live = ("--skip-runpacks", "--dry-run=false", "--provider", "sandbox", "--suffix", "s")
    with serving(tmp_path_factory.mktemp("sandbox")) as urls, environment(**urls.environment()):
        first = shipped(ftv4, *live)
        second = shipped(ftv4, *live, "--poll-job", "--poll-interval-seconds", "5")
        pins = planted.models().pin("synthesis_decision", "hvac").model_id
        third = shipped(ftv4, *live, "--auto-promote", "--force", "--reason", "three cases cannot settle it")

    assert first["fine_tune"]["job_id"] == second["fine_tune"]["job_id"] == third["fine_tune"]["job_id"]
    assert second["status"] == "candidate_ready"
    assert pins == "deterministic:synthesis-hvac-v1"
    assert third["status"] == "completed"
    assert planted.models().pin("synthesis_decision", "hvac").model_id == third["promotion"]["new_model_id"]
