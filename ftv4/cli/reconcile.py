"""`ftv4 ops reconcile`: bring every run one step further."""

from contextlib import ExitStack
from functools import cache, partial
from typing import TYPE_CHECKING

import click

from ftv4.actions import output, summarise
from ftv4.cli.evals import asking, concurrency_option
from ftv4.cli.options import FILE, boolean, format_option, ledger_option, now, print_json, repository
from ftv4.cli.say import say
from ftv4.errors import ServiceError

if TYPE_CHECKING:
    from ftv4.documents import Repository
    from ftv4.steps.reconcile import Doors, Thing


@click.command()
@click.option(
    "--do",
    "things",
    type=click.Choice(["follow", "evaluate", "propose"]),
    multiple=True,
    help="Do only this; may be said more than once.  [default: all three]",
)
@click.option("--limit", type=click.IntRange(1, 20), default=10, show_default=True, help="Most changes.")
@click.option("--again", type=FILE, metavar="RUN_DIR", help="Look at a refused or missing one once more.")
@click.option("--base", default="main", show_default=True, help="The branch proposals ask to merge into.")
@concurrency_option
@ledger_option
@boolean("--unjudged", default=False, help="Also look for pull requests that wait for a verdict.")
@boolean("--summary", default=False, help="Also write the round to the workflow run's summary page.")
@format_option
@click.pass_context
def reconcile(
    ctx: click.Context,
    things: tuple["Thing", ...],
    limit: int,
    again: str | None,
    base: str,
    concurrency: int,
    ledger: str | None,
    unjudged: bool,
    summary: bool,
    form: str,
) -> None:
    """Follow every run's job, evaluate its model, and propose the model that passes.

    What there is to do is read anew each time; a second round does nothing. It buys no job. In Actions
    what --unjudged finds is the output of that name, and judged. Exit code 5 when a service was away, 3
    when a run's files on the ledger are damaged, after everything else was done.
    """
    from ftv4.cli.clients import connect_ledger
    from ftv4.steps.ledger import Books, damage
    from ftv4.steps.reconcile import THINGS, Round, trouble, waiting
    from ftv4.steps.reconcile_follow import following
    from ftv4.steps.reconcile_model import evaluate, propose
    from ftv4.steps.reconcile_page import reconcile_answer, reconcile_lines, reconcile_page
    from ftv4.steps.sweep import sweep

    where = repository(ctx, needed=True)
    with ExitStack() as stack:
        door = stack.enter_context(connect_ledger(where, ledger))
        work = Round(Books(where, door, now), _doors(where, stack, concurrency, base), now, limit)
        work.load(again)
        work.go(things or THINGS, {"follow": following(work), "evaluate": evaluate, "propose": propose})
        if "follow" in (things or THINGS):
            sweep(work)
        pulls, missed = _without_verdict(work.doors) if unjudged else ([], None)
    broken = damage(work.books.damaged)
    for thing in ("evaluate", "propose"):
        output(thing, waiting(work.entries, thing))
    if pulls:
        output("unjudged", f"[{','.join(map(str, pulls))}]")
    if summary:
        summarise(reconcile_page(where.template, work.entries, broken.problems, pulls))
    if form == "json":
        answer = {"runs": reconcile_answer(work.entries), "damaged": list(broken.problems)}
        print_json(answer | {"unjudged": pulls})
    else:
        for line in reconcile_lines(work.entries, broken.problems, pulls):
            say(line)
    failed = trouble(work.entries) or missed or (broken if broken.problems else None)
    if failed is not None:
        raise failed


def _without_verdict(doors: "Doors") -> tuple[list[int], ServiceError | None]:
    """The pull requests that wait for a verdict; or why nobody knows, which keeps no run waiting."""
    from ftv4.steps.unjudged import unjudged

    try:
        return unjudged(doors.forge(), doors.base, now()), None
    except ServiceError as error:
        return [], error


def _doors(where: "Repository", stack: ExitStack, concurrency: int, base: str) -> "Doors":
    from ftv4.cli.clients import connect_forge, connect_provider
    from ftv4.documents import MODELS
    from ftv4.steps.reconcile import Doors

    before = where.read_bytes(MODELS)
    return Doors(
        provider=cache(partial(connect_provider, where)),
        forge=cache(connect_forge),
        asking=cache(lambda: stack.enter_context(asking(where, None, concurrency, before))),
        before=before,
        base=base,
    )
