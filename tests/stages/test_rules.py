"""The rules decide as contracts.md §15 says, and whatever they answer is fit to be trained on."""

from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftv4.contracts.policy import LeakScan
from ftv4.documents import Repository
from ftv4.guards import Guards
from ftv4.stages import STAGES, problems_of
from ftv4.stages.emyth_owner_load import COORDINATING, FRAGMENTED, STALLED
from tests.conftest import ROOT
from tests.stages.bounds import BOUNDS
from tests.stages.build import brief, run


@pytest.mark.parametrize(
    ("words", "diagnosis", "path"),
    [
        ({"decision_latency": "high", "capacity_squeeze_proxy": "high"}, STALLED, "A"),
        ({"decision_latency": "high", "volatility": "high"}, STALLED, "B"),
        ({"decision_latency": "high"}, STALLED, "C"),
        ({"capacity_squeeze_proxy": "high", "volatility": "high"}, COORDINATING, "A"),
        ({"volatility": "high"}, FRAGMENTED, "B"),
        ({"volatility": "unknown", "decision_latency": "unknown"}, FRAGMENTED, "C"),
    ],
)
def test_two_signals_make_the_diagnosis_and_two_the_path(words, diagnosis, path):
    _, outputs = run(brief(words))

    assert outputs["emyth_owner_load"]["bottleneck_diagnosis"] == diagnosis
    assert outputs["synthesis_decision"]["primary_constraint"] == diagnosis
    assert outputs["synthesis_decision"]["recommended_path"] == path


def test_the_rules_decide_without_earlier_outputs_too():
    inputs, outputs = run(brief({"decision_latency": "high", "volatility": "high"}))
    alone = STAGES["synthesis_decision"].rule(inputs["synthesis_decision"], {})

    assert alone["primary_constraint"] == STALLED
    assert alone["recommended_path"] == "B"
    assert alone["data_limits"] == outputs["quant_signals"]["data_limits"]


@pytest.mark.parametrize(
    ("words", "patterns", "anomalies"),
    [
        ({}, ["volatility_pattern", "decision_lag_pattern"], []),
        ({"volatility": "unknown"}, ["decision_lag_pattern"], []),
        ({"decision_latency": "unknown"}, ["volatility_pattern"], []),
        ({"volatility": "unknown", "decision_latency": "unknown"}, ["baseline_pattern"], []),
        (
            {"capacity_squeeze_proxy": "high"},
            ["volatility_pattern", "decision_lag_pattern"],
            ["capacity_squeeze_anomaly"],
        ),
    ],
)
def test_patterns_follow_from_known_buckets(words, patterns, anomalies):
    answer = run(brief(words))[1]["quant_signals"]

    assert [pattern["id"] for pattern in answer["patterns"]] == patterns
    assert [anomaly["id"] for anomaly in answer["anomalies"]] == anomalies


@pytest.mark.parametrize(
    ("members", "confidence", "mode", "missing"),
    [
        ({}, "medium", "last_90_days", "low"),
        ({"invoice_count": "none"}, "low", "last_90_days", "medium"),
        ({"invoice_count": "none", "row_limit": 100}, "medium", "last_100_closed_estimates", "medium"),
        ({"estimate_count": "none"}, "medium", "last_90_days", "medium"),
    ],
)
def test_confidence_follows_from_what_was_seen(members, confidence, mode, missing):
    _, outputs = run(brief(**members))

    assert {output["confidence"] for output in outputs.values()} == {confidence}
    assert {output["data_limits"]["window_mode"] for output in outputs.values()} == {mode}
    assert outputs["quant_signals"]["data_quality"]["missingness_bucket"] == missing


@pytest.mark.parametrize(("rows", "confidence"), [(0, "low"), (39, "low"), (40, "medium"), (120, "high")])
def test_signals_are_trusted_by_the_rows_behind_them(rows, confidence):
    answer = run(brief(notes=("Window: a..b", f"Rows in window: {rows}")))[1]["quant_signals"]

    assert {signal["confidence"] for signal in answer["signals"]} == {confidence}


def test_directions_follow_from_the_words():
    words = {"volatility": "high", "decision_latency": "low", "seasonality": "weak"}
    signals = run(brief(words))[1]["quant_signals"]["signals"]

    directions = {signal["id"]: signal["direction"] for signal in signals}

    assert directions == {
        "revenue_concentration_top5": "flat",
        "volatility": "up",
        "seasonality": "mixed",
        "decision_latency": "down",
        "capacity_squeeze_proxy": "flat",
        "lead_source": "unknown",
    }


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
@pytest.mark.parametrize("stage", STAGES.values(), ids=list(STAGES))
def test_any_valid_input_gets_a_valid_answer_that_cites_only_what_the_input_lists(stage, data):
    stage_input = data.draw(BOUNDS[stage.name, "input"].any())

    answer = stage.rule(stage_input, {})

    assert problems_of(stage, "output", answer) == ()
    listed = set(stage_input["evidence_index"]["refs"]) | {
        ref
        for signal in stage_input["context"].get("quant_summary", {}).get("signals", [])
        for ref in signal["evidence_refs"]
    }
    assert set(answer["evidence_refs"]) <= listed


def test_A3_everything_the_rules_can_say_passes_every_guard_even_in_the_compatible_mode():
    policy = Repository(ROOT).policy()
    strict = policy.model_copy(update={"leak_scan": LeakScan(raw_row_hint="any")})
    guards = Guards.compile(strict)
    levels = ("low", "medium", "high", "unknown")

    for volatility, latency, capacity in product(levels, repeat=3):
        words = {
            "volatility": volatility,
            "decision_latency": latency,
            "capacity_squeeze_proxy": capacity,
        }
        inputs, outputs = run(brief(words))
        for name, stage in STAGES.items():
            assert problems_of(stage, "input", inputs[name]) == ()
            assert problems_of(stage, "output", outputs[name]) == ()
            assert guards.doctrine(inputs[name], name) == ()
            assert guards.doctrine(outputs[name], name) == ()
            assert guards.drift(outputs[name], name) == ()
            assert guards.leaks([inputs[name], outputs[name]]) == ()


def test_an_answer_is_nobody_elses_to_change():
    inputs, outputs = run(brief())
    outputs["synthesis_decision"]["paths"]["A"]["risks"].clear()

    assert STAGES["synthesis_decision"].rule(inputs["synthesis_decision"], {})["paths"]["A"]["risks"]
