"""`ftv4 promote`: propose a candidate to serve a stage."""

from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ftv4.cli.evals import asking, concurrency_option, report_format, show
from ftv4.cli.options import (
    FILE,
    MODEL,
    TEXT,
    boolean,
    dataset_named,
    ledger_option,
    now,
    repository,
    stage_option,
)
from ftv4.errors import GateError, UsageError

if TYPE_CHECKING:
    from ftv4.documents import Repository
    from ftv4.steps.publish import Desk, Promotion

SHOWN = 20


@click.command()
@stage_option()
@click.option("--model", required=True, metavar="ID", help="The candidate: <provider>:<model>.")
@click.option("--dataset", type=FILE, metavar="FILE", help="What it was trained on.  [default: its run's]")
@boolean("--dry-run", default=False, help="Weigh and report; leave the config as it is.")
@boolean("--open-pr", default=False, help="Change nothing here; open one pull request instead.")
@click.option(
    "--base", default="main", show_default=True, help="The branch that --open-pr asks to merge into."
)
@click.option("--notes", type=TEXT, default="", help="For the report and the card.")
@boolean("--force", default=False, help="Go on with too few rows or no clear verdict; needs --reason.")
@click.option("--reason", type=TEXT, help="Why it is forced; stays on the report and the card.")
@boolean("--approved-only", default=True, help="Count only approved rows.")
@click.option("--base-model", type=MODEL, metavar="ID", help="What it was tuned from.  [default: its run's]")
@click.option(
    "--run-manifest", type=FILE, metavar="FILE", help="The run that made it.  [default: by the model's id]"
)
@boolean("--keep-overrides", default=False, help="Leave industries that have a model of their own on it.")
@click.option(
    "--eval-report", type=FILE, multiple=True, metavar="FILE", help="Use this eval report; don't ask again."
)
@concurrency_option
@ledger_option
@report_format
@click.pass_context
def promote(
    ctx: click.Context,
    /,
    form: str,
    concurrency: int,
    open_pr: bool,
    base: str,
    eval_report: tuple[str, ...],
    ledger: str | None,
    **order: Any,
) -> None:
    """Weigh a candidate against the pinned model, and move the stage to it if nothing is against it.

    The candidate answers every eval case, alone and in the whole pipeline; the pinned model answers
    the same. Exit code 4 when a gate blocks it; the report says which.
    """
    from ftv4.cli.clients import connect_ledger, connect_provider
    from ftv4.steps.evals import read_report
    from ftv4.steps.ledger import Books
    from ftv4.steps.on_record import record_answers
    from ftv4.steps.promote import Order
    from ftv4.steps.promote import promote as carry

    files = repository(ctx, needed=True)
    asked = Order(**order | {"dataset": dataset_named(ctx, files, order["dataset"])})
    desk = _desk(files, asked.dry_run, base if open_pr else None)
    with (
        connect_ledger(files, ledger) if open_pr or ledger else nullcontext() as door,
        asking(files, None, concurrency, desk.before) as (evaluation, models),
    ):
        Books(files, door, now).bring()  # the run that made the candidate may be on record there alone
        if door and not (ledger or eval_report):  # the workflow's own, and it asks itself
            desk = replace(desk, record=partial(record_answers, door, asked.stage, now()))
        given = [read_report(files, path) for path in eval_report]
        promotion = carry(asked, desk, evaluation, models, given, partial(connect_provider, files))
    notes = _notes(desk, promotion)
    show(
        form,
        json=lambda: _answer(promotion) | {"notes": notes},
        text=lambda: "\n".join([*_lines(promotion, notes), *_before_pulling(files, promotion)]) + "\n",
        markdown=lambda: promotion.summary,
    )
    if not promotion.report.passed:
        raise GateError(
            f"{promotion.report.new_model_id} is not promoted; {promotion.report.blocked_by[0]}",
            hint=f"every reason is in {promotion.paths['report']}",
        )


