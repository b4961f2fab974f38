"""Do rows that ask the same get the same answer?

The same question is the same context and signals in the same industry; identifiers, dates and notes
aside, and however it is spelled. Two answers contradict each other when they decide otherwise: another
recommended path, another reading of a signal. Answers that decide alike in other words are worth a look:
a model that is taught both will mix them.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ftv4.contracts.findings import Finding, Severity
from ftv4.gates.question import Ask, Judged, Question
from ftv4.gates.reading import as_json, key

FIXES: Mapping[str, str] = {
    "contradicting_rows": "settle which answer is right, and delete or edit the other row in ftv4 review",
    "differing_answers": "keep the better answer, or have the question say what makes the difference",
}
"""Rule → what to do about it."""

DECISIVE = ("recommended_path", "signals")
"""Members of an output that decide; of a signal, its bucket and direction."""
SHOWN = 200
"""Rows listed of one rule; the rest is counted."""


class _Answer(NamedTuple):
    """A row as it is compared with the first that asks the same."""

    line: int
    question: bytes
    decisions: tuple[bytes, ...]
    answer: bytes


class _Answers:
    """Kept: one line and two or three keys for each different question."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._first: dict[bytes, _Answer] = {}
        self._count = dict.fromkeys(FIXES, 0)

    def read(self, row: Judged) -> _Answer | None:
        if not row.accepted or not isinstance(row.value, dict):
            return None
        decisions = _decisions(row.value["output"])
        return _Answer(row.line, row.reading.question_key, decisions, row.reading.answer_key)

    def row(self, read: _Answer) -> Iterator[Finding]:
        first = self._first.setdefault(read.question, read)
        for member, one, other in zip(DECISIVE, read.decisions, first.decisions, strict=True):
            if one != other:
                problem = f"decides otherwise than line {first.line}, which asks the same"
                yield from self._finding("contradicting_rows", read, first, problem, f"/output/{member}")
                return
        if read.answer != first.answer:
            problem = f"answers in other words than line {first.line}, which asks the same"
            yield from self._finding("differing_answers", read, first, problem, "/output")

    def end(self) -> Iterator[Finding]:
        for rule, count in self._count.items():
            if count > SHOWN:
                yield self._found(rule, f"{count - SHOWN} more rows like that")

    def _finding(
        self, rule: str, row: _Answer, first: _Answer, problem: str, pointer: str
    ) -> Iterator[Finding]:
        self._count[rule] += 1
        if self._count[rule] <= SHOWN:
            found = self._found(rule, problem, row.line, pointer)
            yield found.model_copy(update={"beside": first.line})

    def _found(self, rule: str, problem: str, line: int | None = None, pointer: str = "") -> Finding:
        severity: Severity = "error" if rule == "contradicting_rows" else "warning"
        return self._ask.finding(rule, problem, FIXES[rule], line=line, pointer=pointer, severity=severity)


def _decisions(output: Mapping[str, object]) -> tuple[bytes, ...]:
    """What an output decides, member by member of DECISIVE."""
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
