"""Paying once across runners: each has a checkout of its own, and all share one ledger and one provider."""

import json
import os
import signal
import subprocess
import sys
import warnings
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftv4.canonical import digest
from ftv4.cli.ft import ft  # noqa: F401  what processes import is compiled before they race
from ftv4.clients.git import Git, Remote
from ftv4.clients.ledger import REF, Ledger
from ftv4.clients.provider import Provider
from ftv4.clock import iso
from ftv4.contracts.policy import Caps
from ftv4.contracts.run import JobIds, JobRecord
from ftv4.documents import Repository
from ftv4.errors import ContractError, GateError, ServiceError
from ftv4.steps import launch
from ftv4.steps.caps import SETTLE, must_be_within
from ftv4.steps.launch import World, _new_job, buy
from ftv4.steps.ledger import FolderTaken, _further
from tests.conftest import ROOT
from tests.provider_sandbox import SECONDS, _provider, sandbox  # noqa: F401
from tests.steps.test_finetune_paid import JOBS, NOON, Operator

LIVE = ("--provider", "sandbox", "--dry-run=false", "--follow=false", "--format", "json")


class Runner(Operator):
    """An operator with a checkout of its own, who shares a ledger with others."""

    def __init__(self, folder, sandbox, suffix, remote):  # noqa: F811
        (folder / "config").mkdir(parents=True)
        for file in (ROOT / "config").iterdir():
            (folder / "config" / file.name).write_bytes(file.read_bytes())
        super().__init__(Repository(folder), sandbox, suffix)
        self.remote = remote

    def buy(self, **members):
        with Ledger.opened(self.remote) as ledger:
            world = World(self.clock, self.sleep, self.heard.append, ledger)
            return buy(self.repository, self.asked(), self.sandbox.connect(), world, **members)


@pytest.fixture
def bare(tmp_path):
    folder = tmp_path / "ledger.git"
    folder.mkdir()
    Git(folder)("init", "--quiet", "--bare", ".")
    return folder


@pytest.fixture
def runner(tmp_path, bare, sandbox, request):  # noqa: F811
    """`runner()` makes another one of the same run; `runner("b")` one of another run."""
    made = []

    def another(name="a"):
        suffix = f"{name}{crc32(request.node.name.encode()):x}"
        made.append(Runner(tmp_path / f"runner-{len(made)}", sandbox, suffix, Remote(str(bare))))
        return made[-1]

    return another


@pytest.fixture
def recorded(bare):
    """The runs on the ledger: folder → job.json."""

    def read():
        with Ledger.opened(Remote(str(bare))) as ledger:
            files = ledger.read().files
        return {path: json.loads(text) for path, text in files.items() if path.endswith("job.json")}

    return read


@pytest.fixture
def before_writing(monkeypatch):
    """Have something happen once, between a runner's look at the ledger and its write."""

    def arrange(happens):
        write = Ledger.write

        def late(ledger, *arguments):
            monkeypatch.setattr(Ledger, "write", write)
            happens()
            return write(ledger, *arguments)

        monkeypatch.setattr(Ledger, "write", late)

    return arrange


def test_processes_that_launch_at_the_same_time_pay_once_for_each_run(runner, sandbox, bare, recorded):  # noqa: F811
    """Fault rows 6 and 13: two launch the same run, one another, from three checkouts."""
    runners = [runner(name) for name in "aab"]
    environment = {**os.environ, **sandbox.variables, "PYTHONPATH": str(ROOT)}
    commands = [
        (sys.executable, "-m", "ftv4", "--repo", str(one.repository.root), "ft", "stage", *LIVE,
         "--stage", "quant_signals", "--suffix", one.suffix, "--min-rows", "10", "--ledger", str(bare))
        for one in runners
    ]  # fmt: skip
    started = [
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for command in commands
    ]
    ended = [(process.communicate()[1].decode(), process.returncode) for process in started]

    assert {code for _, code in ended} <= {0, 5}, ended
    assert sandbox.jobs_made() == 2
    assert len(recorded()) == 2
    assert all(record["openai"]["job_id"] for record in recorded().values())


