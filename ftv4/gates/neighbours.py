"""Finds the earlier texts that are most like a text; for `duplicates`.

Texts are looked up many together, which is quicker, and kept in arrays: 260 bytes of each text, and some
24 of each of its bands.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ftv4.gates.stretches import ALIKE, SKETCH, Hashes

Places = NDArray[np.int32]
Sketched = tuple[int, bytes, bytes, str]
"""A text's line, its sketch, its bands, both as `stretches` makes them, and its label.

Texts with different labels must be `ALIKE`.
"""


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


class Neighbours:
    """The texts seen so far, by locality-sensitive bands of their sketches.

    Three numbers a band find a text that has 0.5 in common in 94 of 100 cases, 0.6 in 99;
    nine find 0.85 in 84, and look at few others. A text much like an earlier one is not kept.
    """

    def __init__(self, least: float) -> None:
        self._least = least
        self._first = First()
        self._labels: dict[str, int] = {}
        self._kept = 0
        self._sketches = np.empty((256, SKETCH), np.uint32)
        self._about = np.empty((256, 2), np.int32)
        """Line and label."""

    def nearest(self, texts: Sequence[Sketched]) -> list[Neighbour | None]:
        """For each text the earlier one that is most like it; None: there is none, and it is kept."""
        if not texts:
            return []
        bands = np.frombuffer(b"".join([text[2] for text in texts]), np.uint64).reshape(len(texts), -1)
        sketches = np.frombuffer(b"".join([text[1] for text in texts]), np.uint32).reshape(-1, SKETCH)
        labels = self._labels
        about = np.array(
            [(line, labels.setdefault(label, len(labels))) for line, *_, label in texts], np.int32
        )
        earlier = self._first.find(bands.ravel()).reshape(bands.shape)
        near = self._before(earlier, sketches, about)
        self._among(bands, earlier, sketches, about, near)
        kept = np.array([row for row in range(len(texts)) if row not in near], np.intp)
        self._keep(sketches[kept], about[kept])
        rows, columns = np.nonzero(earlier[kept] < 0)
        keys, first = np.unique(bands[kept][rows, columns], return_index=True)
        self._first.add(keys, (self._kept - len(kept) + rows[first]).astype(np.int32))
        return [near.get(row) for row in range(len(texts))]

    def _before(
        self, earlier: Places, sketches: NDArray[np.uint32], about: NDArray[np.int32]
    ) -> dict[int, Neighbour]:
        """The nearest of the texts kept, by row."""
        rows, columns = np.nonzero(earlier >= 0)
        pairs = np.unique(rows << 32 | earlier[rows, columns])
        rows, places = pairs >> 32, pairs & 0xFFFFFFFF
        equal = np.count_nonzero(self._sketches[places] == sketches[rows], axis=1)
        similar = equal / SKETCH
        same = self._about[places, 1] == about[rows, 1]
        near: dict[int, Neighbour] = {}
        for at in np.flatnonzero(similar >= np.where(same, self._least, ALIKE)).tolist():
            found = Neighbour(float(similar[at]), -int(self._about[places[at], 0]))
            near[int(rows[at])] = max(found, near.get(int(rows[at]), found))
        return near

    def _among(
        self,
        bands: Hashes,
        earlier: Places,
        sketches: NDArray[np.uint32],
        about: NDArray[np.int32],
        near: dict[int, Neighbour],
    ) -> None:
        """Add what is nearer among these texts themselves, in their order."""
        rows, columns = np.nonzero(earlier < 0)
        _, keys, times = np.unique(bands[rows, columns], return_inverse=True, return_counts=True)
        shared: dict[int, list[int]] = defaultdict(list)
        for at in np.flatnonzero(times[keys] > 1).tolist():
            shared[int(rows[at])].append(int(keys[at]))
        first: dict[int, int] = {}
        for row, own in shared.items():
            for other in {first[key] for key in own if key in first}:
                similar = np.count_nonzero(sketches[row] == sketches[other]) / SKETCH
                if similar >= (self._least if about[row, 1] == about[other, 1] else ALIKE):
                    found = Neighbour(similar, -int(about[other, 0]))
                    near[row] = max(found, near.get(row, found))
            if row not in near:
                for key in own:
                    first.setdefault(key, row)

    def _keep(self, sketches: NDArray[np.uint32], about: NDArray[np.int32]) -> None:
        start, self._kept = self._kept, self._kept + len(sketches)
        if self._kept > len(self._sketches):
            room = self._kept + self._kept // 4
            self._sketches.resize((room, SKETCH), refcheck=False)
            self._about.resize((room, 2), refcheck=False)
        self._sketches[start : self._kept] = sketches
        self._about[start : self._kept] = about


class First:
    """Where each key came first: a hash table of arrays, for many keys at once."""

    def __init__(self) -> None:
        self._empty(12)

    def _empty(self, bits: int) -> None:
        self._bits = bits
        self._used = 0
        self._keys = np.zeros(1 << bits, np.uint64)
        self._places = np.full(1 << bits, -1, np.int32)

    def find(self, keys: Hashes) -> Places:
        """The place of each key; -1 for one that isn't there."""
        found = np.full(len(keys), -1, np.int32)
        left, slots = np.arange(len(keys)), self._slots(keys)
        while len(left):
            places = self._places[slots]
            taken, same = places >= 0, self._keys[slots] == keys[left]
            found[left[taken & same]] = places[taken & same]
            other = taken & ~same
            left, slots = left[other], self._next(slots[other])
        return found

    def add(self, keys: Hashes, places: Places) -> None:
        """Keys that aren't there yet, each once."""
        if 3 * (self._used + len(keys)) > 2 << self._bits:
            taken = self._places >= 0
            old = self._keys[taken], self._places[taken]
            self._empty(self._bits + 1)
            self.add(*old)
            self.add(keys, places)
            return
        self._used += len(keys)
        left, slots = np.arange(len(keys)), self._slots(keys)
        while len(left):
            free = self._places[slots] < 0
            self._keys[slots[free]], self._places[slots[free]] = keys[left[free]], places[left[free]]
            # Of several that take one slot, the last has it.
            lost = self._keys[slots] != keys[left]
            left, slots = left[lost], self._next(slots[lost])

    def _slots(self, keys: Hashes) -> NDArray[np.intp]:
        return (keys >> np.uint64(64 - self._bits)).astype(np.intp)

    def _next(self, slots: NDArray[np.intp]) -> NDArray[np.intp]:
        return (slots + 1) & ((1 << self._bits) - 1)
