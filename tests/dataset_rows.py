"""Dataset rows that every gate accepts, made by the stages' rules."""

import json

from tests.stages.build import brief, run

LEVELS = ("low", "medium", "high")


def row(number=0, stage="quant_signals", approved=True):
    """A row of a stage; rows of different numbers differ."""
    words = {
        "volatility": LEVELS[number % 3],
        "decision_latency": LEVELS[number // 3 % 3],
        "capacity_squeeze_proxy": LEVELS[number // 9 % 3],
    }
    inputs, outputs = run(brief(words, run_id=f"run-{number}"))
    return {
        "id": f"run:run-{number}/stage:{stage}",
        "created_at": "2026-11-01T00:00:00.000Z",
        "client_id": "w1",
        "industry": "hvac",
        "input": inputs[stage],
        "output": outputs[stage],
        "grades": {"schema": "pass", "doctrine": "pass", "drift": "pass"},
        "model": {"model_id": "deterministic:quant-v1", "prompt_version": "v1"},
        "approved": approved,
        "notes": "",
    }


def rows(count, stage="quant_signals"):
    """So many different approved rows."""
    return [row(number, stage) for number in range(count)]


def write_dataset(repository, values, path="train/datasets/stage_quant.jsonl"):
    """Write rows, or raw lines where a value is a string, as a dataset; give back its path."""
    lines = (value if isinstance(value, str) else json.dumps(value) for value in values)
    return repository.write(path, "".join(f"{line}\n" for line in lines))
