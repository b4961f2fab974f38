"""Stage 5, synthesis_decision: one constraint, three paths, one recommendation, thirty days."""

from copy import deepcopy
from typing import Annotated, Literal

from annotated_types import Len

from ftv4.contracts import Contract, Items, Json
from ftv4.contracts.brief import Brief
from ftv4.stages import derive
from ftv4.stages.emyth_owner_load import diagnosis
from ftv4.stages.shapes import (
    Id,
    Label,
    OwnerLoadSummary,
    QuantSummary,
    Sentence,
    ShortSentence,
    StageInput,
    StageOutput,
    Text140,
)
from ftv4.stages.stage import CONFIDENCE, REFS, Earlier, Measure, Stage

NAME: Literal["synthesis_decision"] = "synthesis_decision"
INPUT: Literal["stage_input_synthesis_v1"] = "stage_input_synthesis_v1"
OUTPUT: Literal["decision_artifact_v1"] = "decision_artifact_v1"


class CompetitiveSummary(Contract):
    """The competitive answer, cut to what this stage is given."""

    market_pressures: Annotated[tuple[Text140, ...], Items, Len(0, 8)]
    strengths: Annotated[tuple[Label, ...], Items, Len(0, 6)]
    vulnerabilities: Annotated[tuple[Label, ...], Items, Len(0, 6)]
    collapsed_view: Sentence


class BlueOceanSummary(Contract):
    """The blue-ocean answer, cut to what this stage is given."""

    asymmetric_move_ids: Annotated[tuple[Id, ...], Items, Len(0, 8)]
    rejected_moves: Annotated[tuple[Text140, ...], Items, Len(0, 8)]
    capacity_guardrail: ShortSentence


class Context(Contract):
    """contracts.md §3.7."""

    quant_summary: QuantSummary
    owner_load_summary: OwnerLoadSummary
    competitive_summary: CompetitiveSummary
    blue_ocean_summary: BlueOceanSummary


class Input(StageInput):
    """What the stage is given."""

    schema_version: Literal["stage_input_synthesis_v1"]
    stage_name: Literal["synthesis_decision"]
    context: Context


Step = Annotated[str, Len(8, 160)]
UpTo5Steps = Annotated[tuple[Step, ...], Items, Len(2, 5)]


class Path(Contract):
    """One way to go, with what it costs."""

    title: Annotated[str, Len(4, 90)]
    who_it_fits: Sentence
    tradeoffs: UpTo5Steps
    first_steps: Annotated[tuple[Step, ...], Items, Len(3, 5)]
    risks: UpTo5Steps
    guardrails: UpTo5Steps


class Paths(Contract):
    """Exactly three."""

    A: Path
    B: Path
    C: Path


class LanguageChecks(Contract):
    """What the answer says of its own language; the guards decide."""

    forbidden_terms_found: Annotated[tuple[Annotated[str, Len(2, 64)], ...], Items, Len(0, 20)]
    passed: bool


class Output(StageOutput):
    """What the stage answers: contracts.md §4.5."""

    schema_version: Literal["decision_artifact_v1"]
    stage_name: Literal["synthesis_decision"]
    primary_constraint: Annotated[str, Len(12, 200)]
    why_it_feels_heavy: Annotated[str, Len(20, 80)]
    paths: Paths
    recommended_path: Literal["A", "B", "C"]
    first_30_days: Annotated[tuple[ShortSentence, ...], Items, Len(5, 9)]
    owner_choice_prompt: Annotated[str, Len(8, 140)]
    language_checks: LanguageChecks


def make_input(brief: Brief, earlier: Earlier) -> Json:
    """All four answers, summarised, as this stage's input."""
    competitive, ocean = earlier["competitive_lens"], earlier["blue_ocean"]
    pressures = (item["pressure"] for item in competitive["market_pressures"])
    context = {
        "quant_summary": derive.quant_summary(earlier["quant_signals"]),
        "owner_load_summary": derive.owner_load_summary(earlier["emyth_owner_load"]),
        "competitive_summary": {
            "market_pressures": derive.texts(pressures, 8, 140),
            "strengths": derive.texts(competitive["strengths"], 6, 120),
            "vulnerabilities": derive.texts(competitive["vulnerabilities"], 6, 120),
            "collapsed_view": derive.truncate(competitive["collapsed_view"], 180),
        },
        "blue_ocean_summary": {
            "asymmetric_move_ids": [move["id"] for move in ocean["asymmetric_moves"][:8]],
            "rejected_moves": derive.texts(ocean["rejected_load_increasing_moves"], 8, 140),
            "capacity_guardrail": derive.truncate(ocean["capacity_guardrail_statement"], 180),
        },
    }
    return derive.later_input(brief, INPUT, NAME, earlier, context)


