"""Do the approved rows differ enough to learn from?

The measures and texts of contracts.md §8, which the Node tool's operators know.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_HALF_UP, Decimal
from string import ascii_lowercase, digits
from typing import NamedTuple

from ftv4.contracts.findings import Diversity, DiversitySummary, Finding, IndustryShare
from ftv4.contracts.jsontext import SPACE
from ftv4.encode import for_log
from ftv4.gates.question import Ask, Judged
from ftv4.guards.decision import STAGE as DECISION
from ftv4.guards.plain import visible

FIXES: Mapping[str, str] = {
    "too_few_approved_rows": "approve more rows, such as differ from those there are",
    "too_few_industries": "add approved rows of other industries",
    "industry_share": "add approved rows of other industries, or leave some of the largest out",
    "duplicate_actions_share": "vary first_30_days: rows that all ask the same teach the same",
    "same_constraint_prefix_share": "vary primary_constraint, or leave some of the likest rows out",
}
"""Rule → what to do about it, in the order of §8."""

_LETTERS = bytes(byte if chr(byte) in ascii_lowercase + digits else ord(" ") for byte in range(256))

_COULD_BE_PRIVATE = re.compile(rb"[0-9]{4}|[0-9]+(?: [0-9]+){3}|[a-z0-9]{16}")
"""What is left of numbers, keys and tokens in words that nothing but letters and digits is left of."""


class _Measures(NamedTuple):
    """What §8 counts of an approved row."""

    industry: str
    actions: tuple[bytes, ...]
    """Words of each action."""
    prefix: bytes | None
    """Of the primary constraint; None for rows that aren't decisions."""
    addressed: tuple[bytes, ...] = ()
    """Of these texts, those in which an address could be."""


class _Read(NamedTuple):
    """What is read in a row."""

    approved: bool
    measures: _Measures | None
    """None: it is not measured."""


