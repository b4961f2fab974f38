"""Builders: rows that name only what matters, and the dataset files they make."""

from functools import cache
from random import Random
from typing import Any

import orjson

from ftv4.canonical import digest
from tests.stages.build import brief, run

INDUSTRIES = ("hvac", "plumbing", "electrical", "cleaning", "propane")
DIFFERING = ("volatility", "decision_latency", "capacity_squeeze_proxy", "revenue_concentration_top5")
LEVELS = ("low", "medium", "high")
NOT_PROSE = frozenset({"notes", "capacity_check", "label"})
WORDS = [
    "owner", "morning", "quote", "crew", "visit", "office", "ledger", "river", "answer", "window",
    "garden", "paper", "bridge", "winter", "market", "letter", "engine", "corner", "button",
    "candle", "valley", "basket", "mirror", "silver", "timber", "pocket", "summer", "anchor",
]  # fmt: skip
CONSTRAINTS = ("Approvals", "Handoffs", "Quotes", "Crews", "Scheduling", "Estimates", "Callbacks")


@cache
def _sides(industry: str) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Inputs and outputs of a run by stage, as JSON: each row gets its own."""
    inputs, outputs = run(brief(industry=industry))
    return _as_json(inputs), _as_json(outputs)


def _as_json(sides: dict[str, Any]) -> dict[str, bytes]:
    return {stage: orjson.dumps(side) for stage, side in sides.items()}


def row(stage: str = "quant_signals", industry: str = "hvac", approved: bool = True, **members: Any) -> Any:
    """A row that every gate accepts, but for the members named. `edit` gets the row to change in depth."""
    inputs, outputs = _sides(industry)
    whole = {
        "id": f"run:run-1/stage:{stage}",
        "created_at": "2026-02-09T19:03:27.337Z",
        "client_id": "w1",
        "industry": industry,
        "input": orjson.loads(inputs[stage]),
        "output": orjson.loads(outputs[stage]),
        "grades": {"schema": "pass", "doctrine": "pass", "drift": "pass"},
        "model": {"model_id": "deterministic:core-v1", "prompt_version": "v1"},
        "approved": approved,
        "notes": "",
    }
    return whole | members


def approved_by(reviewer: str, of: Any) -> Any:
    """The row with its approval, as `ftv4 review` records it."""
    approval = {"reviewer": reviewer, "reviewed_at": "2026-02-10T08:00:00.000Z"}
    return of | {"approval": approval | {"output_sha256": digest(of["output"])}}


def sealed(rows: Any) -> list[Any]:
    """The rows, each with its approval where it is approved."""
    return [approved_by("jo", one) if isinstance(one, dict) and one["approved"] else one for one in rows]


def varied(count: int, stage: str = "synthesis_decision") -> list[Any]:
    """Rows that differ enough for every gate: no two have the same signals or say the same."""
    rows = [orjson.loads(_other(number, stage)) for number in range(count)]
    for number, one in enumerate(rows):
        if stage == "synthesis_decision":
            subject = CONSTRAINTS[number % len(CONSTRAINTS)]
            one["output"]["primary_constraint"] = f"{subject} wait for the owner in week {number}."
            one["output"]["first_30_days"] = [f"Week {week}: settle case {number}." for week in range(1, 6)]
    return rows


@cache
def _other(number: int, stage: str) -> bytes:
    """A row, as JSON, of other signals and in other words than those of other numbers."""
    levels = {name: LEVELS[number // 3**place % 3] for place, name in enumerate(DIFFERING)}
    inputs, outputs = run(brief(levels, industry=INDUSTRIES[number % len(INDUSTRIES)]))
    said = _in_other_words(outputs[stage], Random(number))
    industry = INDUSTRIES[number % len(INDUSTRIES)]
    return orjson.dumps(
        row(stage, industry, id=f"run:run-{number}/stage:{stage}", input=inputs[stage], output=said)
    )


def _in_other_words(value: Any, words: Random, name: str = "") -> Any:
    """Prose of the same length as the value's; what isn't prose stays."""
    if isinstance(value, dict):
        return {key: _in_other_words(item, words, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_in_other_words(item, words, name) for item in value]
    if not isinstance(value, str) or value.count(" ") < 2 or name in NOT_PROSE:
        return value
    prose = " ".join(words.choice(WORDS) for _ in range(len(value)))
    return f"{prose[: len(value) - 1].strip().capitalize():x<{len(value) - 1}}."


def heard(question: Any, row: Any) -> list[Any]:
    """The findings of a question that is shown a row."""
    read = question.read(row)
    return [] if read is None else list(question.row(read))


def lines(*rows: Any) -> bytes:
    """A dataset file's bytes; bytes stand for lines as they are."""
    return b"".join((one if isinstance(one, bytes) else orjson.dumps(one)) + b"\n" for one in rows)
