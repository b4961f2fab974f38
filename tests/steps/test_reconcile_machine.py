"""Whatever happens in whatever order: launches, rounds, kills, lost answers, and what people do in between.

Provider, forge and ledger are in memory, and tell everything that was ever done; the code between them is
all ours, from `ft stage` to the merge. `FTV4_MACHINE=500x50` runs as many histories of as many
steps, other ones each time.
"""

import json
import os
import shutil
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ftv4.clients.forge import PullRequest
from ftv4.clients.ledger import Moved, State
from ftv4.clients.provider import AnswerLost, Missing
from ftv4.clients.provider_objects import StoredFile
from ftv4.clock import iso
from ftv4.contracts.run import OPEN, Job, TuningConfig
from ftv4.documents import MODELS, Repository
from ftv4.errors import Ftv4Error, GateError, ServiceError
from ftv4.pipeline.model import Answer, RuleModel
from ftv4.stages import STAGES
from ftv4.steps.cases import load_cases
from ftv4.steps.evals import Evaluation, instructions_of
from ftv4.steps.finetune import Asked
from ftv4.steps.launch import World, buy
from ftv4.steps.ledger import Books
from ftv4.steps.reconcile import THINGS, Doors, Round
from ftv4.steps.reconcile_follow import following
from ftv4.steps.reconcile_model import evaluate, propose
from tests.conftest import ROOT
from tests.eval_cases import expert, plant
from tests.steps.test_reconcile_rounds import NOON, STAGE

HISTORIES, STEPS = map(int, os.environ.get("FTV4_MACHINE", "10x25").split("x"))
DEATHS = st.sampled_from([0] * 8 + list(range(1, 9)))
"""At which point a runner dies, if it does."""


class Killed(BaseException):
    """As kill -9: nobody catches it, and the checkout is lost with the runner."""


@dataclass
class Points:
    """Where a runner may die: before and after each thing that others can see."""

    left: int = 0

    def around(self, act):
        self._pass()
        answer = act()
        self._pass()
        return answer

    def _pass(self):
        self.left -= 1
        if self.left == 0:
            raise Killed


class MemoryLedger:
    """A ledger that a write moves only from where it was read."""

    def __init__(self, points):
        self.points, self.commits = points, [{}]

    def read(self):
        return State(str(len(self.commits) - 1), self.commits[-1])

    def write(self, state, changes, message, now):
        news = {path: data for path, data in changes.items() if state.files.get(path) != data}
        return self.points.around(lambda: self._push(state, news)) if news else state

    def _push(self, state, news):
        if state.head != str(len(self.commits) - 1):
            raise Moved("ledger: another runner wrote first", retryable=True)
        self.commits.append({**state.files, **news})
        return self.read()


@dataclass
class MemoryProvider:
    """A provider that keeps every job it ever made, and loses answers when it is told to."""

    points: Points
    world: "Machine"
    made: list[Job] = field(default_factory=list)
    shown_at: dict = field(default_factory=dict)
    stored: dict[str, StoredFile] = field(default_factory=dict)
    fault: str = ""
    name: str = "sandbox"

    @property
    def row(self):
        return Repository(ROOT).providers().providers["sandbox"]

    def upload(self, path, name):
        return self.points.around(lambda: self._store(name, path.stat().st_size))

    def _store(self, name, size):
        file = StoredFile(f"file-{len(self.stored)}", name, size, iso(self.world.now), "processed", None)
        self.stored[file.id] = file
        return file

    def file(self, file_id):
        if file_id not in self.stored:
            raise Missing("sandbox: no such file")
        return self.stored[file_id]

    def files(self):
        return list(reversed(self.stored.values()))

    def delete_file(self, file_id):
        self.points.around(lambda: self.stored.pop(file_id, None))

    def create_job(self, new):
        fault, self.fault = self.fault, ""
        if fault == "refused":
            raise ServiceError("sandbox: HTTP 400")
        if fault == "dropped":
            raise AnswerLost("sandbox: no answer")
        job = self.points.around(lambda: self._make(new, late=fault == "late"))
        if fault:
            raise AnswerLost("sandbox: no answer")
        return job

    def _make(self, new, late):
        job = Job(
            id=f"ftjob-{len(self.made)}", status="queued", base_model=new.base_model, model=None,
            training_file=new.training_file, run_key=new.run_key,
        )  # fmt: skip
        self.made.append(job)
        self.shown_at[job.id] = self.world.now + timedelta(minutes=20 * late)
        return job

    def jobs(self, limit=None, run_key=None):
        shown = [job for job in reversed(self.made) if self.shown_at[job.id] <= self.world.now]
        return [job for job in shown if run_key in {None, job.run_key}]

    def job(self, job_id):
        found = [job for job in self.jobs() if job.id == job_id]
        if not found:
            raise Missing("sandbox: no such job")
        return found[0]

    def cancel(self, job_id):
        self.end(self.made.index(self.job(job_id)), "cancelled")

    def open(self):
        """The numbers of jobs that haven't ended."""
        return [number for number, job in enumerate(self.made) if job.status in OPEN]

    def end(self, number, status):
        job = self.made[number]
        model = f"ft:{job.base_model}:acme::{number}" if status == "succeeded" else None
        self.made[number] = job.model_copy(update={"status": status, "model": model})

    def models(self):
        return {job.model: None for job in self.made if job.model}