def test_a_runner_that_was_slower_is_linked_to_the_others_job(runner, sandbox, before_writing):  # noqa: F811
    """Fault row 6: the compare-and-swap is lost, and what came meanwhile is our very run."""
    ours, other = runner(), runner()
    theirs = []
    before_writing(lambda: theirs.append(other.buy()))

    bought = ours.buy()

    assert (theirs[0].paid, bought.paid) == (True, False)
    assert bought.run.job_id == theirs[0].run.job_id
    assert sandbox.jobs_made() == 1


def test_a_job_that_comes_between_the_looks_at_ledger_and_provider_has_one_run(
    runner,
    sandbox,  # noqa: F811
    recorded,
    monkeypatch,
):
    """Whoever saw the job, and not yet whose it is, put it on record once more as its own."""
    ours, other = runner(), runner()
    listed = launch.listed

    def late(provider, run):
        monkeypatch.setattr(launch, "listed", listed)
        other.buy()
        return listed(provider, run)

    monkeypatch.setattr(launch, "listed", late)
    ours.time += timedelta(seconds=1)
    bought = ours.buy()

    assert not bought.paid
    assert [record["openai"]["job_id"] for record in recorded().values()] == [bought.run.job_id]
    assert sandbox.jobs_made() == 1


def test_another_run_in_between_is_no_loss(runner, sandbox, before_writing, recorded):  # noqa: F811
    ours, other = runner("a"), runner("b")
    before_writing(other.buy)

    bought = ours.buy()

    assert bought.paid
    assert sandbox.jobs_made() == 2
    assert len(recorded()) == 2  # of the same second, each in a folder of its own


def test_what_another_runner_asks_for_right_now_is_not_asked_for(runner, sandbox, before_writing, recorded):  # noqa: F811
    ours, other = runner(), runner()
    sandbox.fail("drop", "POST", JOBS)

    def asks():
        with pytest.raises(ServiceError):
            other.buy()

    before_writing(asks)

    with pytest.raises(ServiceError, match="may exist or not") as refused:
        ours.buy()

    assert refused.value.retryable
    assert sandbox.asked("POST", JOBS) == [f"POST {JOBS} None"]  # the other's
    ours.time = NOON + SETTLE
    assert ours.buy().paid
    assert sandbox.jobs_made() == 1
    (record,) = recorded().values()
    assert len(record["attempts"]) == 2


def test_a_job_whose_answer_one_runner_lost_is_adopted_by_the_next(runner, sandbox, recorded):  # noqa: F811
    """Fault rows 7 and 8: nothing is sent again while the job may still show."""
    ours, other = runner(), runner()
    sandbox.fail("accept_then_drop", "POST", JOBS)
    sandbox.fail("stale_list", "GET", JOBS, times=6)
    with pytest.raises(ServiceError, match="may exist or not"):
        ours.buy()
    with pytest.raises(ServiceError, match="may exist or not"):
        other.buy()

    adopted = other.buy()

    assert not adopted.paid
    assert sandbox.jobs_made() == 1
    assert [record["openai"]["job_id"] for record in recorded().values()] == [adopted.run.job_id]


def test_after_the_window_another_runner_asks_once_more_in_the_same_folder(runner, sandbox, recorded):  # noqa: F811
    ours, other = runner(), runner()
    sandbox.fail("drop", "POST", JOBS)
    with pytest.raises(ServiceError):
        ours.buy()
    other.time = NOON + SETTLE + timedelta(minutes=1)

    bought = other.buy()

    assert bought.paid
    assert bought.run.folder == ours.runs()[0].folder
    assert other.repository.has(bought.run.training_file)
    assert len(recorded()) == 1


def test_a_job_is_asked_for_twice_at_most(runner, sandbox):  # noqa: F811
    ours = runner()
    sandbox.fail("drop", "POST", JOBS, times=2)
    for _ in range(2):
        with pytest.raises(ServiceError, match="may exist or not"):
            ours.buy()
        ours.time += SETTLE

    with pytest.raises(ServiceError, match="asked for 2 times"):
        ours.buy()

    assert ours.buy(again=True).paid


