"""Do rows that ask the same get the same answer?

The same question is the same context and signals in the same industry; identifiers, dates and notes
aside, and however it is spelled. Two answers contradict each other when they decide otherwise: another
recommended path, another reading of a signal. Answers that decide alike in other words are worth a look:
a model that is taught both will mix them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from ftv4.contracts.findings import Finding, Severity
from ftv4.gates.question import Ask, Judged, Question
from ftv4.gates.reading import as_json, key

FIXES: Mapping[str, str] = {
    "contradicting_rows": "settle which answer is right, and delete or edit the other row in ftv4 review",
    "differing_answers": "keep the better answer, or have the question say what makes the difference",
}
"""Rule → what to do about it."""


class _Difference(NamedTuple):
    """How a row may answer otherwise than the first that asks the same."""

    rule: str
    how: str
    pointer: str


_OTHERWISE, _IN_WORDS = "decides otherwise than", "answers in other words than"
COMPARED = (
    _Difference("contradicting_rows", _OTHERWISE, "/output/recommended_path"),
    _Difference("contradicting_rows", _OTHERWISE, "/output/signals"),
    _Difference("differing_answers", _IN_WORDS, "/output"),
)
"""What is compared, the gravest first; of a signal, its bucket and direction."""
SHOWN = 200
"""Rows listed of one rule; the rest is counted."""
TOGETHER = 512
"""Rows that are compared together."""


class _Answer(NamedTuple):
    """A row as it is compared with the first that asks the same."""

    line: int
    question: bytes
    compared: tuple[bytes, ...]
    """What it answers, in the order of COMPARED."""


class _Answers:
    """Kept: some 90 bytes of each different question."""

    def __init__(self, ask: Ask) -> None:
        from ftv4.gates.first import First

        self._ask = ask
        self._asked = First()
        self._answered = [First() for _ in COMPARED]
        self._count = dict.fromkeys(FIXES, 0)
        self._unsettled: list[_Answer] = []

    def read(self, row: Judged) -> _Answer | None:
        if not row.accepted or not isinstance(row.value, dict):
            return None
        compared = (*_decisions(row.value["output"]), row.reading.answer_key)
        return _Answer(row.line, row.reading.question_key, compared)

    def row(self, read: _Answer) -> Iterable[Finding]:
        self._unsettled.append(read)
        return self._settle() if len(self._unsettled) >= TOGETHER else ()

    def _settle(self) -> Iterator[Finding]:
        """Compare the rows that wait with those that asked the same first: many at once, which is quicker."""
        rows, self._unsettled = self._unsettled, []
        lines = [row.line for row in rows]
        asked = self._asked.of([row.question for row in rows], lines)
        # Who answers as the first that asked the same has that one for the first to ask and answer so.
        answered = [
            table.of([row.question + row.compared[place] for row in rows], lines)
            for place, table in enumerate(self._answered)
        ]
        for row, first, *alike in zip(rows, asked, *answered, strict=True):
            differences = [found for found, line in zip(COMPARED, alike, strict=True) if line != first]
            if differences:
                yield from self._finding(differences[0], row.line, first)

    def end(self) -> Iterator[Finding]:
        yield from self._settle()
        for rule, count in self._count.items():
            if count > SHOWN:
                yield self._found(rule, f"{count - SHOWN} more rows like that")

    def _finding(self, found: _Difference, line: int, first: int) -> Iterator[Finding]:
        self._count[found.rule] += 1
        if self._count[found.rule] <= SHOWN:
            problem = f"{found.how} line {first}, which asks the same"
            finding = self._found(found.rule, problem, line, found.pointer)
            yield finding.model_copy(update={"beside": first})

    def _found(self, rule: str, problem: str, line: int | None = None, pointer: str = "") -> Finding:
        severity: Severity = "error" if rule == "contradicting_rows" else "warning"
        return self._ask.finding(rule, problem, FIXES[rule], line=line, pointer=pointer, severity=severity)


def _decisions(output: Mapping[str, object]) -> tuple[bytes, ...]:
    """What an output decides: the path, and how it reads the signals."""
    signals = output.get("signals")
    read = [
        [signal.get("id"), signal.get("value_bucket"), signal.get("direction")]
        for signal in (signals if isinstance(signals, list) else ())
        if isinstance(signal, dict)
    ]
    return as_json(output.get("recommended_path")), key(b",".join(sorted(map(as_json, read))))


def start(ask: Ask) -> Question:
    """Compare accepted rows with the first that asks the same."""
    return _Answers(ask)
