"""A run record: one business through the pipeline, contracts.md §11.7. Read from any folder."""

from typing import Annotated, Literal

from pydantic import Field

from ftv4.contracts import Contract, Items, Json, Whole
from ftv4.contracts.models import Fallback, Rollout
from ftv4.contracts.row import RUN_ID, Grades


class GuardFailure(Contract):
    """One guard's objection."""

    code: str
    message: str
    stage_name: str


class GuardResults(Contract):
    """What the guards said of a payload."""

    passed: bool
    failures: Annotated[tuple[GuardFailure, ...], Items] = ()


class ValidationResults(Contract):
    """What the contract said of a payload; a line a problem, `<pointer> <sentence>`."""

    ok: bool
    errors: Annotated[tuple[str, ...], Items] = ()


class Artifact(Contract):
    """A stage's input or output, with the verdicts on it."""

    artifact_kind: Literal["stage_input_summary_v1", "stage_output_v1"]
    schema_version: str
    created_at: str
    payload_json: Json
    guard_results: GuardResults
    validation_results: ValidationResults


class ModelConfig(Contract):
    """The pin as it stood when the stage ran."""

    model_id: str
    prompt_version: str
    schema_version: str
    temperature: float
    max_tokens: Whole
    rollout: Rollout = Rollout()
    fallback: Fallback = Fallback()


class StageRecord(Contract):
    """One stage of a run."""

    stage_name: str
    created_at: str
    updated_at: str
    model_config_: ModelConfig = Field(alias="model_config")
    approved: bool
    notes: str
    input_artifact: Artifact | None = None
    output_artifact: Artifact | None = None
    grades: Grades | None = None


class RunError(Contract):
    """Why the run stopped."""

    stage_failed: str
    reason: str
    code: (
        Literal[
            "STAGE_INPUT_INVALID",
            "MODEL_OUTPUT_NOT_JSON",
            "SCHEMA_VALIDATION_FAILED",
            "DOCTRINE_GUARD_FAILED",
            "STAGE_EXECUTION_FAILED",
        ]
        | None
    ) = None
    """contracts.md §11.8; absent in the Node tool's records."""
    validation_errors: Annotated[tuple[str, ...], Items] = ()
    guard_failures: Annotated[tuple[GuardFailure, ...], Items] = ()
    next_action: str


class RunRecord(Contract):
    """One business through the pipeline, stage by stage."""

    run_id: Annotated[str, Field(pattern=RUN_ID)]
    workspace_id: str
    pipeline_version: Literal["intelligence_v4"]
    status: Literal["running", "failed", "succeeded"]
    started_at: str
    finished_at: str | None = None
    stage_records: Annotated[tuple[StageRecord, ...], Items]
    final_artifact: Json | None = None
    error: RunError | None = None


class RunIdEntry(Contract):
    """One run of a batch."""

    run_id: str
    industry: str
    template_id: str
    status: Literal["failed", "succeeded"]
    reason: str | None = None


class FailedRun(Contract):
    """A run of a batch that stopped."""

    run_id: str
    reason: str


class RunIds(Contract):
    """`run_ids.json`, contracts.md §11.6: a batch of runs over packs."""

    generated_at: str
    templates_used: Annotated[tuple[str, ...], Items]
    industries_used: Annotated[tuple[str, ...], Items]
    iterations: Whole
    attempted_runs: Whole
    succeeded_runs: Whole
    failed_runs: Annotated[tuple[FailedRun, ...], Items]
    run_ids: Annotated[tuple[str, ...], Items]
    runs: Annotated[tuple[RunIdEntry, ...], Items]