def test_a_machine_that_slept_between_record_and_request_sends_nothing(runner, sandbox, monkeypatch):  # noqa: F811
    """Another runner may have waited for the window and asked, and its job need not show yet."""
    ours = runner()
    claim = Ledger.write

    def then_sleep(*arguments):
        ours.time += SETTLE
        return claim(*arguments)

    monkeypatch.setattr(Ledger, "write", then_sleep)

    with pytest.raises(ServiceError, match="slept"):
        ours.buy()

    assert sandbox.asked("POST", JOBS) == []


def test_a_job_that_shows_after_the_claim_is_adopted_and_none_is_asked_for(runner, sandbox, monkeypatch):  # noqa: F811
    """Somebody who knows no ledger asked at the same time."""
    ours, claim, theirs = runner(), Ledger.write, []

    def then_another(*arguments):
        monkeypatch.setattr(Ledger, "write", claim)
        state = claim(*arguments)
        theirs.append(sandbox.connect().create_job(_new_job(ours.runs()[0])))
        return state

    monkeypatch.setattr(Ledger, "write", then_another)
    bought = ours.buy()

    assert (bought.paid, bought.run.job_id) == (False, theirs[0].id)
    assert sandbox.jobs_made() == 1


def test_without_the_ledger_nothing_is_sent(runner, sandbox, bare, monkeypatch):  # noqa: F811
    ours = runner()
    with monkeypatch.context() as away, pytest.raises(ServiceError, match="away"):
        away.setattr(Git, "push", _away)
        ours.buy()

    assert sandbox.asked("POST", JOBS) == []
    assert ours.buy().paid  # and no window is waited for


def _away(*arguments):
    raise ServiceError("the ledger is away", retryable=True)


def test_a_ledger_that_goes_away_after_the_request_hides_no_job(runner, sandbox, monkeypatch, recorded):  # noqa: F811
    ours = runner()
    push, pushed = Git.push, []

    def once(*arguments):
        if pushed:
            _away()
        pushed.append(arguments)
        return push(*arguments)

    with monkeypatch.context() as away:
        away.setattr(Git, "push", once)
        bought = ours.buy()

    assert bought.paid
    assert "reconcile" in ours.heard[-1]
    sandbox.fail("stale_list", "GET", JOBS, times=2)
    for again in (ours.buy(), runner().buy()):
        assert (again.paid, again.run.job_id) == (False, bought.run.job_id)
    assert [record["openai"]["job_id"] for record in recorded().values()] == [bought.run.job_id]


def test_a_refused_request_may_be_sent_by_another_runner_at_once(runner, sandbox):  # noqa: F811
    """Fault row 11: no quota is known for certain, so there is nothing to wait for."""
    sandbox.fail("reject", "POST", JOBS, status=429, code="insufficient_quota")
    with pytest.raises(ServiceError, match="quota"):
        runner().buy()

    assert runner().buy().paid


# killed at any step


class Killed:
    """Counts what changes anything; kills this process right after the n-th."""

    POINTS = ((Repository, "write"), (Provider, "upload"), (Provider, "create_job"), (Git, "push"))

    def __init__(self, at):
        self.left = at

    def arm(self):
        for owner, name in self.POINTS:
            setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, call):
        def counted(*arguments, **named):
            answer = call(*arguments, **named)
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        return counted


