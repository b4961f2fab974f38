"""`config/intelligence_v4.models.json`, contracts.md §10: which model serves each stage."""

import re
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import AfterValidator, Field, model_validator

from ftv4.contracts import Contract, Items, Whole

MODEL_ID = r"^[A-Za-z0-9][A-Za-z0-9_.-]*:[A-Za-z0-9][A-Za-z0-9_.:-]{0,190}$"
ModelId = Annotated[str, Field(pattern=MODEL_ID)]
"""`deterministic:<rule>` or `<provider>:<model>`. No slash, no space: it names files and branches."""

StageName = Literal[
    "quant_signals", "emyth_owner_load", "competitive_lens", "blue_ocean", "synthesis_decision"
]


T = TypeVar("T")


def every_stage(by_stage: dict[str, T]) -> dict[str, T]:
    """Refuse a table that leaves a stage out."""
    missing = [name for name in get_args(StageName) if name not in by_stage]
    if missing:
        raise ValueError(f"stages without an entry: {', '.join(missing)}")
    return by_stage


class Rollout(Contract):
    """Who gets `model_id`: everyone (`pinned`), or `canary_percent` of clients (`canary`)."""

    strategy: Literal["pinned", "canary"] = "pinned"
    canary_percent: Annotated[Whole, Field(ge=0, le=100)] = 0


class Fallback(Contract):
    """The model that answers where `model_id` doesn't: outside a canary's share, or when it fails."""

    enabled: bool = False
    model_id: ModelId | None = None


class HistoryEntry(Contract):
    """One promotion or rollback of a stage."""

    timestamp: str
    old_model: str
    new_model: str
    report_path: str | None
    """None for a rollback, like the other paths: it rests on what was promoted before."""
    model_card_path: str | None
    eval_report_path: str | None
    dataset_hash: str | None
    """Of what it was trained on; None when no run links the model to a dataset."""
    cleared_overrides: dict[str, str] = {}
    """Industry → the model its override pinned until this promotion."""
    action: Literal["promotion", "rollback"] = "promotion"
    reason: str | None = None
    """Why it was rolled back, as it was given: encode before showing."""


class Pin(Contract):
    """The model that serves a stage now, and since when."""

    model_id: ModelId
    temperature: Annotated[float, Field(ge=0, le=2)] = 0
    max_tokens: Annotated[Whole, Field(ge=1)] = 1200
    schema_version: str
    prompt_version: Annotated[str, Field(min_length=1, max_length=40)] = "v1"
    rollout: Rollout = Rollout()
    fallback: Fallback = Fallback()
    pinned_at: str | None = None
    pinned_by: str | None = None
    promotion_report_path: str | None = None
    promotion_history: Annotated[tuple[HistoryEntry, ...], Items] = ()

    @model_validator(mode="after")
    def _canary_has_another(self) -> "Pin":
        if self.rollout.strategy == "canary" and not (self.fallback.enabled and self.fallback.model_id):
            raise ValueError("a canary needs fallback.enabled and fallback.model_id for the other clients")
        return self


class PinOverride(Contract):
    """The members of a pin that one industry replaces."""

    model_id: ModelId | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    max_tokens: Annotated[Whole, Field(ge=1)] | None = None
    schema_version: str | None = None
    prompt_version: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    rollout: Rollout | None = None
    fallback: Fallback | None = None


class ModelsConfig(Contract):
    """Every stage's pin, and the industries that override it."""

    version: Literal["intelligence_v4.models/1"]
    stages: Annotated[dict[StageName, Pin], AfterValidator(every_stage)]
    industry_overrides: dict[str, dict[StageName, PinOverride]] = {}

    def pin(self, stage: str, industry: str) -> Pin:
        """The pin that serves a stage for an industry; its name is normalised first."""
        base = self.stages[stage]  # type: ignore[index]
        override = self.industry_overrides.get(normal_industry(industry), {}).get(stage)  # type: ignore[call-overload]
        if override is None:
            return base
        return Pin.model_validate(base.model_dump() | override.model_dump(exclude_none=True))


def normal_industry(name: str) -> str:
    """Trimmed, lower-case, whitespace as `_`; `unknown` when nothing is left (contracts.md §14)."""
    return re.sub(r"\s+", "_", name.strip().lower()) or "unknown"
