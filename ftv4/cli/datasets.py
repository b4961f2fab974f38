"""`ftv4 datasets`: datasets from run records and reviews."""

from typing import Any

import click

from ftv4.cli.curate import (
    days_option,
    report_malformed,
    runs_dir_option,
    scope_of,
    stages_option,
    workspace_option,
)
from ftv4.cli.options import FILE, boolean, existing, format_option, now, print_json, repository
from ftv4.cli.say import say


@click.group()
def datasets() -> None:
    """Build datasets from run records and reviews."""


@datasets.command()
@workspace_option
@days_option
@click.option(
    "--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="Runs at most, newest first."
)
@stages_option
@click.option(
    "--out-dir", type=FILE, default="train/datasets", show_default=True, help="Where the datasets are."
)
@click.option(
    "--review-dir",
    "review_dirs",
    multiple=True,
    metavar="DIR",
    type=FILE,
    callback=existing,
    help="Where review packs are, repeatable.  [default: ours and the Node tool's]",
)
@runs_dir_option
@boolean("--approved-only", "--approved", default=True, help="Leave out what nobody approved.")
@boolean("--keep-existing", default=True, help="Keep rows whose run records aren't there any more.")
@format_option
@click.pass_context
def build(
    ctx: click.Context,
    /,
    form: str,
    out_dir: str,
    review_dirs: tuple[str, ...],
    approved_only: bool,
    keep_existing: bool,
    **asked: Any,
) -> None:
    """Write the datasets of the stages asked for; other files stay as they are.

    Exit code 3 when something approved fails its grades or a file is malformed: each is named,
    and everything else is written.
    """
    from ftv4.steps.datasets import BuildPlan
    from ftv4.steps.datasets import build as build_datasets

    plan = BuildPlan(
        scope=scope_of(asked),
        out_dir=out_dir,
        approved_only=approved_only,
        keep_existing=keep_existing,
        **({"review_dirs": review_dirs} if review_dirs else {}),
    )
    built = build_datasets(repository(ctx, needed=True), plan, now())
    if form == "json":
        print_json(built)
    else:
        for stage, rows in built.rows.items():
            said = ", ".join(f"{number} {what}" for what, number in built.counts[stage].items() if number)
            say(f"{stage}: {rows} rows ({said or 'nothing new'})")
        say(f"in {built.out_dir}; {built.held_out} items held out for evaluation")
    report_malformed(built.problems)
