"""Where no ledger keeps runners apart: looks whether somebody else bought the same job at the same moment.

Each asked for a job after none had shown, so both have one. Both look again, decide alike by what the
provider says of the jobs, and the one whose job is younger cancels it.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from ftv4.contracts.run import Job
from ftv4.documents import Repository
from ftv4.encode import name_for_log
from ftv4.errors import ServiceError
from ftv4.steps.follow import dead
from ftv4.steps.runs import Run, of_job

if TYPE_CHECKING:
    from ftv4.clients.provider import Provider

LAG = 2.0
"""Seconds to wait before the look. Of two jobs whose times say the same second, the id decides, and then
each side has to see the other's: who looked before it was there would keep its own."""


def older_than_ours(
    repository: Repository,
    run: Run,
    job: Job,
    provider: "Provider",
    sleep: Callable[[float], None],
    warn: Callable[[str], None],
) -> Job | None:
    """The job of the same run that stays, once ours, which is younger, is cancelled for it; else None.

    Where two are left, the warning names both, and says who cancels one, or how.
    """
    wait(sleep)
    try:
        others = _others(repository, run, job, provider)
    except ServiceError as error:
        warn(f"{run.folder}: whether somebody else bought it just now, too, isn't known: {error.message}")
        return None
    if not others:
        return None
    oldest, ours = min(others, key=_age), name_for_log(job.id)
    if _age(job) < _age(oldest):
        named = ", ".join(name_for_log(other.id) for other in others)
        warn(
            f"{run.folder}: bought elsewhere at the same moment, too, as {named}; our {ours} is older "
            f"and stays, and the other side cancels what it bought. {_how(named)}"
        )
        return None
    theirs = name_for_log(oldest.id)
    if not _cancelled(provider, job):
        warn(
            f"{run.folder}: paid for twice: {theirs} was bought elsewhere at the same moment, and "
            f"our younger {ours} could not be cancelled. {_how(ours)}"
        )
        return None
    warn(
        f"{run.folder}: {theirs} was bought elsewhere at the same moment and is older; our {ours} is "
        "cancelled, and this run's job is theirs. With --ledger, one alone would have been bought"
    )
    return oldest


def wait(sleep: Callable[[float], None]) -> None:
    """Until what others asked for in the same second shows."""
    sleep(LAG)


def _others(repository: Repository, run: Run, ours: Job, provider: "Provider") -> list[Job]:
    """Living jobs of the run's key that no run here has."""
    return [
        job
        for job in provider.jobs(run_key=run.manifest.run_key)
        if job.id != ours.id and not dead(job) and of_job(repository, job.id) is None
    ]


def _age(job: Job) -> tuple[str, str]:
    return job.created_at or "", job.id


def _cancelled(provider: "Provider", job: Job) -> bool:
    """Whether a job is seen to cost nothing more; whoever asked, what counts is how it stands."""
    with suppress(ServiceError):
        provider.cancel(job.id)
    with suppress(ServiceError):
        return dead(provider.job(job.id))
    return False


def _how(jobs: str) -> str:
    return f"While it is open, cancel it on the provider's page ({jobs}), or let `ftv4 ops reconcile` do it"
