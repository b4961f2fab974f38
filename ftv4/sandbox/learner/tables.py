"""Which examples to answer a question like: small decision tables, judged by leaving one out.

For a part of the answer, `same[i, j]` says how like example j's part is to example i's (0 to 1). A
table is a short list of columns of the input; the examples that agree with a new input in all of
them are its cell, and the cell votes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ftv4.sandbox.learner.columns import Codes

Square = NDArray[np.float32]
Mask = NDArray[np.bool_]
MOST = 4
"""Columns of the longest table."""
GAIN = 0.02
"""What a further column must add to the likeness of an example to its cell."""
SHARP = 6
"""How much more the nearest of a cell count than the rest."""


class Pairs:
    """All examples compared in pairs: which columns they share, and how near they are by them."""

    def __init__(self, codes: Codes) -> None:
        self.codes = codes
        self.count = codes.shape[1]
        self.shared: Mask = codes[:, :, None] == codes[:, None, :]
        self.others: Mask = ~np.eye(self.count, dtype=bool)
        self.weights = np.ones(len(codes), dtype=np.float32)

    def weigh(self, gains: NDArray[np.float32]) -> None:
        """Let each column count for nearness by what it tells about answers."""
        self.weights = (gains + 1e-4).astype(np.float32)

    def near_all(self) -> Square:
        """Nearness of all examples to each other."""
        return self.near(self.shared)

    def near(self, shared: Mask) -> NDArray[np.float32]:
        """Nearness from shared columns (columns first), 0 to 1, sharpened."""
        nearness = np.tensordot(self.weights, shared.astype(np.float32), axes=1) / max(
            self.weights.sum(), 1e-9
        )
        return np.asarray(nearness**SHARP, dtype=np.float32)


class Table(NamedTuple):
    """Columns to agree in, most telling first, and the example each example would be answered like."""

    columns: tuple[int, ...]
    chosen: Codes


def gains(pairs: Pairs, same: list[Square]) -> NDArray[np.float32]:
    """For each part of the answer and each column: how much likeness agreeing in it adds."""
    flat = np.array([square.ravel() for square in same], dtype=np.float32)
    base = _likeness(pairs.others, flat.reshape(len(same), pairs.count, pairs.count))
    found = np.zeros((len(same), len(pairs.codes)), dtype=np.float32)
    for number, shared in enumerate(pairs.shared):
        mates = shared & pairs.others
        counts = mates.sum(axis=1)
        share = mates / np.maximum(counts, 1)[:, None]
        lone = (counts == 0)[:, None] * pairs.others / max(pairs.count - 1, 1)
        found[:, number] = flat @ (share + lone).astype(np.float32).ravel() / pairs.count
    return found - base[:, None]


def _likeness(cells: Mask, same: NDArray[np.float32]) -> NDArray[np.float32]:
    counts = np.maximum(cells.sum(axis=-1), 1)
    return np.asarray(((cells * same).sum(axis=-1) / counts).mean(axis=-1), dtype=np.float32)


def learn_table(pairs: Pairs, same: Square, first_gains: NDArray[np.float32], near: Square) -> Table:
    """The columns that, one after the other, make cells most alike; and the examples they choose."""
    columns: list[int] = []
    cells = pairs.others.copy()
    per_row = _row_likeness(cells, same)
    for _ in range(MOST):
        best, best_row = -1, per_row
        order = np.argsort(-first_gains, kind="stable")[: 1 if not columns else len(first_gains)]
        for column in order:
            tried = cells & pairs.shared[column]
            empty = ~tried.any(axis=1)
            row = np.where(empty, per_row, _row_likeness(tried, same))
            if row.mean() > best_row.mean() + 1e-6:
                best, best_row = int(column), row
        if best < 0 or best_row.mean() < per_row.mean() + GAIN:
            break
        columns.append(best)
        cells = _narrow(cells, pairs.shared[best])
        per_row = best_row
    return Table(tuple(columns), _choose(cells, near, same))


def _row_likeness(cells: Mask, same: Square) -> NDArray[np.float32]:
    counts = np.maximum(cells.sum(axis=1), 1)
    return np.asarray((cells * same).sum(axis=1) / counts, dtype=np.float32)


def _narrow(cells: Mask, shared: Mask) -> Mask:
    """Keep of each cell who shares the column; a cell that nobody would be left in stays."""
    tried = cells & shared
    return tried | (cells & ~tried.any(axis=1, keepdims=True))


def _choose(cells: Mask, near: Square, same: Square) -> Codes:
    """For each example, the one of its cell that is most like its cell, the nearest counting most."""
    votes = (cells * near) @ same
    return np.asarray(np.where(cells, votes, -1).argmax(axis=1), dtype=np.int64)


def pick(table: Table, codes: Codes, asked: Codes, near: NDArray[np.float32], same: Square) -> int:
    """The example a new input is answered like."""
    cell = np.ones(codes.shape[1], dtype=bool)
    for column in table.columns:
        tried = cell & (codes[column] == asked[column])
        if tried.any():
            cell = tried
    votes = (cell * near) @ same
    return int(np.where(cell, votes, -1).argmax())
