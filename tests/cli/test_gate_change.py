"""`ftv4 gate --base`: what a change does to datasets, read from git's objects alone."""

import json
import time

import orjson
import pytest

from ftv4.canonical import digest
from ftv4.encode import ANNOTATION, COMMENT, SUMMARY
from tests.conftest import ROOT
from tests.encode.runner import Runner
from tests.gates.build import INDUSTRIES, approved_by, lines, row, sealed, varied
from tests.git_tree import EXECUTABLE, LINK, SUBMODULE, Tree

SYNTHESIS = "train/datasets/stage_synthesis.jsonl"
QUANT = "train/datasets/stage_quant.jsonl"
POLICY = "config/intelligence_v4.policy.json"


def named(rows):
    """The rows, each with an id of its own."""
    return [one | {"id": f"run:run-{number}/stage:synthesis_decision"} for number, one in enumerate(rows)]


@pytest.fixture
def tree(repository):
    """A git repository whose first commit has our config and a sound dataset, and no work tree of it."""
    tree = Tree(repository.root)
    config = {
        f"config/{path.name}": path.read_bytes() for path in sorted(repository.path("config").iterdir())
    }
    tree.base = tree.commit(config | {SYNTHESIS: lines(*named(varied(42)))})
    return tree


@pytest.fixture
def changed(tree, ftv4):
    """Commit files on top of the base; give back the JSON report on that change, with its exit code."""

    def judge(files, *arguments):
        tree.commit(files)
        done = ftv4("gate", "--base", tree.base, "--format", "json", *arguments)
        return json.loads(done.out) | {"code": done.code}

    return judge


def told(report):
    return [(finding["rule"], finding["file"]) for finding in report["findings"]]


def test_rows_added_removed_and_edited_are_counted_and_shown(changed):
    rows = named(varied(44))
    rows[5]["output"]["primary_constraint"] = "Dispatch waits for the owner in week 90."
    rows[5] = approved_by("jo", rows[5])
    report = changed({SYNTHESIS: lines(*rows[2:])})
    (dataset,) = report["reports"]
    change = dataset["change"]

    assert (report["code"], report["passed"]) == (0, True)
    assert (change["added"], change["removed"], change["edited"]) == (2, 2, 1)
    assert change["rows"] == {"name": "rows", "before": 42, "after": 42}
    assert change["accepted"] == {"name": "accepted", "before": 42, "after": 42}
    assert {shift["name"] for shift in change["industries"]} == set(INDUSTRIES)
    assert sum(shift["after"] for shift in change["industries"]) == 42
    assert [row["line"] for row in change["sample"]] == [4, 41, 42]
    assert change["sample"][1]["id"] == "run:run-42/stage:synthesis_decision"
    assert change["measures"][:2] == [
        {"name": name, "before": 42.0, "after": 42.0, "limit": 40.0, "at_least": True}
        for name in ("eligible rows", "approved rows")
    ]


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_who_approves_what_comes_is_said_because_nothing_proves_it(tree, changed, ftv4, form):
    rows = named(varied(42))
    rows[5]["output"]["primary_constraint"] = "Dispatch waits for the owner in week 90."
    rows[5] = approved_by("grace@example.com", rows[5])

    (dataset,) = changed({SYNTHESIS: lines(*rows)})["reports"]

    assert dataset["change"]["reviewers"] == [{"name": "grace at example.com", "before": 0, "after": 1}]
    assert dataset["change"]["sample"][0]["reviewer"] == "grace at example.com"
    assert "grace at example.com" in ftv4("gate", "--base", tree.base, "--format", form).out


