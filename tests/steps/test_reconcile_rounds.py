"""Rounds that are lost, late, doubled or killed: provider and forge are fakes with state, git is real."""

import shutil
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftv4.clients.forge import PullRequest
from ftv4.clients.git import Git, Remote
from ftv4.clients.ledger import Ledger
from ftv4.clients.provider import Missing
from ftv4.clock import iso
from ftv4.contracts.run import Job, JobIds, JobRecord, RunManifest
from ftv4.documents import MODELS, Repository
from ftv4.errors import ServiceError
from ftv4.pipeline.model import Answer, RuleModel
from ftv4.steps import reconcile_model
from ftv4.steps.cases import load_cases
from ftv4.steps.evals import Evaluation, instructions_of
from ftv4.steps.ledger import Books
from ftv4.steps.reconcile import THINGS, Doors, Round, state_of
from ftv4.steps.reconcile_follow import following
from ftv4.steps.reconcile_model import evaluate, propose
from ftv4.steps.reconcile_page import reconcile_lines, reconcile_page
from ftv4.steps.runs import Run
from tests.conftest import ROOT
from tests.eval_cases import expert, plant

STAGE = "synthesis_decision"
NOON = datetime.fromisoformat("2026-11-22T12:00:00+00:00")
TUNED = "ft:gpt-4.1-mini-2025-04-14:acme:demo:1"
FOLDER = f"train/finetune_runs/{STAGE}/20261122T120000Z"


@dataclass
class FakeProvider:
    """A provider with one job, which is a model from some time on."""

    done_at: datetime = NOON
    now: datetime = NOON
    away: bool = False
    known: bool = True
    extra: list = field(default_factory=list)
    run_key: str = ""
    name: str = "sandbox"

    @property
    def row(self):
        return Repository(ROOT).providers().providers["sandbox"]

    def jobs(self, limit=None, run_key=None):
        if self.away:
            raise ServiceError("sandbox: HTTP 503", retryable=True)
        return [*self.extra, self._job()] if self.known else []

    def job(self, job_id):
        if not self.known:
            raise Missing("sandbox: no such job")
        return self._job()

    def models(self):
        return {TUNED: None}

    def _job(self):
        ready = self.now >= self.done_at
        return Job(
            id="ftjob-1", status="succeeded" if ready else "running", base_model="gpt-4.1-mini-2025-04-14",
            model=TUNED if ready else None, training_file="file-1", run_key=self.run_key,
        )  # fmt: skip


class FakeForge:
    """A forge whose pull requests are a list; it knows a proposal again by its branch."""

    def __init__(self):
        self.made = []
        self.files = []

    def propose(self, *, branch, base, files, **_):
        found = [pull for pull in self.made if pull.branch == branch and pull.state == "open"]
        if not found:
            number = len(self.made) + 1
            self.made.append(PullRequest(number, "", branch, "0" * 40, base, "open", False))
        self.files.append(dict(files))
        return found[0] if found else self.made[-1]

    def pulls(self, head=None, state="open"):
        wanted = [pull for pull in self.made if state in {pull.state, "all"}]
        return [pull for pull in wanted if head in {pull.branch, None}]

    def pull(self, number):
        return self.made[number - 1]


@dataclass
class Expert:
    """A model as good as gold; counts how often it was asked."""

    id: str
    stage: str
    asked: list

    def answer(self, ask):
        self.asked.append(ask)
        return Answer(expert(self.stage)(ask.input), 0.1, 900, 400)


