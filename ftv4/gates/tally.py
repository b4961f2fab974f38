"""Counts texts of which nearly all differ; for `diversity`."""

from collections import Counter
from collections.abc import Collection

from ftv4.gates.first import First

TOGETHER = 4096
"""Texts that are looked up together, which is quicker."""


class Tally:
    """How often each text came. Kept: some 22 bytes of each, and those that came again."""

    def __init__(self) -> None:
        self._first = First()
        self._seen = 0
        self._opening = b""
        self._again: Counter[bytes] = Counter()
        """How often after the first time."""
        self._waiting: list[bytes] = []

    def add(self, texts: Collection[bytes]) -> None:
        """Count texts once more."""
        self._waiting += texts
        if len(self._waiting) >= TOGETHER:
            self._settle()

    @property
    def total(self) -> int:
        """How many there were."""
        return self._seen + len(self._waiting)

    @property
    def most(self) -> int:
        """How often the most frequent one came."""
        self._settle()
        return max(self._again.values(), default=0) + (self._seen > 0)

    def most_frequent(self) -> bytes:
        """The text that came most often; of several, the first; empty where there is none."""
        self._settle()
        count = max(self._again.values(), default=0)
        texts = [text for text, times in self._again.items() if times == count]
        return min(zip(self._first.find(texts), texts, strict=True), default=(0, self._opening))[1]

    def _settle(self) -> None:
        texts, self._waiting = self._waiting, []
        if not self._seen and texts:
            self._opening = texts[0]
        places = range(self._seen, self._seen + len(texts))
        firsts = zip(texts, places, self._first.of(texts, places), strict=True)
        self._again.update(text for text, place, first in firsts if first != place)
        self._seen += len(texts)
