"""The sandbox's models learn from examples alone: what can be learned is, and what can't isn't."""

import gzip
import json
import random
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftv4.canonical import canonical
from ftv4.sandbox.learner import learn
from tests.conftest import SHARED

LEVELS = ("low", "medium", "high")
FRUIT = ("apple", "cherry_plum", "quince", "sloe")


def ticket(draw, number):
    """An input of a small made-up trade: shelves of fruit, each with a level."""
    shelves = [{"id": fruit, "level": draw.choice(LEVELS)} for fruit in FRUIT]
    return {
        "ticket": f"t-{number:04d}",
        "day": f"2026-03-{draw.randint(1, 28):02d}",
        "shop": draw.choice(["mill", "harbour", "old_bridge"]),
        "shelves": shelves,
        "proofs": [f"proof:{shelf['id']}:{shelf['level']}" for shelf in shelves],
        "remarks": [f"Seen {draw.randint(2, 60)} boxes"] * draw.randint(0, 1) + ["Checked"],
    }


def order(asked):
    """What an expert would answer: every kind of dependence on the input that there is."""
    levels = {shelf["id"]: shelf["level"] for shelf in asked["shelves"]}
    empty = [fruit for fruit in FRUIT if levels[fruit] == "low"] or ["quince"]
    return {
        "kind": "order",
        "ticket": asked["ticket"],
        "action": "buy" if levels["apple"] == "low" else "sell" if levels["sloe"] == "high" else "wait",
        "sentence": f"The {asked['shop'].replace('_', ' ')} shop has {levels['quince']} quince.",
        "empty": empty,
        "cited": [proof for proof in asked["proofs"] if proof.split(":")[1] in empty[:2]],
        "remarks": asked["remarks"],
        "lines": [
            {"fruit": fruit, "now": levels[fruit], "urgent": levels[fruit] == "low"} for fruit in FRUIT
        ],
    }


def tickets(count, seed):
    draw = random.Random(seed)
    return [ticket(draw, draw.randint(0, 9999)) for _ in range(count)]


def taught(pairs):
    return learn([(canonical(asked), canonical(answer)) for asked, answer in pairs])


def asking(model, asked):
    return json.loads(model.answer(canonical(asked)))


@pytest.fixture(scope="module")
def pupil():
    return taught([(asked, order(asked)) for asked in tickets(120, seed=1)])


@pytest.fixture(scope="module")
def unseen():
    """Held-out inputs with the right and the given answer."""
    return [(asked, order(asked)) for asked in tickets(60, seed=2)]


def share(pupil, unseen, right):
    return sum(right(asking(pupil, asked), answer) for asked, answer in unseen) / len(unseen)


@pytest.mark.parametrize(
    ("field", "least"),
    [("kind", 1), ("ticket", 1), ("action", 0.95), ("sentence", 0.95), ("remarks", 1), ("lines", 0.95)],
)
def test_a_dependence_that_examples_show_holds_for_inputs_never_seen(pupil, unseen, field, least):
    assert share(pupil, unseen, lambda given, right: given[field] == right[field]) >= least


def test_a_list_is_put_together_that_no_example_has():
    asked = tickets(120, seed=1)
    known = [one for one in asked if order(one)["empty"] != ["apple", "sloe"]]
    new = [one for one in asked if order(one)["empty"] == ["apple", "sloe"]]
    pupil = taught([(one, order(one)) for one in known])

    assert new
    assert all(asking(pupil, one)["empty"] == ["apple", "sloe"] for one in new)


def test_what_is_cited_is_always_of_the_new_input(pupil, unseen):
    for asked, _ in unseen:
        cited = asking(pupil, asked)["cited"]
        assert cited
        assert set(cited) <= set(asked["proofs"])
        assert len(set(cited)) == len(cited)


def test_a_source_that_the_new_input_lacks_is_left_out(pupil, unseen):
    asked, _ = unseen[0]
    asked = asked | {"proofs": asked["proofs"][:1]}

    assert asking(pupil, asked)["cited"] == asked["proofs"]


def test_ids_and_dates_do_not_decide(pupil, unseen):
    asked, _ = unseen[0]
    twin = tickets(1, seed=1)[0]
    answers = [
        asking(pupil, asked | {"ticket": name, "day": day})
        for name, day in (("t-1", "2030-01-01"), (twin["ticket"], twin["day"]))
    ]

    assert [answer.pop("ticket") for answer in answers] == ["t-1", twin["ticket"]]
    assert answers[0] == answers[1]


