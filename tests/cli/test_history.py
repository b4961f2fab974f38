import json
import subprocess

import pytest

from ftv4.documents import MODELS
from tests.cli.test_promote import GOOD, STAGE, forge, git, promote, ready  # noqa: F401
from tests.cli.test_rollback import FIRST, back, pin


def told(ftv4, *flags, stage=STAGE):
    done = ftv4("history", "--stage", stage, *flags, "--format", "json")
    assert done.code == 0, done.err
    return json.loads(done.out)["served"]


def commit(repository, message):
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", message)


@pytest.fixture
def past(ready, promote, ftv4):  # noqa: F811
    """A start, a promotion, a rollback, a hand's edit, and a revert of it."""
    promote()
    commit(ready, "promote")
    assert back(ftv4, to="previous", reason="too slow: `x`")[0] == 0
    commit(ready, "roll back")
    pin(ready, "sandbox:typed", "by hand")
    git(ready, "revert", "--no-edit", "HEAD")
    return ready


def test_who_served_when_and_why(past, ftv4):
    found = told(ftv4)

    assert [(one["model_id"], one["how"]) for one in found] == [
        (FIRST, "revert"),
        ("sandbox:typed", "edit"),
        (FIRST, "rollback"),
        (GOOD, "promotion"),
        (FIRST, "start"),
    ]
    assert [one["until"] for one in found] == [None, *(one["since"] for one in found[:-1])]
    assert found[2]["reason"] == "too slow\\u003a `x`"
    assert found[3]["report_path"].startswith("train/promotion/reports/")
    assert found[3]["overrides"] == {}
    assert found[4]["overrides"]["hvac"] == "deterministic:synthesis-hvac-v1"
    assert {one["by"] for one in found} == {"ada@example.org"}
    assert found[0]["commit"] == git(past, "rev-parse", "HEAD").strip()


def test_every_stage_is_told_without_one(past, ftv4):
    done = ftv4("history")

    assert done.code == 0
    for stage in ("quant_signals", "emyth_owner_load", "competitive_lens", "blue_ocean", STAGE):
        assert f"\n{stage}" in f"\n{done.out}"
    assert "edited by hand, with no record of why" in done.out
    assert "because too slow" in done.out


def test_an_overrides_change_is_a_change_of_who_serves(past, ftv4):
    config = past.read_json(MODELS)
    config["industry_overrides"]["hvac"][STAGE]["model_id"] = "deterministic:core-v1"
    past.write(MODELS, json.dumps(config))
    commit(past, "by hand")
    newest = told(ftv4)[0]

    assert (newest["how"], newest["overrides"]["hvac"]) == ("edit", "deterministic:core-v1")


def test_what_does_not_change_who_serves_is_not_told(past, ftv4):
    before = told(ftv4)
    pin(past, FIRST, "warmer", temperature=0.7)

    assert told(ftv4) == before


def test_a_merge_counts_when_it_was_merged_and_not_what_was_tried_on_its_branch(past, ftv4):
    git(past, "checkout", "-q", "-b", "side")
    pin(past, "sandbox:first-try", "try")
    pin(past, "sandbox:second-try", "try again")
    git(past, "checkout", "-q", "main")
    git(past, "merge", "-q", "--no-ff", "-m", "merge", "side")
    found = told(ftv4)

    assert [one["model_id"] for one in found[:2]] == ["sandbox:second-try", FIRST]
    assert found[0]["commit"] == git(past, "rev-parse", "HEAD").strip()


def test_the_history_of_another_revision(past, ftv4):
    assert [one["how"] for one in told(ftv4, "--rev", "HEAD~3")] == ["promotion", "start"]


def test_a_state_that_cannot_be_read_served_nobody(past, ftv4):
    text = past.read_bytes(MODELS)
    past.write(MODELS, text[:100])
    commit(past, "broken")
    past.write(MODELS, text)
    commit(past, "mended")

    assert told(ftv4)[0]["how"] == "revert"
    assert len(told(ftv4)) == 5


def test_words_of_strangers_do_nothing(ready, ftv4):  # noqa: F811
    config = ready.read_json(MODELS)
    config["stages"][STAGE] |= {"model_id": "sandbox:x"}
    ready.write(MODELS, json.dumps(config))
    git(ready, "config", "user.email", "::error::x@example.org")
    commit(ready, "##[error]")
    out = ftv4("history", "--stage", STAGE).out

    assert "::error" not in out
    assert "edited by hand" in out


def test_a_shallow_clone_says_what_it_lacks(past, ftv4, tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("shallow")
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{past.root}", folder], check=True)
    monkeypatch.chdir(folder)
    done = ftv4("history")

    assert done.code == 4
    assert "shallow" in done.err


def test_without_a_models_json_nobody_served(repository, ftv4):
    repository.path(MODELS).unlink()
    git(repository, "init", "-q")
    git(
        repository,
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@example.org",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "x",
    )

    assert told(ftv4) == []
