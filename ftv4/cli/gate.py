"""`ftv4 gate`: ask every gate about datasets."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftv4.cli.options import boolean, located, print_json, repository, stage_option
from ftv4.cli.progress import progress
from ftv4.encode import for_log
from ftv4.errors import ContractError, GateError

if TYPE_CHECKING:
    from rich.text import Text

    from ftv4.contracts.findings import GateReport
    from ftv4.contracts.policy import Policy, TrainingDiversity
    from ftv4.documents import Repository


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@stage_option(required=False)
@click.option("--only", multiple=True, metavar="GATE", help="Ask this gate alone; may repeat.")
@click.option("--policy", metavar="FILE", help="Judge by this policy instead of the repository's.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="How to answer.",
)
@boolean("--approved-only", default=True, help="Only approved rows are trained on.")
@click.option(
    "--min-rows", type=click.IntRange(0), help="Accepted rows that are enough.  [default: the stage's]"
)
@click.pass_context
def gate(
    ctx: click.Context,
    files: tuple[str, ...],
    stage: str | None,
    only: tuple[str, ...],
    policy: str | None,
    form: str,
    approved_only: bool,
    min_rows: int | None,
) -> None:
    """Ask every gate about each FILE of dataset rows.

    The gates: acceptance (is every row one to train on?), rows (are there enough of them?), diversity
    (do they differ enough?). The stage is read from the file's name or its rows where --stage doesn't
    say it. Exit code 4 when a gate refuses, 3 when a FILE isn't a dataset; the report is printed first.
    """
    repo = repository(ctx)
    rules = repo.policy(located(ctx, repo, policy) if policy else None)
    asked = {"only": only, "approved_only": approved_only, "min_rows": min_rows}
    reports = [_report(repo, located(ctx, repo, file), stage, rules, asked) for file in files]
    _show(repo, reports, form, rules.training_diversity)
    ctx.exit(_exit_code(reports))


def _report(
    repo: "Repository", file: Path, stage: str | None, policy: "Policy", asked: dict[str, Any]
) -> "GateReport":
    from ftv4.stages import STAGES
    from ftv4.steps.gate import judge, unreadable

    with progress(f"gate {for_log(file.name)}") as step:
        try:
            return judge(repo, file, STAGES[stage] if stage else None, policy, progress=step, **asked)
        except ContractError as error:
            return unreadable(repo, file, error)


def _show(
    repo: "Repository", reports: "Sequence[GateReport]", form: str, limits: "TrainingDiversity"
) -> None:
    from ftv4.steps.gate_report import as_json, lines, markdown

    if form == "json":
        print_json(as_json(reports))
    elif form == "markdown":
        click.echo(markdown(repo.root, reports, limits), nl=False)
    else:
        _print([line for report in reports for line in lines(report)])


def _print(lines: "Sequence[Text]") -> None:
    """Lines in colour on a terminal, which wraps them itself; plain anywhere else."""
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False)
    for line in lines:
        console.print(line) if console.is_terminal else click.echo(line.plain)


def _exit_code(reports: "Sequence[GateReport]") -> int:
    from ftv4.steps.gate import NOT_A_DATASET

    if any(finding.rule == NOT_A_DATASET for report in reports for finding in report.findings):
        return ContractError.exit_code
    return 0 if all(report.passed for report in reports) else GateError.exit_code
