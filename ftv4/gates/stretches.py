"""Compares texts by the stretches of letters that they have in common.

A text is its letters and digits, as `ftv4.guards.plain.letters` writes it, so that spelling it otherwise
changes nothing.
"""

from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

Hashes = NDArray[np.uint64]

SHINGLE = 5
"""Letters of the stretches that a sketch is made of."""
SKETCH = 63
"""Numbers of a sketch; the similarity that two of them tell has a standard deviation of 0.06."""
ALIKE = 0.85
"""Similarity from which on two texts count as one, whatever else is different about them."""
SEED = 20_261_122

_NUMBER = 4
_WORD = 8
_SHINGLE_BITS = np.uint64((1 << 8 * SHINGLE) - 1)
_ODD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(31)
_THREE = np.uint64(3)


class Neighbour(NamedTuple):
    """An earlier text that is much the same."""

    line: int
    similarity: float
    """Jaccard index of both texts' shingles, as their sketches estimate it."""


class Neighbours:
    """The texts seen so far, by locality-sensitive bands of their sketches.

    `band` numbers make a band. Three find a text that has 0.5 in common in 94 of 100 cases, 0.6 in 99;
    nine find 0.85 in 84, and look at few others. A text much like an earlier one is not kept; of each
    other one, 252 bytes and some 100 a band are.
    """

    def __init__(self, least: float, band: int) -> None:
        self._least = least
        self._step = _NUMBER * band
        self._bands: dict[int, int] = {}
        self._kept: list[tuple[int, bytes, str]] = []

    def nearest(self, sketch: bytes, line: int, kind: bytes = b"", label: str = "") -> Neighbour | None:
        """The earlier text of the same kind that is most like this one; None: this one is kept.

        One with another label must be `ALIKE`.
        """
        starts = range(0, len(sketch), self._step)
        keys = [hash((kind, start, sketch[start : start + self._step])) for start in starts]
        places = {place for place in map(self._bands.get, keys) if place is not None}
        near = [found for place in places if (found := self._near(place, sketch, label))]
        if near:
            return max(near, key=lambda found: (found.similarity, -found.line))
        for key in keys:
            self._bands.setdefault(key, len(self._kept))
        self._kept.append((line, sketch, label))
        return None

    def _near(self, place: int, sketch: bytes, label: str) -> Neighbour | None:
        line, other, its_label = self._kept[place]
        equal = np.frombuffer(other, np.uint32) == np.frombuffer(sketch, np.uint32)
        similarity = float(equal.mean())
        least = self._least if label == its_label else ALIKE
        return Neighbour(line, similarity) if similarity >= least else None


def sketch(text: bytes) -> bytes:
    """A text's MinHash: `SKETCH` numbers of four bytes."""
    shingles = windows(text) & _SHINGLE_BITS
    shingles *= _ODD
    shingles ^= shingles >> _HALF
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(shingles, [0, len(shingles)], SKETCH, SEED)
    return array("I", matrix.to_rows()[0]).tobytes()


def windows(text: bytes) -> Hashes:
    """Every stretch of eight letters as a number; a shorter text is filled up with zeros."""
    text = text.ljust(_WORD, b"\0")
    return np.ndarray((len(text) - _WORD + 1,), "<u8", text, 0, (1,)).astype(np.uint64)


EIGHT_WORDS = 40
"""Letters of eight average words: the stretch that is looked for (GPT-3 and Tulu 3 take eight words)."""
THIRTEEN_WORDS = 64
"""Letters of thirteen: so long a stretch is the same where two of eight words are, 24 letters apart."""


class Overlap(NamedTuple):
    """How much of a reference text one text has, and no other one."""

    number: int
    """Of the text, as `References.see` was told."""
    reference: int
    """Place of the reference text."""
    words: int
    """Thirteen or eight: how long the stretches are."""
    share: float
    """Of the reference's stretches of that length."""
    letters: tuple[int, int]
    """Where in the reference the longest of it is."""