@dataclass
class MemoryForge:
    """A forge with one branch for each proposal; a merge puts its files on main."""

    points: Points
    world: "Machine"
    made: list[PullRequest] = field(default_factory=list)
    files: dict = field(default_factory=dict)
    based_on: dict = field(default_factory=dict)
    writes: int = 0

    def propose(self, *, branch, base, files, expect, **_):
        earlier = self.pulls(head=branch, state="all")
        current = next((pull for pull in earlier if pull.state == "open"), None)
        if current is None and any(not pull.merged for pull in earlier):
            raise GateError("a person closed it")
        if current and self.files[current.number] == files:
            return current
        if any(self.world.main[path] != content for path, content in expect.items()):
            raise GateError("main has another models.json")
        return self.points.around(lambda: self._open(current, branch, base, files))

    def _open(self, current, branch, base, files):
        self.writes += 1
        pull = current or PullRequest(len(self.made) + 1, "", branch, "0" * 40, base, "open", False)
        if current is None:
            self.made.append(pull)
        self.files[pull.number], self.based_on[pull.number] = dict(files), self.world.main[MODELS]
        return pull

    def pulls(self, head=None, state="open"):
        wanted = [pull for pull in self.made if state in {pull.state, "all"}]
        return [pull for pull in reversed(wanted) if head in {pull.branch, None}]

    def pull(self, number):
        return self.made[number - 1]

    def settle(self, number, *, merged):
        self.made[number - 1] = replace(self.pull(number), state="closed", merged=merged)


