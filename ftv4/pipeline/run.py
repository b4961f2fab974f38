"""Runs the five stages on one brief, and stops at the first that fails, saying why.

Every input and every output is held against its contract and the guards once. The failing stage's
input stays in the record, its output doesn't (contracts.md §11.8). Grades are left to whoever
builds a dataset: they follow from what the record holds.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import orjson

from ftv4.canonical import sha256
from ftv4.clock import iso
from ftv4.contracts import Json, Problem
from ftv4.contracts.brief import Brief
from ftv4.contracts.models import Pin
from ftv4.contracts.record import (
    Artifact,
    GuardFailure,
    GuardResults,
    ModelConfig,
    RunError,
    RunRecord,
    StageRecord,
    ValidationResults,
)
from ftv4.errors import ServiceError
from ftv4.guards import Guards
from ftv4.pipeline.model import Answer, Ask, Model
from ftv4.stages import STAGES, problems_of
from ftv4.stages.stage import Stage

Pins = Callable[[str, str], Pin]
"""(stage, industry) → the pin that serves."""
Models = Callable[[str, str], Model]
"""(model id, stage) → the model. Raises ContractError for an id nobody can serve."""
Code = Literal[
    "STAGE_INPUT_INVALID",
    "MODEL_OUTPUT_NOT_JSON",
    "SCHEMA_VALIDATION_FAILED",
    "DOCTRINE_GUARD_FAILED",
    "STAGE_EXECUTION_FAILED",
]

_NEXT: dict[Code, str] = {
    "STAGE_INPUT_INVALID": "Mend the data pack or the stage before; this stage can't start from that.",
    "MODEL_OUTPUT_NOT_JSON": "Ask again, or pin a model that answers with one JSON object.",
    "SCHEMA_VALIDATION_FAILED": "Pin a model that keeps to the stage's contract.",
    "DOCTRINE_GUARD_FAILED": "Take the named words out of the source data, or pin a model that avoids them.",
    "STAGE_EXECUTION_FAILED": "See whether the provider is up and the key is right, then run again.",
}


@dataclass(frozen=True)
class StageOutcome:
    """What became of one stage."""

    record: StageRecord
    output: Json | None
    """Stamped and valid; None when the stage failed."""
    answer: Answer | None
    """As the model gave it, also when it was refused; None when there was none."""
    error: RunError | None


def run_pipeline(brief: Brief, pins: Pins, models: Models, guards: Guards, now: datetime) -> RunRecord:
    """Carry a brief through all stages, or to the first that fails."""
    outputs: dict[str, Json] = {}
    records: list[StageRecord] = []
    error = None
    for stage in STAGES.values():
        pin, earlier = pins(stage.name, brief.industry), dict(outputs)
        outcome = run_stage(stage, stage.make_input(brief, earlier), earlier, pin, models, guards, now)
        records.append(outcome.record)
        if outcome.output is None:
            error = outcome.error
            break
        outputs[stage.name] = outcome.output
    return RunRecord(
        run_id=brief.run_id,
        workspace_id=brief.client_id,
        pipeline_version="intelligence_v4",
        status="failed" if error else "succeeded",
        started_at=iso(now),
        finished_at=iso(now),
        stage_records=tuple(records),
        final_artifact=None if error else outputs["synthesis_decision"],
        error=error,
    )


def run_stage(
    stage: Stage,
    stage_input: Json,
    earlier: Mapping[str, Json],
    pin: Pin,
    models: Models,
    guards: Guards,
    now: datetime,
) -> StageOutcome:
    """Ask the pinned model, or whom its rollout and fallback name, for one stage's output."""
    checked = _check(stage, "input", stage_input, guards)
    if not checked.passed:
        served = _Served(pin.model_id, None, None, checked, checked.refusal("STAGE_INPUT_INVALID"))
        return _outcome(stage, pin, checked, served, (), now)
    first, *others = route(pin, stage.name, str(stage_input.get("client_id", "")))
    served = _serve(first, Ask(stage, stage_input, earlier, pin), models, guards)
    notes: list[str] = []
    for model_id in others:
        if served.refusal is None:
            break
        notes.append(f"{model_id} was asked because {served.model_id} failed: {served.refusal[0]}")
        served = _serve(model_id, Ask(stage, stage_input, earlier, pin), models, guards)
    return _outcome(stage, pin, checked, served, notes, now)


def route(pin: Pin, stage: str, client_id: str) -> tuple[str, ...]:
    """Whom to ask, in turn: the share of clients a canary gets never changes for one client."""
    other = pin.fallback.model_id if pin.fallback.enabled else None
    if other is None:
        return (pin.model_id,)
    if pin.rollout.strategy == "canary" and share(stage, client_id) >= pin.rollout.canary_percent:
        return (other,)
    return (pin.model_id, other)


