"""finetune.yml: the plan and its cost first; what is paid is asked for once, from main, on the record."""

import json

import pytest

from tests.workflows.platform import DATASET

ASKED = {"stage": "quant_signals", "suffix": "act", "provider": "openai", "dry_run": "true"}
LEDGER = "ftv4-ledger"
POLICY = "config/intelligence_v4.policy.json"
BRANCH = "refs/heads/feature"


def test_a_dry_run_says_what_it_would_cost_and_calls_nobody(platform):
    happened = platform.dispatch("finetune", ASKED, secrets={})

    assert (happened.code, happened.jobs) == (0, {"plan": "success"})
    assert happened.summaries["plan"].startswith("## Fine-tune plan: `quant_signals`")
    assert "| cost | about $" in happened.summaries["plan"]
    assert happened.artifacts == {"plan": ["run_manifest.json", "train_openai.jsonl"]}
    assert platform.provider.asked() == []
    assert platform.forge.asked("POST") == []


def test_it_is_dry_unless_told_otherwise(platform):
    happened = platform.dispatch("finetune", {name: ASKED[name] for name in ("stage", "suffix")})

    assert happened.jobs == {"plan": "success"}
    assert platform.provider.asked() == []


def test_a_live_run_plans_then_buys_and_is_on_the_ledger(platform):
    happened = platform.dispatch("finetune", ASKED | {"dry_run": "false", "n_epochs": "2"}, app=True)

    assert (happened.code, happened.jobs) == (0, {"plan": "success", "launch": "success"})
    assert happened.steps["launch", "become the App"] == "success"
    assert platform.provider.jobs_made() == 1
    run = happened.outputs["launch"]["run"]
    folder = f"train/finetune_runs/quant_signals/{run}"
    assert happened.artifacts["run"] == ["job.json", "run_manifest.json", "train_openai.jsonl"]
    job = json.loads(platform.read(LEDGER, f"{folder}/job.json"))["openai"]["job_id"]
    assert f"| job | `{job}` |" in happened.summaries["launch"]
    assert json.loads(platform.read(LEDGER, f"{folder}/run_manifest.json"))["config"]["n_epochs"] == 2
    assert "train_openai.jsonl" not in " ".join(platform.files(LEDGER))


@pytest.mark.parametrize("approved_by", [None, "ada"])
def test_what_nobody_else_approved_is_not_bought(platform, approved_by):
    happened = platform.dispatch("finetune", ASKED | {"dry_run": "false"}, approved_by=approved_by)

    assert happened.jobs == {"plan": "success", "launch": "failure"}
    assert "has approved this workflow run in ftv4-paid" in happened.log
    assert platform.provider.asked() == []


@pytest.mark.parametrize("told", ["main has changed since the plan", "caps.jobs_a_day"])
def test_what_is_approved_late_is_bought_as_it_was_planned_and_within_the_caps_of_now(platform, told):
    """Main moves on while the request waits for its approval."""
    before = platform.main
    rows = platform.read("main", DATASET).encode()
    policy = json.loads(platform.read("main", POLICY))
    policy["caps"]["jobs_a_day"] = 0
    moved = {"caps.jobs_a_day": {POLICY: json.dumps(policy).encode()}}
    platform.forge.checkout().push(moved.get(told, {DATASET: rows[: rows.rindex(b"\n")] + b"\n"}))

    happened = platform.dispatch("finetune", ASKED | {"dry_run": "false"}, at=before)

    assert happened.jobs == {"plan": "success", "launch": "failure"}
    assert told in happened.log
    assert platform.provider.asked("POST") == []


def test_the_same_run_is_paid_once_also_without_an_app(platform):
    live = ASKED | {"dry_run": "false"}
    first, second = (platform.dispatch("finetune", live) for _ in range(2))

    assert (first.code, second.code) == (0, 0)
    assert ("launch", "become the App") not in first.steps
    assert platform.provider.jobs_made() == 1
    assert "It was paid for before" in second.summaries["launch"]


@pytest.mark.parametrize("ref", [BRANCH, "refs/tags/main", "refs/heads/Main"])
def test_a_dispatch_from_elsewhere_than_main_is_refused(platform, ref):
    happened = platform.dispatch("finetune", ASKED | {"dry_run": "false"}, ref=ref)

    assert happened.jobs == {"plan": "failure"}
    assert "only the default branch's own workflow may do this" in happened.log
    assert platform.asked() == []


@pytest.mark.parametrize(
    "bad",
    [
        {"stage": "$(touch owned)"},
        {"stage": "../../etc"},
        {"suffix": "a; touch owned"},
        {"suffix": "a\n::error::owned"},
        {"base_model": "--dry-run=false"},
        {
            "notes": "`touch owned` ${{ secrets.OPENAI_API_KEY }}\n##[set-output name=run]x",
            "min_rows": "9999",
        },
        {"form": "json"},
    ],
)
def test_a_hostile_input_is_refused_and_obeyed_by_nobody(platform, bad):
    happened = platform.dispatch("finetune", ASKED | bad)

    assert happened.jobs == {"plan": "failure"}
    assert (happened.outputs, happened.annotations, happened.artifacts) == ({}, [], {})
    assert not list(platform.folder.rglob("owned"))
    assert platform.asked() == []


def test_notes_reach_the_manifest_as_they_were_typed(platform):
    notes = "$(touch owned) \"quoted\" 'single' `tick`\n::error::owned ${{ github.token }}"
    happened = platform.dispatch("finetune", ASKED | {"notes": notes})
    (manifest,) = platform.folder.rglob("artifacts/plan/run_manifest.json")

    assert happened.jobs == {"plan": "success"}
    assert json.loads(manifest.read_text())["config"]["notes"] == notes
    assert happened.annotations == []


def test_a_dry_run_that_is_neither_true_nor_false_pays_nothing(platform):
    happened = platform.dispatch("finetune", ASKED | {"dry_run": "maybe"})

    assert (happened.code, happened.jobs.get("launch", "skipped")) != (0, "success")
    assert platform.asked() == []


def test_without_the_key_nothing_is_asked(platform):
    happened = platform.dispatch(
        "finetune", ASKED | {"dry_run": "false"}, secrets={"GITHUB_TOKEN": "sandbox-x"}
    )

    assert happened.jobs == {"plan": "success", "launch": "failure"}
    assert "OPENAI_API_KEY" in happened.log
    assert platform.asked() == []


def test_a_ledger_that_cannot_be_written_means_that_nothing_is_asked(platform):
    happened = platform.dispatch(
        "finetune",
        ASKED | {"dry_run": "false"},
        secrets={"GITHUB_TOKEN": "no token", "OPENAI_API_KEY": "any"},
    )

    assert happened.jobs == {"plan": "success", "launch": "failure"}
    assert platform.provider.jobs_made() == 0
