"""What the curator reads out of a stage's input: the signals, and which of them decides.

Only what bears on the content is read. Client, run and dates are not, so two businesses in the
same situation get the same words.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ftv4.canonical import sha256
from ftv4.contracts import Json

T = TypeVar("T")

SIGNALS = {
    "squeeze": "capacity_squeeze_proxy",
    "latency": "decision_latency",
    "concentration": "revenue_concentration_top5",
    "volatility": "volatility",
    "season": "seasonality",
}
"""Situation → the signal that shows it. The order is the policy: the first that is high decides."""

STEADY = "steady"
"""The situation in which no signal is high."""

PATHS = {"squeeze": "A", "season": "A", "latency": "B", "volatility": "B", "concentration": "C", STEADY: "C"}
"""The policy of the recommendation. A protects capacity, where more is promised than can be finished,
now or when the season comes; B steadies the flow, where decisions or weeks are uneven; C narrows what
is said yes to, where a few buyers decide, and where nothing presses and choice is affordable."""

_QUANT = {
    "revenue_concentration_top5": "concentration_bucket",
    "volatility": "volatility_bucket",
    "seasonality": "seasonality_bucket",
    "decision_latency": "decision_latency_bucket",
    "capacity_squeeze_proxy": "capacity_squeeze_bucket",
    "lead_source": "lead_source_bucket",
}
_HIGH = frozenset({"high", "strong"})
_MEDIUM = frozenset({"medium", "weak"})


@dataclass(frozen=True)
class Reading:
    """One stage input, as the curator understands it."""

    industry: str
    values: dict[str, str]
    """Signal → its word; `unknown` where the input doesn't say."""
    refs: dict[str, str]
    """Signal → its evidence ref; only refs of the input's index."""
    fallback_ref: str
    role: str
    service_mix: str
    capacity: str
    rows: int | None
    """Rows in the window; None where the input's notes don't say."""
    present: tuple[str, ...]
    """Situations the signals show: high ones first, then medium ones; never empty."""

    @property
    def first(self) -> str:
        """The situation that decides."""
        return self.present[0]

    @property
    def third(self) -> str:
        """The situation that is only felt at the edges; empty where there are but two."""
        return self.present[2] if len(self.present) > 2 else ""

    @property
    def strong(self) -> tuple[str, ...]:
        """Situations whose signal is high."""
        return tuple(name for name in self.present if self.level(name) in _HIGH)

    def level(self, situation: str) -> str:
        """The word of a situation's signal."""
        return self.values.get(SIGNALS.get(situation, ""), "unknown")

    def cite(self, *situations: str) -> list[str]:
        """The refs that a statement about these situations rests on; never empty, at most six."""
        signals = [signal for name in situations for signal in _signals_of(name)]
        found = list(dict.fromkeys(self.refs[signal] for signal in signals if signal in self.refs))
        return found[:6] or [self.fallback_ref]

    def pick(self, options: Sequence[T], *keys: str) -> T:
        """One of several wordings: the same for the same industry and keys."""
        return options[_number(self.industry, *keys) % len(options)]

    def choose(self, options: Sequence[T], count: int, *keys: str) -> list[T]:
        """Some of several wordings, in their own order."""
        ranked = sorted(range(len(options)), key=lambda index: _number(str(index), self.industry, *keys))
        return [options[index] for index in sorted(ranked[:count])]


def read(stage_input: Json) -> Reading:
    """Read any stage's input. Missing members read as unknown; the input is never changed."""
    context = stage_input["context"]
    index = stage_input["evidence_index"]["refs"]
    values, refs = _from_index(index)
    values |= _from_context(context)
    owner = context.get("owner_context", {})
    return Reading(
        industry=stage_input["industry"],
        values=values,
        refs=refs,
        fallback_ref=index[0],
        role=owner.get("owner_role_bucket", "unknown"),
        service_mix=owner.get("service_mix_bucket", "unknown"),
        capacity=context.get("capacity_bounds", {}).get("schedule_fill_bucket") or values[SIGNALS["squeeze"]],
        rows=_rows(stage_input["data_limits"]["notes"]),
        present=present(values),
    )


def _from_index(index: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    values = dict.fromkeys(_QUANT, "unknown")
    refs: dict[str, str] = {}
    for ref in index:
        _, signal, value = [*ref.split(":", 2), "", ""][:3]
        if signal in values and signal not in refs:
            values[signal], refs[signal] = value, ref
    return values, refs


def _from_context(context: Json) -> dict[str, str]:
    """The words of the quant stage's buckets, or of the quant summary that later stages get."""
    buckets = context.get("buckets", {})
    found = {signal: buckets[key] for signal, key in _QUANT.items() if key in buckets}
    summary = context.get("quant_summary", {"signals": []})["signals"]
    return found | {item["id"]: item["value_bucket"] for item in summary if item["id"] in _QUANT}


def present(values: Mapping[str, str]) -> tuple[str, ...]:
    """The situations that signals show, in the order in which they decide."""
    high = [name for name, signal in SIGNALS.items() if values[signal] in _HIGH]
    medium = [name for name, signal in SIGNALS.items() if values[signal] in _MEDIUM]
    return tuple(high + medium) if high else (STEADY, *medium)


def _signals_of(situation: str) -> Iterator[str]:
    """What a situation shows in; a steady business shows in the two that most often aren't."""
    yield from ("volatility", "decision_latency") if situation == STEADY else (SIGNALS[situation],)


def _rows(notes: Iterable[str]) -> int | None:
    found = next((match for note in notes if (match := re.search(r"[Rr]ows[^0-9]*([0-9]+)", note))), None)
    return int(found[1]) if found else None


def _number(*keys: str) -> int:
    return int(sha256("|".join(keys))[:8], 16)
