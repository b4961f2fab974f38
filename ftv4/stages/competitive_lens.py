"""Stage 3, competitive_lens: what the market presses on, as one view."""

from typing import Annotated, Literal

from annotated_types import Len
from pydantic import StringConstraints

from ftv4.contracts import Contract, Items, Json
from ftv4.contracts.brief import Brief
from ftv4.contracts.models import normal_industry
from ftv4.stages import derive
from ftv4.stages.shapes import (
    Bucket,
    ClaimRefs,
    Confidence,
    Id,
    OwnerLoadSummary,
    QuantSummary,
    ShortSentence,
    StageInput,
    StageOutput,
)
from ftv4.stages.stage import CONFIDENCE, REFS, Earlier, Measure, Stage

NAME: Literal["competitive_lens"] = "competitive_lens"
INPUT: Literal["stage_input_competitive_v1"] = "stage_input_competitive_v1"
OUTPUT: Literal["competitive_lens_v1"] = "competitive_lens_v1"

CompetitorSet = Annotated[str, StringConstraints(min_length=3, max_length=120, pattern=r"^set:[a-z0-9_:-]+$")]
"""A group of competitors by reference; never a competitor."""


class MarketContext(Contract):
    """Where the business competes, as far as it is known."""

    region_bucket: Bucket = ""
    primary_services: Annotated[tuple[Id, ...], Items, Len(0, 6)] = ()
    competitor_set_refs: Annotated[tuple[CompetitorSet, ...], Items, Len(0, 10)] = ()


class Context(Contract):
    """contracts.md §3.5."""

    quant_summary: QuantSummary
    owner_load_summary: OwnerLoadSummary
    market_context: MarketContext = MarketContext()


class Input(StageInput):
    """What the stage is given."""

    schema_version: Literal["stage_input_competitive_v1"]
    stage_name: Literal["competitive_lens"]
    context: Context


class Pressure(Contract):
    """One thing buyers or rivals make harder."""

    id: Id
    pressure: Annotated[str, Len(12, 180)]
    confidence: Confidence
    evidence_refs: ClaimRefs


class Output(StageOutput):
    """What the stage answers: contracts.md §4.3."""

    schema_version: Literal["competitive_lens_v1"]
    stage_name: Literal["competitive_lens"]
    market_pressures: Annotated[tuple[Pressure, ...], Items, Len(1, 6)]
    strengths: Annotated[tuple[Annotated[str, Len(5, 150)], ...], Items, Len(2, 6)]
    vulnerabilities: Annotated[tuple[ShortSentence, ...], Items, Len(2, 6)]
    collapsed_view: Annotated[str, Len(16, 260)]


def make_input(brief: Brief, earlier: Earlier) -> Json:
    """Two answers and the industry, as this stage's input."""
    context = {
        "quant_summary": derive.quant_summary(earlier["quant_signals"]),
        "owner_load_summary": derive.owner_load_summary(earlier["emyth_owner_load"]),
        "market_context": {
            "region_bucket": "unknown",
            "primary_services": [normal_industry(brief.industry)],
            "competitor_set_refs": [],
        },
    }
    return derive.later_input(brief, INPUT, NAME, earlier, context)


def rule(stage_input: Json, earlier: Earlier) -> Json:
    """Stock pressures over the evidence given; nothing depends on the buckets."""
    refs = stage_input["evidence_index"]["refs"][:14]
    return {
        **derive.output_envelope(stage_input, earlier, OUTPUT, NAME, refs),
        "market_pressures": [
            {
                "id": "response_window_pressure",
                "pressure": "Buyers settle on whoever commits to a date first, and a slow answer loses them.",
                "confidence": "medium",
                "evidence_refs": refs[:2],
            },
            {
                "id": "reliability_pressure",
                "pressure": "Where dates slip, the provider that keeps its word becomes the safe choice.",
                "confidence": "medium",
                "evidence_refs": refs[1:3] or refs[:1],
            },
            {
                "id": "trust_signal_pressure",
                "pressure": "Trust goes to those who finish as promised, not to those who promise most.",
                "confidence": "low",
                "evidence_refs": refs[:1],
            },
        ],
        "strengths": [
            "Recent records show demand that is already there.",
            "Those who plan the work also know how it is done.",
            "One person can settle a direction quickly once it is chosen.",
        ],
        "vulnerabilities": [
            "Scheduling and decisions lean on interrupting the owner.",
            "Busy stretches squeeze the quality of answers and put promises at risk.",
            "Urgent requests arrive by several ways at once, and the order of replies suffers.",
        ],
        "collapsed_view": "Dependable delivery wins this market, and scattered handoffs are what "
        "puts dependable delivery out of reach.",
    }


STAGE = Stage(
    name=NAME,
    purpose="Says what the market presses on, and where the business is strong or exposed.",
    input=Input,
    output=Output,
    input_schema=INPUT,
    output_schema=OUTPUT,
    dataset="train/datasets/stage_competitive.jsonl",
    base_model="gpt-4o-mini-2024-07-18",
    min_rows=30,
    max_tokens=1200,
    prompt="prompts/competitive_lens.md",
    rules=frozenset({"competitive-v1", "core-v1"}),
    make_input=make_input,
    rule=rule,
    headline=("collapsed_view",),
    measures=(
        CONFIDENCE,
        REFS,
        Measure("text", ("market_pressures/*/pressure",), 3),
        Measure("text", ("strengths/*", "vulnerabilities/*"), 2),
        Measure("text", ("collapsed_view",), 2),
    ),
)
