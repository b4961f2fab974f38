"""Is no eval case taught?

A model that has been taught a case's answer passes the case and nothing else. A row gives a case away when

* it asks what the case asks, in the same industry (`eval_question`), whatever it answers;
* its answer is the case's, or nearly, whatever it asks and whoever else says so (`eval_answer`);
* it has the case's signals and most of its answer, in whatever phrases (`eval_answer`); or
* its answer has most of the 13-word stretches of the case's answer that no other answer has (`eval_answer`);
  of the 8-word stretches, that is a warning (`eval_overlap`).

Compared are letters, as people see them; "13 words" are 64 letters, "8 words" 40. A stretch that two cases
or two different answers of the dataset have is a common phrase: cases and rows that are written by the
same people share them, so a single one blocks nothing here, as it would where texts are from the web
(GPT-3, lm-eval). What counts is that one case's own answer comes back. The shares are in the policy.

How far that tells them apart is measured: the shipped rows have 75 to 100 % of a shipped case's 8-word
stretches between them, and one row may be as like a case as 0.81. So an answer that comes back whole is
found, and a few words changed don't hide it; parts of one, among other phrases of the same people, can't be
told from a row of theirs (`benchmarks/planted_cases.py`).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from ftv4.contracts.findings import Finding, Severity
from ftv4.gates.diversity import percent
from ftv4.gates.evidence import likeness, quoted
from ftv4.gates.lines import Lines
from ftv4.gates.question import Ask, Judged, Question
from ftv4.gates.reading import Reading

if TYPE_CHECKING:
    from ftv4.gates.stretches import Hashes

FIXES: Mapping[str, str] = {
    "eval_question": "delete the row: the eval asks this",
    "eval_answer": "delete the row: it gives the case's answer away",
    "eval_overlap": "compare the row with the case; delete it when the one was made from the other",
}
"""Rule → what to do about it."""

SHOWN = 20
"""Further lines listed of rows with one answer."""
TOGETHER = 512
"""Rows that are looked up together."""
LONG = 13
"""Words of the stretches that block."""
QUOTED = 120
"""Characters of evidence."""
SIGNALS = "/input/evidence_index/refs"
"""Where a row says what is asked of it."""


class _Row(NamedTuple):
    """A row as it is compared with the cases."""

    line: int
    answer: bytes
    """Its key; equal keys, equal answers."""
    stretches: bytes
    """As `References.find` gives them."""
    case: int | None
    """The case whose question it asks."""
    given: tuple[tuple[int, str], ...]
    """Cases whose answers it gives, and what tells so."""

    @property
    def told(self) -> set[int]:
        """Cases that it is reported for."""
        return {case for case, _ in self.given} | ({self.case} if self.case is not None else set())


class _Leaks:
    """Kept: some 22 bytes of each different answer, and what `References` keeps of the cases."""

    def __init__(self, ask: Ask) -> None:
        from ftv4.gates.first import First
        from ftv4.gates.stretches import Originals, References, stretches_of

        self._ask = ask
        self._limits = ask.policy.gates.contamination
        self._cases = [Reading({"input": case.input, "output": case.output}) for case in ask.cases]
        self._questions = {case.question_key: place for place, case in enumerate(self._cases)}
        self._signals: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for place, case in enumerate(self._cases):
            self._signals[case.signals].append(place)
        self._stretches_of = stretches_of
        answers = [case.answer for case in self._cases]
        self._references = References(answers)
        self._originals = Originals(answers, self._limits.min_similarity)
        self._first = First()
        self._again: dict[int, Lines] = {}
        """Line where an answer came first → those where it came again."""
        self._told: defaultdict[int, set[int]] = defaultdict(set)
        """Line where an answer came first → cases that the rows with it are reported for already."""
        self._unsettled: list[_Row] = []

    def read(self, row: Judged) -> _Row | None:
        if not row.accepted or not self._cases:
            return None
        stretches = self._stretches_of(row.reading.answer)
        copied = dict(self._copied(row.reading, stretches))
        return _Row(
            row.line,
            row.reading.answer_key,
            self._references.find(stretches),
            self._questions.get(row.reading.question_key),
            tuple((dict(self._covered(row.reading, stretches)) | copied).items()),
        )

    def _copied(self, row: Reading, stretches: "Hashes") -> Iterator[tuple[int, str]]:
        """Cases whose whole answer the row gives."""
        for place, similarity in self._originals.like(row.answer, row.sketch):
            case = self._cases[place]
            like = f", but for a few words (similarity {likeness(similarity)})"
            shown = case.excerpt(*self._references.longest(stretches, place))
            yield (
                place,
                f"gives its answer{like if row.answer != case.answer else ''}: {quoted(shown, QUOTED)}",
            )

    def _covered(self, row: Reading, stretches: "Hashes") -> Iterator[tuple[int, str]]:
        """Cases with the row's signals, most of whose answer it has."""
        for place in self._signals.get(row.signals, ()):
            share = self._references.covered(stretches, place)
            if share >= self._limits.min_answer_share:
                yield place, f"has its signals and {percent(share)} of the 8-word stretches of its answer"

    def row(self, read: _Row) -> Iterator[Finding]:
        if read.case is not None:
            yield self._finding("eval_question", read.case, read.line, self._asked(read.case))
        for case, problem in read.given:
            if case != read.case:
                yield self._finding("eval_answer", case, read.line, problem)
        self._unsettled.append(read)
        if len(self._unsettled) >= TOGETHER:
            self._settle()

    def _settle(self) -> None:
        """Note who said first what the waiting rows say: of many at once, which is quicker."""
        rows, self._unsettled = self._unsettled, []
        firsts = self._first.of([row.answer for row in rows], [row.line for row in rows])
        for row, first in zip(rows, firsts, strict=True):
            if first == row.line:
                self._references.see(row.stretches, first)
            else:
                self._again.setdefault(first, Lines(SHOWN)).add(row.line)
            if told := row.told:
                self._told[first] |= told

    def end(self) -> Iterator[Finding]:
        self._settle()
        for found in self._references.overlaps(self._limits.min_answer_share, self._limits.min_warned_share):
            if found.reference not in self._told[found.number]:
                shown = self._cases[found.reference].excerpt(*found.letters)
                problem = (
                    f"has {percent(found.share)} of the {found.words}-word stretches of its answer, "
                    f"which nobody else has: {quoted(shown, QUOTED)}{self._others(found.number)}"
                )
                rule = "eval_answer" if found.words == LONG else "eval_overlap"
                yield self._finding(rule, found.reference, found.number, problem)

    def _others(self, first: int) -> str:
        again = self._again.get(first)
        return f"; so do{'es' * (len(again) == 1)} {again}" if again else ""

    def _asked(self, case: int) -> str:
        industry = self._cases[case].industry
        return f"asks what it asks: the same context and signals, industry {quoted(industry, QUOTED)}"

    def _finding(self, rule: str, case: int, line: int, problem: str) -> Finding:
        text = f"eval case {self._ask.cases[case].case_id}: the row {problem}"
        severity: Severity = "warning" if rule == "eval_overlap" else "error"
        pointer = SIGNALS if rule == "eval_question" else "/output"
        return self._ask.finding(rule, text, FIXES[rule], line=line, pointer=pointer, severity=severity)


def start(ask: Ask) -> Question:
    """Compare accepted rows with the stage's eval cases."""
    return _Leaks(ask)
