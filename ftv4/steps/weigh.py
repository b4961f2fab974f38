"""Weighs what speaks for and against a candidate; the report says why it may serve, or why not.

Hard guards first: they can't be forced. Then rows, lifetime, and the paired verdict. Nothing here
writes; `steps/publish.py` does, for refusals too (weaknesses.md C2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, NamedTuple

from ftv4.canonical import sha256
from ftv4.clock import iso
from ftv4.contracts import Json
from ftv4.contracts.evaluation import EvalReport, EvalTotals
from ftv4.contracts.models import ModelsConfig
from ftv4.contracts.policy import PromotionPolicy
from ftv4.contracts.promotion import (
    Bound,
    DatasetEvidence,
    EvalEvidence,
    EvalsEvidence,
    Lifetime,
    PromotionReport,
)
from ftv4.documents import Repository, to_json
from ftv4.encode import name_for_log
from ftv4.errors import ServiceError, UsageError
from ftv4.pipeline.model import RULE
from ftv4.stages.stage import Stage
from ftv4.steps import lifetime
from ftv4.steps.history import overriding
from ftv4.steps.runs import MANIFEST, Run
from ftv4.steps.training import Dataset
from ftv4.steps.trial import Trial

if TYPE_CHECKING:
    from ftv4.clients.provider import Provider

FORCED = "forced: "
"""How a warning begins that was an objection."""


@dataclass(frozen=True)
class Wish:
    """What the operator asks for."""

    stage: Stage
    model_id: str
    base_model: str
    notes: str = ""
    reason: str | None = None
    """Why to go on where a gate that may be forced says no; None forces nothing."""
    dry_run: bool = False
    approved_only: bool = True
    keep_overrides: bool = False


@dataclass(frozen=True)
class Evidence:
    """All that the decision rests on."""

    config: ModelsConfig
    models_sha256: str
    """Of the models.json that `config` was read from."""
    policy: PromotionPolicy
    data: Dataset
    run: Run | None
    """The fine-tune run that made the candidate."""
    doubts: tuple[str, ...]
    trial: Trial
    gold: dict[str, Json]
    """The stage's approved output, by case."""
    life: Lifetime
    industries: frozenset[str]
    """Those that a case is of."""


class Objection(NamedTuple):
    """Something against the candidate."""

    line: str
    forceable: bool = False


def judge_wish(wish: Wish, evidence: Evidence, now: datetime) -> PromotionReport:
    """Weigh the evidence; the report passes when nothing is left against the candidate."""
    against = objections(wish, evidence)
    forced = [one for one in against if one.forceable and wish.reason]
    blocked = tuple(one.line for one in against if one not in forced)
    overrides = overriding(evidence.config, wish.stage.name)
    warnings = [f"{FORCED}{one.line}" for one in forced]
    return PromotionReport(
        generated_at=iso(now),
        stage=wish.stage.name,
        old_model_id=evidence.config.pin(wish.stage.name, "").model_id,
        new_model_id=wish.model_id,
        base_model=wish.base_model,
        dry_run=wish.dry_run,
        passed=not blocked,
        verdict=evidence.trial.comparison.verdict,
        blocked_by=blocked,
        warnings=tuple(warnings + _notices(wish, evidence, overrides)),
        notes=wish.notes,
        dataset=_dataset(wish, evidence, forced=bool(forced)),
        evals=_evals(evidence.trial),
        lifetime=evidence.life,
        cleared_overrides={} if wish.keep_overrides else overrides,
        bound=_bound(evidence),
    )


def objections(wish: Wish, evidence: Evidence) -> list[Objection]:
    """Everything against the candidate, what can't be forced first."""
    lines = [*_failed_cases(evidence.trial), *_wrong_run(wish, evidence.run)]
    lines += short_lived(evidence.life, evidence.policy.min_days_left)
    lines += not_ours(wish.model_id, evidence.policy.owners)
    found = [Objection(line) for line in lines]
    report, needed = evidence.data.report, wish.stage.min_rows
    if report.accepted_rows < needed:
        why = f" ({evidence.data.rejected})" if evidence.data.rejected else ""
        line = f"rows: {report.accepted_rows} of {report.file} are accepted, {needed} are needed{why}"
        found.append(Objection(line, forceable=True))
    comparison = evidence.trial.comparison
    if comparison.verdict not in ("IMPROVED", "NON_INFERIOR"):
        forceable = comparison.verdict == "INCONCLUSIVE" or bool(evidence.trial.silent)
        line = f"verdict {comparison.verdict}: {'; '.join(comparison.why[:3])}"
        found.append(Objection(line, forceable))
    return found


def refuse_if_it_serves(config: ModelsConfig, stage: str, model_id: str, keep_overrides: bool) -> None:
    """Raises UsageError when the candidate serves every industry already."""
    others = set(overriding(config, stage).values()) - {model_id}
    if config.pin(stage, "").model_id == model_id and (keep_overrides or not others):
        raise UsageError(f"{model_id} serves {stage} already", hint="there is nothing to promote")


def life_of(
    repository: Repository, model_id: str, base: str, client: "Provider | None", now: datetime
) -> Lifetime:
    """How long a model can serve: the provider's own word, else the dated table of its base."""
    if model_id.startswith(RULE):
        return Lifetime(shutdown_date=None, days_left=None, source="rules of ftv4 do not shut down")
    provider, _, model = model_id.partition(":")
    row = repository.providers().providers[provider]
    try:
        listed = client.models() if client else None
    except ServiceError:
        listed = None
    lives = [lifetime.lifetime(row, name, listed) for name in dict.fromkeys((model, base))]
    life = min(lives, key=lambda one: one.shutdown or date.max)
    day = life.shutdown
    return Lifetime(
        shutdown_date=day.isoformat() if day else None,
        days_left=(day - now.date()).days if day else None,
        source=life.source,
    )


