"""What in a row two readers could read differently.

A line that says `approved` twice, holds a number that only some readers hold, or half of a character,
means one thing to us and another to whoever reviewed it; such rows are not trained on (threats 48 to 51).
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from string import ascii_letters
from typing import Any, NamedTuple

import orjson

from ftv4.contracts import Problem, pointer
from ftv4.contracts.jsontext import trimmed
from ftv4.encode import for_log
from ftv4.gates.rejection import Rejection
from ftv4.guards import LONGEST_NUMBER, private

FIXES: Mapping[str, str] = {
    "duplicate_key": "leave one of them, the one that was approved",
    "number_out_of_range": "write a number of 18 digits or less, or text",
    "too_deep": "no contract nests as deep; take the inner levels out",
    "lone_surrogate": "write the whole character, or leave it out",
}
"""Rule → what to do about it; the gravest first."""

_HALF = re.compile("[\ud800-\udfff]")
_DIGITS = bytes(ord("0") if chr(byte) in "0123456789" else byte for byte in range(256))
_TOO_MANY = b"0" * (LONGEST_NUMBER + 1)
_SIDES = frozenset({"input", "output"})
SHOWN = 5
"""Places of one rule that are listed for a row."""


class _Odd(NamedTuple):
    """Stands in a value for a number that not every reader holds."""

    digits: str


_Found = tuple[str, list[int | str], str | _Odd]
"""A rule, a place where it is broken, which is read at once, and how."""


class _Strict(json.JSONDecoder):
    """Reads what `loads` has read before, and notes what it passed over."""

    def __init__(self) -> None:
        self.twice: dict[int, tuple[dict[str, Any], list[str]]] = {}
        super().__init__(
            object_pairs_hook=self._object, parse_int=_whole, parse_float=_real, parse_constant=_Odd
        )

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            times = Counter(key for key, _ in pairs)
            # The object is kept beside its id, or another could get the same id.
            self.twice[id(found)] = found, [key for key in found if times[key] > 1][:SHOWN]
        return found


def ambiguities(
    raw: bytes, value: object, depth: int, accepted: bool, *, digits: bool = True
) -> tuple[Rejection, ...]:
    """What in a line two readers could read differently; nothing for a clean one, after microseconds.

    An `accepted` row's sides fit their contracts, and are not looked at again where that is enough. Without
    `digits` it is known to hold no number that is too long.
    """
    text = trimmed(raw)
    found: tuple[Rejection, ...] = ()
    if not _reads_back(text, value) or (digits and _TOO_MANY in text.translate(_DIGITS)):
        found = _by_rule(_strictly(text))
    if not found and accepted and isinstance(value, dict):
        value = {key: item for key, item in value.items() if key not in _SIDES}
    deep = _too_deep(value, depth)
    return (*found, *([_deep(deep, depth)] if deep else []))


def beside_constants(raw: bytes) -> tuple[Rejection, ...]:
    """The same of a line that is no JSON for a NaN or Infinity alone, and where these stand."""
    if b"NaN" not in raw and b"Infinity" not in raw:
        return ()
    try:
        return _by_rule(_strictly(trimmed(raw)))
    except (ValueError, RecursionError):
        return ()


def _reads_back(text: bytes, value: object) -> bool:
    """Whether the value, written again, is the text: then nothing was lost in reading it."""
    try:
        if orjson.dumps(value) == text:
            return True
    except TypeError:
        return False
    # As Python writes it; an escaped half of a character would come back as it is.
    return b'": ' in text and b"\\ud" not in text and json.dumps(value).encode() == text


def _strictly(text: bytes) -> Iterator[_Found]:
    reader = _Strict()
    value = reader.decode(text.decode())
    for place, item in _walk(value):
        if isinstance(item, _Odd):
            yield "malformed_line" if item.digits[-1] in ascii_letters else "number_out_of_range", place, item
        elif isinstance(item, str):
            if _HALF.search(item):
                yield "lone_surrogate", place, "half of a character"
        elif isinstance(item, dict):
            for key in reader.twice.get(id(item), ({}, []))[1]:
                yield "duplicate_key", [*place, key], "this key stands here more than once"
            if any(_HALF.search(key) for key in item):
                yield "lone_surrogate", place, "a key with half of a character"


def _by_rule(found: Iterator[_Found]) -> tuple[Rejection, ...]:
    """The rules that are broken, the gravest first, each with the first places where."""
    by_rule: dict[str, list[Problem]] = {rule: [] for rule in ("malformed_line", *FIXES)}
    for rule, place, what in found:
        if len(by_rule[rule]) < SHOWN:
            sentence = what if isinstance(what, str) else _odd(what.digits)
            by_rule[rule].append(Problem(pointer(tuple(place)), sentence))
    return tuple(Rejection(rule, tuple(problems)) for rule, problems in by_rule.items() if problems)


def _odd(digits: str) -> str:
    if digits[-1] in ascii_letters:
        return f"not JSON: {digits} is no number"
    shown = "" if private.find(digits) else f": {for_log(digits, 30)}"
    return f"a number that not every reader holds exactly{shown}"


def _deep(place: str, depth: int) -> Rejection:
    return Rejection("too_deep", (Problem(place, f"nested deeper than {depth} levels"),))


def _walk(value: Any) -> Iterator[tuple[list[int | str], Any]]:
    """Every value in a value, with its place; the same list each time, so that none is made in vain."""
    place: list[int | str] = []
    yield place, value
    levels = [_items(value)]
    while levels:
        for key, item in levels[-1]:
            place[len(levels) - 1 :] = [key]
            yield place, item
            if isinstance(item, (dict, list)):
                levels.append(_items(item))
                break
        else:
            levels.pop()
            del place[len(levels) :]


def _items(value: Any) -> Iterator[tuple[int | str, Any]]:
    if isinstance(value, dict):
        return iter(value.items())
    return iter(enumerate(value)) if isinstance(value, list) else iter(())


def _too_deep(value: object, depth: int) -> str:
    """Where nesting goes deeper than that many levels; empty where it doesn't."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(depth):
        level = [
            item
            for container in level
            for item in (container.values() if isinstance(container, dict) else container)
            if isinstance(item, (dict, list))
        ]
        if not level:
            return ""
    return (
        next((pointer(tuple(place)) for place, item in _walk(value) if item is level[0]), "") if level else ""
    )


def _whole(digits: str) -> object:
    return 0 if len(digits.lstrip("-")) <= LONGEST_NUMBER else _Odd(digits)


def _real(digits: str) -> object:
    return 0.0 if math.isfinite(float(digits)) else _Odd(digits)