def in_another_process(work):
    """Fork, and do the work there; whether it came to its end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of ours, which the child doesn't use
        child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFEXITED(status)


def checkout(folder, sandbox, suffix, name):  # noqa: F811
    return Runner(folder / name, sandbox, suffix, Remote(str(folder / "ledger.git")))


@pytest.mark.parametrize("same_checkout", [True, False], ids=["same-checkout", "fresh-checkout"])
def test_killed_at_any_step_a_run_has_one_job_in_the_end(tmp_path, sandbox, same_checkout):  # noqa: F811
    """Fault rows 5, 10, 23: kill -9 at every change in turn until none is left, then launch again."""
    for point in range(1, 100):
        sandbox.begin()
        folder = tmp_path / str(point)
        (folder / "ledger.git").mkdir(parents=True)
        Git(folder / "ledger.git")("init", "--quiet", "--bare", ".")
        make = partial(checkout, folder, sandbox, f"k{point}-{same_checkout:d}")
        victim = make("victim")

        def launch(victim=victim, point=point):
            Killed(point).arm()
            victim.buy()

        unhurt = in_another_process(launch)
        survivor = victim if same_checkout else make("survivor")
        for minutes in (0, 31):
            survivor.time = NOON + timedelta(minutes=minutes)
            try:
                bought = survivor.buy()
            except ServiceError as error:
                assert error.retryable and minutes == 0
        assert sandbox.jobs_made() == 1, point
        with Ledger.opened(survivor.remote) as ledger:
            jobs = [
                json.loads(text) for path, text in ledger.read().files.items() if path.endswith("job.json")
            ]
        assert [job["openai"]["job_id"] for job in jobs] == [bought.run.job_id], point
        if unhurt:
            break

    assert point > 6


# what the ledger says wrongly


def plant(bare, path, content):
    """As whoever may push can; None takes a file away."""
    git = Git(bare)
    blob = git("hash-object", "-w", "--stdin", stdin=content or b"")
    tree = git.tree(REF, f"{'100644' if content is not None else '0'} {blob}\t{path}\0".encode())
    who = {f"GIT_{one}_{what}": "x" for one in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    git("update-ref", REF, git.made("commit-tree", "-m", "x", "-p", REF, tree, environment=who))


def of_stage(text):
    return json.dumps(json.loads(text) | {"stage": "blue_ocean"}).encode()


def with_key_of_stage(text):
    manifest = json.loads(text)
    key = manifest["key_of"] | {"stage": "blue_ocean"}
    return json.dumps(manifest | {"key_of": key, "run_key": digest(key)}).encode()


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("job.json", lambda text: b"{"),
        ("job.json", lambda text: text.replace(b'"attempts"', b'"attempt"')),
        ("job.json", lambda text: text.replace(b'"run_key": "', b'"run_key": "0')),
        ("run_manifest.json", lambda text: text.replace(b'"n_epochs": null', b'"n_epochs": 7')),
        (
            "run_manifest.json",
            lambda text: text.replace(b'"output_dir": "train/', b'"output_dir": "train/../'),
        ),
        ("run_manifest.json", of_stage),
        ("run_manifest.json", with_key_of_stage),
    ],
    ids=[
        "no json", "unknown key", "another run's", "key is not of its contents", "leads elsewhere",
        "another stage's", "another stage's key",
    ],
)  # fmt: skip
def test_a_damaged_ledger_is_named_and_never_paid_past(runner, bare, sandbox, file, change):  # noqa: F811
    folder = runner().buy().run.folder
    text = Git(bare).raw("show", f"{REF}:{folder}/{file}")
    assert change(text) != text
    plant(bare, f"{folder}/{file}", change(text))
    sandbox.begin()
    other = runner("b")

    with pytest.raises(ContractError) as refused:
        other.buy()

    assert f"{folder}/{file}" in " ".join(refused.value.problems)
    assert sandbox.asked() == []
    assert not other.repository.has(folder)


def test_a_job_without_its_manifest_is_never_paid_past(runner, bare, sandbox):  # noqa: F811
    """No run is seen there, and one with its key would be paid for again."""
    folder = runner().buy().run.folder
    plant(bare, f"{folder}/run_manifest.json", None)
    sandbox.begin()

    with pytest.raises(ContractError) as refused:
        runner("b").buy()

    assert refused.value.problems == (
        f"ledger: {folder}/job.json: is of another run than run_manifest.json beside it",
    )
    assert sandbox.asked() == []


def test_a_folder_that_is_another_run_here_is_said_at_once(runner, bare, monkeypatch):
    """Not our run's folder: no other name would help."""
    ours, other = runner("a"), runner("b")
    ours.buy()
    (mine,) = ours.runs()
    clash = ours.repository.read_json(mine.manifest_file)
    prepare = launch.prepare

    def meanwhile(*arguments):
        monkeypatch.setattr(launch, "prepare", prepare)
        key = clash["key_of"] | {"seed": 7}
        news = clash | {"key_of": key, "run_key": digest(key)}
        plant(bare, mine.manifest_file, json.dumps(news).encode())
        plant(bare, mine.job_file, None)
        return prepare(*arguments)

    ours.suffix = other.suffix
    monkeypatch.setattr(launch, "prepare", meanwhile)

    with pytest.raises(FolderTaken, match=mine.folder):
        ours.buy()

    assert [run.folder for run in ours.runs()] == [mine.folder]


