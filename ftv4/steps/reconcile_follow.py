"""One look at a run's job, and at the pull request that proposes its model."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import TypeVar

from ftv4.clients.provider import Missing
from ftv4.clock import iso
from ftv4.contracts.ledger import Outcome, OutcomeState
from ftv4.contracts.run import OPEN, Job
from ftv4.encode import for_log, name_for_log
from ftv4.errors import ServiceError
from ftv4.steps.caps import SETTLE
from ftv4.steps.follow import adopt, dead, jobs_of
from ftv4.steps.reconcile import Entry, Round, is_proposed
from ftv4.steps.runs import of_job

T = TypeVar("T")
LOOKS = 3
"""Looks in vain at a job before it counts as lost."""
APART = timedelta(hours=1)
"""Between two looks that count."""


def following(round_: Round) -> Callable[[Round, Entry], None]:
    """The work of following in one round: each service is asked for its list once, and fails once."""

    @cache
    def listed(provider: str) -> list[Job] | ServiceError:
        try:
            return round_.doors.provider(provider).jobs()
        except ServiceError as error:
            return error

    @cache
    def open_pulls() -> set[int] | ServiceError:
        try:
            return {pull.number for pull in round_.doors.forge().pulls()}
        except ServiceError as error:
            return error

    def follow(round_: Round, entry: Entry) -> None:
        if is_proposed(entry):
            _look_at_pull(round_, entry, _heard(open_pulls()))
        else:
            _look_at_job(round_, entry, _heard(listed(entry.run.manifest.provider)))

    return follow


def _heard(answer: T | ServiceError) -> T:
    if isinstance(answer, ServiceError):
        raise answer
    return answer


def _look_at_job(round_: Round, entry: Entry, shown: list[Job]) -> None:
    jobs = jobs_of(round_.repository, entry.run, shown)
    job = _own(round_, entry, jobs, shown)
    if job is None:
        return
    _found_again(round_, entry)
    before = entry.run
    entry.run = adopt(round_.repository, before, job, round_.clock())
    entry.run = round_.books.keep(entry.run, "job", instead=before.job_id)
    if entry.run.job_id != job.id:
        entry.notes.append("another runner is at it")
        return
    if entry.run is not before:
        found = "" if before.job_id == job.id else f"adopted {name_for_log(job.id)}: "
        entry.done.append(f"{found}{_status(job)}")
    _means_nothing(round_, entry, job)
    if not dead(job) and not round_.books.damaged:
        _stop_strays(round_, entry, jobs)


def _means_nothing(round_: Round, entry: Entry, job: Job) -> None:
    """Raise the alarm about a job that is waited for, though nobody knows what for."""
    record = entry.run.job
    if job.status == "unknown":
        entry.alarms.append(f"job {name_for_log(job.id)} has a status that this ftv4 doesn't know")
    if job.status != "succeeded" or job.model is not None or record is None:
        return
    if round_.clock() - datetime.fromisoformat(record.updated_at) >= APART:
        entry.alarms.append(
            f"job {name_for_log(job.id)} has succeeded and names no model, since {record.updated_at}: "
            "look at the provider's own page"
        )


def _own(round_: Round, entry: Entry, jobs: list[Job], shown: list[Job]) -> Job | None:
    """The run's job as it stands; of several that a lost answer may mean, the oldest that lives."""
    job_id = entry.run.job_id
    if job_id is None:
        if _may_be_anybodys(round_, entry):
            return None
        ours = [job for job in jobs if of_job(round_.repository, job.id) is None]
        alive = [job for job in ours if not dead(job)]
        found = next(reversed(alive or ours), None)
        if found is None:
            _not_there_yet(round_, entry)
        return found
    found = next((job for job in shown if job.id == job_id), None)
    try:
        found = found or round_.doors.provider(entry.run.manifest.provider).job(job_id)
    except Missing:
        _missed(round_, entry)
        return None
    if not dead(found):
        return found
    return None if _may_be_anybodys(round_, entry) else _second(round_, entry, jobs) or found


