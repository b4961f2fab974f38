"""What the sandbox's models make of the datasets that ship, asked with the eval cases that ship."""

import json
import random

import pytest

from ftv4.canonical import canonical
from ftv4.graders.agreement import agreement
from ftv4.sandbox.learner import learn
from ftv4.stages import STAGES, problems_of
from tests.conftest import ROOT

CASES = [json.loads(path.read_text()) for path in sorted((ROOT / "evals" / "cases").glob("*.json"))]


def rows(stage):
    return [json.loads(line) for line in (ROOT / stage.dataset).read_text().splitlines()]


def answers(stage, pairs):
    """Teach a model these inputs and outputs; ask it each case."""
    pupil = learn([(canonical(asked), canonical(answer)) for asked, answer in pairs])
    golds = [case["gold"][stage.name] for case in CASES]
    return [(gold, json.loads(pupil.answer(canonical(gold["input"])))) for gold in golds]


def cited(value):
    if isinstance(value, dict):
        own = value.get("evidence_refs", [])
        return {*own, *(ref for part in value.values() for ref in cited(part))}
    return {ref for part in value for ref in cited(part)} if isinstance(value, list) else set()


def grounded(gold, answer):
    return cited(answer) <= set(gold["input"]["evidence_index"]["refs"])


@pytest.mark.parametrize("name", STAGES)
def test_a_model_tuned_on_a_shipped_dataset_is_good(name):
    stage = STAGES[name]
    given = answers(stage, [(row["input"], row["output"]) for row in rows(stage)])
    ours = [agreement(stage, answer, gold["output"]) for gold, answer in given]
    rule = [agreement(stage, stage.rule(gold["input"], {}), gold["output"]) for gold, _ in given]

    assert all(problems_of(stage, "output", answer) == () for _, answer in given)
    assert all(grounded(gold, answer) for gold, answer in given)
    assert sum(ours) > 0.7 * len(given)
    assert sum(ours) > sum(rule)


def test_a_tuned_decision_recommends_what_the_expert_would():
    stage = STAGES["synthesis_decision"]
    given = answers(stage, [(row["input"], row["output"]) for row in rows(stage)])
    right = [answer["recommended_path"] == gold["output"]["recommended_path"] for gold, answer in given]

    assert sum(right) >= 0.95 * len(right)


def test_a_model_tuned_on_shuffled_outputs_is_worse_than_the_rule():
    stage = STAGES["synthesis_decision"]
    outputs = [row["output"] for row in rows(stage)]
    random.Random(3).shuffle(outputs)
    given = answers(stage, [(row["input"], output) for row, output in zip(rows(stage), outputs, strict=True)])
    ours = [agreement(stage, answer, gold["output"]) for gold, answer in given]
    rule = [agreement(stage, stage.rule(gold["input"], {}), gold["output"]) for gold, _ in given]

    assert sum(grounded(gold, answer) for gold, answer in given) < 0.5 * len(given)
    assert sum(ours) < sum(rule)
