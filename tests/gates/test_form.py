"""Threats 48 to 51: what two readers could read differently is refused, at its line and pointer."""

import json
import time
from datetime import date

import orjson
import pytest

from ftv4 import documents
from ftv4.gates.ambiguity import ambiguities
from ftv4.gates.form import LISTED
from ftv4.stages import STAGES
from ftv4.steps import judging
from ftv4.steps.gate import judge
from ftv4.steps.judgement import Terms, judge_file
from ftv4.steps.waivers import WaiverFile
from tests.gates.build import lines, row

QUANT = STAGES["quant_signals"]


def limited(repository, **limits):
    """The shipped policy, but for the limits named."""
    policy = repository.policy()
    return policy.model_copy(update={"limits": policy.limits.model_copy(update=limits)})


def terms(repository, **limits):
    return Terms(limited(repository, **limits), WaiverFile(), date(2026, 11, 22), stage=QUANT)


def judged(repository, *rows, only=("form", "acceptance"), **limits):
    repository.write("rows.jsonl", lines(*rows))
    return judge(repository, "rows.jsonl", QUANT, limited(repository, **limits), only=only)


def told(report):
    return [(finding.rule, finding.line, finding.pointer) for finding in report.findings]


def text(**members):
    return orjson.dumps(row(**members)).decode()


def nested(levels):
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    ("line", "rule", "pointer"),
    [
        (text().replace('"approved":true', '"approved":false,"approved":true'), "duplicate_key", "/approved"),
        (
            text().replace('"input":{', '"input":{"a/b":{"\\u0061":1,"a":2},'),
            "duplicate_key",
            "/input/a~1b/a",
        ),
        (text().replace('"notes":""', '"notes":1e999'), "number_out_of_range", "/notes"),
        (text().replace('"notes":""', f'"notes":[1,{"9" * 19}]'), "number_out_of_range", "/notes/1"),
        (text().replace('"notes":""', f'"notes":-{"9" * 5000}'), "number_out_of_range", "/notes"),
        (text().replace('"notes":""', '"notes":"\\ud83d"'), "lone_surrogate", "/notes"),
        (text().replace('"notes":""', '"notes":{"\\ud83d":1}'), "lone_surrogate", "/notes"),
        (text().replace('"notes":""', f'"notes":{nested(32)}'), "too_deep", "/notes" + "/0" * 31),
    ],
)
def test_what_readers_could_read_differently_is_not_accepted(repository, line, rule, pointer):
    report = judged(repository, row(), line.encode(), row())

    assert (rule, 2, pointer) in told(report)
    assert (report.passed, report.accepted_rows) == (False, 2)


def test_a_fine_tune_asks_for_it_too(repository):
    twice = text().replace('"approved":true', '"approved":false,"approved":true').encode()

    report = judged(repository, twice, only=("acceptance",))

    assert report.rejection_reasons == {"duplicate_key": 1}


@pytest.mark.parametrize(
    "line",
    [
        text(),
        json.dumps(row()),
        json.dumps(row(notes="é 😀 \u2028 {{{[[["), ensure_ascii=False),
        json.dumps(row(notes="é 😀 \u2028")),
        text().replace('"notes":""', f'"notes":"{"9" * 40}"'),
        text().replace('"notes":""', f'"notes":{nested(31)}'),
    ],
)
def test_what_all_readers_read_alike_is_clean(repository, line):
    report = judged(repository, line.encode())

    assert (told(report), report.accepted_rows) == ([], 1)


@pytest.mark.parametrize(
    ("around", "rules"),
    [
        (b"\xef\xbb\xbf%b", ["byte_order_mark"]),
        (b"%b\r", ["carriage_return"]),
        (b"\xef\xbb\xbf%b\r", ["byte_order_mark", "carriage_return"]),
        (b"\xc2\xa0%b", ["stray_space"]),
        (b" %b\t", ["stray_space"]),
    ],
)
def test_bytes_around_a_row_are_named_and_the_row_is_read(repository, around, rules):
    report = judged(repository, around % text().encode())

    assert told(report) == [(rule, 1, "") for rule in rules]
    assert report.accepted_rows == 1


