import ast
import json

import pytest

from ftv4.contracts.policy import Policy
from ftv4.gates import GATES
from ftv4.steps import promotion_rules, row_change, tree, waivers
from ftv4.steps.explain import pages
from tests.conftest import ROOT
from tests.guards.build import SHIPPED

TOLD = {page.rule: page for page in pages(SHIPPED)}


def found_in_code():
    """Every rule id that a finding is made with: tables of fixes, literals and constants."""
    for table in (
        *(vars(gate).get("FIXES", {}) for gate in GATES.values()),
        tree.FIXES,
        row_change.FIXES,
        waivers.FIXES,
        promotion_rules.FIXES,
    ):
        yield from table
    for path in [*(ROOT / "ftv4/gates").glob("*.py"), *(ROOT / "ftv4/steps").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("finding", "_finding"):
                yield from (
                    argument.value
                    for argument in node.args[:1]
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                )
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "NOT_A_DATASET":
                yield ast.literal_eval(node.value)


RULES = {rule for rule in found_in_code() if " " not in rule}


def test_every_rule_that_a_finding_names_has_a_page_and_no_page_is_of_another():
    assert sorted(RULES ^ set(TOLD)) == []


@pytest.mark.parametrize("rule", TOLD)
def test_a_page_says_everything(rule):
    page = TOLD[rule]

    assert all((page.wants, page.why, page.bad, page.good, page.fix))
    assert page.wants.endswith(".")
    assert page.why.endswith(".")
    assert page.bad != page.good


def test_the_policys_numbers_are_those_of_the_repository(repository, ftv4):
    path = "config/intelligence_v4.policy.json"
    policy = json.loads(repository.read_text(path)) | {"gates": {"duplicates": {"max_near_share": 0.2}}}
    repository.write(path, json.dumps(policy))

    assert "policy gates.duplicates.max_near_share = 0.2\n" in ftv4("explain", "near_duplicate_share").out
    assert json.loads(ftv4("explain", "near_duplicate_share", "--format=json").out)["policy"] == {
        "gates.duplicates.max_near_share": 0.2
    }


def test_every_number_that_only_ftv4_knows_is_on_a_page():
    named = {name.removeprefix("gates.") for page in TOLD.values() for name in page.policy}
    gates = Policy.model_validate(SHIPPED.model_dump()).gates.model_dump()

    assert {f"{gate}.{name}" for gate, limits in gates.items() for name in limits} <= named


def test_without_a_rule_it_lists_them_all(repository, ftv4):
    done = ftv4("explain")

    assert done.code == 0
    assert all(f"  {rule} " in done.out for rule in TOLD)
    assert [page["rule"] for page in json.loads(ftv4("explain", "--format", "json").out)] == list(TOLD)


def test_a_page_for_people(repository, ftv4, golden):
    golden("explain_duplicate_rows.txt", ftv4("explain", "duplicate_rows").out)


def test_an_unknown_rule_is_refused_with_the_nearest(repository, ftv4):
    done = ftv4("explain", "duplicate_row")

    assert (done.code, done.out) == (2, "")
    assert "no rule duplicate_row" in done.err
    assert "did you mean duplicate_rows" in done.err
    assert "lists them all" in ftv4("explain", "##[error]x").err


def test_the_severity_told_is_the_one_found(repository, ftv4):
    """One rule of each severity, as a finding and as a page."""
    repository.write("stage_quant.jsonl", b'{"approved": false, "input": {}, "output": {}}\nnull\n')
    asked = ("--only=acceptance", "--min-rows=0", "--format=json")
    report = json.loads(ftv4("gate", "stage_quant.jsonl", *asked).out)

    assert {(found["rule"], found["severity"]) for found in report["findings"]} == {
        (rule, TOLD[rule].severity) for rule in ("not_approved", "missing_input_or_output")
    }
    assert {found["fix"] for found in report["findings"]} == {
        TOLD[rule].fix for rule in ("not_approved", "missing_input_or_output")
    }
