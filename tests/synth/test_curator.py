import itertools
import tomllib
from copy import deepcopy

import pytest

from ftv4.documents import Repository
from ftv4.guards import Guards
from ftv4.guards.citations import citations
from ftv4.guards.decision import decision_errors
from ftv4.stages import STAGES, problems_of
from ftv4.synth.curator import curate
from ftv4.synth.curator.reading import PATHS, SIGNALS, present, read
from ftv4.synth.curator.voice import INDUSTRIES, voice_of
from tests.conftest import ROOT
from tests.stages.build import brief, run

POLICY = Repository(ROOT).policy()
GUARDS = {
    hint: Guards.compile(
        POLICY.model_copy(update={"leak_scan": POLICY.leak_scan.model_copy(update={"raw_row_hint": hint})})
    )
    for hint in ("labelled", "any")
}
CALM = dict.fromkeys(SIGNALS.values(), "low") | {"seasonality": "none"}
HIGH = {"season": "strong"}
MEDIUM = {"season": "weak"}
ROLES = ("technician", "manager", "entrepreneur", "mixed", "unknown")


def words(high=(), medium=()):
    """Bucket words: all calm but for the situations named."""
    found = dict(CALM)
    found |= {SIGNALS[name]: MEDIUM.get(name, "medium") for name in medium}
    found |= {SIGNALS[name]: HIGH.get(name, "high") for name in high}
    return found


def curated(high=(), medium=(), values=None, **members):
    """Inputs and curated outputs of all stages for a situation, as the rules' pipeline derives them."""
    inputs, outputs = run(brief(words(high, medium) | (values or {}), **members))
    return inputs, {name: curate(STAGES[name], inputs[name], outputs[name]) for name in STAGES}


def decision(high=(), medium=(), **members):
    return curated(high, medium, **members)[1]["synthesis_decision"]


SITUATIONS = [
    *[(high, ()) for size in (0, 1, 2) for high in itertools.combinations(SIGNALS, size)],
    *[((), medium) for size in (1, 3) for medium in itertools.combinations(SIGNALS, size)],
    *[((high,), (medium,)) for high, medium in itertools.permutations(SIGNALS, 2)],
    (tuple(SIGNALS), ()),
]


# fit to be trained on


@pytest.mark.parametrize("industry", [*INDUSTRIES, "hvac", "unknown"])
def test_what_it_writes_fits_passes_every_guard_and_cites_only_what_it_was_given(industry):
    for number, (high, medium) in enumerate(SITUATIONS):
        inputs, outputs = curated(high, medium, industry=industry, role=ROLES[number % len(ROLES)])
        for name, output in outputs.items():
            assert problems_of(STAGES[name], "output", output) == ()
            for guards in GUARDS.values():
                assert guards.doctrine(output, name) == ()
                assert guards.drift(output, name) == ()
                assert guards.leaks(output) == ()
            assert {ref for ref, _ in citations(output)} <= set(inputs[name]["evidence_index"]["refs"])
        assert decision_errors(outputs["synthesis_decision"]) == ()


@pytest.mark.parametrize("hint", GUARDS)
def test_A3_no_sentence_of_the_banks_could_ever_be_taken_for_raw_data(hint):
    """A3: also by the Node tool's own reading, which refuses "clearer customer expectations"."""
    for path in (ROOT / "ftv4/synth/curator/voices").glob("*.toml"):
        bank = tomllib.loads(path.read_text())
        assert GUARDS[hint].leaks(bank) == ()
        assert GUARDS[hint].doctrine(bank, "synthesis_decision") == ()


def test_what_it_writes_survives_unknown_words_and_refs():
    values = dict.fromkeys(SIGNALS.values(), "unknown")
    inputs, _ = curated(values=values)
    for name, stage in STAGES.items():
        strange = deepcopy(inputs[name]) | {"evidence_index": {"refs": ["bucket:something:else"]}}
        output = curate(stage, strange, run(brief())[1][name])

        assert problems_of(stage, "output", output) == ()
        assert {ref for ref, _ in citations(output)} == {"bucket:something:else"}


def test_it_does_not_touch_what_it_is_given():
    inputs, outputs = run(brief())
    before = deepcopy((inputs, outputs))

    for name, stage in STAGES.items():
        curate(stage, inputs[name], outputs[name])

    assert (inputs, outputs) == before


# whose words they are


def test_the_envelope_is_the_stored_outputs():
    inputs, outputs = run(brief())
    stored = outputs["blue_ocean"] | {"model_id": "somebody:else", "prompt_version": "v9"}

    output = curate(STAGES["blue_ocean"], inputs["blue_ocean"], stored)

    kept = ("schema_version", "stage_name", "model_id", "prompt_version", "data_limits")
    assert {key: output[key] for key in kept} == {key: stored[key] for key in kept}