def test_a_file_that_is_odd_in_every_line_gets_a_few_findings(repository):
    report = judged(repository, *[text().encode() + b"\r"] * 50)

    assert len(report.findings) == LISTED + 1
    assert report.findings[-1].problem == f"and {50 - LISTED} more lines"


def test_diversity_alone_says_nothing_of_form(repository):
    report = judged(repository, text().encode() + b"\r", only=("diversity",))

    assert report.diversity.summary.approved_rows == 1
    assert "carriage_return" not in [finding.rule for finding in report.findings]


def test_a_long_line_is_never_parsed(repository):
    report = judged(repository, row(), b"[" * 300_000, row())

    assert told(report) == [("line_too_long", 2, "")]
    assert "longer than 262144 bytes" in report.findings[0].problem


def test_a_line_as_long_as_the_limit_is_read(repository):
    line = text().encode()
    long = line.replace(b'"notes":""', b'"notes":"%b"' % (b"x" * (10_000 - len(line))))

    assert judged(repository, long, line_bytes=10_000).accepted_rows == 1
    assert judged(repository, long, line_bytes=9_999).accepted_rows == 0


def test_an_ambiguity_keeps_few_places():
    raw = b"{" + b",".join(b'"k%d":1,"k%d":2' % (n, n) for n in range(100)) + b"}"

    (twice,) = ambiguities(raw, orjson.loads(raw), 32, False)

    assert len(twice.problems) == 5


@pytest.mark.parametrize(
    "line",
    [b"[" * 2000, b"[[],[],1e999]", b'{"a":1,"a":2}', b'["\\ud83d\\ud83d"]', b"x", b"", b"\xf0\x9f\x98\x80"],
)
def test_threat_50_a_hostile_file_costs_little_and_gives_typed_findings(repository, line):
    """Of 256 KiB; the policy's caps bound what more of the same can cost."""
    repository.write("rows.jsonl", (line + b"\n") * ((1 << 20) // (len(line) + 1) // 4))
    started = time.process_time()
    report = judge_file(repository, "rows.jsonl", terms(repository))

    assert not report.passed
    assert time.process_time() - started < 5


def test_a_file_of_no_rows_is_no_dataset(repository, monkeypatch):
    monkeypatch.setattr(judging, "MOST_BROKEN", 10)
    for line in (b"x", b"0", b"{}", b'{"input":1e999,"output":{}}', b'{"input":{},"input":{},"output":{}}'):
        repository.write("rows.jsonl", (line + b"\n") * 30)

        (finding,) = judge_file(repository, "rows.jsonl", terms(repository)).findings

        assert finding.rule == "not_a_dataset"
        assert finding.problem.startswith("more than 10 lines, or 2 MiB of them, are not JSON, no rows, or")


def test_long_lines_that_are_no_rows_count_by_their_bytes(repository, monkeypatch):
    monkeypatch.setattr(judging, "MOST_BROKEN_BYTES", 1 << 20)
    repository.write("rows.jsonl", (b'{"approved":1,"approved":2,"notes":"' + b"x" * 100_000 + b'"}\n') * 12)

    (finding,) = judge_file(repository, "rows.jsonl", terms(repository)).findings

    assert finding.rule == "not_a_dataset"


def test_more_rows_or_lines_than_are_read_are_no_dataset(repository, monkeypatch):
    repository.write("rows.jsonl", lines(*[row()] * 5))
    few = terms(repository, rows=4)
    assert "more than 4 rows" in judge_file(repository, "rows.jsonl", few).findings[0].problem

    monkeypatch.setattr(documents, "MOST_LINES", 4)
    (finding,) = judge_file(repository, "rows.jsonl", terms(repository)).findings
    assert (finding.rule, finding.line, finding.problem) == ("not_a_dataset", 5, "more than 4 lines")
