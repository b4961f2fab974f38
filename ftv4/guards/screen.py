"""Tells in one pass over a payload which guards could find anything in it.

Guards read thousands of payloads a second and find nothing in nearly all of them. The screen looks
at the payload as JSON bytes for a weaker form of everything the guards look for: it may suspect a
payload that is clean, and never clears one that isn't. Only suspects are read string by string.
"""

import re
from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple

import ahocorasick_rs
import orjson

_FOLD = bytes(
    byte if chr(byte).islower() or byte in b"_@" else ord("0") if chr(byte).isdigit() else ord(" ")
    for byte in bytes(range(128)).lower() + b" " * 128
)
"""Letters in lower case, digits as `0`, `_` and `@` as they are, everything else as a space."""

_ASCII_IN_LOWER_CASE = ("\N{KELVIN SIGN}".encode(), "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}".encode())
"""The two characters that become ASCII letters in lower case, and split words before."""

_ESCAPED = re.compile(r'["\\\x00-\x1f]')


class Needle(NamedTuple):
    """Folded bytes that are there whenever a guard finds something; none: suspect every payload."""

    guard: str
    folded: bytes | None
    certain: re.Pattern[bytes] | None = None
    """What must also match the bytes as they stand, one past the needle's start."""


class Screen:
    """The needles of all guards in one automaton."""

    def __init__(self, needles: Collection[Needle]) -> None:
        uses: dict[bytes, list[Needle]] = defaultdict(list)
        self._guards = frozenset(needle.guard for needle in needles)
        self._always = frozenset(needle.guard for needle in needles if not needle.folded)
        for needle in needles:
            if needle.folded:
                uses[needle.folded].append(needle)
        self._uses = tuple(uses.values())
        self._automaton = ahocorasick_rs.BytesAhoCorasick(
            uses, implementation=ahocorasick_rs.Implementation.DFA
        )

    def suspects(self, payload: object) -> frozenset[str]:
        """The guards that could find something in the payload."""
        text = _as_bytes(payload)
        return self._guards if text is None else self._suspects_in(text)

    def suspects_in(self, line: bytes) -> frozenset[str] | None:
        """The same from a payload's JSON; None where its strings don't stand verbatim in it."""
        text = _verbatim(line)
        return None if text is None else self._suspects_in(text)

    def _suspects_in(self, text: bytes) -> frozenset[str]:
        found = self._automaton.find_matches_as_indexes(text.translate(_FOLD), overlapping=True)
        if not found:
            return self._always
        return self._always.union(
            needle.guard
            for index, start, _ in found
            for needle in self._uses[index]
            if needle.certain is None or needle.certain.match(text, start + 1)
        )


def term_needle(guard: str, term: str) -> Needle:
    """The needle of a policy term, lower-cased and trimmed already."""
    if _ESCAPED.search(term):
        return Needle(guard, None)  # JSON writes it otherwise than the term does
    if not term.isascii():
        stretches = re.findall(r"[\x00-\x7f]+", term)
        return Needle(guard, max(stretches, key=len, default="").encode().translate(_FOLD))
    folded = term.encode().translate(_FOLD)
    return Needle(guard, folded if " " in term else word(folded))


def word(folded: bytes) -> bytes:
    """The folded bytes between word boundaries, where their edges are word characters."""
    return b" " * (folded[:1] not in b" @") + folded + b" " * (folded[-1:] not in b" @")


def fold(text: str) -> bytes:
    """ASCII text as needles are written."""
    return text.encode().translate(_FOLD)


def _as_bytes(payload: object) -> bytes | None:
    """The payload as JSON in which every string stands verbatim; None where one doesn't."""
    try:
        text = orjson.dumps(payload)
    except TypeError:
        return None  # lone surrogates, integers past 64 bits, deeper than orjson goes
    return _verbatim(text)


def _verbatim(text: bytes) -> bytes | None:
    """JSON in which every string stands verbatim but for quotes; None for any other."""
    if not text.isascii() and any(letter in text for letter in _ASCII_IN_LOWER_CASE):
        return None
    if b"\\" in text:
        text = text.replace(b'\\"', b"  ")
    return None if b"\\" in text else text
