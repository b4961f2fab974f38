import copy
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftv4.documents import Repository
from ftv4.graders import GRADERS, HARD, grade, names, ungradable
from ftv4.graders.agreement import agreement
from ftv4.graders.subject import Subject
from ftv4.guards import Guards
from ftv4.stages import STAGES
from tests.conftest import ROOT
from tests.eval_cases import gold_of, plant

GUARDS = Guards.compile(Repository(ROOT).policy())

SYNTHESIS = STAGES["synthesis_decision"]


@pytest.fixture(scope="module")
def gold(tmp_path_factory):
    """One case's gold, by stage."""
    repository = Repository(tmp_path_factory.mktemp("gold"))
    plant(repository)
    case = repository.read_json("evals/cases/agency_seed4242_01.json")
    assert gold_of(repository, "blue_ocean", "agency_seed4242_01") == case["gold"]["blue_ocean"]["output"]
    return case["gold"]


def ask(gold, stage="synthesis_decision", **changes):
    """Grade gold's own output, changed; give back the scores by grader."""
    approved = gold[stage]["output"]
    subject = Subject(STAGES[stage], gold[stage]["input"], approved | changes, approved, GUARDS)
    return {score.grader: score for score in grade(subject)}


@pytest.mark.parametrize("stage", STAGES)
def test_gold_passes_every_grader_and_agrees_with_itself(gold, stage):
    scores = ask(gold, stage)

    assert all(scores[name].passed for name in HARD if name in scores)
    assert scores["agreement"].score == 1
    assert scores["agreement"].passed is None


def test_only_synthesis_is_graded_as_a_decision(gold):
    assert "decision" in ask(gold)
    assert "decision" not in ask(gold, "blue_ocean")


def test_an_answer_outside_its_contract_fails_by_place_and_agrees_with_nothing(gold):
    scores = ask(gold, recommended_path="D")

    assert scores["schema"].passed is False
    assert scores["schema"].problems[0].startswith("/recommended_path ")
    assert scores["agreement"].score == 0


def test_a_forbidden_word_fails_doctrine_with_its_place(gold):
    scores = ask(gold, primary_constraint="The owner needs a dashboard for this.")

    assert (
        "forbidden_vocabulary at /primary_constraint: forbidden word: dashboard"
        in scores["doctrine"].problems
    )


def test_A8_language_checks_are_found_out_from_the_text_and_a_false_claim_is_named(gold):
    clean = {"forbidden_terms_found": [], "passed": True}
    scores = ask(gold, primary_constraint="A dashboard would show the work.", language_checks=clean)

    assert scores["doctrine"].problems[-1].endswith("claims a clean text, and the text is not")


def test_A8_refs_that_the_input_never_had_fail_grounding(gold):
    scores = ask(gold, evidence_refs=["bucket:made_up_1:high"])

    assert scores["schema"].passed
    assert scores["grounding"].problems == ("bucket:made_up_1:high is not in the input's evidence_index",)


def test_A8_an_answer_to_another_question_fails_grounding(gold):
    other = copy.deepcopy(gold)
    other["synthesis_decision"]["input"]["evidence_index"]["refs"] = ["bucket:volatility:extreme"]

    assert ask(other)["grounding"].passed is False


def test_refs_in_prose_and_deep_inside_are_grounded_too(gold):
    moves = copy.deepcopy(gold["blue_ocean"]["output"]["asymmetric_moves"])
    moves[1]["evidence_refs"].append("bucket:deep:inside")
    scores = ask(
        gold, "blue_ocean", asymmetric_moves=moves, capacity_guardrail_statement="As bucket:in:prose, says."
    )

    assert [line.split(" ")[0] for line in scores["grounding"].problems] == [
        "bucket:in:prose",
        "bucket:deep:inside",
    ]


def test_a_word_of_another_stage_is_drift(gold):
    scores = ask(gold, "emyth_owner_load", bottleneck_diagnosis="The owner buys software for everything.")

    assert "stage_drift at /bottleneck_diagnosis: word of another stage: software" in scores["drift"].problems


def test_what_a_stranger_wrote_is_encoded_in_problems(gold):
    hostile = "bucket:x\n::error::passed ##[group]"
    changes = {"evidence_refs": [hostile], "##[add-mask]": 1, "language_checks": None}
    problems = [line for score in ask(gold, **changes).values() for line in score.problems]

    assert problems
    assert not [line for line in problems if "##[" in line or "\n" in line or "::error" in line]


def test_stamped_members_are_not_compared(gold):
    approved = gold["synthesis_decision"]["output"]

    assert agreement(SYNTHESIS, approved | {"model_id": "x", "prompt_version": "y"}, approved) == 1


def test_agreement_falls_with_what_matters_and_by_how_much(gold):
    approved = gold["synthesis_decision"]["output"]
    other = "A" if approved["recommended_path"] != "A" else "B"
    path = agreement(SYNTHESIS, approved | {"recommended_path": other}, approved)
    words = agreement(
        STAGES["synthesis_decision"], approved | {"first_30_days": ["Rest for a day."] * 5}, approved
    )
    title = copy.deepcopy(approved)
    title["paths"]["A"]["title"] = "Something else entirely"
    small = agreement(SYNTHESIS, title, approved)

    assert path < words < small < 1


@pytest.mark.parametrize("stage", STAGES)
def test_every_measured_path_is_in_a_stages_output(gold, stage):
    """A path with a typo would compare nothing with nothing, and always agree."""
    from ftv4.graders.agreement import _select

    optional = {"anomalies/*/id", "anomalies/*/description"}
    paths = {path for measure in STAGES[stage].measures for path in measure.leaves} - optional
    missing = [path for path in paths if not list(_select(gold[stage]["output"], path.split("/")))]

    # Synthesis cites refs at the top alone.
    assert missing == (["*/*/evidence_refs/*"] if stage == "synthesis_decision" else [])


def test_an_answer_that_cannot_be_read_fails_everything_with_one_reason():
    scores = ungradable(STAGES["synthesis_decision"], "not JSON")

    assert {score.grader for score in scores if score.passed is False} == set(HARD)
    assert [problem for score in scores for problem in score.problems] == ["not JSON"]


def test_every_grader_asks_a_question():
    for name, grader in GRADERS.items():
        assert "?" in (grader.__doc__ or "").splitlines()[0], name


def test_reports_name_what_agreement_compares(monkeypatch):
    before = names()
    other = replace(STAGES["blue_ocean"], measures=STAGES["quant_signals"].measures)
    monkeypatch.setitem(STAGES, "blue_ocean", other)

    assert names()[:-1] == before[:-1]
    assert names()[-1] != before[-1]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just("bucket:x:"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["evidence_refs", "paths", "language_checks", "first_30_days", "signals"]), anything
    )
)
def test_no_answer_makes_a_grader_throw(gold, changes):
    for stage in STAGES:
        ask(gold, stage, **changes)
