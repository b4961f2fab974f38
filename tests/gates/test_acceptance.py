import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftv4.gates.acceptance import FIXES, SHOWN, Acceptance, start
from ftv4.gates.ambiguity import FIXES as AMBIGUOUS
from ftv4.gates.question import Ask, Judged
from ftv4.stages import STAGES
from tests.gates.build import approved_by, heard, row
from tests.guards.build import SHIPPED, guards

COMPILED = guards()


def judge(value, stage="quant_signals", approved_only=True):
    """What the value is rejected for; None when it is accepted."""
    return next(iter(broken(value, stage, approved_only)), None)


def broken(value, stage="quant_signals", approved_only=True):
    return Acceptance(STAGES[stage], COMPILED, approved_only).judge(value)


def edited(stage="quant_signals", **members):
    """A row of which an output member is set: `edited(primary_constraint="…")`."""
    whole = row(stage)
    whole["output"] |= members
    return whole


def found(rejection):
    return (rejection.reason, [problem.pointer for problem in rejection.problems])


@pytest.mark.parametrize("stage", STAGES)
def test_a_good_row_of_every_stage_is_accepted(stage):
    assert judge(row(stage), stage) is None
    assert judge(approved_by("jo", row(stage)), stage) is None


@pytest.mark.parametrize("approved", [False, None, 1, "true", "yes", [], {}])
def test_only_true_approves(approved):
    assert found(judge(row(approved=approved))) == ("not_approved", ["/approved"])
    assert judge(row(approved=approved), approved_only=False) is None


@pytest.mark.parametrize("value", [None, 5, 1.5, "text", True, [], [row()]])
@pytest.mark.parametrize("approved_only", [True, False])
def test_C1_a_line_that_is_no_object_is_a_rejection_not_a_crash(value, approved_only):
    """C1: `null` crashed the Node tool."""
    assert judge(value, approved_only=approved_only).reason == "missing_input_or_output"


@pytest.mark.parametrize(("side", "missing"), [("input", "no input"), ("output", "no output")])
def test_both_sides_must_be_there(side, missing):
    whole = row()
    del whole[side]

    assert missing in judge(whole).problem
    assert judge(row(**{side: None})).reason == f"{side}_schema_version_mismatch"


@pytest.mark.parametrize("side", ["input", "output"])
@pytest.mark.parametrize("payload", [None, [], "x", {}, {"schema_version": None}, {"schema_version": ["v1"]}])
def test_anything_but_the_stages_version_is_a_mismatch(side, payload):
    assert found(judge(row(**{side: payload}))) == (
        f"{side}_schema_version_mismatch",
        [f"/{side}/schema_version"],
    )


def test_last_years_version_is_named_with_todays():
    rejection = judge(edited(schema_version="quant_signals_v0"))

    assert rejection.problem == "says quant_signals_v0; this ftv4 trains on quant_signals_v1"
    assert "datasets build" in FIXES[rejection.reason]


def test_every_problem_of_a_contract_is_listed_where_it_is():
    whole = edited(confidence="sure", **{"a/b": 1})
    whole["output"]["signals"][1]["direction"] = "sideways"

    assert found(judge(whole)) == (
        "output_schema_invalid",
        ["/output/confidence", "/output/signals/1/direction", "/output/a~1b"],
    )


def test_raw_numbers_keep_their_meaning():
    whole = row()
    whole["input"]["data_limits"]["max_records"] = 9e1

    assert judge(whole) is None


def test_words_are_looked_for_on_both_sides():
    whole = row()
    whole["input"]["context"]["notes"] = ["see the dashboard"]
    whole["output"]["data_quality"]["notes"] = ["see the kpi"]

    assert found(judge(whole)) == (
        "doctrine_guard_failed",
        ["/input/context/notes/0", "/output/data_quality/notes/0"],
    )


def test_A3_a_leak_is_refused_and_prose_is_not():
    """A3: prose about customers is trained on."""
    leak, prose = row(), row()
    leak["output"]["data_quality"]["notes"] = ["fine", "name: Jo Smith"]
    prose["output"]["data_quality"]["notes"] = ["clearer customer expectations"]

    assert found(judge(leak)) == ("raw_leak_scan_failed", ["/output/data_quality/notes/1"])
    assert judge(prose) is None


def test_a_leak_is_named_and_not_repeated():
    whole = row()
    whole["output"]["data_quality"]["notes"] = ["write to jo@example.com"]

    assert judge(whole).problem == "looks like raw data: possible_email_exposure"
    whole["output"]["data_quality"]["notes"] = ["email: jo"]
    assert judge(whole).problem == "looks like raw data: raw_row_hint"


