"""Is the file UTF-8 text with a row a line and nothing around it?

A byte order mark, a carriage return or a no-break space changes no row for us; other readers stumble
over it, or count lines otherwise (threat 51).
"""

from collections.abc import Iterator, Mapping

from ftv4.contracts.findings import Finding
from ftv4.contracts.jsontext import trimmed
from ftv4.gates.question import Ask, Judged, Question

FIXES: Mapping[str, str] = {
    "byte_order_mark": "save the file as UTF-8 without a byte order mark",
    "carriage_return": "end lines with a line feed alone; in git: *.jsonl text eol=lf",
    "stray_space": "take the white space around the row away",
}
"""Rule → what to do about it."""

LISTED = 3
"""Lines of one rule that are listed; a file that has one of them has them everywhere."""
_BOM = b"\xef\xbb\xbf"
_PLAIN = b'{[]}"0123456789-truefalsn'
"""What JSON begins and ends with."""


class _Form:
    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._lines = dict.fromkeys(FIXES, 0)

    def read(self, row: Judged) -> tuple[int, list[tuple[str, str]]] | None:
        raw = row.raw
        if not raw or (raw[0] in _PLAIN and raw[-1] in _PLAIN and b"\r" not in raw):
            return None
        return row.line, list(_around(raw))

    def row(self, read: tuple[int, list[tuple[str, str]]]) -> Iterator[Finding]:
        line, found = read
        for rule, problem in found:
            self._lines[rule] += 1
            if self._lines[rule] <= LISTED:
                yield self._finding(rule, problem, line)

    def end(self) -> Iterator[Finding]:
        for rule, lines in self._lines.items():
            if lines > LISTED:
                yield self._finding(rule, f"and {lines - LISTED} more lines", None)

    def _finding(self, rule: str, problem: str, line: int | None) -> Finding:
        return self._ask.finding(rule, problem, FIXES[rule], line=line)


def _around(raw: bytes) -> Iterator[tuple[str, str]]:
    text = raw.removesuffix(b"\r").removeprefix(_BOM)
    if raw.startswith(_BOM):
        yield "byte_order_mark", "the line starts with a byte order mark"
    if raw.endswith(b"\r"):
        yield "carriage_return", "the line ends with CR LF"
    elif b"\r" in raw:
        yield "carriage_return", "a carriage return stands within the line: some readers see two"
    if trimmed(text) != text:
        yield "stray_space", "white space stands around the row"


def start(ask: Ask) -> Question:
    """Ask it of every line."""
    return _Form(ask)
