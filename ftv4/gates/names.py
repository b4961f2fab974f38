"""Are the rows free of the names of businesses and people?

Rows speak of a business by its buckets; a name in them is repeated by the model to whoever asks. Found are
capitalised words that follow one another within a sentence. What is written in title case from end to end
is a heading, and days and months are no names (weaknesses.md B9).
"""

import calendar
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from ftv4.contracts.findings import Finding
from ftv4.gates.question import Ask, Judged, Question
from ftv4.guards.walk import texts

FIXES: Mapping[str, str] = {
    "named_business": "say what it is instead: the business, the client, the supplier"
}
"""Rule → what to do about it."""

SHOWN = 20
"""Names listed of a row, and of a dataset."""
KEPT = 1000
"""Different names that are counted."""
LONGEST = 80
"""Characters of a name that tell it from others."""

_CAPITAL = re.compile(rb" (?=[A-Z][A-Za-z'])")
_BEFORE = re.compile(rb"[A-Z][^ ]*[^ .:;!?](?: &)?\Z")
_SENTENCE = re.compile(r"\b[a-z]+,? [a-z]+\b")
_WORD = r"[A-Z](?:[\w'\u2019-]*\w)"
_NAME = re.compile(rf"(?<![\w'\u2019-]){_WORD}(?: (?:& )?{_WORD})+")
_OPENING = (
    "The This That These Each Every All No Our Their Its Both Some Any When If In On At For With From To By"
)
_PLAIN = frozenset((*calendar.day_name, *calendar.month_name, *_OPENING.split()))
"""Words with a capital that are no part of a name."""


class Named(NamedTuple):
    """A name, and where it stands first."""

    name: str
    line: int
    pointer: str


class _Names:
    """Kept: how many rows hold a name, and the first of them."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._rows: Counter[str] = Counter()
        self._first: dict[str, Named] = {}

    def read(self, row: Judged) -> tuple[Named, ...] | None:
        if not row.accepted or not _may_name(row.raw):
            return None
        found: dict[str, Named] = {}
        for text, spot in texts(row.value):
            for name in _names(text):
                found.setdefault(name, Named(name, row.line, spot.pointer))
        return tuple(islice(found.values(), SHOWN)) or None

    def row(self, read: tuple[Named, ...]) -> Iterable[Finding]:
        for one in read:
            if one.name in self._first or len(self._first) < KEPT:
                self._first.setdefault(one.name, one)
                self._rows[one.name] += 1
        return ()

    def end(self) -> Iterator[Finding]:
        for name, rows in self._rows.most_common(SHOWN):
            first, also = self._first[name], f"; the same one in {rows - 1:,} more" if rows > 1 else ""
            yield self._ask.finding(
                "named_business",
                f"a sentence with what reads like a name{also}",
                FIXES["named_business"],
                line=first.line,
                pointer=first.pointer,
                severity="warning",
            )


def _may_name(raw: bytes) -> bool:
    """Whether a capitalised word follows another, which in most rows none does."""
    return any(_BEFORE.search(raw, max(0, at.start() - LONGEST), at.start()) for at in _CAPITAL.finditer(raw))


def _names(text: str) -> Iterator[str]:
    if _SENTENCE.search(text):
        for found in _NAME.finditer(text):
            if sum(word not in _PLAIN for word in found[0].split(" ")) > 1:
                yield found[0][:LONGEST]


def start(ask: Ask) -> Question:
    """Look at rows that are trained on."""
    return _Names(ask)
