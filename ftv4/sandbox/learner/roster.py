"""Which of the items that lists ever had belong in a list, and in what order.

For lists whose items have names: each name is decided on its own, so that a list may come out that
no example has, because no example was in quite that situation.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ftv4.sandbox.learner.columns import Codes
from ftv4.sandbox.learner.tables import Numbers, Table

MOST = 64
"""Ways to be on a list or not; with more, no name comes often enough to be learned."""


class Roster:
    """The names of one place's lists, by example."""

    def __init__(self, lists: Sequence[Sequence[str]]) -> None:
        self.names = list(dict.fromkeys(name for names in lists for name in names))
        numbers = {name: number for number, name in enumerate(self.names)}
        self._held = np.zeros((len(self.names), len(lists)), dtype=bool)
        self._before = np.zeros((len(self.names), len(self.names)), dtype=np.int64)
        for row, names in enumerate(lists):
            order = [numbers[name] for name in names]
            self._held[order, row] = True
            for place, number in enumerate(order):
                self._before[number, order[place + 1 :]] += 1
        self._sizes = self._held.sum(axis=0)
        kinds, self._kind = np.unique(self._held, axis=0, return_inverse=True)
        self._kinds: NDArray[np.bool_] = kinds
        self.tables: list[Table] = []
        """How to decide each kind of name: those that are on the same lists are of a kind."""

    def learn(self, learn_table: Callable[[Numbers], Table]) -> None:
        """Learn when each kind of name is on a list."""
        if len(self._kinds) <= MOST:
            agree = (np.equal.outer(held, held).astype(np.float32) for held in self._kinds)
            self.tables = [learn_table(same) for same in agree]

    def scores(self, chosen: Codes) -> tuple[Numbers, Numbers]:
        """Each example's F1 over names: with every name decided on its own, and like one example."""
        alone = np.array([held[table.chosen] for held, table in zip(self._kinds, self.tables, strict=True)])
        alike = self._held[:, chosen]
        alone = alone[self._kind]
        alone = np.where(self.fits(alone.sum(axis=0)), alone, alike)
        return self._f1(alone), self._f1(alike)

    def _f1(self, given: NDArray[np.bool_]) -> Numbers:
        both = (given & self._held).sum(axis=0)
        f1 = 2 * both / np.maximum(given.sum(axis=0) + self._sizes, 1)
        return np.asarray(f1, dtype=np.float32)

    def fits(self, size: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether lists were ever so long and ever so short."""
        found: NDArray[np.bool_] = (self._sizes.min() <= size) & (size <= self._sizes.max())
        return found

    def call(self, weigh: Callable[[Table], Numbers]) -> list[str] | None:
        """The names that most votes are for, in order; None when those are too few or too many."""
        votes = [weigh(table) for table in self.tables]
        voted = [weights @ held > weights.sum() / 2 for weights, held in zip(votes, self._kinds, strict=True)]
        present = np.flatnonzero(np.array(voted)[self._kind])
        if not self.fits(np.array(len(present))):
            return None
        ahead = self._before[np.ix_(present, present)]
        wins = np.sign(ahead - ahead.T).sum(axis=1)
        return [self.names[number] for number in present[np.argsort(-wins, kind="stable")]]
