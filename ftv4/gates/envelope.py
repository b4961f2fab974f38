"""Is what stands around a row's input and output whole, its own, and true of them?

Nobody trains on it; but diversity and concentration count by it, a change is told by its ids, and the model's
card quotes it. A label that isn't what the input says makes nine industries of one (weaknesses.md B1), and
grades that nobody reads may say anything (weaknesses.md B6).
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import islice
from typing import Any, NamedTuple

from ftv4.contracts import Problem, check, pointer
from ftv4.contracts.findings import Finding
from ftv4.contracts.row import Row
from ftv4.gates.evidence import quoted
from ftv4.gates.lines import Lines
from ftv4.gates.question import Ask, Judged, Question

FIXES: Mapping[str, str] = {
    "row_invalid": "build the row again with ftv4 datasets build; docs/files.md says where its shape is",
    "repeated_id": "keep the row that the run made, and delete the others",
    "relabelled_row": "put back what the input says",
    "failed_grade": "have the output approved again: ftv4 curate, ftv4 review",
    "approval_missing": "have somebody review these rows: ftv4 curate, ftv4 review",
    "future_date": "put the true date back",
}
"""Rule → what to do about it."""

SHOWN = 20
"""Problems listed of one row."""
MOST = 200
"""Repeated ids that are listed; the rest is counted."""
LABELS = ("industry", "client_id")
"""What the row repeats of its input, and gates count by."""

_DAY = (
    rb"[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    rb"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_CLOCK = rb"T(?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2}\.[0-9]{3}Z"
_TEXT = rb'[^"\\]'
_HEAD = re.compile(
    rb'\{"id":"run:[A-Za-z0-9][A-Za-z0-9_.-]{0,119}/stage:[a-z_]{1,40}","created_at":"(%b)%b",'
    rb'"client_id":"%b*","industry":"%b+","input":\{' % (_DAY, _CLOCK, _TEXT, _TEXT)
)
_ENDS = b'},"grades":{"schema":"pass",'
_TAIL = re.compile(
    rb'%b"doctrine":"pass","drift":"pass"(?:,"decision":"pass")?\},'
    rb'"model":\{"model_id":"%b*","prompt_version":"%b*"\},"approved":(?:true|false),"notes":"%b*"'
    rb'(?:,"approval":\{"reviewer":"%b+","reviewed_at":"(%b)%b","output_sha256":"[0-9a-f]{64}"\})?\}'
    % (_ENDS.replace(b"{", b"\\{").replace(b"}", b"\\}"), _TEXT, _TEXT, _TEXT, _TEXT, _DAY, _CLOCK)
)
"""What stands before the input and after the output of a row that `ftv4 datasets build` wrote."""
_MEMBERS = 10
"""Of such a row; its approval is one more."""


class _Seen(NamedTuple):
    """What is read in a row."""

    line: int
    id: str | None
    unsealed: bool
    """Whether it is approved by nobody in particular."""
    future: bool
    findings: tuple[Finding, ...]


class _Envelope:
    """Kept: some 22 bytes of each id, and the lines of those that came again."""

    def __init__(self, ask: Ask) -> None:
        from ftv4.gates.ids import Ids

        self._ask = ask
        # A day is another one elsewhere; past every date where nobody says which it is.
        self._last = (ask.today + timedelta(1) if ask.today else date.max).isoformat().encode()
        self._ids = Ids()
        self._unsealed, self._future = Lines(), Lines()

    def read(self, row: Judged) -> _Seen | None:
        value = row.value
        if not isinstance(value, dict):
            return None
        name = value.get("id")
        name = name if isinstance(name, str) else None
        unsealed = value.get("approved") is True and value.get("approval") is None
        if days := _days_of_a_plain_row(row.raw, value):
            return _Seen(row.line, name, unsealed, days[0] > self._last or days[-1] > self._last, ())
        broken = list(_broken(value))
        found = [self._finding(rule, row.line, problem) for rule, problem in broken[:SHOWN]]
        if more := len(broken[SHOWN:]):
            told = Problem("", f"and {more} more problems around this row")
            found.append(self._finding(broken[SHOWN][0], row.line, told))
        return _Seen(row.line, name, unsealed, max(_days(value)) > self._last, tuple(found))

    def row(self, read: _Seen) -> Iterator[Finding]:
        if read.id is not None:
            self._ids.add(read.id, read.line)
        if read.unsealed:
            self._unsealed.add(read.line)
        if read.future:
            self._future.add(read.line)
        yield from read.findings

    def end(self) -> Iterator[Finding]:
        again = self._ids.again
        for first, lines in islice(again.items(), MOST):
            problem = f"the id of line {first} again: {lines}"
            yield self._finding("repeated_id", lines.first, Problem("/id", problem))
        if more := [len(lines) for lines in islice(again.values(), MOST, None)]:
            problem = f"{len(more)} more ids come again, {sum(more)} times in all"
            yield self._finding("repeated_id", None, Problem("", problem))
        if missing := self._unsealed:
            problem = f"rows that are approved, and don't say by whom, and what: {len(missing)}, {missing}"
            yield self._finding("approval_missing", missing.first, Problem("/approval", problem))
        if future := self._future:
            problem = f"rows that were made or approved in the future: {len(future)}, {future}"
            yield self._finding("future_date", future.first, Problem("", problem))

    def _finding(self, rule: str, line: int | None, problem: Problem) -> Finding:
        return self._ask.finding(
            rule,
            problem.problem,
            FIXES[rule],
            line=line,
            pointer=problem.pointer,
            severity="warning" if rule in ("approval_missing", "future_date") else "error",
        )


def _days_of_a_plain_row(raw: bytes, row: Mapping[str, Any]) -> tuple[bytes, ...]:
    """The dates of a row that its bytes tell to be sound; none of one that has to be looked at.

    The members that are matched stand before and after all others: an unescaped `},"grades"` is within no
    text, and what follows it closes the row.
    """
    head, start = _HEAD.match(raw), raw.rfind(_ENDS)
    tail = _TAIL.fullmatch(raw, start) if head and start > 0 else None
    if not head or not tail:
        return ()
    given, days = row["input"], (head[1], tail[1]) if tail[1] else (head[1],)
    sound = (
        len(row) == _MEMBERS - 1 + len(days)
        and "output" in row
        and row["industry"] == given.get("industry")
        and row["client_id"] == given.get("client_id")
    )
    return days if sound else ()


def _broken(row: Mapping[str, Any]) -> Iterator[tuple[str, Problem]]:
    """What is wrong around a row, by rule. Input and output are acceptance's, also where they are missing."""
    yield from (("row_invalid", problem) for problem in check(Row, {**row, "input": {}, "output": {}}))
    given, grades = _members(row.get("input")), _members(row.get("grades"))
    for label in LABELS:
        says, input_says = row.get(label), given.get(label)
        if isinstance(says, str) and isinstance(input_says, str) and says != input_says:
            told = f"not the input's {label}, which is {quoted(input_says, 60)}"
            yield "relabelled_row", Problem(f"/{label}", told)
    for name, grade in grades.items() if row.get("approved") is True else ():
        if grade == "fail":
            yield "failed_grade", Problem(pointer(("grades", name)), "and the row is approved")


def _days(row: Mapping[str, Any]) -> Iterator[bytes]:
    for holder, name in ((row, "created_at"), (_members(row.get("approval")), "reviewed_at")):
        said = holder.get(name)
        day = re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", said) if isinstance(said, str) else None
        yield day[0].encode() if day else b""


def _members(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def start(ask: Ask) -> Question:
    """Ask it of every row that is JSON, approved or not."""
    return _Envelope(ask)
