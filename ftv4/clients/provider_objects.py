"""The SDK's objects in our words. A provider may leave out or invent anything but an id."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ftv4.clock import from_timestamp
from ftv4.contracts.run import Job, JobStatus

if TYPE_CHECKING:
    from openai.types import FileObject
    from openai.types.fine_tuning import FineTuningJob

RUN_KEY = "ftv4_run_key"
STAGE = "ftv4_stage"
"""Metadata of a job: by these a job is found again when the answer to its creation was lost."""
KNOWN: frozenset[JobStatus] = frozenset(
    {"validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"}
)


@dataclass(frozen=True)
class StoredFile:
    """A file at the provider."""

    id: str
    name: str
    size: int | None
    """Bytes."""
    created_at: str | None
    status: str
    """`uploaded`, `processed`, `error`, or the provider's own word; empty where it has none."""
    reason: str | None
    """Why it is no training file, as it came: encode before showing."""


def job_of(answer: "FineTuningJob") -> Job:
    """A fine-tuning job. Raises ValueError without an id."""
    error = answer.error
    status: JobStatus = answer.status if answer.status in KNOWN else "unknown"
    return Job(
        id=_id(answer),
        status=status,
        base_model=answer.model or "",
        model=answer.fine_tuned_model or None,
        created_at=time_of(answer.created_at),
        finished_at=time_of(answer.finished_at),
        trained_tokens=answer.trained_tokens,
        training_file=answer.training_file,
        error=(error.message or error.code) if error and error.code else None,
        run_key=(answer.metadata or {}).get(RUN_KEY),
    )


def file_of(answer: "FileObject") -> StoredFile:
    """An uploaded file. Raises ValueError without an id."""
    return StoredFile(
        id=_id(answer),
        name=answer.filename or "",
        size=answer.bytes,
        created_at=time_of(answer.created_at),
        status=answer.status or "",
        reason=answer.status_details or None,
    )


def time_of(seconds: float | None) -> str | None:
    """Unix time as files have it."""
    return from_timestamp(seconds) if seconds else None


def _id(answer: Any) -> str:
    """Without which an answer is of no use."""
    value = getattr(answer, "id", None)
    if not isinstance(value, str) or not value:
        raise ValueError(f"no id in {str(answer)[:100]}")
    return value
