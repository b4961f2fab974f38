import pytest

from tests.guards.build import codes, guards


def decision(**members):
    whole = {"paths": {"A": {}, "B": {}, "C": {}}, "recommended_path": "A", "first_30_days": ["x"] * 5}
    return {name: value for name, value in (whole | members).items() if value is not ...}


def test_words_of_another_stage_are_found_in_the_policys_order():
    payload = {"notes": ["hire for price", "you should"]}

    assert [f.message.rpartition(": ")[2] for f in guards().drift(payload, "quant_signals")] == [
        "should",
        "hire",
        "price",
    ]
    assert codes(guards().drift(payload, "emyth_owner_load")) == ["stage_drift"]
    assert not guards().drift(payload, "competitive_lens")


@pytest.mark.parametrize(
    ("moves", "passes"),
    [
        ([], True),
        ([{"capacity_check": "Fits the CREW"}], True),
        ([{"capacity_check": "no overload"}, {"capacity_check": "owner time under an hour"}], True),
        ([{"capacity_check": ["capacity"]}], True),
        ([{"capacity_check": "owner  time"}], False),
        ([{"capacity_check": "fits"}, {"capacity_check": ""}], False),
        ([{"capacity_check": None}], False),
        ([{"capacity_check": {"capacity": 1}}], False),
        ([{}], False),
        ([None], False),
        (None, False),
        ("capacity", False),
        ({}, False),
        (5, False),
        (..., False),
    ],
)
def test_every_move_names_a_capacity(moves, passes):
    payload = {} if moves is ... else {"asymmetric_moves": moves}

    assert codes(guards().drift(payload, "blue_ocean")) == ([] if passes else ["blue_ocean_capacity_missing"])


@pytest.mark.parametrize(
    "paths", [{"A": 1, "B": 2}, {"A": 1, "B": 2, "C": 3, "D": 4}, "ABC", ["A"], None, ...]
)
def test_paths_are_exactly_three(paths):
    assert codes(guards().drift(decision(paths=paths), "synthesis_decision")) == ["decision_paths_invalid"]


@pytest.mark.parametrize("recommended", ["D", "a", "A ", "", ["A"], {}, 1, None, ...])
def test_the_recommendation_is_one_of_them(recommended):
    output = decision(recommended_path=recommended)

    assert codes(guards().drift(output, "synthesis_decision")) == ["decision_recommendation_invalid"]


@pytest.mark.parametrize(("count", "passes"), [(0, False), (4, False), (5, True), (7, True), (8, False)])
def test_the_number_of_actions_is_the_policys(count, passes):
    output = decision(first_30_days=["x"] * count)
    found = codes(guards(max_actions_30_days=7).drift(output, "synthesis_decision"))

    assert found == ([] if passes else ["decision_action_count_invalid"])


@pytest.mark.parametrize("payload", [None, 5, "text", [], {}, [{}], True])
@pytest.mark.parametrize(
    "stage", ["quant_signals", "blue_ocean", "synthesis_decision", "nowhere", "toString"]
)
def test_any_payload_gets_an_answer(payload, stage):
    assert isinstance(guards().drift(payload, stage), tuple)


def test_a_payload_without_moves_is_objected_to_rather_than_thrown_at():
    assert codes(guards().drift({"moves": []}, "blue_ocean")) == ["blue_ocean_capacity_missing"]
