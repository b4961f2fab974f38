"""Answers that were paid for are not lost: the next round takes up an evaluation that was cut short."""

import json
from datetime import timedelta

import pytest

from ftv4.clients.git import Remote
from ftv4.clients.ledger import Ledger
from ftv4.documents import MODELS, Repository
from ftv4.errors import ServiceError
from ftv4.steps import reconcile_answers, reconcile_silence
from ftv4.steps.reconcile import Round
from tests.forge_sandbox import _server, empty_sandbox  # noqa: F401
from tests.provider_sandbox import _provider, sandbox  # noqa: F401
from tests.steps.test_reconcile import STAGE, team  # noqa: F401
from tests.steps.test_reconcile_guards import CHAT, answered
from tests.steps.test_reconcile_rounds import (  # noqa: F401
    FOLDER,
    NOON,
    Expert,
    Killed,
    World,
    state_of,
    template,
)

QUESTIONS = 12
"""Six cases, in the pipeline and alone."""
EVALUATING = ("follow", "evaluate")
EVALUATE = ("--do", "follow", "--do", "evaluate")


def reports(files):
    """The eval reports among files."""
    return {path: content for path, content in files.items() if path.startswith("evals/report_")}


def kept(files):
    """How many answers wait on a ledger."""
    return sum(len(json.loads(text)["answers"]) for path, text in files.items() if "answers.json" in path)


def interrupted(team, after, code=5):  # noqa: F811
    """A round whose model answers so many questions, and then none."""
    team.provider.begin_faults()
    team.provider.fail("reject", "POST", CHAT, status=400, nth=after + 1, times=9999)
    (run,) = team.round(*EVALUATE, code=code)
    team.provider.begin_faults()
    team.lose_checkout()
    return run


@pytest.mark.parametrize("after", [1, 4, 6])
def test_answers_are_kept_and_the_next_round_asks_only_what_is_missing(team, after):  # noqa: F811
    """Fault rows 24 and 26."""
    team.trained()
    run = interrupted(team, after)
    assert run["error"].startswith(
        f"it answered {after} of {QUESTIONS} questions, then: sandbox: could not ask"
    )
    assert run["done"][-1] == f"it answered {after} of {QUESTIONS} questions, in 1 of 3 evals"
    assert kept(team.ledger()) == after

    (run,) = team.round(*EVALUATE)

    assert (run["state"], len(answered(team))) == ("evaluated", QUESTIONS)
    assert kept(team.ledger()) == 0


def test_what_got_no_answer_is_asked_again_alone(team):  # noqa: F811
    """Fault row 26: cases that failed here and there."""
    team.trained()
    team.provider.fail("reject", "POST", CHAT, status=400, nth=3, times=2)
    (run,) = team.round(*EVALUATE)
    assert (run["state"], run["error"]) == ("ready", None)
    assert run["done"][-1].startswith("2 questions got no answer")
    team.lose_checkout()

    assert team.round(*EVALUATE)[0]["state"] == "evaluated"
    assert len(answered(team)) == QUESTIONS


def test_an_evaluation_that_gets_further_each_time_never_speaks_against_its_model(team):  # noqa: F811
    team.trained()
    for number in range(1, 6):
        run = interrupted(team, 2, code=5 if 2 * number <= 6 else 0)
        assert (run["state"], run["done"][-1][-15:]) == ("ready", "in 1 of 3 evals")

    assert team.round(*EVALUATE)[0]["state"] == "evaluated"
    assert len(answered(team)) == QUESTIONS


def test_a_model_that_stays_silent_is_refused_for_what_is_true(team):  # noqa: F811
    started = team.trained()
    for after, code in ((4, 5), (0, 5), (0, 0)):
        run = interrupted(team, after, code)

    assert run["state"] == "refused"
    assert run["reasons"][0].startswith(
        f"it answered 4 of {QUESTIONS} questions, then: sandbox: could not ask"
    )
    (run,) = team.round("--again", started["run_dir"], *EVALUATE)
    assert (run["state"], len(answered(team))) == ("evaluated", QUESTIONS)


def test_what_a_refused_model_answered_is_kept_for_whoever_asks_it_again(team, monkeypatch):  # noqa: F811
    monkeypatch.setattr(reconcile_silence, "TRIES", 1)
    started = team.trained()
    team.provider.fail("reject", "POST", CHAT, status=400, nth=3)
    (run,) = team.round(*EVALUATE)
    assert run["state"] == "refused"
    team.lose_checkout()
    assert kept(team.ledger()) == QUESTIONS - 1

    (run,) = team.round("--again", started["run_dir"], *EVALUATE)

    assert (run["state"], len(answered(team))) == ("evaluated", QUESTIONS)


# what is kept while it goes on


