"""Texts are looked up many together as one by one."""

import random

import pytest

from ftv4.gates.neighbours import Neighbours, Sketches
from ftv4.gates.stretches import ALIKE, bands, sketch

LEAST = 0.5
KIND = b"12345678"
WORDS = [
    f"{start}{end}" for start in ("pa", "lo", "mi", "ru", "ste", "gon") for end in ("ter", "lin", "ka", "sso")
]


def texts(seed, count=300):
    """Lines, sketches, bands and labels of texts, most of which are made from another one."""
    chance = random.Random(seed)
    said = [[chance.choice(WORDS) + str(chance.randrange(99)) for _ in range(60)] for _ in range(12)]
    for line in range(1, count + 1):
        text = list(chance.choice(said))
        for place in chance.sample(range(60), chance.choice((0, 1, 3, 8, 15, 30))):
            text[place] = chance.choice(WORDS)
        said.append(text)
        drawn = sketch("".join(text).encode())
        narrow, wide = bands(drawn, b"%08d" % chance.randrange(2))
        yield line, drawn, narrow if seed % 2 else wide, chance.choice(("a", "a", "b"))


def one_by_one(texts, least):
    """The definition: the most similar of the kept texts that came first with one of the bands."""
    first, kept, found = {}, {}, []
    for line, drawn, banded, label in texts:
        keys = [(at, banded[at : at + 4]) for at in range(0, len(banded), 4)]
        near = [
            (similar, -other)
            for other in {first[key] for key in keys if key in first}
            if (similar := alike(drawn, kept[other][0])) >= (least if kept[other][1] == label else ALIKE)
        ]
        found.append(max(near, default=None))
        if not near:
            kept[line] = drawn, label
            for key in keys:
                first.setdefault(key, line)
    return found


def together(texts, least, many):
    """The same of the gate's, so many at a time."""
    sketches = Sketches()
    neighbours, found = Neighbours(sketches, least, ALIKE), []
    for at in range(0, len(texts), many):
        some = texts[at : at + many]
        places = sketches.add([(line, drawn, label) for line, drawn, _, label in some])
        found += neighbours.nearest(places, [banded for *_, banded, _ in some])
    return found


def alike(one, other):
    numbers = range(0, len(one), 2)
    return sum(one[at : at + 2] == other[at : at + 2] for at in numbers) / len(numbers)


@pytest.mark.parametrize("many", [1, 7, 64, 300])
@pytest.mark.parametrize("seed", range(6))
def test_many_texts_find_the_neighbours_that_each_finds(seed, many):
    given = list(texts(seed))

    found = together(given, LEAST, many)

    assert found == one_by_one(given, LEAST)
    assert 30 < sum(near is not None for near in found) < 290


def test_of_more_texts_than_there_is_room_for_near_copies_are_found_still(monkeypatch):
    """Of each text the same bands are kept, be it three of 21: else a copy would be missed by chance."""
    monkeypatch.setattr("ftv4.gates.neighbours.MOST", 3 * 400)
    chance = random.Random(5)
    said = ["".join(chance.choice(WORDS) + str(chance.randrange(99)) for _ in range(300)) for _ in range(400)]
    given = []
    for line in range(1, 501):
        text = said[line - 1] if line <= 400 else said[line - 401].replace("pater", "paka", 1)
        drawn = sketch(text.encode())
        given.append((line, drawn, bands(drawn, KIND)[0], "a"))

    found = together(given, LEAST, 64)

    assert [near and near.line for near in found] == [None] * 400 + [*range(1, 101)]
