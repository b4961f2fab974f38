"""Visits every value of a payload, however deep, in the order of its text."""

from collections.abc import Iterator
from typing import NamedTuple

from ftv4.contracts import pointer


class Spot(NamedTuple):
    """A value and the way to it."""

    value: object
    parent: "Spot | None"
    key: str | int
    """Under which the parent holds it; empty for the payload itself."""

    @property
    def pointer(self) -> str:
        """RFC 6901 JSON pointer from the payload."""
        keys: list[str | int] = []
        spot = self
        while spot.parent is not None:
            keys.append(spot.key)
            spot = spot.parent
        return pointer(tuple(reversed(keys)))


def spots(payload: object) -> Iterator[Spot]:
    """Every value, containers before what they hold."""
    waiting = [Spot(payload, None, "")]
    while waiting:
        spot = waiting.pop()
        yield spot
        value = spot.value
        if isinstance(value, dict):
            waiting.extend(Spot(item, spot, key) for key, item in reversed(value.items()))
        elif isinstance(value, (list, tuple)):
            waiting.extend(Spot(item, spot, index) for index, item in reversed(list(enumerate(value))))


def texts(payload: object) -> Iterator[tuple[str, Spot]]:
    """Every string value (keys are not values), with its spot."""
    for spot in spots(payload):
        if isinstance(spot.value, str):
            yield spot.value, spot
