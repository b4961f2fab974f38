"""`ftv4 verdict report`: one status on the judged commit, one comment for life, whatever comes between."""

import pytest

from tests.hosted import BAD, BOT, CONTEXT, GOOD, MARKER, STRANGER, SYNTHESIS
from tests.workflow_run import REPOSITORY_ID

PASSED = {"passed": True, "errors": 0, "first": ""}


@pytest.fixture
def head(hosted):
    """The head of an open pull request."""
    return hosted.open({SYNTHESIS: BAD}).head.sha


def test_whatever_the_first_error_is_it_stays_one_line_that_nobody_obeys(hosted, head):
    hosted.report(hosted.word(head, first="x:1: `@team` <img src=x>\n# Passed"))
    ((_, comment),) = hosted.comments()
    lines = comment.splitlines()

    assert lines[1].startswith("## ❌ Verdict: refused")
    assert lines[3].startswith("`x:1: ")
    assert lines[3].endswith("Passed`")
    assert not any(sign in comment for sign in ("@", "<img", "\n# "))


def test_the_next_report_rewrites_the_same_comment(hosted, head):
    for _ in range(2):
        assert hosted.report(hosted.word(head)).code == 0
    second = hosted.push({SYNTHESIS: GOOD})
    assert hosted.report(hosted.word(second, **PASSED)).code == 0

    ((login, comment),) = hosted.comments()
    assert (login, second in comment, head in comment) == (BOT, True, False)
    assert hosted.statuses(second) == [(CONTEXT, "success", "passed: 0 errors, 0 warnings")]


def test_threat_37_somebody_elses_comment_with_our_marker_is_left_alone(hosted, head):
    spoof = f"{MARKER}\n## ✅ Verdict: passed"
    hosted.sandbox.github(STRANGER).get_pull(1).create_issue_comment(spoof)
    hosted.report(hosted.word(head))

    theirs, ours = hosted.comments()
    assert theirs == (STRANGER, spoof)
    assert ours[0] == BOT
    assert "refused" in ours[1]


@pytest.mark.parametrize("kind", ["drop", "accept_then_drop", "malformed"])
def test_threat_38_whatever_answers_are_lost_there_is_one_comment(hosted, head, kind):
    word = hosted.word(head)
    for path in ("/comments$", "/statuses/", "/graphql$"):
        hosted.sandbox.fail(kind, "POST", path)
        hosted.report(word)
    done = hosted.report(word)

    assert done.code == 0, done.err
    assert len(hosted.comments()) == 1
    assert {state for _, state, _ in hosted.statuses(head)} == {"failure"}


def test_threat_6_a_head_that_moved_is_not_vouched_for(hosted, head):
    word, moved = hosted.word(head, **PASSED), hosted.push({SYNTHESIS: GOOD})
    done = hosted.report(word)

    assert done.code == 0
    assert hosted.statuses(head)[0][1] == "success"
    assert hosted.statuses(moved) == []
    ((_, comment),) = hosted.comments()
    assert "This is not the newest commit" in comment


def test_a_late_report_does_not_take_the_place_of_a_newer_one(hosted, head):
    moved = hosted.push({SYNTHESIS: GOOD})
    hosted.report(hosted.word(moved, **PASSED))
    before = hosted.comments()
    done = hosted.report(hosted.word(head))

    assert (done.code, hosted.statuses(head)[0][1]) == (0, "failure")
    assert hosted.comments() == before


def test_a_pull_request_that_was_closed_meanwhile_gets_no_comment(hosted, head):
    word = hosted.word(head)
    hosted.pull().edit(state="closed")
    done = hosted.report(word)

    assert done.code == 0
    assert "closed meanwhile" in done.out
    assert hosted.comments() == []


def test_a_comment_is_brought_up_to_date_when_nothing_is_left_to_judge(hosted, head):
    nothing = {"touches": (), **PASSED, "page": ""}
    hosted.report(hosted.word(head, **nothing))
    assert hosted.comments() == []
    hosted.report(hosted.word(head))
    hosted.report(hosted.word(head, **nothing))

    ((_, comment),) = hosted.comments()
    assert "nothing to judge" in comment


@pytest.mark.parametrize("status", [403, 404, 422, 502])
@pytest.mark.parametrize(
    ("path", "permission"),
    [("/statuses/", "statuses: write"), ("/issues/1/comments", "pull-requests: write")],
)
def test_a_refusal_of_one_does_not_keep_the_other_from_being_written(hosted, head, status, path, permission):
    hosted.sandbox.fail("reject", "POST", path, status=status, times=9)
    done = hosted.report(hosted.word(head))

    assert done.code == 5
    assert f"the forge answered {status}" in done.err
    assert (permission in done.err) == (status == 403)
    assert bool(hosted.statuses(head)) == (path != "/statuses/")
    assert bool(hosted.comments()) == (path == "/statuses/")


def test_a_token_that_opens_nothing_is_told_so(hosted, head):
    hosted.job.set(GITHUB_TOKEN="ghs_none")
    done = hosted.report(hosted.word(head))

    assert done.code == 5
    assert done.err.count("set GITHUB_TOKEN") == 2
    assert "ghs_none" not in done.err


@pytest.mark.parametrize("others", [{"head": "0" * 40}, {"repository_id": REPOSITORY_ID + 1}], ids=str)
def test_a_verdict_on_something_else_than_this_run_is_not_written(hosted, head, others):
    word, before = hosted.word(**{"head": head} | others), hosted.writes()
    hosted.previewed(head)
    done = hosted.report(word)

    assert done.code == 3
    assert "about another" in done.err
    assert hosted.writes() == before


def test_a_verdict_on_another_pull_request_than_was_asked_for_is_not_written(hosted, head):
    word, before = hosted.word(head), hosted.writes()
    hosted.job.dispatched(pr="2")
    assert hosted.report(word).code == 3
    hosted.previewed(head, "merge_group", f"gh-readonly-queue/main/pr-1-{'0' * 40}")
    assert hosted.report(word).code == 3

    assert hosted.writes() == before
