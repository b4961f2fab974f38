"""The shapes that stages share: words, references, envelopes and summaries, contracts.md §3.0 to §3.2, §4.0.

A bound is stated where the type is; lengths are code points. An optional member that is absent
reads as its empty value, which the contract itself never accepts: null is refused everywhere.
"""

from typing import Annotated, Literal

from annotated_types import Interval, Len
from pydantic import StringConstraints

from ftv4.contracts import Contract, Distinct, Items, Whole

Bucket = Annotated[str, StringConstraints(min_length=2, max_length=40, pattern=r"^[a-z0-9_:-]+$")]
"""A measure as a word: `high`, `quotes_heavy`."""

EvidenceRef = Annotated[
    str, StringConstraints(min_length=8, max_length=120, pattern=r"^bucket:[a-z0-9_:-]+$")
]
"""What a claim rests on: `bucket:<id>:<value>`."""

Confidence = Literal["low", "medium", "high"]
Direction = Literal["up", "down", "flat", "mixed", "unknown"]

Id = Annotated[str, Len(1, 80)]
Label = Annotated[str, Len(1, 120)]
Text140 = Annotated[str, Len(1, 140)]
Sentence = Annotated[str, Len(10, 180)]
ShortSentence = Annotated[str, Len(8, 180)]

Notes = Annotated[tuple[Annotated[str, Len(1, 200)], ...], Items, Len(0, 8)]
UpTo6Refs = Annotated[tuple[EvidenceRef, ...], Items, Len(1, 6), Distinct]
UpTo8Refs = Annotated[tuple[EvidenceRef, ...], Items, Len(1, 8), Distinct]
ClaimRefs = Annotated[tuple[EvidenceRef, ...], Items, Len(1, 6)]
"""References under a stage's own claim; these may repeat."""


class InputLimits(Contract):
    """The window a stage is told about."""

    window_start: Annotated[str, Len(10, 40)]
    window_end: Annotated[str, Len(10, 40)]
    max_records: Annotated[Whole, Interval(ge=1, le=100_000)]
    notes: Notes


class EvidenceIndex(Contract):
    """All that a stage may cite."""

    refs: Annotated[tuple[EvidenceRef, ...], Items, Len(1, 32), Distinct]


class StageInput(Contract):
    """What every stage input says beside its own context."""

    client_id: Label
    run_id: Label
    industry: Annotated[str, StringConstraints(min_length=3, max_length=64, pattern=r"^[a-z0-9_-]+$")]
    data_limits: InputLimits
    evidence_index: EvidenceIndex


class OutputLimits(Contract):
    """What the answer could see."""

    window_mode: Literal["last_90_days", "last_100_closed_estimates", "custom"]
    row_limit_applied: Annotated[Whole, Interval(ge=0, le=100_000)]
    saw_quotes: bool
    saw_invoices: bool
    saw_jobs: bool
    saw_customers: bool
    notes: Notes


class StageOutput(Contract):
    """What every stage output says beside its own answer."""

    model_id: Annotated[str, Len(1, 200)]
    prompt_version: Annotated[str, Len(1, 40)]
    confidence: Confidence
    evidence_refs: Annotated[tuple[EvidenceRef, ...], Items, Len(1, 24), Distinct]
    data_limits: OutputLimits


class SummarySignal(Contract):
    """A signal as later stages see it."""

    id: Id
    label: Label
    value_bucket: Bucket
    direction: Direction
    confidence: Confidence
    evidence_refs: UpTo6Refs


class SummaryPattern(Contract):
    """A pattern or anomaly as later stages see it."""

    id: Id
    description: ShortSentence
    confidence: Confidence
    evidence_refs: UpTo6Refs


class QuantSummary(Contract):
    """The quant stage's answer, cut to what later stages are given (§3.1)."""

    signals: Annotated[tuple[SummarySignal, ...], Items, Len(1, 10)]
    patterns: Annotated[tuple[SummaryPattern, ...], Items, Len(0, 6)]
    anomalies: Annotated[tuple[SummaryPattern, ...], Items, Len(0, 6)]


class OwnerLoadSummary(Contract):
    """The owner-load stage's answer, cut to what later stages are given (§3.2)."""

    owner_bottleneck: bool
    pressure_sources: Annotated[tuple[Id, ...], Items, Len(0, 8)]
    structural_gaps: Annotated[tuple[Label, ...], Items, Len(0, 8)]
