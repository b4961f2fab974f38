"""JSON text → all that is wrong with it as a contract, with lines."""

from collections.abc import Iterable
from typing import NamedTuple

import orjson
from pydantic import BaseModel

from ftv4.contracts import Problem, check, pointer
from ftv4.contracts.jsonplaces import lines_of, places


class Fault(NamedTuple):
    """One thing that a JSON text says wrongly."""

    pointer: str
    """JSON pointer; the empty string is the whole document."""
    line: int
    """From 1; where the pointer leads nowhere, that of what it leads out of."""
    problem: str


def faults(contract: type[BaseModel], text: bytes) -> list[Fault]:
    """What is wrong with a text that should hold a contract and be read alike by every reader."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return [Fault("", error.lineno, f"not JSON: {error.msg} (column {error.colno})")]
    twice = [
        Fault(pointer(tuple(place.location)), place.line, "this key stands here more than once; leave one")
        for place in places(text.decode())
        if place.again
    ]
    return twice + placed(check(contract, value), text)


def placed(problems: Iterable[Problem], text: bytes | str) -> list[Fault]:
    """Problems of a JSON text, each with its line."""
    found = tuple(problems)
    text = text if isinstance(text, str) else text.decode()
    lines = lines_of(text, {one.pointer for one in found}) if found else {}
    return [Fault(one.pointer, lines[one.pointer], one.problem) for one in found]
