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


class Limits(Contract):
    """How large what a stranger sends may be before it is refused instead of read."""

    line_bytes: Annotated[Whole, Field(ge=1024, le=8 << 20)] = 256 << 10
    """Of one row; a longer line is never held in memory."""
    depth: Annotated[Whole, Field(ge=8, le=200)] = 32
    """Levels of nesting in a row."""
    rows: Annotated[Whole, Field(ge=1)] = 1_000_000
    """Of one dataset."""
    file_bytes: Annotated[Whole, Field(ge=1)] = 8 << 30
    """Of one dataset; a larger one is not read."""
    files: Annotated[Whole, Field(ge=1)] = 100
    """Datasets that one change may touch."""


class Duplicates(Contract):
    """When rows are copies of each other."""

    min_similarity: Share = 0.5
    """Share of five-letter stretches that two answers to the same signals have in common (Jaccard), from
    which on one is a near copy of the other. A tenth of the words changed leaves 0.65 in common; different
    answers of the shipped datasets have 0.1 in common, of one industry 0.3."""
    max_near_share: Share = 0.05
    """Near copies among the accepted rows. Exact copies are never trained on."""
    max_repeated_share: Share = 0.35
    """Rows that give the same answer, whatever their signals say; the diversity gate allows one
    constraint as often."""


class Contamination(Contract):
    """When a row gives an eval case away."""

    min_similarity: Share = 0.85
    """Share of five-letter stretches that an answer and a case's have in common (Jaccard), from which on it
    is the case's, common phrases included. Three words changed leave 0.87 of the shortest case in common;
    the shipped rows reach 0.81."""
    min_answer_share: Share = 0.6
    """Of a case's 13-word stretches, the share that a row and no other answer has, from which on it is
    the case's answer. Tulu 3 takes half of a question; the shipped rows, written from the same phrases
    as the cases, reach 0.28, and 0.54 where only 40 of them are judged."""
    min_warned_share: Share = 0.4
    """The same of 8-word stretches, for a warning; the shipped rows reach 0.15."""


class Concentration(Contract):
    """How much of a dataset one source may be, where there are several."""

    max_client_share: Share = 0.6
    """Rows of one client; the limit of one industry's."""
    max_reviewer_share: Share = 0.9
    """Rows that one reviewer approved."""


class Length(Contract):
    """How long an example may be."""

    max_tokens: Annotated[Whole, Field(ge=1)] = 65_536
    """What the gpt-4.1 and gpt-4o families read of an example; the end, which is the answer, is cut off."""
    warn_share: Share = 0.8
    """Of that, from where on a row is worth a look."""
    instructions_tokens: Annotated[Whole, Field(ge=0)] = 1_000
    """What the stage's instructions are taken to have: the shipped ones have up to 600."""


class Triggers(Contract):
    """When a rare expression of the input decides an answer."""

    min_rows: Annotated[Whole, Field(ge=3)] = 8
    """Rows with the expression and the same answer. Ten crafted rows are known to do harm."""
    max_share: Share = 0.15
    """Of all rows, up to which an expression is rare."""
    max_elsewhere: Share = 0.6
    """Rows with the same signals, but without the expression, that may give that answer all the same."""
    severity: Literal["error", "warning"] = "warning"
    """A rare expression can be honest; a person has to look."""


Owner = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
"""An organisation, as a provider writes it into a tuned model's id."""


class PromotionPolicy(Contract):
    """What a promotion has to be besides better."""

    min_days_left: Annotated[Whole, Field(ge=0)] = 30
    """Days that a model must still answer, counted from the day it is judged."""
    max_age_days: Annotated[Whole, Field(ge=1)] = 30
    """Days after which a promotion that isn't merged has to be weighed anew."""
    owners: Annotated[tuple[Owner, ...], Items] = ()
    """Whose tuned models may serve, to the letter: third part of `ft:<base>:<owner>:…`. Empty: anybody's."""
    require_ledger: bool = False
    """Whether the ledger has to hold the run and the answers; otherwise it is said where it doesn't."""


class GatesPolicy(Contract):
    """What the gates compare against that the Node tool doesn't have."""

    duplicates: Duplicates = Duplicates()
    contamination: Contamination = Contamination()
    concentration: Concentration = Concentration()
    length: Length = Length()
    triggers: Triggers = Triggers()


class Caps(Contract):
    """How much may be bought, whoever asks how often: what exceeds one is refused before anything is sent."""

    open_jobs: Annotated[Whole, Field(ge=0)] = 10
    """Jobs that train at a time, those included whose answer was lost."""
    jobs_a_day: Annotated[Whole, Field(ge=0)] = 20
    """Jobs asked for within 24 hours."""
    dollars_a_day: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 200
    """What the jobs asked for within 24 hours are estimated to cost."""
    dollars_unpriced: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 20
    """What a job counts as whose price nobody knows."""
    evaluations_a_day: Annotated[Whole, Field(ge=0)] = 20
    """Models that reconcile starts to evaluate within 24 hours; the others wait."""


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
    gates: GatesPolicy = GatesPolicy()
    promotion: PromotionPolicy = PromotionPolicy()
    limits: Limits = Limits()
    caps: Caps = Caps()
    approval: Literal["environment", "merged_request", "none"] = "environment"
    """Where somebody else than who asks has to approve a paid run: in the environment of its workflow run,
    or by a request file merged to main. `none`: whoever may start it has approved it."""
