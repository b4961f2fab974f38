"""What is wrong with the text of a line: told where it is, all of it, and of no other line."""

import json
import re

import orjson
import pytest

from tests.gates.build import lines, row, varied


def write(repository, *rows, name="train/datasets/stage_synthesis.jsonl"):
    repository.write(name, lines(*rows))
    return name


def found(repository, ftv4, *rows):
    """What `gate` finds by rule, pointer, problem and value; acceptance is asked alone."""
    done = ftv4("gate", write(repository, *rows), "--only=acceptance", "--format=json")
    return [
        tuple(one[name] for name in ("line", "rule", "pointer", "problem", "value"))
        for one in json.loads(done.out)["findings"]
    ]


def test_a_bad_byte_in_one_line_hides_no_other_line(repository, ftv4):
    rows = varied(4)
    rows[3]["output"]["confidence"] = "sure"
    bad = orjson.dumps(rows[1]).replace(b'"notes":"', b'"notes":"caf\xe9')
    zero = orjson.dumps(rows[2]).replace(b'"notes":"', b'"notes":"a\0b')

    one, other, last = found(repository, ftv4, rows[0], bad, zero, rows[3])

    at = bad.index(b"\xe9") + 1
    assert one[:4] == (2, "malformed_line", "", f"not JSON: not UTF-8 text: 0xe9 at byte {at}")
    assert r"\"notes\"\u003a\"caf\ufffd" in one[4]
    assert other[3] == f"not JSON: not UTF-8 text: 0x00 at byte {zero.index(0) + 1}"
    assert last[:3] == (4, "output_schema_invalid", "/output/confidence")


def test_many_lines_that_are_no_text_are_no_dataset(repository, ftv4):
    done = ftv4("gate", write(repository, *varied(2), *[b"\xff"] * 1_001))

    assert (done.code, "not_a_dataset" in done.out) == (3, True)


def test_all_that_is_wrong_with_the_text_of_a_line_is_told(repository, ftv4):
    line = orjson.dumps(varied(1)[0]).decode()
    line = line.replace('"approved":true', '"approved":true,"approved":true').replace('"w1"', "1e999", 1)
    line = line.replace('"notes":""', '"notes":["\\ud83d",NaN,-Infinity]')

    assert [one[1:4] for one in found(repository, ftv4, line.encode())] == [
        ("malformed_line", "/notes/1", "not JSON: NaN is no number"),
        ("duplicate_key", "/approved", "this key stands here more than once"),
        ("number_out_of_range", "/client_id", "a number that not every reader holds exactly: 1e999"),
        ("lone_surrogate", "/notes/0", "half of a character"),
        ("malformed_line", "/notes/2", "not JSON: -Infinity is no number"),
    ]


@pytest.mark.parametrize("number", ["1e999", "9" * 5_000])
def test_a_number_that_no_reader_holds_is_one_finding_that_shows_it(repository, ftv4, number):
    line = orjson.dumps(varied(1)[0]).decode()
    line = re.sub('"max_records":[0-9]+', f'"max_records":{number}', line)

    (one,) = found(repository, ftv4, line.encode())

    shown = number if len(number) < 30 else f"{'9' * 27}..."
    assert one[1:] == (
        "number_out_of_range",
        "/input/data_limits/max_records",
        f"a number that not every reader holds exactly: {shown}",
        "",
    )


def test_a_malformed_line_is_shown_where_it_breaks(repository, ftv4):
    line = orjson.dumps(varied(1)[0])
    at = line.index(b'"grades"')

    (one,) = found(repository, ftv4, line[:at] + b"oops" + line[at:])
    assert one[3] == f"not JSON: Expecting property name enclosed in double quotes at character {at + 1}"
    assert one[4].startswith("...") and r"oops\"grades\"\u003a{\"schema\"" in one[4]

    (one,) = found(repository, ftv4, line[: line.index(b"run-0") + 3])
    assert one[3] == f"not JSON: Unterminated string at character {line.index(b'run:')}"


@pytest.mark.parametrize("far", [50, 1_500])
def test_what_is_private_near_the_spot_of_an_error_is_not_shown(repository, ftv4, far):
    (one,) = found(repository, ftv4, b'{"mail":"jo.canary@example.org","more":"' + b"x" * far + b'",oops}')

    assert (one[1], one[4]) == ("malformed_line", "")


def test_a_line_over_the_limit_names_the_limit(repository, ftv4):
    done = ftv4("gate", write(repository, b"[" * 300_000), "--only=acceptance")

    assert "line_too_long: longer than 262144 bytes (shorten the row, or raise limits.line_bytes" in done.out


@pytest.mark.parametrize("rows", [2, 60])
def test_lines_that_end_with_carriage_returns_are_told_so(repository, ftv4, rows):
    ((line, rule, _, problem, _),) = found(repository, ftv4, lines(*varied(rows)).replace(b"\n", b"\r"))

    assert (line, rule) == (1, "malformed_line" if rows == 2 else "line_too_long")
    assert problem.endswith("; carriage returns stand in it, and a line ends with a line feed")


def test_a_value_stands_as_json_has_it(repository, ftv4):
    whole = row("synthesis_decision")
    whole["input"]["data_limits"]["max_records"] = "90"
    whole["output"]["confidence"] = ""
    whole["output"]["first_30_days"] = whole["output"]["first_30_days"][:3]
    whole["output"]["paths"] = []

    out = ftv4("gate", write(repository, whole), "--only=acceptance").out

    assert '/input/data_limits/max_records: Input should be a valid integer; it says "90" (' in out
    assert """'medium' or 'high'; it says "" (""" in out
    assert "/output/first_30_days: should have at least 5 items, has 3; it says [" in out
    assert "/output/paths: Input should be a valid object; it says [] (" in out


@pytest.mark.parametrize(("refs", "told"), [(..., True), ([], False)])
def test_what_a_rejected_row_cites_is_told_beside_what_else_is_wrong(repository, ftv4, refs, told):
    """Where the question offers something to cite."""
    whole = row("synthesis_decision")
    whole["output"] |= {"confidence": "sure", "evidence_refs": ["bucket:moon:full"]}
    if refs is not ...:
        whole["input"]["evidence_index"]["refs"] = refs
    done = ftv4("gate", write(repository, whole), "--only=acceptance", "--only=grounding", "--format=json")
    rules = {one["rule"] for one in json.loads(done.out)["findings"]}

    assert ("ungrounded_reference" in rules, "output_schema_invalid" in rules) == (told, True)
