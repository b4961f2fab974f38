"""Stage inputs are made from the brief and the answers before, as contracts.md §14 says."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftv4.stages import STAGES, problems_of
from ftv4.stages.derive import truncate
from tests.stages.bounds import BOUNDS
from tests.stages.build import brief, run

REFS = [
    "bucket:revenue_concentration_top5:medium",
    "bucket:volatility:high",
    "bucket:seasonality:none",
    "bucket:decision_latency:medium",
    "bucket:capacity_squeeze_proxy:medium",
    "bucket:lead_source:not_available",
]


def made(stage, words=None, outputs=None, **members):
    """A stage's input after the rules' answers, some of their members replaced."""
    of = brief(words, **members)
    earlier = run(of)[1]
    for name, changes in (outputs or {}).items():
        earlier[name] |= changes
    names = list(STAGES)
    return STAGES[stage].make_input(of, {name: earlier[name] for name in names[: names.index(stage)]})


def test_the_quant_input_holds_the_brief_as_words():
    assert made("quant_signals", {"volatility": "high"}) == {
        "schema_version": "stage_input_quant_v1",
        "stage_name": "quant_signals",
        "client_id": "w1",
        "run_id": "run-1",
        "industry": "hvac",
        "data_limits": {
            "window_start": "2026-01-01",
            "window_end": "2026-03-31",
            "max_records": 90,
            "notes": ["Window: 2026-01-01..2026-03-31", "Rows in window: 12"],
        },
        "evidence_index": {"refs": REFS},
        "context": {
            "buckets": {
                "concentration_bucket": "medium",
                "volatility_bucket": "high",
                "seasonality_bucket": "none",
                "decision_latency_bucket": "medium",
                "throughput_bucket": "medium",
                "capacity_squeeze_bucket": "medium",
                "lead_source_bucket": "not_available",
                "job_type_mix_bucket": "balanced",
            },
            "derived_counts": {
                "invoice_count_bucket": "low",
                "estimate_count_bucket": "low",
                "job_count_bucket": "none",
                "customer_count_bucket": "none",
            },
            "notes": ["Window: 2026-01-01..2026-03-31", "Rows in window: 12"],
        },
    }


@pytest.mark.parametrize(
    ("given", "seen"), [("HVAC", "hvac"), (" Home  Services ", "home_services"), ("", "unknown")]
)
def test_industries_are_normalised(given, seen):
    assert made("quant_signals", industry=given)["industry"] == seen
    assert made("competitive_lens", industry=given)["context"]["market_context"] == {
        "region_bucket": "unknown",
        "primary_services": [seen],
        "competitor_set_refs": [],
    }


@pytest.mark.parametrize(("role", "seen"), [("manager", "manager"), ("", "unknown")])
def test_the_owner_is_known_by_team_role_and_mix(role, seen):
    assert made("emyth_owner_load", role=role)["context"]["owner_context"] == {
        "team_size_bucket": "small",
        "owner_role_bucket": seen,
        "service_mix_bucket": "balanced",
    }


def test_later_inputs_see_the_window_of_the_quant_answer():
    window = {"start_date": "2026-02-01", "end_date": "2026-02-28"}
    made_from = {"quant_signals": {"window": window}}

    limits = made("blue_ocean", outputs=made_from)["data_limits"]

    assert (limits["window_start"], limits["window_end"]) == ("2026-02-01", "2026-02-28")
    assert limits["max_records"] == 90


def test_evidence_is_the_union_in_order_of_first_sight_and_at_most_32():
    first = [f"bucket:a:{number}" for number in range(20)]
    second = first[::2] + [f"bucket:b:{number}" for number in range(20)]
    outputs = {"quant_signals": {"evidence_refs": first}, "emyth_owner_load": {"evidence_refs": second}}

    refs = made("competitive_lens", outputs=outputs)["evidence_index"]["refs"]

    assert refs == (first + [f"bucket:b:{number}" for number in range(20)])[:32]


def test_a_long_quant_answer_is_summarised():
    refs = [f"bucket:a:{number}" for number in range(8)]
    signal = {
        "id": "s",
        "label": "S",
        "value_bucket": "low",
        "direction": "up",
        "confidence": "low",
        "evidence_refs": refs,
    }
    pattern = {"id": "p", "description": "d" * 240, "confidence": "low", "evidence_refs": refs}
    answer = {"signals": [signal] * 16, "patterns": [pattern] * 8, "anomalies": [pattern] * 8}

    summary = made("emyth_owner_load", outputs={"quant_signals": answer})["context"]["quant_summary"]

    assert [len(summary[part]) for part in ("signals", "patterns", "anomalies")] == [10, 6, 6]
    assert summary["signals"][0]["evidence_refs"] == refs[:6]
    assert summary["patterns"][0] == {
        "id": "p",
        "description": "d" * 177 + "...",
        "confidence": "low",
        "evidence_refs": refs[:6],
    }


def test_a_long_owner_load_answer_is_summarised():
    driver = {"id": "d", "summary": "s" * 180, "confidence": "low", "evidence_refs": REFS[:1]}
    answers = {"emyth_owner_load": {"owner_load_drivers": [driver] * 6, "bottleneck_diagnosis": "b" * 220}}

    assert made("competitive_lens", outputs=answers)["context"]["owner_load_summary"] == {
        "owner_bottleneck": True,
        "pressure_sources": ["d"] * 6,
        "structural_gaps": ["s" * 117 + "..."] * 6,
    }
    assert made("blue_ocean", outputs=answers)["context"]["primary_constraint_candidate"] == "b" * 137 + "..."


def test_long_answers_of_the_market_stages_are_summarised():
    pressure = {"id": "p", "pressure": "p" * 180, "confidence": "low", "evidence_refs": REFS[:1]}
    lens = {
        "market_pressures": [pressure] * 9,
        "strengths": ["s" * 150] * 7,
        "vulnerabilities": ["v" * 180] * 7,
        "collapsed_view": "c" * 260,
    }
    move = {"id": "m"}
    ocean = {
        "asymmetric_moves": [move] * 9,
        "rejected_load_increasing_moves": ["r" * 180] * 9,
        "capacity_guardrail_statement": "g" * 200,
    }

    context = made("synthesis_decision", outputs={"competitive_lens": lens, "blue_ocean": ocean})["context"]

    assert context["competitive_summary"] == {
        "market_pressures": ["p" * 137 + "..."] * 8,
        "strengths": ["s" * 117 + "..."] * 6,
        "vulnerabilities": ["v" * 117 + "..."] * 6,
        "collapsed_view": "c" * 177 + "...",
    }
    assert context["blue_ocean_summary"] == {
        "asymmetric_move_ids": ["m"] * 8,
        "rejected_moves": ["r" * 137 + "..."] * 8,
        "capacity_guardrail": "g" * 177 + "...",
    }
    assert (
        made("blue_ocean", outputs={"competitive_lens": lens})["context"]["competitive_pressure_summary"]
        == ["p" * 137 + "..."] * 6
    )


def test_how_full_the_schedule_is_comes_from_the_capacity_signal():
    bounds = made("blue_ocean", {"capacity_squeeze_proxy": "high"})["context"]["capacity_bounds"]

    assert bounds == {
        "hours_bucket": "unknown",
        "crew_count_bucket": "unknown",
        "schedule_fill_bucket": "high",
    }


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("a" * 10, "a" * 10),
        ("a" * 11, "a" * 7 + "..."),
        ("😀" * 5, "😀" * 5),
        ("😀" * 6, "😀" * 3 + "..."),
        ("a" + "😀" * 5, "a" + "😀" * 3 + "..."),
    ],
)
def test_texts_are_cut_by_utf16_units_and_never_through_a_character(text, cut):
    assert truncate(text, 10) == cut


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.fixed_dictionaries({name: BOUNDS[name, "output"].any() for name in STAGES}))
def test_any_valid_answers_make_valid_inputs_once_their_measures_are_words(outputs):
    """What an answer may say and the next input may not (contracts.md §3.1, §4.1) is mended first."""
    quant = outputs["quant_signals"]
    quant["window"] = {"start_date": "2026-01-01", "end_date": "2026-03-31"}
    quant["data_limits"]["row_limit_applied"] = 90
    quant["signals"] = [signal | {"value_bucket": "low"} for signal in quant["signals"]]
    names = list(STAGES)

    for position, name in enumerate(names):
        earlier = {before: outputs[before] for before in names[:position]}
        assert problems_of(STAGES[name], "input", STAGES[name].make_input(brief(), earlier)) == ()
