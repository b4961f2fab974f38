"""Where in a JSON text its values stand: the line, for messages, and which keys stand there twice."""

import json
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from ftv4.contracts import pointer

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:\n]|[^\s\[\]{},:"]+')


class Place(NamedTuple):
    """Where a value stands."""

    location: list[int | str]
    """Keys and indices that lead there; the same list each time."""
    line: int
    """From 1."""
    again: bool
    """Whether its key stood in the same object before."""


def places(text: str) -> Iterator[Place]:
    """The place of every value, in the order of the text, which must be JSON."""
    line, again, at = 1, False, list[int | str]()
    keys: list[set[str] | None] = []
    """Of each open object those met; None for an array."""
    wants_key = False
    for token in (found[0] for found in _TOKEN.finditer(text)):
        if token == "\n":
            line += 1
        elif token in "]}":
            del at[-1], keys[-1]
            wants_key = False
        elif token == ",":
            wants_key = _next(at, keys[-1])
        elif wants_key and token != ":":
            key = str(json.loads(token))
            at[-1], again, wants_key = key, _met(keys[-1], key), False
        elif token != ":":
            yield Place(at, line, again)
            again, wants_key = False, token == "{"
            if token in "[{":
                at.append("" if wants_key else 0)
                keys.append(set() if wants_key else None)


def lines_of(text: str, pointers: Collection[str]) -> dict[str, int]:
    """The line of each JSON pointer; of one that leads nowhere, that of what it leads out of."""
    wanted = {above for one in pointers for above in _above(one)}
    deepest = max((one.count("/") for one in wanted), default=0)
    found: dict[str, int] = {}
    for place in places(text):
        if len(place.location) <= deepest and (named := pointer(tuple(place.location))) in wanted:
            found.setdefault(named, place.line)
    return {one: next(found[above] for above in _above(one) if above in found) for one in pointers}


def _next(at: list[int | str], keys: set[str] | None) -> bool:
    """Go on after a comma; whether a key comes."""
    if keys is None:
        at[-1] = int(at[-1]) + 1
    return keys is not None


def _met(keys: set[str] | None, key: str) -> bool:
    """Whether a key was met in its object before; it is now."""
    met = keys is not None and key in keys
    if keys is not None:
        keys.add(key)
    return met


def _above(one: str) -> Iterator[str]:
    """A pointer, then those of what it lies in."""
    yield one
    while one:
        one = one.rpartition("/")[0]
        yield one