class Machine(RuleBasedStateMachine):
    """All runners and people of one repository."""

    template = None
    folders = count()

    @initialize()
    def begin(self):
        self.now, self.main, self.asked, self.settled = NOON, {}, [], set()
        self.points = Points()
        self.ledger, self.provider = MemoryLedger(self.points), MemoryProvider(self.points, self)
        self.forge = MemoryForge(self.points, self)
        self.main[MODELS] = (self.template / MODELS).read_bytes()
        self.repository = None
        self.launch(suffix="a", fault="", dies=0)

    def checkout(self):
        """What main has, in a new folder."""
        if self.repository is not None:
            shutil.rmtree(self.repository.root)
        folder = self.template.parent / f"checkout-{next(self.folders)}"
        shutil.copytree(self.template, folder)
        self.repository = Repository(folder)
        for path, content in self.main.items():
            self.repository.write(path, content)

    def runner(self, work, dies=0):
        """A runner of its own, which may die at one of its points; whether it came to its end."""
        self.checkout()
        self.points.left = dies
        try:
            work()
        except Killed:
            return False
        except Ftv4Error as error:
            assert error.exit_code in {4, 5}, error
        finally:
            self.points.left = 0
        return True

    # runners

    @rule(
        suffix=st.sampled_from("ab"),
        fault=st.sampled_from(["", "", "lost", "late", "dropped", "refused"]),
        dies=DEATHS,
    )
    def launch(self, suffix, fault, dies):
        self.provider.fault = fault
        asked = Asked(
            stage=STAGES[STAGE], provider="sandbox", dataset=STAGES[STAGE].dataset,
            config=TuningConfig(base_model="gpt-4.1-mini-2025-04-14", suffix=suffix),
            approved_only=True, min_rows=40, dry_run=False,
        )  # fmt: skip
        world = World(lambda: self.now, lambda seconds: None, lambda line: None, self.ledger)
        self.runner(lambda: buy(self.repository, asked, self.provider, world), dies)
        self.provider.fault = ""

    @rule(things=st.sampled_from([THINGS, *((thing,) for thing in THINGS)]), dies=DEATHS)
    def tick(self, things, dies):
        self.runner(lambda: self.round(things), dies)

    def round(self, things=THINGS):
        files, policy = self.repository, self.repository.policy()
        told = instructions_of(files, policy)
        evaluation = Evaluation(load_cases(files), files.models(), policy, told, self.now)
        doors = Doors(
            provider=lambda name: self.provider,
            forge=lambda: self.forge,
            asking=lambda: (evaluation, self.model),
            before=files.read_bytes(MODELS),
        )
        work = Round(Books(files, self.ledger, lambda: self.now), doors, lambda: self.now, limit=10)
        work.load(None)
        assert work.books.damaged == {}
        work.go(things, {"follow": following(work), "evaluate": evaluate, "propose": propose})
        return work.entries

    def model(self, model_id, stage):
        if model_id.startswith("deterministic:"):
            return RuleModel(model_id)
        return SimpleNamespace(id=model_id, answer=lambda ask: self.answer(model_id, stage, ask))

    def answer(self, model_id, stage, ask):
        self.asked.append(model_id)
        return Answer(expert(stage)(ask.input), 0.1, 900, 400)

    # the world

    @rule(minutes=st.sampled_from([10, 31, 61]))
    def time_passes(self, minutes):
        self.now += timedelta(minutes=minutes)

    @precondition(lambda self: self.provider.open())
    @rule(data=st.data(), status=st.sampled_from([*["succeeded"] * 4, "failed", "cancelled"]))
    def a_job_ends(self, data, status):
        self.provider.end(data.draw(st.sampled_from(self.provider.open())), status)

    @precondition(lambda self: self.forge.pulls())
    @rule(data=st.data(), merged=st.booleans())
    def a_person_settles(self, data, merged):
        pull = data.draw(st.sampled_from(self.forge.pulls()))
        if merged and self.forge.based_on[pull.number] != self.main[MODELS]:
            return  # the verdict is red: it was made from another models.json
        self.forge.settle(pull.number, merged=merged)
        self.main |= self.forge.files[pull.number] if merged else {}
        self.settled.add(pull.branch)

    @rule(tokens=st.integers(1300, 1302))
    def main_moves(self, tokens):
        models = json.loads(self.main[MODELS])
        models["stages"]["quant_signals"]["max_tokens"] = tokens
        self.main[MODELS] = json.dumps(models).encode()

    # what holds at any time, by what was done

    @invariant()
    def i1_no_run_has_two_jobs_that_cost(self):
        alive = [job.run_key for job in self.provider.made if job.status in {*OPEN, "succeeded"}]
        assert len(alive) == len(set(alive))

    @invariant()
    def i3_one_open_pull_request_for_each_model_and_none_after_a_persons_word(self):
        branches = [pull.branch for pull in self.forge.pulls()]
        assert len(branches) == len(set(branches))
        assert not set(branches) & self.settled

    @invariant()
    def i4_every_file_on_the_ledger_is_whole(self):
        for data in self.ledger.commits[-1].values():
            json.loads(data)

    @invariant()
    def i6_only_a_model_that_a_job_made_is_asked_and_proposed(self):
        made = {f"sandbox:{model}" for model in self.provider.models()}
        assert set(self.asked) <= made
        for files in self.forge.files.values():
            assert all(self.ledger.commits[-1][path] == files[path] for path in files if "evals/" in path)

    def teardown(self):
        """I2 and I5: undisturbed rounds end: every job is known by then, and a round more writes nothing."""
        self.now += timedelta(hours=1)
        for _ in range(8):
            before = self.written()
            self.runner(self.round)
            if self.written() == before:
                break
        else:
            raise AssertionError("rounds go on and on")
        known = [json.loads(data)["openai"]["job_id"] for data in self.jobs()]
        assert {job.id for job in self.provider.made} <= set(known)
        shutil.rmtree(self.repository.root)

    def jobs(self):
        files = self.ledger.commits[-1]
        return [data for path, data in files.items() if path.endswith("/job.json")]

    def written(self):
        cancelled = sum(job.status == "cancelled" for job in self.provider.made)
        return len(self.ledger.commits), self.forge.writes, len(self.asked), cancelled


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("machine") / "main"
    for name in ("config", "templates"):
        shutil.copytree(ROOT / name, folder / name)
    plant(Repository(folder))
    return folder


@pytest.fixture
def machine(template):
    class OfTemplate(Machine):
        pass

    OfTemplate.template = template
    return OfTemplate


def test_what_is_evaluated_twice_in_a_second_keeps_both_reports(machine):
    """A history that was found once: the proposal rests on the first, and main has moved on."""
    state = machine()
    state.begin()
    state.provider.end(0, "succeeded")
    state.tick(THINGS, dies=0)
    state.main_moves(1301)
    state.tick(("evaluate",), dies=0)

    state.i6_only_a_model_that_a_job_made_is_asked_and_proposed()
    assert len([path for path in state.ledger.commits[-1] if path.startswith("evals/")]) == 6
    state.teardown()


def test_a_pull_request_that_a_list_leaves_out_is_looked_at_before_it_counts_as_closed(machine):
    state = machine()
    state.begin()
    state.provider.end(0, "succeeded")
    state.tick(THINGS, dies=0)
    state.forge.pulls = lambda **_: []
    state.tick(("follow",), dies=0)

    (outcome,) = [text for path, text in state.ledger.commits[-1].items() if path.endswith("/outcome.json")]
    assert json.loads(outcome)["state"] == "proposed"
    del state.forge.pulls
    state.teardown()


def test_no_history_pays_twice_loses_a_job_proposes_in_doubt_or_goes_on_for_ever(machine):
    """I1 to I6 over histories that nobody thought of."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=HISTORIES, stateful_step_count=STEPS, deadline=None,
            suppress_health_check=list(HealthCheck), derandomize="FTV4_MACHINE" not in os.environ,
        ),
    )  # fmt: skip
