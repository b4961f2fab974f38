"""Texts are looked up many together as one by one."""

import random

import pytest

from ftv4.gates.neighbours import First, Neighbours
from ftv4.gates.stretches import ALIKE, bands, sketch

LEAST = 0.5
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
        keys = [banded[at : at + 8] for at in range(0, len(banded), 8)]
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


def alike(one, other):
    numbers = range(0, len(one), 4)
    return sum(one[at : at + 4] == other[at : at + 4] for at in numbers) / len(numbers)


@pytest.mark.parametrize("together", [1, 7, 64, 300])
@pytest.mark.parametrize("seed", range(6))
def test_many_texts_find_the_neighbours_that_each_finds(seed, together):
    given = list(texts(seed))
    neighbours = Neighbours(LEAST)

    found = [near for at in range(0, 300, together) for near in neighbours.nearest(given[at : at + together])]

    assert found == one_by_one(given, LEAST)
    assert 30 < sum(near is not None for near in found) < 290


def test_keys_are_found_where_they_came_first_however_many_there_are():
    import numpy as np

    keys = np.unique(np.random.default_rng(1).integers(0, 1 << 64, 20_000, np.uint64, endpoint=False))
    crowded = np.concatenate([keys[:100] & np.uint64(0xFFFF), keys[100:]])
    keys, places = np.unique(crowded, return_index=True)
    table = First()
    for at in range(0, len(keys), 1000):
        assert set(table.find(keys[at : at + 1000]).tolist()) == {-1}
        table.add(keys[at : at + 1000], places[at : at + 1000].astype(np.int32))

    assert table.find(keys).tolist() == places.tolist()
    assert set(table.find(keys + np.uint64(1)).tolist()) <= {-1, *places.tolist()}