class Careful(World):
    """Everything outside a checkout; one question at a time, and the process may be killed at any of them."""

    concurrency = 1
    fatal = None
    """The question at which it is."""

    def models(self, model_id, stage):
        model = super().models(model_id, stage)
        return Mortal(model_id, stage, self.asked, self) if isinstance(model, Expert) else model

    def files(self):
        """What lasts: the ledger's files, or where there is none those of the work tree."""
        if self.bare is None:
            found = self.repository.root.rglob("*.json")
            return {self.repository.relative(path): path.read_bytes() for path in found}
        with Ledger.opened(Remote(str(self.bare))) as ledger:
            return dict(ledger.read().files)


class Mortal(Expert):
    def __init__(self, model_id, stage, asked, world):
        super().__init__(model_id, stage, asked)
        self.world = world

    def answer(self, ask):
        if len(self.asked) == self.world.fatal:
            raise Killed  # the pool's thread goes on for a moment; a dead process asks nothing
        said = super().answer(ask)
        if len(self.asked) == self.world.fatal:
            raise Killed
        return said


def killed_at(world, question, monkeypatch):
    """A round that is killed before the answer to a question is known; a dead process writes nothing."""

    def while_alive(write):
        def alive(*arguments):
            if len(world.asked) == question:
                raise Killed
            return write(*arguments)

        return alive

    world.fatal = question
    with monkeypatch.context() as process, pytest.raises(Killed):
        process.setattr(Ledger, "write", while_alive(Ledger.write))
        process.setattr(Repository, "write", while_alive(Repository.write))
        world.round()
    world.fatal = None


def test_an_evaluation_that_goes_through_leaves_no_file_of_answers(template, tmp_path):  # noqa: F811
    world = Careful(template, tmp_path, ledger=False)

    world.round(things=EVALUATING)

    assert not world.repository.has(f"{FOLDER}/answers.json")


def test_killed_at_any_question_the_next_round_asks_the_others_alone(template, tmp_path, monkeypatch):  # noqa: F811
    """Fault row 24: the reports are byte for byte those of an evaluation that wasn't killed."""
    monkeypatch.setattr(reconcile_answers, "EVERY", timedelta())
    whole = Careful(template, tmp_path / "whole", ledger=False)
    whole.round(things=EVALUATING)
    assert len(whole.asked) == QUESTIONS
    for question in range(1, QUESTIONS + 1):
        world = Careful(template, tmp_path / str(question), ledger=False)
        killed_at(world, question, monkeypatch)
        assert kept(world.files()) == question - 1

        (entry,) = world.round(things=EVALUATING)

        assert state_of(entry) == "evaluated"
        assert len(world.asked) == QUESTIONS + 1  # the one that it was killed at
        assert reports(world.files()) == reports(whole.files())
        assert kept(world.files()) == 0


