"""What a fine-tune on a dataset would be: tokens, cost, duration, and what each of them rests on."""

import json

import pytest

from ftv4.contracts.run import JobIds, JobRecord
from tests.gates.build import lines, varied

STAGE, DATASET = "synthesis_decision", "train/datasets/stage_synthesis.jsonl"
BASE = "gpt-4.1-mini-2025-04-14"


@pytest.fixture
def ready(repository, monkeypatch):
    """A dataset of 37 rows, three fewer than the stage needs."""
    monkeypatch.setenv("FTV4_NOW", "2026-11-22T12:00:00Z")
    repository.write(DATASET, lines(*varied(37)))
    return repository


@pytest.fixture
def forecast(ready, ftv4):
    """The forecast for that dataset."""

    def ask(*flags):
        done = ftv4("gate", DATASET, "--only=rows", "--forecast", "--format=json", *flags)
        return json.loads(done.out)["forecast"]

    return ask


@pytest.fixture
def page(ready, ftv4):
    """What people are shown, in each form."""
    return lambda form: ftv4("gate", DATASET, "--only=rows", "--forecast", "--format", form).out


def finished(repository, number, minutes, tokens, status="succeeded", base_model=BASE):
    """A job that took so long for so many tokens."""
    folder = f"train/finetune_runs/{STAGE}/20261101T12000{number}Z"
    ids = JobIds(
        file_id="file-1", job_id=f"ftjob-{number}", status=status, base_model=base_model,
        trained_tokens=tokens,
    )  # fmt: skip
    job = JobRecord(
        created_at="2026-11-01T12:00:00.000Z", updated_at=f"2026-11-01T12:{minutes}:00.000Z", stage=STAGE,
        provider="openai", run_key="0" * 64, dataset_path=DATASET,
        training_file_path=f"{folder}/train_openai.jsonl", openai=ids,
    )  # fmt: skip
    manifest = json.loads(plan(repository))
    repository.write(f"{folder}/run_manifest.json", json.dumps(manifest | {"output_dir": folder}))
    repository.write_contract(f"{folder}/job.json", job)


def plan(repository):
    (path,) = repository.files(f"train/finetune_runs/{STAGE}", "2026112*/run_manifest.json")
    return path.read_text()


def test_tokens_are_those_of_each_epoch_and_cost_follows_the_dated_price(forecast, ready):
    estimate = forecast()["estimate"]
    facts = ready.providers().providers["openai"].base_models[BASE]

    assert estimate["epochs"] == 3
    assert estimate["billable_tokens"] == 3 * estimate["tokens_per_epoch"] > 37 * 1000
    assert estimate["cost_usd"] == round(estimate["billable_tokens"] * facts.train_price / 1e6, 4)
    assert estimate["price_source"] == f"{facts.source}, as of {facts.as_of}"


def test_without_a_price_none_is_made_up(forecast, ready, ftv4):
    table = ready.read_json("config/providers.json")
    del table["providers"]["openai"]["base_models"][BASE]["train_price"]
    ready.write("config/providers.json", json.dumps(table))

    assert forecast()["estimate"]["cost_usd"] is None
    assert "no price known" in ftv4("gate", DATASET, "--only=rows", "--forecast").out


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_people_are_told_that_it_is_an_estimate_and_how_many_rows_are_missing(page, form):
    out = page(form)

    assert "by estimate" in out
    assert "eligible rows 37 of 40" in out
    assert "how long is not known until a job of this repository has finished" in out
    assert ", as of 20" in out


def test_the_duration_is_the_median_of_the_finished_jobs_of_that_base_model(forecast, ready, ftv4, page):
    ready.write(DATASET, lines(*varied(42)))
    assert ftv4("ft", "stage", "--stage", STAGE, "--suffix=x").code == 0
    for number, (minutes, tokens) in enumerate([("10", 1000), ("20", 1000), ("59", 1000)]):
        finished(ready, number, minutes, tokens)
    finished(ready, 4, "30", 10, status="failed")
    finished(ready, 5, "30", 10, base_model="gpt-4o-mini-2024-07-18")
    finished(ready, 6, "30", None)
    told = forecast()

    assert told["finished_jobs"] == 3
    assert told["seconds"] == pytest.approx(1.2 * told["estimate"]["billable_tokens"], abs=0.1)
    assert f"about {round(told['seconds'] / 60):,} minutes (median of 3 finished jobs)" in page("text")