def test_a_ledger_that_is_damaged_meanwhile_costs_no_job_its_run(runner, bare, monkeypatch):
    ours = runner()
    create_job = Provider.create_job

    def meanwhile(provider, job):
        made = create_job(provider, job)
        plant(bare, ours.runs()[0].job_file, b"{")
        return made

    monkeypatch.setattr(Provider, "create_job", meanwhile)

    bought = ours.buy()

    assert (bought.paid, ours.runs()[0].job_id) == (True, bought.run.job_id)
    assert "the ledger doesn't name its job yet" in ours.heard[-1]


def test_a_look_that_fails_is_not_the_last_look_for_a_lost_job(runner, sandbox):  # noqa: F811
    ours = runner()
    faults = iter([partial(sandbox.fail, "reject", "GET", JOBS, status=503, times=99), sandbox.begin_faults])
    ours.sleep = lambda seconds: next(faults, lambda: None)()
    sandbox.fail("accept_then_drop", "POST", JOBS)

    assert ours.buy().paid
    assert sandbox.jobs_made() == 1


def test_what_the_provider_refuses_is_told_though_the_ledger_is_away_by_then(runner, sandbox, monkeypatch):  # noqa: F811
    ours = runner()
    create_job = Provider.create_job

    def meanwhile(provider, job):
        monkeypatch.setattr(Ledger, "write", away)
        return create_job(provider, job)

    def away(ledger, *arguments):
        raise ServiceError("ledger: away", retryable=True)

    monkeypatch.setattr(Provider, "create_job", meanwhile)
    sandbox.fail("reject", "POST", JOBS, status=400)

    with pytest.raises(ServiceError, match="HTTP 400"):
        ours.buy()


def test_a_run_in_another_runs_place_is_a_damaged_ledger(runner, bare, sandbox):  # noqa: F811
    folder = runner().buy().run.folder
    elsewhere = f"{folder.rpartition('/')[0]}/20200101T000000Z"
    plant(bare, f"{elsewhere}/run_manifest.json", Git(bare).raw("show", f"{REF}:{folder}/run_manifest.json"))

    with pytest.raises(ContractError) as refused:
        runner("b").buy()

    assert "says that it is somewhere else" in " ".join(refused.value.problems)


@pytest.mark.parametrize(
    ("ours", "theirs", "further"),
    [
        ({"answered": True}, {"answered": False}, True),
        ({"answered": False}, {"answered": True}, False),
        ({"answered": False, "later": 1}, {"answered": False}, True),
        ({"answered": False}, {"answered": False, "later": 1}, False),
        ({"answered": False, "later": 1}, {"answered": False, "updated": 2}, True),
        ({"answered": True, "later": 1}, {"answered": True}, True),
        ({"answered": True}, {"answered": True}, False),
        ({"answered": True, "later": 1, "job": "other"}, {"answered": True}, False),
    ],
    ids=str,
)
def test_of_two_records_the_one_that_knows_more_stays(ours, theirs, further):
    def made(answered, later=0, updated=None, job="j"):
        record = a_job((iso(NOON + timedelta(hours=later)),), answered=answered)
        known = {"openai": record.openai.model_copy(update={"job_id": job} if answered else {})}
        when = {"updated_at": iso(NOON + timedelta(hours=updated))} if updated else {}
        return record.model_copy(update=known | when)

    assert _further(made(**ours), made(**theirs)) == further


# caps


