"""Every input of every form reaches its command: all at once, and none as its default has it."""

import json

import pytest

from tests.workflows import expected
from tests.workflows.test_gate_preview import ROWS
from tests.workflows.test_journey import MODELS, TRAINED, pinned

OTHER, FEW, PROVIDERS = "train/datasets/other.jsonl", "train/datasets/few.jsonl", "config/providers.json"
NOTES = "for $(touch owned) \"spring\" 'and' `summer`"
TYPED = {
    "finetune": {
        "stage": "quant_signals",
        "suffix": "typed",
        "dataset": OTHER,
        "base_model": "gpt-4.1-mini-2025-04-14",
        "provider": "second",
        "n_epochs": "2",
        "learning_rate_multiplier": "0.5",
        "seed": "7",
        "approved_only": "false",
        "min_rows": "11",
        "notes": NOTES,
        "again": "true",
        "dry_run": "false",
    },
    "promote": {
        "stage": "quant_signals",
        "model": "second:…",
        "dataset": FEW,
        "notes": NOTES,
        "force": "true",
        "reason": "a $(touch owned) pilot",
    },
    "rollback": {"stage": "quant_signals", "to": "deterministic:quant-v1", "reason": NOTES},
    "verdict": {"pr": "1"},
}
"""What people type here; test_verdict.py types the number."""


@pytest.mark.parametrize("workflow", expected.INPUTS)
def test_no_input_that_a_form_declares_is_left_out_or_left_as_it_is(workflow):
    declared = expected.INPUTS[workflow]

    assert set(TYPED[workflow]) == set(declared)
    assert [name for name, told in declared.items() if told.get("default") == TYPED[workflow][name]] == []


def test_each_workflow_that_has_a_form_is_dispatched_here():
    forms = {name for name, triggers in expected.TRIGGERS.items() if "workflow_dispatch" in triggers}

    assert forms - set(TYPED) == {"doctor", "reconcile"}  # which ask for nothing


@pytest.fixture
def two_providers(platform):
    """Two providers, and datasets beside the stage's own."""
    providers = json.loads(platform.read("main", PROVIDERS))
    providers["providers"]["second"] = providers["providers"]["openai"]
    files = {PROVIDERS: json.dumps(providers).encode(), OTHER: b"".join(ROWS[:-1]), FEW: b"".join(ROWS[:5])}
    platform.forge.checkout().push(files)
    return platform


def test_all_that_the_forms_of_finetune_and_promote_say(two_providers):
    platform, typed = two_providers, TYPED["finetune"]
    first = platform.dispatch("finetune", typed | {"again": "false"})
    provider = platform.provider.connect()
    provider.cancel(provider.jobs()[0].id)
    second = platform.dispatch("finetune", typed)
    manifest = json.loads(platform.read("ftv4-ledger", folder_of(second) + "/run_manifest.json"))

    assert (first.code, second.code, platform.provider.jobs_made()) == (0, 0, 2), second.log
    assert manifest["config"] == {
        "base_model": "gpt-4.1-mini-2025-04-14", "suffix": "typed", "n_epochs": 2,
        "learning_rate_multiplier": 0.5, "seed": 7, "notes": NOTES,
    }  # fmt: skip
    assert (manifest["dataset_path"], manifest["provider"], manifest["stage"]) == (
        OTHER,
        "second",
        "quant_signals",
    )
    assert (manifest["approved_only"], manifest["minimum_rows_required"], manifest["dry_run"]) == (
        False,
        11,
        False,
    )

    platform.provider.ahead += TRAINED
    model = next(job.model for job in provider.jobs() if job.model)
    happened = platform.dispatch("promote", TYPED["promote"] | {"model": f"second:{model}"})
    (proposal,) = platform.forge.github().get_pulls(state="open")
    (path,) = (one for one in platform.files(proposal.head.sha) if "train/promotion/reports/" in one)
    report = json.loads(platform.read(proposal.head.sha, path))

    assert happened.jobs == {"propose one": "success"}
    assert (report["new_model_id"], report["stage"], report["notes"]) == (
        f"second:{model}",
        "quant_signals",
        NOTES,
    )
    assert (report["dataset"]["path"], report["dataset"]["forced"]) == (FEW, True)
    assert report["dataset"]["force_reason"] == "a $(touch owned) pilot"
    assert not list(platform.folder.rglob("owned"))


def folder_of(happened):
    return f"train/finetune_runs/quant_signals/{happened.outputs['launch']['run']}"


def test_all_that_the_form_of_rollback_says(platform):
    person = platform.forge.checkout()
    text = (person.folder / MODELS).read_text()
    for model in ("openai:gpt-4o-mini-2024-07-18", "openai:gpt-4.1-mini-2025-04-14"):
        person.push({MODELS: text.replace("deterministic:quant-v1", model).encode()})
    happened = platform.dispatch("rollback", TYPED["rollback"])
    (proposal,) = platform.forge.github().get_pulls(state="open")
    back = json.loads(platform.read(proposal.head.sha, MODELS))["stages"]["quant_signals"]

    assert happened.jobs == {"rollback": "success"}
    assert pinned(platform) == "openai:gpt-4.1-mini-2025-04-14"
    assert back["model_id"] == "deterministic:quant-v1"
    assert back["promotion_history"][-1]["reason"] == NOTES
    assert not list(platform.folder.rglob("owned"))


def test_a_round_that_somebody_asks_for_is_one_as_the_clocks(platform):
    happened = platform.dispatch("reconcile")

    assert happened.jobs == {"follow": "success"}
    assert "There is no run that reached a provider." in happened.summaries["follow"]
