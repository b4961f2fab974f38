"""`config/waivers.json`: findings that somebody answers for, until a day."""

import re
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, Field

from ftv4.contracts import Contract, Items
from ftv4.contracts.providers import Day


def _like(pattern: str, wanted: str) -> Callable[[str], str]:
    """A check that a text has a form, and says in words which."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"must be {wanted}")
        return text

    return check


Sha256 = Annotated[
    str, AfterValidator(_like("[0-9a-f]{64}", "a row's hash, 64 digits, as ftv4 gate prints it"))
]
Rule = Annotated[
    str, AfterValidator(_like("[a-z][a-z0-9_]{0,79}", "a rule's name; ftv4 explain lists them all"))
]
Owner = Annotated[
    str,
    Field(max_length=100),
    AfterValidator(
        _like(
            r"@?[A-Za-z0-9][A-Za-z0-9_./+-]*(@[A-Za-z0-9][A-Za-z0-9.-]*)?",
            "who answers for it: a name without spaces, @handle, @org/team, or an e-mail address",
        )
    ),
]


class Waiver(Contract):
    """Findings of one rule in one dataset that count as warnings."""

    rule: Rule
    file: Annotated[str, Field(min_length=1, max_length=200)]
    """The dataset, relative to the repository."""
    rows: Annotated[tuple[Sha256, ...], Items, Field(max_length=1000)] = ()
    """Content hashes as `ftv4 gate` prints them: SHA-256 of the canonical JSON of a row's industry, input
    and output. An edit ends the waiver; a new id, date or note doesn't. None: the findings about the
    file as a whole."""
    reason: Annotated[str, Field(min_length=10, max_length=500)]
    owner: Owner
    """Who answers for it."""
    expires: Day
    """The last day on which it holds."""


class Waivers(Contract):
    """Every waiver of the repository."""

    waivers: Annotated[tuple[Waiver, ...], Items, Field(max_length=1000)] = ()