def test_a_runner_that_is_killed_leaves_its_answers_on_the_ledger(template, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(reconcile_answers, "EVERY", timedelta())
    world = Careful(template, tmp_path)
    killed_at(world, 8, monkeypatch)
    world.checkout()
    assert kept(world.files()) == 7

    (entry,) = world.round()

    assert state_of(entry) == "proposed"
    assert len(world.asked) == QUESTIONS + 1
    assert kept(world.files()) == 0


def test_answers_are_written_down_every_20_seconds_and_not_each_by_itself(template, tmp_path, monkeypatch):  # noqa: F811
    """Of questions that take seven."""
    world = Careful(template, tmp_path)
    world.round(things=("follow",))
    begin, write, messages = Round.__init__, Ledger.write, []

    def ticking(self, books, doors, clock, limit):
        begin(self, books, doors, lambda: NOON + timedelta(seconds=7 * len(world.asked)), limit)

    def told(ledger, state, files, message, now):
        messages.append(message.split()[0])
        return write(ledger, state, files, message, now)

    monkeypatch.setattr(Round, "__init__", ticking)
    monkeypatch.setattr(Ledger, "write", told)

    world.round(things=("evaluate",))

    assert messages == ["answers"] * (7 * QUESTIONS // 20) + ["evaluated"]


def cut_short(world, question):
    """A round that somebody stops."""
    world.fatal = question
    with pytest.raises(Killed):
        world.round()
    world.fatal = None


def test_who_stops_an_evaluation_loses_nothing_that_was_answered(template, tmp_path):  # noqa: F811
    """As Ctrl-C, or a job in Actions that is cancelled: no time passed since the start."""
    world = Careful(template, tmp_path)
    cut_short(world, 5)
    world.checkout()

    assert kept(world.files()) == 4


def prompt(world):
    path = world.repository.path(f"templates/prompts/{STAGE}.md")
    path.write_text(path.read_text() + "Say it plainly.\n")


def colder(world):
    config = world.repository.read_json(MODELS)
    config["stages"][STAGE]["temperature"] = 0.9
    world.repository.write(MODELS, json.dumps(config))


def longer(world):
    config = world.repository.read_json(MODELS)
    config["stages"][STAGE]["max_tokens"] = 4321
    world.repository.write(MODELS, json.dumps(config))


def notes(world):
    for path in world.repository.files("evals/cases", "*.json"):
        case = world.repository.read_json(path)
        world.repository.write(path, json.dumps(case | {"notes": "another case by now"}))


@pytest.mark.parametrize("change", [prompt, colder, longer, notes])
def test_an_answer_to_something_else_is_never_taken_up(template, tmp_path, change):  # noqa: F811
    world = Careful(template, tmp_path, ledger=False)
    cut_short(world, 5)
    change(world)

    (entry,) = world.round()

    assert state_of(entry) == "proposed"
    assert len(world.asked) == 5 + QUESTIONS


SERVED = "sandbox:gpt-4.1-mini-2025-04-14"


def pin(world, stage):
    config = world.repository.read_json(MODELS)
    config["stages"][stage]["model_id"] = SERVED
    world.repository.write(MODELS, json.dumps(config))


def test_what_follows_from_another_answer_is_another_question(template, tmp_path):  # noqa: F811
    """The stage before is another model's by now, so what the candidate is given differs."""
    world = Careful(template, tmp_path, ledger=False)
    cut_short(world, 5)
    pin(world, "blue_ocean")

    world.round()

    asked = [ask.stage.name for ask in world.asked[5:]]
    assert (asked.count("blue_ocean"), asked.count(STAGE)) == (6, QUESTIONS)


def test_one_models_answer_is_never_taken_for_anothers(template, tmp_path):  # noqa: F811
    """The pinned model is asked the very same questions."""
    world = Careful(template, tmp_path, ledger=False)
    pin(world, STAGE)

    world.round(things=EVALUATING)

    assert len(world.asked) == QUESTIONS + 6


@pytest.mark.parametrize(("days", "asked"), [(2, QUESTIONS + 1), (3, QUESTIONS + 5)])
def test_an_old_answer_is_not_taken_up(template, tmp_path, days, asked):  # noqa: F811
    world = Careful(template, tmp_path, ledger=False)
    cut_short(world, 5)

    world.round(NOON + timedelta(days=days))

    assert len(world.asked) == asked


def test_what_is_kept_is_bounded_and_the_newest_stays(template, tmp_path, monkeypatch):  # noqa: F811
    world = Careful(template, tmp_path, ledger=False)
    cut_short(world, 5)
    path = f"{FOLDER}/answers.json"
    sizes = [len(one["answer"]) for one in world.repository.read_json(path)["answers"]]
    monkeypatch.setattr(reconcile_answers, "MOST", sum(sizes) + min(sizes) // 2)
    later = NOON + timedelta(hours=1)
    world.fatal = 7
    with pytest.raises(Killed):
        world.round(later)

    times = [one["at"] for one in world.repository.read_json(path)["answers"]]

    assert len(times) == 4
    assert times[-1] > times[0]


def test_a_ledger_that_is_away_costs_no_evaluation(template, tmp_path, monkeypatch):  # noqa: F811
    """What is written on the way is for the worst case; at the end it is back."""
    monkeypatch.setattr(reconcile_answers, "EVERY", timedelta())
    world = Careful(template, tmp_path)
    world.round(things=("follow",))
    write = Ledger.write

    def away(*arguments):
        if len(world.asked) < QUESTIONS:
            raise ServiceError("the ledger is away", retryable=True)
        return write(*arguments)

    monkeypatch.setattr(Ledger, "write", away)
    (entry,) = world.round()

    assert state_of(entry) == "proposed"
    assert len(world.asked) == QUESTIONS


def test_who_stops_an_evaluation_is_not_told_of_a_ledger_that_is_away(template, tmp_path, monkeypatch):  # noqa: F811
    def away(*arguments):
        raise ServiceError("the ledger is away", retryable=True)

    world = Careful(template, tmp_path)
    world.round(things=("follow",))
    monkeypatch.setattr(Ledger, "write", away)

    cut_short(world, 5)


@pytest.mark.parametrize("every", [timedelta(), timedelta(hours=1)], ids=["on the way", "at the end"])
def test_another_runners_word_is_not_written_over(template, tmp_path, monkeypatch, every):  # noqa: F811
    """It evaluates, too, between our look and the first that we write: answers, or what they come to."""
    monkeypatch.setattr(reconcile_answers, "EVERY", every)
    world = Careful(template, tmp_path)
    world.round(things=("follow",))
    first, write = world.repository, Ledger.write

    def late(ledger, *arguments):
        monkeypatch.setattr(Ledger, "write", write)
        world.checkout()
        world.round(NOON + timedelta(minutes=5), things=("evaluate",))
        world.repository = first
        return write(ledger, *arguments)

    monkeypatch.setattr(Ledger, "write", late)
    (entry,) = world.round(things=("evaluate",))

    assert entry.notes == ["another runner is at it"]
    assert json.loads(world.files()[f"{FOLDER}/outcome.json"])["updated_at"] == "2026-11-22T12:05:00.000Z"
    assert kept(world.files()) == 0
