"""A learned model: examples in, answers to new inputs out."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import orjson

from ftv4.canonical import canonical
from ftv4.sandbox.learner.binding import Binder
from ftv4.sandbox.learner.columns import Codes, Columns
from ftv4.sandbox.learner.lists import Lists
from ftv4.sandbox.learner.outline import Part, outline
from ftv4.sandbox.learner.tables import Numbers, Pairs, Table, gains, learn_table, pick
from ftv4.sandbox.learner.templates import Missing, fill
from ftv4.sandbox.learner.views import Identities, View

MOST = 240
"""Examples learned from; of more, as many evenly spread ones."""
OWN = 0.01
"""How much better a part must be answered by an example of its own than by its whole's."""
SURE = 0.999
"""From where on it is known what decides a part, and no other part has a say."""


class Learned:
    """What a training file taught: answers any input like the examples it is most like."""

    def __init__(self, examples: Sequence[tuple[str, str]]) -> None:
        kept = _spread(examples)
        inputs = [_read(user) for user, _ in kept]
        outputs = [orjson.loads(text) if _is_json(text) else text for _, text in kept]
        self._plain = [not _is_json(text) for _, text in kept]
        self._identities = Identities(inputs)
        self.views = [self._identities.view(value) for value in inputs]
        self.columns = Columns(self.views)
        self.pairs = Pairs(self.columns.codes)
        self.lists = Lists(outputs)
        binder = Binder(self.views, outputs, self.lists)
        templates = [binder.abstract(row, output) for row, output in enumerate(outputs)]
        self._shape = outline(templates, np.arange(len(templates)))
        self._weigh()
        self._near = self.pairs.near_all()
        self._tables: dict[bytes, Table] = {}
        self.own: set[int] = set()
        """Parts (by `id`) that follow an example of their own; the others follow their whole's."""
        self.composed: set[int] = set()
        """Lists (by `id`) whose items are decided one by one."""
        self.scores = [round(float(score), 4) for score in self._decide(self._shape, None)]
        """For each example kept, how like its answer is to what the others would have it be (0 to 1)."""
        self.first_scores = self._first_scores()
        """The same, from its nearest example among those before it."""

    # learning

    def _weigh(self) -> None:
        """Let inputs be near by what tells most about answers."""
        whole = [part for part in self._shape.walk() if part.varies and len(part.rows) == len(self.views)]
        told = [gains(self.pairs, same) for same in {part.mark: part.same for part in whole}.values()]
        if told and len(self.pairs.codes):
            self.pairs.weigh(np.maximum(told, 0).mean(axis=0))

    def _learn(self, part: Part, same: Numbers) -> Table:
        return learn_table(self.pairs.only(part.rows), same, self._near[np.ix_(part.rows, part.rows)])

    def table(self, part: Part) -> Table:
        """How a part is decided; parts that vary alike share one."""
        if part.mark not in self._tables:
            self._tables[part.mark] = self._learn(part, part.same)
        return self._tables[part.mark]

    def _decide(self, part: Part, chosen: Codes | None) -> Numbers:
        """Settle which parts follow examples of their own; give back each example's score."""
        rows = np.arange(len(part.rows))
        if not part.varies:
            return np.ones(len(rows), dtype=np.float32)
        own = self.table(part).chosen
        alone = part.same[rows, own].mean()
        if chosen is None or alone > min(part.same[rows, chosen].mean() + OWN, SURE):
            self.own.add(id(part))
            chosen = own
        scores = part.same[rows, chosen]
        if part.parts:
            scores = np.mean([self._decide(inner, chosen) for inner in part.parts.values()], axis=0)
        return self._compose(part, chosen, scores)

    def _compose(self, part: Part, chosen: Codes, scores: Numbers) -> Numbers:
        """Settle whether a list's items are decided one by one."""
        if part.roster is None:
            return scores
        part.roster.learn(lambda same: self._learn(part, same))
        if not part.roster.tables:
            return scores
        alone, alike = part.roster.scores(chosen)
        if alone.mean() <= (scores if part.parts else alike).mean():
            return scores
        self.composed.add(id(part))
        for member in part.members.values():
            self._decide(member, None)
        return alone

    def _first_scores(self) -> list[float]:
        nearest = [int(self._near[row, :row].argmax()) for row in range(1, len(self.views))]
        same = [float(self._shape.same[row, other]) for row, other in enumerate(nearest, start=1)]
        return [0.0, *(round(score, 4) for score in same)]

    # answering

    def answer(self, user: str) -> str:
        """The answer to a user text: canonical JSON, or plain text where that was taught."""
        question = Question(self, self._identities.view(_read(user)))
        value = question.make(self._shape, 0)
        plain = isinstance(value, str) and self._plain[question.row]
        return value if plain else canonical(value)


class Question:
    """One input being answered."""

    def __init__(self, learned: Learned, view: View) -> None:
        self._learned = learned
        self._view = view
        self._asked = learned.columns.encode(view)
        self._near = learned.pairs.near(self._asked)
        self.row = 0
        """The example that the answer as a whole follows."""

    def make(self, part: Part, at: int) -> Any:
        """A part's value, like the example at that position of the part, or one that suits it better."""
        learned = self._learned
        if id(part) in learned.own:
            at = pick(self._weigh(part, learned.table(part)), part.same)
        if not part.place:
            self.row = at
        if id(part) in learned.composed and (items := self._compose(part)):
            return items
        if not part.parts:
            return self._fill(part, at)
        made = {step: self.make(inner, at) for step, inner in part.parts.items()}
        if isinstance(next(iter(made)), str):
            return made
        items = list(made.values())
        return items if learned.lists.fits(part.place, items) else self._fill(part, at)

    def _weigh(self, part: Part, table: Table) -> Numbers:
        """How much each example's vote counts: by nearness in its cell, not at all outside."""
        codes, near = self._learned.pairs.codes[:, part.rows], self._near[part.rows]
        return table.cell(codes, self._asked) * near

    def _compose(self, part: Part) -> list[Any] | None:
        """A list whose every item was decided on its own; None when it can't be one."""
        names = part.roster.call(lambda table: self._weigh(part, table)) if part.roster else None
        items = [self.make(part.members[name], 0) for name in names or ()]
        return items if items and self._learned.lists.fits(part.place, items) else None

    def _fill(self, part: Part, at: int) -> Any:
        """What that example has there, for this input; else what the next nearest has."""
        for other in [at, *self._nearest(part)]:
            try:
                value = fill(part.templates[other], self._view)
            except Missing:
                continue
            return self._learned.lists.mend(part.place, value, self._alternatives(part))
        return fill(part.templates[at], self._learned.views[part.rows[at]])

    def _alternatives(self, part: Part) -> Iterator[Any]:
        """What the other examples have there, nearest first."""
        for other in self._nearest(part):
            try:
                yield fill(part.templates[other], self._view)
            except Missing:
                continue

    def _nearest(self, part: Part) -> list[int]:
        return [int(at) for at in np.argsort(-self._near[part.rows], kind="stable")]


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
