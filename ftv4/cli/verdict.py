"""`ftv4 verdict`: the verdict on a pull request, in two jobs: one judges, the other reports."""

import re
from typing import TYPE_CHECKING

import click

from ftv4.actions import needed, output, run_url, summarise, told, trusted_event, variable
from ftv4.cli.options import format_option, now, print_json, repository
from ftv4.cli.progress import progress
from ftv4.cli.say import say
from ftv4.encode import for_log
from ftv4.errors import UsageError

if TYPE_CHECKING:
    from ftv4.contracts import Json
    from ftv4.contracts.pull_verdict import PullVerdict
    from ftv4.documents import Repository
    from ftv4.steps.pull_verdict import Asked, Nothing


@click.group()
def verdict() -> None:
    """Judge a pull request by the default branch's code, and report it."""


@verdict.command()
@click.option(
    "--provider", default="openai", show_default=True, metavar="NAME", help="Whose prices the forecast has."
)
@format_option
@click.pass_context
def judge(ctx: click.Context, provider: str, form: str) -> None:
    """Judge the commit that this workflow run is about; its output `verdict` is for `report`.

    Only objects of git are read, never the change's files in a work tree; gates, policy and schemas are
    those of the default branch. Exit code 0 whatever the verdict; 5 when the forge or the ledger is away.
    """
    from ftv4.steps.handover import pack
    from ftv4.steps.pull_verdict import Nothing

    files = repository(ctx, needed=True)
    answer = _judged(files, _asked(), provider)
    if isinstance(answer, Nothing):
        print_json({"verdict": None, "why": answer.why}) if form == "json" else say(answer.why)
        summarise(f"No verdict: {answer.why}.\n")
        return
    output("verdict", pack(answer))
    _show(files, answer, form)


@verdict.command()
@format_option
@click.pass_context
def report(ctx: click.Context, form: str) -> None:
    """Set the status and the comment that FTV4_VERDICT, the judging job's output, asks for.

    Exit code 3 when it is not one of ours, or about something else than this run: then nothing is
    written. 5 when the forge refuses or is away.
    """
    from ftv4.cli.clients import connect_forge
    from ftv4.steps.handover import unpack
    from ftv4.steps.pull_report import check_is_for
    from ftv4.steps.pull_report import report as carry

    asked, given = _asked(), unpack(needed("FTV4_VERDICT"))
    check_is_for(given, asked)
    done = carry(repository(ctx).template, given, connect_forge(), run_url())
    if form == "json":
        print_json({"verdict": given.model_dump(mode="json"), "done": done})
        return
    for line in done:
        say(line)


def _asked() -> "Asked":
    """What the event asks for, or the workflow that calls; a member that it lacks is a UsageError."""
    from ftv4.steps.pull_verdict import Asked

    named = variable("FTV4_PULL")
    event = trusted_event("workflow_dispatch", *(("push", "schedule") if named else ("workflow_run",)))
    number = told(event, "repository", "id", kind=int)
    base = told(event, "repository", "default_branch", kind=str)
    if named:
        return Asked(number, base, pull=_number(named))
    if needed("GITHUB_EVENT_NAME") == "workflow_dispatch":
        return Asked(number, base, pull=_number(told(event, "inputs", kind=dict).get("pr")))
    head, trigger = _run(event, "head_sha"), _run(event, "event")
    if trigger not in ("pull_request", "merge_group"):
        raise UsageError(
            f"the run that this follows was started by {for_log(trigger)}, not by a pull request"
        )
    queue = _run(event, "head_branch") if trigger == "merge_group" else None
    return Asked(number, base, head=head, queue=queue)


def _run(event: "Json", name: str) -> str:
    return told(event, "workflow_run", name, kind=str)


def _number(given: object) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,8}", str(given)):
        raise UsageError(f"the input pr is {for_log(str(given))}, not the number of a pull request")
    return int(str(given))


def _judged(files: "Repository", asked: "Asked", provider: str) -> "PullVerdict | Nothing":
    from ftv4.cli.clients import connect_forge, connect_remote
    from ftv4.clients.git import Git
    from ftv4.clients.ledger import Ledger
    from ftv4.steps.judgement import Terms, terms_of
    from ftv4.steps.pull_verdict import BASE, Nothing, bring, find, judge_pull

    subject = find(asked, connect_forge())
    if isinstance(subject, Nothing):
        return subject
    with progress("fetch the commits"):
        missed = bring(Git(files.root), connect_remote(), subject, asked.base)
    if missed:
        return missed
    judges, at = terms_of(files, BASE, subject.head, provider), now()
    terms = Terms(judges.policy, judges.waivers, at.date(), provider=provider, findings=judges.findings)
    with progress("judge the change"), Ledger.opened(connect_remote()) as ledger:
        return judge_pull(files, asked, subject, terms, at, lambda: ledger.read().files)


def _show(files: "Repository", answer: "PullVerdict", form: str) -> None:
    from ftv4.steps.pull_report import in_words, page

    if form == "json":
        print_json({"verdict": answer.model_dump(mode="json"), "why": ""})
    else:
        say(f"{answer.head[:12]}: {in_words(answer)}; by the policy of {answer.base[:12]}")
    summarise(page(files.template, answer))
