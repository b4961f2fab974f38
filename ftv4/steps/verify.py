"""Verifies a change to models.json or to the records behind it, from git's objects alone.

Nothing the change says of itself is believed: a promotion is derived again from its raw answers and the
base's files, a rollback from the branch's own history, and both are compared byte by byte. Records are
only ever added. That a model gave the raw answers, the ledger alone can say: steps/verify_ledger.py.
"""

import re
from collections.abc import Iterator
from datetime import datetime

from ftv4.canonical import sha256
from ftv4.clients.git import Git
from ftv4.contracts.evaluation import EvalReport
from ftv4.contracts.findings import Finding
from ftv4.contracts.promotion import PromotionReport
from ftv4.contracts.run import JobRecord
from ftv4.contracts.verification import OnLedger, Subject, Verification, Weighed
from ftv4.documents import MODELS
from ftv4.encode import name_for_log
from ftv4.errors import ContractError, GateError
from ftv4.steps.change import ADDED_ONLY, CARDS, LARGEST, PATHS, REPORTS, RUNS, Change, concerns, poses
from ftv4.steps.promotion_rules import SHOWN, finding
from ftv4.steps.rollback import as_state
from ftv4.steps.runs import JOB, MANIFEST
from ftv4.steps.verify_ledger import Reading, look_up
from ftv4.steps.verify_models import Move, judge_models, reverted
from ftv4.steps.verify_promotion import Derived, check_promotion
from ftv4.steps.weigh import FORCED

__all__ = ["concerns", "verify"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,299}")
ENDED = frozenset({"succeeded", "failed", "cancelled"})


def verify(git: Git, base: str, head: str, now: datetime, ledger: Reading | None = None) -> Verification:
    """Judge what the commits since `base` do to models, by the policy, datasets and cases of `base`.

    `ledger` is read for promotions alone; without it nobody says that a model gave its answers. Raises
    UsageError when a revision names no commit, ContractError for a damaged file of the base, and what
    `ledger` does.
    """
    base, head = git.commit(base), git.commit(head)
    change = Change(git, base, git.fork(base, head), head, now)
    if not concerns(change.entries):
        return _answer(change, Move("nothing", None))
    found = list(_ill_placed(change))
    if found:
        return _answer(change, Move("edit" if MODELS in change.entries else "records", None, tuple(found)))
    return _judge(change, ledger)


def _judge(change: Change, ledger: Reading | None) -> Verification:
    move = _reverted(change)
    if move is not None:
        return _answer(change, move)
    effective, found = _effective(change)
    if not effective:
        move = _moved(change) if MODELS in change.entries else Move("records", None)
        found += [*move.findings, *_records(change, set())]
        return _answer(change, Move(move.kind, move.stage, tuple(found)))
    for path in effective[1:]:
        found.append(finding("promotion_mixed", path, "a second promotion; one pull request carries one"))
    against, derived = check_promotion(change, effective[0])
    mine = {*derived.files, *derived.inputs} if derived else set()
    found += [*against, *_outside(change), *_records(change, mine)]
    found += _cards(change, mine) if derived else ()
    known = None
    if derived and ledger:
        known, unknown = look_up(change, derived, ledger())
        found += unknown
    stage = effective[0].removeprefix(f"{REPORTS}reports/").partition("/")[0]
    return _answer(change, Move("promotion", stage, tuple(found)), derived, known)


def _reverted(change: Change) -> Move | None:
    try:
        return reverted(change) if MODELS in change.entries else None
    except GateError:
        return None  # what needs the history says so itself


def _moved(change: Change) -> Move:
    try:
        return judge_models(change)
    except GateError as error:
        return Move("edit", None, (finding("history_unknown", MODELS, error.message),))


def _effective(change: Change) -> tuple[list[str], list[Finding]]:
    """Reports of promotions that are meant to take effect, and what is against reports that can't be read."""
    paths, found = [], list[Finding]()
    for path in change.added(f"{REPORTS}reports/"):
        try:
            report = change.after.read(PromotionReport, path)
        except ContractError as error:
            found += _unreadable(path, error)
            continue
        if report.passed and not report.dry_run:
            paths.append(path)
    if not paths and MODELS in change.entries:
        # a promotion all the same, whatever its report says of itself
        paths = [path for path in _named(change) if path in change.entries and path not in change.standing]
    return paths, found


def _named(change: Change) -> Iterator[str]:
    """Promotion reports that the head's models.json names."""
    try:
        config = as_state(change.bytes(MODELS) or b"").config
    except ContractError:
        return
    for pin in config.stages.values():
        if pin.promotion_report_path and pin.promotion_report_path.startswith(f"{REPORTS}reports/"):
            yield pin.promotion_report_path


