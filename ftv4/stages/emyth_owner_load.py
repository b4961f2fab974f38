"""Stage 2, emyth_owner_load: what weighs on the owner, and what would lift it without growing."""

from typing import Annotated, Literal

from annotated_types import Len

from ftv4.contracts import Contract, Items, Json
from ftv4.contracts.brief import Brief
from ftv4.stages import derive
from ftv4.stages.shapes import (
    Bucket,
    ClaimRefs,
    Confidence,
    Id,
    QuantSummary,
    Sentence,
    ShortSentence,
    StageInput,
    StageOutput,
)
from ftv4.stages.stage import CONFIDENCE, REFS, Earlier, Measure, Stage

NAME: Literal["emyth_owner_load"] = "emyth_owner_load"
INPUT: Literal["stage_input_emyth_v1"] = "stage_input_emyth_v1"
OUTPUT: Literal["owner_load_v1"] = "owner_load_v1"


class OwnerContext(Contract):
    """Who the owner is at work, as far as it is known."""

    team_size_bucket: Bucket = ""
    owner_role_bucket: Bucket = ""
    service_mix_bucket: Bucket = ""


class Context(Contract):
    """contracts.md §3.4."""

    quant_summary: QuantSummary
    owner_context: OwnerContext = OwnerContext()


class Input(StageInput):
    """What the stage is given."""

    schema_version: Literal["stage_input_emyth_v1"]
    stage_name: Literal["emyth_owner_load"]
    context: Context


class Driver(Contract):
    """One thing that returns to the owner."""

    id: Id
    summary: Sentence
    confidence: Confidence
    evidence_refs: ClaimRefs


class Prohibitions(Contract):
    """What the answer says it kept away from."""

    no_tools_prescribed: bool
    no_hiring_prescribed: bool
    no_scaling_prescribed: bool


class Output(StageOutput):
    """What the stage answers: contracts.md §4.2."""

    schema_version: Literal["owner_load_v1"]
    stage_name: Literal["emyth_owner_load"]
    bottleneck_diagnosis: Annotated[str, Len(12, 220)]
    why_it_feels_heavy: Annotated[str, Len(20, 260)]
    owner_load_drivers: Annotated[tuple[Driver, ...], Items, Len(1, 6)]
    relief_without_expansion: Annotated[tuple[ShortSentence, ...], Items, Len(2, 6)]
    prohibitions_checked: Prohibitions


def make_input(brief: Brief, earlier: Earlier) -> Json:
    """The quant answer and who the owner is, as this stage's input."""
    context = {
        "quant_summary": derive.quant_summary(earlier["quant_signals"]),
        "owner_context": {
            "team_size_bucket": brief.team_size,
            "owner_role_bucket": brief.role or "unknown",
            "service_mix_bucket": brief.service_mix,
        },
    }
    return derive.later_input(brief, INPUT, NAME, earlier, context)


STALLED = "Decisions stall between a quote and the start of the work it asks for."
COORDINATING = "Keeping the schedule together takes the owner's hours before the work itself does."
FRAGMENTED = "The owner's attention is cut into pieces by too many small handoffs."


def diagnosis(quant_summary: Json) -> str:
    """One of three sentences, by decision latency first and capacity second."""
    if derive.signal_value(quant_summary, "decision_latency") == "high":
        return STALLED
    if derive.signal_value(quant_summary, "capacity_squeeze_proxy") == "high":
        return COORDINATING
    return FRAGMENTED


def rule(stage_input: Json, earlier: Earlier) -> Json:
    """A diagnosis from two signals; drivers and reliefs are stock."""
    quant_summary = stage_input["context"]["quant_summary"]
    cited = (ref for signal in quant_summary["signals"][:3] for ref in signal["evidence_refs"])
    refs = list(dict.fromkeys(cited))[:10]
    return {
        **derive.output_envelope(stage_input, earlier, OUTPUT, NAME, refs),
        "bottleneck_diagnosis": diagnosis(quant_summary),
        "why_it_feels_heavy": "Every open question finds its way back to one person, so a full day "
        "can end with nothing closed.",
        "owner_load_drivers": [
            {
                "id": "handoff_interruptions",
                "summary": "Handoffs stop at the owner, and what nobody settles waits there.",
                "confidence": "medium",
                "evidence_refs": refs[:2],
            },
            {
                "id": "sequence_instability",
                "summary": "The order of work changes within the week, and each change is decided anew.",
                "confidence": "medium",
                "evidence_refs": refs[1:3] or refs[:1],
            },
            {
                "id": "role_overload",
                "summary": "Doing the work and directing it fall to the same hours of the same person.",
                "confidence": "low",
                "evidence_refs": refs[:1],
            },
        ],
        "relief_without_expansion": [
            "Settle once which questions never have to reach the owner, and who answers them.",
            "Close every handoff with one written next step and the person who holds it.",
            "Fix the order of the week on its first morning and leave it alone until the last.",
        ],
        "prohibitions_checked": {
            "no_tools_prescribed": True,
            "no_hiring_prescribed": True,
            "no_scaling_prescribed": True,
        },
    }


STAGE = Stage(
    name=NAME,
    purpose="Says where the owner is the bottleneck, and what relieves that without growth.",
    input=Input,
    output=Output,
    input_schema=INPUT,
    output_schema=OUTPUT,
    dataset="train/datasets/stage_emyth.jsonl",
    base_model="gpt-4o-mini-2024-07-18",
    min_rows=30,
    max_tokens=1200,
    prompt="prompts/emyth_owner_load.md",
    rules=frozenset({"emyth-v1", "core-v1"}),
    make_input=make_input,
    rule=rule,
    headline=("bottleneck_diagnosis",),
    measures=(
        CONFIDENCE,
        REFS,
        Measure("text", ("bottleneck_diagnosis",), 3),
        Measure("text", ("why_it_feels_heavy",), 1),
        Measure("text", ("owner_load_drivers/*/summary",), 2),
        Measure("text", ("relief_without_expansion/*",), 1),
    ),
)
