"""Which examples to answer a question like: small decision tables and lists, judged by leaving one out.

For a part of the answer, `same[i, j]` says how like example j's part is to example i's (0 to 1). A
table is a short list of columns of the input; the examples that agree with a new input in all of
them are its cell, and the cell votes. A list is of rules, each a column and what it says there; the
first rule that fits an input makes its cell, which are the examples that it is the first to fit, too
(Rivest, Learning Decision Lists, 1987): it knows what weighs more where no example has both.
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
RULES = 12
"""Rules of the longest list."""
SMALL = 250_000
"""Multiplications of a product that OpenBLAS does in one thread."""
SHARP = 6
"""How much more the nearest of a cell count than the rest."""


class Table(NamedTuple):
    """What makes a cell, most telling first, and the example each example would be answered like."""

    columns: tuple[int, ...]
    chosen: Codes
    rules: tuple[tuple[int, int], ...] = ()
    """Columns and codes; where there are any, no columns count."""

    def cell(self, codes: Codes, asked: Codes) -> Mask:
        """The examples that are in a new input's cell, by their codes and the input's."""
        cell: Mask = np.ones(codes.shape[1], dtype=bool)
        for column, code in self.rules:
            fits: Mask = codes[column] == code
            if asked[column] == code:
                return np.logical_and(cell, fits)
            cell &= ~fits
        for column in self.columns:
            tried = cell & (codes[column] == asked[column])
            cell = tried if tried.any() else cell
        return cell


class Pairs:
    """All examples compared in pairs: what they have in common, and how near that makes them.

    `codes[c, i]` is what example i says in column c. What only one example says tells nothing; any
    other answer marks a group of examples that give it, and many columns mark the same groups.
    `_group[i, c]` is the group that column c puts example i in, the last one being nobody's.
    """

    def __init__(self, codes: Codes) -> None:
        self.codes = codes
        self.count = codes.shape[1]
        self.others: Mask = ~np.eye(self.count, dtype=bool)
        self._group = np.full(codes.T.shape, -1, dtype=np.int64)
        groups: dict[bytes, int] = {}
        marked: list[Mask] = []
        self._says: list[tuple[int, int]] = []
        """The first column and code that mark each group."""
        for column, said in enumerate(codes):
            for code in np.flatnonzero(np.bincount(said) > 1):
                members = said == code
                number = groups.setdefault(members.tobytes(), len(groups))
                if number == len(marked):
                    marked.append(members)
                    self._says.append((column, int(code)))
                self._group[members, column] = number
        self._member = np.array([*marked, np.zeros(self.count)], dtype=np.float32).T
        self._weights = np.zeros(len(codes), dtype=np.float32)

    def only(self, rows: Codes) -> "Pairs":
        """Some of the examples, compared among themselves."""
        return self if len(rows) == self.count else Pairs(self.codes[:, rows])

    def weigh(self, gains: Numbers) -> None:
        """Let each column count for nearness by what it tells about answers."""
        weights = gains + 1e-4
        self._weights = (weights / weights.sum()).astype(np.float32)

    def near_all(self) -> Numbers:
        """Nearness of all examples to each other, 0 to 1, sharpened."""
        return np.array([self.near(asked) for asked in self.codes.T], dtype=np.float32)

    def near(self, asked: Codes) -> Numbers:
        """Nearness of all examples to an input, by its codes."""
        return self._sharp(self._weights @ (self.codes == asked[:, None]))

    def _sharp(self, nearness: NDArray[np.floating[Any]]) -> Numbers:
        return np.asarray(np.clip(nearness, 0.01, 1) ** SHARP, dtype=np.float32)

    def narrowed(self, cells: Mask, same: Numbers, otherwise: Numbers) -> Numbers:
        """How like each example is to its cell narrowed by each column (examples first).

        Where narrowing would leave nobody, `otherwise` stands.
        """
        rows = np.arange(self.count)[:, None]
        total = _product(cells * same, self._member)[rows, self._group]
        count = _product(cells.astype(np.float32), self._member)[rows, self._group]
        return np.where(count > 0, total / np.maximum(count, 1), otherwise[:, None]).astype(np.float32)

    def rule(self, rest: Mask, same: Numbers) -> tuple[int, int] | None:
        """The column and code whose group, of those that are left, is most like itself in all; None: no more.

        Alone a group must be more like itself than all that are left are, by `GAIN` an example.
        """
        left = self._member[:, :-1] * rest[:, None]
        if not left.size:
            return None
        sizes = left.sum(axis=0)
        likeness = (_product(same * self.others, left) * left).sum(axis=0) / np.maximum(sizes - 1, 1)
        base = _likeness(self.others & rest, same)
        gained = likeness - base @ left
        fits = (sizes > 1) & (sizes < rest.sum()) & (gained > GAIN * sizes)
        if not fits.any():
            return None
        return self._says[int(np.where(fits, gained.round(3), -1).argmax())]

    def narrow(self, cells: Mask, column: int) -> Mask:
        """Keep of each cell who shares the column; a cell that nobody would be left in stays."""
        said = self.codes[column]
        tried = cells & (said[:, None] == said[None, :])
        kept: Mask = tried | (cells & ~tried.any(axis=1, keepdims=True))
        return kept


def _product(left: Numbers, right: Numbers) -> Numbers:
    """The matrix product, in pieces too small for BLAS to spread over threads.

    Its threads wait by spinning, which costs ten times the work wherever cores are shared.
    """
    height = max(1, SMALL // right.size)
    pieces = [left[start : start + height] @ right for start in range(0, len(left), height)]
    return np.concatenate(pieces)


def gains(pairs: Pairs, same: Numbers) -> Numbers:
    """For each column, how much agreeing in it alone adds to likeness."""
    base = _likeness(pairs.others, same)
    return np.asarray(
        (pairs.narrowed(pairs.others, same, base) - base[:, None]).mean(axis=0), dtype=np.float32
    )


def learn_table(pairs: Pairs, same: Numbers, near: Numbers) -> Table:
    """The columns, or the rules, that make cells most alike; and the examples they choose."""
    tables = [make(pairs, same, near) for make in (_columns, _rules)]
    rows = np.arange(pairs.count)
    scores = [round(float(same[rows, table.chosen].mean()), 4) for table in tables]
    return tables[scores.index(max(scores))]


def _columns(pairs: Pairs, same: Numbers, near: Numbers) -> Table:
    columns: list[int] = []
    cells = pairs.others
    likeness = _likeness(cells, same)
    while len(columns) < min(MOST, len(pairs.codes)):
        tried = pairs.narrowed(cells, same, likeness)
        best = int(tried.mean(axis=0).round(5).argmax())
        if tried[:, best].mean() < likeness.mean() + GAIN:
            break
        columns.append(best)
        cells, likeness = pairs.narrow(cells, best), tried[:, best]
    return Table(tuple(columns), _winners(cells * near, same))


def _rules(pairs: Pairs, same: Numbers, near: Numbers) -> Table:
    rules: list[tuple[int, int]] = []
    rest = np.ones(pairs.count, dtype=bool)
    cells = np.zeros_like(pairs.others)
    while len(rules) < RULES and (rule := pairs.rule(rest, same)):
        rules.append(rule)
        fit = rest & (pairs.codes[rule[0]] == rule[1])
        cells |= np.outer(fit, fit)
        rest &= ~fit
    cells |= np.outer(rest, rest)
    return Table((), _winners((cells & pairs.others) * near, same), tuple(rules))


def _likeness(cells: Mask, same: Numbers) -> Numbers:
    counts = np.maximum(cells.sum(axis=1), 1)
    return np.asarray((cells * same).sum(axis=1) / counts, dtype=np.float32)


def pick(weights: Numbers, same: Numbers) -> int:
    """The example that is most like what the votes are for."""
    return int(_winners(weights[None, :], same)[0])


def _winners(weights: Numbers, same: Numbers) -> Codes:
    """For each row of votes, the example that is most like what they are for; of equals, the first.

    Rounded, so that it is the same on every machine, whatever the order in which it adds up.
    """
    shares = weights / np.maximum(weights.max(axis=1, keepdims=True), 1e-30)
    votes = np.where(weights > 0, _product(shares, same), -1).round(3)
    return np.asarray(votes.argmax(axis=1), dtype=np.int64)
