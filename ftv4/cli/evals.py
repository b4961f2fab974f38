"""`ftv4 evals`: ask a model the eval cases, and compare two reports."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import click

from ftv4.actions import in_actions, summarise
from ftv4.cli.options import FILE, now, print_json, repository, stage_option
from ftv4.cli.say import say, say_page
from ftv4.encode import name_for_log
from ftv4.errors import GateError

if TYPE_CHECKING:
    from ftv4.contracts.evaluation import EvalReport
    from ftv4.documents import Repository
    from ftv4.pipeline.run import Models
    from ftv4.steps.evals import Evaluation

mode_option = click.option(
    "--mode",
    type=click.Choice(["pipeline", "stage"]),
    default="pipeline",
    show_default=True,
    help="All five stages from each case's pack, or one stage on its gold input.",
)
concurrency_option = click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=8,
    show_default=True,
    help="How many cases to ask at once.",
)
report_format = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="How to answer.",
)


@click.group()
def evals() -> None:
    """Ask a model the eval cases, and compare two reports."""


@evals.command()
@mode_option
@stage_option(required=False)
@click.option("--model", metavar="ID", help="The candidate for --stage.  [default: the pins as they stand]")
@click.option("--fixture", metavar="ID", help="Ask this case alone.")
@click.option(
    "--out", type=FILE, metavar="FILE", help="Where the report goes.  [default: evals/report_<stamp>.json]"
)
@concurrency_option
@report_format
@click.pass_context
def run(
    ctx: click.Context,
    mode: Any,
    stage: str | None,
    model: str | None,
    fixture: str | None,
    out: str | None,
    concurrency: int,
    form: str,
) -> None:
    """Ask every case, grade every answer, and keep both in a report.

    The candidate answers its stage for every industry; the pinned models answer the others. Exit
    code 4 when a case fails, or when there is none to ask.
    """
    from ftv4.steps.evals import place_of, save
    from ftv4.steps.show import report_json, report_lines, report_markdown

    files = repository(ctx, needed=True)
    place = None if out is None else place_of(files, out)
    with asking(files, fixture, concurrency) as (evaluation, models):
        report = evaluation.run(mode, stage, known_model(files, model), models)
    report = save(files, report, evaluation.now, place)
    page = partial(report_markdown, files.template, report)
    show(form, json=lambda: report_json(report), text=lambda: report_lines(report), markdown=page)
    if report.totals.failed:
        raise GateError(
            f"{report.totals.failed} of {report.totals.fixtures} cases failed",
            hint=f"each answer and what is wrong with it: {report.report_path}",
        )


@evals.command()
@click.argument("a", type=FILE)
@click.argument("b", type=FILE)
@mode_option
@stage_option(required=False)
@concurrency_option
@report_format
@click.pass_context
def compare(
    ctx: click.Context, a: str, b: str, mode: Any, stage: str | None, concurrency: int, form: str
) -> None:
    """Pair A with B, case by case, and say whether B is better.

    Each is an eval report (a path), a model id, or `pinned`; models need --stage and are asked
    first. What a report says of its answers is graded anew. Exit code 4 when the two were not asked
    the same, or not what is asked today.
    """
    from ftv4.steps.compare import compare as pair
    from ftv4.steps.show import comparison_lines, comparison_markdown

    files = repository(ctx, needed=True)
    reports = [_report(files, name, mode, stage, concurrency) for name in (a, b)]
    comparison = pair(*reports)
    if comparison.verdict != "INVALID":
        _regrade(files, reports, concurrency)
    page = partial(comparison_markdown, files.template, comparison)
    show(form, json=lambda: comparison, text=lambda: comparison_lines(comparison), markdown=page)
    if comparison.verdict == "INVALID":
        raise GateError("the two can't be compared", problems=comparison.why, hint="run both anew")


def show(form: str, *, json: Callable[[], Any], text: Callable[[], str], markdown: Callable[[], str]) -> None:
    """Answer in the form asked for; in Actions, the page goes on the run's summary as well."""
    if form == "json":
        print_json(json())
    elif form == "markdown":
        say_page(markdown())
    else:
        say(text())
    if in_actions():
        summarise(markdown())


def _report(files: "Repository", name: str, mode: Any, stage: str | None, concurrency: int) -> Any:
    """The report that a path names, or a fresh one of a model."""
    from ftv4.errors import UsageError
    from ftv4.steps.evals import read_report, save

    if name.endswith(".json"):
        return read_report(files, name)
    if name != "pinned" and files.has(name):
        raise UsageError(f"{name_for_log(name)}: not an eval report", hint="its name ends in .json")
    if stage is None:
        hint = "add --stage, or name a report file"
        raise UsageError(f"{name_for_log(name)}: a model is compared in a stage", hint=hint)
    with asking(files, None, concurrency) as (evaluation, models):
        model = None if name == "pinned" else known_model(files, name)
        return save(files, evaluation.run(mode, stage, model, models), evaluation.now)


def _regrade(files: "Repository", reports: list["EvalReport"], concurrency: int) -> None:
    """Raise GateError for a report whose scores are not what its answers earn."""
    with asking(files, None, concurrency) as (evaluation, _):
        for report in reports:
            named = {result.fixture_id for result in report.results}
            cases = tuple(one for one in evaluation.cases if one.case.case_id in named)
            replace(evaluation, cases=cases).regraded(report)


def known_model(files: "Repository", model: str | None) -> str | None:
    """A model id as models.json would write it."""
    from ftv4.steps.candidate import model_id_of

    return None if model is None else model_id_of(files, model)


@contextmanager
def asking(
    files: "Repository", fixture: str | None, concurrency: int, models_json: bytes | None = None
) -> Iterator[tuple["Evaluation", "Models"]]:
    """The cases and whoever answers them, with progress on a terminal.

    `models_json` is the file that pins, for who has read it already.
    """
    from ftv4.cli.clients import connect_provider
    from ftv4.cli.progress import progress
    from ftv4.contracts.models import ModelsConfig
    from ftv4.documents import MODELS, parse
    from ftv4.steps.cases import load_cases
    from ftv4.steps.evals import Evaluation, instructions_of
    from ftv4.steps.serve import serving_models

    policy = files.policy()
    models = serving_models(files, cache(partial(connect_provider, files)))
    cases = load_cases(files, fixture)
    config = parse(ModelsConfig, files.read_bytes(MODELS) if models_json is None else models_json, MODELS)
    with progress("asking") as on_case:
        told = instructions_of(files, policy)
        evaluation = Evaluation(cases, config, policy, told, now(), concurrency, on_case)
        yield evaluation, models
