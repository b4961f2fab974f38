"""Asks one eval case: hears every answer word for word, then has it graded.

The grades are taken of what was heard, not of what the pipeline made of it: an answer that the
pipeline refused, or that a fallback covered up, is in the result all the same.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ftv4.contracts.evaluation import CaseResult, StageAnswer, StageScore
from ftv4.errors import ServiceError
from ftv4.graders import grade, ungradable
from ftv4.graders.subject import Subject
from ftv4.guards import Guards
from ftv4.pipeline.brief import make_brief
from ftv4.pipeline.model import Answer, Ask, Model
from ftv4.pipeline.run import Models, Pins, json_object, run_pipeline
from ftv4.stages import STAGES
from ftv4.steps.cases import Asked

SHOWN = 5
CLIENT = "eval"


@dataclass(frozen=True)
class Asking:
    """How cases are asked."""

    mode: Literal["pipeline", "stage"]
    stage: str | None
    """The stage under evaluation; None asks about the pins as they stand."""
    pins: Pins
    guards: Guards
    now: datetime


@dataclass(frozen=True)
class Heard:
    """One question and what came back."""

    ask: Ask
    model_id: str
    answer: Answer | None
    error: str | None


class Hearing:
    """Hands out models, and keeps what they are asked and what they answer."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self.heard: list[Heard] = []

    def __call__(self, model_id: str, stage: str) -> Model:
        """A model that is listened to."""
        return _Listened(self._models(model_id, stage), model_id, self.heard)


class _Listened:
    def __init__(self, model: Model, model_id: str, heard: list[Heard]) -> None:
        self.id = model_id
        self._model = model
        self._heard = heard

    def answer(self, ask: Ask) -> Answer:
        try:
            answer = self._model.answer(ask)
        except ServiceError as error:
            self._heard.append(Heard(ask, self.id, None, error.message))
            raise
        self._heard.append(Heard(ask, self.id, answer, None))
        return answer


def ask_case(asked: Asked, asking: Asking, models: Models) -> CaseResult:
    """Ask one case and grade what is heard."""
    hearing = Hearing(models)
    stopped = (
        _pipeline(asked, asking, hearing) if asking.mode == "pipeline" else _stage(asked, asking, hearing)
    )
    answers = tuple(_graded(heard, asked, asking.guards) for heard in hearing.heard)
    return _result(asked, asking, answers, stopped)


def _pipeline(asked: Asked, asking: Asking, hearing: Hearing) -> str | None:
    """All five stages from the case's pack; says why it stopped early, if it did."""
    case = asked.case
    brief = make_brief(
        asked.pack,
        client_id=CLIENT,
        run_id=case.case_id,
        industry=case.industry,
        role=case.emyth_role,
        mode=case.window_mode,
    )
    record = run_pipeline(brief, asking.pins, hearing, asking.guards, asking.now)
    return f"{record.error.stage_failed}: {record.error.reason}" if record.error else None


def _stage(asked: Asked, asking: Asking, hearing: Hearing) -> str | None:
    """One stage alone, on the case's gold input."""
    name = asking.stage or ""
    gold = asked.case.gold
    pin = asking.pins(name, asked.case.industry)
    earlier = {stage: gold[stage].output for stage in STAGES if stage in gold and stage != name}
    ask = Ask(stage=STAGES[name], input=gold[name].input, earlier=earlier, pin=pin)
    try:
        hearing(pin.model_id, name).answer(ask)
    except ServiceError as error:
        return f"{name}: {error.message}"
    return None


def _graded(heard: Heard, asked: Asked, guards: Guards) -> StageAnswer:
    stage, said = heard.ask.stage, heard.answer
    if said is None:
        return StageAnswer(stage=stage.name, model_id=heard.model_id, answer=None, error=heard.error)
    text = _writable(said.text)
    return StageAnswer(
        stage=stage.name,
        model_id=heard.model_id,
        answer=text,
        seconds=round(said.seconds, 3),
        prompt_tokens=said.prompt_tokens,
        completion_tokens=said.completion_tokens,
        scores=_scores(text, heard, asked, guards),
    )


def _scores(text: str, heard: Heard, asked: Asked, guards: Guards) -> tuple[StageScore, ...]:
    stage = heard.ask.stage
    try:
        output = json_object(text)
    except ValueError as error:
        return ungradable(stage, str(error))
    stamps = {"model_id": heard.model_id, "prompt_version": heard.ask.pin.prompt_version}
    gold = asked.case.gold.get(stage.name)
    return grade(Subject(stage, heard.ask.input, output | stamps, gold.output if gold else None, guards))


def _writable(text: str) -> str:
    """The text with lone surrogates replaced: a file can't hold them."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _result(
    asked: Asked, asking: Asking, answers: tuple[StageAnswer, ...], stopped: str | None
) -> CaseResult:
    errors = [line for answer in answers for line in _errors(answer)]
    errors += [f"{name}: nobody was asked" for name in _silent(asking, answers)]
    if stopped and not errors:
        errors.append(stopped)
    return CaseResult(
        fixture_id=asked.case.case_id,
        passed=not errors,
        schema_passed=_passed(answers, "schema"),
        doctrine_passed=_passed(answers, "doctrine"),
        stage_drift_passed=_passed(answers, "drift"),
        decision_passed=_passed(answers, "decision"),
        grounding_passed=_passed(answers, "grounding"),
        agreement=_agreement(asking, answers),
        errors=tuple(errors),
        answers=answers,
    )


def _silent(asking: Asking, answers: tuple[StageAnswer, ...]) -> list[str]:
    """Stages that should have been asked, and weren't."""
    expected = STAGES if asking.mode == "pipeline" else [asking.stage or ""]
    spoke = {answer.stage for answer in answers}
    return [name for name in expected if name not in spoke]


def _errors(answer: StageAnswer) -> list[str]:
    if answer.error is not None:
        return [f"{answer.stage}: {answer.error}"]
    return [
        f"{answer.stage}: {score.grader}: {_shortened(score.problems)}"
        for score in answer.scores
        if score.problems
    ]


def _shortened(problems: tuple[str, ...]) -> str:
    more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    return "; ".join(problems[:SHOWN]) + more


def _passed(answers: tuple[StageAnswer, ...], grader: str) -> bool:
    """Whether everything that was heard passes; what nobody said passes nothing."""
    scores = [score for answer in answers for score in answer.scores]
    heard = all(answer.answer is not None for answer in answers) and bool(answers)
    return heard and all(score.passed for score in scores if score.grader == grader)


def _agreement(asking: Asking, answers: tuple[StageAnswer, ...]) -> float | None:
    """Of the stage under evaluation, or the mean of all stages."""
    found = [
        score.score
        for answer in answers
        if asking.stage in (None, answer.stage)
        for score in answer.scores
        if score.score is not None
    ]
    return round(sum(found) / len(found), 4) if found else None
