"""How one stage's answer becomes part of another's input or answer, contracts.md §14, §15."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from ftv4.contracts import Json
from ftv4.contracts.brief import Brief
from ftv4.contracts.models import normal_industry
from ftv4.stages.stage import Earlier

RULE_MODEL = "deterministic:core-v1"
INDEX_SIZE = 32


def truncate(text: str, units: int) -> str:
    """Cut to so many UTF-16 units, the last three of them dots; never through a character."""
    encoded = text.encode("utf-16-le", "surrogatepass")
    if len(encoded) <= 2 * units:
        return text
    return encoded[: 2 * (units - 3)].decode("utf-16-le", "ignore") + "..."


def texts(items: Iterable[str], count: int, units: int) -> list[str]:
    """The first few of several texts, each cut to length."""
    return [truncate(text, units) for text in islice(items, count)]


def input_envelope(brief: Brief, schema: str, stage: str) -> Json:
    """The members that open every stage's input."""
    return {
        "schema_version": schema,
        "stage_name": stage,
        "client_id": brief.client_id,
        "run_id": brief.run_id,
        "industry": normal_industry(brief.industry),
    }


def later_input(brief: Brief, schema: str, stage: str, earlier: Earlier, context: Json) -> Json:
    """The input of any stage but the first: its window is the quant answer's, its evidence everyone's."""
    quant = earlier["quant_signals"]
    refs = dict.fromkeys(ref for output in earlier.values() for ref in output["evidence_refs"])
    return {
        **input_envelope(brief, schema, stage),
        "data_limits": {
            "window_start": quant["window"]["start_date"],
            "window_end": quant["window"]["end_date"],
            "max_records": quant["data_limits"]["row_limit_applied"],
            "notes": quant["data_limits"]["notes"],
        },
        "evidence_index": {"refs": list(refs)[:INDEX_SIZE]},
        "context": context,
    }


def quant_summary(quant: Json) -> Json:
    """A quant answer as later stages see it."""
    return {
        "signals": [
            {**signal, "evidence_refs": signal["evidence_refs"][:6]} for signal in quant["signals"][:10]
        ],
        "patterns": _patterns(quant["patterns"]),
        "anomalies": _patterns(quant["anomalies"]),
    }


def owner_load_summary(owner_load: Json) -> Json:
    """An owner-load answer as later stages see it."""
    drivers = owner_load["owner_load_drivers"]
    return {
        "owner_bottleneck": bool(drivers),
        "pressure_sources": [driver["id"] for driver in drivers[:6]],
        "structural_gaps": texts((driver["summary"] for driver in drivers), 6, 120),
    }


def signal_value(quant: Json, signal: str) -> str:
    """A signal's word in a quant answer or summary; `unknown` when there is no such signal."""
    return next((str(item["value_bucket"]) for item in quant["signals"] if item["id"] == signal), "unknown")


def output_envelope(
    stage_input: Json, earlier: Earlier, schema: str, stage: str, refs: list[str]
) -> dict[str, Any]:
    """The members that open every rule's answer; limits and confidence are the quant answer's."""
    quant = earlier.get("quant_signals", {})
    limits = quant.get("data_limits") or _limits(stage_input["data_limits"])
    return {
        "schema_version": schema,
        "stage_name": stage,
        "model_id": RULE_MODEL,
        "prompt_version": "v1",
        "confidence": quant.get("confidence") or confidence(limits),
        "evidence_refs": refs,
        "data_limits": limits,
    }


def window_mode(row_limit: float) -> str:
    """Which window a row limit stands for (contracts.md §13)."""
    return {90: "last_90_days", 100: "last_100_closed_estimates"}.get(int(row_limit), "custom")


def confidence(limits: Json) -> str:
    """How far a rule trusts what it saw."""
    return "medium" if limits["row_limit_applied"] >= 100 or limits["saw_invoices"] else "low"


def _limits(seen: Json) -> Json:
    """Output limits where no quant answer is at hand: what a stage input alone can vouch for."""
    return {
        "window_mode": window_mode(seen["max_records"]),
        "row_limit_applied": int(seen["max_records"]),
        "saw_quotes": True,
        "saw_invoices": True,
        "saw_jobs": False,
        "saw_customers": False,
        "notes": seen["notes"],
    }


def _patterns(patterns: list[Json]) -> list[Json]:
    return [
        {
            **pattern,
            "description": truncate(pattern["description"], 180),
            "evidence_refs": pattern["evidence_refs"][:6],
        }
        for pattern in patterns[:6]
    ]
