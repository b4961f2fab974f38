"""Asks a model the eval cases and keeps every answer, so that the verdict can be found again by anyone.

The candidate itself answers (weaknesses.md A1), nothing is stored as a run record (A7), and no cases
is no pass (A10).
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ftv4.canonical import digest
from ftv4.clock import iso, stamp
from ftv4.contracts import Json
from ftv4.contracts.evaluation import CaseResult, EvalReport, EvalTotals, StageAnswer
from ftv4.contracts.models import Fallback, ModelsConfig, Pin, Rollout
from ftv4.contracts.policy import Policy
from ftv4.documents import Repository, to_json
from ftv4.encode import for_log, name_for_log
from ftv4.errors import ContractError, GateError, ServiceError, UsageError
from ftv4.graders import names
from ftv4.guards import Guards
from ftv4.pipeline.messages import prompt_version
from ftv4.pipeline.model import Answer, Ask, Model
from ftv4.pipeline.run import Models, Pins
from ftv4.stages import STAGES
from ftv4.stages.stage import Stage
from ftv4.steps.answers import Asking, ask_case
from ftv4.steps.cases import CASES, Asked, cases_digest
from ftv4.steps.memory import Memory
from ftv4.steps.shelf import Shelf

REPORTS = "evals/report_{}.json"
CONCURRENCY = 8
Mode = Literal["pipeline", "stage"]


@dataclass(frozen=True)
class Evaluation:
    """What an eval needs to know: the cases, the files that decide, and the clock."""

    cases: tuple[Asked, ...]
    config: ModelsConfig
    policy: Policy
    instructions: Mapping[str, str]
    """Stage → the version of what its model is told, as `instructions_of` finds it."""
    now: datetime
    concurrency: int = CONCURRENCY
    on_case: Callable[[int], None] = field(default=lambda total: None)
    """Called with the number of cases as each is done, from any thread."""
    memory: Memory | None = None
    """Knows what an evaluation that was cut short has heard; None asks everything."""

    @property
    def industries(self) -> frozenset[str]:
        """Those that a case is of."""
        return frozenset(one.case.industry for one in self.cases)

    def run(self, mode: Mode, stage: str | None, model_id: str | None, models: Models) -> EvalReport:
        """Ask every case; results are in case order whatever the concurrency.

        Raises GateError without cases, and ServiceError when no case got through to its model.
        """
        found = self.prepared(mode, stage, model_id, models)
        report = self._report(mode, stage, model_id, lambda asked: self._remembered(mode, asked, found))
        _refuse_silence(report.results)
        return report

    def prepared(self, mode: Mode, stage: str | None, model_id: str | None, models: Models) -> Models:
        """Find every model before the first is asked, so that a wrong id or a missing key costs nothing."""
        self._check(mode, stage, model_id)
        pins = pins_of(self.config, stage, model_id)
        wanted = [stage] if mode == "stage" and stage else list(STAGES)
        asked = [(pins(name, one.case.industry), name) for name in wanted for one in self.cases]
        ids = {(pin.model_id, name) for pin, name in asked}
        ids |= {(pin.fallback.model_id, name) for pin, name in asked if pin.fallback.model_id}
        found = {(one, name): models(one, name) for one, name in sorted(ids)}
        return lambda one, name: found[one, name]

    def regraded(self, report: EvalReport) -> EvalReport:
        """A report made earlier, its raw answers graded anew: its own word is not taken.

        Raises GateError when it answers other questions than today's, or its scores are not what its
        answers earn.
        """
        wrong = [f"{name} differ" for name in self.differing(report)]
        if not wrong:
            heard = {result.fixture_id: result.answers for result in report.results}
            again = self._report(
                report.mode,
                report.stage,
                report.model_id,
                lambda asked: _Recorded(heard.get(asked.case.case_id, ())),
            )
            same = {"generated_at": report.generated_at, "report_path": report.report_path}
            if again.model_copy(update=same) != report:
                wrong = ["its scores are not what its answers earn"]
        if wrong:
            raise GateError(f"{report.report_path}: can't be used", problems=wrong, hint="run the evals anew")
        return report

    def _remembered(self, mode: Mode, asked: Asked, models: Models) -> Models:
        return self.memory.models(mode, asked, self.instructions, models) if self.memory else models

    def differing(self, report: EvalReport) -> list[str]:
        """The members of a report that say it was asked something else than would be asked today."""
        now = self._questions(report.stage, report.model_id)
        return [name for name, value in now.items() if getattr(report, name) != value]

    def _questions(self, stage: str | None, model_id: str | None) -> Json:
        """What a report rests on besides the answers."""
        pins = pins_of(self.config, stage, model_id)
        return {
            "models": {name: pins(name, "").model_id for name in STAGES},
            "cases_sha256": cases_digest(self.cases),
            "policy_sha256": digest(self.policy.model_dump(mode="json")),
            "parameters_sha256": digest([self._parameters(stage) for stage in STAGES.values()]),
            "graders": names(),
        }

    def _parameters(self, stage: Stage) -> Json:
        """How a stage is asked, whoever answers; an industry's own pin may ask otherwise."""
        config, told = self.config, self.instructions[stage.name]
        industries = ("", *sorted(config.industry_overrides))
        pins = {industry: config.pin(stage.name, industry) for industry in industries}
        return {
            "stage": stage.name,
            "instructions": told,
            "contracts": [stage.input_schema, stage.output_schema],
            "sampling": {industry: [pin.temperature, pin.max_tokens] for industry, pin in pins.items()},
        }

    def _report(
        self, mode: Mode, stage: str | None, model_id: str | None, models_of: Callable[[Asked], Models]
    ) -> EvalReport:
        pins = pins_of(self.config, stage, model_id)
        results = self._ask_all(Asking(mode, stage, pins, Guards.compile(self.policy), self.now), models_of)
        passed = sum(result.passed for result in results)
        return EvalReport(
            generated_at=iso(self.now),
            mode=mode,
            stage=stage,
            model_id=model_id,
            **self._questions(stage, model_id),
            totals=EvalTotals(fixtures=len(results), passed=passed, failed=len(results) - passed),
            results=results,
            report_path="",
        )

    def _check(self, mode: Mode, stage: str | None, model_id: str | None) -> None:
        if stage is None and (mode == "stage" or model_id is not None):
            asked = "--mode stage" if mode == "stage" else "--model"
            raise UsageError(f"{asked} needs --stage", hint=f"one of {', '.join(STAGES)}")
        if not self.cases:
            raise GateError(f"no eval cases in {CASES}: nothing was asked, so nothing passed")
        if mode == "stage":
            without = [asked.case.case_id for asked in self.cases if stage not in asked.case.gold]
            if without:
                raise GateError(f"cases without gold for {stage}: {', '.join(without[:10])}")

    def _ask_all(self, asking: Asking, models_of: Callable[[Asked], Models]) -> tuple[CaseResult, ...]:
        def ask(asked: Asked) -> CaseResult:
            result = ask_case(asked, asking, models_of(asked))
            self.on_case(len(self.cases))
            return result

        with ThreadPoolExecutor(max_workers=self.concurrency) as pool:
            return tuple(pool.map(ask, self.cases))


