"""Each of the ten contracts takes what lies on its bounds and refuses the next thing past them."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftv4.contracts import jsontext
from ftv4.stages import STAGES, problems_of
from tests.stages.bounds import BOUNDS

CONTRACTS = pytest.mark.parametrize(("stage", "side"), BOUNDS, ids=map("-".join, BOUNDS))
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@CONTRACTS
def test_every_bound_holds_to_the_step(stage, side):
    wrong = [
        (what, fits, problems_of(STAGES[stage], side, value))
        for what, value, fits in BOUNDS[stage, side].edges()
        if fits == bool(problems_of(STAGES[stage], side, value))
    ]

    assert wrong == []


def test_the_edges_reach_into_every_contract():
    assert all(len(list(bounds.edges())) > 350 for bounds in BOUNDS.values())
    assert list(STAGES) == list(dict.fromkeys(stage for stage, _ in BOUNDS))


@SLOW
@given(st.data())
@CONTRACTS
def test_whatever_the_table_allows_is_taken(stage, side, data):
    payload = data.draw(BOUNDS[stage, side].any())

    assert problems_of(STAGES[stage], side, payload) == ()
    assert problems_of(STAGES[stage], side, jsontext.loads(json.dumps(payload))) == ()


def test_all_problems_are_reported_with_their_pointers():
    payload = BOUNDS["quant_signals", "input"].sample()
    payload["data_limits"]["max_records"] = "90"
    payload["evidence_index"]["refs"] = ["bucket:a", "bucket:a"]
    payload["a/b~c"] = 1
    del payload["run_id"]

    pointers = {problem.pointer for problem in problems_of(STAGES["quant_signals"], "input", payload)}

    assert pointers == {"/run_id", "/data_limits/max_records", "/evidence_index/refs", "/a~1b~0c"}


def test_a_refused_payload_with_a_lone_surrogate_is_reported_in_text_that_can_be_written():
    payload = BOUNDS["quant_signals", "input"].sample() | {"\ud83d": 1, "run_id": ""}

    found = problems_of(STAGES["quant_signals"], "input", payload)

    assert [problem.pointer for problem in found] == ["/run_id", "/\ufffd"]
