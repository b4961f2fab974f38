"""What gates answer."""

from typing import Annotated, Literal

from ftv4.contracts import Contract, Items, Json, Whole

Severity = Literal["error", "warning"]


class Finding(Contract):
    """One thing a gate has against a dataset, a row or a candidate."""

    rule: str
    """The gate's rule id, such as `output_schema_invalid`; stable across releases."""
    severity: Severity
    file: str
    """Relative to the repository."""
    line: Whole | None
    """Physical line, from 1; None when the finding is about the whole file."""
    pointer: str
    """JSON pointer inside the row; empty for the row as a whole."""
    problem: str
    """What is wrong. Untrusted text in it is already encoded."""
    fix: str
    """What to do about it."""


class IndustryShare(Contract):
    """One industry of a dataset's approved rows."""

    industry: str
    count: Whole
    share: float


class DiversitySummary(Contract):
    """The measures of contracts.md §8."""

    total_rows: Whole
    approved_rows: Whole
    industries: Annotated[tuple[IndustryShare, ...], Items]
    top_industry_share: float
    unique_industries: Whole
    duplicate_actions_share: float
    same_constraint_prefix_share: float


class Diversity(Contract):
    """The diversity gate's answer, contracts.md §8."""

    passed: bool
    failures: Annotated[tuple[str, ...], Items]
    summary: DiversitySummary


class GateReport(Contract):
    """Every gate's answer about one dataset file."""

    file: str
    stage: str
    dataset_sha256: str
    """Of the file's bytes as they were judged."""
    passed: bool
    """No finding of severity error."""
    total_rows: Whole
    accepted_rows: Whole
    rejection_reasons: dict[str, Whole]
    """Reason of contracts.md §9.1 → number of rows."""
    findings: Annotated[tuple[Finding, ...], Items]
    diversity: Diversity | None
    """None when the diversity gate was not asked."""
    gates: Annotated[tuple[str, ...], Items]
    """The gates that were asked, in order."""
    extra: Json = {}
    """Further numbers by gate name."""
