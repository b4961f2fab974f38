"""Is every row free of personal data and secrets?

What is in a row is in git, and in the model, for good: rows that are not trained on are looked at too.
Found is what has a form: addresses, numbers with check digits, keys; also in foreign letters, cut up by
characters that nobody sees, escaped, or in Base64. A value is never shown: its kind, its place and eight
digits of a hash say which it is to whoever has the row, and to nobody else (threats-and-faults.md 55, 56).
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice

from ftv4.canonical import sha256
from ftv4.contracts.findings import Finding
from ftv4.gates.question import Ask, EachRow, Judged, Question
from ftv4.gates.reading import IDENTIFIERS, as_json
from ftv4.guards import PRIVATE
from ftv4.guards.private import SECRETS, Found, find, may_hide
from ftv4.guards.walk import Spot, spots

FIXES: Mapping[str, str] = {
    "personal_data": "take it out of the row; rows hold buckets, never records",
    "secret": "revoke it where it is valid, then take it out of the row and of git's history",
}
"""Rule → what to do about it."""

SHOWN = 20
"""Values listed of one row."""
REVIEWER = "/approval/reviewer"
"""Where an e-mail address may stand: it says who approved the row, and is not trained on."""


class _Privacy(EachRow):
    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def look(self, row: Judged) -> Iterator[Finding]:
        if row.malformed is None and (row.may_hold(PRIVATE) or may_hide(_as_json(row), row.reading.names)):
            for found, pointer in islice(_found_in(row.value), SHOWN):
                rule = "secret" if found.kind in SECRETS else "personal_data"
                problem = f"looks like: {found.kind} ({_name(found, row)})"
                yield self._ask.finding(rule, problem, FIXES[rule], line=row.line, pointer=pointer)


def _name(found: Found, row: Judged) -> str:
    """Eight digits of a hash over the line, too: a value's own can be tried out, as there are few values."""
    line = row.raw or as_json(row.value)
    return sha256(line + f"\n{found.kind}\n{found.value}".encode(errors="replace"))[:8]


def _as_json(row: Judged) -> bytes:
    """The row's text in the file; written anew where escapes could cut up what it says."""
    plain = row.raw and (b"\\" not in row.raw or rb"\u" not in row.raw)
    return row.raw if plain else as_json(row.value)


def _found_in(value: object) -> Iterator[tuple[Found, str]]:
    for text, spot in _said(value):
        if not find(text):
            continue
        place = spot.pointer
        for found in find(text, identifier=bool(_IDENTIFIER.match(place))):
            if place != REVIEWER or found.kind != "e-mail address":
                yield found, place


def _said(value: object) -> Iterator[tuple[str, Spot]]:
    """Every text with its place; a key's place is the object it is a key of."""
    for spot in spots(value):
        if isinstance(spot.value, str):
            yield spot.value, spot
        elif isinstance(spot.value, dict):
            yield from ((key, spot) for key in spot.value)


_IDENTIFIER = re.compile(rf"(?:/input)?/(?:{'|'.join(sorted(IDENTIFIERS))})(?:/|$)")
"""Where a row, its run, its client or its model is named: that looks random by nature."""


def start(ask: Ask) -> Question:
    """Look at every row that is JSON."""
    return _Privacy(ask)
