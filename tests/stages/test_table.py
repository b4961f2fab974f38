"""The one table of stages agrees with the models, the config and the prompts."""

import json
import re

import pytest

from ftv4.contracts.models import StageName
from ftv4.contracts.policy import LeakScan
from ftv4.documents import Repository
from ftv4.guards import Guards
from ftv4.stages import STAGES, problems_of
from tests.conftest import ROOT
from tests.stages.bounds import BOUNDS

ENVELOPE = {"schema_version", "stage_name", "model_id", "prompt_version", "evidence_refs"}
STAGE = pytest.mark.parametrize("stage", STAGES.values(), ids=list(STAGES))


def prompt(stage):
    return (ROOT / "templates" / stage.prompt).read_text()


def example(stage):
    (block,) = re.findall(r"^```json\n(.*?)^```$", prompt(stage), re.MULTILINE | re.DOTALL)
    return json.loads(block)


def test_the_five_are_in_the_pipelines_order():
    assert tuple(STAGES) == StageName.__args__


@STAGE
def test_a_stage_is_named_alike_everywhere(stage):
    assert BOUNDS[stage.name, "input"].members["schema_version"].of == (stage.input_schema,)
    assert BOUNDS[stage.name, "output"].members["schema_version"].of == (stage.output_schema,)
    assert Repository(ROOT).models().pin(stage.name, "unknown").schema_version == stage.output_schema


@STAGE
def test_every_rule_that_the_shipped_config_pins_exists(stage):
    models = Repository(ROOT).models()
    for industry in ("unknown", *models.industry_overrides):
        kind, _, rule = models.pin(stage.name, industry).model_id.partition(":")
        assert kind != "deterministic" or rule in stage.rules


@STAGE
def test_B10_the_prompts_example_fits_its_contract_and_passes_every_guard(stage):
    policy = Repository(ROOT).policy()
    answer = example(stage)

    assert problems_of(stage, "output", answer) == ()
    for hint in ("labelled", "any"):
        guards = Guards.compile(policy.model_copy(update={"leak_scan": LeakScan(raw_row_hint=hint)}))
        assert guards.doctrine(answer, stage.name) == ()
        assert guards.drift(answer, stage.name) == ()
        assert guards.leaks(answer) == ()


@STAGE
def test_the_prompt_speaks_of_every_part_of_the_context_and_of_the_answer(stage):
    asked = prompt(stage).partition("## Example")[0]
    context = BOUNDS[stage.name, "input"].members["context"].members

    assert [f"context.{key}" for key in context if key != "notes" and f"`context.{key}`" not in asked] == []
    missing = {key for key in BOUNDS[stage.name, "output"].members if f"`{key}`" not in asked}
    assert missing <= ENVELOPE