def test_each_number_that_the_policy_limits_stands_before_and_after_beside_its_limit(tree, changed, ftv4):
    rows = named(varied(50))
    others = [one | {"client_id": "w2"} for one in rows[42:]]
    copies = [row | {"id": f"again-{row['id']}"} for row in rows[:3]]
    for number, copy in enumerate(copies):
        copy["output"] = copy["output"] | {
            "primary_constraint": f"Quotes wait for the owner in May {number}."
        }
    (dataset,) = changed({SYNTHESIS: lines(*rows[:42], *others, *copies)})["reports"]
    measures = {one["name"]: one for one in dataset["change"]["measures"]}
    page = ftv4("gate", "--base", tree.base, "--format=markdown").out

    assert list(measures) == [
        *("eligible rows", "approved rows", "industries", "largest industry", "most frequent action"),
        *("most frequent constraint", "near copies", "most repeated answer", "largest client"),
    ]
    assert (measures["near copies"]["before"], measures["near copies"]["after"]) == (0, 3 / 53)
    assert (measures["largest client"]["before"], measures["largest client"]["after"]) == (None, 45 / 53)
    assert "| eligible rows | 42 | 53 | at least 40 |" in page
    assert "| near copies | 0.0% | **5.7%** | at most 5.0% |" in page
    assert "| largest client | - | **84.9%** | at most 60.0% |" in page
    assert "near copies 0.0%, now 5.7%; at most 5.0%" in ftv4("gate", "--base", tree.base).out


def test_rows_that_only_move_are_no_change(changed):
    (dataset,) = changed({SYNTHESIS: lines(*reversed(named(varied(42))))})["reports"]

    assert [dataset["change"][name] for name in ("added", "removed", "edited")] == [0, 0, 0]


def test_rows_that_share_an_id_are_told_apart_by_content(changed):
    same = [one | {"id": "same"} for one in varied(42)]
    (first,) = changed({SYNTHESIS: lines(*same)})["reports"]
    (again,) = changed({SYNTHESIS: lines(*same, *same[:1])}, "--head", "HEAD")["reports"]

    assert first["change"]["added"] == again["change"]["added"] - 1 == 42


def test_findings_say_whether_their_row_is_new(changed):
    rows = named(varied(43))
    rows[42]["output"]["confidence"] = "sure"
    report = changed({SYNTHESIS: lines(*sealed(rows), b"{broken")})
    findings = report["reports"][0]["findings"]

    assert (report["code"], report["errors"]) == (4, 2)
    assert [(one["rule"], one["line"], one["new"], one["value"]) for one in findings] == [
        ("output_schema_invalid", 43, True, '"sure"'),
        ("malformed_line", 44, True, "{broken"),
    ]
    assert len(findings[0]["row"]) == 64


@pytest.mark.parametrize("form", ["text", "markdown", "github", "sarif"])
def test_an_approval_that_is_taken_away_is_refused_with_or_without_an_edit(tree, changed, ftv4, form):
    rows = sealed(named(varied(42)))
    tree.base = tree.commit({SYNTHESIS: lines(*rows)})
    for place in (3, 8):
        del rows[place]["approval"]
    rows[8]["output"]["primary_constraint"] = "Dispatch waits for the owner in week 90."
    rows[11] |= {"approval": None, "approved": False}

    report = changed({SYNTHESIS: lines(*rows)})

    (dataset,) = report["reports"]
    told = [one for one in dataset["findings"] if one["rule"] == "approval_removed"]
    assert (report["code"], report["errors"], dataset["passed"]) == (4, 2, False)
    assert [(one["line"], one["pointer"], one["problem"], one["new"]) for one in told] == [
        (4, "/approval", "the approval is gone", True),
        (9, "/approval", "the approval is gone", True),
    ]
    assert all(len(one["row"]) == 64 for one in told)
    assert "approval_removed" in ftv4("gate", "--base", tree.base, "--format", form).out


def test_an_edit_of_a_row_that_never_had_an_approval_needs_one(changed):
    rows = named(varied(42))
    for place in (3, 8):
        rows[place]["output"]["primary_constraint"] = f"Dispatch waits for the owner in week 9{place}."
    rows[8] = approved_by("jo", rows[8])
    rows[10]["notes"] = "looked at"

    report = changed({SYNTHESIS: lines(*rows)})

    told = [one for one in report["reports"][0]["findings"] if one["rule"] == "approval_removed"]
    assert [(one["line"], one["problem"]) for one in told] == [
        (4, "another output, which nobody has approved")
    ]


