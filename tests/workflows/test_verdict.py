"""verdict.yml: main's code judges what a change would do, and says so once on the commit it judged."""

import json

import pytest

from tests.conftest import ROOT
from tests.workflow_run import MAIN
from tests.workflows.platform import DATASET
from tests.workflows.test_gate_preview import ROWS, spoiled

MODELS = "config/intelligence_v4.models.json"
POLICY, GATE = "config/intelligence_v4.policy.json", ".github/actions/gate/action.yml"
GOOD, BAD = b"".join(ROWS[:-2]), spoiled("sure")
BOTH = {"judge": "success", "report": "success"}
CONTEXT, MARKER = "ftv4/verdict", "<!-- ftv4:verdict -->"


def said(platform, pull):
    """The statuses of the head, and the comments, each with who wrote it."""
    repository = platform.forge.github()
    commit = repository.get_commit(pull.head.sha)
    statuses = [(one.creator.login, one.context, one.state) for one in commit.get_statuses()]
    comments = repository.get_pull(pull.number).get_issue_comments()
    return statuses, [(one.user.login, one.body) for one in comments]


@pytest.mark.parametrize(("app", "login"), [(True, "ftv4-bot"), (False, "github-actions")])
def test_a_sound_change_gets_a_status_and_a_comment_of_ours(platform, app, login):
    pull = platform.propose({DATASET: GOOD}, login="mallory")
    pull.create_issue_comment(f"{MARKER}\nall is well")
    happened = platform.previewed(pull.head.sha, app=app)
    statuses, (theirs, ours) = said(platform, pull)

    assert happened.jobs == BOTH
    assert list(happened.outputs["judge"]) == ["verdict"]
    assert statuses == [(login, CONTEXT, "success")]
    assert theirs == ("mallory", f"{MARKER}\nall is well")
    assert (ours[0], ours[1].startswith(MARKER), pull.head.sha[:12] in ours[1]) == (login, True, True)


def test_a_change_that_brings_its_own_gate_and_policy_is_judged_by_mains(platform):
    policy = json.loads((ROOT / POLICY).read_text())
    policy["training_diversity"]["min_total_rows"] = 0
    own = {DATASET: BAD, POLICY: json.dumps(policy).encode(), GATE: b"runs: {using: composite, steps: []}\n"}
    own["owned.txt"] = b"nobody lays this out\n"
    pull = platform.propose(own)
    happened = platform.previewed(pull.head.sha)
    statuses, ((_, comment),) = said(platform, pull)

    assert happened.jobs == BOTH
    assert [state for _, _, state in statuses] == ["failure"]
    assert POLICY in comment and GATE in comment
    assert not list(platform.folder.rglob("act/**/owned.txt"))


def test_a_pin_that_nobody_weighed_is_refused(platform):
    models = (ROOT / MODELS).read_bytes().replace(b"deterministic:quant-v1", b"openai:ft:mine", 1)
    pull = platform.propose({MODELS: models}, login="mallory")
    happened = platform.previewed(pull.head.sha)
    statuses, _ = said(platform, pull)

    assert happened.jobs == BOTH
    assert [state for _, _, state in statuses] == ["failure"]


def test_a_second_look_updates_the_one_comment(platform):
    pull = platform.propose({DATASET: BAD})
    platform.previewed(pull.head.sha, app=True)
    pull = platform.push_to("topic", {DATASET: GOOD}, pull)
    happened = platform.dispatch("verdict", {"pr": str(pull.number)}, app=True)
    statuses, ((_, comment),) = said(platform, pull)

    assert happened.jobs == BOTH
    assert [state for _, _, state in statuses] == ["success"]
    assert pull.head.sha[:12] in comment


def test_the_merge_queue_gets_a_status_and_no_comment(platform):
    pull = platform.propose({DATASET: GOOD})
    queue = f"gh-readonly-queue/main/pr-{pull.number}-{platform.main}"
    platform.git("update-ref", f"refs/heads/{queue}", pull.head.sha)
    happened = platform.previewed(pull.head.sha, event="merge_group", branch=queue)
    statuses, comments = said(platform, pull)

    assert happened.jobs == BOTH
    assert [state for _, _, state in statuses] == ["success"]
    assert comments == []


def test_where_there_is_nothing_to_judge_nothing_is_said(platform):
    happened = platform.previewed("0" * 40)

    assert happened.jobs == {"judge": "success"}
    assert platform.forge.asked("POST") == []
    assert "No verdict" in happened.summaries["judge"]


@pytest.mark.parametrize(
    ("inputs", "ref"),
    [({"pr": "1"}, "refs/heads/feature"), ({"pr": "$(touch owned)"}, MAIN), ({}, MAIN)],
)
def test_a_dispatch_that_is_not_for_us_says_nothing(platform, inputs, ref):
    happened = platform.dispatch("verdict", inputs, ref=ref)

    assert happened.jobs == {"judge": "failure"}
    assert platform.forge.asked() == []


@pytest.mark.parametrize("status", [403, 502])
def test_a_forge_that_is_away_leaves_the_change_without_a_verdict(platform, status):
    pull = platform.propose({DATASET: GOOD})
    written = platform.forge.asked("POST")
    platform.forge.fail("reject", path="/pulls", status=status, times=9)
    happened = platform.previewed(pull.head.sha)

    assert happened.jobs == {"judge": "failure"}
    assert "Traceback" not in happened.log
    assert platform.forge.asked("POST") == written