def share(stage: str, client_id: str) -> int:
    """A client's fixed place among a hundred, 0..99, another in each stage."""
    return int(sha256(f"{stage}\n{client_id}")[:15], 16) % 100


# one payload


@dataclass(frozen=True)
class _Checked:
    """A payload with the verdicts on it."""

    stage: str
    side: Literal["input", "output"]
    payload: Json
    problems: tuple[Problem, ...]
    failures: tuple[GuardFailure, ...]

    @property
    def passed(self) -> bool:
        return not self.problems and not self.failures

    def refusal(self, unfit: Code) -> tuple[Code, str]:
        """Why it is refused: `unfit` when its contract refuses it, else the guards."""
        if self.problems:
            return unfit, f"the {self.side} does not fit its contract ({len(self.problems)} problems)"
        codes = ", ".join(dict.fromkeys(failure.code for failure in self.failures))
        return "DOCTRINE_GUARD_FAILED", f"guards refuse the {self.side}: {codes}"

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(f"{problem.pointer or '/'} {problem.problem}" for problem in self.problems)

    def artifact(self, schema: str, now: datetime) -> Artifact:
        return Artifact(
            artifact_kind="stage_input_summary_v1" if self.side == "input" else "stage_output_v1",
            schema_version=schema,
            created_at=iso(now),
            payload_json=self.payload,
            guard_results=GuardResults(passed=not self.failures, failures=self.failures),
            validation_results=ValidationResults(ok=not self.problems, errors=self.lines),
        )


def _check(stage: Stage, side: Literal["input", "output"], payload: Json, guards: Guards) -> _Checked:
    failures = guards.doctrine(payload, stage.name)
    if side == "output":
        failures += guards.drift(payload, stage.name)
    return _Checked(stage.name, side, payload, problems_of(stage, side, payload), failures)


# one answer


@dataclass(frozen=True)
class _Served:
    """One model's try at a stage."""

    model_id: str
    answer: Answer | None
    output: Json | None
    checked: _Checked | None
    """What was found wrong, if something was."""
    refusal: tuple[Code, str] | None


def _serve(model_id: str, ask: Ask, models: Models, guards: Guards) -> _Served:
    try:
        answer = models(model_id, ask.stage.name).answer(ask)
    except ServiceError as error:
        return _Served(model_id, None, None, None, ("STAGE_EXECUTION_FAILED", error.message))
    try:
        output = json_object(answer.text)
    except ValueError as error:
        return _Served(model_id, answer, None, None, ("MODEL_OUTPUT_NOT_JSON", str(error)))
    output |= {"model_id": model_id, "prompt_version": ask.pin.prompt_version}
    checked = _check(ask.stage, "output", output, guards)
    if not checked.passed:
        return _Served(model_id, answer, None, checked, checked.refusal("SCHEMA_VALIDATION_FAILED"))
    return _Served(model_id, answer, output, checked, None)


def json_object(text: str) -> Json:
    """A model's answer as the one JSON object it must be. Raises ValueError saying what else it is."""
    try:
        value = orjson.loads(text)
        if isinstance(value, dict):
            json.loads(text, object_pairs_hook=_no_twice)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the answer is not JSON: {error.msg} (line {error.lineno})") from None
    except RecursionError:
        raise ValueError("the answer is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("the answer is JSON, but not an object")
    return value


def _no_twice(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("the answer has an object with the same key twice")


# one record


def _outcome(
    stage: Stage,
    pin: Pin,
    asked: _Checked,
    served: _Served,
    notes: tuple[str, ...] | list[str],
    now: datetime,
) -> StageOutcome:
    kept = served.checked if served.refusal is None else None
    record = StageRecord(
        stage_name=stage.name,
        created_at=iso(now),
        updated_at=iso(now),
        model_config=_snapshot(pin, served.model_id),
        approved=False,
        notes="; ".join(notes),
        input_artifact=asked.artifact(stage.input_schema, now),
        output_artifact=kept.artifact(stage.output_schema, now) if kept else None,
    )
    return StageOutcome(record, served.output, served.answer, _error(stage, served))


def _snapshot(pin: Pin, model_id: str) -> ModelConfig:
    """The pin as it stood, under the name of the model that was asked last."""
    names = ModelConfig.model_fields.keys() - {"model_id"}
    return ModelConfig(model_id=model_id, **{name: getattr(pin, name) for name in names})


def _error(stage: Stage, served: _Served) -> RunError | None:
    if served.refusal is None:
        return None
    code, reason = served.refusal
    return RunError(
        stage_failed=stage.name,
        code=code,
        reason=reason,
        validation_errors=served.checked.lines if served.checked else (),
        guard_failures=served.checked.failures if served.checked else (),
        next_action=_NEXT[code],
    )
