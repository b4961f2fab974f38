"""Adds to findings what stands where they point, and the hash by which a waiver names the row.

The dataset is read a second time, up to the last line that has a finding; only those lines are parsed, and
those of the rows that they are compared with.
"""

from collections.abc import Collection, Iterator
from itertools import count
from math import inf
from typing import Any, NamedTuple

from ftv4.canonical import canonical
from ftv4.contracts.findings import Finding, GateReport
from ftv4.contracts.jsontext import NOT_TEXT, NotJson, loads, trimmed
from ftv4.documents import Repository
from ftv4.encode import for_log
from ftv4.gates.evidence import quoted
from ftv4.gates.reading import Reading, told
from ftv4.guards.private import find
from ftv4.guards.walk import spots
from ftv4.steps.row_change import content_hash

SHOWN = 200
"""Characters of a value."""
UNSEEN = frozenset({"personal_data", "secret", "raw_leak_scan_failed"})
"""Rules whose findings never show a value."""
SAID = frozenset(
    {
        *("not_approved", "edited_after_approval", "approval_missing", "approval_removed", "line_too_long"),
        "approval_reused",
        *("duplicate_key", "too_deep", "number_out_of_range"),
    }
)
"""Rules whose sentence says all that the value could."""


class _Nothing:
    """Stands for what isn't there."""


class _Unread(NamedTuple):
    """Stands for the row of a line that is no JSON."""

    text: str
    at: int
    """Characters before the spot where it isn't."""


def detailed(repository: Repository, report: GateReport, longest: int) -> GateReport:
    """The report with `value` and `row` filled in where a finding names a line."""
    wanted: dict[int, list[int]] = {}
    for place, finding in enumerate(report.findings):
        if finding.line is not None:
            wanted.setdefault(finding.line, []).append(place)
    if not wanted:
        return report
    findings = list(report.findings)
    compared: dict[int | None, Any] = {one.beside: _Nothing() for one in report.findings if one.beside}
    for line, raw in lines_at(repository, report.file, {*wanted, *filter(None, compared)}, longest):
        row, places = _row(raw), wanted.get(line, [])
        row_hash = "" if isinstance(row, _Unread) or not places else content_hash(row)
        for place in places:
            found = _differing(findings[place], row, compared.get(findings[place].beside))
            findings[place] = found.model_copy(update={"value": _value(found, row), "row": row_hash})
        if line in compared:
            compared[line] = row
    return report.model_copy(update={"findings": tuple(findings)})


def _differing(finding: Finding, row: Any, other: Any) -> Finding:
    """The finding at the first member in which two rows differ, with what the other one says there."""
    if finding.beside is None:
        return finding
    own, others = _said(row, finding.pointer), _said(other, finding.pointer)
    differing = [place for place in own | others if told(own.get(place)) != told(others.get(place))]
    if not differing:
        return finding
    count = len(differing)
    said = "there it says" if count == 1 else f"{count} members differ, and there the first says"
    shown = quoted(others.get(differing[0], "nothing"), SHOWN // 2)
    return finding.model_copy(
        update={
            "pointer": finding.pointer + differing[0],
            "problem": f"{finding.problem}; {said} {shown}",
        }
    )


def _said(row: Any, pointer: str) -> dict[str, str]:
    """Every value of a row below a pointer, by its own pointer from there; of the output, what it says."""
    part = Reading(row).said if pointer == "/output" else at(row, pointer)
    leaves = (spot for spot in spots(part) if not isinstance(spot.value, (dict, list)))
    return {
        spot.pointer: spot.value if isinstance(spot.value, str) else canonical(spot.value) for spot in leaves
    }


def lines_at(
    repository: Repository, file: str, wanted: Collection[int], longest: int
) -> Iterator[tuple[int, bytes]]:
    """The wanted lines of a dataset, by their numbers; what is longer than `longest` is cut."""
    last = max(wanted, default=0)
    if not last:
        return
    with repository.open(file) as stream:
        for number in count(1):
            raw = stream.readline(longest + 1)
            if number in wanted:
                yield number, raw
            while raw and not raw.endswith(b"\n"):
                raw = stream.readline(longest + 1)
            if not raw or number == last:
                return


def _row(raw: bytes) -> Any:
    text = trimmed(raw)
    try:
        return loads(text)
    except NotJson as error:
        at, plain = error.at or 0, text.decode(errors="replace")
        # Of what is no text bytes are counted; everything before the first bad one is.
        return _Unread(plain, len(text[:at].decode()) if str(error).startswith(NOT_TEXT) else at)


def _value(finding: Finding, row: Any) -> str:
    if finding.rule in UNSEEN | SAID:
        return ""
    if isinstance(row, _Unread):
        return "" if finding.pointer else _excerpt(row)
    there = at(row, finding.pointer) if finding.pointer else _Nothing()
    if isinstance(there, _Nothing) or there in (inf, -inf):
        return ""
    return _shown(there, '"') if isinstance(there, str) else _shown(canonical(there))


def _excerpt(line: _Unread) -> str:
    """What stands around the spot where a line is no JSON; nothing where some of it could be private."""
    start = max(0, line.at - SHOWN // 2)
    around = line.text[max(0, start - 20 * SHOWN) : start + 20 * SHOWN]
    told = for_log(line.text[start:], SHOWN)
    return "" if find(around) else f"{'...' if start else ''}{told}"


def _shown(text: str, quote: str = "") -> str:
    return "" if find(text[: 20 * SHOWN]) else f"{quote}{for_log(text, SHOWN)}{quote}"


def at(value: Any, pointer: str) -> Any:
    """What stands at a JSON pointer (RFC 6901)."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return _Nothing()
    return value