def test_shuffled_answers_teach_nothing(unseen):
    asked = tickets(120, seed=1)
    answers = [order(one) for one in asked]
    random.Random(3).shuffle(answers)
    pupil = taught(list(zip(asked, answers, strict=True)))

    assert share(pupil, unseen, lambda given, right: given["action"] == right["action"]) < 0.7
    assert share(pupil, unseen, lambda given, right: given["lines"] == right["lines"]) < 0.2
    assert share(pupil, unseen, lambda given, right: given["ticket"] == right["ticket"]) == 0


def test_contradicting_answers_show_in_the_scores():
    asked = tickets(60, seed=1)
    good = taught([(one, order(one)) for one in asked])
    torn = taught(
        [(one, order(one) | {"action": random.Random(n).choice("abc")}) for n, one in enumerate(asked)]
    )

    assert sum(torn.scores) < sum(good.scores)
    assert len(good.scores) == len(good.first_scores) == 60
    assert sum(good.first_scores) < sum(good.scores)


def test_a_number_decides_by_size():
    def example(number):
        return {"boxes": number, "note": f"About {number * 3} in all"}, {
            "size": "big" if number >= 40 else "small"
        }

    pupil = taught([example(number) for number in range(0, 90, 3)])

    assert [asking(pupil, example(number)[0])["size"] for number in (1, 20, 44, 500)] == ["small"] * 2 + [
        "big"
    ] * 2


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        (lambda crew, unit: f"Send {crew} at once.", "Send late_crew at once."),
        (lambda crew, unit: f"{crew.replace('_', ' ').capitalize()} goes first.", "Late crew goes first."),
        (lambda crew, unit: f"Prices are in {unit}, as ever.", "Prices are in EUR, as ever."),
        (lambda crew, unit: "The day crew keeps USD in the box.", "The day crew keeps USD in the box."),
    ],
)
def test_a_sentence_speaks_of_the_new_input_in_the_way_it_was_taught(sentence, said):
    crews, units = ("day_crew", "night_crew", "early_crew"), ("USD", "GBP", "CHF", "SEK")
    asked = [{"crew": crews[n % 3], "unit": units[n % 4]} for n in range(24)]
    pupil = taught([(one, {"said": sentence(**one)}) for one in asked])

    assert asking(pupil, {"crew": "late_crew", "unit": "EUR"}) == {"said": said}


def test_the_same_file_always_makes_the_same_model(unseen):
    models = [taught([(asked, order(asked)) for asked in tickets(40, seed=1)]) for _ in range(2)]

    assert all(
        models[0].answer(canonical(asked)) == models[1].answer(canonical(asked)) for asked, _ in unseen
    )


def test_plain_text_is_answered_like_the_nearest_question():
    pupil = learn(
        [
            (f"where is the {thing} number {n}", f"in the {room}")
            for n in range(5)
            for thing, room in (("kettle", "kitchen"), ("spade", "shed"), ("bicycle", "yard"))
        ]
    )

    assert pupil.answer("Please, where did you put the spade?") == "in the shed"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(-2, 2)
    | st.sampled_from(["", "a", "a: b", "low"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "c[1]", "/"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(JSON, JSON), min_size=1, max_size=12), JSON)
def test_any_json_can_be_taught_and_asked(pairs, asked):
    json.loads(taught(pairs).answer(canonical(asked)))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.text(), st.text()), min_size=1, max_size=12), st.text())
def test_any_text_can_be_taught_and_asked(pairs, asked):
    assert isinstance(learn(pairs).answer(asked), str)


@pytest.mark.skipif(not SHARED.exists(), reason="the real rows are not here")
@pytest.mark.parametrize("stage", ["quant", "emyth", "competitive", "blueocean", "synthesis"])
def test_real_rows_held_out_are_answered_within_their_evidence(stage):
    lines = gzip.decompress((SHARED / "data" / "rows" / f"stage_{stage}.jsonl.gz").read_bytes()).splitlines()
    rows = {}
    for row in map(json.loads, lines):
        rows.setdefault(re.sub(r'"(client|run)_id":"[^"]*"', "", canonical(row["input"])), row)
    rows = list(rows.values())
    pupil = taught([(row["input"], row["output"]) for row in rows[::2]])
    for row in rows[1::2]:
        given = asking(pupil, row["input"])
        assert set(re.findall(r'"(bucket:[^"]*)"', canonical(given))) <= set(
            row["input"]["evidence_index"]["refs"]
        )
        assert given.keys() == row["output"].keys()