def test_B9_the_same_content_gets_the_same_words_whoever_asks():
    one = curated(("latency",), client_id="a", run_id="r1")[1]
    other = curated(("latency",), client_id="somebody", run_id="r2")[1]

    assert one == other


def test_dates_change_nothing_but_the_window():
    later = {"window_start": "2031-01-01", "window_end": "2031-03-31"}
    one, other = curated(("latency",))[1], curated(("latency",), **later)[1]

    assert other["quant_signals"]["window"] == {"start_date": "2031-01-01", "end_date": "2031-03-31"}
    for name in list(STAGES)[1:]:
        assert one[name] == other[name]


# what decides


@pytest.mark.parametrize(
    ("high", "path"),
    [
        ((), "C"),
        (("squeeze",), "A"),
        (("season",), "A"),
        (("latency",), "B"),
        (("volatility",), "B"),
        (("concentration",), "C"),
        (("volatility", "season"), "B"),
        (("squeeze", "latency"), "A"),
        (("latency", "concentration"), "B"),
        (tuple(SIGNALS), "A"),
    ],
)
def test_the_recommendation_follows_the_first_high_signal(high, path):
    assert decision(high)["recommended_path"] == path
    assert decision(high, industry="agency")["recommended_path"] == path


def test_every_situation_has_a_path_and_every_bank_a_scene_for_it():
    for industry in INDUSTRIES:
        assert set(voice_of(industry).scenes) == set(PATHS)
        assert set(voice_of(industry).paths) == {"A", "B", "C"}
        assert set(voice_of(industry).labels) == {*SIGNALS.values(), "lead_source"}
        assert set(voice_of(industry).lean) <= set(SIGNALS)


def test_high_signals_come_before_medium_ones():
    assert present(words(("volatility",), ("squeeze", "season"))) == ("volatility", "squeeze", "season")
    assert present(words((), ("latency",))) == ("steady", "latency")


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_reads_the_same_signals_out_of_its_own_input(stage):
    inputs, _ = run(brief(words(("concentration",), ("latency",))))

    assert read(inputs[stage]).present == ("concentration", "latency")


def test_statements_cite_the_signal_they_rest_on():
    outputs = curated(("concentration",), ("latency",))[1]

    first, second, *_ = outputs["emyth_owner_load"]["owner_load_drivers"]
    assert first["evidence_refs"] == ["bucket:revenue_concentration_top5:high"]
    assert second["evidence_refs"] == ["bucket:decision_latency:medium"]
    assert outputs["synthesis_decision"]["evidence_refs"] == [
        "bucket:revenue_concentration_top5:high",
        "bucket:decision_latency:medium",
    ]


@pytest.mark.parametrize(
    ("rows", "confidence"),
    [("12", "low"), ("39", "low"), ("40", "medium"), ("119", "medium"), ("120", "high")],
)
def test_confidence_follows_the_rows_behind_it(rows, confidence):
    outputs = curated(notes=(f"Rows in window: {rows}",))[1]

    assert {output["confidence"] for output in outputs.values()} == {confidence}


def test_unknown_signals_lower_the_confidence_and_the_coverage():
    values = {"volatility": "unknown", "decision_latency": "unknown"}
    outputs = curated(values=values, notes=("Rows in window: 80",))[1]

    assert outputs["synthesis_decision"]["confidence"] == "low"
    assert outputs["quant_signals"]["data_quality"]["coverage_bucket"] == "partial"


# variety


def test_industries_speak_differently():
    for high in [(), *[(name,) for name in SIGNALS]]:
        made = [decision(high, industry=industry) for industry in INDUSTRIES]
        for member in ("primary_constraint", "why_it_feels_heavy", "owner_choice_prompt"):
            assert len({output[member] for output in made}) == len(INDUSTRIES)
        assert len({action for output in made for action in output["first_30_days"]}) == sum(
            len(output["first_30_days"]) for output in made
        )


def test_situations_change_diagnosis_moves_and_actions():
    made = [curated((name,), industry="agency")[1] for name in SIGNALS]

    assert len({outputs["emyth_owner_load"]["bottleneck_diagnosis"] for outputs in made}) == 5
    assert len({outputs["blue_ocean"]["asymmetric_moves"][0]["id"] for outputs in made}) == 5
    assert len({tuple(outputs["synthesis_decision"]["first_30_days"]) for outputs in made}) == 5


@pytest.mark.parametrize(("high", "medium"), SITUATIONS)
def test_there_are_six_to_nine_distinct_actions(high, medium):
    actions = decision(high, medium, industry="saas_micro")["first_30_days"]

    assert 6 <= len(actions) <= 9
    assert len(set(actions)) == len(actions)


def test_the_owners_role_changes_why_it_is_heavy():
    heavy = {curated(("latency",), role=role)[1]["emyth_owner_load"]["why_it_feels_heavy"] for role in ROLES}

    assert len(heavy) == 4  # an unknown role reads as a mixed one
