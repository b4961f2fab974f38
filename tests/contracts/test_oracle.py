"""The original's recorded verdicts on 9,807 payloads, where they are at hand."""

import gzip
import json
from collections import defaultdict

import pytest
from jsonschema import Draft202012Validator

from ftv4.contracts import jsontext
from ftv4.stages import STAGES, problems_of
from ftv4.stages.schema import json_schema
from ftv4.steps.contracts import judge_lines
from tests.conftest import SHARED
from tests.stages.bounds import newline_ends

ORACLE = SHARED / "data" / "oracle"
pytestmark = pytest.mark.skipif(not ORACLE.exists(), reason="the original's verdicts are not at hand")


def cases(name):
    with gzip.open(ORACLE / name) as lines:
        return [json.loads(line) for line in lines]


def test_every_payload_gets_the_recorded_verdict():
    wrong = [
        (case["stage"], case["side"], case["mutation"], case["first_error"])
        for case in cases("contracts.jsonl.gz")
        if case["ok"] == bool(problems_of(STAGES[case["stage"]], case["side"], case["payload"]))
    ]

    assert wrong == []


def test_the_printed_schema_gives_the_recorded_verdict():
    validators = {
        (stage.name, side): Draft202012Validator(json_schema(stage, side))
        for stage in STAGES.values()
        for side in ("input", "output")
    }
    wrong = [
        (case["stage"], case["side"], case["mutation"])
        for case in cases("contracts.jsonl.gz")
        if validators[case["stage"], case["side"]].is_valid(case["payload"]) != case["ok"]
        and not newline_ends(case["payload"])
    ]

    assert wrong == []


def read(text, stage, side):
    try:
        return not problems_of(STAGES[stage], side, jsontext.loads(text))
    except jsontext.NotJson:
        return None


@pytest.mark.parametrize("form", [str, str.encode], ids=["text", "bytes"])
def test_every_text_gets_the_recorded_verdict(form):
    wrong = [
        (case["stage"], case["side"], case["mutation"])
        for case in cases("edge_parse.jsonl.gz")
        if bool(read(form(case["text"]), case["stage"], case["side"])) != bool(case["ok"])
    ]

    assert wrong == []


def test_every_line_gets_the_recorded_verdict():
    groups = defaultdict(list)
    for case in cases("edge_parse.jsonl.gz"):
        if "\n" not in case["text"].strip():
            groups[case["stage"], case["side"]].append(case)
    for (stage, side), group in groups.items():
        lines = [case["text"].strip("\n").encode() + b"\n" for case in group]
        verdicts = [verdict["ok"] for verdict in judge_lines(lines, STAGES[stage], side)]
        assert verdicts == [bool(case["ok"]) for case in group]
