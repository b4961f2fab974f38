"""The verdict on a pull request, as the job that judges hands it to the job that reports.

Nothing else passes between the two: the one reads strangers' bytes and may write nothing, the other
may write and reads only this.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ftv4.contracts import Contract, Distinct, Items, Whole

LONGEST_PAGE = 56_000
"""Characters of the page; a comment takes 60,000 with what stands before it."""
Count = Annotated[Whole, Field(ge=0, le=1_000_000_000)]
Commit = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$")]
Touched = Literal["datasets", "promotion", "settings"]


class PullVerdict(Contract):
    """What became of one commit, judged by the default branch's code, gates and policy."""

    repository_id: Annotated[Whole, Field(ge=1)]
    """The forge's number of the repository."""
    pull: Annotated[Whole, Field(ge=1, le=1_000_000_000)] | None
    """The pull request whose comment tells it; None where no single one has this head, as in a queue."""
    base: Commit
    """The commit of the default branch that it is judged against."""
    head: Commit
    """The commit that is judged; the status stands on it."""
    touches: Annotated[tuple[Touched, ...], Items, Distinct]
    """What of the change there is to judge, or to tell; nothing is a pass."""
    passed: bool
    errors: Count
    warnings: Count
    settings: Count
    """Values of policy and waivers that the change sets; people judge them, and later verdicts go by them."""
    deciding: Count
    """Other files of that kind: eval cases, providers, prompts, workflows."""
    first: Annotated[str, Field(max_length=1000)]
    """The first error in one line: where, what is wrong, what to do; empty when it passed."""
    page: Annotated[str, Field(max_length=LONGEST_PAGE)]
    """The findings for people: Markdown in which all that strangers wrote is encoded."""

    @model_validator(mode="after")
    def _adds_up(self) -> "PullVerdict":
        if self.passed != (self.errors == 0):
            raise ValueError("passed must be: no errors")
        if bool(self.first) != bool(self.errors):
            raise ValueError("first must be there just where there is an error")
        if self.errors and not self.touches:
            raise ValueError("errors must be about something that the change touches")
        if ("settings" in self.touches) != (self.settings + self.deciding > 0):
            raise ValueError("touches must say settings just where something of these changes")
        return self
