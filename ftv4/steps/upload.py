"""Brings a run's training file to its provider, once, and waits until it has been looked through.

The answer to an upload may be lost. The file's name says whose it is and what is in it, so it is looked for
by that name before it is sent again; what is left all the same, `sweep` deletes.
"""

import re
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, get_args

from ftv4.clients.provider import Missing
from ftv4.contracts.models import StageName
from ftv4.documents import Repository, file_sha256
from ftv4.encode import for_log, name_for_log
from ftv4.errors import GateError, ServiceError
from ftv4.steps.caps import DAY
from ftv4.steps.follow import AGAIN, Clock, Sleep
from ftv4.steps.runs import Run, record_of

if TYPE_CHECKING:
    from ftv4.clients.provider import Provider
    from ftv4.clients.provider_objects import StoredFile

OURS = re.compile(rf"ftv4-(?:{'|'.join(get_args(StageName))})-[0-9a-f]{{16}}-[0-9a-f]{{64}}\.jsonl")
"""The name of every file that is uploaded here: stage, run key, SHA-256 of its bytes."""
PAUSES = (1.0, 3.0)
"""Seconds to wait before a file whose upload went wrong is looked for, and sent again."""
LOOKS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Seconds to wait before each look at a file that the provider hasn't looked through."""
NOT_READY = frozenset({"uploaded", "pending"})
REFUSED = "error"


def name_of(run: Run) -> str:
    """What a run's training file is called at the provider."""
    manifest = run.manifest
    return f"ftv4-{manifest.stage}-{manifest.run_key[:16]}-{manifest.hashes.training_sha256}.jsonl"


def uploaded(
    repository: Repository, run: Run, provider: "Provider", clock: Clock, sleep: Sleep, *, again: bool
) -> tuple[Run, bool]:
    """A run whose training file is at the provider, and whether it may be trained on yet; its id is in
    job.json before anything else happens.

    Raises GateError for bytes that were not judged and for a file that the provider refuses, which `again`
    sends anew; and ServiceError.
    """
    file = _known(run, provider)
    if file is None or (again and file.status == REFUSED):
        _must_be_judged(repository, run)
        file = _found(repository, run, provider, clock(), again) or _sent(
            repository, run, provider, clock, sleep, again
        )
        run = _with_file(repository, run, file.id, clock())
    file = _looked_through(provider, file, sleep)
    if file.status == REFUSED:
        raise GateError(
            f"{provider.name}: invalid_file: it refuses {run.training_file}: "
            f"{for_log(file.reason or 'no reason given')}; no job was asked for",
            problems=[f"file {name_for_log(file.id)}"],
            hint=f"mend the rows it names; {AGAIN}",
        )
    return run, file.status not in NOT_READY


def _known(run: Run, provider: "Provider") -> "StoredFile | None":
    """The file that job.json names, if it is still there."""
    with suppress(Missing):
        return provider.file(run.job.openai.file_id) if run.job else None
    return None


def _must_be_judged(repository: Repository, run: Run) -> None:
    if file_sha256(repository, run.training_file) != run.manifest.hashes.training_sha256:
        raise GateError(
            f"{run.training_file}: not the bytes that were judged; nothing was sent",
            hint="delete the run's folder and ask again: the file is made anew from the dataset",
        )


def _found(
    repository: Repository, run: Run, provider: "Provider", now: datetime, again: bool
) -> "StoredFile | None":
    """The whole file of this very run, if the provider lists it; not one that may be swept any moment."""
    name, size = name_of(run), repository.size(run.training_file)
    with suppress(ServiceError):  # a provider without a list: a second file costs nothing
        for file in provider.files():
            whole = (file.name, file.size) == (name, size) and not (again and file.status == REFUSED)
            if whole and file.created_at and now - datetime.fromisoformat(file.created_at) < DAY:
                return file
    return None


def _sent(
    repository: Repository, run: Run, provider: "Provider", clock: Clock, sleep: Sleep, again: bool
) -> "StoredFile":
    """Upload it. Raises ServiceError when that goes wrong each time and no upload shows."""
    for pause in PAUSES:
        try:
            return provider.upload(repository.path(run.training_file), name_of(run))
        except ServiceError as error:
            if not error.retryable:
                raise
        sleep(pause)
        found = _found(repository, run, provider, clock(), again)
        if found is not None:
            return found
    return provider.upload(repository.path(run.training_file), name_of(run))


def _with_file(repository: Repository, run: Run, file_id: str, now: datetime) -> Run:
    """The run with its file on record; when its job was asked for before stays there."""
    record = record_of(run, file_id, now)
    if run.job is not None:
        kept = {"attempted_at": run.job.attempted_at, "attempts": run.job.attempts}
        record = record.model_copy(update=kept)
    return run.with_job(repository, record)


def _looked_through(provider: "Provider", file: "StoredFile", sleep: Sleep) -> "StoredFile":
    """A file once the provider has looked through it, or as it stands when that takes too long."""
    for pause in LOOKS:
        if file.status not in NOT_READY:
            break
        sleep(pause)
        file = provider.file(file.id)
    return file
