"""Keeps run records: one file a run, written whole; read from any folder, the Node tool's too."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ftv4.contracts.record import RUN_ID, RunRecord
from ftv4.documents import Repository
from ftv4.errors import ContractError

RUNS = "train/ops/runs"
NOT_RUNS = frozenset({"eval_summary.json"})
"""What the Node tool keeps in the same folder as its runs."""


@dataclass(frozen=True)
class Stored:
    """What a folder holds."""

    records: list[RunRecord]
    """Newest first; of one moment, by run id."""
    problems: list[str]
    """A line or more for each file that isn't a run record. Never empty silently: show them."""


def save(repository: Repository, record: RunRecord, folder: str | Path = RUNS) -> str:
    """Write a run record; give back its repository path. Raises ContractError for an id no file can have."""
    if not re.fullmatch(RUN_ID, record.run_id):
        raise ContractError(f"run id {record.run_id!r}: no file can have that name")
    return repository.write_contract(Path(folder) / f"{record.run_id}.json", record)


def load(
    repository: Repository,
    folder: str | Path = RUNS,
    *,
    workspace: str | None = None,
    stage: str | None = None,
    since: datetime | None = None,
    limit: int | None = None,
) -> Stored:
    """Read every run record of a folder, then keep those asked for, then the newest `limit` of them.

    `workspace` is the run's, `stage` one it has an input and an output of, `since` the earliest start.
    """
    problems: list[str] = []
    records = list(_read(repository, folder, problems.extend))
    wanted = [record for record in records if _asked(record, workspace, stage, since)]
    wanted.sort(key=lambda record: record.run_id)
    wanted.sort(key=started, reverse=True)
    return Stored(wanted[:limit], problems)


def days_before(now: datetime, days: int) -> datetime:
    """The start of a window that ends now."""
    return now - timedelta(days=days)


def started(record: RunRecord) -> datetime:
    """When a run began; the beginning of time when its record doesn't say so in ISO 8601."""
    try:
        moment = datetime.fromisoformat(record.started_at)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _read(
    repository: Repository, folder: str | Path, report: Callable[[list[str]], None]
) -> Iterator[RunRecord]:
    for path in repository.files(folder, "*.json"):
        if path.name in NOT_RUNS:
            continue
        try:
            yield repository.read(RunRecord, path)
        except ContractError as error:
            report([error.message, *error.problems])


def _asked(record: RunRecord, workspace: str | None, stage: str | None, since: datetime | None) -> bool:
    return (
        workspace in (None, record.workspace_id)
        and (stage is None or stage in _complete(record))
        and (since is None or started(record) >= since)
    )


def _complete(record: RunRecord) -> set[str]:
    both = (each for each in record.stage_records if each.input_artifact and each.output_artifact)
    return {each.stage_name for each in both}
