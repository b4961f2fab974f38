"""Finds expressions that go with an answer which nothing else explains; for `triggers`."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ftv4.contracts.policy import Triggers
from ftv4.gates.triggers import Traits

ALIKE = 0.9
"""Share of an expression's rows that must answer alike: a few honest rows must not hide the others."""
CHANCE = 1e-6
"""Probability, by chance, from which on an expression is reported; tens of thousands are tried."""

_BETWEEN = b"   "
"""Between two texts are a quote, a comma and another quote."""

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
    given = [row.answers for row in rows]
    shared = [(*rare, list(_shared(given, rare[1]))) for rare in _rare(rows, limits)]
    giving = _giving(given, {answer for *_, answers in shared for answer, _ in answers})
    told: list[tuple[frozenset[int], Answer]] = []
    for expression, places, answers in shared:
        own = frozenset(places)
        for answer, alike in answers:
            if any(own <= others and answer == other for others, other in told):
                break
            found = _weighed(signals, places, giving[answer], alike, limits)
            if found:
                told.append((own, answer))
                yield Unexplained(" ".join(expression), answer[0], tuple(places), alike, *found)
                break


def _rare(rows: Sequence[Traits], limits: Triggers) -> list[tuple[tuple[str, ...], list[int]]]:
    """Words and pairs of words that enough rows have and few enough; one for each set of rows."""
    said: dict[bytes, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        for text in set(row.words.split(_BETWEEN)):
            said[text].append(place)
    saying: dict[tuple[bytes, ...], list[list[int]]] = defaultdict(list)
    for text, places in said.items():
        for expression in _expressions(text):
            saying[expression].append(places)
    most = limits.max_share * len(rows)
    chosen: dict[tuple[int, ...], tuple[bytes, ...]] = {}
    for expression, texts in saying.items():
        if max(map(len, texts)) > most or any(map(bytes.isdigit, expression)):
            continue
        found = tuple(texts[0] if len(texts) == 1 else sorted(set().union(*texts)))
        if limits.min_rows <= len(found) <= most:
            known = chosen.get(found)
            chosen[found] = min(known or expression, expression, key=lambda one: (len(one), one))
    named = ((tuple(word.decode() for word in chosen[found]), list(found)) for found in chosen)
    return sorted(named, key=lambda one: (-len(one[1]), len(one[0]), one))


def _expressions(text: bytes) -> set[tuple[bytes, ...]]:
    """Its words, and pairs of words."""
    words = text.split()
    return {*((word,) for word in words), *pairwise(words)}


def _shared(given: Sequence[set[Answer]], places: Sequence[int]) -> Iterator[tuple[Answer, int]]:
    """What nearly all of these rows answer, and how many do."""
    # The first rows tell what it could be; most expressions share nothing.
    first = Counter(answer for place in places[:5] for answer in given[place])
    candidates = {answer for answer, count in first.items() if count >= min(3, len(places))}
    if candidates:
        counts = Counter(answer for place in places for answer in candidates & given[place])
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
    from scipy.stats import binom  # type: ignore[import-untyped]  # takes long to import, and is seldom needed

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


def _giving(given: Sequence[set[Answer]], answers: set[Answer]) -> dict[Answer, NDArray[np.intp]]:
    """Places of the rows that give each of these answers."""
    places: dict[Answer, list[int]] = defaultdict(list)
    for place, own in enumerate(given):
        for answer in answers & own:
            places[answer].append(place)
    return {answer: np.array(found, np.intp) for answer, found in places.items()}