def _desk(files: "Repository", dry_run: bool, base: str | None) -> "Desk":
    """Where the promotion goes, and on whose word; the clients are found before anything is asked."""
    from ftv4.actions import actor
    from ftv4.documents import MODELS
    from ftv4.steps.promote import promoter
    from ftv4.steps.publish import Desk

    if dry_run and base is not None:
        raise UsageError("--dry-run opens no pull request", hint="leave out one of --dry-run and --open-pr")
    forge = None
    if base is not None:
        from ftv4.cli.clients import connect_forge

        forge = connect_forge()
    by = promoter(files, actor(), required=not dry_run)
    return Desk(files, files.read_bytes(MODELS), by, now(), forge, base or "main")


def _answer(promotion: "Promotion") -> dict[str, Any]:
    """What promote:model printed (contracts.md §11.2), and why."""
    report, paths, pull = promotion.report, promotion.paths, promotion.pull_request
    return {
        "stage": report.stage,
        "old_model_id": report.old_model_id,
        "new_model_id": report.new_model_id,
        "dry_run": report.dry_run,
        "passed": report.passed,
        "verdict": report.verdict,
        "blocked_by": list(report.blocked_by),
        "warnings": list(report.warnings),
        "report_path": paths["report"],
        "eval_report_paths": [paths[arm] for arm in ("pipeline", "stage", "pinned") if paths[arm]],
        "model_card_path": paths["card"],
        "cleared_overrides": report.cleared_overrides,
        "config_updated": promotion.config_updated,
        "files": list(promotion.files),
        "pull_request": {"number": pull.number, "url": pull.url, "branch": pull.branch} if pull else None,
    }


def _lines(promotion: "Promotion", notes: list[str]) -> list[str]:
    from ftv4.steps.runs import RUNS

    report, paths, pull = promotion.report, promotion.paths, promotion.pull_request
    comparison = report.evals.comparison
    lines = [f"{report.verdict}: {report.new_model_id} for {report.stage}, now {report.old_model_id}"]
    lines += [f"  {reason}" for reason in (comparison.why if comparison else ())]
    lines += [f"blocked by {line}" for line in report.blocked_by[:SHOWN]]
    if len(report.blocked_by) > SHOWN:
        lines.append(f"blocked by {len(report.blocked_by) - SHOWN} more, in the report")
    lines += [f"note: {line}" for line in (*report.warnings, *notes)]
    if promotion.diff and report.dry_run:
        lines += ["a dry run; models.json would change so:", promotion.diff.rstrip()]
    if promotion.config_updated:
        lines.append("config/intelligence_v4.models.json names it now")
    if pull:
        return [*lines, f"pull request {pull.number}: {pull.url}"]
    lines += [f"{name} {path}" for name, path in paths.items() if path]
    return lines + [f"run {path}" for path in promotion.files if path.startswith(f"{RUNS}/")]


def _notes(desk: "Desk", promotion: "Promotion") -> list[str]:
    """What will be held against a promotion that isn't in it: only what is merged already is judged by."""
    from ftv4.steps.checkout import differs

    dataset = promotion.report.dataset
    base = desk.base if desk.forge else None
    where, who = (base, "the verdict") if base else ("HEAD", "`ftv4 verify`")
    if not promotion.files or not differs(desk.repository, base, desk.before, dataset.path, dataset.sha256):
        return []
    return [
        f"{dataset.path} isn't committed in {where} as it is here: {who} will refuse; bring it there first"
    ]


def _before_pulling(files: "Repository", promotion: "Promotion") -> list[str]:
    """How to pull a proposal's merge where git tracks none of what it brings, and would stop at it."""
    import shlex

    from ftv4.steps.checkout import untracked

    # What isn't proposed is nowhere but here.
    there = untracked(files, promotion.files) if promotion.pull_request else []
    if not there:
        return []
    return [
        "once it is merged, and before you pull: the merge brings these files back",
        f"  git clean -f -- {shlex.join(there)}",
    ]
