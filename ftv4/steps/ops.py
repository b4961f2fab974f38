"""The operator's questions: where does each stage stand, what does the provider say, what can go."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from ftv4.clock import iso
from ftv4.contracts.evaluation import EvalReport
from ftv4.contracts.ops import (
    Cleaned,
    Doctor,
    DoctorJob,
    DoctorModel,
    OpsManifest,
    StageStatus,
    Status,
    Unanswered,
)
from ftv4.contracts.review import ReviewItem
from ftv4.contracts.run import Job
from ftv4.documents import Repository
from ftv4.encode import for_log, name_for_log
from ftv4.errors import Ftv4Error
from ftv4.stages import STAGES
from ftv4.steps.lifetime import lifetimes
from ftv4.steps.reviews import REVIEWS, read_reviews
from ftv4.steps.runpacks import SHIPS
from ftv4.steps.runs import Run, survey

if TYPE_CHECKING:
    from ftv4.clients.provider import Provider

C = TypeVar("C", bound=BaseModel)


class _Reader:
    """Reads many files, and remembers those that don't say what they must instead of stopping."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.unreadable: list[str] = []

    def read(self, contract: type[C], path: Path) -> C | None:
        try:
            return self.repository.read(contract, path)
        except Ftv4Error as error:
            self.unreadable.append("; ".join((error.message, *error.problems[:3])))
            return None

    def newest(self, contract: type[C], folder: str, pattern: str) -> tuple[C, str] | None:
        for path in reversed(self.repository.files(folder, pattern)):
            document = self.read(contract, path)
            if document is not None:
                return document, self.repository.relative(path)
        return None


def status_of(repository: Repository, now: datetime) -> Status:
    """Where every stage stands, from the repository's files alone. Raises ContractError for models.json."""
    reader = _Reader(repository)
    pending = _pending(reader)
    stages = tuple(_stage_status(reader, name, pending) for name in STAGES)
    evaluation = reader.newest(EvalReport, "evals", "report_*.json")
    ship = reader.newest(OpsManifest, SHIPS, "*/ops_manifest.json")
    return Status(
        generated_at=iso(now),
        stages=stages,
        last_eval=evaluation[1] if evaluation else None,
        last_eval_passed=evaluation[0].totals.failed == 0 if evaluation else None,
        last_ship_manifest=ship[1] if ship else None,
        unreadable=tuple(reader.unreadable),
    )


def _stage_status(reader: _Reader, name: str, pending: dict[str, ReviewItem]) -> StageStatus:
    pin = reader.repository.models().stages[name]  # type: ignore[index]
    rows, approved, malformed = _count(reader.repository, STAGES[name].dataset)
    runs, damaged = survey(reader.repository, name)
    reader.unreadable += damaged
    asked = next((run for run in runs if run.job_id is not None), None) or next(
        (run for run in runs if run.job is not None), None
    )
    return StageStatus(
        stage=name,
        pinned_model_id=pin.model_id,
        pinned_at=pin.pinned_at,
        dataset_path=STAGES[name].dataset,
        rows=rows,
        approved_rows=approved,
        malformed_lines=malformed,
        pending_review=sum(item.stage_name == name for item in pending.values()),
        last_run=runs[0].folder if runs else None,
        last_job_id=asked.job_id if asked else None,
        last_job_status=asked.status if asked else None,
        unanswered=tuple(_unanswered(runs)),
    )


def _unanswered(runs: list[Run]) -> Iterator[Unanswered]:
    """Runs that may have a job which costs, though none is known; newest first."""
    for run in runs:
        if run.job is not None and run.job_id is None and run.job.attempted_at is not None:
            yield Unanswered(run=run.folder, asked_at=run.job.attempted_at)


def _count(repository: Repository, dataset: str) -> tuple[int, int, int]:
    """Rows, approved rows, malformed lines; C10: a line is not an approval."""
    if not repository.has(dataset):
        return 0, 0, 0
    rows = approved = malformed = 0
    for line in repository.lines(dataset):
        if line.malformed is not None or not isinstance(line.value, dict):
            malformed += 1
            continue
        rows += 1
        approved += line.value.get("approved") is True
    return rows, approved, malformed


def _pending(reader: _Reader) -> dict[str, ReviewItem]:
    """Items that nobody has decided, by id."""
    found = read_reviews(reader.repository, [REVIEWS])
    reader.unreadable += found.problems
    return {key: item for key, item in found.items.items() if not item.decided}


def examine(
    repository: Repository,
    provider: str,
    connect: Callable[[], "Provider"],
    now: datetime,
    *,
    limit: int,
    job_id: str | None,
    events: bool,
) -> Doctor:
    """Ask a provider for its jobs and for how long our models live; what fails is in `errors`."""
    row = repository.providers().providers.get(provider)
    if row is None:
        known = ", ".join(repository.providers().providers)
        return _doctor(provider, "", now, errors=(f"no provider {for_log(provider)}; there are {known}",))
    try:
        client = connect()
    except Ftv4Error as error:
        return _doctor(provider, row.api_key_env, now, errors=(f"{error.message}. {error.hint}".strip(". "),))
    errors: list[str] = []
    jobs = _ask(errors, lambda: _jobs(client, limit, job_id, events)) or ()
    models = _ask(errors, lambda: _models(repository, provider, client, now)) or ()
    stored = client.stored_key
    return _doctor(
        provider, row.api_key_env, now,
        key=stored, federated=not stored, jobs=jobs, models=models, errors=tuple(errors),
    )  # fmt: skip