def test_over_a_cap_nothing_is_sent_whoever_bought_before(runner, sandbox):  # noqa: F811
    """Threat 25: what other runners bought counts."""
    runner("a").buy()
    sandbox.begin()
    other = runner("b")
    policy = other.repository.read_json("config/intelligence_v4.policy.json")
    policy["caps"]["jobs_a_day"] = 1
    other.repository.write("config/intelligence_v4.policy.json", json.dumps(policy))

    with pytest.raises(GateError) as refused:
        other.buy()

    assert "jobs_a_day" in refused.value.problems[0]
    assert sandbox.asked("POST") == []
    other.time += timedelta(days=1)
    assert other.buy().paid


def a_run(cost, job=None):
    estimate = SimpleNamespace(cost_usd=cost)
    manifest = SimpleNamespace(stage="quant_signals", estimate=estimate)
    return SimpleNamespace(manifest=manifest, job=job, job_id=job.openai.job_id if job else None)


def a_job(attempts, status="running", answered=True):
    ids = JobIds(file_id="f", job_id="j" if answered else None, status=status, base_model="m")
    return JobRecord(
        created_at=attempts[0], updated_at=attempts[0], stage="quant_signals", provider="sandbox",
        run_key="k", dataset_path="d", training_file_path="t", attempted_at=attempts[-1],
        attempts=attempts, openai=ids,
    )  # fmt: skip


asking = st.tuples(
    st.integers(0, 60 * 20),  # minutes since the one before
    st.one_of(st.none(), st.floats(0, 60)),  # dollars
    st.sampled_from(["running", "succeeded", "failed", "lost"]),  # what becomes of it at once
)


@settings(max_examples=300, deadline=None)
@given(st.lists(asking, max_size=30))
def test_whatever_is_asked_for_spend_stays_within_the_caps(asked):
    """Threat 25: any sequence of requests, answered or lost, of known price or not."""
    caps = Caps(open_jobs=4, jobs_a_day=6, dollars_a_day=100, dollars_unpriced=15)
    now, bought = NOON, []
    for minutes, cost, end in asked:
        now += timedelta(minutes=minutes)
        wanted = a_run(cost)
        try:
            must_be_within(caps, wanted, [run for _, _, run in bought], now)
        except GateError:
            continue
        job = a_job((iso(now),), "queued" if end == "lost" else end, answered=end != "lost")
        bought.append((now, 15 if cost is None else cost, a_run(cost, job)))
        day = [(dollars, run) for at, dollars, run in bought if now - at < timedelta(days=1)]
        assert sum(dollars for dollars, _ in day) <= 100 + 1e-9
        assert len(day) <= 6
        assert sum(run.job_id is not None and run.job.openai.status == "running" for _, _, run in bought) <= 4


def test_every_attempt_counts_as_if_it_had_been_carried_out():
    caps = Caps(jobs_a_day=2)
    twice = a_run(1.0, a_job((iso(NOON), iso(NOON + SETTLE))))

    with pytest.raises(GateError, match="too much"):
        must_be_within(caps, a_run(1.0), [twice], NOON + SETTLE)


@pytest.mark.parametrize("attempts", [(iso(NOON),), ()], ids=["now", "as older records have it"])
def test_a_lost_request_counts_as_open_until_it_has_settled(attempts):
    caps, record = Caps(open_jobs=1), a_job((iso(NOON),), "queued", answered=False)
    lost = a_run(1.0, record.model_copy(update={"attempts": attempts}))

    with pytest.raises(GateError, match="too much") as refused:
        must_be_within(caps, a_run(1.0), [lost, a_run(1.0)], NOON + SETTLE - timedelta(seconds=1))
    assert "open_jobs" in refused.value.problems[0]
    must_be_within(caps, a_run(1.0), [lost, a_run(1.0)], NOON + SETTLE)


def test_a_request_that_an_older_record_tells_of_counts_within_the_day():
    older = a_run(1.0, a_job((iso(NOON),)).model_copy(update={"attempts": ()}))

    with pytest.raises(GateError, match="too much"):
        must_be_within(Caps(jobs_a_day=1, open_jobs=9), a_run(1.0), [older], NOON + timedelta(hours=1))
