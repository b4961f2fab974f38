"""`ftv4 contracts`: payloads in, one verdict a line out."""

import io
import json
import sys

import pytest

from tests.stages.bounds import BOUNDS

GOOD = BOUNDS["quant_signals", "input"].sample()
ANSWER = BOUNDS["quant_signals", "output"].sample()


@pytest.fixture
def ask(ftv4, repository, monkeypatch):
    """Judge bytes from stdin: `ask(b"…", "--side", "output")` → code, verdicts, stderr."""

    def call(text, *arguments, side="input"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
        done = ftv4("contracts", "validate", "--stage", "quant_signals", "--side", side, *arguments)
        return done.code, [json.loads(line) for line in done.out.splitlines()], done.err

    return call


def line(payload, **changes):
    return json.dumps(payload | changes).encode() + b"\n"


def test_payloads_that_fit_are_ok(ask):
    code, verdicts, _ = ask(line(GOOD) * 3)

    assert code == 0
    assert verdicts == [{"line": number, "ok": True, "errors": []} for number in (1, 2, 3)]


def test_each_problem_has_a_pointer_and_a_sentence_and_the_exit_code_is_3(ask):
    code, verdicts, err = ask(line(GOOD) + line(GOOD, run_id=7, extra=1))

    assert code == 3
    assert verdicts[1] == {
        "line": 2,
        "ok": False,
        "errors": [
            {"pointer": "/run_id", "problem": "Input should be a valid string"},
            {"pointer": "/extra", "problem": "Extra inputs are not permitted"},
        ],
    }
    assert err == "error: 1 of 2 payloads break the contract of quant_signals input\n"


def test_blank_lines_are_counted_and_say_nothing(ask):
    _, verdicts, _ = ask(b"\n \t\r\n" + line(GOOD) + b"\n" + line(GOOD))

    assert [verdict["line"] for verdict in verdicts] == [3, 5]


@pytest.mark.parametrize(("space", "code"), [("\ufeff", 3), ("\u00a0", 3), ("\u2028", 3), (" \t", 0)])
def test_only_the_white_space_of_json_may_stand_around_a_payload(ask, space, code):
    assert ask(space.encode() + line(GOOD).rstrip() + space.encode() + b"\r\n")[0] == code


@pytest.mark.parametrize(
    "broken", [b"{", b"NaN", b'{"a":1,}', b'"\xff"', b'{"a":"\x01"}', b"[" * 5000, b"{} {}", b"\xef\xbb"]
)
def test_C1_a_malformed_line_is_a_verdict_and_the_next_line_is_judged(ask, broken):
    code, verdicts, _ = ask(broken + b"\n" + line(GOOD))

    assert code == 3
    assert verdicts[0]["ok"] is False
    assert verdicts[0]["errors"][0]["pointer"] == ""
    assert verdicts[0]["errors"][0]["problem"].startswith("not JSON: ")
    assert verdicts[1] == {"line": 2, "ok": True, "errors": []}


@pytest.mark.parametrize("value", [b"null", b"[]", b"7", b'"text"', b"true"])
def test_C1_a_value_that_is_no_object_is_a_verdict(ask, value):
    code, verdicts, _ = ask(value + b"\n")

    assert code == 3
    assert verdicts[0]["errors"][0]["pointer"] == ""


def test_a_separator_inside_a_string_does_not_end_a_line(ask):
    text = json.dumps(GOOD | {"run_id": "a\u2028b\u0085c"}, ensure_ascii=False).encode()

    assert ask(text + b"\n")[0] == 0


def test_verdicts_are_ascii_whatever_the_keys_are(ask):
    _, verdicts, _ = ask(b'{"\\ud83d \xe2\x80\xae": 1}\n')

    assert verdicts[0]["errors"][-1]["pointer"] == "/\ufffd \u202e"


def test_a_file_is_judged_like_stdin(ftv4, repository):
    repository.write("answers.jsonl", line(ANSWER) + line(GOOD))

    done = ftv4("contracts", "validate", "--stage=quant-signals", "--side=output", "answers.jsonl")

    assert done.code == 3
    assert [json.loads(verdict)["ok"] for verdict in done.out.splitlines()] == [True, False]


def test_guards_report_beside_the_contract_and_do_not_change_its_verdict(ask):
    signals = [ANSWER["signals"][0] | {"label": "a KPI to hire for, ask pat@example.com"}] * 3
    code, verdicts, _ = ask(line(ANSWER) + line(ANSWER, signals=signals) + b"{\n", "--guards", side="output")

    assert code == 3
    assert (verdicts[0]["global_codes"], verdicts[0]["drift_codes"], verdicts[0]["leaks"]) == ([], [], [])
    assert verdicts[1] == {
        "line": 2,
        "ok": True,
        "errors": [],
        "global_codes": ["forbidden_vocabulary", "raw_data_exposure"],
        "drift_codes": ["stage_drift"],
        "leaks": [{"kind": "email", "sample": "a KPI to hire for, ask pat@example.com"}],
    }
    assert (verdicts[2]["global_codes"], verdicts[2]["drift_codes"], verdicts[2]["leaks"]) == ([], [], [])


def test_the_guards_read_the_policy_that_is_named(ask, repository):
    policy = json.loads(repository.read_text("config/intelligence_v4.policy.json"))
    policy["forbidden_vocabulary"] = ["aaaa"]
    repository.write("other.json", json.dumps(policy))
    payload = line(GOOD, client_id="kpi", run_id="aaaa")

    shipped = ask(payload, "--guards")[1][0]["global_codes"]
    named = ask(payload, "--guards", "--policy", "other.json")[1][0]["global_codes"]

    assert (shipped, named) == (["forbidden_vocabulary"], ["forbidden_vocabulary"])
    clean = ask(line(GOOD, client_id="kpi"), "--policy=other.json", "--guards", "-")[1][0]
    assert clean["global_codes"] == []


@pytest.mark.parametrize("stage", ["toString", "constructor", "__proto__", "quant", ""])
def test_E5_a_stage_is_one_of_the_five(ftv4, stage):
    done = ftv4("contracts", "schema", "--stage", stage, "--side", "input")

    assert done.code == 2
    assert "quant_signals" in done.err


@pytest.mark.parametrize(("stage", "side"), BOUNDS, ids=map("-".join, BOUNDS))
def test_a_schema_is_printed(ftv4, stage, side):
    whole = json.loads(ftv4("contracts", "schema", "--stage", stage, "--side", side).out)
    strict = json.loads(
        ftv4("contracts", "schema", "--stage", stage, "--side", side, "--strict-for", "fine-tuned").out
    )

    assert whole["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert whole["additionalProperties"] is strict["additionalProperties"] is False
    assert "minLength" in json.dumps(whole)
    assert "minLength" not in json.dumps(strict)
