"""From a dataset change to a merged promotion, and what stops on the way, by workflows alone."""

import json
from datetime import UTC, datetime
from urllib.request import Request, urlopen

from ftv4.clock import iso
from ftv4.steps.unjudged import QUIET
from tests.workflows.platform import DATASET
from tests.workflows.test_gate_preview import ROWS
from tests.workflows.test_verdict import said

ASKED = {"stage": "quant_signals", "suffix": "act", "provider": "openai", "dry_run": "false"}
MODELS = "config/intelligence_v4.models.json"
TRAINED = 3600
"""Seconds after which a job has ended."""
JUDGED = ("verdict/judge", "verdict/report")
FOLLOW, EVALUATE, PROPOSE = "follow", "evaluate/evaluate", "promote/propose what waits"


def pinned(platform):
    return json.loads(platform.read("main", MODELS))["stages"]["quant_signals"]["model_id"]


def trained(platform, **inputs):
    """A run is bought, and its job ends."""
    bought = platform.dispatch("finetune", ASKED | inputs, app=True)
    platform.provider.ahead += TRAINED
    return bought


def accepted(platform, pull):
    """Both looks at a pull request are content, and a person merges it."""
    preview = platform.pull_request(pull)
    verdict = platform.previewed(pull.head.sha, app=True)
    statuses, _ = said(platform, pull)

    assert (preview.code, verdict.code) == (0, 0), preview.log + verdict.log
    assert statuses == [("ftv4-bot", "ftv4/verdict", "success")]
    platform.forge.github().get_pull(pull.number).merge()


def upside_down(line):
    """A row whose output takes what falls for rising, and little for much."""
    row = json.loads(line)
    del row["approval"]  # it is for the output as it was
    other = {"up": "down", "down": "up", "low": "high", "high": "low", "medium": "high"}
    for signal in row["output"]["signals"]:
        signal |= {name: other.get(signal[name], signal[name]) for name in ("direction", "value_bucket")}
        signal["confidence"] = "low"
    row["output"] |= {"anomalies": [], "patterns": row["output"]["patterns"][-1:], "confidence": "low"}
    return json.dumps(row).encode() + b"\n"


def written(platform):
    """All that the forge and its repository keep."""
    posts = [line for line in platform.forge.asked("POST") if "git-upload-pack" not in line]
    return posts, platform.git("for-each-ref")


def test_from_a_dataset_change_to_a_merged_promotion(platform):
    accepted(platform, platform.propose({DATASET: b"".join(ROWS[:-2])}))

    assert trained(platform).jobs == {"plan": "success", "launch": "success"}
    round_ = platform.tick(app=True)
    (proposal,) = platform.forge.github().get_pulls(state="open")

    assert round_.jobs == {FOLLOW: "success", EVALUATE: "success", PROPOSE: "success"}
    assert "| `evaluated` | `evaluated: IMPROVED` |" in round_.summaries[EVALUATE]
    assert proposal.user.login == "ftv4-bot"

    assert platform.tick(app=True).jobs == {FOLLOW: "success"}  # its event may still be on its way
    later = {"app": True, "FTV4_NOW": iso(datetime.now(UTC) + QUIET)}
    judged = platform.tick(**later)

    assert judged.jobs == {FOLLOW: "success", **dict.fromkeys(JUDGED, "success")}
    assert f"pull request {proposal.number}: waits for a verdict" in judged.summaries[FOLLOW]
    statuses, ((author, comment),) = said(platform, proposal)
    assert statuses == [("ftv4-bot", "ftv4/verdict", "success")]
    assert (author, "Verified: a promotion" in comment) == ("ftv4-bot", True)

    before = written(platform)
    assert platform.tick(**later).jobs == {FOLLOW: "success"}
    assert written(platform) == before

    proposal.merge()
    assert pinned(platform).startswith("openai:ft:gpt-4o-mini-2024-07-18:ftv4-sandbox:act:")
    assert platform.push(app=True).jobs == {FOLLOW: "success"}
    assert platform.provider.jobs_made() == 1


def test_a_candidate_that_learned_the_wrong_answers_is_not_proposed(platform):
    person = platform.forge.checkout()
    person.push({DATASET: b"".join(map(upside_down, ROWS))})
    trained(platform)
    round_ = platform.tick()

    assert round_.jobs == {FOLLOW: "success", EVALUATE: "success"}
    assert "verdict REGRESSED" in round_.summaries[EVALUATE]
    assert list(platform.forge.github().get_pulls(state="all")) == []
    assert pinned(platform) == "deterministic:quant-v1"
    assert platform.tick().jobs == {FOLLOW: "success"}


def test_a_provider_that_is_away_makes_the_round_red_and_changes_nothing(platform):
    trained(platform)
    before = written(platform)
    platform.provider.fail("reject", method="GET", status=503, times=99)
    round_ = platform.tick()

    assert round_.jobs == {FOLLOW: "failure"}
    assert "Traceback" not in round_.log
    assert written(platform) == before


def test_a_model_named_by_hand_is_weighed_and_proposed(platform):
    trained(platform)
    request = Request(f"{platform.provider.url}/v1/fine_tuning/jobs", headers={"Authorization": "Bearer any"})
    with urlopen(request) as answer:
        (job,) = json.load(answer)["data"]
    asked = {"stage": "quant_signals", "model": f"openai:{job['fine_tuned_model']}"}
    happened = platform.dispatch("promote", asked)
    (proposal,) = platform.forge.github().get_pulls(state="open")

    assert happened.jobs == {"propose one": "success"}
    assert proposal.user.login == "github-actions"


def test_a_model_named_by_hand_is_weighed_and_refused(platform):
    asked = {"stage": "quant_signals", "model": "openai:gpt-4o-mini-2024-07-18"}
    happened = platform.dispatch("promote", asked, app=True)

    assert happened.jobs == {"propose one": "failure"}
    assert happened.summaries["propose one"].startswith("## Blocked: `openai:gpt-4o-mini-2024-07-18`")
    assert list(platform.forge.github().get_pulls(state="all")) == []


def test_a_model_that_served_before_comes_back_by_a_pull_request(platform):
    person = platform.forge.checkout()
    text = (person.folder / MODELS).read_text()
    person.push({MODELS: text.replace("deterministic:quant-v1", "openai:gpt-4o-mini-2024-07-18").encode()})
    reason = "worse in the $(touch owned) field"
    happened = platform.dispatch(
        "rollback", {"stage": "quant_signals", "to": "previous", "reason": reason}, app=True
    )
    (proposal,) = platform.forge.github().get_pulls(state="open")

    assert happened.jobs == {"rollback": "success"}
    accepted(platform, proposal)
    assert pinned(platform) == "deterministic:quant-v1"
    assert not list(platform.folder.rglob("owned"))


def test_a_rollback_to_a_model_that_never_served_is_refused(platform):
    asked = {"stage": "quant_signals", "to": "openai:gpt-4o-mini-2024-07-18", "reason": "why not"}
    happened = platform.dispatch("rollback", asked, app=True)

    assert happened.jobs == {"rollback": "failure"}
    assert platform.forge.asked("POST") == []
