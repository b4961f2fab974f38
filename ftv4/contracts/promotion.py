"""A promotion report: `train/promotion/reports/<stage>/promotion_<stamp>.json`, contracts.md §11.2."""

from typing import Annotated

from ftv4.contracts import Contract, Items, Whole
from ftv4.contracts.evaluation import Comparison, EvalTotals, Verdict
from ftv4.contracts.paths import AnyPath
from ftv4.contracts.providers import Day


class DatasetEvidence(Contract):
    """What the candidate was trained on, as the gates see it."""

    path: AnyPath
    total_rows: Whole
    eligible_rows: Whole
    """Rows that every acceptance gate accepts, not merely approved ones."""
    approved_only: bool
    min_rows_required: Whole
    forced: bool
    force_reason: str | None = None
    sha256: str
    run_manifest_path: AnyPath | None = None
    """The fine-tune run that made the candidate; None when no run of this repository did."""


class EvalEvidence(Contract):
    """One eval report, by its path and totals."""

    totals: EvalTotals
    report_path: AnyPath | None
    report_sha256: str | None = None


class EvalsEvidence(Contract):
    """The candidate's two reports, the pinned model's, and the two paired."""

    passed: bool
    pipeline: EvalEvidence
    stage: EvalEvidence
    pinned: EvalEvidence | None = None
    comparison: Comparison | None = None


class Lifetime(Contract):
    """How long the candidate can serve, and who says so."""

    shutdown_date: Day | None
    days_left: Whole | None
    source: str


class Bound(Contract):
    """What the report rests on, by SHA-256: with any other file it says nothing."""

    models_sha256: str
    """Of models.json as it was before."""
    cases_sha256: str | None
    """Of the eval reports, like the next two; None when nobody was asked."""
    policy_sha256: str | None
    parameters_sha256: str | None
    run_key: str | None
    """Of the candidate's run, like the next two; None when no run of this repository made it."""
    job_id: str | None
    training_sha256: str | None


class PromotionReport(Contract):
    """Why a candidate serves, or why it doesn't. Written for blocked promotions too."""

    generated_at: str
    stage: str
    old_model_id: str
    new_model_id: str
    base_model: str
    dry_run: bool
    passed: bool
    verdict: Verdict
    blocked_by: Annotated[tuple[str, ...], Items]
    """A line a reason, naming the case or the gate; empty when passed."""
    warnings: Annotated[tuple[str, ...], Items] = ()
    notes: str
    dataset: DatasetEvidence
    evals: EvalsEvidence
    lifetime: Lifetime
    cleared_overrides: dict[str, str] = {}
    """Industry → the model its override pins until this promotion is merged."""
    bound: Bound | None = None
    """None in reports from before there was `ftv4 verify`, which doesn't take them."""
