import json
import re
import shutil
import subprocess
from functools import partial

import pytest

from ftv4.contracts.promotion import PromotionReport
from ftv4.contracts.run import JobIds, JobRecord
from ftv4.documents import MODELS, POLICY
from ftv4.steps.card import card_path
from ftv4.steps.cases import load_cases
from tests.conftest import ROOT
from tests.eval_cases import Away, expert, plant, provider
from tests.git_tree import files_of, once

STAGE = "synthesis_decision"
GOOD = "sandbox:ft:gpt-4.1-mini-2025-04-14:acme::good"
RULE = "deterministic:core-v1"
"""Answers as the pinned rule does."""
REPORT = "train/promotion/reports/synthesis_decision/promotion_20261122T120000Z.json"


@pytest.fixture
def ready(repository, monkeypatch):
    """Six cases, 42 rows, a git identity, a stopped clock."""
    plant(repository)
    monkeypatch.setenv("FTV4_NOW", "2026-11-22T12:00:00+00:00")

    def start():
        git(repository, "init", "-q", "-b", "main")
        git(repository, "config", "user.email", "ada@example.org")
        git(repository, "config", "user.name", "Ada")
        git(repository, "add", ".")
        git(repository, "commit", "-q", "-m", "start")

    once(("ready", files_of(repository.root)), start, repository.path(".git"))
    return repository


@pytest.fixture
def promote(ready, ftv4, monkeypatch):
    """`promote("--dry-run", model=…, answers=…)`: the exit code, the JSON answer, and stderr."""

    def call(*flags, model=GOOD, answers=None, form="json", shutdowns=None, stage=STAGE):
        known = {GOOD.removeprefix("sandbox:"): expert(STAGE)} if answers is None else answers
        with provider(monkeypatch, known, shutdowns) as asked:
            done = ftv4("promote", "--stage", stage, "--model", model, *flags, "--format", form)
        call.asked, call.out = asked, done.out
        return done.code, json.loads(done.out) if form == "json" and done.out else None, done.err

    return call


