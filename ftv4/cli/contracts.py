"""`ftv4 contracts`: what a stage's payloads must say, asked of payloads or printed as a schema."""

import json
from typing import IO, Literal

import click

from ftv4.cli.options import print_json, repository, stage_option
from ftv4.encode import json_for_log
from ftv4.errors import ContractError

Side = Literal["input", "output"]
side_option = click.option(
    "--side", type=click.Choice(["input", "output"]), required=True, help="Which of the stage's two."
)


@click.group()
def contracts() -> None:
    """Check payloads against a stage's contract, or print its schema."""


@contracts.command()
@stage_option()
@side_option
@click.option("--guards", is_flag=True, help="Say also what the guards find.")
@click.option("--policy", metavar="FILE", help="Guard by this policy instead of the repository's.")
@click.argument("file", type=click.File("rb"), default="-")
@click.pass_context
def validate(
    ctx: click.Context, stage: str, side: Side, guards: bool, policy: str | None, file: IO[bytes]
) -> None:
    """Judge FILE (or stdin), one JSON payload a line; print one JSON verdict a line.

    Exit code 3 when any payload breaks the contract; what guards find is reported only.
    """
    from ftv4.guards import Guards
    from ftv4.stages import STAGES
    from ftv4.steps.contracts import judge_lines

    compiled = Guards.compile(repository(ctx).policy(policy)) if guards else None
    seen = refused = 0
    for verdict in judge_lines(file, STAGES[stage], side, compiled):
        click.echo(json_for_log(json.dumps(verdict, separators=(",", ":"))))
        seen += 1
        refused += not verdict["ok"]
    if refused:
        raise ContractError(f"{refused} of {seen} payloads break the contract of {stage} {side}")


@contracts.command()
@stage_option()
@side_option
@click.option(
    "--strict-for",
    type=click.Choice(["fine-tuned"]),
    help="Print the subset that structured output of a fine-tuned model accepts.",
)
def schema(stage: str, side: Side, strict_for: str | None) -> None:
    """Print a contract as JSON Schema (draft 2020-12)."""
    from ftv4.stages import STAGES
    from ftv4.stages.schema import json_schema, strict_schema

    print_json((strict_schema if strict_for else json_schema)(STAGES[stage], side))
