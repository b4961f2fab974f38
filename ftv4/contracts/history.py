"""Who served a stage when, as `ftv4 history` answers."""

from typing import Annotated, Literal

from ftv4.contracts import Contract, Items


class Served(Contract):
    """One stretch of time in which a stage was answered by the same models."""

    stage: str
    model_id: str
    overrides: dict[str, str]
    """Industry → the model that answered it instead."""
    since: str
    """When the branch got it."""
    until: str | None
    """None: it serves now."""
    commit: str
    """The commit that brought it."""
    by: str
    """Who promoted it or rolled back; the commit's author where models.json doesn't say."""
    how: Literal["start", "promotion", "rollback", "revert", "edit"]
    """`revert`: the file is as it was before; `edit`: by hand, with no record of why."""
    reason: str | None
    """Why it was rolled back, encoded."""
    report_path: str | None
    """The promotion report behind it."""


class History(Contract):
    """Who served when, newest first, stage by stage."""

    commit: str
    """The commit whose first parents were followed."""
    served: Annotated[tuple[Served, ...], Items]