class World:
    """Everything outside a checkout, which lasts while checkouts come and go."""

    concurrency = 8

    def __init__(self, template, folder, ledger=True):
        self.template, self.folder = template, folder
        self.provider, self.forge, self.asked = FakeProvider(), FakeForge(), []
        manifest = Repository(template).read(RunManifest, f"{FOLDER}/run_manifest.json")
        self.provider.run_key = manifest.run_key
        self.bare = folder / "ledger.git" if ledger else None
        self.checkouts = 0
        if ledger:
            self.bare.mkdir(parents=True)
            Git(self.bare)("init", "--quiet", "--bare", ".")
        self.checkout()

    def checkout(self):
        """A fresh one: what other runners know of the run is on the ledger alone."""
        self.checkouts += 1
        target = self.folder / f"checkout-{self.checkouts}"
        shutil.copytree(self.template, target)
        self.repository = Repository(target)
        if self.bare and self.checkouts == 1:
            run = Run(
                FOLDER,
                self.repository.read(RunManifest, f"{FOLDER}/run_manifest.json"),
                self.repository.read(JobRecord, f"{FOLDER}/job.json"),
            )
            with Ledger.opened(Remote(str(self.bare))) as ledger:
                Books(self.repository, ledger, lambda: NOON).keep(run, "attempt")
        if self.bare:
            shutil.rmtree(target / "train/finetune_runs")

    def round(self, at=NOON, again=None, things=THINGS):
        """One round at a time; its entries."""
        self.provider.now = at
        if self.bare is None:
            return self._round(None, at, again, things)
        with Ledger.opened(Remote(str(self.bare))) as ledger:
            return self._round(ledger, at, again, things)

    def _round(self, ledger, at, again, things):
        files = self.repository
        policy = files.policy()
        told = instructions_of(files, policy)
        cases, config = load_cases(files), files.models()
        evaluation = Evaluation(cases, config, policy, told, at, self.concurrency)
        doors = Doors(
            provider=lambda name: self.provider,
            forge=lambda: self.forge,
            asking=lambda: (evaluation, self.models),
            before=files.read_bytes(MODELS),
        )
        work = Round(Books(files, ledger, lambda: at), doors, lambda: at, limit=10)
        work.load(again)
        work.go(things, {"follow": following(work), "evaluate": evaluate, "propose": propose})
        return work.entries

    def models(self, model_id, stage):
        if model_id.startswith("deterministic:"):
            return RuleModel(model_id)
        return Expert(model_id, stage, self.asked)

    def snapshot(self):
        """All that anybody could have written."""
        head = Git(self.bare)("for-each-ref") if self.bare else ""
        files = {path: path.read_bytes() for path in self.repository.root.rglob("*.json")}
        return head, files, len(self.forge.files), len(self.asked)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A checkout with a run whose job was asked for, and no answer on record."""
    folder = tmp_path_factory.mktemp("template")
    for name in ("config", "templates"):
        shutil.copytree(ROOT / name, folder / name)
    repository = Repository(folder)
    plant(repository)
    from ftv4.cli import run as ftv4

    flags = ("--suffix", "demo", "--provider", "sandbox", "--format", "json")
    with pytest.MonkeyPatch.context() as clock:
        clock.setenv("FTV4_NOW", NOON.isoformat())
        assert ftv4(["--repo", str(folder), "ft", "stage", "--stage", STAGE, *flags]) == 0
    manifest = repository.read(RunManifest, f"{FOLDER}/run_manifest.json")
    repository.write_contract(f"{FOLDER}/run_manifest.json", manifest.model_copy(update={"dry_run": False}))
    ids = JobIds(file_id="file-1", job_id=None, status="file_uploaded", base_model=manifest.config.base_model)
    record = JobRecord(
        created_at=iso(NOON), updated_at=iso(NOON), stage=STAGE, provider="sandbox",
        run_key=manifest.run_key, dataset_path=manifest.dataset_path,
        training_file_path=f"{FOLDER}/train_openai.jsonl", attempted_at=iso(NOON), attempts=(iso(NOON),),
        openai=ids,
    )  # fmt: skip
    repository.write_contract(f"{FOLDER}/job.json", record)
    return folder


def until_nothing_changes(world, at):
    """Rounds at one time until one changes nothing; that one's entries."""
    for _ in range(6):
        before = world.snapshot()
        entries = world.round(at)
        if world.snapshot() == before:
            return entries
    raise AssertionError("rounds go on and on")


TICKS = [NOON + timedelta(minutes=30 * number) for number in range(10)]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ticks=st.lists(st.integers(0, 9), min_size=1, max_size=6).map(sorted),
    done=st.integers(0, 9),
    merged=st.integers(0, 9),
    away=st.sets(st.integers(0, 9), max_size=3),
)
def test_every_subset_of_rounds_ends_in_the_same_state(template, tmp_path_factory, ticks, done, merged, away):
    """Fault row 21: rounds dropped, doubled, or in vain; what the last good one could see decides."""
    world = World(template, tmp_path_factory.mktemp("world"), ledger=False)
    world.provider.done_at = TICKS[done]
    for tick in ticks:
        if tick >= merged and world.forge.made:
            world.forge.made[0] = replace(world.forge.made[0], state="closed", merged=True)
        world.provider.away = tick in away
        world.round(TICKS[tick])
    world.provider.away = False
    last = TICKS[ticks[-1]]

    (entry,) = until_nothing_changes(world, last)

    ready = ticks[-1] >= done
    closed = bool(world.forge.made) and world.forge.made[0].merged
    assert state_of(entry) == ("merged" if closed else "proposed" if ready else "running")
    assert len(world.forge.made) == ready
    assert len(world.asked) in ({12} if ready else {0})  # six cases, alone and in the pipeline, once


class Killed(BaseException):
    """As kill -9: nobody catches it."""


def killing(monkeypatch, point):
    """Die right before or after the n-th thing that others can see."""
    left = [point]

    def step():
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    def wrapped(call):
        def dying(*arguments, **named):
            step()
            answer = call(*arguments, **named)
            step()
            return answer

        return dying

    monkeypatch.setattr(Ledger, "write", wrapped(Ledger.write))
    monkeypatch.setattr(FakeForge, "propose", wrapped(FakeForge.propose))
    return left


