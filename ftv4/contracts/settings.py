"""What `ftv4 ops doctor` finds: a repository's settings, and what is still missing of them."""

from typing import Annotated, Literal

from ftv4.contracts import Contract, Items, Moment, Whole

Level = Literal["L0", "L1", "L2"]
"""Who the workflows are to the forge: the job's own token, a GitHub App, an App without a stored key."""
State = Literal["missing", "warning", "unseen", "ok"]


class Check(Contract):
    """One thing that should be so."""

    id: str
    """A slug that stays, with what it is about behind a `/` where there are several of a kind."""
    state: State
    """`unseen`: the token may not look. Only `missing` fails the doctor."""
    title: str
    """What should be so."""
    found: str
    """What is, as one encoded line."""
    todo: str
    """Where to set it, or the call that does; empty when there is nothing to do."""


class Settings(Contract):
    """The whole of it, most urgent first."""

    generated_at: Moment
    repository: str
    level: Level
    level_found: str
    """What tells the level."""
    cannot_stop: Annotated[tuple[str, ...], Items]
    """What nobody can stop at this level."""
    missing: Whole
    warnings: Whole
    unseen: Whole
    checks: Annotated[tuple[Check, ...], Items]


class Laid(Contract):
    """`ftv4 init`: what it wrote, and what was there already."""

    written: Annotated[tuple[str, ...], Items]
    unchanged: Annotated[tuple[str, ...], Items]
