"""Walks a review pack: one item after the other is approved, rejected, edited, noted.

Each decision is on disk before the next is asked for, so stopping at any point loses nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ftv4.canonical import digest
from ftv4.clock import BEGINNING, iso, moment
from ftv4.contracts import Json, Problem
from ftv4.contracts.review import ReviewItem, ReviewPack
from ftv4.contracts.row import Grades
from ftv4.documents import Repository, parse, to_json
from ftv4.encode import for_log
from ftv4.errors import ContractError, Ftv4Error, UsageError
from ftv4.guards import Guards, Objection
from ftv4.stages import STAGES, problems_of
from ftv4.stages.stage import Stage
from ftv4.steps.items import grades_of, passes
from ftv4.steps.reviews import NODE_REVIEWS, REVIEWS, packs
from ftv4.synth.curator import NOTE, REVIEWER, curate


class Desk:
    """One review pack on one person's desk. Every change is on disk when the method returns."""

    def __init__(self, repository: Repository, path: str | Path) -> None:
        """Raises ContractError when the file isn't a review pack, or names an unknown stage."""
        self.repository = repository
        self.path = repository.relative(path)
        self._on_disk = repository.read_bytes(path)
        self.pack = parse(ReviewPack, self._on_disk, self.path)
        self.guards = Guards.compile(repository.policy())
        self._at_once = False
        unknown = [for_log(item.id) for item in self.pack.items if item.stage_name not in STAGES]
        if unknown:
            raise ContractError(f"{self.path}: items of no known stage", problems=unknown)

    @property
    def items(self) -> Sequence[ReviewItem]:
        """The pack's items, newest first."""
        return self.pack.items

    def first_undecided(self) -> int:
        """Where to start, or go on; the number of items when all are decided."""
        return next((at for at, item in enumerate(self.items) if not item.decided), len(self.items))

    def index(self, item_id: str) -> int:
        """Where an item is. Raises UsageError when the pack has none of that id."""
        for at, item in enumerate(self.items):
            if item.id == item_id:
                return at
        raise UsageError(
            f"{self.path}: no item {for_log(item_id)}", hint="ids look like run:<run>/stage:<stage>"
        )

    def stage(self, at: int) -> Stage:
        """The stage an item is of."""
        return STAGES[self.items[at].stage_name]

    def grades(self, at: int, output: object = None) -> Grades:
        """What the graders say now of an item's output, or of another one in its place."""
        item = self.items[at]
        return grades_of(self.stage(at), item.input, item.offered if output is None else output, self.guards)

    def problems(self, at: int, output: object = None) -> tuple[Problem, ...]:
        """What an output says wrongly by its contract."""
        return problems_of(self.stage(at), "output", self.items[at].offered if output is None else output)

    def objections(self, at: int, output: object = None) -> tuple[Objection, ...]:
        """What the guards have against an output, with the words they object to."""
        shown = self.items[at].offered if output is None else output
        doctrine = self.guards.doctrine_objections(shown)
        return (*doctrine, *self.guards.drift_objections(shown, self.stage(at).name))

    def approve(self, at: int, reviewer: str, now: datetime) -> None:
        """Approve the item's output as it stands now; its digest is kept (weaknesses.md E9)."""
        self._decide(at, reviewer, now, approved=True, output_sha256=digest(self.items[at].offered))

    def reject(self, at: int, reviewer: str, now: datetime) -> None:
        """Decide that the item never becomes a row."""
        self._decide(at, reviewer, now, approved=False, output_sha256=None)

    def edit(self, at: int, output: Json) -> None:
        """Put the reviewer's version in the output's place; whatever was decided is open again.

        Raises ContractError when it doesn't fit the stage's contract (weaknesses.md B7).
        """
        problems = self.problems(at, output)
        if problems:
            raise ContractError(
                f"{for_log(self.items[at].id)}: the edited output does not fit its contract",
                problems=[f"{for_log(problem.pointer) or '/'}: {problem.problem}" for problem in problems],
            )
        edited = None if output == self.items[at].output else output
        self._change(
            at,
            edited_output=edited,
            grades=self.grades(at, output),
            approved=False,
            reviewer=None,
            reviewed_at=None,
            output_sha256=None,
        )

    def note(self, at: int, text: str) -> None:
        """Replace the item's notes."""
        self._change(at, notes=text)

    @contextmanager
    def in_one_go(self) -> Iterator[None]:
        """Write the pack once, after all changes of the block; none of them if it is broken off. Nests."""
        if self._at_once:
            yield
            return
        before, self._at_once = self.pack, True
        try:
            yield
        except BaseException:
            self.pack = before
            raise
        finally:
            self._at_once = False
        self._save()

    def replace(self, at: int, item: ReviewItem) -> None:
        """Put another state of an item in its place."""
        items = list(self.pack.items)
        items[at] = item
        self.pack = self.pack.model_copy(update={"items": tuple(items)})
        self._save()

    def _decide(self, at: int, reviewer: str, now: datetime, **decision: Any) -> None:
        self._change(at, reviewer=reviewer, reviewed_at=iso(now), grades=self.grades(at), **decision)

    def _change(self, at: int, **members: Any) -> None:
        self.replace(at, self.items[at].model_copy(update=members))

    def _save(self) -> None:
        """Write the pack. Raises Ftv4Error when somebody else has written it meanwhile (weaknesses.md D3)."""
        if self._at_once:
            return
        written = to_json(self.pack).encode()
        with self.repository.locked(Path(self.path).parent):
            if self.repository.read_bytes(self.path) != self._on_disk:
                raise Ftv4Error(
                    f"{self.path}: changed by somebody else meanwhile; this decision isn't in it",
                    hint="run `ftv4 review` again: it goes on where you stopped",
                )
            self.repository.write(self.path, written)
        self._on_disk = written


