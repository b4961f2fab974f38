"""`ftv4 review`: a review pack in the terminal, or decided by flags."""

from functools import partial
from typing import TYPE_CHECKING

import click

from ftv4.cli.options import TEXT, format_option, now, print_json, repository
from ftv4.cli.say import say
from ftv4.encode import for_log
from ftv4.errors import GateError, UsageError

if TYPE_CHECKING:
    from ftv4.documents import Repository
    from ftv4.steps.review import Desk, Reviewed


@click.command()
@click.argument("pack", required=False)
@click.option("--approve", multiple=True, metavar="ID", help="Approve an item; repeatable.")
@click.option("--reject", multiple=True, metavar="ID", help="Reject an item; repeatable.")
@click.option("--note", type=TEXT, multiple=True, metavar="ID=TEXT", help="Note on an item; repeatable.")
@click.option("--approve-all", is_flag=True, help="Approve all undecided items whose grades all pass.")
@click.option("--even-failing", is_flag=True, help="Let --approve and --approve-all take failing ones too.")
@click.option(
    "--curator", type=click.Choice(["synthetic"]), help="Let the synthetic curator rewrite and approve."
)
@click.option(
    "--reviewer",
    type=TEXT,
    metavar="WHO",
    help="Who decides.  [default: who started the workflow run, else git's user.email]",
)
@format_option
@click.pass_context
def review(
    ctx: click.Context,
    /,
    pack: str | None,
    approve: tuple[str, ...],
    reject: tuple[str, ...],
    note: tuple[str, ...],
    approve_all: bool,
    even_failing: bool,
    curator: str | None,
    reviewer: str | None,
    form: str,
) -> None:
    """Walk a review pack: approve, reject, edit in $EDITOR, note. Starts where you stopped.

    PACK is a file that `ftv4 curate` wrote.  [default: the newest with something undecided]
    With --approve, --reject, --note, --approve-all or --curator nothing is asked.
    Each decision is on disk before the next is taken.
    """
    from ftv4.steps.review import Desk, find_pack, summary

    where = repository(ctx)
    desk = Desk(where, pack or find_pack(where, partial(say, error=True)))
    wants = Wants(desk, where, reviewer, even_failing)
    if approve or reject or note or approve_all or curator:
        wants.scripted(approve, reject, note, approve_all, curator)
    elif form == "text":
        wants.walked()
    done = summary(desk)
    if form == "json":
        print_json(done)
    else:
        say(_summary(done))


class Wants:
    """What one command line asks of one desk."""

    def __init__(self, desk: "Desk", where: "Repository", reviewer: str | None, even_failing: bool) -> None:
        self._desk = desk
        self._where = where
        self._given = reviewer
        self._even_failing = even_failing

    def scripted(
        self,
        approve: tuple[str, ...],
        reject: tuple[str, ...],
        note: tuple[str, ...],
        approve_all: bool,
        curator: str | None,
    ) -> None:
        """Do what the flags say: all of it, or nothing when an id isn't in the pack or one fails."""
        from ftv4.steps.review import approve_all as approve_rest
        from ftv4.steps.review import curate_all

        desk, moment = self._desk, now()
        notes = [(desk.index(item), text) for item, text in map(_split, note)]
        approved, rejected = [desk.index(item) for item in approve], [desk.index(item) for item in reject]
        self._must_pass(approved)
        _must_differ(approve, reject)
        reviewer = self._reviewer() if approved or rejected or approve_all else ""
        with desk.in_one_go():
            for at, text in notes:
                desk.note(at, text)
            for at in approved:
                desk.approve(at, reviewer, moment)
            for at in rejected:
                desk.reject(at, reviewer, moment)
            if curator:
                curate_all(desk, moment)
            if approve_all:
                approve_rest(desk, reviewer, moment, even_failing=self._even_failing)

    def walked(self) -> None:
        """Walk the pack in the terminal."""
        from ftv4.cli.walk import Walk

        Walk(self._desk, self._reviewer(), now).start()

    def _must_pass(self, approved: list[int]) -> None:
        from ftv4.steps.items import failing, passes

        graded = [(self._desk.items[at].id, self._desk.grades(at)) for at in approved]
        refused = [
            f"{for_log(item)}: fails {failing(grades)}" for item, grades in graded if not passes(grades)
        ]
        if refused and not self._even_failing:
            raise GateError(
                "nothing was decided: what fails a grade becomes no row",
                problems=refused,
                hint="edit it in `ftv4 review`, or add --even-failing",
            )

    def _reviewer(self) -> str:
        """Who decides: as it is said, else as for a promotion (weaknesses.md E9)."""
        from ftv4.actions import actor
        from ftv4.steps.identity import identity

        reviewer = self._given or identity(self._where, actor())
        if reviewer is None:
            raise UsageError("nobody says who reviews", hint="give --reviewer, or set git's user.email")
        return reviewer


def _must_differ(approve: tuple[str, ...], reject: tuple[str, ...]) -> None:
    both = sorted(set(approve) & set(reject))
    if both:
        raise UsageError(f"approved and rejected in one: {', '.join(map(for_log, both))}")


def _split(note: str) -> tuple[str, str]:
    item, sign, text = note.partition("=")
    if not sign:
        raise UsageError(f"--note {for_log(note)}: say ID=TEXT")
    return item, text


def _summary(done: "Reviewed") -> str:
    lines = [f"{done.pack}: {done.items} items", f"{done.approved} approved, {done.rejected} rejected"]
    lines[1] += f", {done.undecided} undecided; {done.edited} edited"
    lines += [f"undecided and failing: {for_log(item)}" for item in done.failing]
    return "\n".join(lines)
