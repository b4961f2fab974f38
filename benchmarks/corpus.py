"""Rows to try gates on: the shipped ones, and any number of further clean ones, drawn from a seed."""

import random
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import orjson

from ftv4.contracts.brief import Brief, Bucket
from ftv4.stages import STAGES
from ftv4.stages.quant_signals import SIGNALS, direction
from ftv4.synth.curator import NOTE, curate
from ftv4.synth.packs import PROFILES

ROOT = Path(__file__).parents[1]
Row = dict[str, Any]

LEVELS = ("low", "medium", "high")
DRAWN = (
    "revenue_concentration_top5",
    "volatility",
    "seasonality",
    "decision_latency",
    "capacity_squeeze_proxy",
)
VALUES = {
    **dict.fromkeys(DRAWN, LEVELS),
    "seasonality": ("none", "weak", "strong"),
    "lead_source": ("not_available",),
}


def shipped(stage: str) -> list[Row]:
    """The rows that ship for a stage."""
    path = ROOT / STAGES[stage].dataset
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def clean(stage: str, count: int, seed: int) -> list[Row]:
    """Rows of businesses that differ in industry or signals, written by the curator."""
    return [_row(stage, *business) for business in random.Random(seed).sample(_businesses(), count)]


@cache
def _businesses() -> list[tuple[str, tuple[str, ...]]]:
    return list(product(PROFILES, product(*(VALUES[name] for name, _, _ in SIGNALS))))


@cache
def _sides(industry: str, values: tuple[str, ...]) -> dict[str, tuple[bytes, bytes]]:
    """Input and curated output of every stage, as JSON."""
    brief = _brief(industry, values)
    ruled: dict[str, Any] = {}
    sides = {}
    for name, stage in STAGES.items():
        given = stage.make_input(brief, ruled)
        ruled[name] = stage.rule(given, ruled)
        sides[name] = (orjson.dumps(given), orjson.dumps(curate(stage, given, ruled[name])))
    return sides


def _row(stage: str, industry: str, values: tuple[str, ...]) -> Row:
    given, output = map(orjson.loads, _sides(industry, values)[stage])
    return {
        "id": f"run:{given['run_id']}/stage:{stage}",
        "created_at": "2026-07-01T09:00:00.000Z",
        "client_id": given["client_id"],
        "industry": industry,
        "input": given,
        "output": output,
        "grades": {"schema": "pass", "doctrine": "pass", "drift": "pass"},
        "model": {"model_id": output["model_id"], "prompt_version": "v1"},
        "approved": True,
        "notes": NOTE,
    }


def _brief(industry: str, values: tuple[str, ...]) -> Brief:
    name = random.Random(f"{industry} {values}")
    rows = name.randint(40, 119)
    start = f"2025-{name.randint(1, 9):02}-01"
    buckets = (
        Bucket(
            id=signal,
            label=label,
            value=value,
            direction=direction(signal, value),
            confidence="medium",
            evidence_ref=f"bucket:{signal}:{value}",
        )
        for (signal, label, _), value in zip(SIGNALS, values, strict=True)
    )
    return Brief(
        client_id=f"client-{name.randrange(1 << 32):08x}",
        run_id=f"run-{name.randrange(1 << 64):016x}",
        industry=industry,
        role=PROFILES[industry].role,
        window_mode="last_90_days",
        window_start=start,
        window_end=f"{start[:5]}12-28",
        row_limit=90,
        notes=(f"Window: {start}..{start[:5]}12-28", f"Rows in window: {rows}"),
        buckets=tuple(buckets),
        throughput=name.choice(LEVELS),
        service_mix=name.choice(("balanced", "quotes_heavy", "invoices_heavy")),
        team_size=name.choice(("solo", "small")),
        invoice_count=name.choice(LEVELS),
        estimate_count=name.choice(LEVELS),
        job_count=name.choice(("none", "low", "medium")),
        customer_count="none",
        saw_quotes=True,
        saw_invoices=True,
        saw_jobs=False,
        saw_customers=False,
    )


def as_lines(rows: list[Row]) -> Iterator[bytes]:
    """The rows as lines of a dataset."""
    return (orjson.dumps(row) + b"\n" for row in rows)
