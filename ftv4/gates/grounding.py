"""Does every answer cite only evidence that its question offers?

A row that cites a bucket from nowhere teaches a model to make evidence up (weaknesses.md A8). Looked at is
whatever an answer cites, in `evidence_refs` and in prose.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice

from ftv4.contracts.findings import Finding
from ftv4.encode import for_log
from ftv4.gates.question import Ask, EachRow, Judged, Question
from ftv4.guards.citations import citations

FIXES: Mapping[str, str] = {
    "ungrounded_reference": "cite what input.evidence_index.refs offers, or take the reference out",
}
"""Rule → what to do about it."""

SHOWN = 20
"""References listed of one row."""
_CITED = re.compile(r"bucket:[a-z0-9_:-]*")
"""Whatever could be a reference, and the punctuation after it."""


class _Grounding(EachRow):
    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def look(self, row: Judged) -> Iterator[Finding]:
        if not (row.accepted or _is_asked(row)) or not isinstance(row.value, dict):
            return
        offered = frozenset(row.reading.signals)
        output = row.value["output"]
        if offered.issuperset(_CITED.findall(row.reading.approved)):
            return
        made_up = ((ref, spot) for ref, spot in citations(output) if ref not in offered)
        for ref, spot in islice(made_up, SHOWN):
            problem = f"{for_log(ref)} is not in the input's evidence_index"
            pointer = f"/output{spot.pointer}"
            yield self._ask.finding(
                "ungrounded_reference", problem, FIXES["ungrounded_reference"], line=row.line, pointer=pointer
            )


def _is_asked(row: Judged) -> bool:
    """Whether a rejected row says what it may cite: all that is wrong with it is told at once."""
    unasked = row.rejection is None or row.rejection.reason in ("not_approved", "missing_input_or_output")
    return not unasked and bool(row.reading.signals)


def start(ask: Ask) -> Question:
    """Ask it of rows that are trained on, or would be but for what else is wrong with them."""
    return _Grounding(ask)