def git(repository, *arguments):
    done = subprocess.run(
        ["git", "-C", repository.root, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout


def pinned(repository, industry="agency"):
    return repository.models().pin(STAGE, industry).model_id


def changed(repository):
    """Files that git sees as changed or new."""
    return git(repository, "status", "--short", "-uall").split()[1::2]


def broken(text):
    """A model that answers all but agency well, and agency with a text."""
    good = expert(STAGE)
    return {"mixed": lambda asked: text if asked["industry"] == "agency" else good(asked)}


def plant_run(repository, ftv4, model, dataset_row_dropped=False):
    """A fine-tune run that made a model, as `ft stage` writes it."""
    done = ftv4(
        "ft", "stage", "--stage", STAGE, "--suffix", "demo", "--provider", "sandbox", "--format", "json"
    )
    assert done.code == 0, done.err
    folder = json.loads(done.out)["run_dir"]
    manifest = repository.read_json(f"{folder}/run_manifest.json")
    ids = JobIds(
        file_id="file-1", job_id="ftjob-1", status="succeeded", base_model="gpt-4.1-mini-2025-04-14",
        fine_tuned_model=model,
    )  # fmt: skip
    job = JobRecord(
        created_at="2026-11-22T12:00:00.000Z", updated_at="2026-11-22T12:00:00.000Z", stage=STAGE,
        provider="sandbox", run_key=manifest["run_key"], dataset_path=manifest["dataset_path"],
        training_file_path=f"{folder}/train_openai.jsonl", openai=ids,
    )  # fmt: skip
    repository.write_contract(f"{folder}/job.json", job)
    return folder


# what passes


def test_a_better_model_is_pinned_with_report_card_and_history(ready, promote):
    code, answer, _ = promote("--notes", "a=b=c")

    assert code == 0
    assert answer["verdict"] == "IMPROVED"
    assert answer["config_updated"] is True
    pin = ready.models().stages[STAGE]
    assert pin.model_id == GOOD
    assert pin.pinned_by == "ada@example.org"
    assert pin.promotion_report_path == REPORT
    entry = pin.promotion_history[-1]
    assert (entry.old_model, entry.new_model) == ("deterministic:synthesis-v1", GOOD)
    for path in (
        entry.report_path,
        entry.model_card_path,
        entry.eval_report_path,
        *answer["eval_report_paths"],
    ):
        assert not path.startswith("/")
        assert ready.path(path).is_file()
    report = ready.read(PromotionReport, REPORT)
    assert report.passed
    assert report.notes == "a=b=c"
    assert entry.dataset_hash is None
    assert "Trained on" not in ready.read_text(entry.model_card_path)


def test_only_the_stage_moves_in_models_json(ready, promote):
    before = ready.read_json(MODELS)
    promote("--keep-overrides")
    after = ready.read_json(MODELS)

    for config in (before, after):
        del config["stages"][STAGE]
    assert after == before
    removed = [line for line in git(ready, "diff", MODELS).splitlines() if re.match(r"-[^-]", line)]
    assert removed == ['-      "model_id": "deterministic:synthesis-v1",', "-      }"]


def test_A4_promotion_reaches_industries_with_a_model_of_their_own(ready, promote):
    _, answer, _ = promote()

    assert pinned(ready, "HVAC") == GOOD
    assert answer["cleared_overrides"] == {
        "hvac": "deterministic:synthesis-hvac-v1",
        "plumbing": "deterministic:synthesis-plumbing-v1",
    }
    history = ready.models().stages[STAGE].promotion_history[-1]
    assert history.cleared_overrides == answer["cleared_overrides"]
    assert ready.models().pin("quant_signals", "hvac").model_id == "deterministic:quant-hvac-v1"


def test_A4_kept_overrides_are_named_on_report_and_card(ready, promote):
    _, answer, _ = promote("--keep-overrides")

    assert pinned(ready, "hvac") == "deterministic:synthesis-hvac-v1"
    assert pinned(ready) == GOOD
    said = "will not serve hvac, plumbing: their own models stay"
    assert said in answer["warnings"]
    assert said in ready.read_text(answer["model_card_path"])


def test_the_promoted_model_serves(ready, promote, ftv4, monkeypatch):
    promote()
    with provider(monkeypatch, {GOOD.removeprefix("sandbox:"): expert(STAGE)}) as asked:
        assert ftv4("evals", "run").code == 0

    assert len(asked) == 6


def test_promoting_what_serves_already_is_refused(ready, promote):
    promote()
    code, _, err = promote()

    assert code == 2
    assert "nothing to promote" in err


def test_a_second_promotion_adds_to_the_history(ready, promote):
    promote()
    both = {name: expert(STAGE) for name in (GOOD.removeprefix("sandbox:"), "newer")}
    promote("--force", "--reason", "half the price", model="sandbox:newer", answers=both)

    history = ready.models().stages[STAGE].promotion_history
    assert [(entry.old_model, entry.new_model) for entry in history] == [
        ("deterministic:synthesis-v1", GOOD),
        (GOOD, "sandbox:newer"),
    ]


# what blocks


def test_A1_C2_garbage_blocks_with_a_report_that_names_the_cases(ready, promote):
    code, answer, err = promote("--force", "--reason", "try", model="sandbox:mixed", answers=broken("hello"))

    assert code == 4
    assert answer["verdict"] == "REGRESSED"
    assert answer["blocked_by"][0].startswith(
        "case agency_seed4242_01, pipeline: synthesis_decision: schema: the answer is not JSON"
    )
    assert answer["blocked_by"][1].startswith("case agency_seed4242_01, stage: ")
    assert answer["report_path"] in err
    report = ready.read(PromotionReport, answer["report_path"])
    assert not report.passed
    assert report.blocked_by == tuple(answer["blocked_by"])
    assert MODELS not in changed(ready)
    assert answer["model_card_path"] is None


@pytest.mark.parametrize(
    ("change", "grader"),
    [
        ({"evidence_refs": ["bucket:made_up:high"]}, "grounding"),
        ({"primary_constraint": "A dashboard is what the owner lacks."}, "doctrine"),
        ({"primary_constraint": "The owner should monitor the handoffs."}, "drift"),
        ({"language_checks": {"forbidden_terms_found": [], "passed": False}}, "decision"),
        ({"extra": 1}, "schema"),
    ],
)
def test_A8_every_hard_guard_blocks_and_cannot_be_forced(ready, promote, change, grader):
    good = expert(STAGE)

    def answer(asked):
        said = json.loads(good(asked))
        return json.dumps(said | change if asked["industry"] == "agency" else said)

    code, answer, _ = promote("--force", "--reason", "try", model="sandbox:odd", answers={"odd": answer})

    assert code == 4
    assert f": {grader}: " in answer["blocked_by"][0]
    assert pinned(ready) == "deterministic:synthesis-v1"


def owned_by(ready, *owners):
    policy = ready.read_json(POLICY)
    policy["promotion"]["owners"] = owners
    ready.write(POLICY, json.dumps(policy))


def test_threat_14_who_is_listed_may_be_pinned(ready, promote):
    owned_by(ready, "other", "acme")

    assert promote()[0] == 0
    owned_by(ready, "nobody")
    assert promote(model=RULE)[1]["blocked_by"][0].startswith("verdict ")  # a rule is nobody's


@pytest.mark.parametrize(
    ("owner", "told"),
    [
        ("Acme", "it is Acme's"),
        ("ACME", "it is ACME's"),
        ("acme2", "it is acme2's"),
        ("acm", "it is acm's"),
        ("acme-", "it is acme-'s"),
        ("other:acme", "it is other's"),
        ("", "its id names no owner"),
    ],
)
def test_threat_14_somebody_elses_model_is_blocked_even_by_force(ready, promote, owner, told):
    owned_by(ready, "acme")
    name = f"ft:gpt-4.1-mini-2025-04-14:{owner}::good"
    flags = ("--force", "--reason", "it is good")
    code, answer, _ = promote(*flags, model=f"sandbox:{name}", answers={name: expert(STAGE)})

    assert code == 4
    assert answer["blocked_by"] == [f"owner: {told}; promotion.owners of the policy has acme"]
    assert pinned(ready) == "deterministic:synthesis-v1"


@pytest.mark.parametrize("name", ["base", "acme:good", "base.ft-0a", "ft:base", "xft:base:acme::good"])
def test_threat_14_an_id_that_names_no_owner_is_nobodys(ready, promote, name):
    owned_by(ready, "acme")
    code, answer, _ = promote(model=f"sandbox:{name}", answers={name: expert(STAGE)})

    assert code == 4
    assert answer["blocked_by"][0].startswith("owner: its id names no owner")


@pytest.mark.parametrize(
    "look_alike", ["\N{CYRILLIC SMALL LETTER A}cme", "\N{FULLWIDTH LATIN SMALL LETTER A}cme"]
)
def test_threat_14_look_alikes_are_neither_owners_nor_ids(ready, promote, look_alike):
    assert promote(model=GOOD.replace("acme", look_alike))[0] == 2
    owned_by(ready, look_alike)
    code, _, err = promote()

    assert code == 3
    assert "/promotion/owners/0" in err


def test_threat_43_a_card_of_another_model_stops_a_promotion(ready, promote):
    path = ready.path(card_path(STAGE, GOOD))
    path.parent.mkdir(parents=True)
    path.write_text("# Model card: `openai:ft:other`\n")
    code, _, err = promote()

    assert code == 4
    assert f"{path.relative_to(ready.root)}: is the card of another model" in err
    assert (pinned(ready), path.read_text()) == (
        "deterministic:synthesis-v1",
        "# Model card: `openai:ft:other`\n",
    )
    assert not ready.path(REPORT).exists()


def test_A10_no_cases_block_and_cannot_be_forced(ready, promote):
    for path in ready.files("evals/cases", "*.json"):
        path.unlink()
    code, answer, _ = promote("--force", "--reason", "try")

    assert code == 4
    assert answer["verdict"] == "INVALID"
    assert "no eval cases" in answer["blocked_by"][0]
    assert ready.path(answer["report_path"]).is_file()


def test_no_difference_is_inconclusive_and_says_what_would_settle_it(ready, promote):
    code, answer, _ = promote(model=RULE, answers={})

    assert code == 4
    assert answer["verdict"] == "INCONCLUSIVE"
    assert "it takes 5 wins" in answer["blocked_by"][0]


def test_a_forced_promotion_carries_its_reason_for_ever(ready, promote):
    code, answer, _ = promote("--force", "--reason", "the pinned base shuts down", model=RULE, answers={})

    assert code == 0
    assert pinned(ready) == RULE
    report = ready.read(PromotionReport, answer["report_path"])
    assert report.dataset.forced
    assert report.dataset.force_reason == "the pinned base shuts down"
    assert report.warnings[0].startswith("forced: verdict INCONCLUSIVE")
    card = ready.read_text(answer["model_card_path"])
    assert "**Promoted by force.** Reason given: `the pinned base shuts down`" in card


@pytest.mark.parametrize("flags", [("--force",), ("--force", "--reason", " "), ("--reason", "because")])
def test_force_and_reason_go_together(ready, promote, flags):
    code, _, err = promote(*flags)

    assert code == 2
    assert "--reason" in err
    assert promote.asked == []


def test_B5_too_few_accepted_rows_block_with_the_reasons(ready, promote):
    rows = ready.read_bytes("train/datasets/stage_synthesis.jsonl").splitlines(keepends=True)
    unfit = [rows[0].replace(b'"approved":true', b'"approved":false'), b"null\n", b"{\n"]
    ready.write("train/datasets/stage_synthesis.jsonl", b"".join(rows[:38] + unfit))
    code, answer, _ = promote()

    assert code == 4
    assert answer["blocked_by"][0].startswith(
        "rows: 38 of train/datasets/stage_synthesis.jsonl are accepted, 40 are needed"
    )
    for reason in ("not_approved 1", "missing_input_or_output 1", "malformed_line 1"):
        assert reason in answer["blocked_by"][0]


def test_B5_force_does_not_excuse_a_missing_dataset(ready, promote):
    code, _, err = promote("--force", "--reason", "try", "--dataset", "train/datasets/none.jsonl")

    assert code == 3
    assert "train/datasets/none.jsonl: no such dataset" in err
    assert promote.asked == []


def test_approvals_can_be_waived_for_the_count(ready, promote):
    path = "train/datasets/stage_synthesis.jsonl"
    ready.write(path, ready.read_bytes(path).replace(b'"approved":true', b'"approved":false'))

    assert promote()[0] == 4
    assert promote("--approved_only=false")[0] == 0


def test_a_service_error_on_one_case_blocks(ready, promote):
    def moody(asked):
        if asked["industry"] == "agency":
            raise Away
        return expert(STAGE)(asked)

    code, answer, _ = promote(model="sandbox:moody", answers={"moody": moody})

    assert code == 4
    assert answer["verdict"] == "INVALID"
    assert "not today" in answer["blocked_by"][0]


def test_a_candidate_that_nobody_serves_changes_nothing(ready, promote):
    code, _, err = promote(model="sandbox:gone", answers={})

    assert code == 5
    assert "no such model" in err
    assert changed(ready) == []


def test_a_pinned_model_that_is_gone_can_be_replaced_with_a_reason(ready, promote):
    config = ready.read_json(MODELS)
    config["stages"][STAGE]["model_id"] = "sandbox:retired"
    ready.write(MODELS, json.dumps(config))
    code, answer, _ = promote()
    assert code == 4
    assert "the pinned model did not answer" in answer["blocked_by"][0]

    assert promote("--force", "--reason", "the pinned model is shut down")[0] == 0
    assert pinned(ready) == GOOD


@pytest.mark.parametrize(
    "model", ["../../x", "totally-bogus-model", "openai:a/b", "nobody model:x", "sandbox:"]
)
def test_an_id_in_no_known_shape_is_refused(ready, promote, model):
    code, _, err = promote(model=model)

    assert code == 2
    assert "not <provider>:<model>" in err


def test_A2_a_bare_tuned_id_is_not_pinned(ready, promote):
    code, _, err = promote(model="ft:gpt-4.1-mini-2025-04-14:acme::good")

    assert code == 2
    assert "write openai:ft:" in err.replace("\\u003a", ":")


def test_A2_a_bare_tuned_id_is_completed_from_the_run_that_made_it(ready, promote, ftv4):
    plant_run(ready, ftv4, GOOD.removeprefix("sandbox:"))
    _, answer, _ = promote(model=GOOD.removeprefix("sandbox:"))

    assert answer["new_model_id"] == GOOD


@pytest.mark.parametrize("flag", ["--dry-run=ture", "--force=yess", "--no-such-flag", "--current=x"])
def test_E1_a_typo_never_promotes(ready, promote, flag):
    assert promote(flag, form="text")[0] == 2
    assert changed(ready) == []


def test_E4_flags_are_not_taken_from_the_environment(ready, promote, monkeypatch):
    monkeypatch.setenv("npm_config_force", "true")
    monkeypatch.setenv("npm_config_dry_run", "true")

    assert promote(model=RULE, answers={})[0] == 4


def test_E9_the_promoter_is_not_taken_from_the_environment(ready, promote, monkeypatch):
    for name in ("USER", "USERNAME", "LOGNAME", "GIT_AUTHOR_NAME"):
        monkeypatch.setenv(name, "mallory")
    git(ready, "config", "user.email", "")
    code, _, err = promote()
    assert code == 2
    assert "who promotes?" in err
    assert promote.asked == []

    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_ACTOR", "octo-operator")
    promote()
    assert ready.models().stages[STAGE].pinned_by == "octo-operator"


# lifetime


def test_a_model_that_is_shut_down_is_blocked_even_by_force(ready, promote):
    name = GOOD.removeprefix("sandbox:")
    code, answer, _ = promote("--force", "--reason", "try", shutdowns={name: "2026-11-22"})

    assert code == 4
    assert answer["blocked_by"][0].startswith("lifetime: shut down since 2026-11-22 (the provider's")


def test_a_base_that_is_about_to_shut_down_is_said(ready, promote):
    name = GOOD.removeprefix("sandbox:")
    code, answer, _ = promote(shutdowns={name: "2027-01-14"})

    assert code == 0
    assert any("stops answering on 2027-01-14, in 53 days" in line for line in answer["warnings"])
    assert "2027-01-14, in 53 days" in ready.read_text(answer["model_card_path"])


# the run behind the model


UNASKED = "no case is of hvac, plumbing: whether it is better than their own models is not known"


def test_B5_a_model_is_linked_to_the_run_that_made_it(ready, promote, ftv4):
    folder = plant_run(ready, ftv4, GOOD.removeprefix("sandbox:"))
    _, answer, _ = promote()

    assert answer["warnings"] == [UNASKED]
    report = ready.read(PromotionReport, answer["report_path"])
    assert report.dataset.run_manifest_path == f"{folder}/run_manifest.json"
    assert report.base_model == "gpt-4.1-mini-2025-04-14"
    card = ready.read_text(answer["model_card_path"])
    assert f"run | `{folder}`" in card
    assert "42 of 42 rows accepted" in card
    assert ready.models().pin(STAGE, "").promotion_history[-1].dataset_hash == report.dataset.sha256


def test_B5_a_model_of_another_stage_is_refused_before_it_is_asked(ready, promote, ftv4):
    folder = plant_run(ready, ftv4, GOOD.removeprefix("sandbox:"))
    code, answer, err = promote(stage="quant_signals")

    assert (code, answer, promote.asked) == (2, None, [])
    assert f"{folder} trained {GOOD} for {STAGE}, not for quant_signals" in err
    assert f"hint: ftv4 promote --stage {STAGE} --model {GOOD}" in err


def test_an_industry_of_the_cases_needs_no_warning(ready, promote):
    config = ready.read_json("config/intelligence_v4.models.json")
    config["industry_overrides"] = {"agency": config["industry_overrides"]["hvac"]}
    ready.write("config/intelligence_v4.models.json", json.dumps(config))
    _, answer, _ = promote()

    assert list(answer["cleared_overrides"]) == ["agency"]
    assert not any("better than their own" in line for line in answer["warnings"])


def test_B5_a_model_without_a_run_is_said_to_be_of_unknown_making(ready, promote):
    _, answer, _ = promote()

    assert any("no fine-tune run of this repository made this model" in line for line in answer["warnings"])


def test_B5_a_dataset_that_changed_since_the_run_is_said(ready, promote, ftv4):
    folder = plant_run(ready, ftv4, GOOD.removeprefix("sandbox:"))
    path = "train/datasets/stage_synthesis.jsonl"
    ready.write(path, ready.read_bytes(path).split(b"\n", 1)[1])
    _, answer, _ = promote()

    assert answer["warnings"] == [
        f"{path} is not what {folder} was trained on: it has changed since",
        UNASKED,
    ]
    assert "rows accepted" not in ready.read_text(answer["model_card_path"] or answer["report_path"])


def test_another_models_run_cannot_be_borrowed(ready, promote, ftv4):
    folder = plant_run(ready, ftv4, "ft:gpt-4.1-mini-2025-04-14:acme::other")
    code, answer, _ = promote("--run-manifest", f"{folder}/run_manifest.json", "--force", "--reason", "try")

    assert code == 4
    assert answer["blocked_by"][0].startswith(f"run: {folder} made sandbox:ft:")


# files


def test_a_dry_run_shows_the_diff_and_leaves_the_config(ready, promote):
    promote("--dry-run", form="text")

    assert '+      "model_id": "sandbox:ft:' in promote.out
    assert MODELS not in changed(ready)
    report = ready.read(PromotionReport, REPORT)
    assert report.dry_run
    assert report.passed
    assert not ready.path("train/model_cards").exists()


def test_D2_a_broken_models_json_is_an_error_and_stays_as_it_is(ready, promote):
    whole = ready.read_bytes(MODELS)
    ready.write(MODELS, whole[: len(whole) // 2])
    code, _, err = promote()

    assert code == 3
    assert MODELS in err
    assert ready.read_bytes(MODELS) == whole[: len(whole) // 2]
    assert changed(ready) == [MODELS]


def test_D3_a_promotion_does_not_undo_what_another_did_meanwhile(ready, promote):
    good = expert(STAGE)

    def during(asked):
        text = ready.read_text(MODELS).replace("deterministic:blueocean-v1", RULE)
        ready.write(MODELS, text)
        return good(asked)

    code, _, err = promote("--concurrency", "1", answers={GOOD.removeprefix("sandbox:"): during})

    assert code == 4
    assert "changed while the evals ran; nothing was promoted" in err
    assert ready.models().stages["blue_ocean"].model_id == RULE
    assert pinned(ready) == "deterministic:synthesis-v1"
    assert changed(ready) == [MODELS]


def test_D3_the_pins_weighed_are_those_that_were_read_first(ready, promote, monkeypatch):
    before = ready.read_bytes(MODELS)

    def load_while_another_promotes(*arguments):
        ready.write(MODELS, before.replace(b"deterministic:synthesis-v1", b"deterministic:core-v1"))
        return load_cases(*arguments)

    monkeypatch.setattr("ftv4.steps.cases.load_cases", load_while_another_promotes)

    assert promote("--dry-run")[1]["old_model_id"] == "deterministic:synthesis-v1"


def test_D1_a_disk_that_fills_up_leaves_nothing_half_promoted(ready, promote, monkeypatch):
    write = type(ready).write

    def full(self, path, content):
        if path == MODELS:
            raise OSError(28, "No space left on device")
        return write(self, path, content)

    monkeypatch.setattr(type(ready), "write", full)
    code, _, err = promote()

    assert code == 1
    assert "no space left on device" in err
    assert changed(ready) == []


def test_D4_promotions_of_one_second_keep_their_reports_apart(ready, promote):
    promote("--dry-run")
    promote("--dry-run")

    assert len(ready.files("train/promotion/reports", "**/*.json")) == 2
    assert len(ready.files("evals", "report_*.json")) == 6


def test_D5_no_file_holds_a_path_of_this_machine(ready, promote, ftv4):
    plant_run(ready, ftv4, GOOD.removeprefix("sandbox:"))
    promote()

    for path in changed(ready):
        assert str(ready.root) not in ready.read_text(path), path


# reports made earlier


def test_reports_made_earlier_save_asking_again(ready, promote, ftv4, monkeypatch):
    paths = made_earlier(ready, ftv4, monkeypatch)
    code, answer, _ = promote(*[f"--eval-report={path}" for path in paths])

    assert code == 0
    assert promote.asked == []
    assert answer["eval_report_paths"] == paths


def test_a_report_whose_scores_were_edited_is_not_believed(ready, promote, ftv4, monkeypatch):
    paths = made_earlier(ready, ftv4, monkeypatch, answers=broken("hello"), model="sandbox:mixed")
    report = ready.read_json(paths[1])
    for result in report["results"]:
        result |= {"passed": True, "schema_passed": True, "errors": [], "agreement": 1.0}
    ready.write(paths[1], json.dumps(report))
    code, _, err = promote(*[f"--eval-report={path}" for path in paths], model="sandbox:mixed")

    assert code == 4
    assert "its scores are not what its answers earn" in err


@pytest.mark.parametrize("change", [{"totals": {"fixtures": 6, "passed": 5, "failed": 1}}, {"results": []}])
def test_no_number_of_a_report_is_believed(ready, promote, ftv4, monkeypatch, change):
    paths = made_earlier(ready, ftv4, monkeypatch)
    ready.write(paths[2], json.dumps(ready.read_json(paths[2]) | change))
    code, _, err = promote(*[f"--eval-report={path}" for path in paths])

    assert code == 4
    assert "its scores are not what its answers earn" in err


def test_a_report_on_another_model_is_refused(ready, promote, ftv4, monkeypatch):
    paths = made_earlier(ready, ftv4, monkeypatch)
    code, _, err = promote(f"--eval-report={paths[1]}", model="sandbox:other")

    assert code == 2
    assert "is about sandbox:ft" in err


def test_a_report_from_before_the_cases_changed_is_refused(ready, promote, ftv4, monkeypatch):
    paths = made_earlier(ready, ftv4, monkeypatch)
    ready.path("evals/cases/agency_seed4242_01.json").unlink()
    code, _, err = promote(f"--eval-report={paths[1]}")

    assert code == 4
    assert "cases_sha256 differ" in err


def reword(repository):
    text = repository.template("prompts/synthesis_decision.md")
    repository.write("templates/prompts/synthesis_decision.md", f"{text}\nBe brief.\n")


def resample(repository, **changes):
    config = repository.read_json(MODELS)
    config["stages"][STAGE] |= changes
    repository.write(MODELS, json.dumps(config))


@pytest.mark.parametrize(
    "change",
    [reword, partial(resample, temperature=1), partial(resample, max_tokens=4000)],
    ids=["instructions", "temperature", "max_tokens"],
)
def test_a_report_on_other_parameters_is_refused(ready, promote, ftv4, monkeypatch, change):
    shutil.copytree(ROOT / "templates", ready.path("templates"))
    paths = made_earlier(ready, ftv4, monkeypatch)
    change(ready)
    code, _, err = promote(f"--eval-report={paths[1]}")

    assert code == 4
    assert "parameters_sha256 differ" in err


def made_earlier(repository, ftv4, monkeypatch, answers=None, model=GOOD):
    """Reports of candidate and pinned model, by `evals run`."""
    paths = [f"evals/report_{name}.json" for name in ("pipeline", "stage", "pinned")]
    run = ("evals", "run", "--stage", STAGE, "--mode")
    with provider(monkeypatch, answers or {GOOD.removeprefix("sandbox:"): expert(STAGE)}):
        ftv4(*run, "pipeline", "--model", model, "--out", paths[0])
        ftv4(*run, "stage", "--model", model, "--out", paths[1])
    ftv4(*run, "stage", "--out", paths[2])
    return paths


# pages


def test_the_card_reads_well(ready, promote, ftv4, golden):
    plant_run(ready, ftv4, GOOD.removeprefix("sandbox:"))
    _, answer, _ = promote("--notes", "For the spring offer.")

    golden("card_promoted.md", timeless(ready.read_text(answer["model_card_path"])))


@pytest.mark.parametrize(("ends", "waived"), [("2026-11-22", True), ("2026-11-21", False)])
def test_a_promoted_card_lists_waivers_that_hold_and_warns_of_others(ready, promote, ftv4, ends, waived):
    dataset = "train/datasets/stage_synthesis.jsonl"
    found = json.loads(ftv4("gate", dataset, "--only=contamination", "--format=json").out)["findings"]
    waiver = {"rule": found[0]["rule"], "file": dataset, "rows": [found[0]["row"]], "owner": "jo"}
    waivers = [waiver | {"reason": "a known question", "expires": ends}]
    ready.write("config/waivers.json", json.dumps({"waivers": waivers}))
    plant_run(ready, ftv4, GOOD.removeprefix("sandbox:"))
    _, answer, _ = promote()
    page = ready.read_text(answer["model_card_path"])

    assert ("| `a known question` | `jo` | 2026-11-22 |" in page) == waived
    assert (f"the waiver of {found[0]['rule']} ended on {ends}" in page) != waived


def test_the_page_of_a_blocked_promotion_reads_well(ready, promote, golden):
    promote("--keep-overrides", model="sandbox:mixed", answers=broken("hello"), form="markdown")

    golden("promotion_blocked.md", timeless(promote.out))


def test_the_page_of_a_promotion_reads_well(ready, promote, golden):
    promote(form="markdown")

    golden("promotion_passed.md", timeless(promote.out))


def timeless(page):
    """Without how long this machine took, and without digests and counts of other parts' text."""
    page = re.sub(r"(seconds an answer, median) \|.*", r"\1 | … |", page)
    page = re.sub(r"`[0-9a-f]{12}`", "`0123456789ab`", page)
    return re.sub(r"[0-9,]+ billable tokens", "12,345 billable tokens", page)


# the pull request


@pytest.fixture
def forge(ready, tmp_path_factory, monkeypatch):
    """The sandbox forge, with main as the checkout has it."""
    from ftv4.sandbox.forge import forge_app
    from ftv4.sandbox.serve import HOST, listening, served
    from tests.forge_sandbox import NAME, Sandbox

    folder = tmp_path_factory.mktemp("forge")
    with listening("forge", 0) as listener, served(forge_app(folder), listener):
        made = Sandbox(f"http://{HOST}:{listener.getsockname()[1]}", folder)
        git(ready, "push", "-q", str(made.git), "HEAD:refs/heads/main")
        monkeypatch.setenv("GITHUB_API_URL", made.url)
        monkeypatch.setenv("GITHUB_REPOSITORY", NAME)
        monkeypatch.setenv("GITHUB_TOKEN", "sandbox-ftv4-bot")
        yield made


def test_one_commit_one_pull_request_and_an_untouched_work_tree(ready, promote, forge):
    code, answer, _ = promote("--open-pr")

    assert code == 0
    assert changed(ready) == []
    assert not answer["config_updated"]
    pull = forge.github().get_pull(answer["pull_request"]["number"])
    assert re.fullmatch(r"ftv4/promote/synthesis_decision/[0-9a-f]{12}", pull.head.ref)
    assert pull.commits == 1
    assert {file.filename for file in pull.get_files()} == {
        MODELS,
        answer["report_path"],
        answer["model_card_path"],
        *answer["eval_report_paths"],
    }


def test_the_run_that_made_the_candidate_comes_along_where_main_lacks_it(ready, promote, forge, ftv4):
    folder = plant_run(ready, ftv4, GOOD.removeprefix("sandbox:"))
    _, answer, _ = promote("--open-pr")
    pull = forge.github().get_pull(answer["pull_request"]["number"])
    brought = {file.filename for file in pull.get_files() if file.filename.startswith("train/finetune_runs/")}

    assert brought == {f"{folder}/run_manifest.json", f"{folder}/job.json"}
    pull.merge()
    git(ready, "fetch", "-q", str(forge.git), "main")
    assert git(ready, "show", f"FETCH_HEAD:{folder}/job.json") == ready.read_text(f"{folder}/job.json")


def test_the_clone_that_trained_can_pull_the_merge_as_it_is_told_to(ready, promote, forge, ftv4):
    shutil.copytree(
        ROOT / "templates" / "init" / "train" / "finetune_runs", ready.path("train/finetune_runs")
    )
    ready.path("train/finetune_runs/dot-gitignore").rename(ready.path("train/finetune_runs/.gitignore"))
    folder = plant_run(ready, ftv4, GOOD.removeprefix("sandbox:"))
    other = ready.path(f"{folder}/../another/job.json")
    other.parent.mkdir()
    other.write_text("{}")
    promote("--open-pr", form="text")
    forge.github().get_pull(1).merge()
    with pytest.raises(subprocess.CalledProcessError):
        git(ready, "pull", "-q", "--ff-only", str(forge.git), "main")

    (told,) = [line for line in promote.out.splitlines() if line.startswith("  git clean ")]
    subprocess.run(told, shell=True, cwd=ready.root, check=True, capture_output=True)
    git(ready, "pull", "-q", "--ff-only", str(forge.git), "main")

    assert ready.path(f"{folder}/train_openai.jsonl").is_file()
    assert pinned(ready) == GOOD
    assert other.is_file()  # a run that isn't promoted keeps its record
    assert folder not in " ".join(changed(ready))


def test_a_dataset_that_main_lacks_is_said_before_the_verdict_refuses_it(ready, promote, forge):
    path = "train/datasets/stage_synthesis.jsonl"
    git(ready, "checkout", "-q", "-b", "rows")
    ready.write(path, ready.read_bytes(path).split(b"\n", 1)[1])
    git(ready, "commit", "-q", "-a", "-m", "rows")

    answer = promote("--open-pr")[1]

    assert answer["notes"] == [
        f"{path} isn't committed in main as it is here: the verdict will refuse; bring it there first"
    ]


def test_who_proposes_nothing_is_not_told_to_throw_it_away(ready, promote):
    """What a promotion wrote here is there nowhere else until somebody commits it."""
    promote(form="text")

    assert changed(ready)
    assert "git clean" not in promote.out


def test_what_git_tracks_already_is_in_nobodys_way(ready, promote, forge):
    promote("--open-pr", form="text")

    assert "git clean" not in promote.out


def test_the_pull_request_reads_well(ready, promote, forge, ftv4, golden):
    plant_run(ready, ftv4, GOOD.removeprefix("sandbox:"))
    git(ready, "add", ".")
    git(ready, "commit", "-q", "-m", "a run")
    _, answer, _ = promote("--open-pr", "--notes", "For the spring offer.")
    pull = forge.github().get_pull(answer["pull_request"]["number"])

    assert pull.title == "Promote a sandbox model to synthesis_decision: IMPROVED"
    golden("promotion_pr.md", timeless(pull.body.split("<!-- ftv4:")[0]))


def test_merged_it_serves(ready, promote, forge):
    _, answer, _ = promote("--open-pr")
    forge.github().get_pull(answer["pull_request"]["number"]).merge()
    git(ready, "pull", "-q", str(forge.git), "main")

    assert pinned(ready, "hvac") == GOOD
    assert ready.read(PromotionReport, answer["report_path"]).passed


def test_proposing_again_keeps_the_one_pull_request(ready, promote, forge):
    first = promote("--open-pr")[1]["pull_request"]["number"]
    second = promote("--open-pr")[1]["pull_request"]["number"]

    assert first == second
    assert forge.github().get_pulls().totalCount == 1


def test_a_promotion_is_at_most_eight_calls(ready, promote, forge):
    before = len(forge.asked())
    promote("--open-pr")

    assert len(forge.asked()) - before <= 8


def test_D3_a_checkout_behind_main_proposes_nothing(ready, promote, forge):
    ahead = forge.checkout()
    text = ready.read_text(MODELS).replace("deterministic:blueocean-v1", RULE)
    ahead.push({MODELS: text.encode()})
    code, _, err = promote("--open-pr")

    assert code == 4
    assert f"main has another {MODELS} than this was made from" in err
    assert forge.github().get_pulls().totalCount == 0


def test_a_blocked_promotion_opens_nothing_and_leaves_its_report(ready, promote, forge):
    code, answer, _ = promote("--open-pr", model=RULE, answers={})

    assert code == 4
    assert answer["pull_request"] is None
    assert ready.path(answer["report_path"]).is_file()
    assert forge.github().get_pulls().totalCount == 0


def test_a_missing_forge_is_found_before_anybody_is_asked(ready, promote, monkeypatch):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    code, _, err = promote("--open-pr")

    assert code == 2
    assert "GITHUB_REPOSITORY" in err
    assert promote.asked == []


def test_what_strangers_wrote_cannot_format_or_mention_or_close(ready, promote, forge):
    good = expert(STAGE)

    def rude(asked):
        said = json.loads(good(asked))
        if asked["industry"] == "agency":
            said["primary_constraint"] = "`</details> @ada fixes #1 <img src=x> [skip ci] " + "x" * 60
        return json.dumps(said)

    name = GOOD.removeprefix("sandbox:")
    words = ("--notes", "@team closes #2\n# Big", "--force", "--reason", "@mallory: fixes #3")
    _, answer, _ = promote("--open-pr", *words, answers={name: rude})
    pull = forge.github().get_pull(answer["pull_request"]["number"])
    outside = re.sub(r"`[^`\n]*`", "", pull.body)

    for bad in ("@", "#1", "#2", "#3", "<img", "skip ci", "\n# Big"):
        assert bad not in outside
    assert outside.count("</details>") == outside.count("<details>")
    message = git_message(forge, pull.head.sha)
    assert "skip ci" not in message
    assert "@" not in message


def git_message(forge, sha):
    return subprocess.run(
        ["git", "-C", forge.git, "log", "-1", "--format=%B", sha], check=True, capture_output=True, text=True
    ).stdout


def test_the_body_stays_within_what_the_forge_takes(ready, promote, forge, monkeypatch):
    monkeypatch.setattr("ftv4.steps.proposal.COMMENT", 3_000)
    _, answer, _ = promote("--open-pr", "--notes", "\N{SNOWMAN}" * 4_000)

    assert len(forge.github().get_pull(answer["pull_request"]["number"]).body) <= 3_000 + 200
