"""Keeps what is bought below the policy's caps, counted over all runs there are (threat 25)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from ftv4.clock import iso
from ftv4.contracts.policy import Caps
from ftv4.contracts.run import OPEN, JobRecord
from ftv4.errors import GateError
from ftv4.steps.runs import Run

SETTLE = timedelta(minutes=30)
"""How long a request whose answer was lost may still turn into a job."""
DAY = timedelta(days=1)


def must_be_within(caps: Caps, wanted: Run, others: Iterable[Run], now: datetime) -> None:
    """Raise GateError when one more job would be too many, or too dear, together with the others'."""
    runs = list(others)
    recent = [(run, at) for run in runs for at in asked_at(run) if now - at < DAY]
    dollars = sum(_dollars(caps, run) for run, _ in recent) + _dollars(caps, wanted)
    trains = sum(_open(run, now) for run in runs)
    problems = []
    if trains >= caps.open_jobs:
        problems.append(f"caps.open_jobs: {trains} jobs train or may train; {caps.open_jobs} may at a time")
    if len(recent) >= caps.jobs_a_day:
        problems.append(f"caps.jobs_a_day: {len(recent)} jobs were asked for within a day{_until(recent)}")
    if dollars > caps.dollars_a_day:
        problems.append(
            f"caps.dollars_a_day: ${dollars:,.2f} within a day with this one; "
            f"${caps.dollars_a_day:,.2f} may be{_until(recent)}"
        )
    if problems:
        raise GateError(
            f"{wanted.manifest.stage}: too much would be bought, so nothing was sent",
            problems=problems,
            hint="wait, or raise the cap in config/intelligence_v4.policy.json",
        )


def asked_at(run: Run) -> list[datetime]:
    """When a run's job was asked for, as far as its record tells; not counting what was refused."""
    if run.job is None:
        return []
    return [datetime.fromisoformat(at) for at in _attempts(run.job)]


def _attempts(job: JobRecord) -> tuple[str, ...]:
    """A record of before there was `attempts` has one time at most; an adopted job's has none."""
    if job.attempts:
        return job.attempts
    if job.attempted_at:
        return (job.attempted_at,)
    return (job.created_at,) if job.openai.job_id else ()


def _open(run: Run, now: datetime) -> bool:
    """Whether a run has a job that costs, or may have one."""
    if run.job is None:
        return False
    if run.job_id is not None:
        return run.job.openai.status in OPEN
    return run.job.attempted_at is not None and now - asked_at(run)[-1] < SETTLE


def _dollars(caps: Caps, run: Run) -> float:
    cost = run.manifest.estimate.cost_usd
    return caps.dollars_unpriced if cost is None else cost


def _until(recent: list[tuple[Run, datetime]]) -> str:
    return f"; the first of them at {iso(min(at for _, at in recent))}" if recent else ""
