"""Stretch of a dataset → what each row is, in whatever process: the part of the gate that many can do.

Nothing here depends on what other rows say; that is added up by `ftv4.steps.gate`, in one process.
"""

import pickle
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from ftv4.contracts.jsontext import NOT_TEXT
from ftv4.contracts.policy import Policy
from ftv4.documents import Line, Stretch
from ftv4.errors import ContractError
from ftv4.gates import GATES
from ftv4.gates.acceptance import Acceptance
from ftv4.gates.ambiguity import FIXES as AMBIGUOUS
from ftv4.gates.ambiguity import ambiguities, beside_constants
from ftv4.gates.question import Ask, HeldOut, Judged
from ftv4.gates.reading import Reading
from ftv4.guards import DIGITS, INJECTION, PRIVATE, Guards
from ftv4.stages import STAGES

MOST_BROKEN = 1_000
"""Lines that are no JSON, no rows, or none that every reader reads alike, in a file that is a dataset for
all that."""
MOST_BROKEN_BYTES = 2 << 20
"""Of such lines: telling what is wrong with them takes fifty times as long as reading them."""


Extract = Callable[[Iterator[Judged]], list[Any]]
"""Accepted rows of a stretch, as they pass → something of each."""
NEEDED_BY = {"personal_data": PRIVATE, "injection": INJECTION}
"""Gate → what it alone has the guards look for."""


class Order(NamedTuple):
    """What a process must know to judge rows; can be pickled, which a stage and its functions can't."""

    file: str
    stage: str | None
    policy: Policy
    approved_only: bool
    min_rows: int | None
    cases: tuple[HeldOut, ...]
    today: date | None
    gates: tuple[str, ...]
    extract: Extract | None
    """What is wanted of each accepted row; None: nothing."""

    def packed(self) -> bytes:
        """The same, small: it goes along with every stretch."""
        return zlib.compress(pickle.dumps(self))

    def ask(self) -> Ask:
        """The same, as gates know it."""
        stage = STAGES[self.stage] if self.stage else None
        return Ask(self.file, stage, self.policy, self.approved_only, self.min_rows, self.cases, self.today)


class Broken(NamedTuple):
    """Lines that are no JSON, no rows, or none that every reader reads alike."""

    lines: int = 0
    size: int = 0
    """Bytes."""

    def and_(self, other: "Broken") -> "Broken":
        """Both together."""
        return Broken(self.lines + other.lines, self.size + other.size)


@dataclass
class Judgement:
    """What is left of the rows of a stretch."""

    rows: int = 0
    accepted: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Why the others are not."""
    reads: list[tuple[int, Any]] = field(default_factory=list)
    """What the gates have read, by the gate's place in the order; row by row, gate by gate."""
    extracts: list[Any] = field(default_factory=list)
    """Of each accepted row."""
    broken: Broken = field(default_factory=Broken)
    no_text: int | None = None
    """The first line that isn't text."""

    def count(self, row: Judged) -> None:
        """Count one more."""
        self.rows += 1
        self.accepted += row.accepted
        if row.accepted:
            return
        self.broken = self.broken.and_(_broken(row))
        if row.malformed is not None:
            self.reasons["malformed_line"] += 1
            if self.no_text is None and row.malformed.startswith(NOT_TEXT):
                self.no_text = row.line
        elif row.rejection is not None:
            self.reasons[row.rejection.reason] += 1


def judge_stretch(order: bytes, stretch: Stretch) -> Judgement:
    """Judge each row by an Order as `packed` gives it. Raises ContractError where it is no dataset's."""
    return _judge(order).stretch(stretch)


def must_be_rows(broken: Broken, where: str) -> None:
    """Raise ContractError where so much is broken that the file is no dataset."""
    if broken.lines > MOST_BROKEN or broken.size > MOST_BROKEN_BYTES:
        raise ContractError(
            f"{where}: more than {MOST_BROKEN:,} lines, or {MOST_BROKEN_BYTES >> 20} MiB of them, are not "
            "JSON, no rows, or read differently by different readers",
            hint="give a file of dataset rows; ftv4 datasets build writes them",
        )


def whole(rows: Iterator[Judged]) -> list[Line]:
    """Rows as they are."""
    return [Line(row.line, row.raw, row.value, None) for row in rows]


def nothing(rows: Iterator[Judged]) -> list[Any]:
    """Let rows pass."""
    for _ in rows:
        pass
    return []


@lru_cache(maxsize=4)
def _judge(order: bytes) -> "_Judge":
    return _Judge(pickle.loads(zlib.decompress(order)))


class _Judge:
    def __init__(self, order: Order) -> None:
        ask = order.ask()
        self._depth = order.policy.limits.depth
        self._extract = order.extract or nothing
        self._guards = Guards.compile(order.policy, _looked_for(order))
        self._acceptance = Acceptance(ask.stage, self._guards, ask.approved_only) if ask.stage else None
        self._readers = [GATES[name].start(ask).read for name in order.gates]

    def stretch(self, stretch: Stretch) -> Judgement:
        found = Judgement()
        found.extracts = self._extract(self._accepted(stretch, found))
        return found

    def _accepted(self, stretch: Stretch, found: Judgement) -> Iterator[Judged]:
        """Judge row by row, and give those that are accepted: one at a time is held."""
        for line in stretch.lines():
            row = self._judged(line)
            found.count(row)
            if not row.accepted:
                must_be_rows(found.broken, f"{stretch.where}:{row.line}")
            for place, reader in enumerate(self._readers):
                if (read := reader(row)) is not None:
                    found.reads.append((place, read))
            if row.accepted:
                yield row

    def _judged(self, line: Line) -> Judged:
        if line.malformed is not None:
            further = beside_constants(line.raw)
            return Judged(line.number, None, line.malformed, None, False, None, further, line.raw)
        suspects, reading = self._guards.suspects_in(line.raw, line.value), Reading(line.value)
        broken = self._acceptance.judge(line.value, suspects, reading) if self._acceptance else ()
        fits = self._acceptance is not None and not broken
        broken += ambiguities(line.raw, line.value, self._depth, fits, digits=DIGITS in suspects)
        first = broken[0] if broken else None
        accepted = fits and not broken
        row = Judged(line.number, line.value, None, first, accepted, suspects, broken[1:], line.raw)
        row.reading = reading
        return row


def _looked_for(order: Order) -> frozenset[str]:
    """What the guards must tell; of all else they suspect every row."""
    stage = [order.stage] if order.stage else []
    needed = (NEEDED_BY[gate] for gate in order.gates if gate in NEEDED_BY)
    return frozenset(("doctrine", "leaks", DIGITS, *stage, *needed))


def _broken(row: Judged) -> Broken:
    is_row = isinstance(row.value, dict) and "input" in row.value and "output" in row.value
    told = {rejection.reason for rejection in (row.rejection, *row.further) if rejection is not None}
    return Broken() if is_row and told.isdisjoint(AMBIGUOUS) else Broken(1, len(row.raw))
