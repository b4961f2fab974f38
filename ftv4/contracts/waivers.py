"""`config/waivers.json`: findings that somebody answers for, until a day."""

from typing import Annotated

from pydantic import Field, model_validator

from ftv4.contracts import Contract, Items
from ftv4.contracts.providers import Day

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Waiver(Contract):
    """Findings of one rule, on some rows or on whole files, that count as warnings."""

    rule: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,79}$")]
    rows: Annotated[tuple[Sha256, ...], Items, Field(max_length=1000)] = ()
    """Content hashes, as `ftv4 gate` prints them: of what a row teaches, so that an edit ends the waiver."""
    files: Annotated[tuple[str, ...], Items, Field(max_length=100)] = ()
    """Datasets, relative to the repository, whose findings about the whole file are waived."""
    reason: Annotated[str, Field(min_length=10, max_length=500)]
    owner: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]{0,99}$")]
    """Who answers for it."""
    expires: Day
    """The last day on which it holds."""

    @model_validator(mode="after")
    def _something(self) -> "Waiver":
        if bool(self.rows) == bool(self.files):
            raise ValueError("give either rows or files")
        return self


class Waivers(Contract):
    """Every waiver of the repository."""

    waivers: Annotated[tuple[Waiver, ...], Items, Field(max_length=1000)] = ()
