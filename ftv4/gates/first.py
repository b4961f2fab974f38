"""Where each of millions of texts came first: hash tables of arrays, asked about many texts at once."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.unsignedinteger[Any]]
Places = NDArray[np.int32]

TOGETHER = 1 << 16
"""Keys that move into another table together: what that takes, many times their size, isn't to be large."""

_HALF = np.uint64(32)
_ODD = np.uint64(0x9E3779B97F4A7C15)


class First:
    """The place where each text came first. Kept: some 22 bytes of each."""

    def __init__(self) -> None:
        self._table = Table(np.uint64)

    def of(self, texts: Sequence[Hashable], places: Sequence[int]) -> list[int]:
        """The place where each came first; its own for one that is new, and is known from now on."""
        keys, own = _numbers(texts), np.array(places, np.int32)
        found = self._table.find(keys)
        new = np.flatnonzero(found < 0)
        added, at, times = np.unique(keys[new], return_index=True, return_inverse=True)
        firsts = own[new][at]
        found[new] = firsts[times]
        self._table.add(added, firsts)
        return _listed(found)

    def find(self, texts: Sequence[Hashable]) -> list[int]:
        """The place of each; -1 for one that isn't there."""
        return _listed(self._table.find(_numbers(texts)))

    def add(self, texts: Sequence[Hashable], places: Sequence[int]) -> None:
        """Texts that aren't there yet, each once."""
        self._table.add(_numbers(texts), np.array(places, np.int32))


def _numbers(texts: Sequence[Hashable]) -> NDArray[np.uint64]:
    """One for each text; another one in each process."""
    # A hash of a number is a small one: spread out, they don't crowd in a part of the table.
    return np.array([hash(text) for text in texts], np.int64).view(np.uint64) * _ODD


def _listed(places: Places) -> list[int]:
    listed: list[int] = places.tolist()
    return listed


class Table:
    """Keys and their places. Kept: some 22 bytes of each key of eight bytes, 15 of one of four.

    More than `most` keys are not kept: then it is every second one, fourth, …, by their lower bits, and the
    others are not there.
    """

    def __init__(self, size: type[np.unsignedinteger[Any]], most: int | None = None) -> None:
        self._size, self._most = size, most
        self._passed_over = size(0)
        """Bits of which a key that is kept has none."""
        self._empty(1 << 10)

    def _empty(self, room: int) -> None:
        self._used = 0
        self._keys = np.zeros(room, self._size)
        self._after = np.zeros(room, np.int32)
        """One more than the place; 0: free."""

    def find(self, keys: Keys) -> Places:
        """The place of each key; -1 for one that isn't there."""
        found = np.full(len(keys), -1, np.int32)
        left, slots = np.arange(len(keys)), self._slots(keys)
        while len(left):
            after = self._after[slots]
            taken, same = after > 0, self._keys[slots] == keys[left]
            found[left[taken & same]] = after[taken & same] - 1
            other = taken & ~same
            left, slots = left[other], self._next(slots[other])
        return found

    def add(self, keys: Keys, places: Places) -> None:
        """Keys that aren't there yet, each once."""
        chosen = self._chosen(keys)
        while self._most is not None and self._used + len(chosen) > self._most:
            self._passed_over = self._size(2 * int(self._passed_over) + 1)
            self._again(len(self._keys))
            chosen = self._chosen(keys)
        while 3 * (self._used + len(chosen)) > 2 * len(self._keys):
            self._again(len(self._keys) * 3 // 2)
        self._put(keys[chosen], places[chosen] + np.int32(1))

    def _chosen(self, keys: Keys) -> NDArray[np.intp]:
        return np.flatnonzero((keys & self._passed_over) == 0)

    def _again(self, room: int) -> None:
        """Make a table of that room of those that are to be kept."""
        taken = self._after > 0
        keys, after = self._keys[taken], self._after[taken]
        if self._passed_over:
            kept = self._chosen(keys)
            keys, after = keys[kept], after[kept]
        self._empty(room)
        for start in range(0, len(keys), TOGETHER):
            self._put(keys[start : start + TOGETHER], after[start : start + TOGETHER])

    def _put(self, keys: Keys, after: Places) -> None:
        self._used += len(keys)
        left, slots = np.arange(len(keys)), self._slots(keys)
        while len(left):
            free = self._after[slots] == 0
            self._keys[slots[free]], self._after[slots[free]] = keys[left[free]], after[left[free]]
            # Of several that take one slot, the last has it.
            lost = self._keys[slots] != keys[left]
            left, slots = left[lost], self._next(slots[lost])

    def _slots(self, keys: Keys) -> NDArray[np.intp]:
        high = keys >> _HALF if self._size is np.uint64 else keys.astype(np.uint64)
        return ((high * np.uint64(len(self._keys))) >> _HALF).astype(np.intp)

    def _next(self, slots: NDArray[np.intp]) -> NDArray[np.intp]:
        return (slots + 1) % len(self._keys)
