"""`train/ops/synth_ship/<stamp>/ops_manifest.json`, contracts.md §11.4."""

from typing import Annotated, Literal

from ftv4.contracts import Contract, Items, Json, Whole
from ftv4.contracts.evaluation import EvalTotals
from ftv4.contracts.paths import AnyPath, RepoPath


class OpsDataset(Contract):
    """The dataset a ship trained on."""

    path: AnyPath
    row_count: Whole
    sha256: str | None


class OpsFineTune(Contract):
    """The fine-tune a ship asked for."""

    attempted: bool
    dry_run: bool
    run_dir: RepoPath | None
    training_file_path: RepoPath | None
    run_manifest_path: RepoPath | None
    job_id: str | None


class OpsEvals(Contract):
    """The evals a ship ran."""

    attempted: bool
    passed: bool | None
    report_path: RepoPath | None
    totals: EvalTotals | None


class OpsPromotion(Contract):
    """The promotion a ship asked for."""

    attempted: bool
    promoted: bool
    report_path: RepoPath | None
    model_card_path: RepoPath | None
    old_model_id: str | None
    new_model_id: str | None


class PinnedModel(Contract):
    """Who served before and after."""

    before: str | None
    after: str | None


class LogLine(Contract):
    """One line of the ship's log."""

    at: str
    level: Literal["info", "warn", "error"]
    message: str


class OpsManifest(Contract):
    """One ship, from runs to promotion; written anew after each step, so a kill leaves the truth."""

    version: Literal["synth_ship_v1"]
    generated_at: str
    status: Literal["running", "completed", "awaiting_approval", "candidate_ready", "failed"]
    args: Json
    run_ids_index_path: RepoPath | None
    review_pack_path: RepoPath | None
    dataset: OpsDataset
    fine_tune: OpsFineTune
    evals: OpsEvals
    promotion: OpsPromotion
    pinned_model: PinnedModel
    next_action: str
    logs: Annotated[tuple[LogLine, ...], Items]
    errors: Annotated[tuple[str, ...], Items]


class CandidateReport(Contract):
    """`candidate_promotion_report.json`: a candidate that was not promoted, and what to do next."""

    generated_at: str
    type: Literal["candidate_promotion"]
    reason: str
    model_id: str
    eval_report_path: RepoPath | None
    dataset_path: AnyPath
    dataset_hash: str | None
    next_step: str


class Unanswered(Contract):
    """A run whose job was asked for, and may exist: nobody here has seen it."""

    run: RepoPath
    asked_at: str


class StageStatus(Contract):
    """Where one stage stands."""

    stage: str
    pinned_model_id: str
    pinned_at: str | None
    dataset_path: str
    rows: Whole
    approved_rows: Whole
    """Rows whose `approved` is exactly true; lines that aren't rows count in `malformed_lines`."""
    malformed_lines: Whole
    pending_review: Whole
    last_run: str | None
    """Folder of the newest fine-tune run."""
    last_job_id: str | None
    """The job of the newest run that has one."""
    last_job_status: str | None
    unanswered: Annotated[tuple[Unanswered, ...], Items] = ()


class Status(Contract):
    """`ops status`: the repository at a glance."""

    generated_at: str
    stages: Annotated[tuple[StageStatus, ...], Items]
    last_eval: str | None
    last_eval_passed: bool | None
    last_ship_manifest: str | None
    unreadable: Annotated[tuple[str, ...], Items]
    """Files that don't say what they must, with the reason."""


class DoctorJob(Contract):
    """A job as the provider shows it."""

    id: str
    status: str
    base_model: str
    model: str | None
    created_at: str | None
    error: str | None
    events: Annotated[tuple[str, ...], Items] = ()


class DoctorModel(Contract):
    """How long a base or pinned model can still be used."""

    model: str
    shutdown_date: str | None
    no_new_jobs_after: str | None
    days_left: Whole | None
    source: str


class Doctor(Contract):
    """`ops ft-doctor`: what the provider says, and what is missing to ask it."""

    generated_at: str
    provider: str
    api_key_env: str
    has_api_key: bool
    federated: bool = False
    """Whether the provider gives tokens for the job's identity, so that no key is needed."""
    jobs: Annotated[tuple[DoctorJob, ...], Items]
    models: Annotated[tuple[DoctorModel, ...], Items]
    errors: Annotated[tuple[str, ...], Items]


class Cleaned(Contract):
    """`ops clean`: the folders that went, or would go, and those that stay."""

    removed: Annotated[tuple[str, ...], Items]
    kept: Annotated[tuple[str, ...], Items]
    dry_run: bool
