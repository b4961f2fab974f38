import json
import subprocess
import sys

import pytest

from ftv4.contracts.evaluation import EvalReport
from ftv4.stages import STAGES
from tests.eval_cases import Away, expert, plant, provider

STAGE = "synthesis_decision"
RUN = ("evals", "run", "--mode", "stage", "--stage", STAGE)


@pytest.fixture
def cases(repository, monkeypatch):
    """Six cases, and a stopped clock."""
    plant(repository)
    monkeypatch.setenv("FTV4_NOW", "2026-11-22T12:00:00+00:00")
    return repository


def report_of(repository, name="evals/report_20261122T120000Z.json"):
    return repository.read(EvalReport, name)


def test_the_pins_as_they_stand_pass_all_five_stages(cases, ftv4):
    done = ftv4("evals", "run")

    assert done.code == 0
    assert done.out.count("[PASS]") == 6
    assert "6 cases, 6 passed, 0 failed" in done.out
    report = report_of(cases)
    assert [answer.stage for answer in report.results[0].answers] == list(STAGES)
    assert report.model_id is None
    assert report.report_path == "evals/report_20261122T120000Z.json"


def test_A1_the_candidate_itself_answers_and_garbage_fails(cases, ftv4, monkeypatch):
    with provider(monkeypatch, {"garbage": lambda asked: "I would rather not."}) as asked:
        done = ftv4("evals", "run", "--stage", STAGE, "--model", "sandbox:garbage")

    assert done.code == 4
    assert done.out.count("[FAIL]") == 6
    assert "synthesis_decision: schema: the answer is not JSON" in done.out
    assert len(asked) == 6
    answers = report_of(cases).results[0].answers
    assert [answer.model_id for answer in answers][-1] == "sandbox:garbage"
    assert answers[-1].answer == "I would rather not."


def test_A1_a_model_that_does_not_exist_is_an_error_not_a_pass(cases, ftv4, monkeypatch):
    with provider(monkeypatch, {}):
        assert ftv4(*RUN, "--model", "sandbox:no-such-model").code == 5
    assert ftv4(*RUN, "--model", "deterministic:no-such-rule").code == 3
    assert ftv4(*RUN, "--model", "totally-bogus-model").code == 2


def test_a_good_candidate_passes_in_both_modes(cases, ftv4, monkeypatch):
    with provider(monkeypatch, {"good": expert(STAGE)}):
        for mode in ("pipeline", "stage"):
            done = ftv4(
                "evals",
                "run",
                "--mode",
                mode,
                "--stage",
                STAGE,
                "--model",
                "sandbox:good",
                "--format",
                "json",
            )
            assert done.code == 0
            assert {case["agreement"] for case in json.loads(done.out)["results"]} == {1.0}


def test_stage_mode_asks_one_stage_its_gold_input(cases, ftv4, monkeypatch):
    with provider(monkeypatch, {"good": expert(STAGE)}) as asked:
        ftv4(*RUN, "--model", "sandbox:good", "--concurrency", "1")

    gold = cases.read_json("evals/cases/agency_seed4242_01.json")["gold"][STAGE]["input"]
    assert asked[0] == ("good", gold)
    assert len(asked) == 6


def test_A2_a_bare_tuned_id_says_how_to_write_it(cases, ftv4):
    done = ftv4(*RUN, "--model", "ft:gpt-4.1-mini-2025-04-14:acme::abc")

    assert done.code == 2
    assert "openai:ft" in done.err
    assert "sandbox:ft" in done.err


def test_A2_a_bare_tuned_id_is_completed_where_one_provider_is_left(cases, ftv4, monkeypatch):
    providers = cases.read_json("config/providers.json")
    del providers["providers"]["openai"]
    cases.write("config/providers.json", json.dumps(providers))
    with provider(monkeypatch, {"ft:base:acme::abc": expert(STAGE)}):
        assert ftv4(*RUN, "--model", "ft:base:acme::abc").code == 0

    assert report_of(cases).model_id == "sandbox:ft:base:acme::abc"


def test_A4_the_candidate_answers_for_industries_with_a_model_of_their_own(cases, ftv4):
    path = "evals/cases/agency_seed4242_01.json"
    case = cases.read_json(path)
    cases.write(path, json.dumps(case | {"industry": "HVAC"}))
    ftv4("evals", "run", "--stage", STAGE, "--model", "deterministic:core-v1", "--fixture", case["case_id"])
    ftv4("evals", "run", "--fixture", case["case_id"])

    candidate, pinned = (report_of(cases, f"evals/report_20261122T120000Z{n}.json") for n in ("", "-2"))
    assert candidate.results[0].answers[-1].model_id == "deterministic:core-v1"
    assert pinned.results[0].answers[-1].model_id == "deterministic:synthesis-hvac-v1"