def test_an_approval_is_not_for_another_output_because_its_digest_says_so(tree, changed):
    """Whoever computes the digest anew has nobody's approval of what the row says now."""
    rows = sealed(named(varied(42)))
    tree.base = tree.commit({SYNTHESIS: lines(*rows)})
    for place in (3, 8, 9):
        rows[place]["output"]["primary_constraint"] = f"Dispatch waits for the owner in week 9{place}."
        rows[place]["approval"]["output_sha256"] = digest(rows[place]["output"])
    rows[8]["approval"]["reviewed_at"] = "2026-11-20T08:00:00.000Z"
    rows[9]["approval"]["reviewer"] = "ada"
    rows[10]["notes"] = "looked at"

    report = changed({SYNTHESIS: lines(*rows)})

    told = [one for one in report["reports"][0]["findings"] if one["severity"] == "error"]
    assert [(one["rule"], one["line"], one["pointer"]) for one in told] == [
        ("approval_reused", 4, "/approval")
    ]
    assert "the same reviewer and time" in told[0]["problem"]


def test_many_approvals_that_are_taken_away_are_listed_up_to_a_limit_and_counted(tree, changed):
    rows = named(varied(42))
    tree.base = tree.commit({SYNTHESIS: lines(*sealed(rows))})

    (dataset,) = changed({SYNTHESIS: lines(*rows)})["reports"]

    told = [one for one in dataset["findings"] if one["rule"] == "approval_removed"]
    assert [told[-1]["line"], told[-1]["problem"]] == [None, "22 more rows have lost their approval"]
    assert len(told) == 21


def test_only_what_happened_since_the_histories_parted_is_judged(tree, ftv4):
    fork = tree.base
    tree.commit({QUANT: lines(*varied(42, "quant_signals"))})
    ahead = tree.git("rev-parse", "HEAD")
    tree.git("update-index", "--force-remove", QUANT)
    head = tree.commit({SYNTHESIS: lines(*named(varied(43)))}, fork)

    report = json.loads(ftv4("gate", "--base", ahead, "--head", head, "--format=json").out)

    assert (report["base"], report["fork"], report["head"]) == (ahead, fork, head)
    assert [dataset["file"] for dataset in report["reports"]] == [SYNTHESIS]


def test_the_work_tree_is_never_read(tree, changed, repository):
    repository.write(SYNTHESIS, b"\0 not what is committed")
    repository.write(POLICY, b"{")
    repository.write(".gitattributes", b"*.jsonl filter=evil\n")
    tree.git("config", "filter.evil.smudge", "false")
    tree.git("config", "filter.evil.required", "true")
    before = sorted(path for path in repository.root.iterdir())

    report = changed({SYNTHESIS: lines(*named(varied(43)))})

    assert report["code"] == 0
    assert sorted(path for path in repository.root.iterdir()) == before


def test_threat_2_a_change_is_judged_by_the_policy_it_found(repository, changed):
    policy = json.loads((ROOT / POLICY).read_text())
    policy["training_diversity"]["min_total_rows"] = 0
    report = changed(
        {
            POLICY: json.dumps(policy).encode(),
            "ftv4/gates/rows.py": b"# passes\n",
            ".github/workflows/gate.yml": b"on: push\n",
            SYNTHESIS: lines(*named(varied(3))),
        }
    )

    assert report["code"] == 4
    assert "Approved rows 3 below minimum 40." in [
        finding["problem"] for finding in report["reports"][0]["findings"]
    ]
    (warning,) = report["findings"]
    assert warning["rule"] == "judged_by_base"
    assert all(
        name in warning["problem"] for name in (".github/workflows/gate.yml", POLICY, "ftv4/gates/rows.py")
    )