def _unreadable(path: str, error: ContractError) -> Iterator[Finding]:
    for line in (error.problems or (error.message,))[:SHOWN]:
        yield finding("record_unreadable", path, line)


# files


def _ill_placed(change: Change) -> Iterator[Finding]:
    """Paths that pose as records, and records that are no plain files."""
    for name, entry in change.entries.items():
        if not poses(name):
            continue
        if not (name.startswith(PATHS) and NAME.fullmatch(name)) or ".." in name:
            yield finding("promotion_path", name, "no path of a record, but on some disks it is one's")
        elif not entry.removed and entry.mode != "100644":
            yield finding("promotion_path", name, f"mode {entry.mode}, not that of a plain file")
        elif not entry.removed and change.sizes[entry.object] > LARGEST:
            yield finding("record_unreadable", name, f"larger than {LARGEST} bytes")


def _outside(change: Change) -> Iterator[Finding]:
    others = [name for name in change.entries if not name.startswith(PATHS)]
    for name in others[:SHOWN]:
        yield finding("promotion_mixed", name, "has nothing to do with the promotion")


def _cards(change: Change, mine: set[str]) -> Iterator[Finding]:
    for name in change.entries:
        if name.startswith(CARDS) and name not in mine:
            yield finding("promotion_mixed", name, "another model's card")


def _records(change: Change, mine: set[str]) -> Iterator[Finding]:
    """Records that a change takes away or rewrites, and new ones that can't be read."""
    for name, entry in change.entries.items():
        if name == MODELS or (name in mine and name.startswith(CARDS)):
            continue
        if not entry.before.strip("0") and name not in change.standing:
            yield from _new(change, name) if name not in mine else ()
        elif _is_final(change, name):
            what = "taken away" if entry.removed else "rewritten"
            yield finding("record_changed", name, f"{what}; it says what was, and that doesn't change")


def _new(change: Change, name: str) -> Iterator[Finding]:
    if name.startswith("evals/report_") and name.endswith(".json"):
        try:
            change.after.read(EvalReport, name)
        except ContractError as error:
            yield from _unreadable(name, error)


def _is_final(change: Change, name: str) -> bool:
    """Whether a file that stands on the base may not change any more."""
    if name.startswith(ADDED_ONLY):
        return True
    if name.startswith(CARDS):
        return (change.models or b"").find(b'"' + name.encode() + b'"') >= 0
    if name.startswith(RUNS) and name.endswith(f"/{JOB}"):
        try:
            return change.before.read(JobRecord, name).openai.status in ENDED
        except ContractError:
            return False
    return name.startswith(RUNS) and name.endswith(f"/{MANIFEST}")


# the answer


def _answer(
    change: Change, move: Move, derived: Derived | None = None, known: OnLedger | None = None
) -> Verification:
    errors = sum(one.severity == "error" for one in move.findings)
    old, new = _models_of(change, move.stage)
    judged = move.kind in ("promotion", "rollback", "revert")
    return Verification(
        passed=not errors,
        kind=move.kind,
        base=change.base,
        fork=change.fork,
        head=change.head,
        stage=move.stage,
        old_model_id=old,
        new_model_id=new,
        verdict=derived.report.verdict if derived else None,
        weighed=_weighed(derived) if derived else None,
        ledger=known,
        policy_sha256=change.policy_sha256 if judged else None,
        models_sha256=change.models_sha256 if judged else None,
        subjects=tuple(_subjects(change, move, derived)) if judged and not errors else (),
        errors=errors,
        warnings=len(move.findings) - errors,
        findings=tuple(sorted(move.findings, key=lambda one: one.severity)),
    )


def _models_of(change: Change, stage: str | None) -> tuple[str | None, str | None]:
    """The stage's model before and after, encoded."""
    found = []
    for text in (change.models, change.bytes(MODELS)) if stage else ():
        try:
            found.append(name_for_log(as_state(text).pin(stage or "").model_id) if text else None)
        except (ContractError, KeyError):
            found.append(None)
    return (found[0], found[1]) if found else (None, None)


def _weighed(derived: Derived) -> Weighed | None:
    report, comparison = derived.report, derived.report.evals.comparison
    if comparison is None:
        return None
    return Weighed(
        wins=comparison.wins,
        losses=comparison.losses,
        ties=comparison.ties,
        eligible_rows=report.dataset.eligible_rows,
        needed_rows=report.dataset.min_rows_required,
        lifetime=derived.life,
        warnings=tuple(line for line in report.warnings if not line.startswith(FORCED)),
    )


def _subjects(change: Change, move: Move, derived: Derived | None) -> Iterator[Subject]:
    paths = derived.files if derived else [name for name in change.entries if name == MODELS]
    for path in paths:
        yield Subject(path=path, sha256=sha256(change.bytes(path) or b""))
