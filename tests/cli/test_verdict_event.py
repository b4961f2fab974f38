"""What starts `ftv4 verdict`: an event that says too little, or something else, leads to no request."""

import pytest

from ftv4.encode import for_log
from tests.workflow_run import REPOSITORY, REPOSITORY_ID, WorkflowRun

NOWHERE = "http://127.0.0.1:9"
"""Where nobody answers: who asks there all the same ends with 5."""
QUEUED = {
    "head_sha": "0" * 40,
    "event": "merge_group",
    "head_branch": f"gh-readonly-queue/main/pr-1-{'0' * 40}",
}
both = pytest.mark.parametrize("command", ["judge", "report"])


@pytest.fixture
def job(tmp_path, monkeypatch, repository):
    made = WorkflowRun(tmp_path / "runner", monkeypatch.setenv)
    made.set(GITHUB_SERVER_URL=NOWHERE, GITHUB_API_URL=NOWHERE, GITHUB_TOKEN="t", FTV4_VERDICT="x")
    return made


@both
@pytest.mark.parametrize("field", ["head_sha", "event", "head_branch"])
def test_an_event_without_its_fields_is_refused_by_the_fields_name(job, ftv4, command, field):
    job.by("workflow_run", workflow_run={name: QUEUED[name] for name in QUEUED if name != field})
    done = ftv4("verdict", command)

    assert done.code == 2
    assert f"the event says no workflow_run.{field}" in done.err


@both
@pytest.mark.parametrize("event", [{}, {"workflow_run": []}, {"workflow_run": None}], ids=str)
def test_an_event_without_a_run_is_refused(job, ftv4, command, event):
    assert ftv4("verdict", command, job.by("workflow_run", **event) and "--format=json").code == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"head_sha": "main"},
        {"head_sha": "--upload-pack=x"},
        {"head_sha": "0" * 39},
        {"head_sha": 7},
        {"event": "push"},
        {"event": "pull_request_target"},
        {"head_branch": "main"},
        {"head_branch": f"gh-readonly-queue/next/pr-1-{'0' * 40}"},
        {"head_branch": f"gh-readonly-queue/main/pr-1-{'0' * 40}:refs/heads/main"},
        {"head_branch": "../x"},
        {"head_branch": ""},
    ],
    ids=str,
)
def test_an_event_that_names_no_commit_of_a_pull_request_is_refused(job, ftv4, changed):
    job.by("workflow_run", workflow_run=QUEUED | changed)

    assert ftv4("verdict", "judge").code == 2


@pytest.mark.parametrize(
    "pr", ["", "0", "-1", "1; id", "$(id)", "1\n2", "1e3", "9" * 10, "\uff11", None, 1.5]
)
def test_what_is_no_number_is_refused(job, ftv4, pr):
    job.dispatched(pr=pr)
    done = ftv4("verdict", "judge")

    assert done.code == 2
    assert "not the number of a pull request" in done.err


@both
@pytest.mark.parametrize("kind", ["pull_request", "pull_request_target", "push", "schedule", "issue_comment"])
def test_no_other_event_is_judged_or_reported(job, ftv4, command, kind):
    job.by("workflow_run", workflow_run=QUEUED).set(GITHUB_EVENT_NAME=kind)

    assert ftv4("verdict", command).code == 4


@both
def test_no_other_branchs_workflow_judges_or_reports(job, ftv4, command):
    job.by("workflow_run", workflow_run=QUEUED)
    job.set(GITHUB_WORKFLOW_REF=f"{REPOSITORY}/.github/workflows/verdict.yml@refs/heads/evil")

    assert ftv4("verdict", command).code == 4


@pytest.mark.parametrize(("word", "code"), [("", 2), ("x", 3), ("$(id)", 3)])
def test_what_is_no_verdict_is_refused(job, ftv4, word, code):
    job.by("workflow_run", workflow_run=QUEUED).set(FTV4_VERDICT=word)

    assert ftv4("verdict", "report").code == code


def test_what_a_stranger_put_into_the_event_is_shown_and_obeyed_by_nobody(job, ftv4):
    hostile = "::error::##[x]\u202e"
    for event in ({"workflow_run": QUEUED | {"event": hostile}}, {"inputs": {"pr": hostile}}):
        job.by("workflow_run" if "workflow_run" in event else "workflow_dispatch", **event)
        done = ftv4("verdict", "judge")

        assert done.code == 2
        assert for_log(hostile) in done.err


@pytest.mark.parametrize("queue", ["v1.0", "v1x0"])
def test_a_default_branch_is_a_name_and_no_pattern(job, ftv4, queue):
    main, about = "refs/heads/v1.0", {"id": REPOSITORY_ID, "full_name": REPOSITORY, "default_branch": "v1.0"}
    run = QUEUED | {"head_branch": f"gh-readonly-queue/{queue}/pr-1-{'0' * 40}"}
    job.by("workflow_run", workflow_run=run, repository=about)
    job.set(GITHUB_REF=main, GITHUB_WORKFLOW_REF=f"{REPOSITORY}/.github/workflows/verdict.yml@{main}")

    assert ("is no branch of the merge queue for v1.0" in ftv4("verdict", "judge").err) == (queue == "v1x0")
