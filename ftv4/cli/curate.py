"""`ftv4 curate`: a review pack from run records."""

from typing import Any

import click

from ftv4.cli.options import FILE, StageList, existing, format_option, now, print_json, repository
from ftv4.cli.say import say
from ftv4.errors import ContractError

stages_option = click.option(
    "--stages", "--stage", type=StageList(), metavar="STAGE,…", help="Which stages.  [default: all]"
)
days_option = click.option(
    "--days", type=click.IntRange(min=1, max=36500), default=7, show_default=True, help="How far back."
)
runs_dir_option = click.option(
    "--runs-dir",
    metavar="DIR",
    type=FILE,
    callback=existing,
    default="train/ops/runs",
    show_default=True,
    help="Where the run records are; the Node tool's can be read too.",
)
workspace_option = click.option(
    "--workspace-id", metavar="ID", help="Only this client's runs.  [default: all]"
)


@click.command()
@workspace_option
@days_option
@click.option(
    "--limit", type=click.IntRange(min=1), default=500, show_default=True, help="Runs at most, newest first."
)
@click.option(
    "--out-dir", type=FILE, default="train/curation/review_packs", show_default=True, help="Where packs are."
)
@click.option(
    "--out-file", type=FILE, metavar="FILE", help="The pack.  [default: <out-dir>/<date>/review_pack.json]"
)
@stages_option
@runs_dir_option
@format_option
@click.pass_context
def curate(ctx: click.Context, /, form: str, out_dir: str, out_file: str | None, **asked: Any) -> None:
    """Write a review pack from run records, or add to the one that is there.

    Decisions, edits and notes in it stay; what was decided in another pack isn't asked again.
    Exit code 3 when a record or pack is malformed; the others are in the pack all the same.
    """
    from ftv4.steps.curate import curate as write_pack

    where = repository(ctx, needed=True)
    done = write_pack(where, scope_of(asked), now(), out_dir=out_dir, out_file=out_file)
    if form == "json":
        print_json(done)
    else:
        said = f"{done.items_written} items, {done.items_new} of them new"
        say(f"{done.out_file}: {said}" if done.out_file else "nothing to review: no pack is written")
        say(
            f"{done.runs_scanned} runs; {done.decided_elsewhere} items decided in other packs, "
            f"{done.held_out} held out for evaluation"
        )
        if done.out_file and not done.found_by_build:
            say("`ftv4 datasets build` looks elsewhere: name this folder with --review-dir")
    report_malformed(done.problems)


def scope_of(asked: dict[str, Any]) -> Any:
    """The scope that flags say; flags that weren't given keep its defaults."""
    from ftv4.steps.items import Scope

    return Scope(**{name: value for name, value in asked.items() if value is not None})


def report_malformed(problems: tuple[str, ...]) -> None:
    """Raise ContractError when something couldn't be read: malformed things are never just skipped."""
    if problems:
        raise ContractError(
            f"{len(problems)} problem{'s' if len(problems) > 1 else ''}; everything else is written",
            problems=problems,
            hint="mend or remove those files, then run again",
        )
