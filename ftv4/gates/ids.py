"""Finds the ids that come again; for `envelope`."""

import numpy as np

from ftv4.gates.lines import Lines
from ftv4.gates.neighbours import First

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
        # A number for each; another one in each process.
        self._waiting.append((hash(name) & (2**64 - 1), line))
        if len(self._waiting) >= TOGETHER:
            self._settle()

    @property
    def again(self) -> dict[int, Lines]:
        """Line where an id came first → those where it came again."""
        self._settle()
        return self._again

    def _settle(self) -> None:
        waiting, self._waiting = self._waiting, []
        known = self._first.find(np.array([key for key, _ in waiting], np.uint64)).tolist()
        new: dict[int, int] = {}
        for (key, line), earlier in zip(waiting, known, strict=True):
            first = earlier if earlier >= 0 else new.setdefault(key, line)
            if first != line:
                self._again.setdefault(first, Lines()).add(line)
        self._first.add(np.array([*new], np.uint64), np.array([*new.values()], np.int32))
