"""Lists a repository's runs beside the jobs that a provider knows."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ftv4.contracts import Json
from ftv4.contracts.run import Job
from ftv4.documents import Repository
from ftv4.encode import name_for_log
from ftv4.errors import UsageError
from ftv4.steps.runs import Run, survey

if TYPE_CHECKING:
    from ftv4.clients.provider import Provider


def list_runs(repository: Repository, name: str, connect: Callable[[], "Provider"], limit: int) -> Json:
    """The newest runs of the repository and jobs of a provider, as one list.

    Without a key the provider isn't asked, and `note` says so. Raises ServiceError when it is asked
    in vain, and ContractError when there is no such provider.
    """
    found, damaged = survey(repository)
    jobs: list[Job] = []
    note = ""
    try:
        jobs = connect().jobs(limit)
    except UsageError as error:
        note = f"{error.message}: this repository's word alone"
    by_id = {job.id: job for job in jobs}
    ours = [_listed(run, by_id.pop(run.job_id or "", None)) for run in found]
    rows = ours + [_stranger(name, job) for job in by_id.values()]
    rows.sort(key=lambda row: row["created_at"] or "", reverse=True)
    return {"runs": rows[:limit], "provider": name, "asked": not note, "note": note, "damaged": damaged}


def _listed(run: Run, job: Job | None) -> Json:
    model = job.model if job else (run.job.openai.fine_tuned_model if run.job else None)
    return {
        "run_dir": run.folder,
        "stage": run.manifest.stage,
        "provider": run.manifest.provider,
        "base_model": run.manifest.config.base_model,
        "created_at": run.manifest.generated_at,
        "status": job.status if job else run.status,
        "job_id": run.job_id,
        "model_id": f"{run.manifest.provider}:{model}" if model else None,
        "run_key": run.manifest.run_key,
    }


def _stranger(provider: str, job: Job) -> Json:
    """A job that no run of this repository knows."""
    return {
        "run_dir": None,
        "stage": None,
        "provider": provider,
        "base_model": job.base_model,
        "created_at": job.created_at,
        "status": job.status,
        "job_id": job.id,
        "model_id": f"{provider}:{job.model}" if job.model else None,
        "run_key": job.run_key,
    }


def listing_lines(answer: Json) -> list[str]:
    """The list as people read it."""
    lines = [
        f"{row['created_at']}  {row['status']:<16}  {row['run_dir'] or '(not from this repository)'}  "
        f"{name_for_log(row['job_id'] or '-')}  {name_for_log(row['model_id'] or row['base_model'])}"
        for row in answer["runs"]
    ]
    lines += [f"damaged: {problem}" for problem in answer["damaged"]]
    return (lines or ["no runs yet"]) + ([answer["note"]] if answer["note"] else [])