@pytest.mark.parametrize(
    ("files", "rule"),
    [
        ({QUANT: (LINK, b"/etc/passwd")}, "symbolic_link"),
        ({SYNTHESIS: None, "train/datasets": (LINK, b"/tmp")}, "symbolic_link"),
        ({"train/datasets/more": (SUBMODULE, b"1" * 40)}, "submodule"),
        (
            {QUANT: b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"},
            "large_file_pointer",
        ),
        ({QUANT: lines(row()), ".gitattributes": b"*.jsonl -diff\n"}, "attributes_changed"),
        ({QUANT: lines(row()), "train/datasets/.gitattributes": b"* -diff\n"}, "attributes_changed"),
        ({"train/datasets/Stage_Synthesis.jsonl": lines(row())}, "same_name"),
    ],
)
def test_a_hostile_tree_is_refused_by_name(changed, files, rule):
    report = changed(files)

    assert report["code"] == 4
    assert rule in [finding["rule"] for finding in report["findings"]]
    assert "root:" not in json.dumps(report)


@pytest.mark.parametrize(
    "name",
    [
        b"train/datasets/a\nb.jsonl",
        b"train/datasets/a'b\".jsonl",
        b"train/datasets/-rf.jsonl",
        b"train/datasets/a\xe2\x80\xaelnosj.jsonl",
        b"train/datasets/\xff\xfe.jsonl",
        b"train/datasets/Upper.jsonl",
        b"train/datasets/caf\xc3\xa9.jsonl",
        b"train/datasets/::error::x.jsonl",
        b"train/datasets/a.b.jsonl",
        b"train/datasets/" + b"a" * 200 + b".jsonl",
        b"Train/Datasets/stage_quant.jsonl",
    ],
)
@pytest.mark.parametrize("form", ["text", "github", "markdown", "sarif", "json"])
def test_a_hostile_name_is_refused_and_obeyed_nowhere(tree, ftv4, name, form):
    tree.commit({name: lines(row())})
    done = ftv4("gate", "--base", tree.base, "--format", form)
    allowed = {"error", "warning", "notice"} if form == "github" else set()

    assert done.code == 4
    assert "file_name" in done.out
    assert {command.name for command in Runner().obeys(done.out)} <= allowed
    assert done.out.isprintable() or set(filter(lambda one: not one.isprintable(), done.out)) == {"\n"}


def test_names_that_differ_in_accents_are_twins(changed):
    report = changed({"train/datasets/caf\u00e9.jsonl": b"", "train/datasets/cafe\u0301.jsonl": b""})

    assert "same_name" in [finding["rule"] for finding in report["findings"]]


def test_an_executable_dataset_is_judged_and_warned_of(changed):
    report = changed({SYNTHESIS: (EXECUTABLE, lines(*named(varied(43))))})

    assert (report["code"], told(report)) == (0, [("executable_file", SYNTHESIS)])
    assert report["reports"][0]["change"]["added"] == 1


def test_a_removed_dataset_is_said(changed):
    assert told(changed({SYNTHESIS: None})) == [("dataset_removed", SYNTHESIS)]


def test_threat_47_the_bad_file_after_three_thousand_is_found(changed):
    """The forge's list of a pull request's files ends at 3,000."""
    files = {f"docs/page-{number:04}.md": b"x" for number in range(3_000)}
    started = time.process_time()
    report = changed(files | {"train/datasets/zz.jsonl": (LINK, b"/etc/passwd")})

    assert ("symbolic_link", "train/datasets/zz.jsonl") in told(report)
    assert time.process_time() - started < 20


def test_more_datasets_than_the_policy_takes_are_refused(tree, ftv4):
    policy = json.loads((ROOT / POLICY).read_text()) | {"limits": {"files": 2}}
    tree.base = tree.commit({POLICY: json.dumps(policy).encode()})
    tree.commit({f"train/datasets/part-{number}.jsonl": lines(row()) for number in range(4)})

    report = json.loads(ftv4("gate", "--base", tree.base, "--format=json").out)

    assert told(report) == [("too_many_files", "train/datasets")]
    assert (report["passed"], len(report["reports"])) == (False, 2)


def test_a_dataset_larger_than_the_policy_takes_is_not_read(tree, ftv4, repository):
    policy = json.loads((ROOT / POLICY).read_text()) | {"limits": {"file_bytes": 1000}}
    tree.base = tree.commit({POLICY: json.dumps(policy).encode()})
    tree.commit({SYNTHESIS: lines(*named(varied(43)))})

    report = json.loads(ftv4("gate", "--base", tree.base, "--format=json").out)

    assert (told(report), report["reports"]) == ([("file_too_large", SYNTHESIS)], [])
    repository.write(POLICY, json.dumps(policy))
    repository.write("here.jsonl", lines(*varied(3)))
    assert "the policy reads 1000" in ftv4("gate", "here.jsonl").out


def test_a_change_without_datasets_passes(tree, ftv4):
    tree.commit({"README.md": b"# x\n", "ftv4/gates/rows.py": b"\n"})

    assert ftv4("gate", "--base", tree.base).out.startswith("passed: 0 errors, 0 warnings in 0 datasets")
    assert "No dataset changes." in ftv4("gate", "--base", tree.base, "--format=markdown").out


def test_what_is_not_committed_yet_is_said_to_be_judged_by_its_name(tree, ftv4):
    fork, head = tree.base[:12], tree.commit({"README.md": b"# x\n"})[:12]
    out = ftv4("gate", "--base", tree.base).out

    assert f"no dataset differs between {fork} and {head}; what isn't committed yet is judged by" in out


@pytest.mark.parametrize("name", ["train/datasets/stage_quantt.jsonl", "train/datasets", "README.md"])
def test_a_file_that_the_change_does_not_have_is_a_mistake_not_a_pass(tree, ftv4, name):
    tree.commit({QUANT: b"garbage\n", "README.md": b"# x\n"})
    done = ftv4("gate", "--base", tree.base, name)

    assert (done.code, done.out) == (2, "")
    assert f"no dataset {name} before or after the change" in done.err


def test_a_file_is_named_from_the_folder_one_is_in(tree, ftv4, repository, monkeypatch):
    tree.commit({QUANT: b"garbage\n"})
    repository.write(QUANT, "")
    monkeypatch.chdir(repository.path(QUANT).parent)
    done = ftv4("gate", "--base", tree.base, "stage_quant.jsonl")

    assert done.code in (3, 4)
    assert f"{QUANT}:1: malformed_line" in done.out


def test_files_narrow_what_is_judged(tree, ftv4):
    tree.commit({QUANT: lines(row()), SYNTHESIS: lines(*named(varied(43)))})

    report = json.loads(ftv4("gate", SYNTHESIS, "--base", tree.base, "--format=json").out)

    assert [dataset["file"] for dataset in report["reports"]] == [SYNTHESIS]


@pytest.mark.parametrize("revision", ["--output=x", "nowhere", "HEAD:config", "a b", "-"])
def test_a_revision_that_is_none_is_a_usage_error(tree, ftv4, revision):
    done = ftv4("gate", f"--base={revision}")

    assert (done.code, done.out) == (2, "")
    assert "no such commit" in done.err


def test_head_needs_a_base(tree, ftv4):
    assert ftv4("gate", "--head", "HEAD").code == 2


def test_the_forecast_is_what_a_dry_run_says(tree, changed, ftv4, repository):
    rows = named(varied(43))
    (dataset,) = changed({SYNTHESIS: lines(*rows)})["reports"]
    repository.write(SYNTHESIS, lines(*rows))
    plan = json.loads(ftv4("ft", "stage", "--stage=synthesis_decision", "--suffix=x", "--format=json").out)

    assert dataset["forecast"]["estimate"] == plan["estimate"]
    assert (dataset["forecast"]["examples"], dataset["needed_rows"]) == (43, 40)
    assert dataset["forecast"]["seconds"] is None


def spoiled():
    rows = named(varied(44))
    rows[3]["output"]["confidence"] = "::error::sure"
    rows[3]["output"]["</td>|`@octo/cat`"] = "##[error]x"
    rows[43]["output"]["confidence"] = "fixes #1 @octo"
    rows[12]["output"]["paths"]["A"]["risks"][1] = "Ask name: Jo Smith\u202e, a customer."
    twice = orjson.dumps(rows[42]).replace(b'"approved":true', b'"approved":false,"approved":true')
    return lines(*rows[:42], twice, rows[43], b"{broken")


@pytest.mark.parametrize("form", ["text", "markdown", "github", "sarif"])
def test_each_format_is_as_expected(tree, ftv4, golden, form):
    policy = json.loads((ROOT / POLICY).read_text()) | {"shaming_phrases": ["@octo |`::error::"]}
    policy["training_diversity"]["min_total_rows"] = 1
    spoiled_too = {POLICY: json.dumps(policy).encode(), "train/datasets/Zz.jsonl": b""}
    tree.commit({SYNTHESIS: spoiled(), "config/x.json": b"{}"} | spoiled_too)
    # What is independent of the rest of the repository: its other gates, its policy, its prompts.
    asked = [f"--only={name}" for name in ("form", "acceptance", "rows", "diversity")]
    done = ftv4("gate", "--base", tree.base, "--format", form, "--forecast=false", *asked)
    page = done.out.replace(tree.git("rev-parse", "HEAD")[:12], "HEAD").replace(tree.base[:12], "BASE")

    assert done.code == 4
    golden(f"gate_change.{'md' if form == 'markdown' else form}", page)


def test_annotations_keep_to_the_platforms_limits_and_the_totals_are_true(tree, ftv4):
    tree.commit({SYNTHESIS: lines(*[b"x" * 5000] * 400, row(approved=False))})
    done = ftv4("gate", "--base", tree.base, "--format=github")
    total = json.loads(ftv4("gate", "--base", tree.base, "--format=json").out)
    kinds = [command.name for command in Runner().obeys(done.out)]

    assert (kinds.count("error"), kinds[-1], kinds.count("notice")) == (9, "notice", 1)
    assert f"{total['errors']} errors, {total['warnings']} warning" in done.out.splitlines()[-1]
    assert total["errors"] > 400
    assert max(map(len, done.out.splitlines())) < ANNOTATION + 300


def test_pages_keep_to_their_budgets_and_the_totals_are_true(tree, ftv4, monkeypatch, tmp_path):
    long = {
        f"train/datasets/part-{number:02}/stage_quant.jsonl": lines(*[b"x" * 900] * 30)
        for number in range(30)
    }
    tree.commit(long)
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))

    done = ftv4("gate", "--base", tree.base, "--format=markdown", "--summary")

    assert len(done.out.encode("utf-16-le")) // 2 <= COMMENT < len(summary.read_text())
    assert len(summary.read_bytes()) <= SUMMARY
    errors = json.loads(ftv4("gate", "--base", tree.base, "--format=json").out)["errors"]
    for page in (done.out, summary.read_text()):
        assert f"{errors:,} errors" in page.splitlines()[2]
    assert "more lines of this page; `ftv4 gate --format json` has everything." in done.out