def test_A7_an_eval_leaves_its_report_and_no_run_record(cases, ftv4):
    before = {path for path in cases.root.rglob("*") if path.is_file()}
    ftv4("evals", "run")

    written = {path for path in cases.root.rglob("*") if path.is_file()} - before
    assert {cases.relative(path) for path in written} == {"evals/report_20261122T120000Z.json"}


def test_A10_no_cases_is_no_pass(repository, ftv4):
    done = ftv4("evals", "run")

    assert done.code == 4
    assert "nothing was asked, so nothing passed" in done.err


def test_A10_an_unknown_case_is_no_pass_and_the_known_ones_are_named(cases, ftv4):
    done = ftv4("evals", "run", "--fixture", "nope")

    assert done.code == 4
    assert "agency_seed4242_01" in done.err
    assert not cases.files("evals", "report_*")


def test_A10_every_malformed_case_is_named_and_nobody_is_asked(cases, ftv4):
    good = cases.read_json("evals/cases/agency_seed4242_01.json")
    cases.write("evals/cases/broken.json", "{")
    cases.write("evals/cases/odd.json", json.dumps(good | {"surprise": 1}))
    cases.write("evals/cases/other.json", json.dumps(good))
    gold = good["gold"] | {STAGE: {"input": {}, "output": {}}, "sixth": good["gold"][STAGE]}
    cases.write("evals/cases/unfit.json", json.dumps(good | {"case_id": "unfit", "gold": gold}))
    cases.write("evals/cases/packless.json", json.dumps(good | {"case_id": "packless", "pack": "evals/no"}))
    done = ftv4("evals", "run")

    assert done.code == 3
    for words in (
        "broken.json:1: not JSON",
        "odd.json#/surprise",
        "other.json#/case_id: is agency_seed4242_01; the file isn't",
        "unfit.json#/gold/synthesis_decision/input/",
        "unfit.json#/gold/sixth: no such stage",
        "evals/no/pack.json: no such file",
    ):
        assert words in done.err


def test_stage_mode_refuses_cases_without_gold_for_the_stage(cases, ftv4):
    case = cases.read_json("evals/cases/agency_seed4242_01.json")
    del case["gold"]["blue_ocean"]
    cases.write("evals/cases/agency_seed4242_01.json", json.dumps(case))
    done = ftv4("evals", "run", "--mode", "stage", "--stage", "blue_ocean")

    assert done.code == 4
    assert "agency_seed4242_01" in done.err


@pytest.mark.parametrize("flags", [("--mode", "stage"), ("--model", "deterministic:core-v1")])
def test_a_stage_is_asked_for_where_it_is_needed(cases, ftv4, flags):
    done = ftv4("evals", "run", *flags)

    assert done.code == 2
    assert "--stage" in done.err


def test_a_service_error_fails_its_case_and_the_others_go_on(cases, ftv4, monkeypatch):
    good = expert(STAGE)

    def moody(asked):
        if asked["industry"] == "agency":
            raise Away
        return good(asked)

    with provider(monkeypatch, {"moody": moody}):
        done = ftv4(*RUN, "--model", "sandbox:moody")

    assert done.code == 4
    assert (done.out.count("[PASS]"), done.out.count("[FAIL]")) == (5, 1)
    answer = report_of(cases).results[0].answers[0]
    assert answer.answer is None
    assert "not today" in answer.error


def test_a_provider_that_is_away_altogether_is_no_eval(cases, ftv4, monkeypatch):
    def away(asked):
        raise Away

    with provider(monkeypatch, {"away": away}):
        done = ftv4(*RUN, "--model", "sandbox:away")

    assert done.code == 5
    assert not cases.files("evals", "report_*")


def test_a_missing_key_is_found_before_anybody_is_asked(cases, ftv4, monkeypatch):
    monkeypatch.delenv("FTV4_SANDBOX_KEY", raising=False)
    monkeypatch.setenv("FTV4_SANDBOX_URL", "http://127.0.0.1:9/v1")
    done = ftv4("evals", "run", "--stage", STAGE, "--model", "sandbox:good")

    assert done.code == 2
    assert "FTV4_SANDBOX_KEY" in done.err


