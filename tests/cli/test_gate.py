import hashlib
import json
import os
import re
from copy import deepcopy

import pytest

from benchmarks.corpus import shipped
from benchmarks.planting import approved, named
from tests.encode.runner import Runner
from tests.gates.build import lines, row, sealed, varied


def write(repository, *rows, name="train/datasets/stage_synthesis.jsonl"):
    repository.write(name, lines(*rows))
    return name


def spoiled():
    """Rows with one thing wrong each, the way strangers get them wrong."""
    rows = varied(42)
    rows[3]["output"]["confidence"] = "sure"
    rows[3]["output"]["</td>|`@octo/cat`"] = "::error::x"
    rows[8]["input"]["schema_version"] = "stage_input_synthesis_v0"
    rows[12]["output"]["paths"]["A"]["risks"][1] = "Ask name: Jo Smith\u202e, a customer."
    rows[20]["approved"] = False
    return [*sealed(rows), b"{broken", b"", b"null"]


def test_a_good_dataset_passes(repository, ftv4):
    done = ftv4("gate", write(repository, *sealed(varied(42))))

    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "train/datasets/stage_synthesis.jsonl: passed: 42 of 42 rows accepted for synthesis_decision; "
        "approved rows 42, industries 5, largest industry 21.4%, most frequent action 0.5%, "
        "most frequent constraint 14.3%\n"
    )


def test_a_refusal_names_file_line_rule_and_fix_and_exits_4(repository, ftv4):
    done = ftv4("gate", write(repository, *spoiled()))

    assert (done.code, done.err) == (4, "")
    assert (
        "train/datasets/stage_synthesis.jsonl:9: input_schema_version_mismatch: /input/schema_version: says "
        "stage_input_synthesis_v0; this ftv4 trains on stage_input_synthesis_v1 "
        "(build the dataset again with ftv4 datasets build, or give its --stage)\n"
    ) in done.out
    assert done.out.splitlines()[-1].startswith(
        "train/datasets/stage_synthesis.jsonl: refused: 38 of 44 rows"
    )
    assert done.out.isascii()


def test_json_holds_everything(repository, ftv4):
    done = ftv4("gate", write(repository, *spoiled()), "--format", "json")
    report = json.loads(done.out)

    assert done.code == 4
    assert report["passed"] is False
    assert {(finding["line"], finding["rule"]) for finding in report["findings"]} == {
        (4, "output_schema_invalid"),
        (9, "input_schema_version_mismatch"),
        (13, "raw_leak_scan_failed"),
        (21, "not_approved"),
        (43, "malformed_line"),
        (45, "missing_input_or_output"),
        (None, "too_few_accepted_rows"),
    }
    assert set(report["diversity"]) == {"passed", "failures", "summary"}
    assert report["diversity"]["summary"]["approved_rows"] == 41
    assert "/output/<~1td>|`@octo~1cat`" in [finding["pointer"] for finding in report["findings"]]


def test_markdown_is_a_page_that_nothing_from_a_row_can_mark_up(repository, ftv4, golden):
    done = ftv4("gate", write(repository, *spoiled()), "--format", "markdown")

    assert done.code == 4
    golden("gate_refused.md", done.out)


def test_markdown_of_a_passed_dataset(repository, ftv4, golden):
    done = ftv4("gate", write(repository, *sealed(varied(42))), "--format=markdown")

    golden("gate_passed.md", done.out)


def test_people_are_shown_the_first_findings_and_json_has_them_all(repository, ftv4):
    name = write(repository, *[b"x"] * 30)

    assert "and 13 more: 13 malformed_line; --format json lists them all\n" in ftv4("gate", name).out
    assert (
        "and 13 more: 13 malformed_line; `ftv4 gate --format json` lists them all"
        in ftv4("gate", name, "--format=markdown").out
    )
    assert len(json.loads(ftv4("gate", name, "--format=json").out)["findings"]) == 33


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_of_each_rule_people_are_shown_one_however_many_there_are_of_another(repository, ftv4, form):
    name = write(repository, *[b"x"] * 30, *varied(42), varied(1)[0])

    out = ftv4("gate", name, f"--format={form}").out

    assert "malformed_line" in out and "duplicate_rows" in out
    assert re.search(r"and \d+ more: \d+ malformed_line", out)


def test_several_files_get_a_report_each(repository, ftv4):
    good = write(repository, *varied(42))
    done = ftv4("gate", good, write(repository, b"null", name="bad.jsonl"), "--format=json")
    answer = json.loads(done.out)

    assert done.code == 4
    assert answer["passed"] is False
    assert [report["passed"] for report in answer["reports"]] == [True, False]


