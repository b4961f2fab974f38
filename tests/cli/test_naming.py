"""What a command line names (files, folders, models, jobs, a repository) is there, or is refused by name."""

import json

import pytest

from ftv4.documents import MODELS
from tests.eval_cases import plant

STAGE = "synthesis_decision"
ODD = "rows_\udcff.jsonl"
"""A file name that isn't UTF-8, as Python spells it."""


@pytest.fixture
def person(monkeypatch):
    """Somebody whom git knows."""
    for name, value in (("COUNT", "1"), ("KEY_0", "user.email"), ("VALUE_0", "ada@example.org")):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)


@pytest.mark.parametrize(
    "line",
    [
        ("ft", "stage", "--stage", STAGE, "--suffix", "a", "--dataset", ODD),
        ("promote", "--stage", STAGE, "--model", "deterministic:core-v1", "--dataset", ODD),
        ("card", "build", "--stage", STAGE, "--model", "deterministic:core-v1", "--run-manifest", ODD),
        ("synth", "ship", "--dataset", ODD),
        ("synth", "packs", "--out-dir", ODD),
        ("evals", "run", "--out", ODD),
        ("curate", "--out-file", ODD),
        ("datasets", "build", "--out-dir", ODD),
    ],
    ids=" ".join,
)
def test_a_file_name_that_is_not_utf8_is_refused(repository, ftv4, line):
    done = ftv4(*line)

    assert done.code == 2
    assert "rows_\\udcff.jsonl is not a name in UTF-8" in done.err


@pytest.mark.parametrize(
    "line",
    [
        ("datasets", "build", "--runs-dir", "nope"),
        ("datasets", "build", "--review-dir", "nope"),
        ("curate", "--runs-dir", "nope"),
        ("synth", "runpacks", "--packs-dir", "train/packs,nope"),
        ("synth", "ship", "--packs-dir", "nope"),
    ],
    ids=" ".join,
)
def test_a_folder_that_is_named_must_be_there(repository, ftv4, line):
    (repository.root / "train/packs").mkdir(parents=True)
    done = ftv4(*line)

    assert done.code == 3
    assert " nope: no such folder" in done.err
    assert not repository.has("train/ops")


@pytest.mark.parametrize(
    "line",
    [
        ("ops", "status"),
        ("smoke",),
        ("evals", "run"),
        ("evals", "compare", "pinned", "pinned"),
        ("promote", "--stage", STAGE, "--model", "openai:x"),
        ("card", "build", "--stage", STAGE, "--model", "openai:x"),
        ("synth", "packs"),
        ("synth", "runpacks"),
        ("synth", "ship"),
        ("curate",),
        ("datasets", "build"),
    ],
    ids=" ".join,
)
def test_where_no_repository_is_nothing_is_made(tmp_path, monkeypatch, ftv4, line):
    monkeypatch.chdir(tmp_path)
    done = ftv4(*line)

    assert (done.code, done.err.splitlines()[0]) == (2, "error: no ftv4 repository here")
    assert "--repo" in done.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["ft", "card"])
def test_a_dataset_is_looked_for_here_then_in_the_repository(repository, ftv4, monkeypatch, command):
    plant(repository)
    (repository.root / "below").mkdir()
    monkeypatch.chdir(repository.root / "below")
    lines = {
        "ft": ("ft", "stage", "--stage", STAGE, "--suffix", "a", "--provider", "sandbox", "--dataset"),
        "card": ("card", "build", "--stage", STAGE, "--model", "openai:x", "--dataset"),
    }
    repository.write("below/mine.jsonl", repository.read_bytes("train/datasets/stage_synthesis.jsonl"))

    assert ftv4(*lines[command], "mine.jsonl").code == 0
    assert ftv4(*lines[command], "train/datasets/stage_synthesis.jsonl").code == 0
    refused = ftv4(*lines[command], ".")
    assert refused.code == 3
    assert "below: a folder, not a dataset" in refused.err