def test_killed_at_any_point_the_next_rounds_finish_and_repeat_nothing(template, tmp_path, monkeypatch):
    """Fault row 23, I1 to I3: each kill is followed by a fresh checkout."""
    for point in range(1, 50):
        world = World(template, tmp_path / str(point))
        with monkeypatch.context() as crash:
            left = killing(crash, point)
            try:
                world.round()
            except Killed:
                world.checkout()
        (entry,) = until_nothing_changes(world, NOON + timedelta(minutes=30))
        assert state_of(entry) == "proposed"
        assert len(world.forge.made) == 1
        assert all(files == world.forge.files[0] for files in world.forge.files)
        assert len(world.asked) <= 24  # at most one evaluation was lost before it was on record
        shutil.rmtree(tmp_path / str(point))
        if left[0] > 0:
            break

    assert point > 6


def test_two_rounds_at_once_are_one(template, tmp_path, monkeypatch):
    """Another runner evaluates between our look and our record: its word stands, and is read next time."""
    world = World(template, tmp_path)
    world.round(things=("follow",))
    first = world.repository
    write, meanwhile = Ledger.write, []

    def late(ledger, *arguments):
        monkeypatch.setattr(Ledger, "write", write)
        world.checkout()
        meanwhile.extend(world.round(NOON + timedelta(minutes=5), things=("evaluate",)))
        world.repository = first
        return write(ledger, *arguments)

    monkeypatch.setattr(Ledger, "write", late)
    (entry,) = world.round(things=("evaluate",))

    assert entry.notes == ["another runner is at it"]
    assert state_of(meanwhile[0]) == "evaluated"
    (entry,) = until_nothing_changes(world, NOON + timedelta(minutes=30))
    assert state_of(entry) == "proposed"
    assert entry.outcome.updated_at == iso(NOON + timedelta(minutes=5))


def test_a_provider_that_keeps_no_keys_vouches_by_the_training_file(template, tmp_path):
    world = World(template, tmp_path, ledger=False)
    world.provider.run_key = None

    assert [state_of(entry) for entry in world.round()] == ["proposed"]


def test_what_is_older_than_a_promotion_may_be_is_evaluated_anew(template, tmp_path):
    """Its verdict would be red by then."""
    world = World(template, tmp_path, ledger=False)
    world.round()
    age = timedelta(days=world.repository.policy().promotion.max_age_days)
    assert len(world.asked) == 12
    for at, asked in ((age - timedelta(hours=1), 12), (age, 24)):
        (entry,) = world.round(NOON + at)
        assert (state_of(entry), len(world.asked)) == ("proposed", asked)

    world = World(template, tmp_path / "unproposed", ledger=False)
    world.round(things=("follow", "evaluate"))
    world.round(NOON + age)
    assert len(world.asked) == 24


def test_where_a_report_is_gone_its_model_is_evaluated_anew(template, tmp_path):
    world = World(template, tmp_path, ledger=False)
    (entry,) = world.round(things=("follow", "evaluate"))
    for path in entry.outcome.reports.values():
        world.repository.path(path).unlink()

    (entry,) = world.round()

    assert (state_of(entry), len(world.asked)) == ("proposed", 24)


def test_without_eval_cases_nothing_is_decided(template, tmp_path):
    """A checkout that lacks them says nothing of the model: I6, and no refusal either."""
    world = World(template, tmp_path, ledger=False)
    shutil.rmtree(world.repository.path("evals/cases"))

    (entry,) = world.round()

    assert "no eval cases" in entry.error.message
    assert (state_of(entry), entry.next) == ("ready", "evaluate")


def test_of_what_speaks_against_a_model_the_first_is_kept(template, tmp_path, monkeypatch):
    """A model may be wrong in each of a thousand cases."""
    monkeypatch.setattr(reconcile_model, "REASONS", 2)
    monkeypatch.setattr(Expert, "answer", lambda model, ask: Answer("{}", 0.1, 900, 2))

    (entry,) = World(template, tmp_path, ledger=False).round()

    assert (state_of(entry), len(entry.outcome.reasons)) == ("refused", 2)


def test_what_a_round_did_is_told_on_a_page(template, tmp_path, golden):
    world = World(template, tmp_path, ledger=False)
    before = world.repository.read_json(f"{FOLDER}/job.json")
    stray = world.provider._job().model_copy(update={"id": "ftjob-2", "status": "enchanted"})
    entries = world.round()
    entries[0].alarms.append(f"job {stray.id} \\u003a\\u003a | <b> has a status that this ftv4 doesn't know")
    entries[0].error = ServiceError("the forge answered 503")

    golden("reconcile.md", reconcile_page(world.repository.template, entries))
    golden("reconcile.txt", "\n".join(reconcile_lines(entries)) + "\n")
    assert before["openai"]["job_id"] is None


def test_a_page_without_runs_says_so(template):
    assert "no run" in reconcile_page(Repository(template).template, [])
    assert reconcile_lines([]) == ["no run reached a provider yet"]
    assert Path(template).exists()