def test_the_same_bytes_come_out_whatever_the_concurrency(cases, ftv4):
    for workers in (1, 16):
        ftv4("evals", "run", "--concurrency", workers, "--out", f"evals/report_{workers}.json")

    one, many = (cases.read_json(f"evals/report_{workers}.json") for workers in (1, 16))
    assert one | {"report_path": ""} == many | {"report_path": ""}


def test_D4_reports_of_one_second_do_not_overwrite_each_other(cases, ftv4):
    for _ in range(3):
        ftv4("evals", "run", "--fixture", "agency_seed4242_01")

    assert [path.name for path in cases.files("evals", "report_*")] == [
        "report_20261122T120000Z-2.json",
        "report_20261122T120000Z-3.json",
        "report_20261122T120000Z.json",
    ]


def test_what_a_model_says_reaches_the_log_encoded_and_the_file_as_it_is(cases, ftv4, monkeypatch):
    said = json.dumps({"evidence_refs": ["##[set-output name=passed]true"], "\n::error::x": "\x1b[31m"})
    with provider(monkeypatch, {"rude": lambda asked: said}):
        for form in ("text", "json", "markdown"):
            done = ftv4(*RUN, "--model", "sandbox:rude", "--format", form)
            assert done.code == 4
            assert not any(bad in done.out + done.err for bad in ("##[", "\n::error", "\x1b"))

    assert report_of(cases).results[0].answers[0].answer == said


def test_a_repeated_key_is_not_read_as_its_last_value(cases, ftv4, monkeypatch):
    good = expert(STAGE)
    twice = lambda asked: '{"recommended_path": "Z", ' + good(asked)[1:]  # noqa: E731
    with provider(monkeypatch, {"twice": twice}):
        done = ftv4(*RUN, "--model", "sandbox:twice")

    assert done.code == 4
    assert "same key twice" in done.out


def test_markdown_is_a_page(cases, ftv4, golden):
    done = ftv4(*RUN, "--format", "markdown")

    golden("evals_stage.md", done.out)


def test_failures_are_a_page_too(cases, ftv4, golden, monkeypatch):
    with provider(monkeypatch, {"garbage": lambda asked: "{}"}):
        done = ftv4(*RUN, "--model", "sandbox:garbage", "--format", "markdown")

    golden("evals_failing.md", done.out)


