"""A review pack: what a person reads and approves, contracts.md §11.5."""

from typing import Annotated

from ftv4.contracts import Contract, Items, Json, Whole
from ftv4.contracts.row import Grades


class ReviewItem(Contract):
    """One stage's input and output, waiting for a person or answered by one."""

    id: str
    """`run:<run_id>/stage:<stage>`, as in the dataset row it becomes."""
    run_id: str
    stage_name: str
    created_at: str
    client_id: str
    industry: str
    input: Json
    output: Json
    grades: Grades
    approved: bool
    notes: str = ""
    edited_output: Json | None = None
    """The reviewer's version; graded anew when the dataset is built."""
    reviewer: str | None = None
    reviewed_at: str | None = None
    """None means nobody has looked yet."""
    output_sha256: str | None = None
    """Of the canonical JSON of the output as it was when it was approved."""

    @property
    def decided(self) -> bool:
        """Whether a person has answered, also one who wrote `approved` into the file by hand."""
        return self.reviewed_at is not None or self.approved

    @property
    def offered(self) -> Json:
        """The output that is up for approval: the reviewer's version where there is one."""
        return self.output if self.edited_output is None else self.edited_output


class ReviewPack(Contract):
    """Review items, newest first."""

    generated_at: str
    workspace_id: str | None
    window_days: Whole
    items: Annotated[tuple[ReviewItem, ...], Items]
