"""`config/intelligence_v4.policy.json`, contracts.md §5: every threshold a gate compares against."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ftv4.contracts import Contract, Items, Whole
from ftv4.contracts.models import StageName, every_stage

Terms = Annotated[tuple[str, ...], Items]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class TrainingDiversity(Contract):
    """The diversity gate's five numbers, contracts.md §8."""

    min_total_rows: Annotated[Whole, Field(ge=0)]
    min_industries: Annotated[Whole, Field(ge=0)]
    max_industry_share: Share
    max_duplicate_actions_share: Share
    max_same_primary_constraint_prefix_share: Share


class LeakScan(Contract):
    """How the training leak scan reads, contracts.md §6.3."""

    raw_row_hint: Literal["labelled", "any"] = "labelled"
    """`labelled`: a field name counts when a value is set beside it (`name: …`, `email=…`, a header
    row). `any`: the Node tool's rule, where the word and a space are enough; it refuses
    "clearer customer expectations" (weaknesses.md A3)."""


class Policy(Contract):
    """The Node tool's keys are required; keys that only ftv4 knows have defaults."""

    forbidden_vocabulary: Terms
    infinite_feed_phrases: Terms
    shaming_phrases: Terms
    stage_drift_terms: Annotated[dict[StageName, Terms], AfterValidator(every_stage)]
    """For each stage, words that belong to another stage's work."""
    max_actions_30_days: Annotated[Whole, Field(ge=5)]
    training_diversity: TrainingDiversity
    leak_scan: LeakScan = LeakScan()
