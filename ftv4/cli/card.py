"""`ftv4 card`: write a model card from the files that are there."""

from typing import Any

import click

from ftv4.cli.options import (
    FILE,
    MODEL,
    TEXT,
    Strict,
    boolean,
    dataset_named,
    format_option,
    now,
    print_json,
    repository,
    stage_option,
)
from ftv4.cli.say import say


@click.group()
def card() -> None:
    """Write a model card."""


@card.command()
@stage_option()
@click.option("--model", required=True, metavar="ID", help="Whose card: <provider>:<model>.")
@click.option("--base-model", type=MODEL, metavar="ID", help="What it was tuned from.  [default: its run's]")
@click.option("--dataset", type=FILE, metavar="FILE", help="What it was trained on.  [default: its run's]")
@boolean("--approved-only", default=True, help="Count only approved rows.")
@click.option(
    "--run-manifest", type=FILE, metavar="FILE", help="The run that made it.  [default: by the model's id]"
)
@click.option("--notes", type=TEXT, default="", help="For the card.")
@click.option(
    "--promotion-status",
    type=click.Choice(["candidate", "pinned", "deprecated"]),
    default="candidate",
    show_default=True,
    help="Where it stands.",
)
@click.option("--promotion-report", type=FILE, metavar="FILE", help="Why it serves, or doesn't.")
@click.option("--eval-summary", type=FILE, metavar="FILE", help="An eval report of it.")
@click.option("--eval-passed", type=Strict(), help="Whether its evals passed, where there is no report.")
@format_option
@click.pass_context
def build(ctx: click.Context, /, form: str, **asked: Any) -> None:
    """Write train/model_cards/<stage>/<model>.md; what nobody knows is left out."""
    from ftv4.steps.card import CardOrder, build_card

    files = repository(ctx, needed=True)
    asked["dataset"] = dataset_named(ctx, files, asked["dataset"])
    path = build_card(files, CardOrder(**asked), now())
    if form == "json":
        print_json({"model_card_path": path})
    else:
        say(path)
