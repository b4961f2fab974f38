"""What gates answer."""

from typing import Annotated, Literal

from ftv4.contracts import Contract, Items, Json, Whole
from ftv4.contracts.run import Estimate

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
    value: str = ""
    """What stands at the pointer, encoded and cut; empty where nothing does, and where it is a secret."""
    row: str = ""
    """Content hash of the row, which a waiver names; empty when the finding is about the whole file."""
    beside: Whole | None = None
    """Line of the earlier row that it is compared with; None where it is with none."""
    new: bool | None = None
    """Whether the change that is judged brings it: its row was added or edited, or nothing of its rule was
    said of the dataset as a whole before. None when no change is judged, or nobody can tell."""
    waived: str = ""
    """Why it counts only as a warning, in the words of its waiver, encoded."""


class Page(Contract):
    """What `ftv4 explain` tells of a rule."""

    rule: str
    gate: str
    """Which asks for it; `file`, `change` or `waivers` where no gate does."""
    severity: Severity
    """As the shipped policy has it."""
    wants: str
    why: str
    bad: str
    """A fragment of a row, or what else breaks the rule."""
    good: str
    fix: str
    policy: Json
    """Members of the policy that it compares against → their values."""


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


class Shift(Contract):
    """A count before and after a change."""

    name: str
    before: Whole
    after: Whole


class Measure(Contract):
    """A number that the policy limits, before and after a change."""

    name: str
    before: float | None
    """None where there was nothing to measure."""
    after: float
    limit: float
    at_least: bool
    """Whether the limit is a minimum; else it is a maximum."""

    @property
    def passed(self) -> bool:
        """Whether the number after the change keeps to the limit."""
        return self.after >= self.limit if self.at_least else self.after <= self.limit


class Edit(Contract):
    """A member of a row that a change edits."""

    pointer: str
    """JSON pointer inside the row."""
    before: str
    """As JSON, encoded and cut to where the two differ, like `after`; empty where there is none."""
    after: str


class NewRow(Contract):
    """A row that a change adds or edits, to look at."""

    line: Whole
    id: str
    """Encoded and cut, like `text`."""
    text: str
    """Its output."""
    reviewer: str
    """Who approved it, by what the row says; empty where it says nobody."""
    was: Whole | None = None
    """The line on which it stood; None for a row that is added."""
    edits: Annotated[tuple[Edit, ...], Items] = ()
    """What is edited of it, the output first."""
    more_edits: Whole = 0
    """Further edited members, which are not listed."""


class GoneRow(Contract):
    """A row that a change removes."""

    line: Whole
    """Where it stood."""
    id: str
    """Encoded and cut."""


class RowChange(Contract):
    """What a change does to the rows of one dataset."""

    rows: Shift
    accepted: Shift
    added: Whole
    removed: Whole
    edited: Whole
    """Same id, other content."""
    industries: Annotated[tuple[Shift, ...], Items]
    """Of all rows, by the name they give."""
    reviewers: Annotated[tuple[Shift, ...], Items]
    """How many rows each of them approved, by what the rows say; nothing proves it."""
    measures: Annotated[tuple[Measure, ...], Items]
    sample: Annotated[tuple[NewRow, ...], Items] = ()
    """From all over the change: rows whose output says something else, new ones, then other edits."""
    gone: Annotated[tuple[GoneRow, ...], Items] = ()
    """Some of those that are removed, from all over the dataset."""


class WaiverUse(Contract):
    """A waiver that applied to a dataset."""

    rule: str
    owner: str
    reason: str
    """Encoded."""
    expires: str
    findings: Whole
    """How many findings count as warnings because of it."""
    rows: Annotated[tuple[str, ...], Items] = ()
    """Content hashes of the rows that they are about; none where they are about the file."""


class Forecast(Contract):
    """What a fine-tune on this dataset would be: the figures of `ftv4 ft stage`'s plan."""

    provider: str
    base_model: str
    examples: Whole
    estimate: Estimate
    seconds: float | None
    """Of training: the median of what this repository's finished jobs took per token; None without any."""
    finished_jobs: Whole = 0
    """How many those are."""


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
    approved_only: bool = True
    """Whether approved rows alone were judged and measured."""
    extra: Json = {}
    """Further numbers by gate name."""
    needed_rows: Whole | None = None
    """Accepted rows that are enough; None when the stage is unknown."""
    waivers: Annotated[tuple[WaiverUse, ...], Items] = ()
    change: RowChange | None = None
    """None when no change is judged."""
    forecast: Forecast | None = None
    """None when it was not asked for, or when no row is accepted."""


class Setting(Contract):
    """A value of the policy or the waivers that a change touches; it has no say in the verdict."""

    file: str
    pointer: str
    """JSON pointer to the value."""
    before: str
    """As JSON, encoded and cut, like `after`; empty where there is none."""
    after: str


class ChangeReport(Contract):
    """The gates' answer about a change: its trees, and each dataset that it touches."""

    passed: bool
    """No finding of severity error, here or in a dataset."""
    base: str
    """The commit whose policy and waivers judge; like `head` and `fork` by its id."""
    fork: str
    """Where head left base: the change is what happened since."""
    head: str
    errors: Whole
    """Of all findings, here and in the datasets."""
    warnings: Whole
    findings: Annotated[tuple[Finding, ...], Items]
    """About the files of the change."""
    settings: Annotated[tuple[Setting, ...], Items] = ()
    """What the change does to policy and waivers; it holds from the next change on."""
    more_settings: Whole = 0
    """Further values, which are not listed."""
    reports: Annotated[tuple[GateReport, ...], Items]
