"""`ftv4 gate`: ask every gate about datasets, or about what a change does to them."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ftv4 import __version__
from ftv4.cli.options import Strict, boolean, located, now, print_json, repository, stage_option
from ftv4.cli.progress import progress
from ftv4.cli.say import command, say, say_page
from ftv4.encode import for_log, line_for_log
from ftv4.errors import ContractError, GateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from ftv4.documents import Repository
    from ftv4.steps.gate_report import Answer
    from ftv4.steps.judgement import Terms
    from ftv4.steps.workers import Workers

FORMATS = ["text", "json", "markdown", "github", "sarif"]


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE…]")
@click.option("--base", metavar="REV", help="Judge what the commits since REV change, by REV's policy.")
@click.option("--head", metavar="REV", help="Where the change ends.  [default: HEAD]")
@stage_option(required=False)
@click.option("--only", multiple=True, metavar="GATE", help="Ask this gate alone; may repeat.")
@click.option("--policy", metavar="FILE", help="Judge by this policy instead of the repository's.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to answer."
)
@boolean("--summary", default=False, help="Add the Markdown page to the workflow run's summary, too.")
@click.option(
    "--forecast",
    type=Strict(),
    is_flag=False,
    flag_value=True,
    help="Say what a fine-tune on the rows would cost.  [default: with --base]",
)
@click.option(
    "--provider", default="openai", show_default=True, metavar="NAME", help="Whose prices the forecast has."
)
@boolean("--approved-only", default=True, help="Only approved rows are trained on.")
@click.option(
    "--min-rows", type=click.IntRange(0), help="Accepted rows that are enough.  [default: the stage's]"
)
@click.option(
    "--executor", metavar="dask://HOST:PORT", help="A Dask cluster to read the rows, not these cores."
)
@click.pass_context
def gate(ctx: click.Context, /, files: tuple[str, ...], form: str, summary: bool, **given: Any) -> None:
    """Ask every gate about each FILE of dataset rows, or about what a change does to datasets.

    With --base nothing but git's objects is read: the files of the work tree are never touched, and the
    policy and waivers are those of REV. The stage is read from the file's name or its rows where --stage
    doesn't say it. Exit code 4 when a gate refuses, 3 when a FILE isn't a dataset; the report is
    printed first.
    """
    repo = repository(ctx)
    with _workers(given["executor"]) as workers:
        terms = _terms(ctx, repo, given, workers)
        if given["base"]:
            answer = _change(ctx, repo, files, terms, given)
        else:
            answer = _files(ctx, repo, files, terms, given)
    _show(repo, answer, form, terms)
    if summary:
        _summarise(repo, answer, terms)
    ctx.exit(_exit_code(answer))


def _workers(address: str | None) -> "AbstractContextManager[Workers | None]":
    from ftv4.cli.clients import connect_cluster

    return connect_cluster(address) if address else nullcontext()


def _terms(
    ctx: click.Context, repo: "Repository", given: dict[str, Any], workers: "Workers | None"
) -> "Terms":
    from ftv4.stages import STAGES
    from ftv4.steps.judgement import Judges, Terms, terms_of
    from ftv4.steps.serve import provider_row
    from ftv4.steps.waivers import read_waivers

    own = located(ctx, repo, given["policy"]) if given["policy"] else None
    forecast = bool(given["base"]) if given["forecast"] is None else given["forecast"]
    provider = given["provider"] if forecast else None
    if given["base"]:
        judges = terms_of(repo, given["base"], given["head"] or "HEAD", provider)
    else:
        judges = Judges(repo.policy(own), read_waivers(repo))
        if provider:
            provider_row(repo, provider)
    return Terms(
        policy=repo.policy(own) if own else judges.policy,
        waivers=judges.waivers,
        today=now().date(),
        stage=STAGES[given["stage"]] if given["stage"] else None,
        only=given["only"],
        approved_only=given["approved_only"],
        min_rows=given["min_rows"],
        provider=provider,
        workers=workers,
        findings=judges.findings,
    )


def _change(
    ctx: click.Context, repo: "Repository", files: "Sequence[str]", terms: "Terms", given: dict[str, Any]
) -> "Answer":
    from ftv4.steps.gate_report import Answer
    from ftv4.steps.judgement import judge_change

    wanted = [repo.relative(located(ctx, repo, file)) for file in files]
    with progress("gate the change"):
        report = judge_change(repo, given["base"], given["head"] or "HEAD", wanted, terms)
    return Answer(report.reports, report)


def _files(
    ctx: click.Context, repo: "Repository", files: "Sequence[str]", terms: "Terms", given: dict[str, Any]
) -> "Answer":
    from ftv4.steps.gate_report import Answer
    from ftv4.steps.judgement import judge_file

    if given["head"] or not files:
        raise UsageError("give FILE… to judge files as they lie here, or --base REV to judge a change")
    reports = []
    for path in (located(ctx, repo, file) for file in files):
        with progress(f"gate {for_log(Path(path).name)}") as step:
            reports.append(judge_file(repo, path, terms, step))
    return Answer(reports)


def _show(repo: "Repository", answer: "Answer", form: str, terms: "Terms") -> None:
    from ftv4.encode import COMMENT, utf16
    from ftv4.steps.gate_machine import annotations, sarif
    from ftv4.steps.gate_report import as_json, lines, markdown

    if form == "text":
        _print(list(lines(answer)))
    elif form == "markdown":
        say_page(markdown(repo.template, answer, terms.policy, COMMENT, utf16))
    elif form == "github":
        command(annotations(answer))
    else:
        print_json(sarif(answer, __version__, terms.policy) if form == "sarif" else as_json(answer))


def _summarise(repo: "Repository", answer: "Answer", terms: "Terms") -> None:
    from ftv4.actions import summarise
    from ftv4.encode import SUMMARY, utf8
    from ftv4.steps.gate_report import markdown

    summarise(markdown(repo.template, answer, terms.policy, SUMMARY, utf8))


def _print(lines: "Sequence[Text]") -> None:
    """Lines in colour on a terminal, which wraps them itself; plain anywhere else."""
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False)
    for line in lines:
        # A line that could act is never coloured: what is printed of it is another text.
        if console.is_terminal and line_for_log(line.plain) == line.plain:
            console.print(line)
        else:
            say(line.plain)


def _exit_code(answer: "Answer") -> int:
    from ftv4.steps.gate import NOT_A_DATASET

    if any(finding.rule == NOT_A_DATASET for finding in answer.findings):
        return ContractError.exit_code
    return 0 if answer.passed else GateError.exit_code