def test_a_model_is_named_so_that_it_can_be_copied(repository, person, ftv4):
    done = ftv4("promote", "--stage", STAGE, "--model", "ft:gpt:acme::abc")

    assert "write openai:ft:gpt:acme::abc or sandbox:ft:gpt:acme::abc" in done.err


def test_a_model_of_no_known_provider_is_a_matter_of_the_config(repository, person, ftv4):
    done = ftv4("promote", "--stage", STAGE, "--model", "evil:foo")

    assert done.code == 3
    assert "no provider evil in config/providers.json; there are openai, sandbox" in done.err


@pytest.mark.parametrize(
    "line",
    [
        ("ft", "stage", "--stage", STAGE, "--suffix", "a", "--provider", "nope"),
        ("ft", "list", "--provider", "nope"),
        ("ft", "follow", "ftjob-1", "--provider", "nope"),
        ("synth", "ship", "--provider", "nope"),
        ("gate", "train/datasets/stage_synthesis.jsonl", "--forecast", "--provider", "nope"),
        ("evals", "run", "--stage", STAGE, "--model", "nope:x"),
        ("card", "build", "--stage", STAGE, "--model", "nope:x"),
    ],
    ids=" ".join,
)
def test_a_provider_that_is_not_in_the_config_ends_every_command_alike(repository, ftv4, line):
    plant(repository)
    done = ftv4(*line)

    assert done.code == 3
    assert "no provider nope in config/providers.json; there are openai, sandbox" in done.err
    assert not repository.has("train/ops")


@pytest.mark.parametrize(
    "line",
    [
        ("ft", "stage", "--stage", STAGE, "--suffix", "a", "--dry-run=false"),
        ("ft", "follow", "ftjob-1"),
        ("evals", "run", "--stage", STAGE, "--model", "openai:x"),
        ("promote", "--stage", STAGE, "--model", "openai:x", "--dry-run"),
        ("synth", "ship", "--skip-runpacks", "--dry-run=false"),
    ],
    ids=" ".join,
)
def test_a_key_that_is_not_set_ends_every_command_alike(repository, ftv4, line):
    plant(repository)
    done = ftv4(*line)

    assert done.code == 2
    assert "OPENAI_API_KEY isn't set" in done.err


def test_a_model_name_that_is_too_long_is_called_that(repository, person, ftv4):
    done = ftv4("promote", "--stage", STAGE, "--model", "openai:" + "a" * 192)

    assert done.code == 2
    assert "longer than 191 characters" in done.err


@pytest.mark.parametrize("target", ["nope", "job_1"])
def test_what_is_neither_a_run_nor_a_job_is_not_asked_about(repository, ftv4, target):
    done = ftv4("ft", "follow", target)

    assert done.code == 2
    assert f"{target}: neither a run's folder nor a job's id" in done.err


def test_a_run_manifest_is_called_run_manifest(repository, ftv4):
    done = ftv4("card", "build", "--stage", STAGE, "--model", "openai:x", "--run-manifest", "README.md")

    assert done.code == 2
    assert "README.md: not a run's run_manifest.json" in done.err


def test_an_industry_without_packs_is_named(repository, ftv4):
    assert ftv4("synth", "packs", "--industries", "agency,saas_micro").code == 0
    done = ftv4("synth", "runpacks", "--industry", "nope")

    assert done.code == 2
    assert "--industry nope: no pack of it; there are agency, saas_micro" in done.err


@pytest.mark.parametrize("command", ["runpacks", "ship"])
def test_E6_what_fails_at_once_leaves_no_folder(repository, ftv4, command):
    assert ftv4("synth", "packs").code == 0
    repository.write(MODELS, "{")

    assert ftv4("synth", command).code == 3
    assert not repository.folders("train/ops/synth_ship")


def test_nothing_to_review_makes_no_pack(repository, ftv4):
    done = ftv4("curate")

    assert (done.code, done.out.splitlines()[0]) == (0, "nothing to review: no pack is written")
    assert json.loads(ftv4("curate", "--format", "json").out)["out_file"] is None
    assert not repository.has("train/curation")
