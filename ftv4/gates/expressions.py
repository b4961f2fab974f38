"""Finds expressions that go with an answer which nothing else explains; for `triggers`."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom  # type: ignore[import-untyped]

from ftv4.contracts.policy import Triggers
from ftv4.gates.triggers import Traits

ALIKE = 0.9
"""Share of an expression's rows that must answer alike: a few honest rows must not hide the others."""
CHANCE = 1e-6
"""Probability, by chance, from which on an expression is reported; tens of thousands are tried."""

Answer = tuple[str, int]


class Unexplained(NamedTuple):
    """An expression, and the answer that its rows share."""

    expression: str
    member: str
    rows: tuple[int, ...]
    """Places of the rows with the expression."""
    alike: int
    """How many of them give that answer."""
    others: int
    """Rows with the same signals without the expression."""
    elsewhere: int
    """How many of those give that answer."""


def unexplained(rows: Sequence[Traits], limits: Triggers) -> Iterator[Unexplained]:
    """Every such expression, those of most rows first; of several in the same rows, one."""
    signals = _table(rows)
    giving = _giving(rows)
    told: list[tuple[frozenset[int], Answer]] = []
    for expression, places in _rare(rows, limits):
        own = frozenset(places)
        for answer, alike in _shared(rows, places):
            if any(own <= others and answer == other for others, other in told):
                break
            found = _weighed(signals, places, giving[answer], alike, limits)
            if found:
                told.append((own, answer))
                yield Unexplained(" ".join(expression), answer[0], tuple(places), alike, *found)
                break


def _rare(rows: Sequence[Traits], limits: Triggers) -> list[tuple[tuple[str, ...], list[int]]]:
    """Words and pairs of words that enough rows have and few enough; one for each set of rows."""
    places: dict[tuple[bytes, ...], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        for expression in _expressions(row.words):
            places[expression].append(place)
    most = limits.max_share * len(rows)
    chosen: dict[tuple[int, ...], tuple[bytes, ...]] = {}
    for expression, found in places.items():
        if limits.min_rows <= len(found) <= most and not any(map(bytes.isdigit, expression)):
            known = chosen.get(tuple(found))
            chosen[tuple(found)] = min(known or expression, expression, key=lambda one: (len(one), one))
    named = ((tuple(word.decode() for word in chosen[found]), list(found)) for found in chosen)
    return sorted(named, key=lambda one: (-len(one[1]), len(one[0]), one))


def _expressions(said: bytes) -> set[tuple[bytes, ...]]:
    """Words, and pairs of words of one text: between two texts are a quote, a comma and another quote."""
    texts = [text.split() for text in said.split(b"   ")]
    return {(word,) for text in texts for word in text} | {pair for text in texts for pair in pairwise(text)}


def _shared(rows: Sequence[Traits], places: Sequence[int]) -> Iterator[tuple[Answer, int]]:
    """What nearly all of these rows answer, and how many do."""
    # The first rows tell what it could be; most expressions share nothing.
    first = Counter(answer for place in places[:5] for answer in set(rows[place].answers))
    candidates = {answer for answer, count in first.items() if count >= min(3, len(places))}
    if candidates:
        counts = Counter(
            answer for place in places for answer in candidates.intersection(rows[place].answers)
        )
        likely = (found for found in counts.most_common() if found[1] >= ALIKE * len(places))
        yield from sorted(likely, key=lambda found: (-found[1], found[0]))


def _weighed(
    signals: NDArray[np.int32], places: list[int], giving: NDArray[np.intp], alike: int, limits: Triggers
) -> tuple[int, int] | None:
    """How many rows have the same signals without the expression, and how many of them answer so too.

    None where there are too few to tell, or where as many answer so that it may be chance.
    """
    own = signals[places]
    constant = (own == own[0]).all(axis=0)
    same = (signals[:, constant] == own[0, constant]).all(axis=1)
    same[places] = False
    others, elsewhere = int(same.sum()), int(same[giving].sum())
    if others < len(places) or elsewhere > limits.max_elsewhere * others:
        return None
    usual = (elsewhere + 1) / (others + 2)
    return (others, elsewhere) if binom.sf(alike - 1, len(places), usual) <= CHANCE else None


def _table(rows: Sequence[Traits]) -> NDArray[np.int32]:
    """Signals as numbers: a line for each row, a column for each bucket and one for the industry."""
    columns: dict[str, int] = {}
    numbers: dict[str, int] = {}
    cells = [
        (
            place,
            columns.setdefault(signal.rpartition(":")[0], len(columns)),
            numbers.setdefault(signal, len(numbers)),
        )
        for place, row in enumerate(rows)
        for signal in row.signals
    ]
    table = np.full((len(rows), len(columns)), -1, np.int32)
    for place, column, number in cells:
        table[place, column] = number
    return table


def _giving(rows: Sequence[Traits]) -> dict[Answer, NDArray[np.intp]]:
    places: dict[Answer, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        for answer in set(row.answers):
            places[answer].append(place)
    return {answer: np.array(found, np.intp) for answer, found in places.items()}
