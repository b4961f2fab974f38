"""Which examples to answer a question like: small decision tables, judged by leaving one out.

For a part of the answer, `same[i, j]` says how like example j's part is to example i's (0 to 1). A
table is a short list of columns of the input; the examples that agree with a new input in all of
them are its cell, and the cell votes.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ftv4.sandbox.learner.columns import Codes

Numbers = NDArray[np.float32]
Mask = NDArray[np.bool_]
MOST = 4
"""Columns of the longest table."""
GAIN = 0.02
"""What a further column must add to the likeness of an example to its cell."""
SHARP = 6
"""How much more the nearest of a cell count than the rest."""


class Table(NamedTuple):
    """Columns to agree in, most telling first, and the example each example would be answered like."""

    columns: tuple[int, ...]
    chosen: Codes


class Pairs:
    """All examples compared in pairs: what they have in common, and how near that makes them.

    `codes[c, i]` is what example i says in column c. What only one example says tells nothing, so
    `_held[i, h]` marks the other answers, each of them a hint h, and `_hint[i, c]` is the hint that
    example i gives in column c; the last hint is none.
    """

    def __init__(self, codes: Codes) -> None:
        self.codes = codes
        self.count = codes.shape[1]
        self.others: Mask = ~np.eye(self.count, dtype=bool)
        self._hint = np.zeros(codes.T.shape, dtype=np.int64)
        held: list[Mask] = []
        owners: list[int] = []
        for column, said in enumerate(codes):
            again = np.bincount(said) > 1
            self._hint[:, column] = np.where(again, len(held) + np.cumsum(again) - 1, -1)[said]
            held += [said == code for code in np.flatnonzero(again)]
            owners += [column] * int(again.sum())
        self._held = np.array([*held, np.zeros(self.count)], dtype=np.float32).T
        self._owners = np.array([*owners, len(codes)])
        self._weights = np.zeros(len(self._owners), dtype=np.float32)

    def weigh(self, gains: Numbers) -> None:
        """Let each column count for nearness by what it tells about answers."""
        weights = np.append(gains + 1e-4, 0).astype(np.float32)
        self._weights = weights[self._owners] / max(float(weights.sum()), 1e-9)

    def near_all(self) -> Numbers:
        """Nearness of all examples to each other, 0 to 1, sharpened."""
        return self._sharp((self._held * self._weights) @ self._held.T)

    def near(self, asked: Codes) -> Numbers:
        """Nearness of all examples to an input, by its codes."""
        shared = self.codes == asked[:, None]
        hinted = np.zeros(self._held.shape[1], dtype=np.float32)
        for column in np.flatnonzero(shared.any(axis=1)):
            hinted[self._hint[shared[column].argmax(), column]] = 1
        return self._sharp(self._held @ (hinted * self._weights))

    def _sharp(self, nearness: NDArray[np.floating[Any]]) -> Numbers:
        return np.asarray(np.clip(nearness, 0, 1) ** SHARP, dtype=np.float32)

    def narrowed(self, cells: Mask, same: Numbers, otherwise: Numbers) -> Numbers:
        """How like each example is to its cell narrowed by each column (examples first).

        Where narrowing would leave nobody, `otherwise` stands.
        """
        rows = np.arange(self.count)[:, None]
        total = ((cells * same) @ self._held)[rows, self._hint]
        count = (cells.astype(np.float32) @ self._held)[rows, self._hint]
        return np.where(count > 0, total / np.maximum(count, 1), otherwise[:, None]).astype(np.float32)

    def narrow(self, cells: Mask, column: int) -> Mask:
        """Keep of each cell who shares the column; a cell that nobody would be left in stays."""
        said = self.codes[column]
        tried = cells & (said[:, None] == said[None, :])
        kept: Mask = tried | (cells & ~tried.any(axis=1, keepdims=True))
        return kept


def gains(pairs: Pairs, same: Numbers) -> Numbers:
    """For each column, how much agreeing in it alone adds to likeness."""
    base = _likeness(pairs.others, same)
    return np.asarray(
        (pairs.narrowed(pairs.others, same, base) - base[:, None]).mean(axis=0), dtype=np.float32
    )


def learn_table(pairs: Pairs, same: Numbers, near: Numbers) -> Table:
    """The columns that, one after the other, make cells most alike; and the examples they choose."""
    columns: list[int] = []
    cells = pairs.others
    likeness = _likeness(cells, same)
    while len(columns) < min(MOST, len(pairs.codes)):
        tried = pairs.narrowed(cells, same, likeness)
        best = int(tried.mean(axis=0).argmax())
        if tried[:, best].mean() < likeness.mean() + GAIN:
            break
        columns.append(best)
        cells, likeness = pairs.narrow(cells, best), tried[:, best]
    votes = (cells * near) @ same
    return Table(tuple(columns), np.where(cells, votes, -1).argmax(axis=1))


def _likeness(cells: Mask, same: Numbers) -> Numbers:
    counts = np.maximum(cells.sum(axis=1), 1)
    return np.asarray((cells * same).sum(axis=1) / counts, dtype=np.float32)


def pick(pairs: Pairs, columns: tuple[int, ...], asked: Codes, near: Numbers, same: Numbers) -> int:
    """The example an input is answered like: of its cell, the most like the cell's nearest."""
    cell = np.ones(pairs.count, dtype=bool)
    for column in columns:
        tried = cell & (pairs.codes[column] == asked[column])
        cell = tried if tried.any() else cell
    votes = (cell * near) @ same
    return int(np.where(cell, votes, -1).argmax())
