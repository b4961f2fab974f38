"""A paid run in Actions, and who has to approve it (threat 24)."""
# ruff: noqa: F811

import json
import re

import pytest

from tests.cli.test_ft import LIVE
from tests.conftest import ROOT
from tests.provider_sandbox import _provider, sandbox  # noqa: F401

POLICY = "config/intelligence_v4.policy.json"
WORKFLOW = ".github/workflows/finetune.yml"
ASKED = (*LIVE, "--stage", "synthesis_decision", "--follow=false", "--format", "json", "--suffix")


@pytest.fixture
def forge(hosted, sandbox):
    """The forge whose main has our form; the provider is beside it."""
    hosted.push({WORKFLOW: (ROOT / WORKFLOW).read_bytes()}, "main")
    return hosted.sandbox


@pytest.fixture
def buy(forge, hosted, ftv4, sandbox):
    """Ask for a paid run from within a run of the workflow."""
    suffix = sandbox.fresh()

    def ask(run):
        hosted.job.dispatched().set(GITHUB_RUN_ID=run)
        return ftv4(*ASKED, suffix)

    return ask


@pytest.fixture
def policy(hosted):
    def say(**members):
        path = hosted.checkout.folder / POLICY
        path.write_text(json.dumps(json.loads(path.read_text()) | members))

    return say


def test_threat_24_a_run_that_somebody_else_approved_is_bought(forge, buy, sandbox):
    run = forge.started(by="ada")
    forge.review(run, "grace")
    done = buy(run)

    assert (done.code, json.loads(done.out)["paid"]) == (0, True), done.err
    assert sandbox.jobs_made() == 1


NOT_ENOUGH = {
    "nobody": [],
    "who asked for it": [{"login": "ada"}],
    "who said no": [{"login": "grace", "state": "rejected"}],
    "for another environment": [{"login": "grace", "environment": "ftv4-eval"}],
}


@pytest.mark.parametrize("reviews", NOT_ENOUGH.values(), ids=NOT_ENOUGH)
def test_threat_24_without_somebody_elses_approval_nothing_is_sent(forge, buy, sandbox, reviews):
    run, other = forge.started(), forge.started()
    forge.review(other, "grace")
    for review in reviews:
        forge.review(run, **review)
    done = buy(run)

    assert (done.code, sandbox.asked()) == (4, [])
    assert "approved this workflow run in ftv4-paid; nothing was sent" in done.err
    assert ("nobody but who asked for it" in done.err) == (reviews == NOT_ENOUGH["who asked for it"])
    assert "Required reviewers, Prevent self-review" in done.err


def test_who_starts_a_run_again_has_not_approved_it(forge, buy, sandbox):
    run = forge.started(by="ada")
    forge.review(run, "grace")
    grace = forge.github("grace").requester.requestJson("GET", "/user")[2]
    path = f"/actions/runs/{run}"
    forge.fail("alter", "GET", path, fields={"triggering_actor": json.loads(grace)}, times=1)

    assert (buy(run).code, sandbox.asked()) == (4, [])


@pytest.mark.parametrize(
    ("answer", "said"),
    [({"status": 403}, '"actions: read"'), ({"status": 404}, "404"), ({"status": 503}, "503")],
)
def test_a_forge_that_does_not_tell_lets_nothing_be_sent(forge, buy, sandbox, answer, said):
    run = forge.started()
    forge.review(run, "grace")
    forge.fail("reject", "GET", "/approvals", times=9, **answer)
    done = buy(run)

    assert (done.code, sandbox.asked()) == (5, [])
    assert said in done.err


@pytest.mark.parametrize("number", ["", "1/../2", "x"])
def test_a_run_without_a_number_buys_nothing(buy, sandbox, number):
    done = buy(number)

    assert (done.code, sandbox.asked()) == (2, [])
    assert "GITHUB_RUN_ID" in done.err


def test_the_policy_can_say_that_nobody_else_has_to_approve(forge, buy, policy, sandbox):
    policy(approval="none")

    assert (buy(forge.started()).code, sandbox.jobs_made()) == (0, 1)


def test_or_that_a_merged_request_is_the_approval(forge, hosted, buy, policy, sandbox):
    policy(approval="merged_request")
    run = forge.started()
    forge.review(run, "grace")
    refused = buy(run)

    assert (refused.code, sandbox.asked()) == (4, [])
    path = refused.err.partition(": nobody has merged this request")[0].removeprefix("error: ")
    request = json.loads(re.search(r"\{.*\}", refused.err)[0])
    assert path == f"train/requests/{request['run_key']}.json"

    file = hosted.checkout.folder / path
    file.parent.mkdir()
    for wrong in ({"stage": "blue_ocean"}, {"run_key": "0" * 64}, {"by": "ada"}):
        file.write_text(json.dumps(request | wrong))
        assert (buy(run).code, sandbox.asked()) == (3, [])

    file.write_text(json.dumps(request))
    assert (buy(run).code, sandbox.jobs_made()) == (0, 1)


def test_outside_of_a_workflow_run_whoever_has_the_key_decides(hosted, ftv4, sandbox):
    hosted.job.set(GITHUB_ACTIONS="")

    assert (ftv4(*ASKED, sandbox.fresh()).code, sandbox.jobs_made()) == (0, 1)