class References:
    """Reference texts, and which of the texts seen have stretches of them that are nobody else's.

    A stretch that two reference texts have, or two of the texts seen, is a common phrase and tells
    nothing. Kept: 17 bytes a letter of the references, whatever is seen.
    """

    def __init__(self, texts: Sequence[bytes]) -> None:
        stretches = [_stretches(text) for text in texts]
        self._keys = np.concatenate([np.zeros(1, np.uint64), *stretches])
        self._owner = np.repeat(np.arange(-1, len(texts)), [1, *map(len, stretches)]).astype(np.int32)
        self._letters = np.concatenate([np.zeros(1, int), *(np.arange(len(one)) for one in stretches)])
        self._lengths = [len(text) for text in texts]
        self._samples = [np.unique(_sample(one)) for one in stretches]
        _, first, times = np.unique(self._keys, return_index=True, return_counts=True)
        single = first[times == 1]
        bits = max(10, (8 * len(self._keys)).bit_length())
        self._shift = np.uint64(64 - bits)
        self._slots = np.zeros(1 << bits, np.int32)
        self._slots[self._slot(self._keys[single])] = single
        self._count = np.zeros(len(self._keys), np.uint8)
        self._first = np.zeros(len(self._keys), np.int32)

    def find(self, text: bytes) -> bytes:
        """The stretches that a text has of one reference alone: where runs of them start, and end."""
        stretches = _stretches(text)
        found = self._slots[self._slot(stretches)]
        found = found[self._keys[found] == stretches]
        if not len(found):
            return b""
        ends = np.flatnonzero(found[1:] - found[:-1] != 1) + 1
        runs = np.empty((2, len(ends) + 1), np.int32)
        runs[0, 0], runs[0, 1:] = found[0], found[ends]
        runs[1, :-1], runs[1, -1] = ends, len(found)
        return runs.tobytes()

    def see(self, runs: bytes, number: int) -> None:
        """Note what was found in a text. Texts are different ones, and numbered as they come."""
        places, ends = np.frombuffer(runs, np.int32).reshape(2, -1)
        starts = np.concatenate([np.zeros(1, np.int32), ends[:-1]])[: len(ends)]
        found = np.repeat(places - starts, ends - starts) + np.arange(ends[-1] if len(ends) else 0)
        self._first[found[self._count[found] == 0]] = number
        self._count[found] = np.minimum(self._count[found], 1) + 1

    def covered(self, text: bytes, reference: int) -> float:
        """Share of a reference's stretches of eight words that a text has, common phrases included.

        Told from every fourth of them, chosen by what they say.
        """
        own = self._samples[reference]
        return float(np.isin(own, _sample(_stretches(text))).mean()) if len(own) else 0.0

    def overlaps(self, thirteen_words: float, eight_words: float) -> Iterator[Overlap]:
        """Every text that has those shares of a reference's stretches for itself; longer ones go first."""
        alone = self._count == 1
        apart = THIRTEEN_WORDS - EIGHT_WORDS
        long = alone[:-apart] & alone[apart:]
        long &= (self._first[:-apart] == self._first[apart:]) & (self._owner[:-apart] == self._owner[apart:])
        many = self._counted(long)
        for (number, reference), count in self._counted(alone).items():
            stretches = self._lengths[reference] - EIGHT_WORDS + 1
            share = many.get((number, reference), 0) / max(1, stretches - apart)
            words = 13 if share >= thirteen_words else 8
            share = share if words == 13 else count / stretches
            if words == 13 or share >= eight_words:
                yield Overlap(number, reference, words, share, self._longest(alone, number, reference))

    def _counted(self, chosen: NDArray[np.bool_]) -> dict[tuple[int, int], int]:
        """How many of the chosen stretches each text has of each reference."""
        places = np.flatnonzero(chosen)
        pairs = np.stack([self._first[places], self._owner[places]], axis=1)
        found, counts = np.unique(pairs, axis=0, return_counts=True)
        return {(int(number), int(owner)): int(n) for (number, owner), n in zip(found, counts, strict=True)}

    def _longest(self, alone: NDArray[np.bool_], number: int, reference: int) -> tuple[int, int]:
        own = np.flatnonzero(alone & (self._first == number) & (self._owner == reference))
        runs = np.split(own, np.flatnonzero(np.diff(own) != 1) + 1)
        longest = max(runs, key=len)
        return int(self._letters[longest[0]]), int(self._letters[longest[-1]]) + EIGHT_WORDS

    def _slot(self, stretches: Hashes) -> NDArray[np.intp]:
        return (stretches >> self._shift).astype(np.intp)


def _sample(stretches: Hashes) -> Hashes:
    chosen: Hashes = stretches[(stretches & _THREE) == 0]
    return chosen


def _stretches(text: bytes) -> Hashes:
    """Every stretch of EIGHT_WORDS letters as a number; none of a shorter text."""
    if len(text) < EIGHT_WORDS:
        return np.empty(0, np.uint64)
    eight = windows(text) * _ODD
    eight ^= eight >> _HALF
    sixteen = eight[:-8] * _ODD + eight[8:]
    thirty_two = sixteen[:-16] * _ODD + sixteen[16:]
    forty = thirty_two[:-8] * _ODD + eight[32:]
    return forty * _ODD