def _doctor(
    provider: str,
    api_key_env: str,
    now: datetime,
    *,
    key: bool = False,
    federated: bool = False,
    jobs: tuple[DoctorJob, ...] = (),
    models: tuple[DoctorModel, ...] = (),
    errors: tuple[str, ...] = (),
) -> Doctor:
    return Doctor(
        generated_at=iso(now), provider=provider, api_key_env=api_key_env, has_api_key=key,
        federated=federated, jobs=jobs, models=models, errors=errors,
    )  # fmt: skip


R = TypeVar("R")


def _ask(errors: list[str], question: Callable[[], R]) -> R | None:
    try:
        return question()
    except Ftv4Error as error:
        errors.append(error.message)
        return None


def _jobs(client: "Provider", limit: int, job_id: str | None, events: bool) -> tuple[DoctorJob, ...]:
    if job_id is not None:
        lines = (
            tuple(f"{e.at} {for_log(e.level)} {for_log(e.message)}" for e in client.events(job_id, 50))
            if events
            else ()
        )
        return (_doctor_job(client.job(job_id), lines),)
    return tuple(_doctor_job(job) for job in client.jobs(limit)) if limit else ()


def _doctor_job(job: Job, events: tuple[str, ...] = ()) -> DoctorJob:
    return DoctorJob(
        id=job.id,
        status=job.status,
        base_model=job.base_model,
        model=job.model,
        created_at=job.created_at,
        error=for_log(job.error) if job.error else None,
        events=events,
    )


def _models(
    repository: Repository, provider: str, client: "Provider", now: datetime
) -> tuple[DoctorModel, ...]:
    served = {
        pin.model_id.partition(":")[2]
        for pin in repository.models().stages.values()
        if pin.model_id.startswith(f"{provider}:")
    }
    bases = {stage.base_model for stage in STAGES.values()}
    return lifetimes(repository, provider, client, sorted(bases | served), now.date())


def clean_up(
    repository: Repository, now: datetime, *, everything: bool, keep_days: int, dry_run: bool
) -> Cleaned:
    """Remove folders of old ships; a folder's age is its stamp, not its mtime (a clone resets that)."""
    oldest_kept = (now - timedelta(days=keep_days)).strftime("%Y%m%dT%H%M%SZ")
    folders = repository.folders(SHIPS)
    removed = [folder for folder in folders if everything or PurePosixPath(folder).name < oldest_kept]
    for folder in [] if dry_run else removed:
        repository.remove_folder(folder)
    return Cleaned(
        removed=tuple(removed),
        kept=tuple(folder for folder in folders if folder not in removed),
        dry_run=dry_run,
    )


def status_lines(status: Status) -> list[str]:
    """The status as people read it: a line a stage, what may have been bought, the newest eval and ship."""
    lines = [
        f"{s.stage:<20} {s.pinned_model_id}  rows {s.approved_rows} approved of {s.rows}"
        + (f", {s.malformed_lines} malformed" if s.malformed_lines else "")
        + (f", {s.pending_review} to review" if s.pending_review else "")
        + (f", job {name_for_log(s.last_job_id)} {s.last_job_status}" if s.last_job_id else "")
        for s in status.stages
    ]
    lines += [
        f"{name_for_log(one.run)}: a job was asked for at {one.asked_at} and may exist; "
        "`ftv4 ft follow` with this folder looks for it"
        for s in status.stages
        for one in s.unanswered
    ]
    outcome = {True: "passed", False: "failed", None: ""}[status.last_eval_passed]
    lines.append(f"last eval {status.last_eval or 'none'} {outcome}".rstrip())
    lines.append(f"last ship {status.last_ship_manifest or 'none'}")
    return lines + [f"unreadable: {problem}" for problem in status.unreadable]


def doctor_lines(doctor: Doctor) -> list[str]:
    """The doctor's answer as people read it."""
    key = (
        "set"
        if doctor.has_api_key
        else "not needed, by the job's identity"
        if doctor.federated
        else "missing"
    )
    lines = [f"{doctor.provider}: key {doctor.api_key_env or '-'} {key}"]
    for job in doctor.jobs:
        base, tuned = name_for_log(job.base_model), name_for_log(job.model) if job.model else "-"
        lines.append(f"{name_for_log(job.id)} {job.status} {base} -> {tuned} {job.error or ''}".rstrip())
        lines.extend(f"  {event}" for event in job.events)
    for model in doctor.models:
        ends = (
            f"shuts down {model.shutdown_date}, {model.days_left} days" if model.shutdown_date else "no date"
        )
        closes = f", no new jobs after {model.no_new_jobs_after}" if model.no_new_jobs_after else ""
        lines.append(f"{name_for_log(model.model)}: {ends}{closes} ({model.source})")
    return lines + [f"error: {problem}" for problem in doctor.errors]
