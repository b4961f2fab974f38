"""Finds the ids that come again; for `envelope`."""

from ftv4.gates.first import First
from ftv4.gates.lines import Lines

TOGETHER = 4096
"""Ids that are looked up together, which is quicker."""


class Ids:
    """The line where each id came first, and those where it came again."""

    def __init__(self) -> None:
        self._first = First()
        self._again: dict[int, Lines] = {}
        self._waiting: list[tuple[int, int]] = []

    def add(self, name: str, line: int) -> None:
        """See an id; lines come in order."""
        self._waiting.append((hash(name), line))
        if len(self._waiting) >= TOGETHER:
            self._settle()

    @property
    def again(self) -> dict[int, Lines]:
        """Line where an id came first → those where it came again."""
        self._settle()
        return self._again

    def _settle(self) -> None:
        waiting, self._waiting = self._waiting, []
        names, lines = [name for name, _ in waiting], [line for _, line in waiting]
        for line, first in zip(lines, self._first.of(names, lines), strict=True):
            if first != line:
                self._again.setdefault(first, Lines()).add(line)
