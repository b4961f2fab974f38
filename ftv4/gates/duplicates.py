"""Does every row say something that no other row says?

A row is a copy when its answer and its signals are another row's: letter for letter in `duplicate_rows`,
in most of its text in `near_duplicate_rows`. Compared is what people see, without case, spaces and
punctuation, so that a copy stays one however it is spelled (weaknesses.md B1; threats-and-faults.md 53).
Names, dates, the industry's name and the model's stamp don't count. Rows of one stage share phrases, and
different signals may well have the same answer; but not most of a dataset's (weaknesses.md B2, B3), which
is `repeated_answers`. Copies are shown with what they are copies of, and how like it they are.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from ftv4.contracts.findings import Finding, Severity
from ftv4.gates.diversity import percent
from ftv4.gates.evidence import likeness, quoted
from ftv4.gates.lines import Lines
from ftv4.gates.question import Ask, Judged, Question
from ftv4.gates.reading import Reading, key

if TYPE_CHECKING:
    from ftv4.gates.first import Places

FIXES: Mapping[str, str] = {
    "duplicate_rows": "keep one of them and delete the other lines",
    "near_duplicate_rows": "keep the best of them, or have the others say what is different about them",
    "near_duplicate_share": "delete near copies until fewer than that are left",
    "repeated_answers": "add rows with other answers, or leave some of these out",
}
"""Rule → what to do about it."""

SHOWN = 20
"""Copies listed of one row; the rest is counted."""
MOST = 200
"""Rows with copies that are listed; the rest is counted."""
HEADLINE = 1000
"""Characters of a headline that are kept: enough to tell whether it is private."""
TOGETHER = 512
"""Rows that are compared together."""


class _Row(NamedTuple):
    """A row as it is compared with others."""

    line: int
    industry: str
    signals: bytes
    answer: bytes
    """Keys of both; equal keys, equal texts."""
    sketch: bytes
    """Of the answer."""
    bands: bytes
    """Of the sketch, for answers to the same signals."""
    wide_bands: bytes
    """For all answers."""
    headline: str
    """What people read of the answer first, cut."""


@dataclass
class _Cluster:
    """A row and its copies."""

    count: int = 0
    copies: list[tuple[int, float | None]] = field(default_factory=list)
    """Of the first of them the line, and how similar it is; None: it is equal."""

    def add(self, line: int, similarity: float | None = None) -> None:
        self.count += 1
        if len(self.copies) < SHOWN:
            self.copies.append((line, similarity))


@dataclass
class _Repeated:
    """An answer that several rows give."""

    headline: str
    lines: Lines = field(default_factory=Lines)
    """After the first."""


def teaches(value: object) -> bytes:
    """Names what a row teaches: rows of one name are copies to this gate."""
    reading = Reading(value)
    return _signals(reading) + reading.answer_key


def _signals(reading: Reading) -> bytes:
    return key(" ".join(reading.signals).encode())


class _Copies:
    """Kept: a key for each different row, a sketch for each row unlike the others, and the copies shown."""

    def __init__(self, ask: Ask) -> None:
        from ftv4.gates.first import First
        from ftv4.gates.neighbours import Neighbours, Sketches
        from ftv4.gates.stretches import ALIKE, bands

        self._ask = ask
        self._limits = ask.policy.gates.duplicates
        self._bands = bands
        self._rows = 0
        self._first, self._answer_of = First(), First()
        self._again: dict[int, _Repeated] = {}
        """Line → where its answer was given after it."""
        self._sketches = Sketches()
        self._same_signals = Neighbours(self._sketches, self._limits.min_similarity, ALIKE)
        self._any_signals = Neighbours(self._sketches, ALIKE, ALIKE)
        self._exact: dict[int, _Cluster] = {}
        self._near: dict[int, _Cluster] = {}
        self._unsettled: list[_Row] = []

    def read(self, row: Judged) -> _Row | None:
        if not row.accepted:
            return None
        signals, sketch = _signals(row.reading), row.reading.sketch
        return _Row(
            row.line,
            row.reading.industry,
            signals,
            row.reading.answer_key,
            sketch,
            *self._bands(sketch, signals),
            self._headline(row.value),
        )

    def row(self, read: _Row) -> Iterable[Finding]:
        self._rows += 1
        self._unsettled.append(read)
        if len(self._unsettled) >= TOGETHER:
            self._settle()
        return ()

    def _settle(self) -> None:
        """Compare the rows that wait: many at once, which is quicker."""
        rows, self._unsettled = self._unsettled, []
        new = list(self._not_copied(rows))
        places = self._sketches.add([(row.line, row.sketch, row.industry) for row in new])
        nearest = self._same_signals.nearest(places, [row.bands for row in new])
        for row, near in zip(new, nearest, strict=True):
            if near:
                self._near.setdefault(near.line, _Cluster()).add(row.line, near.similarity)
        self._hear(new, places)
        for row, first in zip(rows, self._answer_of.find([row.answer for row in rows]), strict=True):
            if first != row.line:
                self._again.setdefault(first, _Repeated(row.headline)).lines.add(row.line)

    def _not_copied(self, rows: list[_Row]) -> Iterator[_Row]:
        """Those that nobody has said before."""
        firsts = self._first.of([row.signals + row.answer for row in rows], [row.line for row in rows])
        for row, first in zip(rows, firsts, strict=True):
            if first == row.line:
                yield row
            else:
                self._exact.setdefault(first, _Cluster()).add(row.line)

    def _hear(self, new: list[_Row], places: "Places") -> None:
        """Find out which answers are new, and which are another one but for a few words."""
        firsts = {row.answer: place for place, row in reversed([*enumerate(new)])}
        known = self._answer_of.find([*firsts])
        unheard = sorted(place for place, line in zip(firsts.values(), known, strict=True) if line < 0)
        answers = [new[place] for place in unheard]
        nearest = self._any_signals.nearest(places[unheard], [row.wide_bands for row in answers])
        lines = [near.line if near else row.line for row, near in zip(answers, nearest, strict=True)]
        self._answer_of.add([row.answer for row in answers], lines)

    def end(self) -> Iterator[Finding]:
        self._settle()
        yield from self._copied()
        yield from self._clusters("duplicate_rows", self._exact, "the same")
        yield from self._clusters("near_duplicate_rows", self._near, "nearly the same")
        near, most = self._totals()
        yield from self._over("near_duplicate_share", near, "are near copies", self._limits.max_near_share)
        if most > 1:
            limit = self._limits.max_repeated_share
            yield from self._over("repeated_answers", most, "give one answer", limit, self._most_repeated())

    def _copied(self) -> Iterator[Finding]:
        """What all clusters come to, where there are several."""
        if len(self._exact) > 1:
            count = sum(cluster.count for cluster in self._exact.values())
            problem = f"{count} of {self._rows} rows are copies; without them {self._rows - count} are left"
            yield self._ask.finding("duplicate_rows", problem, FIXES["duplicate_rows"])

    def measured(self) -> dict[str, float]:
        self._settle()
        near, most = self._totals()
        shares = {"near_share": near} | ({"repeated_share": most} if most > 1 else {})
        return {name: count / self._rows for name, count in shares.items() if self._rows}

    def _totals(self) -> tuple[int, int]:
        """Rows that are near copies, and those that give the most frequent answer."""
        near = sum(cluster.count for cluster in self._near.values())
        again = (len(repeated.lines) for repeated in self._again.values())
        return near, max(again, default=0) + (self._rows > 0)

    def _most_repeated(self) -> str:
        """The answer that is given most often, and where."""
        first, repeated = max(self._again.items(), key=lambda item: len(item[1].lines))
        return f"; line {first}, and again {repeated.lines}: {quoted(repeated.headline, 120)}"

    def _headline(self, row: Any) -> str:
        if self._ask.stage is None or not isinstance(row, dict):
            return ""
        return self._ask.stage.headline_of(row.get("output"))[:HEADLINE]

    def _clusters(self, rule: str, clusters: dict[int, _Cluster], like: str) -> Iterator[Finding]:
        severity: Severity = "error" if rule == "duplicate_rows" else "warning"
        for first, cluster in islice(clusters.items(), MOST):
            problem = f"says {like} as line {first}{_others(cluster)}"
            yield self._ask.finding(rule, problem, FIXES[rule], line=cluster.copies[0][0], severity=severity)
        more = [cluster.count for cluster in islice(clusters.values(), MOST, None)]
        if more:
            problem = f"{len(more)} more rows have copies, {sum(more)} in all"
            yield self._ask.finding(rule, problem, FIXES[rule], severity=severity)

    def _over(self, rule: str, count: int, what: str, limit: float, more: str = "") -> Iterator[Finding]:
        if count > limit * self._rows:
            shares = f"{percent(count / self._rows)}; at most {percent(limit)}"
            yield self._ask.finding(rule, f"{count} of {self._rows} rows {what}: {shares}{more}", FIXES[rule])


def _others(cluster: _Cluster) -> str:
    """How like the first copy is, and which further ones there are."""
    first, *others = cluster.copies
    text = _likeness(first[1])
    if others:
        text += f"; so do lines {', '.join(f'{line}{_likeness(like)}' for line, like in others)}"
    more = cluster.count - len(cluster.copies)
    return text + (f" and {more} more" if more else "")


def _likeness(similarity: float | None) -> str:
    return "" if similarity is None else f" (similarity {likeness(similarity)})"


def start(ask: Ask) -> Question:
    """Compare accepted rows."""
    return _Copies(ask)
