"""What a job tells about itself: events, checkpoints and the result file."""

from collections.abc import Sequence
from typing import Any

from ftv4.canonical import sha256
from ftv4.sandbox.provider.minds import Step

Json = dict[str, Any]
TOLD = 20
"""Steps that become events of their own; the result file has them all."""


def events(job: Json, phases: int, steps: Sequence[Step]) -> list[Json]:
    """What happened to a job that has `phases` of `jobs.PHASES` behind it, oldest first."""
    told = [
        _said(f"Created fine-tuning job: {job['id']}"),
        _said(f"Validating training file: {job['training_file']}"),
        _said("Files validated, moving job to queued state"),
        _said("Fine-tuning job started"),
    ][: 2 + phases]
    told += [_measured(step, len(steps)) for step in steps[:: max(1, len(steps) // TOLD)]]
    told += _ending(job)
    return [
        {"object": "fine_tuning.job.event", "id": _id("ftevent-", job, i), **event}
        | {"created_at": _when(job, i, len(told))}
        for i, event in enumerate(told)
    ]


def _id(prefix: str, job: Json, number: int) -> str:
    return prefix + sha256(f"{job['id']}:{number}")[:24]


def _when(job: Json, number: int, count: int) -> int:
    """Events share out the time between a job's beginning and its end, or now."""
    end = job["finished_at"] or job["created_at"]
    return int(job["created_at"] + (end - job["created_at"]) * number / max(1, count - 1))


def _said(message: str, level: str = "info") -> Json:
    return {"level": level, "message": message, "type": "message", "data": {}}


def _measured(step: Step, steps: int) -> Json:
    data = {
        "step": step.number,
        "total_steps": steps,
        "train_loss": step.loss,
        "train_mean_token_accuracy": step.accuracy,
    }
    message = f"Step {step.number}/{steps}: training loss={step.loss:.2f}"
    return {"level": "info", "message": message, "type": "metrics", "data": data}


def _ending(job: Json) -> list[Json]:
    if job["status"] == "succeeded":
        return [
            _said(f"New fine-tuned model created: {job['fine_tuned_model']}"),
            _said("The job has successfully completed"),
        ]
    if job["status"] == "failed":
        return [_said(job["error"]["message"], "error")]
    return {
        "cancelled": [_said("Fine-tuning job cancelled", "warn")],
        "paused": [_said("Fine-tuning job paused", "warn")],
    }.get(job["status"], [])


def checkpoints(job: Json, steps: Sequence[Step]) -> list[Json]:
    """The last three epochs of a finished job, oldest first; the last is the model itself."""
    ends = list({step.epoch: step for step in steps}.values())
    return [_checkpoint(job, step, last=step is ends[-1]) for step in ends[-3:]]


def _checkpoint(job: Json, step: Step, *, last: bool) -> Json:
    model = job["fine_tuned_model"]
    return {
        "object": "fine_tuning.job.checkpoint",
        "id": _id("ftckpt_", job, step.number),
        "created_at": job["finished_at"],
        "fine_tuned_model_checkpoint": model if last else f"{model}:ckpt-step-{step.number}",
        "fine_tuning_job_id": job["id"],
        "metrics": {
            "step": step.number,
            "train_loss": step.loss,
            "train_mean_token_accuracy": step.accuracy,
        },
        "step_number": step.number,
    }


def results(steps: Sequence[Step]) -> bytes:
    """The result file: one CSV line a step."""
    lines = ["step,train_loss,train_accuracy", *(f"{s.number},{s.loss},{s.accuracy}" for s in steps)]
    return ("\n".join(lines) + "\n").encode()