def _failed_cases(trial: Trial) -> list[str]:
    """A line for every case in which the candidate, or the pipeline around it, fails."""
    lines = []
    for mode in ("pipeline", "stage"):
        for result in trial.arms[mode].results if mode in trial.arms else ():
            if not result.passed:
                more = f" (and {len(result.errors) - 1} more)" if len(result.errors) > 1 else ""
                lines.append(f"case {result.fixture_id}, {mode}: {result.errors[0]}{more}")
    return lines


def _wrong_run(wish: Wish, run: Run | None) -> list[str]:
    lines = []
    if run and run.model_id != wish.model_id:
        made = name_for_log(run.model_id) if run.model_id else "no model yet"
        lines.append(f"run: {run.folder} made {made}, not {wish.model_id}")
    if run and run.manifest.stage != wish.stage.name:
        lines.append(f"run: {run.folder} is of {run.manifest.stage}, not of {wish.stage.name}")
    return lines


def short_lived(life: Lifetime, least: int) -> list[str]:
    """Why a model doesn't answer long enough to serve; nothing when it does."""
    if life.days_left is None or life.days_left >= max(least, 1):
        return []
    if life.days_left <= 0:
        return [f"lifetime: shut down since {life.shutdown_date} ({life.source})"]
    days = f"{life.days_left} days, where promotion.min_days_left of the policy is {least}"
    return [f"lifetime: stops answering on {life.shutdown_date}, in {days} ({life.source})"]


def not_ours(model_id: str, owners: Sequence[str]) -> list[str]:
    """Why a model isn't one of those owners'; nothing when it is, or is a rule, or nobody is listed."""
    owner = lifetime.owner_of(model_id.partition(":")[2])
    if not owners or model_id.startswith(RULE) or owner in owners:
        return []
    whose = f"it is {name_for_log(owner)}'s" if owner else "its id names no owner"
    return [f"owner: {whose}; promotion.owners of the policy has {', '.join(owners)}"]


def _notices(wish: Wish, evidence: Evidence, overrides: dict[str, str]) -> list[str]:
    """What doesn't block, and a reviewer should know."""
    lines = [*evidence.doubts, *evidence.data.lapsed]
    if evidence.data.rejected:
        total = evidence.data.report.total_rows
        lines.append(f"{evidence.data.report.file}: of {total} rows not accepted: {evidence.data.rejected}")
    life = evidence.life
    if life.days_left is not None and 0 < life.days_left < lifetime.SOON_DAYS:
        lines.append(f"stops answering on {life.shutdown_date}, in {life.days_left} days ({life.source})")
    unasked = [industry for industry in overrides if industry not in evidence.industries]
    if wish.keep_overrides and overrides:
        lines.append(f"will not serve {', '.join(overrides)}: their own models stay")
    elif unasked:
        lines.append(
            f"no case is of {', '.join(unasked)}: whether it is better than their own models is not known"
        )
    pin = evidence.config.pin(wish.stage.name, "")
    if pin.rollout.strategy == "canary":
        share = pin.rollout.canary_percent
        lines.append(f"serves {share} % of clients; the others keep {pin.fallback.model_id} (canary)")
    return lines


def _dataset(wish: Wish, evidence: Evidence, *, forced: bool) -> DatasetEvidence:
    report = evidence.data.report
    return DatasetEvidence(
        path=report.file,
        total_rows=report.total_rows,
        eligible_rows=report.accepted_rows,
        approved_only=wish.approved_only,
        min_rows_required=wish.stage.min_rows,
        forced=forced,
        force_reason=wish.reason if forced else None,
        sha256=report.dataset_sha256,
        run_manifest_path=f"{evidence.run.folder}/{MANIFEST}" if evidence.run else None,
    )


def _bound(evidence: Evidence) -> Bound:
    run, asked = evidence.run, next(iter(evidence.trial.arms.values()), None)
    return Bound(
        models_sha256=evidence.models_sha256,
        cases_sha256=asked.cases_sha256 if asked else None,
        policy_sha256=asked.policy_sha256 if asked else None,
        parameters_sha256=asked.parameters_sha256 if asked else None,
        run_key=run.manifest.run_key if run else None,
        job_id=run.job_id if run else None,
        training_sha256=run.manifest.hashes.training_sha256 if run else None,
    )


def _evals(trial: Trial) -> EvalsEvidence:
    ours = [trial.arms.get(name) for name in ("pipeline", "stage")]
    return EvalsEvidence(
        passed=all(report is not None and report.totals.failed == 0 for report in ours),
        pipeline=_evidence(ours[0]),
        stage=_evidence(ours[1]),
        pinned=_evidence(trial.arms["pinned"]) if "pinned" in trial.arms else None,
        comparison=trial.comparison,
    )


def _evidence(report: EvalReport | None) -> EvalEvidence:
    if report is None:
        return EvalEvidence(totals=EvalTotals(fixtures=0, passed=0, failed=0), report_path=None)
    return EvalEvidence(
        totals=report.totals, report_path=report.report_path, report_sha256=sha256(to_json(report))
    )
