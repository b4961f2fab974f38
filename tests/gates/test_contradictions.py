"""What is shown of rows that ask the same and answer differently."""

import json
from copy import deepcopy

import pytest

from benchmarks.corpus import shipped
from benchmarks.planting import approved, named
from tests.gates.build import lines


@pytest.fixture
def told(repository, ftv4):
    """The finding about a copy of the shipped decisions' fifth row, whose output says otherwise."""

    def judge(form="json", **output):
        rows = shipped("synthesis_decision")
        other = deepcopy(rows[4])
        named(other, "again")
        other["output"] |= output
        repository.write("rows.jsonl", lines(*rows, approved(other)))
        out = ftv4("gate", "rows.jsonl", "--only=contradictions", f"--format={form}").out
        return json.loads(out)["findings"] if form == "json" else out

    return judge


def test_both_decisions_are_shown(told):
    before = shipped("synthesis_decision")[4]["output"]["recommended_path"]
    after = "A" if before != "A" else "B"
    (finding,) = told(recommended_path=after)

    assert (finding["rule"], finding["line"], finding["beside"]) == ("contradicting_rows", 109, 5)
    assert (finding["pointer"], finding["value"]) == ("/output/recommended_path", f'"{after}"')
    assert finding["problem"].endswith(f"line 5, which asks the same; there it says {before}")


def test_of_answers_in_other_words_the_first_member_that_differs_is_shown(told):
    """Not the beginning of the output, which says how sure it is."""
    prompt = shipped("synthesis_decision")[4]["output"]["owner_choice_prompt"]
    (finding,) = told(owner_choice_prompt="Which of both will you do?", confidence="low")

    assert (finding["rule"], finding["pointer"]) == ("differing_answers", "/output/owner_choice_prompt")
    assert finding["value"] == '"Which of both will you do?"'
    assert finding["problem"].endswith(f"; there it says {prompt[:100]}")
    (finding,) = told(
        owner_choice_prompt="Which of both will you do?",
        why_it_feels_heavy="It all comes at once, and every part of it waits for you.",
    )
    assert "; 2 members differ, and there the first says " in finding["problem"]


def test_a_private_value_is_shown_of_neither_row(told, repository, ftv4):
    key = f"ghp_{'a1B2' * 9}"
    (finding,) = told(owner_choice_prompt=f"Will you deploy with {key}?")

    assert finding["rule"] == "differing_answers"
    assert key not in json.dumps(finding)

    rows = shipped("synthesis_decision")
    other = deepcopy(rows[4])
    named(other, "again")
    rows[4]["output"]["owner_choice_prompt"] = f"Will you deploy with {key}?"
    repository.write("rows.jsonl", lines(approved(rows[4]), other))
    out = ftv4("gate", "rows.jsonl", "--only=contradictions").out
    assert "there it says (not shown: it looks private)" in out
    assert key not in out


def test_a_sentence_that_ends_gets_no_second_full_stop(told):
    out = told("github", owner_choice_prompt="Which of both will you do.")

    assert 'Which of both will you do." What to do: keep the better answer' in out


@pytest.fixture
def counted(repository, ftv4):
    """The rules and places of findings about a copy of a signals row whose window has other rows in it."""

    def judge(*, also_in_input):
        rows = shipped("quant_signals")
        other = deepcopy(rows[0])
        named(other, "again")
        given = [*rows[0]["input"]["data_limits"]["notes"]]
        counted = ["Window: 2024-02-01..2024-05-01", "Rows in window: 77"] if also_in_input else given
        other["input"]["data_limits"]["notes"] = other["input"]["context"]["notes"] = counted
        rows[0]["output"]["data_quality"]["notes"] += given
        other["output"]["data_quality"]["notes"] += [counted[0], "Rows in window: 77"]
        repository.write("rows.jsonl", lines(approved(rows[0]), *rows[1:], approved(other)))
        only = ("--only=contradictions", "--only=duplicates")
        found = json.loads(ftv4("gate", "rows.jsonl", *only, "--format=json").out)["findings"]
        return [(finding["rule"], finding["pointer"]) for finding in found if finding["line"] == 109]

    return judge


def test_what_was_counted_makes_no_other_answer(counted):
    """The real signals rows differ in little else: 68 of them asked the same and were told apart by it."""
    assert counted(also_in_input=True) == [("duplicate_rows", "")]


def test_a_note_that_the_input_has_not_is_the_answers_own(counted):
    assert ("differing_answers", "/output/data_quality/notes/3") in counted(also_in_input=False)


def test_a_date_is_not_what_differs(repository, ftv4):
    rows = shipped("quant_signals")
    other = deepcopy(rows[0])
    named(other, "again")
    for row, day in ((rows[0], "2025-03-01"), (other, "2025-04-01")):
        row["output"]["data_quality"]["notes"] += [f"Nothing is recorded before {day}."]
    other["output"]["data_quality"]["notes"] += ["Nobody counted calls."]
    repository.write("rows.jsonl", lines(approved(rows[0]), *rows[1:], approved(other)))

    out = ftv4("gate", "rows.jsonl", "--only=contradictions", "--format=json").out

    (finding,) = json.loads(out)["findings"]
    assert finding["pointer"] == "/output/data_quality/notes/3"
    assert "members differ" not in finding["problem"]
