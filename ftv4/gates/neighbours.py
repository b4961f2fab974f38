"""Finds the earlier texts that are most like a text; for `duplicates`.

Texts are looked up many together, which is quicker, and kept in arrays: 134 bytes of each text, and some 15
of each of its bands, until there are `MOST` of these.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ftv4.gates.first import Places, Table
from ftv4.gates.stretches import SKETCH

MOST = 1 << 22
"""Bands that are kept: of up to 199,728 texts all.

Of a million texts it is three of 21: they find one that has 0.85 in common in 94 of 100 cases, 0.6 in half.
"""
_NUMBER = np.uint32(31)
"""Bits that tell which band of its text it is."""

Sketched = tuple[int, bytes, str]
"""A text's line, its sketch, and its label."""


class Neighbour(NamedTuple):
    """An earlier text that is much the same."""

    similarity: float
    """Jaccard index of both texts' shingles, as their sketches estimate it."""
    before: int
    """Minus its line: of two that are as similar, the first is the neighbour."""

    @property
    def line(self) -> int:
        """Where it stands."""
        return -self.before


class Sketches:
    """The sketches of texts, with their lines and labels."""

    def __init__(self) -> None:
        self._labels: dict[str, int] = {}
        self._count = 0
        self._numbers = np.empty((256, SKETCH), np.uint16)
        self._about = np.empty((256, 2), np.int32)
        """Line and label."""

    def add(self, texts: Sequence[Sketched]) -> Places:
        """Keep texts; their places."""
        start, self._count = self._count, self._count + len(texts)
        if self._count > len(self._about):
            room = self._count + self._count // 4
            self._numbers.resize((room, SKETCH), refcheck=False)
            self._about.resize((room, 2), refcheck=False)
        for place, (line, sketch, label) in enumerate(texts, start):
            self._numbers[place] = np.frombuffer(sketch, np.uint16)
            self._about[place] = line, self._labels.setdefault(label, len(self._labels))
        return np.arange(start, self._count, dtype=np.int32)

    def line(self, place: int) -> int:
        """Where a text stands."""
        return int(self._about[place, 0])

    def similarity(self, some: Places, others: Places) -> NDArray[np.float64]:
        """How similar each two texts are, 0 to 1."""
        equal = self._numbers[some] == self._numbers[others]
        similar: NDArray[np.float64] = np.count_nonzero(equal, axis=1) / SKETCH
        return similar

    def same_label(self, some: Places, others: Places) -> NDArray[np.bool_]:
        """Whether each two texts have one label."""
        same: NDArray[np.bool_] = self._about[some, 1] == self._about[others, 1]
        return same


class Neighbours:
    """The texts seen so far, by locality-sensitive bands of their sketches.

    Three numbers a band find a text that has 0.5 in common in 94 of 100 cases, 0.6 in 99;
    nine find 0.85 in 84, and look at few others. A text much like an earlier one is not kept.
    """

    def __init__(self, sketches: Sketches, least: float, elsewhere: float) -> None:
        """Neighbours are at least so similar; where their labels differ, as similar as `elsewhere`."""
        self._sketches = sketches
        self._least, self._elsewhere = least, elsewhere
        self._first = Table(np.uint32, MOST)

    def nearest(self, texts: Places, bands: Iterable[bytes]) -> list[Neighbour | None]:
        """For each text the earlier one that is most like it; None: there is none, and it is kept.

        Texts are told by their places among the sketches, and by their bands as `stretches` makes them.
        """
        if not len(texts):
            return []
        keys = np.frombuffer(b"".join(bands), np.uint32).reshape(len(texts), -1)
        # Where not all bands are kept, it is the same ones of each text.
        keys = keys & ~_NUMBER | np.arange(keys.shape[1], dtype=np.uint32)
        earlier = self._first.find(keys.ravel()).reshape(keys.shape)
        near = self._before(texts, earlier)
        self._among(texts, keys, earlier, near)
        kept = np.array([row for row in range(len(texts)) if row not in near], np.intp)
        rows, columns = np.nonzero(earlier[kept] < 0)
        new, first = np.unique(keys[kept][rows, columns], return_index=True)
        self._first.add(new, texts[kept][rows[first]])
        return [near.get(row) for row in range(len(texts))]

    def _before(self, texts: Places, earlier: Places) -> dict[int, Neighbour]:
        """The nearest of the texts kept, by row."""
        rows, columns = np.nonzero(earlier >= 0)
        both = np.unique(rows << 32 | earlier[rows, columns])
        rows, places = both >> 32, both & 0xFFFFFFFF
        near: dict[int, Neighbour] = {}
        for row, found in self._alike(rows, texts[rows], places):
            near[row] = max(found, near.get(row, found))
        return near

    def _among(
        self, texts: Places, keys: NDArray[np.uint32], earlier: Places, near: dict[int, Neighbour]
    ) -> None:
        """Add what is nearer among these texts themselves, in their order."""
        rows, columns = np.nonzero(earlier < 0)
        _, bands, times = np.unique(keys[rows, columns], return_inverse=True, return_counts=True)
        shared: dict[int, list[int]] = defaultdict(list)
        for at in np.flatnonzero(times[bands] > 1).tolist():
            shared[int(rows[at])].append(int(bands[at]))
        first: dict[int, int] = {}
        for row, own in shared.items():
            others = np.array(sorted({first[band] for band in own if band in first}), np.intp)
            for _, found in self._alike(others, texts[[row] * len(others)], texts[others]):
                near[row] = max(found, near.get(row, found))
            if row not in near:
                for band in own:
                    first.setdefault(band, row)

    def _alike(self, rows: NDArray[np.intp], texts: Places, places: Places) -> list[tuple[int, Neighbour]]:
        """Of each two texts those that are near, by row."""
        similar = self._sketches.similarity(texts, places)
        least = np.where(self._sketches.same_label(texts, places), self._least, self._elsewhere)
        return [
            (int(rows[at]), Neighbour(float(similar[at]), -self._sketches.line(places[at])))
            for at in np.flatnonzero(similar >= least).tolist()
        ]