def instructions_of(repository: Repository, policy: Policy) -> dict[str, str]:
    """Stage → the version of what its model is told. Raises ContractError for an empty prompt file."""
    return {
        name: prompt_version(stage, repository.template(stage.prompt), policy)
        for name, stage in STAGES.items()
    }


def pins_of(config: ModelsConfig, stage: str | None, model_id: str | None) -> Pins:
    """The pins as they stand, with the candidate in its stage for every industry.

    The candidate answers alone: no canary's share and no fallback may speak in its place.
    """

    def pins(name: str, industry: str) -> Pin:
        if model_id is None or name != stage:
            return config.pin(name, industry)
        alone = {"model_id": model_id, "rollout": Rollout(), "fallback": Fallback()}
        return config.pin(name, "").model_copy(update=alone)

    return pins


def save(repository: Repository, report: EvalReport, now: datetime, out: str | None = None) -> EvalReport:
    """Write a report under a name of its own, or over `out`; give it back with its path."""
    with Shelf(repository) as shelf:
        path = repository.relative(out) if out else shelf.claim(REPORTS, stamp(now))
        named = report.model_copy(update={"report_path": path})
        shelf.hold(path, to_json(named))
        shelf.put_down()
    return named


def place_of(repository: Repository, out: str) -> str:
    """Where a report that somebody names may go: in the repository, over nothing but a report.

    Raises UsageError.
    """
    path = repository.relative(out)
    if path.startswith("../") or not path.endswith(".json"):
        hint = "such as evals/report_x.json"
        raise UsageError(f"{name_for_log(path)}: no place in the repository for a .json file", hint=hint)
    if repository.has(path):
        try:
            repository.read(EvalReport, path)
        except ContractError:
            raise UsageError(f"{name_for_log(path)}: no eval report; left as it is") from None
    return path


def read_report(repository: Repository, path: str) -> EvalReport:
    """A report under the name it has, whatever it calls itself. Raises ContractError."""
    return repository.read(EvalReport, path).model_copy(update={"report_path": repository.relative(path)})


def agreement_of(report: EvalReport) -> float | None:
    """Mean agreement with gold over the cases that have one."""
    found = [result.agreement for result in report.results if result.agreement is not None]
    return round(sum(found) / len(found), 4) if found else None


def _refuse_silence(results: tuple[CaseResult, ...]) -> None:
    """A provider that is away altogether decides nothing: that is no eval."""
    last = [result.answers[-1].error if result.answers else None for result in results]
    if None not in last:
        raise ServiceError(
            f"no case was answered: {last[0]}",
            hint="see that the model exists and its provider is up, then run again",
            retryable=True,
        )


class _Recorded:
    """A model that says again what a report heard."""

    def __init__(self, answers: tuple[StageAnswer, ...]) -> None:
        self._left = list(answers)

    def __call__(self, model_id: str, stage: str) -> Model:
        return _Recording(model_id, stage, self._left)


@dataclass(frozen=True)
class _Recording:
    id: str
    stage: str
    left: list[StageAnswer]

    def answer(self, ask: Ask) -> Answer:
        for index, said in enumerate(self.left):
            if (said.stage, said.model_id) == (self.stage, self.id):
                del self.left[index]
                return self._again(said)
        raise ServiceError(f"the report has no answer of {for_log(self.id)} for {self.stage}")

    def _again(self, said: StageAnswer) -> Answer:
        if said.answer is None:
            raise ServiceError(said.error or "no answer")
        return Answer(said.answer, said.seconds, said.prompt_tokens, said.completion_tokens)
