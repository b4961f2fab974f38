"""Stretch of a dataset → what each row is, in whatever process: the part of the gate that many can do.

Nothing here depends on what other rows say; that is added up by `ftv4.steps.gate`, in one process.
"""

import pickle
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from ftv4.contracts.policy import Policy
from ftv4.documents import Line, Stretch
from ftv4.errors import ContractError
from ftv4.gates import GATES
from ftv4.gates.acceptance import Acceptance
from ftv4.gates.ambiguity import ambiguity
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
    gates: tuple[str, ...]
    extract: Extract | None
    """What is wanted of each accepted row; None: nothing."""

    def packed(self) -> bytes:
        """The same, small: it goes along with every stretch."""
        return zlib.compress(pickle.dumps(self))

    def ask(self) -> Ask:
        """The same, as gates know it."""
        stage = STAGES[self.stage] if self.stage else None
        return Ask(self.file, stage, self.policy, self.approved_only, self.min_rows, self.cases)


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


def judge_stretch(order: bytes, stretch: Stretch) -> Judgement:
    """Judge each row by an Order as `packed` gives it. Raises ContractError where the stretch isn't text."""
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
            found.rows += 1
            if not row.accepted:
                found.broken = found.broken.and_(_broken(row))
                must_be_rows(found.broken, f"{stretch.where}:{row.line}")
            if row.malformed is not None:
                found.reasons["malformed_line"] += 1
            elif row.rejection is not None:
                found.reasons[row.rejection.reason] += 1
            for place, reader in enumerate(self._readers):
                if (read := reader(row)) is not None:
                    found.reads.append((place, read))
            if row.accepted:
                found.accepted += 1
                yield row

    def _judged(self, line: Line) -> Judged:
        if line.malformed is not None:
            return Judged(line.number, None, line.malformed, None, False, raw=line.raw)
        suspects, reading = self._guards.suspects_in(line.raw, line.value), Reading(line.value)
        rejection = self._acceptance.judge(line.value, suspects, reading) if self._acceptance else None
        accepted = self._acceptance is not None and rejection is None
        odd = ambiguity(line.raw, line.value, self._depth, accepted, digits=DIGITS in suspects)
        row = Judged(
            line.number, line.value, None, rejection or odd, accepted and odd is None, suspects, odd, line.raw
        )
        row.reading = reading
        return row


def _looked_for(order: Order) -> set[str]:
    """What the guards must tell; of all else they suspect every row."""
    stage = [order.stage] if order.stage else []
    return {
        "doctrine",
        "leaks",
        DIGITS,
        *stage,
        *(NEEDED_BY[gate] for gate in order.gates if gate in NEEDED_BY),
    }


def _broken(row: Judged) -> Broken:
    is_row = isinstance(row.value, dict) and "input" in row.value and "output" in row.value
    return Broken() if is_row and row.ambiguity is None else Broken(1, len(row.raw))
