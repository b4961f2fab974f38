"""Shows some of the rows that a change adds, edits or removes: those few alone are read once more."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from ftv4.canonical import canonical
from ftv4.contracts import Json, pointer
from ftv4.contracts.findings import Edit, GoneRow, NewRow
from ftv4.contracts.jsontext import NotJson, loads, trimmed
from ftv4.contracts.policy import Policy
from ftv4.documents import Repository
from ftv4.encode import for_log
from ftv4.gates.question import LONGEST_POINTER
from ftv4.gates.reading import STAMPED
from ftv4.guards import Guards
from ftv4.guards.private import find
from ftv4.steps.details import lines_at
from ftv4.steps.differences import ABSENT, pairs
from ftv4.steps.row_change import Comparison, reviewer_of

SAMPLE = 8
"""New and edited rows that are shown."""
GONE = 10
"""Removed rows that are named."""
EDITS = 5
"""Members of an edited row that are shown."""
OF_TEXT = 300
"""Characters of a new row's output that are shown."""
OF_EDIT = 160
"""Characters of an edited member that are shown."""
LEAD = 40
"""Of those, how many before the first that differs."""
FIRST = ("output", "input")
"""Members of a row whose edits are shown before others'."""
SEAL = ("approval", "output_sha256")

T = TypeVar("T")


@dataclass(frozen=True)
class Sampling:
    """A dataset after and before a change."""

    file: str
    now: Repository
    then: Repository | None
    policy: Policy

    def of(self, comparison: Comparison) -> Json:
        """The members `sample` and `gone` of a RowChange."""
        lines, gone = picked(comparison.shown), evenly(comparison.gone(), GONE)
        was = {line: comparison.was[line] for line in lines}
        before = self._rows(self.then, {*gone, *filter(None, was.values())})
        after = self._rows(self.now, lines)
        return {
            "sample": tuple(self._new(line, after[line], was[line], before) for line in lines),
            "gone": tuple(GoneRow(line=line, id=_id(before[line])) for line in gone),
        }

    @cached_property
    def _guards(self) -> Guards:
        return Guards.compile(self.policy)

    def _rows(self, files: Repository | None, lines: Collection[int]) -> dict[int, Any]:
        found = lines_at(files, self.file, lines, self.policy.limits.line_bytes) if files else ()
        return {line: _read(raw) for line, raw in found}

    def _new(self, line: int, row: Any, was: int | None, before: dict[int, Any]) -> NewRow:
        edits = _edits(before[was], row) if was else []
        return NewRow(
            line=line,
            id=_id(row),
            text=_said(row),
            reviewer=reviewer_of(row),
            was=was,
            edits=tuple(self._edit(*edit) for edit in edits[:EDITS]),
            more_edits=max(0, len(edits) - EDITS),
        )

    def _edit(self, at: tuple[int | str, ...], before: Any, after: Any) -> Edit:
        start = max(0, _differ_from(_text(before), _text(after)) - LEAD)
        where = pointer(at)[:LONGEST_POINTER].encode(errors="replace").decode()
        return Edit(pointer=where, before=self._shown(at, before, start), after=self._shown(at, after, start))

    def _shown(self, at: tuple[int | str, ...], value: Any, start: int) -> str:
        """A value from where it differs on; nothing of it where something in it is private."""
        if value is ABSENT:
            return ""
        text = _text(value)
        if find(text, identifier=not set(at[:1]) & set(FIRST)) or self._guards.leaks(value):
            return "not shown: private"
        cut = for_log(f"{'…' if start else ''}{text[start:]}", OF_EDIT)
        return f'"{cut}"' if isinstance(value, str) else cut


def picked(shown: Sequence[Sequence[int]]) -> list[int]:
    """Lines to show: what matters most first, of each kind that there is at least one."""
    lines: list[int] = []
    for place, kind in enumerate(shown):
        kept_free = sum(map(bool, shown[place + 1 :]))
        lines += evenly(kind, SAMPLE - len(lines) - kept_free)
    return lines


def evenly(items: Sequence[T], most: int) -> list[T]:
    """So many items from all over a sequence, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    if most < 2:
        return list(items[:most])
    return [items[place * (len(items) - 1) // (most - 1)] for place in range(most)]


def _read(raw: bytes) -> Any:
    try:
        return loads(trimmed(raw))
    except NotJson:
        return None


def _edits(before: Any, after: Any) -> list[tuple[tuple[int | str, ...], Any, Any]]:
    """What differs, the output first; without its hash, which follows it."""
    found = sorted(pairs(before, after, ()), key=lambda edit: _weight(edit[0]))
    says = any(at[:1] == FIRST[:1] for at, *_ in found)
    return [edit for edit in found if not (says and edit[0] == SEAL)]


def _weight(at: tuple[int | str, ...]) -> int:
    return next((place for place, member in enumerate(FIRST) if at[:1] == (member,)), len(FIRST))


def _text(value: Any) -> str:
    return "" if value is ABSENT else value if isinstance(value, str) else canonical(value)


def _differ_from(one: str, other: str) -> int:
    """The first character that two texts don't share; 0 where one is empty."""
    both = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in both if a != b), min(len(one), len(other)))


def _id(row: Any) -> str:
    name = row.get("id") if isinstance(row, dict) else None
    return for_log(name, 100) if isinstance(name, str) else ""


def _said(row: Any) -> str:
    """A row's output, but for what is stamped on it; nothing where something in it is private."""
    output = row.get("output") if isinstance(row, dict) else None
    members = output if isinstance(output, dict) else {"": output}
    said = "; ".join(
        f"{name}: {value if isinstance(value, str) else canonical(value)}"
        for name, value in members.items()
        if name not in STAMPED
    )
    return "" if find(said) else for_log(said, OF_TEXT)
