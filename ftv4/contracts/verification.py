"""What `ftv4 verify` answers about a change that touches models.json or the records behind it."""

from typing import Annotated, Literal

from ftv4.contracts import Contract, Items, Whole
from ftv4.contracts.findings import Finding
from ftv4.contracts.promotion import Lifetime

Kind = Literal["nothing", "records", "start", "promotion", "rollback", "revert", "edit"]
"""What a change is. `nothing`: no path of a promotion is touched; `records`: some are added and models.json
stays; `start`: the first models.json; `revert`: a commit of the branch is undone; `edit`: none of these."""

OnLedger = Literal["run and answers", "answers", "missing", "other"]
"""What the ledger holds of a promotion as the change brings it: `answers` where no run made the model;
`missing`: not all; `other`: something else under the same name."""


class Subject(Contract):
    """A file that was derived again and found equal."""

    path: str
    sha256: str


class Weighed(Contract):
    """What a promotion comes to, weighed again: what a reviewer need not take from its author."""

    wins: Whole
    """Cases in which the candidate does better than the pinned model."""
    losses: Whole
    ties: Whole
    eligible_rows: Whole
    needed_rows: Whole
    lifetime: Lifetime
    """The one that ends sooner, by the provider's word or by the base's table; counted from today."""
    warnings: Annotated[tuple[str, ...], Items]
    """Of the report as it was derived again, encoded; what it was forced past is a finding."""


class Verification(Contract):
    """Whether what a change says about models follows from its records, and from what was there."""

    passed: bool
    """No finding of severity error."""
    kind: Kind
    base: str
    """The commit whose policy, datasets and cases judge; like `head` and `fork` by its id."""
    fork: str
    head: str
    stage: str | None
    old_model_id: str | None
    new_model_id: str | None
    verdict: str | None
    """Of a promotion, computed again from the raw answers."""
    weighed: Weighed | None = None
    """Of a promotion that could be derived again."""
    ledger: OnLedger | None = None
    """Who else says that the model gave these answers; None where the ledger was not asked."""
    policy_sha256: str | None
    """Digest of the base's policy; None when nothing had to be judged by it."""
    models_sha256: str | None
    """Of the base's models.json; None where it has none."""
    subjects: Annotated[tuple[Subject, ...], Items]
    """Empty unless it passed."""
    errors: Whole
    warnings: Whole
    findings: Annotated[tuple[Finding, ...], Items]
