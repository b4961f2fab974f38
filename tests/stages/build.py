"""Builders: a brief that names only what matters, and a whole run of the rules over it."""

from typing import Any

from ftv4.contracts import Json
from ftv4.contracts.brief import Brief, Bucket
from ftv4.stages import STAGES
from ftv4.stages.quant_signals import SIGNALS, direction

WORDS = {
    "revenue_concentration_top5": "medium",
    "volatility": "medium",
    "seasonality": "none",
    "decision_latency": "medium",
    "capacity_squeeze_proxy": "medium",
    "lead_source": "not_available",
}


def brief(words: dict[str, str] | None = None, **members: Any) -> Brief:
    """`brief({"volatility": "high"}, industry="HVAC")`"""
    values = WORDS | (words or {})
    buckets = tuple(
        Bucket(
            id=name,
            label=label,
            value=values[name],
            direction=direction(name, values[name]),
            confidence="low",
            evidence_ref=f"bucket:{name}:{values[name]}",
        )
        for name, label, _ in SIGNALS
    )
    whole: dict[str, Any] = {
        "client_id": "w1",
        "run_id": "run-1",
        "industry": "hvac",
        "role": "mixed",
        "window_mode": "last_90_days",
        "window_start": "2026-01-01",
        "window_end": "2026-03-31",
        "row_limit": 90,
        "notes": ("Window: 2026-01-01..2026-03-31", "Rows in window: 12"),
        "throughput": "medium",
        "service_mix": "balanced",
        "team_size": "small",
        "invoice_count": "low",
        "estimate_count": "low",
        "job_count": "none",
        "customer_count": "none",
        "saw_quotes": True,
        "saw_invoices": True,
        "saw_jobs": False,
        "saw_customers": False,
    }
    return Brief(buckets=buckets, **(whole | members))


def run(of: Brief) -> tuple[dict[str, Json], dict[str, Json]]:
    """Inputs and outputs of all five stages by their rules, by stage name."""
    inputs: dict[str, Json] = {}
    outputs: dict[str, Json] = {}
    for name, stage in STAGES.items():
        inputs[name] = stage.make_input(of, outputs)
        outputs[name] = stage.rule(inputs[name], outputs)
    return inputs, outputs
