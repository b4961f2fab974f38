"""Stage 4, blue_ocean: moves that set the business apart and fit the hours it has."""

from typing import Annotated, Literal

from annotated_types import Len

from ftv4.contracts import Contract, Items, Json
from ftv4.contracts.brief import Brief
from ftv4.stages import derive
from ftv4.stages.shapes import Bucket, ClaimRefs, Confidence, Id, Sentence, StageInput, StageOutput
from ftv4.stages.stage import CONFIDENCE, REFS, Earlier, Measure, Stage

NAME: Literal["blue_ocean"] = "blue_ocean"
INPUT: Literal["stage_input_blue_ocean_v1"] = "stage_input_blue_ocean_v1"
OUTPUT: Literal["blue_ocean_v1"] = "blue_ocean_v1"


class CapacityBounds(Contract):
    """How much room there is, as far as it is known."""

    hours_bucket: Bucket = ""
    crew_count_bucket: Bucket = ""
    schedule_fill_bucket: Bucket = ""


class Context(Contract):
    """contracts.md §3.6."""

    primary_constraint_candidate: Annotated[str, Len(10, 140)]
    capacity_bounds: CapacityBounds = CapacityBounds()
    competitive_pressure_summary: Annotated[tuple[Annotated[str, Len(6, 140)], ...], Items, Len(1, 6)]


class Input(StageInput):
    """What the stage is given."""

    schema_version: Literal["stage_input_blue_ocean_v1"]
    stage_name: Literal["blue_ocean"]
    context: Context


class Move(Contract):
    """One thing to do differently, and why the hours allow it."""

    id: Id
    move: Sentence
    why_now: Sentence
    capacity_check: Sentence
    confidence: Confidence
    evidence_refs: ClaimRefs


class Output(StageOutput):
    """What the stage answers: contracts.md §4.4."""

    schema_version: Literal["blue_ocean_v1"]
    stage_name: Literal["blue_ocean"]
    capacity_guardrail_statement: Annotated[str, Len(12, 200)]
    asymmetric_moves: Annotated[tuple[Move, ...], Items, Len(2, 5)]
    rejected_load_increasing_moves: Annotated[tuple[Sentence, ...], Items, Len(1, 6)]


def make_input(brief: Brief, earlier: Earlier) -> Json:
    """The constraint, the room there is and the pressures, as this stage's input."""
    pressures = (item["pressure"] for item in earlier["competitive_lens"]["market_pressures"])
    diagnosis = earlier["emyth_owner_load"]["bottleneck_diagnosis"]
    context = {
        "primary_constraint_candidate": derive.truncate(diagnosis, 140),
        "capacity_bounds": {
            "hours_bucket": "unknown",
            "crew_count_bucket": "unknown",
            "schedule_fill_bucket": derive.signal_value(earlier["quant_signals"], "capacity_squeeze_proxy"),
        },
        "competitive_pressure_summary": derive.texts(pressures, 6, 140),
    }
    return derive.later_input(brief, INPUT, NAME, earlier, context)


def rule(stage_input: Json, earlier: Earlier) -> Json:
    """Stock moves over the evidence given; nothing depends on the buckets."""
    refs = stage_input["evidence_index"]["refs"][:16]
    return {
        **derive.output_envelope(stage_input, earlier, OUTPUT, NAME, refs),
        "capacity_guardrail_statement": "A move counts only when it takes interruptions off the owner "
        "before it adds a promise.",
        "asymmetric_moves": [
            {
                "id": "promise_window_design",
                "move": "Offer a few fixed windows for the start of work and promise nothing between them.",
                "why_now": "Waiting without a date is what buyers complain of, and a fixed window ends it.",
                "capacity_check": "Windows are sized to present crew capacity, so no week is sold twice.",
                "confidence": "medium",
                "evidence_refs": refs[:2],
            },
            {
                "id": "handoff_standard",
                "move": "Let one short standard decide when a piece of work may change hands.",
                "why_now": "Loose handoffs feed the interruptions that slow everything else.",
                "capacity_check": "Costs one sitting to agree on and lowers owner load from then on.",
                "confidence": "medium",
                "evidence_refs": refs[1:3] or refs[:1],
            },
            {
                "id": "scope_boundary_offer",
                "move": "Sell the clearest kind of work as a fixed offer with its edges written down.",
                "why_now": "Clear edges spare both sides the questions that reopen agreed work.",
                "capacity_check": "Replaces custom quoting, so it frees owner time instead of spending it.",
                "confidence": "low",
                "evidence_refs": refs[2:4] or refs[:1],
            },
        ],
        "rejected_load_increasing_moves": [
            "A further kind of service while present handoffs still fail.",
            "A wider area to serve while the owner is interrupted all day.",
            "A campaign whose every reply the owner would have to sort.",
        ],
    }


STAGE = Stage(
    name=NAME,
    purpose="Proposes moves that ask no more of the owner, and names those that would.",
    input=Input,
    output=Output,
    input_schema=INPUT,
    output_schema=OUTPUT,
    dataset="train/datasets/stage_blueocean.jsonl",
    base_model="gpt-4o-mini-2024-07-18",
    min_rows=30,
    max_tokens=1200,
    prompt="prompts/blue_ocean.md",
    rules=frozenset({"blueocean-v1", "core-v1"}),
    make_input=make_input,
    rule=rule,
    headline=("capacity_guardrail_statement",),
    measures=(
        CONFIDENCE,
        REFS,
        Measure("text", ("capacity_guardrail_statement",), 2),
        Measure("text", ("asymmetric_moves/*/move", "asymmetric_moves/*/why_now"), 3),
        Measure("text", ("rejected_load_increasing_moves/*",), 1),
    ),
)
