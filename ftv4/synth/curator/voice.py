"""What a curator has to say: the shape of the phrase banks in `voices/`, one industry a file.

Lengths are those that the next stage's input keeps (contracts.md §14), so that nothing is cut on
the way. No sentence names a person, a business, a place or an amount.
"""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Annotated

from pydantic import Field

from ftv4.contracts import Contract, Items

Id = Annotated[str, Field(pattern=r"^[a-z][a-z_]{2,39}$")]
Text120 = Annotated[str, Field(min_length=8, max_length=120)]
Text140 = Annotated[str, Field(min_length=12, max_length=140)]
Text180 = Annotated[str, Field(min_length=12, max_length=180)]
Lines = Annotated[tuple[Annotated[str, Field(min_length=8, max_length=160)], ...], Items]


class Point(Contract):
    """A sentence with an id."""

    id: Id
    text: Text120


class Move(Contract):
    """A move that lowers the load instead of adding to it."""

    id: Id
    move: Text180
    why_now: Text180
    capacity_check: Text180


class Scene(Contract):
    """One industry in one situation, stage by stage."""

    pattern: Text180
    """What the records show, without advice."""
    diagnosis: Text140
    driver: Point
    reliefs: Lines
    pressure: Point
    vulnerability: Text120
    view: Text180
    move: Move
    rejected: Text140
    constraint: Lines
    heavy: Annotated[str, Field(min_length=20, max_length=80)]
    actions: Lines
    question: Text140
    """The choice, put to the owner."""


class Path(Contract):
    """One of the three ways an owner can choose."""

    title: Annotated[str, Field(min_length=4, max_length=90)]
    who_it_fits: Text180
    tradeoffs: Lines
    first_steps: Lines
    risks: Lines
    guardrails: Lines


class Voice(Contract):
    """One industry. Scenes go by situation, labels by signal, guardrails by capacity squeeze."""

    lean: Annotated[tuple[str, ...], Items]
    """Situations in which such a business tends to give way, where the records show nothing."""
    labels: dict[str, str]
    scenes: dict[str, Scene]
    pressures: Annotated[tuple[Point, ...], Items]
    strengths: Lines
    vulnerabilities: Lines
    moves: Annotated[tuple[Move, ...], Items]
    rejected: Lines
    guardrails: dict[str, str]
    paths: dict[str, Path]


class Role(Contract):
    """What an owner's role adds to the load, and what takes some of it away."""

    driver: Point
    relief: str


class AnyIndustry(Contract):
    """What is said alike in every industry."""

    heavy: dict[str, dict[str, str]]
    """Situation → role → why it feels heavy."""
    roles: dict[str, Role]
    mixes: dict[str, Point]
    calm: dict[str, str]
    """Situation → what it means that its signal is low."""
    calm_strengths: dict[str, str]
    pairs: dict[str, str]
    """`<situation>_<situation>` → what it means that both signals are high."""


INDUSTRIES = (
    "agency",
    "ecommerce_ops",
    "home_services_generic",
    "logistics_dispatch",
    "professional_services",
    "saas_micro",
)
"""Those with a bank of their own."""


def voice_of(industry: str) -> Voice:
    """The industry's bank; a trade without one is a home service to the curator."""
    return _voice(industry if industry in INDUSTRIES else "home_services_generic")


@cache
def any_industry() -> AnyIndustry:
    """The sentences that no industry has of its own."""
    return AnyIndustry.model_validate(_bank("any_industry"))


@cache
def _voice(name: str) -> Voice:
    return Voice.model_validate(_bank(name))


def _bank(name: str) -> dict[str, object]:
    """A file of the package, as constant as its code."""
    return tomllib.loads((files(__package__) / "voices" / f"{name}.toml").read_text("utf-8"))
