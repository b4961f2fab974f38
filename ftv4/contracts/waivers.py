"""`config/waivers.json`: findings that somebody answers for, until a day."""

from typing import Annotated

from pydantic import Field

from ftv4.contracts import Contract, Items
from ftv4.contracts.providers import Day

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Waiver(Contract):
    """Findings of one rule in one dataset that count as warnings."""

    rule: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,79}$")]
    file: Annotated[str, Field(min_length=1, max_length=200)]
    """The dataset, relative to the repository."""
    rows: Annotated[tuple[Sha256, ...], Items, Field(max_length=1000)] = ()
    """Content hashes as `ftv4 gate` prints them: SHA-256 of the canonical JSON of a row's industry, input
    and output. An edit ends the waiver; a new id, date or note doesn't. None: the findings about the
    file as a whole."""
    reason: Annotated[str, Field(min_length=10, max_length=500)]
    owner: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,99}$")]
    """Who answers for it."""
    expires: Day
    """The last day on which it holds."""


class Waivers(Contract):
    """Every waiver of the repository."""

    waivers: Annotated[tuple[Waiver, ...], Items, Field(max_length=1000)] = ()
