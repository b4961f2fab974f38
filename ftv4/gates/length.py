"""Is every row short enough to be read to its end?

What a base model doesn't read of an example is its end, and that is the answer. Nothing is counted where
the number of bytes tells: a token has at least one. `ftv4 ft stage` counts each example for the model asked.
"""

from collections.abc import Iterator, Mapping

from ftv4.contracts.findings import Finding, Severity
from ftv4.gates.question import Ask, EachRow, Judged, Question
from ftv4.gates.reading import as_json

FIXES: Mapping[str, str] = {
    "example_too_long": "shorten the row, or leave it out",
    "example_near_limit": "shorten the row: a longer prompt may push its end out",
}
"""Rule → what to do about it."""

ENCODING = "o200k_base"
"""The tokens of the gpt-4o and gpt-4.1 families."""


class _Length(EachRow):
    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        limits = ask.policy.gates.length
        self._limit = limits.max_tokens
        self._near = limits.warn_share * limits.max_tokens
        self._instructions = limits.instructions_tokens

    def look(self, row: Judged) -> Iterator[Finding]:
        if not row.accepted or not isinstance(row.value, dict):
            return
        if row.raw and self._instructions + len(row.raw) < self._near:
            return
        sides = [as_json(row.value[side]).decode() for side in ("input", "output")]
        tokens = self._instructions + _count_tokens(sides)
        if tokens > self._limit:
            yield self._finding("example_too_long", row.line, tokens, "error")
        elif tokens >= self._near:
            yield self._finding("example_near_limit", row.line, tokens, "warning")

    def _finding(self, rule: str, line: int, tokens: int, severity: Severity) -> Finding:
        problem = f"{tokens:,} tokens with the stage's instructions; {self._limit:,} are read"
        return self._ask.finding(rule, problem, FIXES[rule], line=line, severity=severity)


def _count_tokens(texts: list[str]) -> int:
    import toktok

    counts: list[int] = toktok.batch_count(texts, ENCODING, threads=1)
    return sum(counts)


def start(ask: Ask) -> Question:
    """Ask it of accepted rows."""
    return _Length(ask)
