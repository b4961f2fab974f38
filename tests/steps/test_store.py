import json

import pytest

from ftv4.contracts.record import RunRecord
from ftv4.errors import ContractError
from ftv4.steps.store import RUNS, load, save

NODE_RECORD = {
    "run_id": "eval-run_1",
    "workspace_id": "w1",
    "pipeline_version": "intelligence_v4",
    "status": "failed",
    "started_at": "2026-02-09T19:03:27.205Z",
    "stage_records": [
        {
            "stage_name": "quant_signals",
            "created_at": "2026-02-09T19:03:27.205Z",
            "updated_at": "2026-02-09T19:03:27.207Z",
            "model_config": {
                "model_id": "deterministic:quant-v1",
                "prompt_version": "v1",
                "schema_version": "quant_signals_v1",
                "temperature": 0,
                "max_tokens": 1200,
                "rollout": {"strategy": "pinned", "canary_percent": 0},
                "fallback": {"enabled": False},
            },
            "approved": False,
            "notes": "",
            "input_artifact": {
                "artifact_kind": "stage_input_summary_v1",
                "schema_version": "stage_input_quant_v1",
                "created_at": "2026-02-09T19:03:27.205Z",
                "payload_json": {"industry": "hvac"},
                "guard_results": {"passed": True, "failures": []},
                "validation_results": {"ok": True, "errors": []},
            },
        }
    ],
    "error": {
        "stage_failed": "quant_signals",
        "reason": "schema",
        "validation_errors": ["root must be object"],
        "guard_failures": [{"code": "stage_drift", "message": "m", "stage_name": "quant_signals"}],
        "next_action": "Fix it",
    },
}
"""A record as the Node tool persists it (contracts.md §11.7): absent members are absent."""


def record(run_id="r1", **changes):
    plain = {
        "run_id": run_id,
        "workspace_id": "w1",
        "pipeline_version": "intelligence_v4",
        "status": "succeeded",
        "started_at": "2026-02-09T00:00:00.000Z",
        "stage_records": [],
    }
    return RunRecord.model_validate(plain | changes)


def test_a_record_comes_back_as_it_was_saved(repository):
    assert save(repository, record()) == "train/ops/runs/r1.json"

    assert load(repository).records == [record()]


def test_the_newest_run_comes_first(repository):
    for run_id, day in (("a", 3), ("b", 5), ("c", 5)):
        save(repository, record(run_id, started_at=f"2026-02-0{day}T00:00:00.000Z"))

    assert [each.run_id for each in load(repository).records] == ["b", "c", "a"]


def test_a_run_that_does_not_say_when_comes_last(repository):
    save(repository, record("a", started_at="yesterday"))
    save(repository, record("b"))

    assert [each.run_id for each in load(repository).records] == ["b", "a"]


def test_the_node_tools_records_are_read_from_their_own_folder(repository):
    folder = repository.path("tmp/intelligence_v4")
    folder.mkdir(parents=True)
    (folder / "eval-run_1.json").write_text(json.dumps(NODE_RECORD))
    (folder / "eval_summary.json").write_text("{}")

    stored = load(repository, "tmp/intelligence_v4")

    assert stored.problems == []
    assert stored.records[0].stage_records[0].model_config_.fallback.model_id is None
    assert (stored.records[0].error.code, stored.records[0].finished_at) == (None, None)


def test_C1_what_is_no_run_record_is_named_and_the_others_are_read(repository):
    save(repository, record())
    repository.write(f"{RUNS}/torn.json", '{"run_id": "x",')
    repository.write(f"{RUNS}/null.json", "null")
    repository.write(f"{RUNS}/typo.json", json.dumps(NODE_RECORD | {"workspace": "w1"}))

    stored = load(repository)

    assert len(stored.records) == 1
    assert [
        name
        for name in ("torn", "null", "typo")
        if any(f"{RUNS}/{name}.json" in line for line in stored.problems)
    ]
    assert any("torn.json:1: not JSON" in line for line in stored.problems)
    assert any("typo.json#/workspace" in line for line in stored.problems)


def test_C4_a_workspace_is_found_however_many_runs_others_have(repository):
    for number in range(60):
        save(repository, record(f"a{number}", workspace_id="other", started_at="2026-03-01T00:00:00.000Z"))
    save(repository, record("z"))

    assert [each.run_id for each in load(repository, workspace="w1").records] == ["z"]


@pytest.mark.parametrize("run_id", ["../../escaped", "a/b", "", ".hidden", "a\\b", "a\n", "é", "x" * 200])
def test_D6_a_run_id_that_is_no_file_name_is_refused(run_id, repository):
    forged = record().model_copy(update={"run_id": run_id})

    with pytest.raises(ContractError, match="no file can have that name"):
        save(repository, forged)
    assert list(repository.root.parent.rglob("*escaped*")) == []


def test_D6_a_record_that_claims_such_an_id_is_a_problem(repository):
    repository.write(f"{RUNS}/x.json", json.dumps(NODE_RECORD | {"run_id": "../../escaped"}))

    assert "#/run_id" in load(repository).problems[1]


def test_D9_there_is_one_store_whatever_the_environment_says(repository, monkeypatch):
    monkeypatch.setenv("NODE_ENV", "test")
    monkeypatch.setenv("INTELLIGENCE_V4_FORCE_FILE_STORE", "true")
    save(repository, record())

    assert [path.name for path in repository.root.rglob("*.json") if "config" not in str(path)] == ["r1.json"]


def test_an_unfinished_file_is_no_run(repository):
    repository.write(f"{RUNS}/.ftv4-tmp-abc.json", "{")

    assert load(repository) == ([], [])


def test_a_store_that_is_not_there_is_empty(repository):
    assert load(repository).records == []
