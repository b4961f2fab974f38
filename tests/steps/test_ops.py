"""The operator's questions, asked of real files."""

import errno
import json
import os
from datetime import UTC, datetime

import pytest

from ftv4.contracts.run import Job, JobEvent, JobIds, JobRecord
from ftv4.steps.ops import doctor_lines, examine, status_lines, status_of
from tests.dataset_rows import rows, write_dataset

HOSTILE = "ftjob-1\x1b[31m ::error::owned"
STAMPS = ["20260101T000000Z", "20261120T000000Z"]


def status(ftv4):
    return json.loads(ftv4("ops", "status", "--format", "json").out)


def stage(ftv4, name="quant_signals"):
    return next(row for row in status(ftv4)["stages"] if row["stage"] == name)


def test_C10_status_counts_approvals_and_not_lines(ftv4, repository):
    rows = [{"approved": True}, {"approved": False}, {"approved": 1}, {"approved": "true"}]
    lines = [json.dumps(row) for row in rows] + ["", "null", "{broken"]
    repository.write("train/datasets/stage_quant.jsonl", "\n".join(lines) + "\n")

    seen = stage(ftv4)

    assert (seen["rows"], seen["approved_rows"], seen["malformed_lines"]) == (4, 1, 2)


def test_C1_status_names_what_it_cannot_read(ftv4, repository):
    repository.write("train/curation/review_packs/a.json", '{"items": ')
    repository.write("evals/report_20260101T000000Z.json", "{}")

    unreadable = status(ftv4)["unreadable"]

    assert [line.split(":")[0] for line in unreadable] == [
        "train/curation/review_packs/a.json",
        "evals/report_20260101T000000Z.json",
    ]


def test_status_says_who_serves(ftv4, repository):
    assert stage(ftv4)["pinned_model_id"] == "deterministic:quant-v1"
    assert "deterministic:quant-v1" in ftv4("ops", "status").out


def test_E8_a_doctor_that_cannot_ask_exits_5_and_names_the_variable(ftv4, repository):
    done = ftv4("ops", "ft-doctor", "--json")

    answer = json.loads(done.out)
    assert done.code == 5
    assert not answer["has_api_key"]
    assert "OPENAI_API_KEY" in answer["errors"][0]


def test_the_doctor_names_the_providers_there_are(ftv4, repository):
    done = ftv4("ops", "ft-doctor", "--provider", "azur")

    assert done.code == 5
    assert "no provider azur; there are openai" in done.out


@pytest.fixture
def ships(repository):
    for name in STAMPS:
        repository.write(f"train/ops/synth_ship/{name}/ops_manifest.json", "{}")
    repository.write("train/ops/runs/keep.json", "{}")
    return lambda: sorted(path.name for path in repository.path("train/ops/synth_ship").glob("*"))


def test_clean_is_dry_unless_told_otherwise(ftv4, ships, monkeypatch):
    monkeypatch.setenv("FTV4_NOW", "2026-11-22T00:00:00Z")
    done = ftv4("ops", "clean")

    assert "would remove train/ops/synth_ship/20260101T000000Z" in done.out
    assert ships() == STAMPS


def test_clean_removes_what_is_older_than_keep_days_by_its_stamp(ftv4, ships, repository, monkeypatch):
    monkeypatch.setenv("FTV4_NOW", "2026-11-22T00:00:00Z")
    ftv4("ops", "clean", "--dry-run=false")

    assert ships() == STAMPS[1:]
    assert repository.path("train/ops/runs/keep.json").exists()


def test_clean_all_takes_every_ship(ftv4, ships):
    ftv4("ops", "clean", "--all", "--dry-run=false")

    assert ships() == []


def test_a_folder_that_does_not_go_is_named_and_is_no_defect(ftv4, ships, monkeypatch):
    def busy(*_, **__):
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(os, "rmdir", busy)

    done = ftv4("ops", "clean", "--all", "--dry-run=false")

    assert done.code == 1
    assert f"train/ops/synth_ship/{STAMPS[0]}: not removed: device or resource busy" in done.err
    assert "defect" not in done.err


# what runs and providers say


@pytest.fixture
def runs(repository, ftv4, monkeypatch):
    """Two runs of quant_signals: the older one with a job of a hostile name, the newer one dry."""
    write_dataset(repository, rows(30))
    monkeypatch.setenv("FTV4_NOW", "2026-01-01T00:00:00Z")
    older = _planned(ftv4)
    manifest = repository.read_json(f"{older}/run_manifest.json")
    ids = JobIds(file_id="file-1", job_id=HOSTILE, status="succeeded", base_model="gpt")
    record = JobRecord(
        created_at=manifest["generated_at"], updated_at=manifest["generated_at"], stage="quant_signals",
        provider="openai", run_key=manifest["run_key"], dataset_path=manifest["dataset_path"],
        training_file_path=f"{older}/train_openai.jsonl", openai=ids,
    )  # fmt: skip
    repository.write_contract(f"{older}/job.json", record)
    monkeypatch.setenv("FTV4_NOW", "2026-01-02T00:00:00Z")
    return older, _planned(ftv4)


def _planned(ftv4):
    arguments = ("--stage", "quant_signals", "--suffix", "demo", "--format", "json")
    return json.loads(ftv4("ft", "stage", *arguments).out)["run_dir"]


def test_status_names_the_newest_run_and_the_newest_job(ftv4, repository, runs):
    _, newer = runs
    repository.write("train/finetune_runs/quant_signals/zz/run_manifest.json", "{}")

    seen = stage(ftv4)

    assert (seen["last_run"], seen["last_job_status"]) == (newer, "succeeded")


def test_status_names_a_run_that_was_asked_for_and_has_no_job_beside_the_job_of_an_older_one(
    ftv4, repository, runs
):
    older, newer = runs
    record = repository.read_json(f"{older}/job.json")
    record["attempted_at"] = "2026-01-02T00:00:00.000Z"
    record["openai"] |= {"job_id": None, "status": "file_uploaded"}
    record["training_file_path"] = f"{newer}/train_openai.jsonl"
    repository.write(f"{newer}/job.json", json.dumps(record))

    seen = stage(ftv4)

    assert (seen["last_job_id"], seen["last_job_status"]) == (HOSTILE, "succeeded")
    assert seen["unanswered"] == [{"run": newer, "asked_at": "2026-01-02T00:00:00.000Z"}]
    assert f"{newer}: a job was asked for at 2026-01-02T00:00:00.000Z" in ftv4("ops", "status").out


def test_status_names_a_damaged_run(ftv4, repository, runs):
    repository.write("train/finetune_runs/quant_signals/zz/run_manifest.json", "{")

    assert any("/zz/run_manifest.json" in line for line in status(ftv4)["unreadable"])


def test_nothing_that_a_file_or_a_provider_says_acts_in_the_answer(repository, runs):
    class Client:
        stored_key = True

        def job(self, _):
            return Job(id=HOSTILE, status="failed", base_model=HOSTILE, model=HOSTILE, error=HOSTILE)

        def events(self, _, __):
            return [JobEvent(at="2026-01-01T00:00:00.000Z", level=HOSTILE, message=HOSTILE)]

        def models(self):
            return {}

    now = datetime(2026, 1, 3, tzinfo=UTC)
    doctor = examine(repository, "openai", Client, now, limit=1, job_id=HOSTILE, events=True)

    assert doctor.jobs[0].id == HOSTILE
    assert len(doctor.jobs[0].events) == 1
    for line in (*status_lines(status_of(repository, now)), *doctor_lines(doctor)):
        assert "\x1b" not in line and "::error" not in line