def test_sarif_has_the_shape_that_code_scanning_reads(tree, ftv4):
    tree.commit({SYNTHESIS: spoiled()})
    log = json.loads(ftv4("gate", "--base", tree.base, "--format=sarif").out)
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]

    assert log["version"] == "2.1.0"
    assert len(rules) == len(set(rules))
    for result in run["results"]:
        (place,) = result["locations"]
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in {"error", "warning"}
        assert result["message"]["text"]
        assert place["physicalLocation"]["artifactLocation"]["uri"] == SYNTHESIS
        assert place["physicalLocation"]["region"]["startLine"] >= 1
    assert len({result["partialFingerprints"]["ftv4/v1"] for result in run["results"]}) == len(run["results"])


def test_rows_are_compared_with_the_eval_cases_that_the_change_found(tree, ftv4):
    """A change that gives a case away can't take the case away to hide it."""
    rows = named(varied(42))
    case = {
        "case_id": "case_1",
        "industry": "hvac",
        "pack": "evals/packs/hvac/p1",
        "gold": {"synthesis_decision": {"input": rows[0]["input"], "output": rows[0]["output"]}},
    }
    path = "evals/cases/case_1.json"
    tree.base = tree.commit({path: orjson.dumps(case), SYNTHESIS: lines(*rows[1:])})
    tree.commit({path: None, SYNTHESIS: lines(*rows)})

    report = json.loads(ftv4("gate", "--base", tree.base, "--only=contamination", "--format=json").out)

    assert [(one["severity"], one["line"]) for one in report["reports"][0]["findings"]] == [("error", 1)]


@pytest.mark.parametrize("form", ["text", "json", "markdown", "github", "sarif"])
def test_what_is_private_is_shown_by_no_finding_and_no_sample(tree, ftv4, form):
    rows = named(varied(45))
    rows[42]["output"]["confidence"] = "jo.canary@example.org"
    rows[43]["output"]["primary_constraint"] = "Write to jo.canary@example.org about quotes in week 43."
    broken = orjson.dumps(rows[44])[:-1].replace(b'"notes":""', b'"notes":"jo.canary@example.org"')
    tree.commit({SYNTHESIS: lines(*rows[:44], b'{"notes":"jo.canary@example.org"', broken)})

    done = ftv4("gate", "--base", tree.base, "--format", form)

    assert done.code == 4
    assert "canary" not in done.out
