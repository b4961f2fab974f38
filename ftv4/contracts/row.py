"""A dataset row: `train/datasets/stage_*.jsonl`, contracts.md §1."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from ftv4.contracts import Contract, Json, Time

RUN_ID = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,119}$"
RowId = Annotated[str, StringConstraints(pattern=rf"^run:{RUN_ID[1:-1]}/stage:[a-z_]{{1,40}}$")]
"""`run:<run_id>/stage:<stage>`"""
Named = Annotated[str, StringConstraints(min_length=1)]
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

    reviewer: Named
    reviewed_at: Time
    output_sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """Of the canonical JSON of the approved output."""


class Row(Contract):
    """One dataset line: an input, the output a person approved for it, and where it came from.

    Keys are written in this order; absent optionals are left out.
    """

    id: RowId
    created_at: Time
    client_id: str
    industry: Named
    input: Json
    output: Json
    grades: Grades
    model: Author
    approved: bool
    notes: str
    approval: Approval | None = None
    """Absent in the Node tool's rows."""
