"""Counting with little memory counts as a Counter does."""

import random
from collections import Counter

import pytest

from ftv4.gates.tally import Tally


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("words", [5, 500, 1_000_000])
def test_texts_are_counted_as_a_counter_counts_them(seed, words, monkeypatch):
    monkeypatch.setattr("ftv4.gates.tally.TOGETHER", 64)
    chance, tally, counter = random.Random(seed), Tally(), Counter()
    for _ in range(100):
        texts = [b"%d" % chance.randrange(words) for _ in range(chance.randrange(9))]
        tally.add(texts)
        counter.update(texts)
        assert tally.total == counter.total()
        if chance.random() < 0.1 and counter:
            assert (tally.most_frequent(), tally.most) == counter.most_common(1)[0]

    assert (tally.most_frequent(), tally.most) == counter.most_common(1)[0]


def test_of_nothing_nothing_is_most_frequent():
    assert (Tally().most_frequent(), Tally().most, Tally().total) == (b"", 0, 0)
