"""Counts texts of which nearly all differ; for `diversity`."""

from collections import Counter
from collections.abc import Collection

import numpy as np

from ftv4.gates.neighbours import First

TOGETHER = 4096
"""Texts that are looked up together, which is quicker."""


class Tally:
    """How often each text came. Kept: some 24 bytes of each, and those that came again."""

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
        return texts[int(self._first.find(_keys(texts)).argmin())] if texts else self._opening

    def _settle(self) -> None:
        texts, self._waiting = self._waiting, []
        if not texts:
            return
        if not self._seen:
            self._opening = texts[0]
        keys = _keys(texts)
        new = np.flatnonzero(self._first.find(keys) < 0)
        added, first = np.unique(keys[new], return_index=True)
        self._first.add(added, (self._seen + new[first]).astype(np.int32))
        again = np.ones(len(texts), bool)
        again[new[first]] = False
        self._again.update(texts[place] for place in np.flatnonzero(again).tolist())
        self._seen += len(texts)


def _keys(texts: Collection[bytes]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """A number for each; another one in each process."""
    return np.array([hash(text) for text in texts], np.int64).view(np.uint64)
