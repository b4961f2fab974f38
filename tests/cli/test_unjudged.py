"""`ftv4 ops reconcile --unjudged`: whose verdict got lost is found, and judged as any other."""

import json

import pytest

from ftv4.steps import unjudged
from ftv4.steps.handover import unpack
from tests.encode.runner import outputs
from tests.hosted import BAD, CONTEXT, GOOD, SYNTHESIS

LATER = "2026-11-22T23:00:00+00:00"
"""When nothing has happened for hours."""
CLOCK = {"repository": None}
"""What the event of a schedule says of the repository."""


@pytest.fixture
def round_(hosted, ftv4):
    """One look; the numbers that it found, and those that it hands to the next job."""

    def look(at=LATER, code=0):
        hosted.job.by("schedule", **CLOCK).set(FTV4_NOW=at)
        hosted.job.output.write_text("")
        done = ftv4("ops", "reconcile", "--do=follow", "--unjudged", "--format=json")
        assert done.code == code, done.err
        handed = outputs(hosted.job.output.read_text()).get("unjudged", "[]")
        return json.loads(done.out)["unjudged"], json.loads(handed)

    return look


def waiting(hosted, count):
    """So many pull requests."""
    return [hosted.open({SYNTHESIS: GOOD, "n.md": b"%d" % n}, f"topic-{n}").number for n in range(count)]


def judged(hosted, number):
    hosted.sandbox.forge().status(hosted.pull(number).head.sha, CONTEXT, "failure", "refused")


def test_a_head_without_a_verdict_is_found_until_it_has_one(hosted, round_):
    young = hosted.open({SYNTHESIS: GOOD})
    minutes = unjudged.QUIET.seconds // 60
    at = young.updated_at.replace(minute=young.updated_at.minute + minutes)
    assert round_(at.replace(second=0, minute=at.minute - 1).isoformat()) == ([], [])
    assert round_(at.isoformat()) == ([1], [1])

    judged(hosted, 1)
    assert round_() == ([], [])
    hosted.push({SYNTHESIS: BAD})
    assert round_() == ([1], [1])
    hosted.pull().edit(state="closed")
    assert round_() == ([], [])


def test_what_asks_for_another_branch_waits_for_no_verdict(hosted, round_):
    hosted.push({"n.md": b"1"}, "next")
    hosted.open({SYNTHESIS: GOOD}, base="next")

    assert round_() == ([], [])


def test_it_is_bounded_and_one_that_cannot_be_judged_keeps_no_other_waiting(hosted, round_):
    numbers = waiting(hosted, unjudged.MOST + 2)
    rounds = [round_(f"2026-11-22T{hour}:00:00+00:00")[0] for hour in range(13, 20)]

    assert {len(found) for found in rounds} == {unjudged.MOST}
    assert all(found == sorted(found) for found in rounds)
    assert {number for found in rounds for number in found} == set(numbers)


def test_a_round_writes_nothing_and_its_calls_are_few(hosted, round_, monkeypatch):
    """Whatever is open: a page of pull requests, and as many heads as are looked at."""
    monkeypatch.setattr(unjudged, "LOOKS", 3)
    for number in waiting(hosted, 5):
        judged(hosted, number)
    before = len(hosted.sandbox.asked())

    assert round_() == ([], [])

    asked = [line.split()[0] for line in hosted.sandbox.asked()[before:] if ".git/" not in line]
    assert asked == ["GET"] * (1 + 3)


def test_a_forge_that_is_away_makes_the_round_red_and_nothing_is_handed_over(hosted, round_):
    waiting(hosted, 1)
    hosted.sandbox.fail("reject", path="/statuses", status=502, times=9)

    assert round_(code=5) == ([], [])


# the verdict on what was found


@pytest.mark.parametrize("kind", ["schedule", "push", "workflow_dispatch"])
def test_it_is_judged_and_reported_as_by_its_own_event(hosted, kind):
    pull = hosted.open({SYNTHESIS: BAD})
    hosted.job.by(kind, **CLOCK if kind == "schedule" else {}).set(FTV4_PULL=1)

    done, word = hosted.judged()

    assert done.code == 0, done.err
    assert (unpack(word).pull, unpack(word).head) == (1, pull.head.sha)
    assert hosted.report(word).code == 0
    assert hosted.statuses(pull.head.sha)[0][:2] == (CONTEXT, "failure")
    assert len(hosted.comments()) == 1


def test_a_verdict_on_another_pull_request_than_was_found_is_not_written(hosted):
    """The number passes by the job that found it, never by the one that sees a stranger's bytes."""
    pull = hosted.open({SYNTHESIS: BAD})
    hosted.open({SYNTHESIS: GOOD}, "other")
    word = hosted.word(pull.head.sha)
    hosted.job.by("schedule", **CLOCK).set(FTV4_PULL=2)
    before = hosted.writes()

    assert hosted.report(word).code == 3
    assert hosted.writes() == before


@pytest.mark.parametrize("number", ["0", "1; id", "$(id)", "[1]"])
def test_what_is_no_number_is_not_judged(hosted, number):
    hosted.job.by("schedule", **CLOCK).set(FTV4_PULL=number)

    assert hosted.judged()[0].code == 2
