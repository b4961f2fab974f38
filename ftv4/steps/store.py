"""Keeps run records: one file a run, written whole; read from any folder, the Node tool's too."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from ftv4.clock import BEGINNING, moment
from ftv4.contracts.record import RunRecord
from ftv4.contracts.row import RUN_ID
from ftv4.documents import Repository
from ftv4.encode import for_log
from ftv4.errors import ContractError

RUNS = "train/ops/runs"
NOT_RUNS = frozenset({"eval_summary.json"})
"""What the Node tool keeps in the same folder as its runs."""


class Stored(NamedTuple):
    """What a folder holds."""

    records: list[RunRecord]
    """Newest first; of one moment, by run id."""
    problems: list[str]
    """A line or more for each file that isn't a run record. Never to be dropped: show them."""


def save(repository: Repository, record: RunRecord, folder: str | Path = RUNS) -> str:
    """Write a run record; give back its repository path. Raises ContractError for an id no file can have."""
    if not re.fullmatch(RUN_ID, record.run_id):
        raise ContractError(f"run id {for_log(record.run_id)}: no file can have that name")
    return repository.write_contract(Path(folder) / f"{record.run_id}.json", record)


def load(repository: Repository, folder: str | Path = RUNS, *, workspace: str | None = None) -> Stored:
    """Read every run record of a folder, and keep those of a workspace (None: of all)."""
    stored = Stored([], [])
    for path in repository.files(folder, "*.json"):
        if path.name in NOT_RUNS:
            continue
        try:
            stored.records.append(repository.read(RunRecord, path))
        except ContractError as error:
            stored.problems.extend([error.message, *error.problems])
    wanted = [record for record in stored.records if workspace in (None, record.workspace_id)]
    wanted.sort(key=lambda record: record.run_id)
    wanted.sort(key=lambda record: moment(record.started_at) or BEGINNING, reverse=True)
    return stored._replace(records=wanted)


def days_before(now: datetime, days: int) -> datetime:
    """The start of a window that ends now."""
    return now - timedelta(days=days)
