"""Says which terms of a list a text uses, contracts.md §5.1.

A term with a space is looked for as it stands; one without must stand between ASCII word
boundaries, so that `kpi` is in `kpi-driven` and in `bucket:kpi:high`, and not in `kpis`.
"""

import re
from collections.abc import Iterable

from ftv4.contracts.jsontext import SPACE


class Terms:
    """A list of terms, in its order, without blanks and repetitions."""

    def __init__(self, terms: Iterable[str]) -> None:
        lowered = (term.strip(SPACE).lower() for term in terms)
        self.patterns = {term: re.compile(_pattern(term), re.ASCII) for term in lowered if term}

    def used_in(self, lowered: str) -> list[str]:
        """The terms that a text, lower-cased already, uses."""
        return [term for term, pattern in self.patterns.items() if pattern.search(lowered)]


def _pattern(term: str) -> str:
    # Beside a term's own non-word edge `\b` asks for a word character, as the Node tool's does.
    return re.escape(term) if " " in term else rf"\b{re.escape(term)}\b"
