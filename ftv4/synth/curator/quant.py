"""Quant signals as an expert leaves them: what the buckets show, in the industry's words, without advice."""

from ftv4.contracts import Json
from ftv4.synth.curator.reading import SIGNALS, STEADY, Reading
from ftv4.synth.curator.voice import Voice, any_industry

_DIRECTIONS = {"high": "up", "strong": "up", "weak": "mixed", "low": "down", "not_available": "unknown"}
"""contracts.md §13; everything else is flat, and so is a low or absent season."""


def write(reading: Reading, voice: Voice, stage_input: Json) -> Json:
    """Everything of a quant_signals output that the envelope doesn't hold."""
    limits = stage_input["data_limits"]
    return {
        "evidence_refs": list(reading.refs.values()) or [reading.fallback_ref],
        "window": {"start_date": limits["window_start"], "end_date": limits["window_end"]},
        "data_quality": _quality(reading, stage_input["context"]["derived_counts"]),
        "signals": _signals(reading, voice),
        "patterns": _patterns(reading, voice),
        "anomalies": _anomalies(reading),
    }


def _signals(reading: Reading, voice: Voice) -> list[Json]:
    return [
        {
            "id": signal,
            "label": label,
            "value_bucket": reading.values[signal],
            "direction": _direction(signal, reading.values[signal]),
            "confidence": _confidence(reading, reading.values[signal]),
            "evidence_refs": [reading.refs.get(signal, reading.fallback_ref)],
        }
        for signal, label in voice.labels.items()
    ]


def _direction(signal: str, value: str) -> str:
    return _DIRECTIONS.get(value, "flat")


def _confidence(reading: Reading, value: str) -> str:
    """By the rows behind it, contracts.md §13; nothing is known well of a bucket without a value."""
    if value in {"unknown", "not_available"} or reading.rows is None or reading.rows < 40:
        return "low"
    return "high" if reading.rows >= 120 else "medium"


def _patterns(reading: Reading, voice: Voice) -> list[Json]:
    """The two strongest situations in the industry's words, and the calmest signal for contrast."""
    shown = [_pattern(reading, name, voice.scenes[name].pattern) for name in reading.present[:2]]
    calm = [name for name in SIGNALS if reading.level(name) in {"low", "none"}]
    if calm:
        name = reading.pick(calm, reading.first)
        shown.append(_pattern(reading, name, any_industry().calm[name], prefix="calm_"))
    return shown


def _pattern(reading: Reading, situation: str, description: str, prefix: str = "") -> Json:
    signals = ("volatility", "decision_latency") if situation == STEADY else (SIGNALS[situation],)
    sure = {_confidence(reading, reading.values[signal]) for signal in signals}
    return {
        "id": f"{prefix}{situation}_pattern",
        "description": description,
        "confidence": "low" if "low" in sure else sure.pop(),
        "evidence_refs": reading.cite(situation),
    }


def _anomalies(reading: Reading) -> list[Json]:
    """Two signals that are high at once, which is more than either alone."""
    pair = reading.strong[:2]
    said = any_industry().pairs.get("_".join(pair))
    if said is None:
        return []
    return [
        {
            "id": f"{pair[0]}_meets_{pair[1]}",
            "description": said,
            "confidence": "low",
            "evidence_refs": reading.cite(*pair),
        }
    ]


def _quality(reading: Reading, counts: Json) -> Json:
    kinds = {"estimates": "estimate", "invoices": "invoice", "scheduled work": "job"}
    missing = [
        kind
        for kind, key in kinds.items()
        if counts.get(f"{key}_count_bucket", "none") in {"none", "unknown"}
    ]
    unknown = sum(reading.values[signal] == "unknown" for signal in SIGNALS.values())
    thin = reading.rows is None or reading.rows < 40
    notes = [f"No {kind} in the records; what depends on it stays open." for kind in missing]
    notes += ["Few rows in the window: read every level as a first impression."] if thin else []
    notes += (
        ["Where the work comes from isn't recorded."]
        if reading.values["lead_source"] == "not_available"
        else []
    )
    return {
        "coverage_bucket": _coverage(unknown, thin or bool(missing)),
        "missingness_bucket": ("low", "medium", "high", "high")[len(missing)],
        "notes": notes,
    }


def _coverage(unknown: int, gaps: bool) -> str:
    if unknown >= 3:
        return "insufficient"
    return "partial" if unknown or gaps else "strong"