@pytest.mark.parametrize(
    ("make", "problem", "line"),
    [
        (lambda repository: None, "no such file", None),
        (lambda repository: repository.path("rows.jsonl").mkdir(), "is a directory", None),
        (lambda repository: repository.write("rows.jsonl", b"{a\n\xff\xfe\x00"), "not UTF-8 text", 2),
    ],
)
@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_a_file_that_is_no_dataset_is_reported_and_exits_3(repository, ftv4, make, problem, line, form):
    make(repository)
    done = ftv4("gate", write(repository, *varied(42)), "rows.jsonl", "--format", form)

    assert (done.code, done.err) == (3, "")
    assert problem in done.out
    if form == "json":
        (finding,) = json.loads(done.out)["reports"][1]["findings"]
        assert (finding["rule"], finding["line"], finding["problem"]) == ("not_a_dataset", line, problem)


@pytest.mark.parametrize("name", ["pipe", "/dev/zero"])
def test_what_never_ends_is_refused_at_once(repository, ftv4, name):
    os.mkfifo(repository.path("pipe"))
    done = ftv4("gate", name)

    assert (done.code, done.err) == (3, "")
    assert "not_a_dataset: a pipe or a device, not a file (write what it gives into a file" in done.out
    assert ftv4("ft", "stage", "--stage=blue_ocean", "--suffix=x", "--dataset", name).code == 3


def test_a_file_is_called_as_a_change_with_it_would_have_to_call_it(repository, ftv4):
    """The pull request would be refused for it."""
    done = ftv4("gate", write(repository, *varied(42), name="train/datasets/Stage_Quant2.jsonl"))

    assert done.code == 4
    assert "Stage_Quant2.jsonl: file_name: no name for a dataset; it is not judged (use a-z, 0-9" in done.out
    assert "Quotes wait" not in done.out


@pytest.mark.parametrize("name", ["link.jsonl", "train/datasets/stage_quant.jsonl", "folder/secret.jsonl"])
def test_a_link_is_refused_and_what_it_leads_to_never_shown(repository, ftv4, tmp_path_factory, name):
    """Threat 44: a commit would have the link, not the rows."""
    outside = tmp_path_factory.mktemp("outside") / "secret.jsonl"
    outside.write_bytes(b"root:x:0:0\n")
    link = repository.path(name)
    link.parent.mkdir(parents=True, exist_ok=True)
    if name.startswith("folder"):
        link.parent.rmdir()
        link.parent.symlink_to(outside.parent)
    else:
        link.symlink_to(outside)
    done = ftv4("gate", name)

    assert done.code == 4
    assert f"{name}: symbolic_link: a link, which leads to a file that nobody judged" in done.out
    assert "root" not in done.out
    assert "symbolic_link" in ftv4("gate", repository.path(name)).out
    assert "malformed_line" in ftv4("gate", outside).out


def test_an_empty_dataset_is_refused(repository, ftv4):
    done = ftv4("gate", write(repository))

    assert done.code == 4
    assert "0 accepted rows; synthesis_decision needs 40" in done.out
    assert "Approved rows 0 below minimum 40." in done.out


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_actions_are_a_measure_of_decisions_alone(repository, ftv4, form):
    name = write(repository, *varied(42, "quant_signals"), name="stage_quant.jsonl")
    done = ftv4("gate", name, "--format", form)

    assert done.code == 0
    assert "largest industry" in done.out
    assert "action" not in done.out


def test_only_may_repeat(repository, ftv4):
    name = write(repository, *varied(3))

    assert ftv4("gate", name, "--only", "acceptance").code == 0
    assert ftv4("gate", name, "--only=rows", "--only=acceptance", "--min_rows=3").code == 0
    assert json.loads(ftv4("gate", name, "--only=rows", "--format=json").out)["diversity"] is None
    refused = ftv4("gate", name, "--only", "size")
    assert refused.code == 2
    assert "no gate size; there are form, acceptance, envelope, rows, diversity" in refused.err


def test_approved_only_can_be_turned_off(repository, ftv4):
    name = write(repository, row(approved=False), name="stage_quant.jsonl")

    assert ftv4("gate", name, "--min-rows=1", "--only=rows").code == 4
    assert ftv4("gate", name, "--min-rows=1", "--only=rows", "--approved_only=false").code == 0
    assert ftv4("gate", name, "--approved-only=flase").code == 2


