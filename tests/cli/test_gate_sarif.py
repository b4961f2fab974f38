"""`ftv4 gate --format sarif`: the shape of SARIF 2.1.0, and rules that say what they want.

SHAPE is what the standard says of the objects we write (OASIS SARIF 2.1.0, errata 01): closed, with the
members that we use, those that it requires marked by `!`.
"""

import json

import pytest

from ftv4.steps.explain import pages
from ftv4.steps.gate_machine import rule_of
from tests.encode.page import acts
from tests.gates.build import lines, row, varied

TEXT = {"text!": str}
MESSAGE = {"text!": str, "markdown": str}
LEVEL = {"none", "note", "warning", "error"}
RULE = {
    "id!": str,
    "shortDescription": TEXT,
    "fullDescription": TEXT,
    "help": MESSAGE,
    "defaultConfiguration": {"level": LEVEL},
    "properties": dict,
}
REGION = {"startLine": int}
LOCATION = {"physicalLocation": {"artifactLocation": {"uri": str}, "region": REGION}}
RESULT = {
    "ruleId": str,
    "ruleIndex": int,
    "level": LEVEL,
    "message!": TEXT,
    "locations": [LOCATION],
    "partialFingerprints": dict,
    "baselineState": {"new", "unchanged", "updated", "absent"},
    "suppressions": [{"kind!": {"inSource", "external"}, "justification": str}],
    "properties": dict,
}
NOTIFICATION = {"level": LEVEL, "message!": TEXT}
RUN = {
    "tool!": {"driver!": {"name!": str, "semanticVersion": str, "rules": [RULE]}},
    "columnKind": {"utf16CodeUnits", "unicodeCodePoints"},
    "invocations": [{"executionSuccessful!": bool, "toolExecutionNotifications": [NOTIFICATION]}],
    "results": [RESULT],
}
LOG = {"$schema": str, "version!": {"2.1.0"}, "runs!": [RUN]}


def misfits(value, shape, where=""):
    """Where a value isn't what a shape says."""
    if isinstance(shape, set):
        yield from [] if value in shape else [where]
    elif isinstance(shape, list):
        for number, item in enumerate(value):
            yield from misfits(item, shape[0], f"{where}/{number}")
    elif isinstance(shape, dict):
        names = {name.removesuffix("!"): inner for name, inner in shape.items()}
        missing = [name[:-1] for name in shape if name.endswith("!") and name[:-1] not in value]
        yield from (f"{where}/{name}" for name in [*missing, *(value.keys() - names)])
        for name in value.keys() & names:
            yield from misfits(value[name], names[name], f"{where}/{name}")
    elif type(value) is not shape:
        yield where


@pytest.fixture
def log(repository, ftv4):
    """A log on a dataset with findings of several gates, about rows and about the file."""
    rows = varied(20)
    rows[3]["output"]["confidence"] = "@octo <b>"
    repository.write("train/datasets/stage_synthesis.jsonl", lines(*rows, rows[5], row(approved=False), b"{"))
    return json.loads(ftv4("gate", "train/datasets/stage_synthesis.jsonl", "--format=sarif").out)


def test_the_log_has_the_shape_of_the_standard(log):
    assert len(log["runs"][0]["results"]) > 5
    assert list(misfits(log, LOG)) == []


@pytest.mark.parametrize(
    "change", [{"version": "2.0"}, {"runs": [{}]}, {"more": 1}, {"runs": [{"tool": {"driver": {}}}]}]
)
def test_another_shape_is_seen(log, change):
    assert list(misfits(log | change, LOG))


def test_each_rule_says_what_it_wants_and_why_and_what_to_do(log, repository):
    told = {page.rule: page for page in pages(repository.policy())}
    rules = log["runs"][0]["tool"]["driver"]["rules"]

    assert len(rules) > 4
    for rule in rules:
        page = told[rule["id"]]
        assert rule["fullDescription"]["text"] == page.wants
        assert rule["defaultConfiguration"]["level"] == page.severity
        for text in rule["help"].values():
            assert page.why in text
            assert page.fix in text
    assert any(" = 40`" in rule["help"]["markdown"] for rule in rules)


def test_no_rule_of_any_gate_has_help_that_acts(repository):
    for page in pages(repository.policy()):
        assert not acts(rule_of(page)["help"]["markdown"])
        assert len(page.wants) < 1000