@pytest.mark.parametrize(
    ("text", "rule", "advice"),
    [
        ("write to jo@example.com", "doctrine_guard_failed", "raw_leak_scan_failed"),
        ("email: jo", "raw_leak_scan_failed", "raw_leak_scan_failed"),
        ("see the dashboard", "doctrine_guard_failed", "doctrine_guard_failed"),
    ],
)
def test_raw_data_has_to_go_and_words_can_be_said_otherwise(text, rule, advice):
    whole = row()
    whole["output"]["data_quality"]["notes"] = [text]
    question = start(Ask("rows.jsonl", STAGES["quant_signals"], SHIPPED))

    (finding,) = heard(question, Judged(1, whole, None, judge(whole), False))

    assert (finding.rule, finding.fix) == (rule, FIXES[advice])


def test_B6_words_of_another_stage_are_refused():
    """B6: the Node tool trained on "hire", "software", "tool" and "scale"."""
    for word in ("hire", "software", "tool", "scale"):
        rejection = judge(
            edited("emyth_owner_load", why_it_feels_heavy=f"Nothing but a {word} is missing here."),
            "emyth_owner_load",
        )

        assert found(rejection) == ("stage_drift_failed", ["/output/why_it_feels_heavy"])


def test_drift_words_in_the_input_are_another_stages_business():
    whole = row()
    whole["input"]["context"]["notes"] = ["they should hire"]

    assert judge(whole) is None


def test_B6_a_move_without_a_capacity_is_refused():
    """B6: no drift guard ran before training."""
    whole = row("blue_ocean")
    whole["output"]["asymmetric_moves"][1]["capacity_check"] = "It fits within the week."

    rejection = judge(whole, "blue_ocean")

    assert found(rejection) == ("stage_drift_failed", ["/output/asymmetric_moves/1/capacity_check"])


def test_B6_a_decision_that_fails_its_own_checks_is_refused():
    """B6: row grades were read by nobody."""
    whole = edited("synthesis_decision", language_checks={"passed": False, "forbidden_terms_found": []})

    assert found(judge(whole, "synthesis_decision")) == ("decision_failed", ["/output"])


def test_E9_an_edit_after_the_approval_is_refused():
    """E9: an approval holds for the output it was given to."""
    whole = approved_by("jo", row())
    whole["output"]["confidence"] = "high"

    assert judge(whole).reason == "edited_after_approval"
    assert judge(approved_by("jo", whole)) is None


@pytest.mark.parametrize("approval", [True, "yes", {}, {"output_sha256": None}, {"output_sha256": ["x"]}, []])
def test_E9_an_approval_that_names_no_output_is_none(approval):
    assert judge(row(approval=approval)).reason == "edited_after_approval"


def test_the_hash_of_an_approval_does_not_depend_on_how_a_row_is_written():
    whole = approved_by("jo", row())
    whole["output"] = dict(reversed(whole["output"].items()))
    whole["output"]["data_limits"]["row_limit_applied"] = float(
        whole["output"]["data_limits"]["row_limit_applied"]
    )

    assert judge(whole) is None


FAULTS = {
    "not_approved": lambda it: it.update(approved=False),
    "missing_input_or_output": lambda it: it.pop("input"),
    "input_schema_version_mismatch": lambda it: it["input"].update(schema_version="v0"),
    "output_schema_version_mismatch": lambda it: it["output"].update(schema_version="v0"),
    "input_schema_invalid": lambda it: it["input"].update(extra=1),
    "output_schema_invalid": lambda it: it["output"].update(extra=1),
    "doctrine_guard_failed": lambda it: it["input"]["data_limits"].update(notes=["a kpi"]),
    "raw_leak_scan_failed": lambda it: it["input"].update(client_id="name: Jo"),
    "stage_drift_failed": lambda it: it["output"].update(owner_choice_prompt="Choose what to monitor next."),
    "decision_failed": lambda it: it["output"]["language_checks"].update(passed=False),
    "edited_after_approval": lambda it: it.update(approval={"output_sha256": "0" * 64}),
}


@given(st.sets(st.sampled_from(list(FAULTS)), min_size=1))
@settings(max_examples=150, deadline=None)
def test_the_first_broken_rule_names_the_reason(reasons):
    whole = row("synthesis_decision")
    for reason in sorted(reasons - {"missing_input_or_output"}):
        FAULTS[reason](whole)
    if "missing_input_or_output" in reasons:
        whole.pop("input")

    assert judge(whole, "synthesis_decision").reason == next(reason for reason in FAULTS if reason in reasons)


TOLD_TOGETHER = [reason for reason in FAULTS if reason not in ("not_approved", "missing_input_or_output")]


