"""Adds to findings what stands where they point, and the hash by which a waiver names the row.

The dataset is read a second time, up to the last line that has a finding; only those lines are parsed.
"""

from collections.abc import Collection, Iterator
from itertools import count
from typing import Any

from ftv4.canonical import canonical
from ftv4.contracts.findings import Finding, GateReport
from ftv4.contracts.jsontext import NotJson, loads, trimmed
from ftv4.documents import Repository
from ftv4.encode import for_log
from ftv4.guards.private import find
from ftv4.steps.row_change import content_hash

SHOWN = 200
"""Characters of a value."""
UNSEEN = frozenset({"personal_data", "secret", "raw_leak_scan_failed"})
"""Rules whose findings never show a value."""
SAID = frozenset({"not_approved", "duplicate_key", "too_deep", "edited_after_approval"})
"""Rules whose sentence says all that the value could."""


class _Nothing:
    """Stands for what isn't there."""


def detailed(repository: Repository, report: GateReport, longest: int) -> GateReport:
    """The report with `value` and `row` filled in where a finding names a line."""
    wanted: dict[int, list[int]] = {}
    for place, finding in enumerate(report.findings):
        if finding.line is not None:
            wanted.setdefault(finding.line, []).append(place)
    if not wanted:
        return report
    findings = list(report.findings)
    for line, raw in lines_at(repository, report.file, set(wanted), longest):
        malformed = all(findings[place].rule == "malformed_line" for place in wanted[line])
        row = _Nothing() if malformed else _row(raw)
        row_hash = "" if isinstance(row, _Nothing) else content_hash(row)
        for place in wanted[line]:
            shown = _value(findings[place], row, raw)
            findings[place] = findings[place].model_copy(update={"value": shown, "row": row_hash})
    return report.model_copy(update={"findings": tuple(findings)})


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
    try:
        return loads(trimmed(raw))
    except NotJson:
        return _Nothing()


def _value(finding: Finding, row: Any, raw: bytes) -> str:
    if finding.rule in UNSEEN | SAID:
        return ""
    if isinstance(row, _Nothing):
        text = raw[: 4 * SHOWN].decode(errors="replace").strip()
    else:
        there = at(row, finding.pointer) if finding.pointer else _Nothing()
        if isinstance(there, _Nothing):
            return ""
        text = there if isinstance(there, str) else canonical(there)
    return "" if find(text[: 20 * SHOWN]) else for_log(text, SHOWN)


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