def test_another_policy_can_be_asked(repository, ftv4):
    policy = json.loads(repository.read_text("config/intelligence_v4.policy.json"))
    policy["training_diversity"]["min_total_rows"] = 1
    repository.write("strict.json", json.dumps(policy | {"forbidden_vocabulary": ["owner"]}))

    done = ftv4("gate", write(repository, *varied(42)), "--policy", "strict.json")

    assert (done.code, "42 doctrine_guard_failed" in done.out) == (4, True)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda text: text.replace('"forbidden_vocabulary"', '"forbiden_vocabulary"'), "forbiden_vocabulary"),
        (lambda text: text[: len(text) // 2], "not JSON"),
        (lambda text: text.replace("0.35", '"0.35"', 1), "max_duplicate_actions_share"),
    ],
)
def test_D2_a_policy_with_a_typo_is_an_error_never_the_defaults(repository, ftv4, spoil, problem):
    """D2: the Node tool fell back to its built-in policy without a word."""
    path = "config/intelligence_v4.policy.json"
    repository.write(path, spoil(repository.read_text(path)))

    done = ftv4("gate", write(repository, *varied(42)))

    assert (done.code, done.out) == (3, "")
    assert problem in done.err


def test_the_compatible_leak_scan_is_a_policy_switch(repository, ftv4):
    """A3: refused by the Node tool's rule, trained on by ours."""
    whole = row("quant_signals")
    whole["output"]["data_quality"]["notes"] = ["clearer customer expectations"]
    name = write(repository, whole, name="stage_quant.jsonl")
    path = "config/intelligence_v4.policy.json"

    assert ftv4("gate", name, "--only=acceptance").code == 0
    policy = json.loads(repository.read_text(path)) | {"leak_scan": {"raw_row_hint": "any"}}
    repository.write(path, json.dumps(policy))
    assert "raw_leak_scan_failed" in ftv4("gate", name, "--only=acceptance").out


def test_a_file_is_found_from_any_folder(repository, ftv4, monkeypatch):
    write(repository, *varied(42))
    monkeypatch.chdir(repository.path("train/datasets"))

    assert ftv4("gate", "stage_synthesis.jsonl").code == 0
    assert ftv4("gate", "train/datasets/stage_synthesis.jsonl").out.startswith("train/datasets/stage_syn")


def test_a_stage_that_does_not_exist_is_a_usage_error(repository, ftv4):
    assert ftv4("gate", write(repository), "--stage", "toString").code == 2
    assert ftv4("gate").code == 2


def test_rows_of_another_stage_are_refused(repository, ftv4):
    done = ftv4("gate", write(repository, row("blue_ocean")), "--stage=quant_signals", "--only=acceptance")

    assert "says stage_input_blue_ocean_v1, as rows of blue_ocean do; this ftv4 trains on" in done.out


def test_on_a_terminal_lines_are_coloured_and_left_whole(repository, ftv4, monkeypatch):
    name = write(repository, *spoiled())
    plain = ftv4("gate", name).out
    monkeypatch.setenv("FORCE_COLOR", "1")

    coloured = ftv4("gate", name).out

    assert "\x1b[31moutput_schema_invalid\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_a_line_that_could_act_is_neither_coloured_nor_obeyed(repository, ftv4, monkeypatch):
    """Threats 28, 29, 32: also where somebody forgot to encode what a finding quotes."""
    from rich.text import Text

    careless = Text("::error::x \x1b[2J ##[group]y", "red")
    monkeypatch.setattr("ftv4.steps.gate_report.lines", lambda answer: [careless])
    monkeypatch.setenv("FORCE_COLOR", "1")

    out = ftv4("gate", write(repository, *varied(42))).out

    assert "\x1b" not in out
    assert not Runner(any_name=True).obeys(out)


def test_a_private_value_is_named_by_a_hash_that_takes_the_row_to_compute(repository, ftv4):
    """As `ftv4 explain personal_data` says. A hash of the value alone gives it away: there are few values."""
    rows = varied(2)
    rows[1]["notes"] = "ask the buyer, 078-05-1120"
    found = json.loads(ftv4("gate", write(repository, *rows), "--only=personal_data", "--format=json").out)
    (finding,) = found["findings"]
    line = lines(*rows).split(b"\n")[1]
    digest = hashlib.sha256(line + b"\nsocial security number\n078-05-1120").hexdigest()[:8]

    assert finding["problem"] == f"looks like: social security number ({digest})"
    assert "{ sed -n LINEp FILE; printf 'KIND\\nVALUE'; } | sha256sum" in ftv4("explain", "personal_data").out


def test_only_what_is_the_same_is_called_wholly_similar(repository, ftv4):
    rows = shipped("synthesis_decision")
    other = deepcopy(rows[4])
    named(other, "again")
    other["output"]["owner_choice_prompt"] += " Now?"
    out = ftv4("gate", write(repository, *rows, approved(other)), "--only=duplicates").out

    assert "says nearly the same as line 5 (similarity 0.99)" in out
