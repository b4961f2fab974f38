"""Two clones without a ledger that buy one run at the same moment: one job is left, or both are named."""

import os
import subprocess
import sys
from zlib import crc32

import pytest

from ftv4.clients.provider import Provider
from ftv4.contracts.run import OPEN
from ftv4.documents import Repository
from ftv4.steps import together
from tests.conftest import ROOT
from tests.provider_sandbox import _provider, sandbox  # noqa: F401
from tests.steps.test_finetune_paid import JOBS, Operator
from tests.steps.test_launch_ledger import LIVE


@pytest.fixture(autouse=True)
def _waits(monkeypatch):
    """As it does outside of tests, with clocks that stand still."""
    monkeypatch.setattr(together, "wait", lambda sleep: sleep(together.LAG))


@pytest.fixture
def clone(tmp_path, sandbox, request):  # noqa: F811
    """`clone()` makes another checkout that buys the same run."""
    made = []

    def another():
        folder = tmp_path / f"clone-{len(made)}"
        (folder / "config").mkdir(parents=True)
        for file in (ROOT / "config").iterdir():
            (folder / "config" / file.name).write_bytes(file.read_bytes())
        made.append(Operator(Repository(folder), sandbox, f"o{crc32(request.node.name.encode()):x}"))
        return made[-1]

    return another


def living(sandbox, key):  # noqa: F811
    return [job.id for job in sandbox.connect().jobs(run_key=key) if job.status in OPEN]


def before_asking(monkeypatch, happens):
    """Have something happen once, when all looks of a buyer are done and the request is about to leave."""
    create_job = Provider.create_job

    def late(provider, job):
        monkeypatch.setattr(Provider, "create_job", create_job)
        happens()
        return create_job(provider, job)

    monkeypatch.setattr(Provider, "create_job", late)


def test_the_younger_job_is_cancelled_and_the_older_one_adopted(clone, sandbox, monkeypatch):  # noqa: F811
    ours, other, theirs = clone(), clone(), []

    def buys():
        theirs.append(other.buy())
        sandbox.ahead += 1

    before_asking(monkeypatch, buys)

    bought = ours.buy()

    assert (theirs[0].paid, bought.paid) == (True, False)
    assert bought.run.job_id == theirs[0].run.job_id
    assert ours.runs()[0].job_id == theirs[0].run.job_id
    assert living(sandbox, bought.run.manifest.run_key) == [bought.run.job_id]
    assert "is cancelled, and this run's job is theirs" in ours.heard[-1]
    assert theirs[0].run.job_id in ours.heard[-1]
    assert ours.buy().run.job_id == other.buy().run.job_id


@pytest.mark.parametrize("seconds", [0, 1])
def test_both_sides_decide_alike_even_within_one_second(clone, sandbox, seconds):  # noqa: F811
    """Each has looked before the other's job showed."""
    ours, other, theirs = clone(), clone(), []

    def meanwhile(_):
        if not theirs:
            theirs.append(None)
            sandbox.ahead += seconds
            sandbox.fail("stale_list", "GET", JOBS, times=2)
            theirs[0] = other.buy()

    ours.sleep = meanwhile

    bought = ours.buy()

    assert sandbox.jobs_made() == 2
    assert living(sandbox, bought.run.manifest.run_key) == [bought.run.job_id]
    assert theirs[0].run.job_id == bought.run.job_id
    assert {bought.paid, theirs[0].paid} == {True, False}
    heard = [line for one in (ours, other) for line in one.heard if "elsewhere" in line]
    assert heard
    if seconds:
        assert bought.paid


def test_a_job_that_cannot_be_cancelled_is_an_alarm_that_names_both(clone, sandbox, monkeypatch):  # noqa: F811
    ours, other, theirs = clone(), clone(), []

    def buys():
        theirs.append(other.buy())
        sandbox.ahead += 1

    ours.sleep = lambda seconds: sandbox.fail("reject", "POST", JOBS, status=400)
    before_asking(monkeypatch, buys)

    bought = ours.buy()

    assert bought.paid
    assert "paid for twice" in ours.heard[-1] and "cancel it" in ours.heard[-1]
    assert theirs[0].run.job_id in ours.heard[-1] and bought.run.job_id in ours.heard[-1]


def test_a_list_that_cannot_be_read_afterwards_costs_no_job_its_run(clone, sandbox, monkeypatch):  # noqa: F811
    ours = clone()
    before_asking(monkeypatch, lambda: sandbox.fail("reject", "GET", JOBS, status=403))

    bought = ours.buy()

    assert bought.paid and ours.runs()[0].job_id == bought.run.job_id
    assert "isn't known" in ours.heard[-1]


def test_processes_of_two_clones_leave_one_job(clone, sandbox):  # noqa: F811
    clones = [clone(), clone()]
    environment = {**os.environ, **sandbox.variables, "PYTHONPATH": str(ROOT)}
    started = [
        subprocess.Popen(
            (sys.executable, "-m", "ftv4", "--repo", str(one.repository.root), "ft", "stage", *LIVE,
             "--stage", "quant_signals", "--suffix", one.suffix, "--min-rows", "10"),
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        for one in clones
    ]  # fmt: skip
    ended = [(process.communicate()[1].decode(), process.returncode) for process in started]

    assert [code for _, code in ended] == [0, 0], ended
    (left,) = {run.job_id for one in clones for run in one.runs()}
    assert living(sandbox, clones[0].runs()[0].manifest.run_key) == [left]
    assert all("only this clone" in said for said, _ in ended)