def _may_be_anybodys(round_: Round, entry: Entry) -> bool:
    """Whether a job that no run has may be that of a run which can't be read; that is noted."""
    if round_.books.damaged:
        entry.notes.append("the ledger is damaged: no job is taken for its own until that is mended")
    return bool(round_.books.damaged)


def _second(round_: Round, entry: Entry, jobs: list[Job]) -> Job | None:
    """The oldest living job of a run whose own ended without a model, unless another run waits for it."""
    key = entry.run.manifest.run_key
    others = [other.run for other in round_.entries if other is not entry]
    if any(run.manifest.run_key == key and run.job_id is None for run in others):
        return None
    free = [job for job in jobs if job.run_key == key and of_job(round_.repository, job.id) is None]
    found = next((job for job in reversed(free) if not dead(job)), None)
    if found is not None:
        entry.alarms.append(f"its job {name_for_log(entry.run.job_id or '')} ended; a second one goes on")
    return found


def _not_there_yet(round_: Round, entry: Entry) -> None:
    asked = entry.run.job.attempted_at if entry.run.job else None
    if asked is None:
        return
    if round_.clock() - datetime.fromisoformat(asked) < SETTLE:
        entry.notes.append(f"asked for at {asked}; the answer was lost, or is on its way")
    else:
        entry.alarms.append(
            f"asked for at {asked}, and no job came of it: the same `ft stage` again asks once more"
        )


def _missed(round_: Round, entry: Entry) -> None:
    """The provider doesn't have the job: a slip of its list, or a loss if that stays so."""
    now, known = round_.clock(), entry.outcome
    looks = known.missed_at if known else ()
    entry.alarms.append(f"the provider doesn't have job {name_for_log(entry.run.job_id or '')}")
    if looks and now - datetime.fromisoformat(looks[-1]) < APART:
        return
    looks = (*looks, iso(now))
    state: OutcomeState = "missing" if len(looks) >= LOOKS else "open"
    news = Outcome(run_key=entry.run.manifest.run_key, state=state, updated_at=iso(now), missed_at=looks)
    round_.record(entry, news, "missing")
    entry.done.append(f"looked for its job in vain, {len(looks)} of {LOOKS} times")


def _found_again(round_: Round, entry: Entry) -> None:
    """A job that shows after all: looks in vain are forgotten, lest they add up over weeks."""
    if entry.outcome is not None and entry.outcome.missed_at:
        round_.record(entry, entry.outcome.model_copy(update={"missed_at": ()}), "found")
        entry.done.append("the provider has its job again")


def _stop_strays(round_: Round, entry: Entry, jobs: list[Job]) -> None:
    """Cancel other open jobs of the same key: requests that arrived after we had stopped to wait."""
    run, provider = entry.run, round_.doors.provider(entry.run.manifest.provider)
    for job in jobs:
        ours = job.id == run.job_id or of_job(round_.repository, job.id) is not None
        if ours or job.run_key != run.manifest.run_key or job.status not in OPEN:
            continue
        try:
            provider.cancel(job.id)
        except ServiceError as error:
            entry.alarms.append(
                f"a second job, {name_for_log(job.id)}, could not be cancelled: {error.message}"
            )
        else:
            entry.done.append(f"cancelled a second job, {name_for_log(job.id)}")
            entry.alarms.append(f"a second job was paid for until now: {name_for_log(job.id)}")


def _look_at_pull(round_: Round, entry: Entry, open_pulls: set[int]) -> None:
    """Has a person merged or closed it? Either is the last word on this model."""
    outcome = entry.outcome
    if outcome is None or outcome.pull_request is None or outcome.pull_request in open_pulls:
        return
    pull = round_.doors.forge().pull(outcome.pull_request)
    if pull.merged or pull.state == "closed":
        state = "merged" if pull.merged else "closed"
        round_.record(entry, outcome.model_copy(update={"state": state}), state)
        entry.done.append(f"pull request {pull.number} was {state}")


def _status(job: Job) -> str:
    return f"{job.status}: {for_log(job.error)}" if job.error else job.status
