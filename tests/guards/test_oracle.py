"""The original's verdicts, where they are at hand."""

import gzip

import pytest

from ftv4.contracts.jsontext import loads
from ftv4.guards.decision import decision_errors
from tests.conftest import SHARED
from tests.guards.build import codes, guards, scanning

ORACLE = SHARED / "data" / "oracle"
pytestmark = pytest.mark.skipif(not ORACLE.exists(), reason="the original's verdicts are not at hand")


def cases(name):
    opened = gzip.open if name.endswith(".gz") else open
    with opened(ORACLE / name, "rb") as lines:
        return [loads(line) for line in lines]


def test_every_payload_gets_the_recorded_codes():
    compiled, wrong = guards(), []
    for case in cases("guards.jsonl.gz"):
        doctrine = codes(compiled.doctrine(case["payload"], case["stage"]))
        drift = codes(compiled.drift(case["payload"], case["stage"]))
        same_drift = bool(drift) if case["drift_throws"] else drift == case["drift_codes"]
        if doctrine != case["global_codes"] or not same_drift:
            wrong.append((case["stage"], case["mutation"], doctrine, drift))

    assert wrong == []


def test_the_compatible_leak_scan_hits_what_was_recorded():
    scan = scanning("any")
    wrong = [
        case["mutation"]
        for case in cases("leak_scan.jsonl")
        if [{"kind": hit.kind, "sample": hit.sample} for hit in scan.leaks(case["payload"])] != case["hits"]
    ]

    assert wrong == []


def test_every_decision_gets_the_recorded_errors():
    wrong = []
    for case in cases("decision_grader.jsonl.gz"):
        errors = list(decision_errors(case["payload"]))
        if not errors if case["throws"] else errors != case["errors"]:
            wrong.append((case["mutation"], errors))

    assert wrong == []
