"""Tables of arrays know what a dict knows."""

import random

import numpy as np
import pytest

from ftv4.gates.first import First, Table


@pytest.mark.parametrize("many", [1, 50, 5_000])
@pytest.mark.parametrize("words", [3, 2_000, 1_000_000])
def test_each_text_is_told_where_it_came_first(many, words):
    chance, table, first = random.Random(words), First(), {}
    texts = [b"%d" % chance.randrange(words) for _ in range(5_000)]

    for at in range(0, 5_000 if many > 1 else 300, many):
        some, places = texts[at : at + many], range(at, at + many)
        assert table.of(some, places) == [first.setdefault(*one) for one in zip(some, places, strict=True)]

    assert table.find(["never", *first]) == [-1, *first.values()]


@pytest.mark.parametrize("size", [np.uint32, np.uint64])
def test_keys_are_found_where_they_came_first_however_many_there_are(size):
    drawn = np.random.default_rng(1).integers(0, np.iinfo(size).max, 20_000, size)
    crowded = np.concatenate([drawn[:100] & size(0xFFFF), drawn[100:]])
    keys, places = np.unique(crowded, return_index=True)
    table = Table(size)
    for at in range(0, len(keys), 1000):
        assert set(table.find(keys[at : at + 1000]).tolist()) == {-1}
        table.add(keys[at : at + 1000], places[at : at + 1000].astype(np.int32))

    assert table.find(keys).tolist() == places.tolist()
    other = np.setdiff1d(keys + size(1), keys)
    assert set(table.find(other).tolist()) == {-1}


def test_of_too_many_keys_those_are_kept_whose_lower_bits_say_so():
    keys = np.arange(10_000, dtype=np.uint32) << np.uint32(18) | np.arange(10_000, dtype=np.uint32) % 32
    table = Table(np.uint32, most=1_000)
    for at in range(0, 10_000, 100):
        table.add(keys[at : at + 100], np.arange(at, at + 100, dtype=np.int32))

    found = table.find(keys)
    assert np.flatnonzero(found >= 0).tolist() == list(range(0, 10_000, 16))
    assert (found[::16] == np.arange(0, 10_000, 16)).all()


def test_what_has_small_hashes_does_not_crowd_in_a_part_of_the_table(monkeypatch):
    """Numbers are their own hashes: a table of them looked at nearly all its slots for each."""
    rounds, step = [], Table._next
    monkeypatch.setattr(Table, "_next", lambda table, slots: rounds.append(len(slots)) or step(table, slots))
    First().of(range(20_000), range(20_000))

    assert len(rounds) < 100
    assert sum(rounds) < 100_000
