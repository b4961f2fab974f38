"""A fine-tune run: `train/finetune_runs/<stage>/<stamp>/{run_manifest,job}.json`, contracts.md §9.3."""

from typing import Annotated, Literal

from pydantic import Field

from ftv4.contracts import Contract, Items, Moment, Whole
from ftv4.contracts.models import StageName
from ftv4.contracts.paths import AnyPath, RepoPath

JobStatus = Literal[
    "validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled", "unknown"
]
OPEN: frozenset[JobStatus] = frozenset({"validating_files", "queued", "running", "paused", "unknown"})
"""A job in one of these may still become a model. (`unknown`: a word the provider has only just coined.)"""
DEAD: frozenset[JobStatus] = frozenset({"failed", "cancelled"})
"""It ended without a model."""

SUFFIX = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
"""What may go into a tuned model's name."""


class TuningConfig(Contract):
    """What the operator chose."""

    base_model: str
    suffix: Annotated[str, Field(pattern=SUFFIX)]
    n_epochs: Annotated[Whole, Field(ge=1, le=50)] | None = None
    learning_rate_multiplier: Annotated[float, Field(gt=0)] | None = None
    seed: Annotated[Whole, Field(ge=0, le=2147483647)] | None = None
    notes: str = ""


class RunHashes(Contract):
    """SHA-256, hex, of bytes as they stand in the files."""

    dataset_sha256: str
    training_sha256: str


class RunKey(Contract):
    """All that determines a run; the key is the SHA-256 of its canonical JSON (design §5)."""

    stage: str
    provider: str
    method: Literal["supervised"]
    base_model: str
    suffix: str
    n_epochs: Whole | None
    learning_rate_multiplier: float | None
    seed: Whole | None
    training_sha256: str
    prompt_version: str
    input_contract: str
    output_contract: str


class PaidRequest(Contract):
    """`train/requests/<run key>.json`: that a planned run be paid for. Who merges it has approved it."""

    run_key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    stage: StageName


class Estimate(Contract):
    """What the run would train on and cost."""

    tokens_per_epoch: Whole
    longest_example_tokens: Whole
    epochs: Whole
    billable_tokens: Whole
    cost_usd: float | None
    """None: the provider's table has no price for the base model."""
    price_source: str | None


class RunManifest(Contract):
    """`run_manifest.json`: what was asked, what was accepted, what it would cost."""

    generated_at: str
    run_key: str
    key_of: RunKey
    stage: str
    provider: str
    dataset_path: AnyPath
    output_dir: RepoPath
    dry_run: bool
    approved_only: bool
    minimum_rows_required: Whole
    total_rows: Whole
    accepted_rows: Whole
    rejected_rows: Whole
    rejection_reasons: dict[str, Whole]
    config: TuningConfig
    hashes: RunHashes
    estimate: Estimate


class Job(Contract):
    """The provider's object behind a run, in our words."""

    id: str
    status: JobStatus
    base_model: str
    model: str | None
    """The tuned model's id at the provider; None until the job has succeeded."""
    created_at: str | None = None
    finished_at: str | None = None
    trained_tokens: Whole | None = None
    training_file: str | None = None
    error: str | None = None
    """The provider's reason for a failure, as it came: encode before showing."""
    run_key: str | None = None
    """From the job's metadata; None for jobs nobody of ours made."""


class JobEvent(Contract):
    """One line of a job's log at the provider."""

    at: str
    level: str
    message: str


class JobIds(Contract):
    """The `openai` member of `job.json`: ids at whichever provider trained it."""

    file_id: str
    job_id: str | None
    status: JobStatus | Literal["file_uploaded"]
    base_model: str
    fine_tuned_model: str | None = None
    trained_tokens: Whole | None = None
    error: str | None = None


class JobRecord(Contract):
    """`job.json`: written as soon as the file is uploaded, and again at each change."""

    created_at: Moment
    updated_at: Moment
    stage: str
    provider: str
    run_key: str
    dataset_path: AnyPath
    training_file_path: RepoPath
    attempted_at: Moment | None = None
    """When the job was last asked for, written before the request leaves: with no `job_id` beside it,
    the answer was lost and the job may exist."""
    attempts: Annotated[tuple[Moment, ...], Items] = ()
    """Every time that it was asked for, but for those that were refused for certain."""
    openai: JobIds
