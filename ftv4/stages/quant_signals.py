"""Stage 1, quant_signals: what the numbers of a window say, as buckets and never as rows."""

import re
from typing import Annotated, Literal

from annotated_types import Len

from ftv4.contracts import Contract, Items, Json
from ftv4.contracts.brief import Brief
from ftv4.stages import derive
from ftv4.stages.shapes import (
    Bucket,
    Confidence,
    Direction,
    Id,
    Label,
    Notes,
    StageInput,
    StageOutput,
    UpTo8Refs,
)
from ftv4.stages.stage import CONFIDENCE, REFS, Earlier, Measure, Stage

NAME: Literal["quant_signals"] = "quant_signals"
INPUT: Literal["stage_input_quant_v1"] = "stage_input_quant_v1"
OUTPUT: Literal["quant_signals_v1"] = "quant_signals_v1"


class Buckets(Contract):
    """The business in words."""

    concentration_bucket: Bucket
    volatility_bucket: Bucket
    seasonality_bucket: Bucket
    decision_latency_bucket: Bucket
    throughput_bucket: Bucket
    capacity_squeeze_bucket: Bucket
    lead_source_bucket: Bucket = ""
    job_type_mix_bucket: Bucket = ""


class DerivedCounts(Contract):
    """How many of each there are, in words."""

    invoice_count_bucket: Bucket
    estimate_count_bucket: Bucket
    job_count_bucket: Bucket = ""
    customer_count_bucket: Bucket = ""


class Context(Contract):
    """contracts.md §3.3."""

    buckets: Buckets
    derived_counts: DerivedCounts
    notes: Notes


class Input(StageInput):
    """What the stage is given."""

    schema_version: Literal["stage_input_quant_v1"]
    stage_name: Literal["quant_signals"]
    context: Context


class Window(Contract):
    """First and last day looked at."""

    start_date: Annotated[str, Len(8, 40)]
    end_date: Annotated[str, Len(8, 40)]


class DataQuality(Contract):
    """How much the data bears."""

    coverage_bucket: Literal["insufficient", "partial", "strong"]
    missingness_bucket: Literal["low", "medium", "high"]
    notes: Notes


class Signal(Contract):
    """One measure, where it is heading, and what it rests on."""

    id: Id
    label: Label
    value_bucket: Id
    direction: Direction
    confidence: Confidence
    evidence_refs: UpTo8Refs


class Pattern(Contract):
    """What several signals say together; also the shape of an anomaly."""

    id: Id
    description: Annotated[str, Len(8, 240)]
    confidence: Confidence
    evidence_refs: UpTo8Refs


class Output(StageOutput):
    """What the stage answers: contracts.md §4.1."""

    schema_version: Literal["quant_signals_v1"]
    stage_name: Literal["quant_signals"]
    window: Window
    data_quality: DataQuality
    signals: Annotated[tuple[Signal, ...], Items, Len(3, 16)]
    patterns: Annotated[tuple[Pattern, ...], Items, Len(1, 8)]
    anomalies: Annotated[tuple[Pattern, ...], Items, Len(0, 6)]


def make_input(brief: Brief, earlier: Earlier) -> Json:
    """A brief as this stage's input."""
    return {
        **derive.input_envelope(brief, INPUT, NAME),
        "data_limits": {
            "window_start": brief.window_start,
            "window_end": brief.window_end,
            "max_records": brief.row_limit,
            "notes": list(brief.notes[:8]),
        },
        "evidence_index": {"refs": list(dict.fromkeys(bucket.evidence_ref for bucket in brief.buckets))},
        "context": {
            "buckets": {
                "concentration_bucket": brief.value("revenue_concentration_top5"),
                "volatility_bucket": brief.value("volatility"),
                "seasonality_bucket": brief.value("seasonality"),
                "decision_latency_bucket": brief.value("decision_latency"),
                "throughput_bucket": brief.throughput,
                "capacity_squeeze_bucket": brief.value("capacity_squeeze_proxy"),
                "lead_source_bucket": brief.value("lead_source"),
                "job_type_mix_bucket": brief.service_mix,
            },
            "derived_counts": {
                "invoice_count_bucket": brief.invoice_count,
                "estimate_count_bucket": brief.estimate_count,
                "job_count_bucket": brief.job_count,
                "customer_count_bucket": brief.customer_count,
            },
            "notes": list(brief.notes[:8]),
        },
    }


LEVELS = {"high": "up", "low": "down"}
SEASONS = {"strong": "up", "none": "flat", "weak": "mixed"}
SIGNALS = (
    ("revenue_concentration_top5", "Top-5 revenue concentration", "concentration_bucket"),
    ("volatility", "Workload volatility", "volatility_bucket"),
    ("seasonality", "Seasonality signal", "seasonality_bucket"),
    ("decision_latency", "Quote decision latency", "decision_latency_bucket"),
    ("capacity_squeeze_proxy", "Capacity squeeze proxy", "capacity_squeeze_bucket"),
    ("lead_source", "Lead source concentration", "lead_source_bucket"),
)
"""Signal id, label, and the member of `Buckets` that holds its word."""


