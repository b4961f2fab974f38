"""Counts texts of which nearly all differ; for `diversity`."""

from array import array
from collections.abc import Collection

from ftv4.gates.first import First

TOGETHER = 4096
"""Texts that are looked up together, which is quicker."""


class Tally:
    """How often each text came. Kept: 4 bytes of each, and some 22 of each different one."""

    def __init__(self) -> None:
        self._first = First()
        self._again = array("i")
        """How often each text came after the first time, by its place; 0 at the others."""
        self._leader = 0, 0, b""
        """Of the most frequent text, the same, minus its place, and the text itself."""
        self._waiting: list[bytes] = []

    def add(self, texts: Collection[bytes]) -> None:
        """Count texts once more."""
        self._waiting += texts
        if len(self._waiting) >= TOGETHER:
            self._settle()

    @property
    def total(self) -> int:
        """How many there were."""
        return len(self._again) + len(self._waiting)

    @property
    def most(self) -> int:
        """How often the most frequent one came."""
        self._settle()
        return self._leader[0] + (len(self._again) > 0)

    def most_frequent(self) -> bytes:
        """The text that came most often; of several, the first; empty where there is none."""
        self._settle()
        return self._leader[2]

    def _settle(self) -> None:
        texts, self._waiting = self._waiting, []
        places = range(len(self._again), len(self._again) + len(texts))
        if texts and not places.start:
            self._leader = 0, 0, texts[0]
        self._again.frombytes(bytes(self._again.itemsize * len(texts)))
        for text, place, first in zip(texts, places, self._first.of(texts, places), strict=True):
            if first != place:
                self._again[first] += 1
                self._leader = max(self._leader, (self._again[first], -first, text))
