"""Tells what a change does to the rows of a dataset; keeps three numbers a row, not rows."""

from collections import Counter
from collections.abc import Collection, Iterator
from functools import reduce
from hashlib import blake2b
from typing import Any, NamedTuple, cast

from ftv4.canonical import canonical, digest
from ftv4.contracts import Json
from ftv4.contracts.findings import Finding, GateReport, Measure, RowChange, Shift
from ftv4.contracts.policy import Policy
from ftv4.documents import Line
from ftv4.encode import for_log
from ftv4.guards.decision import STAGE as DECISION
from ftv4.steps.gate import UNKNOWN

TAUGHT = ("industry", "input", "output")
"""What a row teaches; the rest of it says where it came from, and who approved it."""

SAYS, ADDED, ELSE = range(3)
"""What a change does to a row, what matters most first: its output says something else, it is new, or
nothing but layout or other members are edited."""
_BLANK = b" \t\n\r"

UNAPPROVED = 20
"""Rows without their approval that are listed; the rest is counted."""
FIXES = {
    "approval_removed": "put the approval back, or have the row reviewed anew: ftv4 curate, ftv4 review",
    "approval_reused": "have the row reviewed anew, for nobody approved this: ftv4 curate, ftv4 review",
}
"""Rule → what to do about it."""

MORE = {
    "approval_removed": "have lost their approval",
    "approval_reused": "have the approval of the output before",
}
_LONG, _SHORT = (1 << 64) - 1, (1 << 32) - 1

Shifting = tuple[Counter[str], Counter[str]]
"""Counts by name, before and after."""


def content_hash(row: object) -> str:
    """Hex SHA-256 of what a row teaches: it stays when ids, dates, notes or approvals change."""
    if not isinstance(row, dict):
        return digest(row)
    return digest({name: row[name] for name in TAUGHT if name in row})


class _Row(NamedTuple):
    """A row in numbers."""

    name: int
    content: int
    said: int
    """Of its output, but for blanks."""
    line: int
    seal: int
    """Of its approval, who gave it and when; 0: it has none."""

    def packed(self) -> int:
        """All but the name in one number, which takes half the memory."""
        return (self.content << 160) | (self.said << 96) | (self.line << 64) | self.seal


def _unpacked(name: int, number: int) -> _Row:
    said, line = (number >> 96) & _LONG, (number >> 64) & _SHORT
    return _Row(name, number >> 160, said, line, number & _LONG)


class Comparison:
    """Sees every row of a dataset before a change, then every row after it."""

    def __init__(self, unshown: Collection[int | None] = ()) -> None:
        self._unshown = unshown
        """Lines that no sample shows: what is in them is private."""
        self._before: dict[int, int | None] = {}
        """Id → the row, packed; None once it was met again."""
        self._copies: Counter[int] = Counter()
        """Content → further rows with an id that was there already."""
        self._counts = {"before": 0, "kept": 0, "edited": 0, "added": 0}
        self._industries: Shifting = Counter(), Counter()
        self._reviewers: Shifting = Counter(), Counter()
        self._unapproved: list[tuple[int, str, str]] = []
        """Line, rule and problem."""
        self.was: dict[int, int | None] = {}
        """Line of a new or edited row → the line on which it stood; None for a new one."""
        self.shown: tuple[list[int], ...] = [], [], []
        """Lines of those that can be shown, by SAYS, ADDED and ELSE."""

    def before(self, line: Line) -> None:
        """See a row that was there."""
        self._counts["before"] += 1
        self._count(0, line.value)
        row = _row(line)
        if row.name in self._before:
            self._copies[row.content] += 1
        else:
            self._before[row.name] = row.packed()

    def after(self, line: Line) -> None:
        """See a row that is there now."""
        self._count(1, line.value)
        row = _row(line)
        if self._copies[row.content] > 0:
            self._copies[row.content] -= 1
            self._counts["kept"] += 1
            return
        known = self._before.get(row.name)
        then = None if known is None else _unpacked(row.name, known)
        if then is not None:
            self._before[row.name] = None
        if then is not None and then.content == row.content:
            self._counts["kept"] += 1
            return
        self._counts["added" if then is None else "edited"] += 1
        self.was[line.number] = then.line if then else None
        if then is not None and (lost := _lost(then, row, line.value)):
            self._unapproved.append((line.number, *lost))
        if line.malformed is None and line.number not in self._unshown:
            kind = ADDED if then is None else ELSE if then.said == row.said else SAYS
            self.shown[kind].append(line.number)

    def unapproved(self, file: str) -> Iterator[Finding]:
        """What the change does to approved rows without anybody's approval; once all rows were seen."""
        for line, rule, lost in self._unapproved[:UNAPPROVED]:
            yield _unapproved(file, line, rule, lost)
        more = Counter(rule for _, rule, _ in self._unapproved[UNAPPROVED:])
        for rule, count in more.items():
            yield _unapproved(file, None, rule, f"{count} more rows {MORE[rule]}")

    def is_new(self, line: int | None) -> bool:
        """Whether the row on a line was added or edited."""
        return line in self.was

    def gone(self) -> list[int]:
        """The lines of removed rows, but for those that shared an id."""
        left = (number for number in self._before.values() if number is not None)
        return sorted(_unpacked(0, number).line for number in left)

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
        )

    def _count(self, side: int, row: Any) -> None:
        self._industries[side][_industry(row)] += 1
        if name := reviewer_of(row):
            self._reviewers[side][name] += 1


