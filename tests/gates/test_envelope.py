"""What stands around input and output: the `Row` contract, ids, labels, grades and approvals."""

import json
from datetime import date

import orjson
import pytest

from benchmarks.planting import Field
from ftv4.gates import envelope
from ftv4.gates.envelope import SHOWN
from ftv4.stages import STAGES
from ftv4.steps.gate import judge
from tests.conftest import SHARED
from tests.gates.build import approved_by, lines, row, sealed, varied
from tests.steps.test_gate import unzipped

QUANT = STAGES["quant_signals"]
TODAY = date(2026, 11, 30)


def findings(repository, *rows, today=TODAY):
    repository.write("rows.jsonl", lines(*rows))
    policy = repository.policy()
    return judge(repository, "rows.jsonl", QUANT, policy, only=("envelope",), today=today).findings


def told(found):
    return [(one.rule, one.severity, one.line, one.pointer, one.problem) for one in found]


def whole(**members):
    """An approved row with members set; what is None is left out."""
    return {key: value for key, value in (approved_by("jo", row()) | members).items() if value is not ...}


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"id": 5}, "/id"),
        ({"id": ...}, "/id"),
        ({"id": "../../escape"}, "/id"),
        ({"id": "run:run-1"}, "/id"),
        ({"id": "run:a/b/stage:quant_signals"}, "/id"),
        ({"id": "run:run-1/stage:quant_signals\n"}, "/id"),
        ({"industry": None}, "/industry"),
        ({"industry": ""}, "/industry"),
        ({"client_id": ...}, "/client_id"),
        ({"created_at": "yesterday"}, "/created_at"),
        ({"created_at": "2026-02-30T09:00:00.000Z"}, "/created_at"),
        ({"created_at": 5}, "/created_at"),
        ({"approved": "true"}, "/approved"),
        ({"notes": ["fine"]}, "/notes"),
        ({"model": {"model_id": "m"}}, "/model/prompt_version"),
        ({"model": "m"}, "/model"),
        ({"grades": {"schema": "pass", "doctrine": "pass"}}, "/grades/drift"),
        ({"grades": {"schema": "pass", "doctrine": "pass", "drift": "good"}}, "/grades/drift"),
        ({"approval": "jo"}, "/approval"),
        (
            {"approval": {"reviewer": "jo", "reviewed_at": "x", "output_sha256": "0" * 64}},
            "/approval/reviewed_at",
        ),
        ({"more": 1}, "/more"),
    ],
)
def test_threat_52_a_row_is_closed_to_its_last_member(repository, members, pointer):
    one, *_ = findings(repository, whole(), whole(**{"id": "run:run-2/stage:quant_signals"} | members))

    assert told([one])[0][:4] == ("row_invalid", "error", 2, pointer)


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"created_at": "2026-02-09T19:03:27+01:00"},
        {"notes": 'a "quoted" note'},
        {"approved": False, "approval": ...},
        {"created_at": "2024-02-29T00:00:00.000Z"},
    ],
)
def test_a_sound_row_is_clean(repository, members):
    one = whole(**members)

    assert findings(repository, one) == ()
    assert findings(repository, json.dumps(one).encode()) == ()


def test_many_problems_of_one_row_are_listed_up_to_a_limit_and_counted_past_it(repository):
    found = findings(repository, whole() | {f"more{number:02}": 1 for number in range(SHOWN + 7)})

    assert len(found) == SHOWN + 1
    assert found[-1].problem == "and 7 more problems around this row"


def test_ids_that_come_again_are_told_once_each(repository, monkeypatch):
    monkeypatch.setattr("ftv4.gates.ids.TOGETHER", 4)
    rows = [whole(id=f"run:run-{number}/stage:quant_signals") for number in (1, 2, 3, 1, 2, 1, 1, 1, 1, 1, 4)]

    assert told(findings(repository, *rows)) == [
        ("repeated_id", "error", 4, "/id", "the id of line 1 again: lines 4, 6, 7, 8, 9 and 1 more"),
        ("repeated_id", "error", 5, "/id", "the id of line 2 again: line 5"),
    ]


@pytest.mark.parametrize("label", ["propane", "HVAC", "hva\N{CYRILLIC SMALL LETTER ES}", "hvac "])
def test_B1_an_industry_is_the_inputs_to_the_letter(repository, label):
    """B1: made-up labels, or letters that only look alike, made several industries of one."""
    (one,) = findings(repository, whole(industry=label))

    assert told([one]) == [
        ("relabelled_row", "error", 1, "/industry", "not the input's industry, which is hvac")
    ]


def test_a_client_is_the_inputs_too(repository):
    assert [one.rule for one in findings(repository, whole(client_id="another"))] == ["relabelled_row"]


