"""Binds a candidate to the run that made it: its manifest and its job must be about one and the same."""

import re

from ftv4.canonical import digest
from ftv4.contracts.findings import Finding
from ftv4.contracts.promotion import PromotionReport
from ftv4.documents import to_json
from ftv4.encode import for_log, name_for_log
from ftv4.steps.change import RUNS, Change
from ftv4.steps.differences import differences
from ftv4.steps.lifetime import base_of
from ftv4.steps.promotion_rules import finding
from ftv4.steps.runs import Run, read_run, survey

CHOSEN = ("base_model", "suffix", "n_epochs", "learning_rate_multiplier", "seed")
"""What the operator chose, and the run's key holds."""


class Unbound(ValueError):
    """The report names no run, or not the one; the message says why, encoded."""


def run_named(change: Change, stage: str, model_id: str, manifest: str | None) -> Run | None:
    """The run whose manifest a report names; None when no run of the repository made the model.

    Raises Unbound, and ContractError for a run that can't be read.
    """
    if manifest is None:
        made = [run for run in survey(change.after, stage)[0] if run.model_id == model_id]
        if made:
            raise Unbound(f"says that no run made the model; {made[0].folder} did")
        return None
    folder = manifest.rpartition("/")[0]
    if not manifest.startswith(f"{RUNS}{stage}/") or folder.count("/") != 3:
        raise Unbound("is no run of the stage")
    return read_run(change.after, folder)


def loose_ends(run: Run, report: PromotionReport) -> list[Finding]:
    """Members of a run's two files that don't say what the others do, or what the report does."""
    manifest, job = run.manifest, run.job
    if job is None:
        return [finding("promotion_unbound", run.manifest_file, "the run has no job: nothing was trained")]
    key, ids = manifest.key_of, job.openai
    told = [
        ("/stage", manifest.stage, report.stage),
        ("/output_dir", manifest.output_dir, run.folder),
        ("/dry_run", manifest.dry_run, False),
        ("/run_key", manifest.run_key, digest(key.model_dump())),
        ("/key_of/stage", key.stage, manifest.stage),
        ("/key_of/provider", key.provider, manifest.provider),
        ("/key_of/training_sha256", key.training_sha256, manifest.hashes.training_sha256),
        *((f"/key_of/{name}", getattr(key, name), getattr(manifest.config, name)) for name in CHOSEN),
    ]
    done = [
        ("/stage", job.stage, manifest.stage),
        ("/provider", job.provider, manifest.provider),
        ("/run_key", job.run_key, manifest.run_key),
        ("/dataset_path", job.dataset_path, manifest.dataset_path),
        ("/openai/status", ids.status, "succeeded"),
        ("/openai/job_id", bool(ids.job_id), True),
        ("/openai/base_model", _undated(ids.base_model, key.base_model), key.base_model),
        ("/openai/fine_tuned_model", run.model_id, report.new_model_id),
        *_made_of(report.new_model_id.partition(":")[2], key.base_model),
    ]
    return [*_unequal(run.manifest_file, told), *_unequal(run.job_file, done)]


def unlike(change: Change, run: Run) -> list[Finding]:
    """Files of a run that aren't written as ftv4 writes them, and could hide something."""
    texts = {run.manifest_file: to_json(run.manifest)} | ({run.job_file: to_json(run.job)} if run.job else {})
    return [
        one
        for file, text in texts.items()
        if file in change.entries
        for one in differences("record_unreadable", file, text.encode(), change.bytes(file))
    ]


def said(value: object) -> str:
    """A value in a finding, encoded."""
    return name_for_log(value) if isinstance(value, str) else for_log(str(value))


def _made_of(model: str, base: str) -> list[tuple[str, object, object]]:
    """What the model's own name says of its base, where it does."""
    named = base_of(model)
    return [] if named == model else [("/openai/fine_tuned_model", _undated(named, base), base)]


def _undated(model: str, asked: str) -> str:
    """A base model as it was asked for: providers answer with the dated name of what an alias stands for."""
    return asked if re.fullmatch(rf"{re.escape(asked)}-\d{{4}}-\d{{2}}-\d{{2}}", model) else model


def _unequal(file: str, rows: list[tuple[str, object, object]]) -> list[Finding]:
    return [
        finding("promotion_unbound", file, f"is {said(have)}, not {said(want)}", pointer=pointer)
        for pointer, have, want in rows
        if have != want
    ]
