"""What a gate is: a module whose docstring is a question, asked of one dataset row by row.

A question keeps numbers, not rows, so that a dataset of any length passes in flat memory.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple, Protocol, runtime_checkable

from ftv4.contracts import Json
from ftv4.contracts.findings import Finding, Severity
from ftv4.contracts.policy import Policy
from ftv4.gates.reading import Reading
from ftv4.gates.rejection import Rejection
from ftv4.guards import private
from ftv4.stages.stage import Stage

LONGEST_POINTER = 500
"""Characters; longer ones, which only hostile keys make, are cut."""


class HeldOut(NamedTuple):
    """What an eval case asks of the stage, and the answer that a model is measured by."""

    case_id: str
    input: Json
    output: Json


class Ask(NamedTuple):
    """What a gate is asked about."""

    file: str
    """The dataset, relative to the repository."""
    stage: Stage | None
    """None: nobody says which, and the rows don't either."""
    policy: Policy
    approved_only: bool = True
    min_rows: int | None = None
    """None: what the stage asks for."""
    cases: tuple[HeldOut, ...] = ()
    """The stage's eval cases, for gates that compare rows with them."""
    today: date | None = None
    """None: nobody says."""

    def finding(
        self,
        rule: str,
        problem: str,
        fix: str,
        *,
        line: int | None = None,
        pointer: str = "",
        severity: Severity = "error",
    ) -> Finding:
        """A finding about this dataset; a pointer ends above a key that is private itself."""
        while private.find(pointer):
            pointer = pointer.rpartition("/")[0]
        return Finding(
            rule=rule,
            severity=severity,
            file=self.file,
            line=line,
            # A key may be anything; a file must be able to hold the pointer.
            pointer=pointer[:LONGEST_POINTER].encode(errors="replace").decode(),
            problem=problem,
            fix=fix,
        )


class _Judged(NamedTuple):
    line: int
    """Physical, from 1."""
    value: object
    malformed: str | None
    """Why the line is not JSON; its value is None then."""
    rejection: Rejection | None
    """None: accepted, malformed, or of a stage that nobody knows."""
    accepted: bool
    """Whether it is a row to train on."""
    suspects: frozenset[str] | None = None
    """The guards that could find something in it, as `Guards.suspects_in`; None: nobody looked."""
    further: tuple[Rejection, ...] = ()
    """The other rules that it breaks, beside the one it is rejected for."""
    raw: bytes = b""
    """The line as it stands in the file, without its line feed; empty when it is too long to hold."""


class Judged(_Judged):
    """One line of the dataset, with acceptance's verdict on it."""

    @cached_property
    def reading(self) -> Reading:
        """What gates read in the row; made when the first one asks."""
        return Reading(self.value)

    @property
    def verdict(self) -> "Judged":
        """The same without the row itself."""
        return self._replace(value=None, raw=b"")

    def may_hold(self, guard: str) -> bool:
        """Whether a guard could find something in the row."""
        return self.suspects is None or guard in self.suspects


class Question(Protocol):
    """A gate at work on one dataset.

    Rows are read by many processes, each with a question of its own, and added up by one, in the order
    of the dataset.
    """

    def read(self, row: Judged) -> Any:
        """What the gate needs of a row, malformed ones too: small, to be pickled; None when nothing.

        Depends on the row and what was asked alone: the other rows are other processes'.
        """

    def row(self, read: Any) -> Iterable[Finding]:
        """Add what was read in one row to the rows before it."""

    def end(self) -> Iterable[Finding]:
        """Answer, when all rows have been seen."""


@runtime_checkable
class Measuring(Protocol):
    """A question whose answer rests on numbers that the policy limits."""

    def measured(self) -> dict[str, float]:
        """The numbers, by name; asked for at the end. Where there is nothing to compare there are none."""


class EachRow(ABC):
    """A question that each row answers by itself; its findings are what is read."""

    def read(self, row: Judged) -> tuple[Finding, ...] | None:
        """The findings about a row; None when there are none."""
        return tuple(self.look(row)) or None

    @abstractmethod
    def look(self, row: Judged) -> Iterable[Finding]:
        """Find what is wrong with a row; malformed ones too."""

    def row(self, read: tuple[Finding, ...]) -> Iterable[Finding]:
        """Give the findings out."""
        return read

    def end(self) -> Iterable[Finding]:
        """There is no more to say."""
        return ()


class Gate(Protocol):
    """A gate: a module with a question for a docstring."""

    __doc__: str | None

    def start(self, ask: Ask) -> Question:
        """Begin to ask it of a dataset."""
