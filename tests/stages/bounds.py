"""The ten stage contracts a second time, as plain tables, and the payloads that lie on their edges.

Written from contracts.md §3 and §4 apart from the models, so that a bound mistyped in one of the
two shows. `Shape.edges()` yields payloads one step inside and one step outside of every bound.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from hypothesis import strategies as st

Edge = tuple[str, Any, bool]
"""What was done, the value, and whether the contract takes it."""
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_:-"


def newline_ends(value: Any) -> bool:
    """Whether a text somewhere in a value ends in a newline, where Python's `$` matches too soon."""
    if isinstance(value, (dict, list)):
        return any(map(newline_ends, value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and value.endswith("\n")


class Text(NamedTuple):
    low: int
    high: int
    prefix: str = ""
    letters: str = ""

    def sample(self, number: int = 0) -> str:
        return self.long(self.low, str(number % 10))

    def long(self, length: int, letter: str = "a") -> str:
        return (self.prefix + letter * length)[: max(length, len(self.prefix))]

    def edges(self) -> Iterator[Edge]:
        for length in (self.low - 1, self.low, self.high, self.high + 1):
            yield f"{length} long", self.long(length), self.low <= length <= self.high
        for other in (None, 7, True, [], {}, ["aaaaaaaaaaaa"]):
            yield f"{other!r}", other, False
        if self.letters:
            yield "newline at the end", self.sample() + "\n", False
            for wrong in "A é.\u0661/😀":
                yield f"a {wrong!r}", self.sample()[:-1] + wrong, False
        else:
            for character in ("😀", "\u0301", "\u200b", "\n", "\ud83d"):
                yield f"{character!r} to the top", character * self.high, True
                yield f"{character!r} past the top", character * (self.high + 1), False

    def any(self) -> st.SearchStrategy[Any]:
        free = (
            st.text(st.sampled_from(self.letters), min_size=self.low, max_size=self.high)
            if self.letters
            else st.text(min_size=self.low, max_size=min(self.high, self.low + 40))
        )
        return free if not self.prefix else free.map(lambda tail: (self.prefix + tail)[: self.high])


class Whole(NamedTuple):
    low: int
    high: int

    def sample(self, number: int = 0) -> int:
        return self.low + number

    def edges(self) -> Iterator[Edge]:
        for value in (self.low, self.high, float(self.low), float(self.high)):
            yield f"{value!r}", value, True
        outside = (self.low - 1, self.high + 1, float(self.high + 1), self.low + 0.5, float("inf"))
        for value in (*outside, 10**400, "5", True, None, [5]):
            yield f"{value!r}"[:20], value, False

    def any(self) -> st.SearchStrategy[Any]:
        return st.integers(self.low, self.high)


class Flag(NamedTuple):
    def sample(self, number: int = 0) -> bool:
        return True

    def edges(self) -> Iterator[Edge]:
        yield from ((f"{value!r}", value, True) for value in (True, False))
        yield from ((f"{value!r}", value, False) for value in (0, 1, "true", "", None, [], 1.0))

    def any(self) -> st.SearchStrategy[Any]:
        return st.booleans()


class One(NamedTuple):
    of: tuple[str, ...]

    def sample(self, number: int = 0) -> str:
        return self.of[0]

    def edges(self) -> Iterator[Edge]:
        yield from ((value, value, True) for value in self.of)
        first = self.of[0]
        wrong = (first.swapcase(), first + " ", first + "\n", "", "constructor", None, 1, True, [first])
        yield from ((f"{value!r}", value, False) for value in wrong)

    def any(self) -> st.SearchStrategy[Any]:
        return st.sampled_from(self.of)


class Many(NamedTuple):
    low: int
    high: int
    item: Any
    distinct: bool = False

    def sample(self, number: int = 0) -> list[Any]:
        return self.long(max(self.low, 1))

    def long(self, count: int) -> list[Any]:
        if not self.distinct:
            return [self.item.sample() for _ in range(count)]
        return [f"{self.item.prefix}{number:03}" for number in range(count)]

    def edges(self) -> Iterator[Edge]:
        for count in {self.low - 1, self.low, self.high, self.high + 1} - {-1}:
            yield f"{count} items", self.long(count), self.low <= count <= self.high
        for other in (None, {}, "aaaaaaaaaaaa", 1, {"0": self.item.sample()}):
            yield f"{other!r}"[:20], other, False
        count = max(self.low, 2)
        if count <= self.high:
            yield "repeats", [self.item.sample()] * count, not self.distinct
        rest = self.long(self.high)[max(self.low, 1) :][: max(self.low - 1, 0)]
        for what, value, fits in self.item.edges():
            yield f"0: {what}", [value, *rest], fits
        yield "null among the items", [*rest, None], False

    def any(self) -> st.SearchStrategy[Any]:
        top = min(self.high, self.low + 3)
        key = repr if self.distinct else None
        return st.lists(self.item.any(), min_size=self.low, max_size=top, unique_by=key)


class Shape:
    """An object; a `?` after a key makes it optional."""

    def __init__(self, **members: Any) -> None:
        self.members = {name.removesuffix("_opt"): spec for name, spec in members.items()}
        self.optional = {name.removesuffix("_opt") for name in members if name.endswith("_opt")}

    def sample(self, number: int = 0) -> dict[str, Any]:
        return {name: spec.sample() for name, spec in self.members.items()}

    def edges(self) -> Iterator[Edge]:
        whole = self.sample()
        yield "whole", whole, True
        for extra in ("extra", "__proto__", "constructor", "", "\ud83d", next(iter(whole)) + " "):
            yield f"extra {extra!r}", {**whole, extra: None}, False
        for name in whole:
            rest = {key: value for key, value in whole.items() if key != name}
            yield f"without {name}", rest, name in self.optional
        for other in (None, [], [whole], "object", 0, True):
            yield f"{other!r}"[:20], other, False
        for name, spec in self.members.items():
            for what, value, fits in spec.edges():
                yield f"{name}: {what}", {**whole, name: value}, fits

    def any(self) -> st.SearchStrategy[Any]:
        required = {name: spec.any() for name, spec in self.members.items() if name not in self.optional}
        optional = {name: spec.any() for name, spec in self.members.items() if name in self.optional}
        return st.fixed_dictionaries(required, optional=optional)


BUCKET = Text(2, 40, letters=LETTERS)
REF = Text(8, 120, prefix="bucket:", letters=LETTERS)
CONF = One(("low", "medium", "high"))
DIR = One(("up", "down", "flat", "mixed", "unknown"))
FLAG = Flag()
NOTES = Many(0, 8, Text(1, 200))
REFS6 = Many(1, 6, REF, distinct=True)
REFS8 = Many(1, 8, REF, distinct=True)
CLAIM = Many(1, 6, REF)

SUMMARY_PATTERN = Shape(id=Text(1, 80), description=Text(8, 180), confidence=CONF, evidence_refs=REFS6)
QSUM = Shape(
    signals=Many(
        1,
        10,
        Shape(
            id=Text(1, 80),
            label=Text(1, 120),
            value_bucket=BUCKET,
            direction=DIR,
            confidence=CONF,
            evidence_refs=REFS6,
        ),
    ),
    patterns=Many(0, 6, SUMMARY_PATTERN),
    anomalies=Many(0, 6, SUMMARY_PATTERN),
)
OLSUM = Shape(
    owner_bottleneck=FLAG,
    pressure_sources=Many(0, 8, Text(1, 80)),
    structural_gaps=Many(0, 8, Text(1, 120)),
)


def _input(schema: str, stage: str, context: Shape) -> Shape:
    return Shape(
        schema_version=One((schema,)),
        stage_name=One((stage,)),
        client_id=Text(1, 120),
        run_id=Text(1, 120),
        industry=Text(3, 64, letters="abcdefghijklmnopqrstuvwxyz0123456789_-"),
        data_limits=Shape(
            window_start=Text(10, 40),
            window_end=Text(10, 40),
            max_records=Whole(1, 100_000),
            notes=NOTES,
        ),
        evidence_index=Shape(refs=Many(1, 32, REF, distinct=True)),
        context=context,
    )


def _output(schema: str, stage: str, **answer: Any) -> Shape:
    return Shape(
        schema_version=One((schema,)),
        stage_name=One((stage,)),
        model_id=Text(1, 200),
        prompt_version=Text(1, 40),
        confidence=CONF,
        evidence_refs=Many(1, 24, REF, distinct=True),
        data_limits=Shape(
            window_mode=One(("last_90_days", "last_100_closed_estimates", "custom")),
            row_limit_applied=Whole(0, 100_000),
            saw_quotes=FLAG,
            saw_invoices=FLAG,
            saw_jobs=FLAG,
            saw_customers=FLAG,
            notes=NOTES,
        ),
        **answer,
    )


PATTERN = Shape(id=Text(1, 80), description=Text(8, 240), confidence=CONF, evidence_refs=REFS8)
STEP = Text(8, 160)
PATH = Shape(
    title=Text(4, 90),
    who_it_fits=Text(10, 180),
    tradeoffs=Many(2, 5, STEP),
    first_steps=Many(3, 5, STEP),
    risks=Many(2, 5, STEP),
    guardrails=Many(2, 5, STEP),
)

BOUNDS: dict[tuple[str, str], Shape] = {
    ("quant_signals", "input"): _input(
        "stage_input_quant_v1",
        "quant_signals",
        Shape(
            buckets=Shape(
                concentration_bucket=BUCKET,
                volatility_bucket=BUCKET,
                seasonality_bucket=BUCKET,
                decision_latency_bucket=BUCKET,
                throughput_bucket=BUCKET,
                capacity_squeeze_bucket=BUCKET,
                lead_source_bucket_opt=BUCKET,
                job_type_mix_bucket_opt=BUCKET,
            ),
            derived_counts=Shape(
                invoice_count_bucket=BUCKET,
                estimate_count_bucket=BUCKET,
                job_count_bucket_opt=BUCKET,
                customer_count_bucket_opt=BUCKET,
            ),
            notes=NOTES,
        ),
    ),
    ("emyth_owner_load", "input"): _input(
        "stage_input_emyth_v1",
        "emyth_owner_load",
        Shape(
            quant_summary=QSUM,
            owner_context_opt=Shape(
                team_size_bucket_opt=BUCKET, owner_role_bucket_opt=BUCKET, service_mix_bucket_opt=BUCKET
            ),
        ),
    ),
    ("competitive_lens", "input"): _input(
        "stage_input_competitive_v1",
        "competitive_lens",
        Shape(
            quant_summary=QSUM,
            owner_load_summary=OLSUM,
            market_context_opt=Shape(
                region_bucket_opt=BUCKET,
                primary_services_opt=Many(0, 6, Text(1, 80)),
                competitor_set_refs_opt=Many(0, 10, Text(5, 120, prefix="set:", letters=LETTERS)),
            ),
        ),
    ),
    ("blue_ocean", "input"): _input(
        "stage_input_blue_ocean_v1",
        "blue_ocean",
        Shape(
            primary_constraint_candidate=Text(10, 140),
            capacity_bounds_opt=Shape(
                hours_bucket_opt=BUCKET, crew_count_bucket_opt=BUCKET, schedule_fill_bucket_opt=BUCKET
            ),
            competitive_pressure_summary=Many(1, 6, Text(6, 140)),
        ),
    ),
    ("synthesis_decision", "input"): _input(
        "stage_input_synthesis_v1",
        "synthesis_decision",
        Shape(
            quant_summary=QSUM,
            owner_load_summary=OLSUM,
            competitive_summary=Shape(
                market_pressures=Many(0, 8, Text(1, 140)),
                strengths=Many(0, 6, Text(1, 120)),
                vulnerabilities=Many(0, 6, Text(1, 120)),
                collapsed_view=Text(10, 180),
            ),
            blue_ocean_summary=Shape(
                asymmetric_move_ids=Many(0, 8, Text(1, 80)),
                rejected_moves=Many(0, 8, Text(1, 140)),
                capacity_guardrail=Text(8, 180),
            ),
        ),
    ),
    ("quant_signals", "output"): _output(
        "quant_signals_v1",
        "quant_signals",
        window=Shape(start_date=Text(8, 40), end_date=Text(8, 40)),
        data_quality=Shape(
            coverage_bucket=One(("insufficient", "partial", "strong")),
            missingness_bucket=CONF,
            notes=NOTES,
        ),
        signals=Many(
            3,
            16,
            Shape(
                id=Text(1, 80),
                label=Text(1, 120),
                value_bucket=Text(1, 80),
                direction=DIR,
                confidence=CONF,
                evidence_refs=REFS8,
            ),
        ),
        patterns=Many(1, 8, PATTERN),
        anomalies=Many(0, 6, PATTERN),
    ),
    ("emyth_owner_load", "output"): _output(
        "owner_load_v1",
        "emyth_owner_load",
        bottleneck_diagnosis=Text(12, 220),
        why_it_feels_heavy=Text(20, 260),
        owner_load_drivers=Many(
            1, 6, Shape(id=Text(1, 80), summary=Text(10, 180), confidence=CONF, evidence_refs=CLAIM)
        ),
        relief_without_expansion=Many(2, 6, Text(8, 180)),
        prohibitions_checked=Shape(
            no_tools_prescribed=FLAG, no_hiring_prescribed=FLAG, no_scaling_prescribed=FLAG
        ),
    ),
    ("competitive_lens", "output"): _output(
        "competitive_lens_v1",
        "competitive_lens",
        market_pressures=Many(
            1, 6, Shape(id=Text(1, 80), pressure=Text(12, 180), confidence=CONF, evidence_refs=CLAIM)
        ),
        strengths=Many(2, 6, Text(5, 150)),
        vulnerabilities=Many(2, 6, Text(8, 180)),
        collapsed_view=Text(16, 260),
    ),
    ("blue_ocean", "output"): _output(
        "blue_ocean_v1",
        "blue_ocean",
        capacity_guardrail_statement=Text(12, 200),
        asymmetric_moves=Many(
            2,
            5,
            Shape(
                id=Text(1, 80),
                move=Text(10, 180),
                why_now=Text(10, 180),
                capacity_check=Text(10, 180),
                confidence=CONF,
                evidence_refs=CLAIM,
            ),
        ),
        rejected_load_increasing_moves=Many(1, 6, Text(10, 180)),
    ),
    ("synthesis_decision", "output"): _output(
        "decision_artifact_v1",
        "synthesis_decision",
        primary_constraint=Text(12, 200),
        why_it_feels_heavy=Text(20, 80),
        paths=Shape(A=PATH, B=PATH, C=PATH),
        recommended_path=One(("A", "B", "C")),
        first_30_days=Many(5, 9, Text(8, 180)),
        owner_choice_prompt=Text(8, 140),
        language_checks=Shape(forbidden_terms_found=Many(0, 20, Text(2, 64)), passed=FLAG),
    ),
}
"""(stage, side) → its contract, in contracts.md's order."""
