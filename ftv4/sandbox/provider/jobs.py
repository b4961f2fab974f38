"""Fine-tuning jobs: from a request through its states to a model that answers.

A job needs no worker: what it is now follows from when it was created, how long training takes, and
whether somebody paused or cancelled it. Whoever looks first after the end makes the model.
"""

import re
from collections.abc import Mapping
from typing import Any

from ftv4.canonical import sha256
from ftv4.sandbox.provider.files import Files
from ftv4.sandbox.provider.history import checkpoints, events, results
from ftv4.sandbox.provider.job_request import JobRequest
from ftv4.sandbox.provider.minds import Minds
from ftv4.sandbox.provider.models import OWNER, Clock, Models
from ftv4.sandbox.provider.store import Store
from ftv4.sandbox.provider.training import auto_epochs
from ftv4.sandbox.provider.wire import Refusal, metadata_filter, page

Json = dict[str, Any]
PHASES = (("validating_files", 0.25), ("queued", 0.4), ("running", 1.0))
"""State, and the share of the job's time at which it ends."""


class Jobs:
    """Every job, as it is when somebody looks."""

    def __init__(
        self, store: Store, files: Files, models: Models, minds: Minds, clock: Clock, seconds: float
    ) -> None:
        self._store = store
        self._files = files
        self._models = models
        self._minds = minds
        self._clock = clock
        self._seconds = seconds

    def create(self, request: JobRequest, fate: Json | None = None) -> Json:
        """`POST /fine_tuning/jobs`; `fate` = `{code, message}` makes it fail while it runs."""
        self._models.tunable(request.model)
        self._check_file("training_file", request.training_file)
        if request.validation_file:
            self._check_file("validation_file", request.validation_file)
        with self._store.transaction():
            job = self._new(request, fate)
            self._store.add("job", job["id"], job)
        return self._look(job)

    def _check_file(self, param: str, id: str) -> None:
        try:
            file = self._files.get(id)
        except Refusal:
            raise Refusal(400, f"invalid {param}: {id}", param=param, code=f"invalid_{param}") from None
        if file["purpose"] != "fine-tune":
            message = f"File '{id}' has purpose '{file['purpose']}', not 'fine-tune'."
            raise Refusal(400, message, param=param, code=f"invalid_{param}")

    def _new(self, request: JobRequest, fate: Json | None) -> Json:
        number = self._store.next_number("job")
        training = self._files.sha256(request.training_file)
        mark = sha256(f"{number}:{training}")
        return {
            "id": f"ftjob-{mark[:24]}",
            "request": request.model_dump(mode="json"),
            "training": training,
            "model_id": _model_id(request, mark[-8:]),
            "seed": request.seed if request.seed is not None else int(mark[:7], 16),
            "created": self._clock(),
            "rested": 0.0,
            "paused": None,
            "cancelled": None,
            "fate": fate,
            "result_file": None,
        }

    # looking

    def list(self, query: Mapping[str, str], *, stale: bool = False) -> Json:
        """`GET /fine_tuning/jobs`: newest first, with all the metadata asked for.

        `stale` leaves the newest job out, as a list that lags behind does.
        """
        wanted = metadata_filter(query).items()
        jobs = self._store.all("job")[::-1][1 if stale else 0 :]
        shown = [job for job in jobs if wanted <= (job["request"]["metadata"] or {}).items()]
        listed = page(shown, query, limit=20)
        return {**listed, "data": [self._look(job) for job in listed["data"]]}

    def get(self, id: str) -> Json:
        """`GET /fine_tuning/jobs/{id}`."""
        return self._look(self._find(id))

    def events(self, id: str, query: Mapping[str, str]) -> Json:
        """`GET /fine_tuning/jobs/{id}/events`: newest first."""
        job = self._find(id)
        shown = self._look(job)
        told = events(shown, self._phases(job), self._minds.lesson(job["training"], shown))
        return page(told[::-1], query, limit=20)

    def checkpoints(self, id: str, query: Mapping[str, str]) -> Json:
        """`GET /fine_tuning/jobs/{id}/checkpoints`: the last three epochs, newest first."""
        job = self._find(id)
        shown = self._look(job)
        kept = checkpoints(shown, self._minds.lesson(job["training"], shown))
        return page(kept[::-1], query, limit=10)

    # steering

    def cancel(self, id: str) -> Json:
        """`POST …/cancel`."""
        return self._steer(id, ("validating_files", "queued", "running", "paused"), cancelled=self._clock())

    def pause(self, id: str) -> Json:
        """`POST …/pause`."""
        return self._steer(id, ("validating_files", "queued", "running"), paused=self._clock())

    def resume(self, id: str) -> Json:
        """`POST …/resume`."""
        job = self._find(id)
        rested = job["rested"] + self._clock() - (job["paused"] or 0)
        return self._steer(id, ("paused",), paused=None, rested=rested)

    def _steer(self, id: str, allowed: tuple[str, ...], **change: Any) -> Json:
        with self._store.transaction():
            job = self._find(id)
            status = self._status(job)
            if status not in allowed:
                message = f"Job {id} is {status}: it cannot be changed that way."
                raise Refusal(400, message, code="invalid_job_state")
            job.update(change)
            self._store.update("job", id, job)
        return self._look(job)

    # what a job is now

    def _find(self, id: str) -> Json:
        job = self._store.get("job", id)
        if job is None:
            raise Refusal(
                404, f"Could not find fine tune: {id}", param="fine_tune_id", code="fine_tune_not_found"
            )
        return job

    def _status(self, job: Json) -> str:
        done = self._progress(job)
        if self._problem(job) and done >= PHASES[0][1]:
            return "failed"
        if job["cancelled"] is not None:
            return "cancelled"
        if job["fate"] and done >= PHASES[1][1]:
            return "failed"
        if job["paused"] is not None:
            return "paused"
        return next((status for status, end in PHASES if done < end), "succeeded")

    def _progress(self, job: Json) -> float:
        until = min(x for x in (self._clock(), job["paused"], job["cancelled"]) if x is not None)
        return float(until - job["created"] - job["rested"]) / self._seconds

    def _problem(self, job: Json) -> str | None:
        return self._minds.training(job["training"]).problem

    def _phases(self, job: Json) -> int:
        """How many phases are behind a job; a file that isn't valid gets through none."""
        if self._problem(job):
            return 0
        return sum(self._progress(job) >= end for _, end in PHASES)

    def _look(self, job: Json) -> Json:
        status = self._status(job)
        if status == "succeeded" and job["result_file"] is None:
            self._finish(job)
        done = status in ("succeeded", "failed", "cancelled")
        training = self._minds.training(job["training"])
        hyperparameters = _settled(job, len(training.examples))
        return {
            "id": job["id"],
            "object": "fine_tuning.job",
            "created_at": int(job["created"]),
            "error": self._error(job) if status == "failed" else None,
            "fine_tuned_model": job["model_id"] if status == "succeeded" else None,
            "finished_at": int(self._ended(job, status)) if done else None,
            "hyperparameters": hyperparameters,
            "method": {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}},
            "model": job["request"]["model"],
            "organization_id": OWNER,
            "result_files": [job["result_file"]] if status == "succeeded" else [],
            "seed": job["seed"],
            "status": status,
            "trained_tokens": training.tokens * hyperparameters["n_epochs"]
            if status == "succeeded"
            else None,
            "training_file": job["request"]["training_file"],
            "validation_file": job["request"]["validation_file"],
            "estimated_finish": None if done else int(job["created"] + job["rested"] + self._seconds),
            "integrations": [],
            "metadata": job["request"]["metadata"] or {},
            "user_provided_suffix": job["request"]["suffix"],
        }

    def _ended(self, job: Json, status: str) -> float:
        if status == "cancelled":
            return float(job["cancelled"])
        failed = PHASES[0 if self._problem(job) else 1][1]
        share = failed if status == "failed" else 1.0
        return float(job["created"] + job["rested"] + self._seconds * share)

    def _error(self, job: Json) -> Json:
        if problem := self._problem(job):
            message = f"The job failed due to an invalid training file. {problem}"
            return {"code": "invalid_training_file", "message": message, "param": "training_file"}
        return {"code": job["fate"]["code"], "message": job["fate"]["message"], "param": None}

    def _finish(self, job: Json) -> None:
        """Make the model of a job that is done: whoever looks first does, everybody else finds it."""
        shown = self._look({**job, "result_file": "to come"})
        lesson = self._minds.lesson(job["training"], shown)
        with self._store.transaction():
            job.update(self._find(job["id"]))
            if job["result_file"] is not None:
                return
            file = self._files.write("step_metrics.csv", "fine-tune-results", results(lesson))
            job["result_file"] = file["id"]
            self._store.update("job", job["id"], job)
            for checkpoint in checkpoints(shown, lesson):
                name = checkpoint["fine_tuned_model_checkpoint"]
                self._models.add(name, shown["model"], job["training"], shown["finished_at"])


def _model_id(request: JobRequest, mark: str) -> str:
    suffix = re.sub(r"[^A-Za-z0-9_.-]+", "-", request.suffix or "")
    return f"ft:{request.model}:{OWNER}:{suffix}:{mark}"


def _settled(job: Json, examples: int) -> Json:
    """The hyperparameters in force: what was asked for, `auto` replaced once there are examples."""
    request = job["request"]
    method = request["method"] or {}
    asked = (method.get("supervised") or {}).get("hyperparameters") or request["hyperparameters"] or {}
    settled = {
        "n_epochs": auto_epochs(examples) if examples else 1,
        "batch_size": max(1, min(256, examples // 500)),
        "learning_rate_multiplier": 1.8,
    }
    return settled | {name: value for name, value in asked.items() if value != "auto"}