def test_in_actions_the_page_goes_on_the_runs_summary(cases, ftv4, monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    done = ftv4(*RUN, "--format", "json")

    assert json.loads(done.out)["totals"]["fixtures"] == 6
    assert "## Evals of `synthesis_decision`" in (tmp_path / "summary.md").read_text()


def test_a_report_that_cannot_be_written_leaves_no_empty_file(cases, ftv4, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(cases), "write", full)

    assert ftv4(*RUN).code == 1
    assert not cases.files("evals", "report_*")


# compare


def test_two_models_are_asked_and_compared(cases, ftv4, monkeypatch):
    with provider(monkeypatch, {"good": expert(STAGE)}):
        done = ftv4("evals", "compare", "pinned", "sandbox:good", "--mode", "stage", "--stage", STAGE)

    assert done.code == 0
    assert "6 wins, 0 losses, 0 ties for B\nIMPROVED" in done.out
    assert len(cases.files("evals", "report_*")) == 2


def test_two_reports_are_compared_without_asking_anybody(cases, ftv4, golden, monkeypatch):
    def worse(asked):
        return "{}" if asked["industry"] == "agency" else expert(STAGE)(asked)

    with provider(monkeypatch, {"good": expert(STAGE), "worse": worse}):
        ftv4(*RUN, "--model", "sandbox:good", "--out", "evals/report_a.json")
        ftv4(*RUN, "--model", "sandbox:worse", "--out", "evals/report_b.json")
    done = ftv4("evals", "compare", "evals/report_a.json", "evals/report_b.json", "--format", "markdown")

    assert done.code == 0
    golden("evals_compare.md", done.out)
    assert (
        "newly failing: agency_seed4242_01"
        in ftv4("evals", "compare", "evals/report_a.json", "evals/report_b.json").out
    )


def test_reports_on_different_cases_are_refused(cases, ftv4):
    ftv4("evals", "run", "--out", "evals/report_a.json")
    ftv4("evals", "run", "--fixture", "agency_seed4242_01", "--out", "evals/report_b.json")
    done = ftv4("evals", "compare", "evals/report_a.json", "evals/report_b.json", "--format", "json")

    assert done.code == 4
    assert json.loads(done.out)["verdict"] == "INVALID"
    assert "cases differ" in done.err


def test_a_policy_of_another_day_is_refused(cases, ftv4):
    ftv4("evals", "run", "--out", "evals/report_a.json")
    policy = cases.read_json("config/intelligence_v4.policy.json")
    cases.write("config/intelligence_v4.policy.json", json.dumps(policy | {"max_actions_30_days": 8}))
    ftv4("evals", "run", "--out", "evals/report_b.json")

    assert "policies differ" in ftv4("evals", "compare", "evals/report_a.json", "evals/report_b.json").err


@pytest.mark.parametrize("changed", ["passed", "agreement"])
def test_no_report_is_believed_when_it_is_compared(cases, ftv4, changed):
    ftv4(*RUN, "--out", "evals/report_a.json")
    report = cases.read_json("evals/report_a.json")
    report["results"][0][changed] = {"passed": False, "agreement": 0.999}[changed]
    cases.write("evals/report_b.json", json.dumps(report))

    done = ftv4("evals", "compare", "evals/report_a.json", "evals/report_b.json")

    assert done.code == 4
    assert "its scores are not what its answers earn" in done.err


LEFT_OUT = {
    "none": lambda results: [],
    "one left out": lambda results: results[1:],
    "one twice": lambda results: [*results, results[0]],
    "one for another": lambda results: [results[1], *results[1:]],
    "another order": lambda results: results[::-1],
}


@pytest.mark.parametrize("tricks", LEFT_OUT.values(), ids=LEFT_OUT)
def test_threat_59_no_case_is_left_out_asked_twice_or_moved(cases, ftv4, tricks):
    ftv4(*RUN, "--out", "evals/report_a.json")
    report = cases.read_json("evals/report_a.json")
    report["results"] = tricks(report["results"])
    passed = sum(one["passed"] for one in report["results"])
    report["totals"] = {"fixtures": len(report["results"]), "passed": passed, "failed": 0}
    cases.write("evals/report_b.json", json.dumps(report))
    done = ftv4("evals", "compare", "evals/report_a.json", "evals/report_b.json")

    assert done.code == 4
    assert ("the same cases" in done.err) or "not what its answers earn" in done.err


def test_reports_on_one_case_are_compared(cases, ftv4):
    ftv4(*RUN, "--fixture", "agency_seed4242_01", "--out", "evals/report_a.json")

    assert ftv4("evals", "compare", "evals/report_a.json", "evals/report_a.json").code == 0


def test_a_damaged_report_is_named(cases, ftv4):
    cases.write("evals/report_a.json", '{"mode": "stage"}')
    done = ftv4("evals", "compare", "evals/report_a.json", "evals/report_a.json")

    assert done.code == 3
    assert "evals/report_a.json#/results" in done.err


def test_a_model_is_compared_in_a_stage(cases, ftv4):
    done = ftv4("evals", "compare", "pinned", "deterministic:core-v1")

    assert done.code == 2
    assert "add --stage" in done.err


def test_help_imports_no_statistics_and_no_sdk():
    code = (
        "import sys; from ftv4.cli import run; run(['evals', 'run', '--help']);"
        "print(sorted({'openai', 'scipy', 'jinja2', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


def test_a_report_goes_over_nothing_but_a_report(cases, ftv4):
    cases.write("notes.json", "{}\n")

    for out in ("README.md", "../elsewhere.json", "notes.json"):
        done = ftv4("evals", "run", "--out", out)
        assert done.code == 2, out
        assert out in done.err
    assert cases.read_text("notes.json") == "{}\n"
    for _ in range(2):
        assert ftv4("evals", "run", "--out", "evals/report_x.json").code == 0


def test_what_is_no_report_is_not_taken_for_a_model(cases, ftv4):
    cases.write("README.md", "# Read me\n")

    done = ftv4("evals", "compare", "README.md", "report.json")
    assert done.code == 2
    assert "README.md: not an eval report" in done.err


def test_reports_that_cannot_be_compared_have_no_counts(cases, ftv4):
    ftv4("evals", "run", "--mode", "stage", "--stage", STAGE, "--out", "evals/report_a.json")
    ftv4("evals", "run", "--out", "evals/report_b.json")

    for form in ("text", "markdown"):
        done = ftv4("evals", "compare", "evals/report_a.json", "evals/report_b.json", "--format", form)
        assert done.code == 4
        assert " wins" not in done.out
