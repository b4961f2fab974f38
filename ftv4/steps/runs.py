"""The fine-tune runs a repository holds: which there are, and which one a model came from."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ftv4.clock import iso
from ftv4.contracts.run import Job, JobIds, JobRecord, RunManifest
from ftv4.documents import Repository
from ftv4.encode import for_log
from ftv4.errors import ContractError, Ftv4Error, UsageError

RUNS = "train/finetune_runs"
MANIFEST = "run_manifest.json"
JOB = "job.json"
OUTCOME = "outcome.json"
ANSWERS = "answers.json"
TRAINING = "train_openai.jsonl"


@dataclass(frozen=True)
class Run:
    """One fine-tune attempt: its folder (repository path), and the two files in it."""

    folder: str
    manifest: RunManifest
    job: JobRecord | None
    """None until the training file is uploaded; always None for a dry run."""

    @property
    def manifest_file(self) -> str:
        """Repository path of the manifest."""
        return f"{self.folder}/{MANIFEST}"

    @property
    def job_file(self) -> str:
        """Repository path of the job's record."""
        return f"{self.folder}/{JOB}"

    @property
    def training_file(self) -> str:
        """Repository path of the training file."""
        return f"{self.folder}/{TRAINING}"

    @property
    def job_id(self) -> str | None:
        """The provider's id of the run's job, once there is one."""
        return self.job.openai.job_id if self.job else None

    @property
    def model_id(self) -> str | None:
        """`<provider>:<model>`, once there is a model."""
        model = self.job.openai.fine_tuned_model if self.job else None
        return f"{self.manifest.provider}:{model}" if model else None

    @property
    def status(self) -> str:
        """The job's status as last seen; before there is one, `dry_run`, `planned` or `file_uploaded`."""
        if self.job is not None:
            return self.job.openai.status
        return "dry_run" if self.manifest.dry_run else "planned"

    def with_job(self, repository: Repository, record: JobRecord) -> "Run":
        """The run with a newer job.json, which is written first."""
        repository.write_contract(f"{self.folder}/{JOB}", record)
        return replace(self, job=record)

    def attempted(self, repository: Repository, at: str | None) -> "Run":
        """The run with the time at which its job was asked for, in job.json; None takes it back."""
        if self.job is None:
            raise ValueError("a job is asked for only once its training file is uploaded")
        before = self.job.attempts
        attempts = (*before, at) if at else before[:-1]
        return self.with_job(
            repository, self.job.model_copy(update={"attempted_at": at, "attempts": attempts})
        )


def record_of(run: Run, file_id: str, now: datetime) -> JobRecord:
    """The first job.json of a run: its training file is at the provider, and nothing else is."""
    return JobRecord(
        created_at=iso(now),
        updated_at=iso(now),
        stage=run.manifest.stage,
        provider=run.manifest.provider,
        run_key=run.manifest.run_key,
        dataset_path=run.manifest.dataset_path,
        training_file_path=run.training_file,
        openai=JobIds(
            file_id=file_id, job_id=None, status="file_uploaded", base_model=run.manifest.config.base_model
        ),
    )


def seen(record: JobRecord, job: Job, now: datetime) -> JobRecord:
    """A job.json after a look at the provider; the same one when nothing has changed."""
    ids = JobIds(
        file_id=record.openai.file_id,
        job_id=job.id,
        status=job.status,
        base_model=job.base_model or record.openai.base_model,
        fine_tuned_model=job.model,
        trained_tokens=job.trained_tokens,
        error=job.error,
    )
    return (
        record if ids == record.openai else record.model_copy(update={"openai": ids, "updated_at": iso(now)})
    )


def read_run(repository: Repository, folder: str | Path) -> Run:
    """One run by its folder. Raises ContractError when a file of it is missing or damaged."""
    job = Path(folder) / JOB
    return Run(
        folder=repository.relative(folder),
        manifest=repository.read(RunManifest, Path(folder) / MANIFEST),
        job=repository.read(JobRecord, job) if repository.has(job) else None,
    )


def runs(repository: Repository, stage: str = "*") -> list[Run]:
    """Every run of a stage or of all, newest first.

    Runs of the Node tool are left out: they have no key. Raises ContractError with every damaged
    one, because a run that isn't seen might be paid for again.
    """
    found, problems = survey(repository, stage)
    if problems:
        raise ContractError(
            f"{RUNS}: {len(problems)} damaged run{'s' if len(problems) > 1 else ''}",
            problems=problems,
            hint="restore the files from git, or move the folder away if its job is known elsewhere",
        )
    return found


def survey(repository: Repository, stage: str = "*") -> tuple[list[Run], list[str]]:
    """Every run, newest first, and what is wrong with the damaged ones."""
    found: list[Run] = []
    problems: list[str] = []
    for folder in _folders(repository, stage):
        try:
            found.append(read_run(repository, folder))
        except Ftv4Error as error:
            problems.extend(error.problems or (error.message,))
    return sorted(found, key=lambda run: (run.manifest.generated_at, run.folder), reverse=True), problems


def of_model(repository: Repository, model_id: str) -> Run | None:
    """The run that `<provider>:<model>` came from, by its job.json; None when no run here says so."""
    return next((run for run in survey(repository)[0] if run.model_id == model_id), None)


def of_job(repository: Repository, job_id: str) -> Run | None:
    """The run behind a provider's job; None when no run here says so."""
    return next((run for run in survey(repository)[0] if run.job_id == job_id), None)


def run_at(repository: Repository, folder: str) -> Run:
    """The run that a command line names by its folder. Raises UsageError when there is none."""
    if not repository.has(Path(folder) / MANIFEST):
        raise UsageError(f"{for_log(folder)}: no run there", hint="`ftv4 ft list` shows the runs there are")
    return read_run(repository, folder)


def _folders(repository: Repository, stage: str) -> Iterator[Path]:
    for manifest in repository.files(RUNS, f"{stage}/*/{MANIFEST}"):
        document = _plain(repository, manifest)
        if not isinstance(document, dict) or "run_key" in document:
            yield manifest.parent


def _plain(repository: Repository, path: Path) -> object:
    try:
        return repository.read_json(path)
    except ContractError:
        return None
