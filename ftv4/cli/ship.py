"""`ftv4 synth ship`: from packs to a promotion of synthesis_decision, in one command."""

from functools import partial
from typing import Any

import click

from ftv4.cli.options import (
    FILE,
    MODEL,
    SUFFIX,
    TEXT,
    boolean,
    format_option,
    now,
    packs_dir_option,
    print_json,
    repository,
)
from ftv4.cli.say import say


@click.command()
@boolean("--dry-run", default=True, help="Train nobody, promote nobody.")
@click.option("--days", type=click.IntRange(1, 36500), default=90, show_default=True, help="How far back.")
@click.option("--provider", default="openai", show_default=True, help="Who trains: a row of providers.json.")
@click.option("--base-model", type=MODEL, metavar="ID", help="What to tune.  [default: the stage's]")
@click.option(
    "--suffix", type=SUFFIX, metavar="TEXT", help="For the model's name.  [default: 2ndmynd-synth-<date>]"
)
@boolean("--auto-promote", default=False, help="Promote the model if the evals and the verdict let it.")
@boolean("--approved-only", default=True, help="Train on approved rows alone.")
@boolean("--skip-runpacks", default=False, help="Take the run records there are.")
@packs_dir_option
@click.option("--iterations", type=click.IntRange(1), default=10, show_default=True, help="Runs a pack.")
@click.option("--target-runs", type=click.IntRange(0), default=50, show_default=True, help="Runs at least.")
@click.option(
    "--client-id", type=TEXT, default="test-client-synth", show_default=True, help="Whose runs they are."
)
@click.option("--industry", type=TEXT, metavar="NAME", help="Run packs of this industry, and call them so.")
@click.option("--seed", type=click.IntRange(0), help="Shuffles the packs.")
@click.option(
    "--dataset", type=FILE, metavar="FILE", help="What is built and trained on.  [default: the stage's]"
)
@click.option("--min-rows", type=click.IntRange(1), help="Fewest rows.  [default: 1 dry, the stage's live]")
@boolean("--force", default=False, help="Promote without a clear verdict; needs --reason.")
@click.option("--reason", type=TEXT, help="Why it is forced; stays on the report and the card.")
@click.option("--notes", type=TEXT, default="", help="Kept in the manifest and the report.")
@boolean("--poll-job", default=False, help="Follow the job to its end.")
@click.option(
    "--poll-interval-seconds", type=click.IntRange(5), default=30, show_default=True, help="Seconds."
)
@click.option(
    "--poll-timeout-minutes", type=click.IntRange(1), default=120, show_default=True, help="Minutes."
)
@click.option(
    "--live-min-rows", type=click.IntRange(1), default=40, show_default=True, help="Live: fewest rows."
)
@click.option(
    "--max-homogeneity-share",
    type=click.FloatRange(0, 1),
    default=0.8,
    show_default=True,
    help="Live: the largest industry's share of the rows at most.",
)
@click.option(
    "--industry-mix", type=click.Choice(["balanced", "weighted"]), default="balanced", show_default=True,
    help="Runs an industry: as many for each, or as there are packs.",
)  # fmt: skip
@click.option("--min-industries", type=click.IntRange(1), default=6, show_default=True, help="Of the packs.")
@boolean("--ensure-diversity", default=True, help="Refuse to run fewer industries than that.")
@format_option
@click.pass_context
def ship(ctx: click.Context, /, form: str, **given: Any) -> None:
    """Carry synthesis_decision from packs to a candidate, or to its promotion.

    Runs packs, writes the review pack, builds the dataset, gates it, fine-tunes, evaluates, and
    promotes where --auto-promote says so. Stops with exit code 0 when a person must approve first.
    The manifest in train/ops/synth_ship/<stamp>/ says how far it came and what to do next.
    """
    from ftv4.steps.ship import ship as carry

    done = carry(
        _order(given), _crew(ctx, quiet=form == "json", promoting=given["auto_promote"], dry=given["dry_run"])
    )
    if form == "json":
        print_json({"manifest_path": done.path, **done.manifest.model_dump(mode="json")})
    else:
        say(f"next: {done.manifest.next_action}")
        say(done.path)


def _order(given: dict[str, Any]) -> Any:
    from ftv4.steps.ship import Order

    given["suffix"] = given["suffix"] or f"2ndmynd-synth-{now():%Y%m%d}"
    unsaid = {"base_model", "dataset"}
    return Order(**{name: value for name, value in given.items() if value is not None or name not in unsaid})


def _crew(ctx: click.Context, *, quiet: bool, promoting: bool, dry: bool) -> Any:
    from ftv4.actions import actor
    from ftv4.cli.clients import connect_approvals, connect_provider
    from ftv4.steps.promote import promoter
    from ftv4.steps.serve import serving_models
    from ftv4.steps.ship import Crew

    files = repository(ctx, needed=True)
    connect = partial(connect_provider, files)
    return Crew(
        repository=files,
        models=serving_models(files, connect),
        connect=connect,
        clock=now,
        by=promoter(files, actor(), required=promoting),
        say=partial(say, error=quiet),
        approvals=None if dry else connect_approvals(),
    )
