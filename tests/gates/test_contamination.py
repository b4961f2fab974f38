"""Rows that give an eval case away, as `ftv4 gate` tells of them."""

import json
import shutil
from copy import deepcopy

import pytest

from benchmarks.corpus import shipped
from benchmarks.planting import approved, cases
from tests.conftest import ROOT
from tests.gates.build import lines

OWN = ("data_limits", "evidence_refs", "signals", "window")


@pytest.fixture
def told(repository, ftv4):
    """What the gate says of the shipped rows of a stage after a change to one of them: its findings."""
    shutil.copytree(ROOT / "evals/cases", repository.path("evals/cases"))

    def judge(stage, place=0, output=None, given=None, policy=None, also=()):
        rows = shipped(stage)
        for changed in (place, *also):
            rows[changed]["output"] |= output or {}
            rows[changed]["input"] |= given or {}
            rows[changed] = approved(rows[changed])
        repository.write("rows.jsonl", lines(*rows))
        asked = ["--policy", policy] if policy else []
        done = ftv4("gate", "rows.jsonl", "--only", "contamination", "--format=json", *asked)
        return json.loads(done.out)["findings"]

    return judge


def answer(stage, place=0):
    """The answer of a shipped case, without what follows from the question."""
    _, output = deepcopy(cases(stage)[place])
    return {name: value for name, value in output.items() if name not in OWN}


@pytest.mark.parametrize("stage", ["quant_signals", "blue_ocean", "synthesis_decision"])
def test_a_cases_answer_under_another_question_is_refused(told, stage):
    (finding,) = told(stage, 40, answer(stage))

    assert (finding["rule"], finding["severity"], finding["line"]) == ("eval_answer", "error", 41)
    assert finding["problem"].startswith("eval case agency_eval_01: the row gives its answer: ")
    assert len(finding["problem"]) > 150  # evidence is shown


def test_some_words_changed_do_not_hide_it_and_the_similarity_says_so(told):
    output = answer("synthesis_decision")
    output["primary_constraint"] = "Something entirely different is in the way here."
    (finding,) = told("synthesis_decision", 40, output)

    assert finding["rule"] == "eval_answer"
    assert "gives its answer, but for a few words (similarity 0.9" in finding["problem"]


@pytest.fixture
def policy(repository):
    """Writes the shipped policy with other limits of this gate; gives back its path."""

    def write(**limits):
        policy = json.loads(repository.read_text("config/intelligence_v4.policy.json"))
        policy["gates"] = {"contamination": limits}
        repository.write("other.json", json.dumps(policy))
        return "other.json"

    return write


def test_how_like_is_too_like_says_the_policy(told, policy):
    strict = policy(min_similarity=0.5)

    assert told("blue_ocean") == []
    assert {finding["rule"] for finding in told("blue_ocean", policy=strict)} == {"eval_answer"}


TWENTY = ", ".join(map(str, range(42, 62)))


@pytest.mark.parametrize(
    ("also", "told_of"),
    [((), ""), ((41,), "; so does line 42"), (range(41, 63), f"; so do lines {TWENTY} and 2 more")],
)
def test_stretches_that_nobody_else_has_tell_too_and_all_rows_with_them(told, policy, also, told_of):
    output = answer("synthesis_decision")
    output["primary_constraint"] = "Something entirely different is in the way here."
    finest = policy(min_similarity=0.99, min_answer_share=0.02, min_warned_share=0.01)
    found = told("synthesis_decision", 40, output, policy=finest, also=also)

    (finding,) = [finding for finding in found if finding["problem"].startswith("eval case agency_eval_01")]
    assert (finding["rule"], finding["line"]) == ("eval_answer", 41)
    assert "13-word stretches of its answer, which nobody else has: " in finding["problem"]
    assert finding["problem"].endswith("completely down to the bill" + told_of)


def test_a_case_that_a_row_is_reported_for_is_not_reported_again(told, policy):
    finest = policy(min_answer_share=0.02, min_warned_share=0.01)
    found = told("synthesis_decision", 40, answer("synthesis_decision"), policy=finest)

    (of_the_row,) = [finding["problem"] for finding in found if finding["line"] == 41]
    assert of_the_row.startswith("eval case agency_eval_01: the row gives its answer: ")


def test_a_cases_question_shows_what_is_asked(told):
    """Not what the row answers: that may be anything."""
    given, _ = cases("blue_ocean")[0]
    (finding,) = told(
        "blue_ocean", 40, given={name: given[name] for name in ("context", "evidence_index", "industry")}
    )

    assert (finding["rule"], finding["pointer"]) == ("eval_question", "/input/evidence_index/refs")
    assert finding["problem"] == (
        "eval case agency_eval_01: the row asks what it asks: the same context and signals, industry agency"
    )
    assert finding["value"].startswith('[\\"bucket:') or finding["value"].startswith('["bucket:')


def test_what_is_private_in_a_case_is_not_quoted(told, repository):
    path = "evals/cases/agency_eval_01.json"
    case = json.loads((ROOT / path).read_text())
    output = case["gold"]["blue_ocean"]["output"]
    output["capacity_guardrail_statement"] = f"Before any capacity is sold, ask ghp_{'a1B2' * 9} about it."
    repository.write(path, json.dumps(case))
    row = {name: value for name, value in output.items() if name not in OWN}
    (finding,) = told("blue_ocean", 40, row)

    assert finding["problem"].endswith("gives its answer: (not shown: it looks private)")