@pytest.mark.parametrize("hidden", ["", "input", "output"])
def test_all_broken_rules_are_told_in_one_pass(hidden):
    """Each push would else uncover the next of them; what a side of another version says is judged, too."""
    told = [reason for reason in TOLD_TOGETHER if f"{hidden}_schema" not in reason]
    whole = row("synthesis_decision")
    for reason in told:
        if not (reason.endswith("_mismatch") and not hidden):
            FAULTS[reason](whole)

    found = {rejection.reason for rejection in broken(whole, "synthesis_decision")}

    wanted = {reason for reason in told if hidden or not reason.endswith("_mismatch")}
    other = "output" if hidden == "input" else "input"
    assert found == wanted - ({f"{other}_schema_invalid"} if hidden else set())


def test_a_row_of_another_stage_is_told_that_and_nothing_of_rules_it_never_had():
    """A signals row among decisions has no actions, and no decision that could hold together."""
    found = broken(row("quant_signals"), "synthesis_decision")

    assert [one.reason for one in found] == [
        "input_schema_version_mismatch",
        "output_schema_version_mismatch",
    ]
    assert all("as rows of quant_signals do" in one.problem for one in found)


def test_a_row_without_a_side_is_judged_by_the_other():
    whole = edited(confidence="sure")
    del whole["input"]

    assert [found.reason for found in broken(whole)] == ["missing_input_or_output", "output_schema_invalid"]


def test_a_hidden_word_is_told_beside_a_plain_leak():
    whole = edited()
    whole["output"]["data_quality"]["notes"] = ["name: Jo Smith", "see the dash\u200bboard"]

    assert [found.reason for found in broken(whole)] == ["doctrine_guard_failed", "raw_leak_scan_failed"]


def test_every_reason_has_a_fix():
    assert set(FAULTS) | {"malformed_line", "line_too_long"} | set(AMBIGUOUS) == set(FIXES)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
PATHS = st.lists(st.integers(0, 5), min_size=1, max_size=5)


@given(JSON, PATHS, st.sampled_from(list(STAGES)))
@settings(max_examples=300, deadline=None)
def test_anything_anywhere_in_a_row_is_judged_not_thrown_at(junk, path, stage):
    whole = spot = copy.deepcopy(row(stage))
    for step in path:
        keys = (
            list(spot) if isinstance(spot, dict) else list(range(len(spot))) if isinstance(spot, list) else []
        )
        if not keys:
            break
        parent, key = spot, keys[step % len(keys)]
        spot = parent[key]
    parent[key] = junk

    assert all(found.reason in FIXES and found.problem for found in broken(whole, stage, False))


def answer(*rows, stage="quant_signals"):
    question = start(Ask("rows.jsonl", STAGES.get(stage), SHIPPED))
    seen = [
        finding
        for number, one in enumerate(rows, 1)
        for finding in heard(question, shown(number, one, stage))
    ]
    return seen + list(question.end())


def shown(number, value, stage):
    rejection, *further = (broken(value, stage) if stage in STAGES else ()) or (None,)
    return Judged(number, value, None, rejection, stage in STAGES and rejection is None, None, tuple(further))


def test_problems_of_one_row_are_listed_up_to_a_limit_and_counted_past_it():
    whole = edited(**{f"key{number:02}": 1 for number in range(SHOWN + 7)})

    findings = answer(whole)

    assert len(findings) == SHOWN + 1
    assert findings[-1].problem == "and 7 more problems in this row"
    assert {finding.line for finding in findings} == {1}


def test_the_first_problem_of_each_rule_is_listed_however_many_another_has():
    whole = edited(**{f"key{number:02}": 1 for number in range(SHOWN + 7)})
    whole["output"]["data_quality"]["notes"] = ["see the dashboard", "name: Jo"]

    findings = answer(whole)

    assert len(findings) == SHOWN + 1
    assert [finding.rule for finding in findings[:3]] == [
        "output_schema_invalid",
        "doctrine_guard_failed",
        "raw_leak_scan_failed",
    ]
    assert findings[-1].problem == "and 9 more problems in this row"


def test_unapproved_rows_are_one_warning_not_a_refusal():
    (finding,) = answer(row(), row(approved=False), row(approved=False))

    assert (finding.rule, finding.severity, finding.line) == ("not_approved", "warning", 2)
    assert finding.problem == "rows that are not approved, and not trained on: 2, lines 2, 3"


def test_the_first_unapproved_rows_are_named_and_the_others_counted():
    (finding,) = answer(row(), *[row(approved=False)] * 9)

    assert finding.problem.endswith("not trained on: 9, lines 2, 3, 4, 5, 6 and 4 more")


def test_rows_of_no_known_stage_are_refused():
    (finding,) = answer(row(), stage="?")

    assert (finding.rule, finding.severity, finding.fix) == ("stage_unknown", "error", "give --stage")


def test_hostile_text_is_encoded():
    whole = edited(schema_version="::error::\n##[add-mask]x\u202e")

    assert judge(whole).problem.startswith(
        r"says \u003a\u003aerror\u003a\u003a\n\u0023\u0023[add-mask]x\u202e;"
    )
