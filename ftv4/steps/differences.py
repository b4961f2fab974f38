"""Where a file isn't what it should be: by JSON pointer, else by line."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from ftv4.canonical import canonical
from ftv4.contracts import pointer
from ftv4.contracts.findings import Finding
from ftv4.contracts.jsontext import NotJson, loads
from ftv4.encode import for_log
from ftv4.steps.promotion_rules import SHOWN, finding

ABSENT = object()
LONGEST = 120


def differences(rule: str, path: str, wanted: bytes, found: bytes | None) -> list[Finding]:
    """What is against a file that should hold other bytes; nothing when it holds just those."""
    if found == wanted:
        return []
    if found is None:
        return [finding(rule, path, "is not there, and should be")]
    try:
        differing = pairs(loads(wanted), loads(found), ())
        lines = [
            finding(rule, path, f"says {_shown(have)}; the records give {_shown(want)}", pointer=pointer(at))
            for at, want, have in islice(differing, SHOWN)
        ]
    except NotJson:
        lines = []
    return lines or [_by_line(rule, path, wanted, found)]


def changed(before: Any, after: Any) -> Iterator[str]:
    """JSON pointers at which two values differ."""
    return (pointer(at) for at, _, _ in pairs(before, after, ()))


def pairs(
    want: Any, have: Any, at: tuple[int | str, ...]
) -> Iterator[tuple[tuple[int | str, ...], Any, Any]]:
    """Where two JSON values differ, and what each has there; ABSENT where it has nothing."""
    if isinstance(want, dict) and isinstance(have, dict):
        for key in dict.fromkeys((*want, *have)):
            yield from pairs(want.get(key, ABSENT), have.get(key, ABSENT), (*at, key))
    elif isinstance(want, list) and isinstance(have, list):
        for place in range(max(len(want), len(have))):
            one, other = (part[place] if place < len(part) else ABSENT for part in (want, have))
            yield from pairs(one, other, (*at, place))
    elif (type(want), want) != (type(have), have):
        yield at, want, have


def _shown(value: Any) -> str:
    if value is ABSENT:
        return "nothing"
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    return for_log(value if isinstance(value, str) else canonical(value), LONGEST) or "nothing"


def _by_line(rule: str, path: str, wanted: bytes, found: bytes) -> Finding:
    both = zip(wanted.split(b"\n"), found.split(b"\n"), strict=False)
    line = next((number for number, (one, other) in enumerate(both, 1) if one != other), None)
    return finding(rule, path, "isn't written as its records give it", line=line)
