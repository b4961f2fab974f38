"""Follows the job of a run to its end, and finds it when the answer that named it was lost."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ftv4.clock import iso
from ftv4.contracts.run import DEAD, Job, JobEvent
from ftv4.documents import Repository
from ftv4.encode import for_log, name_for_log
from ftv4.errors import ServiceError, UsageError
from ftv4.steps.caps import SETTLE
from ftv4.steps.runs import Run, of_job, record_of, seen

if TYPE_CHECKING:
    from ftv4.clients.provider import Provider

AGAIN = "for the very same run once more, `ft stage … --again` pays for another job"
TRIES = 5
"""Looks at a job that may fail in a row before following gives up."""

Clock = Callable[[], datetime]
Sleep = Callable[[float], None]
Tell = Callable[[Job, JobEvent | None], None]
"""Hears each look at a job, with the newest line of its log if that was looked at."""


@dataclass(frozen=True)
class Polling:
    """How to follow a job; seconds."""

    interval: float
    timeout: float
    sleep: Sleep
    log: bool = False
    """Look at the newest line of the job's log too."""


def find_job(repository: Repository, run: Run, provider: "Provider", now: datetime) -> Run:
    """A run with its job, looked for when the answer that named it was lost.

    Raises ServiceError when the provider shows none (as `lost` while one may still show), and when it
    has ended without a model.
    """
    if run.job_id is not None:
        return run
    if run.manifest.dry_run:
        raise UsageError(f"{run.folder}: a dry run has no job")
    jobs = jobs_of(repository, run, listed(provider, run))
    alive = [job for job in jobs if not dead(job)]
    if alive:
        return adopt(repository, run, alive[-1], now)
    ended = next((job for job in jobs if of_job(repository, job.id) is None), None)
    if ended is not None:
        adopt(repository, run, ended, now)
        raise gone(provider.name, ended)
    must_have_settled(run, now)
    asked = f"; it was asked for at {run.job.attempted_at}" if run.job and run.job.attempted_at else ""
    looks = "looks once more, and asks for one if none shows" if asked else "asks for one"
    raise ServiceError(
        f"{run.folder}: {provider.name} shows no job with the run key {run.manifest.run_key[:12]}…{asked}",
        hint=f"`ftv4 ft stage --stage {run.manifest.stage} … --dry-run=false` {looks}",
        retryable=True,
    )


def must_have_settled(run: Run, now: datetime) -> None:
    """Raise ServiceError while a request may still turn into a job: its answer was lost, or is on its way."""
    attempted = run.job.attempted_at if run.job else None
    if attempted is None:
        return
    until = datetime.fromisoformat(attempted) + SETTLE
    if now < until:
        raise lost(run, f"it was asked for at {attempted}, and the provider shows no job yet", until)


def lost(run: Run, reason: str, until: datetime) -> ServiceError:
    """A job that nobody has seen, as an error: looking is right, and buying isn't."""
    return ServiceError(
        f"{run.folder}: the job may exist or not: {reason}",
        problems=[
            f"the request is not sent again before {iso(until)}",
            f"run key {run.manifest.run_key}, file {run.job.openai.file_id if run.job else '-'}",
        ],
        hint=f"look again later: `ftv4 ft follow {run.folder}`, or the same `ft stage` again, "
        "adopts the job once it shows",
        retryable=True,
    )


def listed(provider: "Provider", run: Run) -> list[Job]:
    """The jobs among which a run's are, newest first.

    All there are once its file is uploaded: not every provider gives back the key that it was sent.
    """
    return provider.jobs() if run.job else provider.jobs(run_key=run.manifest.run_key)


def jobs_of(repository: Repository, run: Run, jobs: list[Job]) -> list[Job]:
    """Those of the jobs that have a run's key, or that have no key and train on its file."""
    return [job for job in jobs if job.run_key == run.manifest.run_key or _has_file(repository, run, job)]


def _has_file(repository: Repository, run: Run, job: Job) -> bool:
    """Whether a job without a key trains on a run's file; a provider may give equal files one id."""
    if run.job is None or job.run_key is not None or job.training_file != run.job.openai.file_id:
        return False
    claimed = of_job(repository, job.id)
    return claimed is None or claimed.manifest.run_key == run.manifest.run_key


def adopt(repository: Repository, run: Run, job: Job, now: datetime) -> Run:
    """Write down what the provider says of a run's job, if it is news."""
    record = run.job or record_of(run, job.training_file or "", now)
    news = seen(record, job, now)
    return run if news is run.job else run.with_job(repository, news)


def follow_run(
    repository: Repository, run: Run, provider: "Provider", polling: Polling, clock: Clock, tell: Tell
) -> Run:
    """Follow a run's job to its end and keep job.json up to date; see `follow`."""

    def note(job: Job, event: JobEvent | None) -> None:
        nonlocal run
        run = adopt(repository, run, job, clock())
        tell(job, event)

    run = find_job(repository, run, provider, clock())
    follow(provider, run.job_id or "", polling, note)
    return run


def follow(provider: "Provider", job_id: str, polling: Polling, tell: Tell) -> Job:
    """Look at a job until it is a model.

    Raises ServiceError when it failed or was cancelled, and when it is still open after the timeout.
    """
    waited = 0.0
    while True:
        job = _look(provider, job_id, polling)
        tell(job, _newest(provider, job_id) if polling.log else None)
        if dead(job):
            raise gone(provider.name, job)
        if job.status == "succeeded" and job.model:
            return job
        if waited >= polling.timeout:
            raise ServiceError(
                f"{provider.name}: job {name_for_log(job_id)}: still {job.status}",
                hint=f"it goes on without us: `ftv4 ft follow {name_for_log(job_id)}` comes back to it",
                retryable=True,
            )
        polling.sleep(polling.interval)
        waited += polling.interval


def _look(provider: "Provider", job_id: str, polling: Polling) -> Job:
    """A job as it stands, through a spell of bad connection."""
    for _ in range(TRIES - 1):
        try:
            return provider.job(job_id)
        except ServiceError as error:
            if not error.retryable:
                raise
        polling.sleep(polling.interval)
    return provider.job(job_id)


def _newest(provider: "Provider", job_id: str) -> JobEvent | None:
    """The last line of a job's log; a provider without a log has none."""
    with suppress(ServiceError):
        return next(reversed(provider.events(job_id, limit=1)), None)
    return None


def dead(job: Job) -> bool:
    """Whether a job has ended without a model."""
    return job.status in DEAD


def gone(provider: str, job: Job) -> ServiceError:
    """How a dead job ended, as an error."""
    end = "was cancelled" if job.status == "cancelled" else "failed"
    reason = f": {for_log(job.error)}" if job.error else ""
    return ServiceError(
        f"{provider}: job {name_for_log(job.id)} {end}{reason}",
        hint=f"mend what made it end; {AGAIN}",
    )
