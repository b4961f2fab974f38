"""Are there enough accepted rows to train on?"""

from collections.abc import Iterable, Iterator

from ftv4.contracts.findings import Finding
from ftv4.gates.question import Ask, Judged, Question


class _Count:
    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._accepted = 0

    def read(self, row: Judged) -> int | None:
        return 1 if row.accepted else None

    def row(self, read: int) -> Iterable[Finding]:
        self._accepted += read
        return ()

    def end(self) -> Iterator[Finding]:
        stage = self._ask.stage
        if stage is None:
            yield self._ask.finding(
                "rows_not_counted",
                "without a stage no row can be accepted, so none were counted",
                "give --stage",
                severity="warning",
            )
            return
        needed = stage.min_rows if self._ask.min_rows is None else self._ask.min_rows
        if self._accepted < needed:
            yield self._ask.finding(
                "too_few_accepted_rows",
                f"{self._accepted} accepted rows; {stage.name} needs {needed}",
                "approve rows that pass every gate, or mend those that are rejected",
            )


def start(ask: Ask) -> Question:
    """Count rows that acceptance accepts, not merely approved ones (weaknesses.md B4)."""
    return _Count(ask)
