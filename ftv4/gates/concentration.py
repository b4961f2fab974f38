"""Do the rows come from more than one place?

A model that is taught by one client's rows, or by one reviewer's judgement, repeats them. Where a dataset
has a single client or a single reviewer there is nothing to compare, and nothing is said.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ftv4.contracts.findings import Finding, Severity
from ftv4.encode import for_log
from ftv4.gates.diversity import percent
from ftv4.gates.question import Ask, Judged, Question

FIXES: Mapping[str, str] = {
    "client_concentration": "add rows of other clients, or leave some of this one's out",
    "reviewer_concentration": "have somebody else review some of these rows",
}
"""Rule → what to do about it."""

FEW = 10
"""Rows below which a share says nothing."""
LONGEST = 120
"""Characters of a name that tell it from others."""


class _Sources:
    """Kept: one number for each client and reviewer."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._clients: Counter[str] = Counter()
        self._reviewers: Counter[str] = Counter()

    def read(self, row: Judged) -> tuple[str, str] | None:
        if not row.accepted or not isinstance(row.value, dict):
            return None
        approval = row.value.get("approval")
        reviewer = approval.get("reviewer") if isinstance(approval, dict) else None
        return _name(row.value.get("client_id")), _name(reviewer)

    def row(self, read: tuple[str, str]) -> Iterable[Finding]:
        for counts, name in zip((self._clients, self._reviewers), read, strict=True):
            counts[name] += bool(name)
        return ()

    def end(self) -> Iterator[Finding]:
        limits = self._ask.policy.gates.concentration
        yield from self._over("client_concentration", self._clients, limits.max_client_share, "error")
        yield from self._over("reviewer_concentration", self._reviewers, limits.max_reviewer_share, "warning")

    def measured(self) -> dict[str, float]:
        named = {"client_share": self._clients, "reviewer_share": self._reviewers}
        return {
            name: max(counts.values()) / counts.total() for name, counts in named.items() if _tells(counts)
        }

    def _over(self, rule: str, counts: Counter[str], limit: float, severity: Severity) -> Iterator[Finding]:
        if not _tells(counts):
            return
        total = counts.total()
        name, most = counts.most_common(1)[0]
        if most > limit * total:
            share = f"{most} of {total} rows ({percent(most / total)}; at most {percent(limit)})"
            yield self._ask.finding(
                rule, f"{for_log(name)} stands behind {share}", FIXES[rule], severity=severity
            )


def _tells(counts: Counter[str]) -> bool:
    """Whether there are sources to compare, and rows enough."""
    return len(+counts) > 1 and counts.total() >= FEW


def _name(value: Any) -> str:
    return value[:LONGEST] if isinstance(value, str) else ""


def start(ask: Ask) -> Question:
    """Count accepted rows."""
    return _Sources(ask)
