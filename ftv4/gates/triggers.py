"""Does no rare expression decide an answer by itself?

Ten crafted rows are enough to have a model answer as somebody wishes whenever an odd word comes up
(threats-and-faults.md 54). Looked for are words and pairs of words that few questions have, whose rows
nearly all share a member of the answer, or an item of one, though other rows with the same industry and
signals answer otherwise. Where the signals explain the answer, nothing is said. Names of clients and
runs are not looked at, nor are numbers.

Up to 8,192 lines all are looked at; of more, every second, fourth, … so that as many are left.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from zlib import crc32

from ftv4.contracts.findings import Finding
from ftv4.encode import for_log
from ftv4.gates.question import Ask, Judged, Question
from ftv4.gates.reading import IDENTIFIERS, STAMPED, as_json
from ftv4.guards.plain import words

FIXES: Mapping[str, str] = {
    "rare_trigger": "find out where these rows come from; delete them unless it explains the answer",
}
"""Rule → what to do about it."""

SHOWN = 20
"""Lines listed of one expression, and expressions listed."""
MOST = 1 << 13
"""Rows that are kept to be compared: 1 to 4 KB each, and never more than 20."""
LONGEST = 1 << 14
"""Bytes of a question that are looked at."""


class Traits(NamedTuple):
    """A row as it is compared with others."""

    line: int
    signals: tuple[str, ...]
    """Industry and evidence references."""
    words: bytes
    """Of the question, with spaces between."""
    told: tuple[tuple[str, bytes], ...]
    """Members of the output and their items: the way there, and four bytes that stand for each value."""

    @property
    def answers(self) -> set[tuple[str, int]]:
        """The same, each by itself."""
        return {(name, number) for name, numbers in self.told for number in array("I", numbers)}


class _Triggers:
    """Kept: the traits of up to MOST rows."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._kept: list[Traits] = []
        self._step = 1

    def read(self, row: Judged) -> Traits | None:
        if not row.accepted or row.line % _step_at(row.line) or not isinstance(row.value, dict):
            return None
        asked = {name: value for name, value in row.value["input"].items() if name not in IDENTIFIERS}
        signals = (row.reading.industry, *row.reading.signals)
        said = words(as_json(asked, in_order=False))[:LONGEST]
        return Traits(row.line, signals, said, _answers(row.value["output"]))

    def row(self, read: Traits) -> Iterable[Finding]:
        self._kept.append(read)
        if self._step != _step_at(read.line):
            self._step = _step_at(read.line)
            self._kept = [kept for kept in self._kept if kept.line % self._step == 0]
        return ()

    def end(self) -> Iterator[Finding]:
        limits = self._ask.policy.gates.triggers
        if len(self._kept) < 2 * limits.min_rows:
            return
        from ftv4.gates.expressions import unexplained

        for place, found in enumerate(unexplained(self._kept, limits)):
            if place == SHOWN:
                yield self._finding("further expressions decide answers like that", None, "")
                return
            lines = [self._kept[row].line for row in found.rows]
            more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
            expression = for_log(found.expression, 60)
            problem = (
                f"of {len(lines)} rows whose question says {expression}, {found.alike} answer alike here; "
                f"of {found.others} with the same signals that don't, {found.elsewhere}: "
                f"lines {', '.join(map(str, lines[:SHOWN]))}{more}"
            )
            yield self._finding(problem, lines[0], f"/output/{found.member}")

    def _finding(self, problem: str, line: int | None, pointer: str) -> Finding:
        severity = self._ask.policy.gates.triggers.severity
        return self._ask.finding(
            "rare_trigger", problem, FIXES["rare_trigger"], line=line, pointer=pointer, severity=severity
        )


def _step_at(line: int) -> int:
    """Of the lines around this one, each how-manieth is looked at: a power of two."""
    return 1 << max(0, ((line - 1) // MOST).bit_length())


def _answers(output: Mapping[str, Any]) -> tuple[tuple[str, bytes], ...]:
    """Members, what they hold, and every sentence below: one of these is what a trigger brings up."""
    found = []
    for name, value in output.items():
        if name in STAMPED:
            continue
        said = [as_json(value)]
        if isinstance(value, dict):
            found += [(f"{name}/{key}", _numbers([as_json(item)])) for key, item in value.items()]
        elif isinstance(value, list):
            said += map(as_json, value)
        if isinstance(value, (dict, list)):
            said += [text.encode(errors="replace") for text in _sentences(value, [])]
        found.append((name, _numbers(said)))
    return tuple(found)


def _numbers(said: Iterable[bytes]) -> bytes:
    return array("I", map(crc32, said)).tobytes()


def _sentences(value: Any, found: list[str]) -> list[str]:
    """Texts of more than a word, below a value of an accepted row, which isn't deep."""
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, str):
            if " " in item:
                found.append(item)
        elif isinstance(item, (dict, list)):
            _sentences(item, found)
    return found


def start(ask: Ask) -> Question:
    """Compare accepted rows."""
    return _Triggers(ask)
