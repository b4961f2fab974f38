"""Persists runs of the rules, and reads back what curation makes of them."""

import json
from datetime import UTC, datetime, timedelta

from ftv4.contracts.models import Pin
from ftv4.guards import Guards
from ftv4.pipeline.model import RuleModel
from ftv4.pipeline.run import run_pipeline
from ftv4.stages import STAGES
from ftv4.steps.store import RUNS, save
from tests.stages.build import brief

NOW = datetime(2026, 2, 9, 12, tzinfo=UTC)
SYNTHESIS = "synthesis_decision"
DATASET = "train/datasets/stage_synthesis.jsonl"
PACK = "train/curation/review_packs/2026-02-09/review_pack.json"


def persist(repository, run_id="r1", days_ago=1, folder=RUNS, words=None, **members):
    """One run of the rules, so many days before NOW; `words` are bucket words, `members` a brief's."""
    made = brief(words, run_id=run_id, **members)
    guards = Guards.compile(repository.policy())
    record = run_pipeline(made, pin, lambda name, _: RuleModel(name), guards, NOW - timedelta(days=days_ago))
    assert record.error is None
    save(repository, record, folder)
    return record


def pin(stage, industry):
    return Pin(model_id="deterministic:core-v1", schema_version=STAGES[stage].output_schema)


def item_id(run_id="r1", stage=SYNTHESIS):
    return f"run:{run_id}/stage:{stage}"


def pack_of(repository, path=PACK):
    return json.loads(repository.read_text(path))


def items_of(repository, path=PACK):
    return {item["id"]: item for item in pack_of(repository, path)["items"]}


def rows_of(repository, path=DATASET):
    return [json.loads(line) for line in repository.read_text(path).splitlines()]
