"""Tells what a change does to the rows of a dataset; keeps two numbers a row, not rows."""

from collections import Counter
from collections.abc import Collection, Iterator
from functools import reduce
from hashlib import blake2b
from typing import Any, cast

from ftv4.canonical import canonical, digest
from ftv4.contracts import Json
from ftv4.contracts.findings import GateReport, Measure, NewRow, RowChange, Shift
from ftv4.contracts.policy import Policy
from ftv4.documents import Line
from ftv4.encode import for_log
from ftv4.gates.reading import STAMPED
from ftv4.guards.decision import STAGE as DECISION
from ftv4.guards.private import find
from ftv4.steps.gate import UNKNOWN

SAMPLE = 5
"""New rows that are shown."""
OF_TEXT = 300
"""Characters of a new row's output that are shown."""
TAUGHT = ("industry", "input", "output")
"""What a row teaches; the rest of it says where it came from, and who approved it."""

Shifting = tuple[Counter[str], Counter[str]]
"""Counts by name, before and after."""


def content_hash(row: object) -> str:
    """Hex SHA-256 of what a row teaches: it stays when ids, dates, notes or approvals change."""
    if not isinstance(row, dict):
        return digest(row)
    return digest({name: row[name] for name in TAUGHT if name in row})


class Comparison:
    """Sees every row of a dataset before a change, then every row after it."""

    def __init__(self, unshown: Collection[int | None] = ()) -> None:
        self._unshown = unshown
        """Lines that no sample shows: what is in them is private."""
        self._before: dict[int, int | None] = {}
        """Id → content; None once it was met again."""
        self._copies: Counter[int] = Counter()
        """Content → further rows with an id that was there already."""
        self._counts = {"before": 0, "kept": 0, "edited": 0, "added": 0}
        self._industries: Shifting = Counter(), Counter()
        self._reviewers: Shifting = Counter(), Counter()
        self._lines: set[int] = set()
        self._sample: list[NewRow] = []

    def before(self, line: Line) -> None:
        """See a row that was there."""
        self._counts["before"] += 1
        self._count(0, line.value)
        name, content = _name(line), _content(line)
        if name in self._before:
            self._copies[content] += 1
        else:
            self._before[name] = content

    def after(self, line: Line) -> None:
        """See a row that is there now."""
        self._count(1, line.value)
        name, content = _name(line), _content(line)
        if self._copies[content] > 0:
            self._copies[content] -= 1
            self._counts["kept"] += 1
            return
        known = self._before.get(name)
        if known is not None:
            self._before[name] = None
        if known == content:
            self._counts["kept"] += 1
            return
        self._counts["added" if known is None else "edited"] += 1
        self._lines.add(line.number)
        shown = line.malformed is None and line.number not in self._unshown
        if shown and len(self._sample) < SAMPLE:
            self._sample.append(_shown(line))

    def is_new(self, line: int | None) -> bool:
        """Whether the row on a line was added or edited."""
        return line in self._lines

    def answer(self, before: GateReport | None, after: GateReport, policy: Policy) -> RowChange:
        """What the change comes to. `before` is None where the dataset is new."""
        counts = self._counts
        return RowChange(
            rows=Shift(name="rows", before=counts["before"], after=after.total_rows),
            accepted=Shift(
                name="accepted", before=before.accepted_rows if before else 0, after=after.accepted_rows
            ),
            added=counts["added"],
            removed=counts["before"] - counts["kept"] - counts["edited"],
            edited=counts["edited"],
            industries=tuple(_shifts(self._industries)),
            reviewers=tuple(_shifts(self._reviewers)),
            measures=tuple(measures(before, after, policy)),
            sample=tuple(self._sample),
        )

    def _count(self, side: int, row: Any) -> None:
        self._industries[side][_industry(row)] += 1
        if name := _reviewer(row):
            self._reviewers[side][name] += 1


def _shifts(shifting: Shifting) -> Iterator[Shift]:
    before, after = shifting
    for name in sorted(before | after, key=lambda name: (-after[name], -before[name], name)):
        yield Shift(name=name, before=before[name], after=after[name])


_LIMITED = (
    ("approved rows", "diversity", "approved_rows", "training_diversity.min_total_rows"),
    ("industries", "diversity", "unique_industries", "training_diversity.min_industries"),
    ("largest industry", "diversity", "top_industry_share", "training_diversity.max_industry_share"),
    (
        *("most frequent action", "decisions", "duplicate_actions_share"),
        "training_diversity.max_duplicate_actions_share",
    ),
    (
        *("most frequent constraint", "decisions", "same_constraint_prefix_share"),
        "training_diversity.max_same_primary_constraint_prefix_share",
    ),
    ("near copies", "duplicates", "near_share", "gates.duplicates.max_near_share"),
    ("most repeated answer", "duplicates", "repeated_share", "gates.duplicates.max_repeated_share"),
    ("largest client", "concentration", "client_share", "gates.concentration.max_client_share"),
    ("busiest reviewer", "concentration", "reviewer_share", "gates.concentration.max_reviewer_share"),
)
"""What people call a number, who measures it and by which name, and what limits it in the policy."""


def measures(before: GateReport | None, after: GateReport, policy: Policy) -> Iterator[Measure]:
    """Each number that is limited, before and after, beside its limit: eligible rows, then the policy's.

    Those that nobody measured, or that say nothing of this dataset, are left out.
    """
    if after.needed_rows is not None:
        yield Measure(
            name="eligible rows",
            before=before.accepted_rows if before else None,
            after=after.accepted_rows,
            limit=after.needed_rows,
            at_least=True,
        )
    then, now = _numbers(before), _numbers(after)
    for name, who, number, limit in _LIMITED:
        if number in now.get(who, {}):
            yield Measure(
                name=name,
                before=then.get(who, {}).get(number),
                after=now[who][number],
                limit=reduce(getattr, limit.split("."), cast(Any, policy)),
                at_least=".min_" in limit,
            )


def _numbers(report: GateReport | None) -> Json:
    """What was measured, by who measured it and by name."""
    if report is None:
        return {}
    summary = report.diversity.summary.model_dump() if report.diversity else {}
    decides = summary if report.stage in (DECISION, UNKNOWN) else {}
    return report.extra | {"diversity": summary, "decisions": decides}


def _number(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "big")


def _name(line: Line) -> int:
    named = line.value.get("id") if isinstance(line.value, dict) else None
    return _number(named) if isinstance(named, str) else _content(line)


def _content(line: Line) -> int:
    # The raw bytes of a line that is no JSON stand for its content.
    return _number(line.raw.decode(errors="replace") if line.malformed else canonical(line.value))


def _industry(row: Any) -> str:
    named = row.get("industry") if isinstance(row, dict) else None
    return for_log(named, 60) if isinstance(named, str) and named else "unknown"


def _reviewer(row: Any) -> str:
    approval = row.get("approval") if isinstance(row, dict) else None
    named = approval.get("reviewer") if isinstance(approval, dict) else None
    return for_log(named.replace("@", " at "), 64) if isinstance(named, str) else ""


def _shown(line: Line) -> NewRow:
    row = line.value if isinstance(line.value, dict) else {}
    output = row.get("output")
    members = output if isinstance(output, dict) else {"": output}
    said = "; ".join(
        f"{name}: {value if isinstance(value, str) else canonical(value)}"
        for name, value in members.items()
        if name not in STAMPED
    )
    name = row.get("id")
    return NewRow(
        line=line.number,
        id=for_log(name, 100) if isinstance(name, str) else "",
        text="" if find(said) else for_log(said, OF_TEXT),
        reviewer=_reviewer(row),
    )
