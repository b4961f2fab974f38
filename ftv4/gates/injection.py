"""Does every row speak about the business, and none to the model?

A row that says "ignore previous instructions" teaches a model to obey whoever writes that, and leads a
judge that reads the row astray. Texts are read as people see them, whatever letters they are written in.
"""

from collections.abc import Iterator, Mapping
from itertools import islice

from ftv4.contracts.findings import Finding
from ftv4.gates.question import Ask, EachRow, Judged, Question
from ftv4.guards import INJECTION
from ftv4.guards.injection import find
from ftv4.guards.walk import texts

FIXES: Mapping[str, str] = {
    "prompt_injection": "take the sentence out, or say it so that it is about the business",
}
"""Rule → what to do about it."""

SHOWN = 20
"""Sentences listed of one row."""


class _Orders(EachRow):
    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def look(self, row: Judged) -> Iterator[Finding]:
        if row.malformed is not None or not row.may_hold(INJECTION):
            return
        found = ((what, spot) for text, spot in texts(row.value) for what in find(text))
        for what, spot in islice(found, SHOWN):
            yield self._ask.finding(
                "prompt_injection",
                f"a text that {what}",
                FIXES["prompt_injection"],
                line=row.line,
                pointer=spot.pointer,
            )


def start(ask: Ask) -> Question:
    """Look at every row that is JSON, approved or not."""
    return _Orders(ask)
