"""The operator's questions, asked of real files."""

import json

import pytest

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