@pytest.mark.parametrize(("approved", "rules"), [(True, ["failed_grade"]), (False, [])])
def test_an_approved_row_fails_no_grade(repository, approved, rules):
    one = whole(approved=approved)
    one["grades"] = one["grades"] | {"drift": "fail"}

    assert [(one.rule, one.pointer) for one in findings(repository, one)] == [
        (rule, "/grades/drift") for rule in rules
    ]


def test_rows_that_nobody_in_particular_approved_are_one_warning(repository):
    rows = [
        one | {"id": f"run:run-{number}/stage:quant_signals"} for number, one in enumerate([row()] * 7, 2)
    ]

    assert told(
        findings(repository, whole(), *rows, row(approved=False, id="run:x/stage:quant_signals"))
    ) == [
        (
            *("approval_missing", "warning", 2, "/approval"),
            "rows that are approved, and don't say by whom, and what: 7, lines 2, 3, 4, 5, 6 and 2 more",
        )
    ]


@pytest.mark.parametrize("member", ["created_at", "reviewed_at"])
@pytest.mark.parametrize("moment", ["2099-01-01T00:00:00.000Z", "2026-12-02", "9999-12-31T00:00:00+00:00"])
def test_dates_in_the_future_are_one_warning(repository, member, moment):
    one = whole()
    (one if member == "created_at" else one["approval"])[member] = moment

    assert told(findings(repository, one)) == [
        ("future_date", "warning", 1, "", "rows that were made or approved in the future: 1, line 1")
    ]
    assert findings(repository, one, today=None) == ()


def test_what_is_no_row_at_all_is_others_business(repository):
    assert findings(repository, b"null", b"5", b"[]", b"{") == ()


def spoiled():
    """Rows as the tools write them, with something spoilt in the text of each."""
    field = Field(QUANT, 3, 40)
    for place, one in enumerate(map(orjson.dumps, field.rows)):
        for old, new in (
            (b'"industry":"', b'"industry":"x'),
            (b'"output":', b'"more":1,"output":'),
            (b'"output":', b'"outputs":'),
            (b'"pass"', b'"fail"'),
            (b'"created_at":"2026-07-01', b'"created_at":"2026-02-30'),
            (b'},"grades":', b'},"extra":{"grades":1},"grades":'),
            (b'"notes":"', b'"notes":"},\\"grades\\":{\\"schema\\":\\"pass\\",'),
            (b'"input":', b'"id":5,"input":'),
            (b"}}", b'},"late":1}'),
        ):
            yield one.replace(old, new, 1) if place % 2 else new.join(one.rsplit(old, 1))
        yield one


def test_what_the_bytes_clear_is_clean_when_it_is_read(repository, monkeypatch):
    rows = list(spoiled())
    screened = findings(repository, *rows)
    monkeypatch.setattr(envelope, "_days_of_a_plain_row", lambda raw, row: ())

    assert findings(repository, *rows) == screened
    assert len({one.pointer for one in screened}) > 7


@pytest.mark.skipif(not SHARED.exists(), reason="the real rows are not at hand")
@pytest.mark.parametrize("stage", STAGES.values(), ids=list(STAGES))
def test_the_node_tools_own_rows_are_sound(repository, stage):
    name = stage.dataset.rpartition("/")[2]
    repository.write("rows.jsonl", unzipped(SHARED / "data" / "rows" / name))
    report = judge(repository, "rows.jsonl", stage, repository.policy(), only=("envelope",), today=TODAY)

    assert report.findings == ()


def test_the_command_knows_what_day_it_is(repository, ftv4, monkeypatch):
    monkeypatch.setenv("FTV4_NOW", "2026-11-30T12:00:00+00:00")
    one = whole()
    one["approval"] = one["approval"] | {"reviewed_at": "2026-12-02T00:00:00.000Z"}
    repository.write("rows.jsonl", lines(one))

    assert "future_date" in ftv4("gate", "rows.jsonl", "--only=envelope").out
    monkeypatch.setenv("FTV4_NOW", "2026-12-01T12:00:00+00:00")
    assert "future_date" not in ftv4("gate", "rows.jsonl", "--only=envelope").out


def test_all_of_it_is_asked_by_the_gate(repository):
    rows = sealed(varied(42, "quant_signals"))
    rows[3]["industry"] = "propane"
    rows[4]["id"] = rows[5]["id"]
    repository.write("rows.jsonl", lines(*rows))
    report = judge(repository, "rows.jsonl", QUANT, repository.policy())

    assert {one.rule for one in report.findings} >= {"relabelled_row", "repeated_id"}
    assert report.accepted_rows == 42
