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
    asked = _check(stage, "input", stage_input, guards)
    if not asked.passed:
        return _outcome(asked, pin, [asked.refused(pin.model_id, None, "STAGE_INPUT_INVALID")], now)
    tries: list[_Served] = []
    for model_id in route(pin, stage.name, stage_input["client_id"]):
        tries.append(_serve(model_id, Ask(stage, stage_input, earlier, pin), models, guards))
        if tries[-1].refusal is None:
            break
    return _outcome(asked, pin, tries, now)


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


# one answer


@dataclass(frozen=True)
class _Served:
    """One model's try at a stage."""

    model_id: str
    answer: Answer | None
    checked: "_Checked | None" = None
    """The output, or the input that kept it from being asked; None when there is no JSON object."""
    refusal: tuple[Code, str] | None = None
    """Why there is no output, if there is none."""


def _serve(model_id: str, ask: Ask, models: Models, guards: Guards) -> _Served:
    try:
        answer = models(model_id, ask.stage.name).answer(ask)
    except ServiceError as error:
        return _Served(model_id, None, None, ("STAGE_EXECUTION_FAILED", error.message))
    try:
        output = json_object(answer.text)
    except ValueError as error:
        return _Served(model_id, answer, None, ("MODEL_OUTPUT_NOT_JSON", str(error)))
    output |= {"model_id": model_id, "prompt_version": ask.pin.prompt_version}
    checked = _check(ask.stage, "output", output, guards)
    if not checked.passed:
        return checked.refused(model_id, answer, "SCHEMA_VALIDATION_FAILED")
    return _Served(model_id, answer, checked)


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


# one payload


@dataclass(frozen=True)
class _Checked:
    """A payload with the verdicts on it."""

    stage: Stage
    side: Literal["input", "output"]
    payload: Json
    problems: tuple[Problem, ...]
    failures: tuple[GuardFailure, ...]

    @property
    def passed(self) -> bool:
        return not self.problems and not self.failures

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(f"{problem.pointer or '/'} {problem.problem}" for problem in self.problems)

    def refused(self, model_id: str, answer: Answer | None, unfit: Code) -> _Served:
        """The try that this ends: `unfit` when the contract refuses the payload, else the guards do."""
        codes = ", ".join(dict.fromkeys(failure.code for failure in self.failures))
        refusal: tuple[Code, str] = ("DOCTRINE_GUARD_FAILED", f"guards refuse the {self.side}: {codes}")
        if self.problems:
            refusal = (unfit, f"the {self.side} does not fit its contract ({len(self.problems)} problems)")
        return _Served(model_id, answer, self, refusal)

    def artifact(self, now: datetime) -> Artifact:
        is_input = self.side == "input"
        return Artifact(
            artifact_kind="stage_input_summary_v1" if is_input else "stage_output_v1",
            schema_version=self.stage.input_schema if is_input else self.stage.output_schema,
            created_at=iso(now),
            payload_json=self.payload,
            guard_results=GuardResults(passed=not self.failures, failures=self.failures),
            validation_results=ValidationResults(ok=not self.problems, errors=self.lines),
        )


def _check(stage: Stage, side: Literal["input", "output"], payload: Json, guards: Guards) -> _Checked:
    failures = guards.doctrine(payload, stage.name)
    if side == "output":
        failures += guards.drift(payload, stage.name)
    return _Checked(stage, side, payload, problems_of(stage, side, payload), failures)


# one record


def _outcome(asked: _Checked, pin: Pin, tries: list[_Served], now: datetime) -> StageOutcome:
    *failed, last = tries
    output = last.checked if last.refusal is None else None
    record = StageRecord(
        stage_name=asked.stage.name,
        created_at=iso(now),
        updated_at=iso(now),
        model_config=_snapshot(pin, last.model_id),
        approved=False,
        notes="; ".join(
            f"{last.model_id} was asked because {each.model_id} failed: {each.refusal[0]}"
            for each in failed
            if each.refusal
        ),
        input_artifact=asked.artifact(now),
        output_artifact=output.artifact(now) if output else None,
    )
    return StageOutcome(
        record, output.payload if output else None, last.answer, _error(asked.stage.name, last)
    )


def _snapshot(pin: Pin, model_id: str) -> ModelConfig:
    """The pin as it stood, under the name of the model that was asked last."""
    names = ModelConfig.model_fields.keys() - {"model_id"}
    return ModelConfig(model_id=model_id, **{name: getattr(pin, name) for name in names})


def _error(stage: str, served: _Served) -> RunError | None:
    if served.refusal is None:
        return None
    code, reason = served.refusal
    return RunError(
        stage_failed=stage,
        code=code,
        reason=reason,
        validation_errors=served.checked.lines if served.checked else (),
        guard_failures=served.checked.failures if served.checked else (),
        next_action=_NEXT[code],
    )