class Variety:
    """Counts of what differs between rows."""

    def __init__(self, ask: Ask) -> None:
        from ftv4.gates.tally import Tally

        self._ask = ask
        self._limits = ask.policy.training_diversity
        self._decisions = ask.stage is None or ask.stage.name == DECISION
        self._total = 0
        self._approved = 0
        self._measured = 0
        self._industries: Counter[str] = Counter()
        self._actions = Tally()
        self._prefixes = Tally()
        self._addressed: set[bytes] = set()

    def read(self, row: Judged) -> _Read | None:
        """What is counted of a row: only approved ones are measured, as §8 says, unless all are asked for."""
        if row.malformed is not None:
            return None
        if not isinstance(row.value, dict):
            return _Read(False, None)
        approved = row.value.get("approved") is True
        measured = approved or not self._ask.approved_only
        return _Read(approved, self._measures(row.value) if measured else None)

    def row(self, read: _Read) -> Iterable[Finding]:
        """Count a row."""
        self._total += 1
        self._approved += read.approved
        if read.measures is not None:
            self._measured += 1
            self._industries[read.measures.industry] += 1
            self._actions.add(read.measures.actions)
            self._addressed.update(read.measures.addressed)
            if read.measures.prefix is not None:
                self._prefixes.add((read.measures.prefix,))
        return ()

    def end(self) -> Iterator[Finding]:
        """One finding for each measure outside its limit."""
        for rule, text in self._failures():
            yield self._ask.finding(rule, text + self._most(rule), FIXES[rule])

    @property
    def answer(self) -> Diversity:
        """The gate's answer as §8 shapes it."""
        failures = tuple(text for _, text in self._failures())
        return Diversity(passed=not failures, failures=failures, summary=self._summary())

    def _measures(self, row: Mapping[str, object]) -> _Measures:
        industry = _industry(row.get("industry"))
        if not self._decisions:
            return _Measures(industry, (), None)
        output = row.get("output")
        output = output if isinstance(output, dict) else {}
        actions = output.get("first_30_days")
        actions = actions if isinstance(actions, list) else []
        words = [b" ".join(_words(action)) for action in actions]
        constraint = output.get("primary_constraint", "")
        prefix = b" ".join(_words(constraint)[:5]) or b"unknown"
        said = zip([*actions, constraint], [*words, prefix], strict=True)
        addressed = tuple(text for value, text in said if isinstance(value, str) and "@" in visible(value))
        return _Measures(industry, tuple(filter(None, words)), prefix, addressed)

    def _summary(self) -> DiversitySummary:
        industries = sorted(self._industries.items(), key=lambda item: -item[1])
        return DiversitySummary(
            total_rows=self._total,
            approved_rows=self._approved,
            industries=tuple(
                IndustryShare(industry=name, count=count, share=count / self._measured)
                for name, count in industries
            ),
            top_industry_share=_share(max(self._industries.values(), default=0), self._measured),
            unique_industries=len(industries),
            duplicate_actions_share=_share(self._actions.most, self._actions.total),
            same_constraint_prefix_share=_share(self._prefixes.most, self._measured),
        )

    def _most(self, rule: str) -> str:
        """What there is most of, for a share that is too large."""
        tallies = {"duplicate_actions_share": self._actions, "same_constraint_prefix_share": self._prefixes}
        if rule == "industry_share":
            industry, count = self._industries.most_common(1)[0]
            name = industry.encode(errors="surrogatepass")
        elif rule in tallies:
            name, count = tallies[rule].most_frequent(), tallies[rule].most
        else:
            return ""
        if name in self._addressed or _COULD_BE_PRIVATE.search(name):
            return f" {count} times."
        return f" {count} times: {for_log(name.decode(errors='replace'), 80)}"

    def _failures(self) -> Iterator[tuple[str, str]]:
        seen, limits = self._summary(), self._limits
        if self._measured < limits.min_total_rows:
            rows = "Approved rows" if self._ask.approved_only else "Rows, approved or not,"
            text = f"{rows} {self._measured} below minimum {limits.min_total_rows}."
            yield "too_few_approved_rows", text
        if seen.unique_industries < limits.min_industries:
            count, least = seen.unique_industries, limits.min_industries
            yield "too_few_industries", f"Only {count} industries represented; minimum is {least}."
        for rule, words, share, limit in (
            ("industry_share", "Top industry share", seen.top_industry_share, limits.max_industry_share),
            (
                "duplicate_actions_share",
                "Duplicate action share",
                seen.duplicate_actions_share,
                limits.max_duplicate_actions_share,
            ),
            (
                "same_constraint_prefix_share",
                "Primary constraint prefix share",
                seen.same_constraint_prefix_share,
                limits.max_same_primary_constraint_prefix_share,
            ),
        ):
            if share > limit:
                yield rule, f"{words} {percent(share)} exceeds max {percent(limit)}."


def start(ask: Ask) -> Variety:
    """Measure approved rows; actions and constraints are synthesis outputs' alone."""
    return Variety(ask)


def _industry(name: object) -> str:
    return (name.strip(SPACE) if isinstance(name, str) else "") or "unknown"


def _words(value: object) -> list[bytes]:
    """Lower case, ASCII letters and digits only; everything else separates."""
    return _text(value).lower().encode(errors="replace").translate(_LETTERS).split()


def _text(value: object) -> str:
    """A JSON value as JavaScript turns it into a string; only its letters and digits matter here."""
    match value:
        case str():
            return value
        case None:
            return "null"
        case dict():
            return "object object"
        case list():
            return " ".join("" if item is None else _text(item) for item in value)
        case float() if value.is_integer():
            return str(int(value))
    return str(value)


def _share(count: int, of: int) -> float:
    return count / of if of else 0.0


def percent(share: float) -> str:
    """A share with one decimal, ties up, as JavaScript's toFixed."""
    return f"{Decimal(share * 100).quantize(Decimal('0.1'), ROUND_HALF_UP)}%"
