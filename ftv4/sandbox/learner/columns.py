"""What of an input may decide an answer: its features, as columns of codes over all examples."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ftv4.sandbox.learner.views import Scalar, View, general, token

Codes = NDArray[np.int64]
ABSENT = ""
THRESHOLDS = 7
"""Cuts tried through the values of a number."""
_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")


class Column(NamedTuple):
    """One question about an input whose answer is a short text: a leaf, a size, a member, a cut."""

    kind: str
    path: str
    at: float | str = ""

    def ask(self, view: View) -> str:
        """The answer for one input; empty when it has no such part."""
        if self.kind == "leaf":
            return token(view.leaves[self.path]) if self.path in view.leaves else ABSENT
        if self.kind == "size":
            return str(view.sizes[self.path]) if self.path in view.sizes else ABSENT
        if self.kind == "member":
            return str(any(general(path) == self.path for path in view.tokens.get(str(self.at), ())))
        number = _number(view.leaves.get(self.path))
        return ABSENT if number is None else str(number >= float(self.at))


class Columns:
    """Every column that tells some examples apart from some others, no two of them alike."""

    def __init__(self, views: Sequence[View]) -> None:
        self.columns: list[Column] = []
        self._values: list[dict[str, int]] = []
        codes: list[Codes] = []
        seen: set[bytes] = set()
        for column in _candidates(views):
            answers = [column.ask(view) for view in views]
            values = {answer: code for code, answer in enumerate(dict.fromkeys(answers))}
            coded = np.array([values[answer] for answer in answers])
            if len(values) > 1 and (mark := coded.tobytes()) not in seen:
                seen.add(mark)
                self.columns.append(column)
                self._values.append(values)
                codes.append(coded)
        self.codes = np.array(codes, dtype=np.int64).reshape(len(codes), len(views))

    def encode(self, view: View) -> Codes:
        """The codes of a new input; -1 where no example answers alike."""
        pairs = zip(self.columns, self._values, strict=True)
        return np.array([values.get(column.ask(view), -1) for column, values in pairs], dtype=np.int64)


def _candidates(views: Sequence[View]) -> list[Column]:
    paths = dict.fromkeys(path for view in views for path in view.leaves)
    found = [Column("leaf", path) for path in paths]
    found += [Column("size", path) for path in dict.fromkeys(path for view in views for path in view.sizes)]
    for path in paths:
        found += [Column("cut", path, cut) for cut in _cuts([view.leaves.get(path) for view in views])]
    return sorted(found, key=lambda column: (len(column.path), column.path)) + _members(views)


def _cuts(values: Sequence[Scalar]) -> list[float]:
    numbers = sorted({number for value in values if (number := _number(value)) is not None})
    if len(numbers) < 3:
        return []
    middles = [(low + high) / 2 for low, high in pairwise(numbers)]
    step = max(1, len(middles) // THRESHOLDS)
    return middles[step // 2 :: step]


def _number(value: Scalar) -> float | None:
    """A number, or the only number of a text."""
    if isinstance(value, str):
        found = _NUMBER.findall(value)
        return float(found[0]) if len(found) == 1 else None
    return None if value is None or isinstance(value, bool) else float(value)


def _members(views: Sequence[View]) -> list[Column]:
    """Values that some lists hold and others don't, wherever in the list they are."""
    held: dict[tuple[str, str], int] = defaultdict(int)
    for view in views:
        places = {
            (general(path), found) for found, paths in view.tokens.items() for path in paths if "[" in path
        }
        for place in places:
            held[place] += 1
    counts = Counter(held)
    return [
        Column("member", path, found) for (path, found), n in sorted(counts.items()) if 1 < n < len(views)
    ]
