"""Compares what a promotion rests on with the ledger: that a model gave these answers, nothing else says.

The ledger is written by the workflows that asked, and its rules keep it from being rewritten; a pull
request can't bring a file of it along.
"""

from collections.abc import Callable, Mapping

from ftv4.contracts.findings import Finding
from ftv4.contracts.run import JobRecord
from ftv4.contracts.verification import OnLedger
from ftv4.documents import parse, to_json
from ftv4.errors import ContractError
from ftv4.steps.change import Change
from ftv4.steps.promotion_rules import finding
from ftv4.steps.runs import Run
from ftv4.steps.verify_promotion import Derived

Held = Mapping[str, bytes]
"""The ledger's files: repository path → content."""
Reading = Callable[[], Held]
"""Raises ServiceError while the ledger is away."""
NOBODY = "nobody but the author says that the model gave these answers: they are not on the ledger"


def look_up(change: Change, derived: Derived, held: Held) -> tuple[OnLedger, list[Finding]]:
    """Whether the ledger holds the run and the answers of a promotion; what it lacks is a warning, or an
    error where the policy wants it all there."""
    found = _compared(change, derived, held)
    others = [path for path, same in found.items() if same is False]
    missing = [path for path, same in found.items() if same is None]
    if others:
        text = "is not what the ledger holds under this name"
        return "other", [finding("ledger_differs", path, text) for path in others]
    if missing:
        lacks, needed = finding("not_on_ledger", missing[0], NOBODY), change.policy.promotion.require_ledger
        return "missing", [lacks.model_copy(update={"severity": "error"}) if needed else lacks]
    return ("run and answers" if derived.run else "answers"), []


def _compared(change: Change, derived: Derived, held: Held) -> dict[str, bool | None]:
    """For each file whether the ledger holds the same; None where it says nothing of it."""
    answers = [path for path in derived.files if path.startswith("evals/")]
    found = {path: held[path] == change.bytes(path) if path in held else None for path in answers}
    if derived.run:
        run, manifest = derived.run, to_json(derived.run.manifest).encode()
        there = held.get(run.manifest_file)
        found[run.manifest_file] = None if there is None else there == manifest
        found[run.job_file] = _same_job(run, held.get(run.job_file))
    return found


def _same_job(run: Run, there: bytes | None) -> bool | None:
    """Whether the ledger knows the run by this job and this model; what else job.json says moves on."""
    if there is None or run.job is None:
        return None
    try:
        known = parse(JobRecord, there, run.job_file)
    except ContractError:
        return False
    ours, theirs = run.job.openai, known.openai
    pairs = [(theirs.job_id, ours.job_id), (theirs.fine_tuned_model, ours.fine_tuned_model)]
    if known.run_key != run.job.run_key or any(one not in (None, other) for one, other in pairs):
        return False
    return None if None in (theirs.job_id, theirs.fine_tuned_model) else True
