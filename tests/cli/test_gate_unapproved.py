"""Rows as the Node tool left them: nobody has approved one, and nearly all say the same."""

import json

import pytest

from ftv4.encode import for_log
from ftv4.stages import STAGES
from tests.conftest import SHARED
from tests.gates.build import INDUSTRIES, approved_by, lines, row, varied
from tests.git_tree import Tree
from tests.steps.test_gate import unzipped

NAME = "train/datasets/stage_synthesis.jsonl"
STAGE = "synthesis_decision"
IF = "if the unapproved rows were approved: "


def left_over(count=60, stage=STAGE):
    """Unapproved rows of five industries and nearly all of one client, which give one answer."""
    for number in range(count):
        one = row(stage, INDUSTRIES[number % 5], approved=False, id=f"run:run-{number}/stage:{stage}")
        if number % 10 == 0:
            one["client_id"] = one["input"]["client_id"] = "w2"
        yield one


@pytest.fixture
def gate(repository, ftv4):
    """Ask the gate about rows; give back its JSON report."""

    def ask(*rows, options=()):
        repository.write(NAME, lines(*rows))
        return json.loads(ftv4("gate", NAME, "--format=json", *options).out)

    return ask


def foreseen(report):
    return {one["rule"]: one for one in report["findings"] if one["problem"].startswith(IF)}


def test_what_approving_them_would_come_to_is_told_before_they_are_approved(gate):
    report = gate(*left_over())
    told = foreseen(report)

    assert {one["severity"] for one in told.values()} == {"warning"}
    assert set(told) == {
        *("duplicate_rows", "repeated_answers", "client_concentration", "same_constraint_prefix_share")
    }
    assert told["duplicate_rows"]["problem"].startswith(f"{IF}says the same as line 1; so do lines 3, 4, 5")
    assert told["duplicate_rows"]["problem"].endswith(" 21 and 39 more")
    errors = [one["rule"] for one in report["findings"] if one["severity"] == "error"]
    assert errors == ["too_few_accepted_rows", "too_few_approved_rows", "too_few_industries"]
    (unapproved,) = [one for one in report["findings"] if one["rule"] == "not_approved"]
    assert unapproved["problem"].endswith("not trained on: 60, lines 1, 2, 3, 4, 5 and 55 more")


def test_an_answer_that_most_rows_give_is_named(gate):
    one = foreseen(gate(*left_over()))["repeated_answers"]["problem"]

    assert one.startswith(
        f"{IF}60 of 60 rows give one answer: 100.0%; at most 35.0%; line 1, and again lines 2, 3, "
    )
    headline = STAGES[STAGE].headline_of(row(STAGE)["output"])
    assert one.endswith(f": {for_log(headline, 120)}")


def test_a_private_answer_is_not_named(gate):
    rows = list(left_over())
    for one in rows:
        one["output"]["primary_constraint"] = "Quotes wait for ghp_canary" + "a1B2c3D4" * 4

    report = gate(*rows)

    assert "repeated_answers" in foreseen(report) and "canary" not in json.dumps(report)


def test_rows_that_would_be_rejected_are_told_once_a_rule(gate):
    rows = list(left_over())
    for one in rows[10:30]:
        one["output"]["confidence"] = "sure"

    one = foreseen(gate(*rows))["output_schema_invalid"]

    assert (one["line"], one["pointer"], one["value"]) == (11, "/output/confidence", '"sure"')
    assert one["problem"].endswith("; and 19 more of output_schema_invalid")


@pytest.mark.parametrize("form", ["text", "markdown", "github", "sarif"])
def test_every_format_tells_it_within_bounds(repository, ftv4, form):
    repository.write(NAME, lines(*left_over()))
    out = ftv4("gate", NAME, f"--format={form}").out

    assert out.count(IF) == 4
    assert "give one answer" in out


def test_where_enough_rows_are_accepted_nothing_is_foreseen(gate):
    enough = [approved_by("jo", one) for one in varied(42)]
    waiting = [one | {"id": f"run:w-{number}/stage:{STAGE}"} for number, one in enumerate(left_over(5))]

    assert foreseen(gate(*enough, *waiting)) == {}
    assert foreseen(gate(*enough[:30], *waiting)) != {}
    assert foreseen(gate(*enough[:30])) == {}


def test_a_change_that_adds_them_is_told_so(repository, ftv4):
    tree = Tree(repository.root)
    config = {f"config/{path.name}": path.read_bytes() for path in repository.path("config").iterdir()}
    base = tree.commit(config)
    tree.commit({NAME: lines(*left_over())})

    (report,) = json.loads(ftv4("gate", "--base", base, "--format=json").out)["reports"]

    assert "repeated_answers" in foreseen(report)


def test_when_all_rows_are_judged_all_are_measured_and_called_so(repository, ftv4, gate):
    report = gate(*left_over(), options=["--approved-only=false"])
    rules = {one["rule"] for one in report["findings"]}
    page = ftv4("gate", NAME, "--approved-only=false", "--format=markdown").out

    assert rules.isdisjoint({"too_few_approved_rows", "too_few_industries", "too_few_accepted_rows"})
    assert (report["diversity"]["summary"]["approved_rows"], report["approved_only"]) == (0, False)
    assert "| of all rows | now | policy |" in page
    assert (
        "| rows | 60 | at least 40 |\n| industries | 5 | at least 4 |\n| largest industry | 20.0% |" in page
    )
    few = gate(*left_over(30), options=["--approved-only=false"])
    assert "Rows, approved or not, 30 below minimum 40." in [one["problem"] for one in few["findings"]]


@pytest.mark.skipif(not SHARED.exists(), reason="the real rows are not at hand")
@pytest.mark.parametrize("stage", STAGES.values(), ids=list(STAGES))
def test_of_the_real_rows_it_says_what_a_person_reading_them_says(repository, ftv4, stage):
    """weaknesses.md B3: 641 rows, 29 of them distinct, none approved, four fifths from one client."""
    repository.write(stage.dataset, unzipped(SHARED / "data" / "rows" / stage.dataset.rpartition("/")[2]))
    report = json.loads(ftv4("gate", stage.dataset, "--format=json").out)
    told = foreseen(report)

    assert report["rejection_reasons"] == {"not_approved": report["total_rows"]}
    assert " rows are copies; without them " in told["duplicate_rows"]["problem"]
    assert "test-client-synth stands behind 513 of 64" in told["client_concentration"]["problem"]
    one_answer = stage.name != "emyth_owner_load"  # there a third of the rows give the most frequent one
    assert any(" rows give one answer: " in finding["problem"] for finding in told.values()) is one_answer
    assert len(report["findings"]) < 16
