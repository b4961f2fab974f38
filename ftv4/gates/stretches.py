"""Compares texts by the stretches of letters that they have in common.

A text is its letters and digits, as `ftv4.guards.plain.letters` writes it, so that spelling it otherwise
changes nothing.
"""

from collections import defaultdict
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
UNSURE = 0.2
"""By how much a sketch may be wrong about texts that are alike: four standard deviations."""
SEED = 20_261_122

_WORD = 8
_PLACE_BITS = 32
TOGETHER = 256
"""Texts whose stretches are counted together."""
_SHINGLE_BITS = np.uint64((1 << 8 * SHINGLE) - 1)
_ODD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(31)
_UPPER = np.uint64(32)
_THREE = np.uint64(3)
_CHANCE = np.random.default_rng(SEED)
_MIX = _CHANCE.integers(0, 1 << 64, 3, np.uint64, endpoint=False) | np.uint64(1)
_STARTS = _CHANCE.integers(0, 1 << 64, SKETCH // 3, np.uint64, endpoint=False)
"""Random, so that only what is equal gives equal sums."""


def bands(sketch: bytes, kind: bytes) -> tuple[bytes, bytes]:
    """Four bytes for each three numbers of a sketch, equal only in one kind; and for each nine, in any."""
    numbers = np.frombuffer(sketch, np.uint16).reshape(-1, 3).astype(np.uint64)
    narrow = numbers @ _MIX
    wide = narrow.reshape(-1, 3) @ _MIX
    narrow += _STARTS
    narrow += np.uint64(int.from_bytes(kind[:_WORD], "little"))
    wide += _STARTS[: len(wide)]
    return (narrow >> _UPPER).astype(np.uint32).tobytes(), (wide >> _UPPER).astype(np.uint32).tobytes()


def sketch(text: bytes) -> bytes:
    """A text's MinHash: `SKETCH` numbers, two bytes of each, which tell as much (Li & König 2010)."""
    shingles = windows(text) & _SHINGLE_BITS
    shingles *= _ODD
    shingles ^= shingles >> _HALF
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(shingles, [0, len(shingles)], SKETCH, SEED)
    return np.array(matrix.to_rows()[0], np.uint32).astype(np.uint16).tobytes()


def similarity(one: Hashes, other: Hashes) -> float:
    """Of the `shingles` of two texts, the share that both have (Jaccard index), 0 to 1."""
    both = np.sort(np.concatenate([one, other]))
    common = np.count_nonzero(both[1:] == both[:-1])
    return common / (len(both) - common)


def shingles(text: bytes) -> Hashes:
    """Every stretch of `SHINGLE` letters once, sorted; as numbers."""
    return _distinct(windows(text) & _SHINGLE_BITS)


class Originals:
    """Texts that nobody may copy: finds those that a text is much like.

    The similarity is exact, of the texts that sketches tell to be worth a comparison: with five numbers in a
    row that are the same, and not `UNSURE` below. A text as like as 0.85 is missed in one of 1,000 cases,
    one as like as 0.95 never.
    """

    def __init__(self, texts: Sequence[bytes], least: float) -> None:
        self._least = least
        self._shingles = [shingles(text) for text in texts]
        self._sketches = [np.frombuffer(sketch(text), np.uint16) for text in texts]
        self._places: defaultdict[bytes, list[int]] = defaultdict(list)
        for place, numbers in enumerate(self._sketches):
            for band in _fives(numbers.tobytes()):
                self._places[band].append(place)

    def like(self, text: bytes, sketch: bytes) -> list[tuple[int, float]]:
        """Places of the originals that a text is at least so similar to, and how similar, in their order."""
        likely = {place for band in _fives(sketch) for place in self._places.get(band, ())}
        likely = {place for place in likely if self._estimate(sketch, place) >= self._least - UNSURE}
        if not likely:
            return []
        own = shingles(text)
        found = [(place, similarity(own, self._shingles[place])) for place in sorted(likely)]
        return [(place, like) for place, like in found if like >= self._least]

    def _estimate(self, sketch: bytes, place: int) -> float:
        same = np.frombuffer(sketch, np.uint16) == self._sketches[place]
        return np.count_nonzero(same) / SKETCH


def _fives(sketch: bytes) -> list[bytes]:
    return [sketch[at : at + 10] for at in range(0, len(sketch) - 9, 10)]


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
        stretches = [stretches_of(text) for text in texts]
        self._keys = np.concatenate([np.zeros(1, np.uint64), *stretches])
        self._owner = np.repeat(np.arange(-1, len(texts)), [1, *map(len, stretches)]).astype(np.int32)
        self._letters = np.concatenate([np.zeros(1, int), *(np.arange(len(one)) for one in stretches)])
        self._lengths = [len(text) for text in texts]
        self._samples = [_distinct(_sample(one)) for one in stretches]
        _, first, times = np.unique(self._keys, return_index=True, return_counts=True)
        single = first[times == 1]
        bits = max(10, (8 * len(self._keys)).bit_length())
        self._shift = np.uint64(64 - bits)
        self._slots = np.zeros(1 << bits, np.int32)
        self._slots[self._slot(self._keys[single])] = single
        self._taken = self._slots > 0
        self._count = np.zeros(len(self._keys), np.uint8)
        self._first = np.zeros(len(self._keys), np.int32)
        self._unsettled: list[tuple[bytes, int]] = []

    def find(self, stretches: Hashes) -> bytes:
        """Those of a text's stretches that one reference alone has: their places, four bytes each."""
        slots = self._slot(stretches)
        likely = np.flatnonzero(self._taken[slots])
        found = self._slots[slots[likely]]
        places: bytes = found[self._keys[found] == stretches[likely]].tobytes()
        return places

    def see(self, found: bytes, number: int) -> None:
        """Note what was found in a text. Texts are different ones, and numbered as they come."""
        if found:
            self._unsettled.append((found, number))
            if len(self._unsettled) >= TOGETHER:
                self._settle()

    def _settle(self) -> None:
        """Count what was noted: of many texts at once, which is quicker."""
        if not self._unsettled:
            return
        found = np.frombuffer(b"".join([found for found, _ in self._unsettled]), np.int32)
        numbers = np.repeat(
            np.array([number for _, number in self._unsettled]),
            [len(found) // 4 for found, _ in self._unsettled],
        )
        self._unsettled.clear()
        both = np.unique((numbers << _PLACE_BITS) + found)
        places, first, times = np.unique(
            both & ((1 << _PLACE_BITS) - 1), return_index=True, return_counts=True
        )
        new = self._count[places] == 0
        self._first[places[new]] = both[first[new]] >> _PLACE_BITS
        self._count[places] = np.minimum(self._count[places] + times, 2)

    def covered(self, stretches: Hashes, reference: int) -> float:
        """Share of a reference's stretches of eight words that a text's have, common phrases included.

        Told from every fourth of them, chosen by what they say.
        """
        own = self._samples[reference]
        both = np.sort(np.concatenate([own, _distinct(_sample(stretches))]))
        return np.count_nonzero(both[1:] == both[:-1]) / len(own) if len(own) else 0.0

    def longest(self, stretches: Hashes, reference: int) -> tuple[int, int]:
        """Where in a reference the longest piece is that a text has, too; a short text's beginning."""
        own = np.flatnonzero(self._owner == reference)
        common = own[np.isin(self._keys[own], stretches)]
        return self._piece(common) if len(common) else (0, self._lengths[reference])

    def overlaps(self, thirteen_words: float, eight_words: float) -> Iterator[Overlap]:
        """Every text that has those shares of a reference's stretches for itself; longer ones go first."""
        self._settle()
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
                yield Overlap(number, reference, words, share, self._longest_alone(alone, number, reference))

    def _counted(self, chosen: NDArray[np.bool_]) -> dict[tuple[int, int], int]:
        """How many of the chosen stretches each text has of each reference."""
        places = np.flatnonzero(chosen)
        pairs = np.stack([self._first[places], self._owner[places]], axis=1)
        found, counts = np.unique(pairs, axis=0, return_counts=True)
        return {(int(number), int(owner)): int(n) for (number, owner), n in zip(found, counts, strict=True)}

    def _longest_alone(self, alone: NDArray[np.bool_], number: int, reference: int) -> tuple[int, int]:
        return self._piece(np.flatnonzero(alone & (self._first == number) & (self._owner == reference)))

    def _piece(self, places: NDArray[np.intp]) -> tuple[int, int]:
        """The letters of the longest run of places."""
        runs = np.split(places, np.flatnonzero(np.diff(places) != 1) + 1)
        longest = max(runs, key=len)
        return int(self._letters[longest[0]]), int(self._letters[longest[-1]]) + EIGHT_WORDS

    def _slot(self, stretches: Hashes) -> NDArray[np.intp]:
        return (stretches >> self._shift).view(np.intp)


def stretches_of(text: bytes) -> Hashes:
    """Every stretch of EIGHT_WORDS letters as a number; none of a shorter text."""
    if len(text) < EIGHT_WORDS:
        return np.empty(0, np.uint64)
    eight = windows(text)
    eight *= _ODD
    eight ^= eight >> _HALF
    sixteen = eight[:-8] * _ODD + eight[8:]
    thirty_two = sixteen[:-16] * _ODD + sixteen[16:]
    forty = thirty_two[:-8] * _ODD + eight[32:]
    forty *= _ODD
    return forty


def _sample(stretches: Hashes) -> Hashes:
    chosen: Hashes = stretches[np.flatnonzero((stretches & _THREE) == 0)]
    return chosen


def _distinct(stretches: Hashes) -> Hashes:
    """Sorted, each once; np.unique takes five times as long for so few."""
    sorted_ones = np.sort(stretches)
    chosen: Hashes = sorted_ones[np.flatnonzero(sorted_ones[1:] != sorted_ones[:-1])]
    return np.concatenate([chosen, sorted_ones[-1:]])