def direction(signal: str, value: str) -> str:
    """Where a signal is heading, by its word (contracts.md §13)."""
    if signal == "lead_source":
        return "unknown"
    if signal == "seasonality":
        return SEASONS.get(value, "flat")
    return LEVELS.get(value, "flat")


def rule(stage_input: Json, earlier: Earlier) -> Json:
    """The six buckets as signals, and what follows from three of them."""
    limits = _limits(stage_input)
    refs = stage_input["evidence_index"]["refs"][:24]
    signals = _signals(stage_input, refs)
    return {
        **derive.output_envelope(stage_input, {NAME: {"data_limits": limits}}, OUTPUT, NAME, refs),
        "window": {
            "start_date": stage_input["data_limits"]["window_start"],
            "end_date": stage_input["data_limits"]["window_end"],
        },
        "data_quality": {
            "coverage_bucket": "strong"
            if len(refs) >= 5
            else "partial"
            if len(refs) >= 3
            else "insufficient",
            "missingness_bucket": "low" if limits["saw_quotes"] and limits["saw_invoices"] else "medium",
            "notes": stage_input["data_limits"]["notes"],
        },
        "signals": signals,
        "patterns": _patterns(signals) or [_baseline(refs)],
        "anomalies": _anomalies(signals),
    }


def _limits(stage_input: Json) -> Json:
    counts = stage_input["context"]["derived_counts"]
    row_limit = stage_input["data_limits"]["max_records"]
    return {
        "window_mode": derive.window_mode(row_limit),
        "row_limit_applied": int(row_limit),
        "saw_quotes": counts["estimate_count_bucket"] != "none",
        "saw_invoices": counts["invoice_count_bucket"] != "none",
        "saw_jobs": counts.get("job_count_bucket", "none") != "none",
        "saw_customers": counts.get("customer_count_bucket", "none") != "none",
        "notes": stage_input["data_limits"]["notes"],
    }


def _signals(stage_input: Json, refs: list[str]) -> list[Json]:
    buckets = stage_input["context"]["buckets"]
    trust = _confidence(stage_input["data_limits"]["notes"])
    values = {name: buckets.get(member, "not_available") for name, _, member in SIGNALS}
    return [
        {
            "id": name,
            "label": label,
            "value_bucket": values[name],
            "direction": direction(name, values[name]),
            "confidence": trust,
            "evidence_refs": [next((ref for ref in refs if ref.startswith(f"bucket:{name}:")), refs[0])],
        }
        for name, label, _ in SIGNALS
    ]


def _confidence(notes: list[str]) -> str:
    """How far the buckets can be trusted, by the rows that the notes say are in the window."""
    counts = [
        int(found[1]) for note in notes if (found := re.fullmatch(r"Rows in window: ([0-9]{1,9})", note))
    ]
    rows = counts[0] if counts else 0
    return "high" if rows >= 120 else "medium" if rows >= 40 else "low"


def _patterns(signals: list[Json]) -> list[Json]:
    described = {
        "volatility": ("volatility_pattern", "Weekly workload swings are {} over the window."),
        "decision_latency": ("decision_lag_pattern", "The wait between quote and decision is {}."),
    }
    return [
        _pattern(*described[signal["id"]], signal)
        for signal in signals
        if signal["id"] in described and signal["value_bucket"] != "unknown"
    ]


def _anomalies(signals: list[Json]) -> list[Json]:
    text = "Much of the scheduled work has no recorded finish: the squeeze is {}."
    return [
        _pattern("capacity_squeeze_anomaly", text, signal)
        for signal in signals
        if signal["id"] == "capacity_squeeze_proxy" and signal["value_bucket"] == "high"
    ]


def _pattern(name: str, text: str, signal: Json) -> Json:
    return {
        "id": name,
        "description": text.format(signal["value_bucket"]),
        "confidence": signal["confidence"],
        "evidence_refs": signal["evidence_refs"],
    }


def _baseline(refs: list[str]) -> Json:
    return {
        "id": "baseline_pattern",
        "description": "Too few dated records to see a rhythm; read the counts with care.",
        "confidence": "low",
        "evidence_refs": refs[:2],
    }


STAGE = Stage(
    name=NAME,
    purpose="Reads a business's buckets and says which signals, patterns and anomalies they show.",
    input=Input,
    output=Output,
    input_schema=INPUT,
    output_schema=OUTPUT,
    dataset="train/datasets/stage_quant.jsonl",
    base_model="gpt-4o-mini-2024-07-18",
    min_rows=30,
    max_tokens=1200,
    prompt="prompts/quant_signals.md",
    rules=frozenset({"quant-v1", "quant-hvac-v1", "quant-plumbing-v1", "core-v1"}),
    make_input=make_input,
    rule=rule,
    headline=("patterns/0/description",),
    measures=(
        Measure("equal", ("signals/*/id", "signals/*/value_bucket", "signals/*/direction"), 4),
        Measure("equal", ("patterns/*/id", "anomalies/*/id"), 1),
        Measure("equal", ("data_quality/coverage_bucket", "data_quality/missingness_bucket"), 1),
        CONFIDENCE,
        REFS,
        Measure("text", ("patterns/*/description", "anomalies/*/description"), 1),
    ),
)
