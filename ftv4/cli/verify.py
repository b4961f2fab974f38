"""`ftv4 verify`: derive again what a change says about models, and compare."""

from typing import TYPE_CHECKING

import click

from ftv4.cli.options import boolean, now, print_json, repository
from ftv4.cli.say import command, say, say_page
from ftv4.errors import GateError

if TYPE_CHECKING:
    from ftv4.contracts.verification import Verification
    from ftv4.documents import Repository

FORMATS = ["text", "json", "markdown", "github"]


@click.command()
@click.option("--base", required=True, metavar="REV", help="Judge what the commits since REV change.")
@click.option("--head", default="HEAD", show_default=True, metavar="REV", help="Where the change ends.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How to answer."
)
@boolean("--summary", default=False, help="Add the Markdown page to the workflow run's summary, too.")
@click.pass_context
def verify(ctx: click.Context, base: str, head: str, form: str, summary: bool) -> None:
    """Verify a change of models.json, or of the records behind it, by what REV has.

    A promotion's metrics, verdict, report, card and models.json are derived again from the raw answers
    and compared byte by byte; a rollback has to bring back what served before; records are only ever
    added. Nothing but git's objects is read. Exit code 4 when something is against the change.
    """
    from ftv4.clients.git import Git
    from ftv4.steps.verify import verify as check

    files = repository(ctx)
    found = check(Git(files.root), base, head, now())
    _show(files, found, form)
    if summary:
        from ftv4.actions import summarise
        from ftv4.encode import SUMMARY, utf8
        from ftv4.steps.verify_report import markdown

        summarise(markdown(files.template, found, SUMMARY, utf8))
    ctx.exit(0 if found.passed else GateError.exit_code)


def _show(files: "Repository", found: "Verification", form: str) -> None:
    from ftv4.encode import COMMENT, utf16
    from ftv4.steps.gate_machine import annotate
    from ftv4.steps.verify_report import lines, markdown, totals

    if form == "json":
        print_json(found)
    elif form == "markdown":
        say_page(markdown(files.template, found, COMMENT, utf16))
    elif form == "github":
        told = f"{'verified' if found.passed else 'refused'}: {totals(found)}"
        command(annotate(found.findings, told, "ftv4 verify"))
    else:
        say("\n".join(lines(found)))
