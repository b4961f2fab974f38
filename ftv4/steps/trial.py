"""Puts candidate and pinned model to the same cases."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ftv4.contracts.evaluation import Comparison, EvalReport
from ftv4.errors import ContractError, ServiceError, UsageError
from ftv4.pipeline.run import Models
from ftv4.steps.cases import CASES
from ftv4.steps.compare import compare
from ftv4.steps.evals import Evaluation, Mode

ARMS: dict[str, tuple[Mode, bool]] = {
    "pipeline": ("pipeline", True),
    "stage": ("stage", True),
    "pinned": ("stage", False),
}
"""Report by report: the mode, and whether it is the candidate who is asked."""


@dataclass(frozen=True)
class Trial:
    """What was heard: up to three reports, by arm."""

    model_id: str
    arms: dict[str, EvalReport] = field(default_factory=dict)
    silent: str = ""
    """Why the pinned model has no report; then nothing can be compared."""

    @property
    def comparison(self) -> Comparison:
        """The candidate alone beside the pinned model alone."""
        if "pinned" in self.arms and "stage" in self.arms:
            return compare(self.arms["pinned"], self.arms["stage"])
        return _nothing(self.model_id, self.silent or f"no eval cases in {CASES}: nothing was asked")


def hold_trial(
    evaluation: Evaluation,
    stage: str,
    model_id: str,
    models: Models,
    given: Iterable[EvalReport],
    *,
    compared: bool = False,
) -> Trial:
    """Ask the pinned model alone, then the candidate in the whole pipeline and alone.

    A report that is there already saves asking again. `compared`: a candidate that can't be compared
    isn't asked. Raises UsageError for a report about another stage or model, ServiceError when the
    candidate can't be asked.
    """
    arms = {_arm(report, stage, model_id): evaluation.regraded(report) for report in given}
    if not evaluation.cases:
        return Trial(model_id)
    wanted = [name for name in ("pipeline", "stage") if name not in arms]
    for name in wanted:
        evaluation.prepared(ARMS[name][0], stage, model_id, models)
    silent = ""
    try:
        if "pinned" not in arms:
            arms["pinned"] = evaluation.run("stage", stage, None, models)
    except (ServiceError, ContractError) as error:
        silent = f"the pinned model did not answer: {error.message}"
    if not (silent and compared):
        arms |= {name: evaluation.run(ARMS[name][0], stage, model_id, models) for name in wanted}
    return Trial(model_id, arms, silent)


def _arm(report: EvalReport, stage: str, model_id: str) -> str:
    """Which of the three a report is."""
    candidate = report.model_id == model_id
    for name, arm in ARMS.items():
        if arm == (report.mode, candidate) and report.stage == stage and report.model_id in (model_id, None):
            return name
    about = f"{report.model_id or 'the pinned model'}, {report.mode} mode, stage {report.stage}"
    raise UsageError(
        f"{report.report_path}: is about {about}",
        hint=f"needed are reports on {stage} of {model_id} (both modes) or of the pinned model (stage mode)",
    )


def _nothing(model_id: str, why: str) -> Comparison:
    return Comparison(
        a="", b="", a_model=None, b_model=model_id, wins=0, losses=0, ties=0, mean_agreement_delta=None,
        p_better=None, p_worse=None, verdict="INVALID", why=(why,), pairs=(),
    )  # fmt: skip
