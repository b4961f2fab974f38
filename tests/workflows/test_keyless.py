"""Token level L2: the same workflows with no key stored anywhere, by the identity of each job."""

import pytest

from tests.workflows.platform import ENVIRONMENTS
from tests.workflows.test_finetune import ASKED
from tests.workflows.test_journey import EVALUATE, FOLLOW, PROPOSE, TRAINED, said

LIVE = ASKED | {"dry_run": "false"}
BOUGHT = {"plan": "success", "launch": "success"}
ROUND = {FOLLOW: "success", EVALUATE: "success", PROPOSE: "success"}


def test_a_run_is_bought_followed_evaluated_and_proposed_with_no_stored_key(platform):
    bought = platform.dispatch("finetune", LIVE, keyless=True)
    platform.provider.ahead += TRAINED
    round_ = platform.tick(keyless=True)
    (proposal,) = platform.forge.github().get_pulls(state="open")
    verdict = platform.previewed(proposal.head.sha, keyless=True)
    statuses, _ = said(platform, proposal)

    assert (bought.jobs, round_.jobs) == (BOUGHT, ROUND), bought.log + round_.log
    assert ("launch", "become the App") not in bought.steps
    assert platform.provider.jobs_made() == 1
    assert proposal.user.login == "ftv4-bot"
    assert statuses == [("ftv4-bot", "ftv4/verdict", "success")], verdict.log
    assert platform.forge.asked("DELETE").count("DELETE /installation/token 204") == 5
    assert platform.forge.given() == []
    assert not [log for log in (bought.log, round_.log, verdict.log) if "ghs_" in log or "eyJ" in log]


@pytest.mark.parametrize("path", ["^/oidc/token", "^/sts/exchange"])
def test_a_job_that_nobody_knows_buys_nothing_and_falls_back_to_nothing(platform, path):
    platform.forge.fail("reject", path=path, status=403, times=99)
    happened = platform.dispatch("finetune", LIVE, keyless=True)

    assert happened.jobs == {"plan": "success", "launch": "failure"}
    assert "HTTP 403" in happened.log
    assert platform.provider.jobs_made() == 0
    assert "refs/heads/ftv4-ledger" not in platform.git("for-each-ref")


def test_a_policy_trusts_its_own_environment_alone(platform):
    swapped = dict(zip(ENVIRONMENTS, [*ENVIRONMENTS[1:], ENVIRONMENTS[0]], strict=True))
    policies = {name: f".github/chainguard/{name}.sts.yaml" for name in ENVIRONMENTS}
    person = platform.forge.checkout()
    person.push(
        {
            path: f"subject: repo:sandbox/models:environment:{swapped[name]}\n".encode()
            for name, path in policies.items()
        }
    )
    happened = platform.dispatch("finetune", LIVE, keyless=True)

    assert happened.jobs == {"plan": "success", "launch": "failure"}
    assert "the job says that it is repo:sandbox/models:environment:ftv4-paid" in happened.log.replace(
        "\\u003a", ":"
    )
