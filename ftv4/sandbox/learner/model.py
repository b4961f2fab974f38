"""A learned model: examples in, answers to new inputs out."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from ftv4.canonical import canonical
from ftv4.sandbox.learner.binding import Binder
from ftv4.sandbox.learner.columns import Codes, Columns
from ftv4.sandbox.learner.lists import Lists
from ftv4.sandbox.learner.outline import Part, outline
from ftv4.sandbox.learner.tables import Pairs, Table, gains, learn_table, pick
from ftv4.sandbox.learner.templates import Missing, fill
from ftv4.sandbox.learner.views import Identities, View

MOST = 400
"""Examples learned from; of more, as many evenly spread ones."""
OWN = 0.01
"""How much better a part must be answered by an example of its own than by its whole's."""
Step = str | int


class Learned:
    """What a training file taught: answers any input like the examples it is most like."""

    def __init__(self, examples: Sequence[tuple[str, str]]) -> None:
        kept = _spread(examples)
        inputs = [_read(user) for user, _ in kept]
        self.outputs = [orjson.loads(text) if _is_json(text) else text for _, text in kept]
        self._plain = [not _is_json(text) for _, text in kept]
        self._identities = Identities(inputs)
        views = [self._identities.view(value) for value in inputs]
        self.columns = Columns(views)
        self.pairs = Pairs(self.columns.codes)
        self.lists = Lists(self.outputs)
        binder = Binder(views, self.outputs, self.lists)
        self.templates = [binder.abstract(row, output) for row, output in enumerate(self.outputs)]
        self._shape = outline(self.templates)
        self._tables = self._learn_tables()
        self.own: set[int] = set()
        """Parts (by `id`) that follow an example of their own; the others follow their whole's."""
        chosen = self.table(self._shape).chosen
        self.scores = [round(float(score), 4) for score in self._decide(self._shape, chosen)]
        """For each example kept, how like its answer is to what the others would have it be (0 to 1)."""
        self.first_scores = self._first_scores()
        """The same, from its nearest example among those before it."""

    # learning

    def _learn_tables(self) -> dict[bytes, Table]:
        """A table for each part whose answers vary; parts that vary alike share one."""
        squares = {part.mark: part.same for part in self._shape.walk() if part.same.min() < 1}
        squares = squares or {self._shape.mark: self._shape.same}
        told = np.array([gains(self.pairs, same) for same in squares.values()])
        self.pairs.weigh(np.maximum(told, 0).mean(axis=0))
        self._near = self.pairs.near_all()
        return {mark: learn_table(self.pairs, same, self._near) for mark, same in squares.items()}

    def table(self, part: Part) -> Table:
        """How a part whose answers vary is decided."""
        return self._tables[part.mark]

    def _decide(self, part: Part, chosen: Codes) -> NDArray[np.float32]:
        """Settle which parts follow examples of their own; give back each example's score."""
        rows = np.arange(len(chosen))
        if part.same.min() < 1:
            own = self.table(part).chosen
            if part is self._shape or part.same[rows, own].mean() > part.same[rows, chosen].mean() + OWN:
                self.own.add(id(part))
                chosen = own
        if not part.parts:
            return np.asarray(part.same[rows, chosen], dtype=np.float32)
        scores = [self._decide(inner, chosen) for inner in part.parts.values()]
        return np.asarray(sum(scores) / np.float32(len(scores)), dtype=np.float32)

    def _first_scores(self) -> list[float]:
        nearest = [int(self._near[row, :row].argmax()) if row else -1 for row in range(len(self.outputs))]
        return [
            0.0 if other < 0 else round(float(self._shape.same[row, other]), 4)
            for row, other in enumerate(nearest)
        ]

    # answering

    def answer(self, user: str) -> str:
        """The answer to a user text: canonical JSON, or plain text where that was taught."""
        question = Question(self, self._identities.view(_read(user)))
        value = question.make(self._shape, (), -1)
        plain = isinstance(value, str) and self._plain[question.row]
        return value if plain else canonical(value)


class Question:
    """One input being answered."""

    def __init__(self, learned: Learned, view: View) -> None:
        self._learned = learned
        self._view = view
        self._asked = learned.columns.encode(view)
        self._near = learned.pairs.near(self._asked)
        self.row = -1
        """The example that the answer as a whole follows; -1 is as good as any where all are alike."""

    def make(self, part: Part, path: tuple[Step, ...], row: int) -> Any:
        """The answer's value at a path, like that example or one that suits the part better."""
        learned = self._learned
        if id(part) in learned.own:
            columns = learned.table(part).columns
            row = pick(learned.pairs, columns, self._asked, self._near, part.same)
        if not path:
            self.row = row
        if not part.parts:
            return self._fill(path, row)
        made = {step: self.make(inner, (*path, step), row) for step, inner in part.parts.items()}
        if isinstance(next(iter(made)), str):
            return made
        items = list(made.values())
        return items if learned.lists.fits(path, items) else self._fill(path, row)

    def _fill(self, path: tuple[Step, ...], row: int) -> Any:
        """What that example has at a path, for this input; else what the next nearest has."""
        for other in [row, *np.argsort(-self._near, kind="stable")]:
            try:
                value = fill(_at(self._learned.templates[int(other)], path), self._view)
            except Missing:
                continue
            return self._learned.lists.mend(path, value, self._alternatives(path))
        return _at(self._learned.outputs[row], path)

    def _alternatives(self, path: tuple[Step, ...]) -> Iterator[Any]:
        """What the other examples have there, nearest first."""
        for other in np.argsort(-self._near, kind="stable"):
            try:
                yield fill(_at(self._learned.templates[int(other)], path), self._view)
            except Missing:
                continue


def _at(value: Any, path: tuple[Step, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def _spread(examples: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    step = max(1.0, len(examples) / MOST)
    return [examples[int(number * step)] for number in range(min(len(examples), MOST))]


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _read(text: str) -> Any:
    """A text as JSON; one that isn't, as the words it has."""
    if _is_json(text):
        return orjson.loads(text)
    return {"text": text, "words": sorted(set(re.findall(r"\w+", text.lower())))}


def learn(examples: Sequence[tuple[str, str]]) -> Learned:
    """Learn from pairs of user and assistant text."""
    return Learned(examples)
