"""What can be said against a change that touches models.json or the records behind it, with what to do."""

from collections.abc import Mapping

from ftv4.contracts.findings import Finding, Severity

PROMOTE_AGAIN = "bring the checkout up to date with main, and run `ftv4 promote` again"

FIXES: Mapping[str, str] = {
    "promotion_mixed": "leave it out of this pull request, and open one of its own",
    "promotion_path": "give the file the path and mode that docs/files.md has",
    "record_changed": "leave records as they are; a new evaluation or promotion writes new ones",
    "record_unreadable": "take the file as ftv4 wrote it, or leave it out",
    "models_edited": "change who serves with `ftv4 promote` or `ftv4 rollback`",
    "promotion_differs": "take the files as `ftv4 promote` wrote them, all of them",
    "promotion_unbound": "promote the model that the run made, with its own run, evals and dataset",
    "promotion_stale": PROMOTE_AGAIN,
    "promotion_refused": "nothing, unless what it names can be mended; `ftv4 promote` says more",
    "promotion_forced": "merge it only if this reason holds for you, too",
    "not_on_ledger": "promote by reconcile or the promote workflow, which record what they ask",
    "ledger_differs": "take what the ledger holds; nothing that was recorded changes",
    "model_ends": "promote a model that lasts, or change promotion.min_days_left in a change of its own",
    "model_not_ours": "promote your own, or add its owner to promotion.owners in a change of its own",
    "rollback_unknown": "roll back with `ftv4 rollback --to` what `ftv4 history` lists",
    "rollback_unexplained": "roll back with `ftv4 rollback --reason`",
    "history_unknown": "fetch the whole history: in Actions, fetch-depth: 0",
    "revert_unexplained": "say in the pull request why; `ftv4 rollback` keeps the reason in models.json",
    "pinned_not_heard": "see that the pinned model really can't be asked any more",
}
"""Rule → what to do about it."""
WARNINGS = frozenset({"revert_unexplained", "pinned_not_heard", "promotion_forced", "not_on_ledger"})
SHOWN = 10
"""Findings of one file; the first differences tell."""


def finding(
    rule: str, file: str, problem: str, *, pointer: str = "", line: int | None = None, value: str = ""
) -> Finding:
    """Something against the change. What it quotes is encoded already."""
    severity: Severity = "warning" if rule in WARNINGS else "error"
    return Finding(
        rule=rule, severity=severity, file=file, line=line, pointer=pointer, problem=problem,
        fix=FIXES[rule], value=value,
    )  # fmt: skip