@dataclass(frozen=True)
class Reviewed:
    """Where a pack stands."""

    pack: str
    items: int
    approved: int
    rejected: int
    undecided: int
    edited: int
    failing: tuple[str, ...]
    """Ids of undecided items that fail a grade; they were left alone."""


def summary(desk: Desk) -> Reviewed:
    """Count a pack."""
    items = desk.items
    return Reviewed(
        pack=desk.path,
        items=len(items),
        approved=sum(item.approved for item in items),
        rejected=sum(item.decided and not item.approved for item in items),
        undecided=sum(not item.decided for item in items),
        edited=sum(item.edited_output is not None for item in items),
        failing=tuple(
            item.id for at, item in enumerate(items) if not item.decided and not passes(desk.grades(at))
        ),
    )


def find_pack(repository: Repository, tell: Callable[[str], object]) -> str:
    """The newest pack with something undecided, else the newest; what can't be read is told of.

    Raises UsageError when there is none.
    """
    problems: list[str] = []
    found = sorted(packs(repository, (REVIEWS, NODE_REVIEWS), problems), key=_age)
    for problem in problems:
        tell(f"left out: {problem}")
    open_ones = [path for path, pack in found if any(not item.decided for item in pack.items)]
    if not found:
        raise UsageError(f"no review pack in {REVIEWS}", hint="`ftv4 curate` writes one")
    return open_ones[-1] if open_ones else found[-1][0]


def _age(found: tuple[str, ReviewPack]) -> tuple[datetime, str]:
    path, pack = found
    return moment(pack.generated_at) or BEGINNING, path


def approve_all(desk: Desk, reviewer: str, now: datetime, *, even_failing: bool = False) -> None:
    """Approve every undecided item whose grades all pass; with `even_failing`, the others too."""
    with desk.in_one_go():
        for at in _undecided(desk):
            if even_failing or passes(desk.grades(at)):
                desk.approve(at, reviewer, now)


def curate_all(desk: Desk, now: datetime) -> None:
    """Let the synthetic curator rewrite and approve every undecided item, and say so in its notes.

    An item of which the curator's own version fails a grade is left undecided.
    """
    with desk.in_one_go():
        for at in _undecided(desk):
            desk.replace(at, curated(desk.items[at], desk.guards, now))


def curated(item: ReviewItem, guards: Guards, now: datetime) -> ReviewItem:
    """An item as the synthetic curator leaves it: rewritten and approved, or as it was."""
    stage = STAGES[item.stage_name]
    output = curate(stage, item.input, item.output)
    grades = grades_of(stage, item.input, output, guards)
    if not passes(grades):
        return item
    decision = {
        "approved": True,
        "reviewer": REVIEWER,
        "reviewed_at": iso(now),
        "output_sha256": digest(output),
    }
    return item.model_copy(update={"edited_output": output, "grades": grades, "notes": NOTE, **decision})


def _undecided(desk: Desk) -> list[int]:
    return [at for at, item in enumerate(desk.items) if not item.decided]