PATHS: Json = {
    "A": {
        "title": "Steady the handoffs first",
        "who_it_fits": "Owners whose day is taken by interruptions and by work that changes hands badly.",
        "tradeoffs": [
            "Fewer jobs start while the new order settles in.",
            "Some poorly fitting work is turned away to keep promises whole.",
        ],
        "first_steps": [
            "Agree on the one kind of question that may interrupt the owner at once.",
            "Write a short list that each piece of work passes before it changes hands.",
            "Take no additions to agreed work for one week.",
        ],
        "risks": [
            "Everything may look urgent until the new habit holds.",
            "Buyers used to exceptions may push back.",
        ],
        "guardrails": [
            "Questions to the owner wait for a set hour.",
            "No new service starts before the handoffs hold.",
        ],
    },
    "B": {
        "title": "Reset what is promised",
        "who_it_fits": "Teams that are pressed by late decisions and by dates that nobody could keep.",
        "tradeoffs": [
            "Fewer dates are on offer, and each request is looked at more closely.",
            "Selling is less flexible while one way of answering is set.",
        ],
        "first_steps": [
            "Choose two windows for the start of work and book only into those.",
            "Use one form of message whenever the state of a job changes.",
            "Close every decision that is overdue before a new promise is made.",
        ],
        "risks": [
            "Some buyers will ask for dates outside the windows.",
            "The team may find the common wording stiff at first.",
        ],
        "guardrails": [
            "A promise made for today changes only with the owner's consent.",
            "Messages stay short enough to be read at a glance.",
        ],
    },
    "C": {
        "title": "Narrow what is offered",
        "who_it_fits": "Businesses with mixed demand of which only one part runs as planned.",
        "tradeoffs": [
            "Income shifts as unclear work is taken less often.",
            "Some referrals may thin out while the offer tightens.",
        ],
        "first_steps": [
            "Write down what makes a job clear and hold new quotes against it.",
            "Rest the least clear kind of quote for two weeks.",
            "Say in each proposal what is included and when it will be finished.",
        ],
        "risks": [
            "There may be less work in sight for a few weeks.",
            "Good jobs may be turned away by reading the criteria too strictly.",
        ],
        "guardrails": [
            "Look over declined work once a week for a pattern of error.",
            "Only cases at the edge reach the owner.",
        ],
    },
}

FIRST_30_DAYS = [
    "Week 1: settle which questions may interrupt the owner and tell everyone.",
    "Week 1: try the handoff list on all open work.",
    "Week 2: end one interruption that keeps returning.",
    "Week 2: answer all open work in one agreed form.",
    "Week 3: find decisions older than two days and close them.",
    "Week 4: hold the chosen path and drop trials of the other two.",
]


def recommended_path(quant_summary: Json) -> str:
    """A under a capacity squeeze, B under volatility, C otherwise."""
    if derive.signal_value(quant_summary, "capacity_squeeze_proxy") == "high":
        return "A"
    return "B" if derive.signal_value(quant_summary, "volatility") == "high" else "C"


def rule(stage_input: Json, earlier: Earlier) -> Json:
    """The owner-load diagnosis as the constraint, a path by two signals; the rest is stock.

    The language checks are true by construction: the stock is clean, and the guards have passed
    the diagnosis before it gets here.
    """
    quant_summary = stage_input["context"]["quant_summary"]
    found = earlier.get("emyth_owner_load", {}).get("bottleneck_diagnosis") or diagnosis(quant_summary)
    refs = stage_input["evidence_index"]["refs"][:20]
    return {
        **derive.output_envelope(stage_input, earlier, OUTPUT, NAME, refs),
        "primary_constraint": derive.truncate(found, 200),
        "why_it_feels_heavy": "What nobody settles returns to the owner, to be decided once more.",
        "paths": deepcopy(PATHS),
        "recommended_path": recommended_path(quant_summary),
        "first_30_days": list(FIRST_30_DAYS),
        "owner_choice_prompt": "Which of A, B or C has the cost you can carry for thirty days?",
        "language_checks": {"forbidden_terms_found": [], "passed": True},
    }


STAGE = Stage(
    name=NAME,
    purpose="Names the main constraint, offers paths A, B and C, and lays out 30 days.",
    input=Input,
    output=Output,
    input_schema=INPUT,
    output_schema=OUTPUT,
    dataset="train/datasets/stage_synthesis.jsonl",
    base_model="gpt-4.1-mini-2025-04-14",
    min_rows=40,
    max_tokens=1600,
    prompt="prompts/synthesis_decision.md",
    rules=frozenset({"synthesis-v1", "synthesis-hvac-v1", "synthesis-plumbing-v1", "core-v1"}),
    make_input=make_input,
    rule=rule,
    headline=("recommended_path", "primary_constraint"),
    measures=(
        Measure("equal", ("recommended_path",), 3),
        CONFIDENCE,
        REFS,
        Measure("text", ("primary_constraint",), 3),
        Measure("text", ("first_30_days/*",), 2),
        Measure("text", ("paths/*/title", "paths/*/first_steps/*"), 1),
    ),
)
