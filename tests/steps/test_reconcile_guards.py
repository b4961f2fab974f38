"""What keeps rounds of reconcile from losing what was paid for, and from paying for what nobody asked."""

import pytest

from ftv4.clients.ledger import Ledger
from ftv4.clients.provider import NewJob
from tests.forge_sandbox import _server, empty_sandbox  # noqa: F401
from tests.provider_sandbox import _provider, sandbox  # noqa: F401
from tests.steps.test_finetune_paid import JOBS
from tests.steps.test_reconcile import STAGE, team  # noqa: F401

# two jobs of one run


@pytest.fixture
def before_write(monkeypatch):
    """Have something happen once, before the n-th write to the ledger from now on."""

    def arrange(number, happens):
        write, left = Ledger.write, [number]

        def late(ledger, *arguments):
            left[0] -= 1
            if left[0] == 0:
                monkeypatch.setattr(Ledger, "write", write)
                happens()
            return write(ledger, *arguments)

        monkeypatch.setattr(Ledger, "write", late)

    return arrange


def status(team, job_id):  # noqa: F811
    return team.provider.connect().job(job_id).status


def second_job(team, job):  # noqa: F811
    """Another one of the same run, as of a request that arrives late."""
    copy = NewJob(job.base_model, job.training_file, team.suffix, job.run_key, STAGE)
    return team.provider.connect().create_job(copy)


def test_of_two_jobs_one_lives_though_the_first_shows_only_when_the_second_is_bought(
    team,  # noqa: F811
    before_write,
):
    """Fault row 10: reconcile adopts the first one between the second request and its record."""
    team.provider.fail("accept_then_drop", "POST", JOBS)
    team.provider.fail("stale_list", "GET", JOBS, times=99)
    team.launch(code=5)
    team.lose_checkout()
    team.later(minutes=31)
    clone = team.forge.checkout().folder

    def meanwhile():
        team.provider.begin_faults()
        team._ftv4("--repo", clone, "ops", "reconcile", "--do", "follow", *team._json)

    before_write(2, meanwhile)
    launched = team.launch()
    team.lose_checkout()

    second, first = team.provider.connect().jobs()[:2]
    assert launched["job_id"] == first.id
    assert f"{second.id} is one too many" in team.err
    (run,) = team.round("--do", "follow")
    assert (run["job_id"], run["next"]) == (first.id, "follow")
    assert (status(team, first.id), status(team, second.id)) == ("validating_files", "cancelled")


def test_when_a_runs_job_was_cancelled_its_second_one_is_adopted_rather_than_cancelled_too(team):  # noqa: F811
    launched = team.launch()
    own = team.provider.connect().job(launched["job_id"])
    late = second_job(team, own)
    team.provider.connect().cancel(own.id)
    team.lose_checkout()

    (run,) = team.round("--do", "follow")

    assert (run["job_id"], run["next"]) == (late.id, "follow")
    assert "a second one goes on" in run["alarms"][0]
    assert status(team, late.id) == "validating_files"
    before = team.writes()
    team.lose_checkout()
    assert team.round("--do", "follow")[0]["alarms"] == []
    assert team.writes() == before


def test_a_job_that_is_bought_once_more_is_the_new_runs(team, before_write):  # noqa: F811
    """A round between the request of `--again` and its record takes it for nobody else's."""
    old = team.launch()
    team.provider.connect().cancel(old["job_id"])
    team.later(minutes=1)
    clone = team.forge.checkout().folder
    before_write(2, lambda: team._ftv4("--repo", clone, "ops", "reconcile", "--do", "follow", *team._json))

    new = team.launch("--again")

    team.lose_checkout()
    states = {run["run_dir"]: (run["job_id"], run["state"]) for run in team.round("--do", "follow")}
    assert states == {
        old["run_dir"]: (old["job_id"], "cancelled"),
        new["run_dir"]: (new["job_id"], "validating_files"),
    }
