"""What stands between a run on the ledger and money: the provider's own word on it, and a cap a day.

Whoever may push can add to the ledger. What it says of a run is a claim, and every model that is asked
costs: so a model is asked, and proposed, only when the run's provider says that the run's job made it.
"""

import re
from datetime import datetime
from typing import TYPE_CHECKING

from ftv4.clients.provider import Missing
from ftv4.clock import moment
from ftv4.contracts.run import Job
from ftv4.encode import name_for_log
from ftv4.steps.caps import DAY
from ftv4.steps.follow import jobs_of
from ftv4.steps.reconcile import Entry, Round

if TYPE_CHECKING:
    from ftv4.clients.provider import Provider

_OURS = re.compile(r"evals/report_([0-9]{8}T[0-9]{6}Z)((?:-[0-9]+)?-[0-9a-f]{12})-[a-z]+\.json")
"""The name that reconcile gives a report: when, which of that second, and of which run."""


def vouched(round_: Round, entry: Entry) -> bool:
    """Whether the provider says that a run's job made its model; if not, that is an alarm.

    Raises ServiceError when the provider can't be asked.
    """
    run = entry.run
    provider = round_.doors.provider(run.manifest.provider)
    try:
        job = provider.job(run.job_id) if run.job_id else None
    except Missing:
        job = None
    if job is not None and job.id == run.job_id and _made(round_, entry, provider, job):
        return True
    entry.alarms.append(
        f"{provider.name} doesn't say that job {name_for_log(run.job_id or '-')} of this run made "
        f"{name_for_log(run.model_id or '-')}, as the ledger does: nothing is done until job.json is mended"
    )
    return False


def _made(round_: Round, entry: Entry, provider: "Provider", job: Job) -> bool:
    run = entry.run
    if job.model is None or f"{run.manifest.provider}:{job.model}" != run.model_id:
        return False
    if job.run_key is not None or not jobs_of(round_.repository, run, [job]):
        return job.run_key == run.manifest.run_key
    # A job without a key is ours only where no job has one: at a provider that doesn't keep what it was sent.
    return not any(other.run_key for other in provider.jobs())


def may_evaluate(round_: Round, entry: Entry) -> bool:
    """Whether the policy's cap leaves room for one more evaluation today; if not, that is noted."""
    cap = round_.repository.policy().caps.evaluations_a_day
    started = _evaluations(round_, round_.clock())
    if started < cap:
        return True
    entry.notes.append(f"caps.evaluations_a_day: {started} within a day, {cap} may be")
    return False


def _evaluations(round_: Round, now: datetime) -> int:
    """Evaluations within a day: those that left reports, and those that got too few answers for that."""
    reports = {found.groups() for path in round_.books.reports() if (found := _OURS.fullmatch(path))}
    counted = [one.outcome for one in round_.entries if one.outcome and one.outcome.state == "open"]
    times = [when for when, _ in reports] + [at for outcome in counted for at in outcome.missed_at]
    return sum((at := moment(text)) is not None and abs(now - at) < DAY for text in times)
