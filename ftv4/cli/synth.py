"""`ftv4 synth`: packs and runs from nothing but a seed."""

from datetime import datetime
from functools import partial
from typing import Any

import click

from ftv4.cli.options import (
    FILE,
    TEXT,
    boolean,
    format_option,
    names,
    now,
    packs_dir_option,
    print_json,
    repository,
)
from ftv4.cli.say import say
from ftv4.cli.ship import ship
from ftv4.errors import GateError


@click.group()
def synth() -> None:
    """Make synthetic packs and runs; ship a model in one command."""


@synth.command()
@click.option("--out-dir", type=FILE, default="train/packs", show_default=True, help="Where the packs go.")
@click.option(
    "--industries", metavar="NAME,…", type=TEXT, callback=names, help="Which industries.  [default: all six]"
)
@click.option(
    "--packs-per-industry", type=click.IntRange(min=1), default=3, show_default=True, help="Packs each."
)
@click.option(
    "--seed", type=click.IntRange(min=1), default=1234, show_default=True, help="Same seed, same bytes."
)
@click.option(
    "--window-days", type=click.IntRange(min=30), default=90, show_default=True, help="Days the records span."
)
@click.option(
    "--anchor-date", type=click.DateTime(["%Y-%m-%d"]), help="Last day of the records.  [default: today]"
)
@boolean("--bent", default=False, help="Bend them into situations, such as the Node tool never draws.")
@format_option
@click.pass_context
def packs(ctx: click.Context, /, form: str, bent: bool, **asked: Any) -> None:
    """Make synthetic packs: estimates, invoices and schedules of businesses that don't exist."""
    from ftv4.steps.packs import PackPlan, write_packs
    from ftv4.steps.samples import bent_packs, stories
    from ftv4.synth.packs import make_packs

    anchor: datetime = asked.pop("anchor_date") or now()
    plan = PackPlan(anchor=anchor.date(), **asked)
    where = repository(ctx, needed=True)
    make = partial(bent_packs, told=stories(where)) if bent else make_packs
    written = write_packs(where, plan, make)
    if form == "json":
        print_json(written)
        return
    for folder in written.generated:
        say(folder)
    say(f"{written.total_generated} packs of {len(written.industries)} industries in {written.out_dir}")


@synth.command()
@packs_dir_option
@click.option("--iterations", type=click.IntRange(min=1), default=10, show_default=True, help="Runs of each.")
@click.option(
    "--minimum-runs", type=click.IntRange(min=0), default=0, show_default=True, help="Runs at least."
)
@click.option(
    "--client-id", type=TEXT, default="test-client-synth", show_default=True, help="Whose runs they are."
)
@click.option("--industry", type=TEXT, metavar="NAME", help="Only packs of this industry.")
@click.option("--seed", type=int, help="Shuffle the packs.  [default: path order]")
@click.option(
    "--output-dir",
    type=FILE,
    metavar="DIR",
    help="For run_ids.json.  [default: train/ops/synth_ship/<stamp>]",
)
@boolean("--include-data-packs", default=True, help="Run data/packs/*.json too.")
@click.option(
    "--industry-mix",
    type=click.Choice(["balanced", "weighted"]),
    default="balanced",
    show_default=True,
    help="Industries in turn, or packs in turn.",
)
@click.option(
    "--min-industries", type=click.IntRange(min=1), default=6, show_default=True, help="Refuse fewer."
)
@boolean("--ensure-diversity", default=True, help="Hold to --min-industries.")
@format_option
@click.pass_context
def runpacks(ctx: click.Context, /, form: str, **asked: Any) -> None:
    """Run packs through the pipeline as models.json pins it; records go to train/ops/runs.

    Exit code 4 when the packs are too much alike, or no run came through.
    """
    from ftv4.cli.clients import connect_provider
    from ftv4.cli.progress import progress
    from ftv4.steps.runpacks import Plan, Runner
    from ftv4.steps.serve import serving_models

    where = repository(ctx, needed=True)
    models = serving_models(where, lambda name: connect_provider(where, name))
    with progress("runs") as shown:
        batch = Runner(where, models, now(), shown).run(Plan(**asked))
    if form == "json":
        print_json(batch.answer())
    else:
        say("\n".join(batch.lines()))
    if not batch.index.run_ids:
        raise GateError("no run came through", hint="the records say at which stage, and why")


synth.add_command(ship)


@synth.command()
@click.option(
    "--out-dir", type=FILE, metavar="DIR", help="Write it below another folder.  [default: the repository]"
)
@boolean("--check", default=False, help="Write nothing; say what would change.")
@click.pass_context
def data(ctx: click.Context, out_dir: str | None, check: bool) -> None:
    """Make the data that ships with ftv4 again, byte for byte: packs, datasets, eval cases.

    All of it is synthetic, curated by the synthetic curator, and says so. Exit code 4 when --check
    finds a difference, or when a dataset there holds rows that somebody else approved.
    """
    from ftv4.steps.ship_data import changed_files, write_shipped

    where = repository(ctx, needed=True)
    if check:
        changed = changed_files(where)
        if changed:
            raise GateError(
                f"{len(changed)} shipped files differ", problems=changed, hint="run it without --check"
            )
        say("the shipped data is what it would be made as now")
        return
    written = write_shipped(where, out_dir)
    say(f"{len(written)} files written")
