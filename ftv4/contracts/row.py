"""A dataset row: `train/datasets/stage_*.jsonl`, contracts.md §1."""

from typing import Literal

from pydantic import Field

from ftv4.contracts import Contract, Json

Grade = Literal["pass", "fail"]


class Grades(Contract):
    """What the graders said of the row's output, as it stands in the row."""

    schema_: Grade = Field(alias="schema")
    doctrine: Grade
    drift: Grade
    decision: Grade | None = None
    """Only for synthesis_decision."""


class Author(Contract):
    """The model that wrote the stored output."""

    model_id: str
    prompt_version: str


class Approval(Contract):
    """Who approved what, so that an edit after the approval shows."""

    reviewer: str
    reviewed_at: str
    """ISO 8601, UTC."""
    output_sha256: str
    """Of the canonical JSON of the approved output."""


class Row(Contract):
    """One dataset line: an input, the output a person approved for it, and where it came from.

    Keys are written in this order; absent optionals are left out.
    """

    id: str
    """`run:<run_id>/stage:<stage>`"""
    created_at: str
    client_id: str
    industry: str
    input: Json
    output: Json
    grades: Grades
    model: Author
    approved: bool
    notes: str
    approval: Approval | None = None
    """Absent in the Node tool's rows."""
