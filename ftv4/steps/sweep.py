"""Deletes what nobody uses of our uploads: those whose answer was lost, and that no launch took up."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ftv4.clock import BEGINNING, moment
from ftv4.encode import name_for_log
from ftv4.errors import Ftv4Error
from ftv4.steps.caps import DAY, SETTLE
from ftv4.steps.reconcile import Entry, Round
from ftv4.steps.runs import runs
from ftv4.steps.upload import OURS

if TYPE_CHECKING:
    from ftv4.clients.provider import Provider

UNUSED_FOR = DAY + SETTLE
"""How old an unused file is when it is deleted: a launch takes up none that is older than a day, and has
asked for its job half an hour later."""
RECENT = timedelta(days=7)
"""A provider of whom no run was asked for as long is left alone."""


def sweep(round_: Round) -> None:
    """Delete unused uploads at each provider that was asked for a run of late.

    Beside a damaged ledger nothing is: nobody knows what its runs use.
    """
    if round_.books.damaged:
        return
    asked = [entry for entry in round_.entries if round_.clock() - _asked(entry) < RECENT]
    for name, entry in {entry.run.manifest.provider: entry for entry in asked}.items():
        try:
            _sweep(round_, entry, round_.doors.provider(name))
        except Ftv4Error as error:
            entry.notes.append(f"unused uploads at {name} may be left: {error.message}")


def _asked(entry: Entry) -> datetime:
    return moment(entry.run.manifest.generated_at) or BEGINNING


def _sweep(round_: Round, entry: Entry, provider: "Provider") -> None:
    """What is deleted is told with the newest run of the provider. Raises ServiceError."""
    old = [
        file for file in provider.files() if OURS.fullmatch(file.name) and _is_old(round_, file.created_at)
    ]
    if not old:
        return
    used = {run.job.openai.file_id for run in runs(round_.repository) if run.job is not None}
    used |= {job.training_file for job in provider.jobs() if job.training_file is not None}
    for file in old:
        if file.id not in used and round_.spent() < round_.limit:
            provider.delete_file(file.id)
            entry.done.append(f"deleted {name_for_log(file.id)}, an upload that nothing uses")


def _is_old(round_: Round, created_at: str | None) -> bool:
    return created_at is not None and round_.clock() - datetime.fromisoformat(created_at) >= UNUSED_FOR
