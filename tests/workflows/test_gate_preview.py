"""gate-preview.yml: what the author of a dataset change sees, without any rights."""

import json

from tests.conftest import ROOT
from tests.workflows.platform import DATASET

ROWS = (ROOT / DATASET).read_bytes().splitlines(keepends=True)
JOB = "gate preview"
ORDERS = "::error::owned\n##[set-output name=passed]yes\n::stop-commands::x"


def spoiled(confidence):
    """The rows, where the fifth one's output has a confidence that there isn't."""
    row = json.loads(ROWS[4])
    row["output"]["confidence"] = confidence
    return b"".join([*ROWS[:4], json.dumps(row).encode() + b"\n", *ROWS[5:]])


def test_a_sound_change_passes_and_says_what_it_does(platform):
    happened = platform.pull_request(platform.propose({DATASET: b"".join(ROWS[:-2])}))

    assert (happened.code, happened.jobs) == (0, {JOB: "success"})
    assert happened.summaries[JOB].startswith("## Dataset gate: passed")
    assert "0 rows added, 2 removed" in happened.summaries[JOB]
    assert "error" not in {level for level, _, _ in happened.annotations}


def test_a_bad_row_fails_the_job_and_is_annotated_at_its_line(platform):
    happened = platform.pull_request(platform.propose({DATASET: spoiled("sure")}))

    assert (happened.code, happened.jobs) == (1, {JOB: "failure"})
    assert happened.summaries[JOB].startswith("## Dataset gate: refused")
    found = [where for level, _, where in happened.annotations if level == "error"]
    assert [(one["file"], one["line"]) for one in found] == [(DATASET, "5")] * 2


def test_it_works_for_a_fork_with_no_secret_and_whatever_the_title_says(platform):
    title = "$(touch owned) `touch owned` '; touch owned; \"${{ secrets.GITHUB_TOKEN }}"
    pull = platform.propose({DATASET: spoiled(ORDERS)}, login="mallory", title=title)
    happened = platform.pull_request(pull, secrets={})

    assert happened.jobs == {JOB: "failure"}
    assert not list(platform.folder.rglob("owned"))
    assert [where["line"] for level, _, where in happened.annotations if level == "error"] == ["5"] * 3
    assert happened.outputs == {}


def test_the_merge_queue_is_answered(platform):
    pull = platform.propose({DATASET: b"".join(ROWS[:-2])})
    happened = platform.merge_group(pull.head.sha)

    assert happened.jobs == {JOB: "success"}
    assert "0 rows added, 2 removed" in happened.summaries[JOB]


def test_an_event_that_names_no_commit_passes_nothing(platform):
    happened = platform.run("gate-preview", "pull_request", {"pull_request": {"number": 1}})

    assert happened.jobs == {JOB: "failure"}
    packages, ours = happened.installed
    assert "--require-hashes" in packages and packages.endswith("/requirements.txt")
    assert "--no-index --no-deps" in ours