def _shifts(shifting: Shifting) -> Iterator[Shift]:
    before, after = shifting
    for name in sorted(before | after, key=lambda name: (-after[name], -before[name], name)):
        yield Shift(name=name, before=before[name], after=after[name])


MEASURED = "approved rows"
"""What diversity measures, unless all rows are judged."""
_LIMITED = (
    (MEASURED, "diversity", "measured_rows", "training_diversity.min_total_rows"),
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
                name="rows" if name == MEASURED and not after.approved_only else name,
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
    if summary:
        summary["measured_rows"] = sum(industry["count"] for industry in summary["industries"])
    decides = summary if report.stage in (DECISION, UNKNOWN) else {}
    return report.extra | {"diversity": summary, "decisions": decides}


def _number(text: str) -> int:
    return _hashed(text.encode(errors="surrogatepass"))


def _hashed(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")


def _row(line: Line) -> _Row:
    # The raw bytes of a line that is no JSON stand for its content.
    if line.malformed or not isinstance(line.value, dict):
        text = line.raw.decode(errors="replace") if line.malformed else canonical(line.value)
        content = _number(text)
        return _Row(content, content, 0, line.number, 0)
    output = canonical(line.value.get("output"))
    rest = canonical({name: value for name, value in line.value.items() if name != "output"})
    content, named = _number(f"{output}\n{rest}"), line.value.get("id")
    name = _number(named) if isinstance(named, str) else content
    said = _hashed(output.encode(errors="replace").translate(None, _BLANK))
    return _Row(name, content, said, line.number, _seal(line.value.get("approval")))


def _seal(approval: Any) -> int:
    if approval is None:
        return 0
    about = approval if isinstance(approval, dict) else {}
    return _number(canonical([about.get("reviewer"), about.get("reviewed_at")])) or 1


def _lost(then: _Row, now: _Row, value: Any) -> tuple[str, str] | None:
    """How a row that says it is approved has lost what it was approved by: rule and problem."""
    if not isinstance(value, dict) or value.get("approved") is not True:
        return None
    if then.seal and not now.seal:
        return "approval_removed", "the approval is gone"
    if then.said == now.said:
        return None
    if not now.seal:
        return "approval_removed", "another output, which nobody has approved"
    # A digest of the output before is acceptance's to tell.
    fits = now.seal == then.seal and _digest_of(value) in (None, digest(value.get("output")))
    again = "another output, with the approval that the one before it had: the same reviewer and time"
    return ("approval_reused", again) if fits else None


def _digest_of(row: Json) -> Any:
    approval = row.get("approval")
    return approval.get("output_sha256") if isinstance(approval, dict) else None


def _unapproved(file: str, line: int | None, rule: str, problem: str) -> Finding:
    return Finding(
        rule=rule,
        severity="error",
        file=file,
        line=line,
        pointer="/approval" if line else "",
        problem=problem,
        fix=FIXES[rule],
    )


def _industry(row: Any) -> str:
    named = row.get("industry") if isinstance(row, dict) else None
    return for_log(named, 60) if isinstance(named, str) and named else "unknown"


def reviewer_of(row: Any) -> str:
    """Who approved a row, by what it says; encoded, and empty where it says nobody."""
    approval = row.get("approval") if isinstance(row, dict) else None
    named = approval.get("reviewer") if isinstance(approval, dict) else None
    return for_log(named.replace("@", " at "), 64) if isinstance(named, str) else ""
