"""Where the values of answers come from: learned from all examples, to be found again in new inputs.

A `Binder` compares all examples and learns, for every place of the answer, whether it repeats always
the same leaf of the input, some leaf of it, a whole list, or speaks of a leaf inside a sentence.
`abstract` then writes an answer as a template (`templates.py`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any

from ftv4.sandbox.learner.lists import Lists
from ftv4.sandbox.learner.templates import Copy, Items, Literal, Ref, Template, Words, text
from ftv4.sandbox.learner.views import Identities, Scalar, View, general, preference, token
from ftv4.sandbox.learner.words import Word, occurs, split, spoken, usual_styles

LONG = 8
"""Characters from which a text that is found in the input is taken to come from there."""
OFTEN = 3
"""Sentences that must hold their own example's value, and how much oftener than another's."""
AGREE = 0.6
"""Chance-corrected share of examples in which a leaf must equal its source (Cohen's kappa)."""


class Binder:
    """Where the values of answers come from, learned from all examples."""

    def __init__(self, views: Sequence[View], outputs: Sequence[Any], lists: Lists) -> None:
        self._names = Identities(outputs)
        self._habits = lists
        self._entries: dict[str, list[tuple[int, Scalar]]] = defaultdict(list)
        self._lists: dict[str, list[tuple[int, list[Scalar]]]] = defaultdict(list)
        for row, output in enumerate(outputs):
            self._gather(row, output, "")
        self._views = views
        self._sources = {place: self._source(entries) for place, entries in self._entries.items()}
        self._closed = {place for place, entries in self._entries.items() if self._is_closed(entries)}
        self._copies = {place: self._copied(lists) for place, lists in self._lists.items()}
        self._words = [list(_words(view)) for view in views]
        self._spoken = self._learn_spoken()

    # taking answers apart

    def _steps(self, items: Sequence[Any], place: str) -> Iterator[tuple[str, Any]]:
        """Each item of a list of an answer, with the place it has."""
        fixed = self._habits.fixed(general(place))
        for index, item in enumerate(items):
            named = self._names.item(general(place), item)
            step = named if named is not None else str(index) if fixed else ""
            yield f"{place}[{step}]", item

    def _gather(self, row: int, value: Any, place: str) -> None:
        if isinstance(value, dict):
            for key, part in value.items():
                self._gather(row, part, f"{place}/{key}")
        elif isinstance(value, list):
            if value and not any(isinstance(item, (dict, list)) for item in value):
                self._lists[place].append((row, value))
            for step, item in self._steps(value, place):
                self._gather(row, item, step)
        else:
            self._entries[place].append((row, value))

    # learning

    def _source(self, entries: list[tuple[int, Scalar]]) -> tuple[str, ...]:
        """The paths that a place follows through the examples, best first."""
        matches: Counter[str] = Counter()
        for row, value in entries:
            matches.update(self._views[row].tokens.get(token(value), ()))
        ranked = sorted(matches, key=lambda path: (-matches[path], *preference(path)))[:6]
        return tuple(path for path in ranked if self._follows(path, entries))[:3]

    def _follows(self, path: str, entries: list[tuple[int, Scalar]]) -> bool:
        pairs = [
            (token(value), token(self._views[row].leaves[path]))
            for row, value in entries
            if path in self._views[row].leaves
        ]
        agreed = sum(mine == theirs for mine, theirs in pairs) / len(pairs)
        mine, theirs = Counter(pair[0] for pair in pairs), Counter(pair[1] for pair in pairs)
        chance = sum(mine[value] * theirs[value] for value in mine) / len(pairs) ** 2
        if chance == 1:
            return len(pairs) == len(entries) and len(pairs[0][0]) > LONG
        return len(pairs) >= len(entries) / 2 and (agreed - chance) / (1 - chance) >= AGREE

    def _is_closed(self, entries: list[tuple[int, Scalar]]) -> bool:
        texts = [(row, value) for row, value in entries if isinstance(value, str)]
        if len(texts) < len(entries) or sum(len(text) for _, text in texts) < LONG * len(texts):
            return False
        return all(token(text) in self._views[row].tokens for row, text in texts)

    def _copied(self, lists: list[tuple[int, list[Scalar]]]) -> Copy | None:
        """The list of the input that most lists at a place repeat."""
        found: Counter[str] = Counter()
        for row, items in lists:
            for path, source in self._views[row].lists.items():
                found[path] += _same(items, source[: len(items)])
        path = min(found, key=lambda path: (-found[path], *preference(path)), default="")
        if not path or found[path] < AGREE * len(lists):
            return None
        cut = {
            len(items)
            for row, items in lists
            if len(items) < len(source := self._views[row].lists.get(path, []))
            and _same(items, source[: len(items)])
        }
        if len(cut) > 1:
            return None
        return Copy(path, cut.pop() if cut else None)

    def _learn_spoken(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """General place → the paths its sentences speak of, most surely first → how they write them."""
        grouped: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for place, entries in self._entries.items():
            texts = [(row, value) for row, value in entries if isinstance(value, str) and " " in value]
            grouped[general(place)] += texts
        return {place: self._learn_sentences(sentences) for place, sentences in grouped.items()}

    def _learn_sentences(self, sentences: list[tuple[int, str]]) -> dict[str, tuple[str, ...]]:
        own = self._spoken_in(sentences)
        held = {
            words: [{word for word in words if occurs(word, text)} for _, text in sentences]
            for words in dict.fromkeys(own.values())
        }
        rows = [row for row, _ in sentences]
        lifts = {path: lift for path, words in own.items() if (lift := self._lift(path, rows, held[words]))}
        ranked = sorted(lifts, key=lambda path: (-lifts[path], *preference(path)))
        return {path: usual_styles(list(self._beside(path, sentences))) for path in ranked}

    def _beside(self, path: str, sentences: list[tuple[int, str]]) -> Iterator[tuple[Scalar, str]]:
        for row, sentence in sentences:
            if path in self._views[row].leaves:
                yield self._views[row].leaves[path], sentence

    def _spoken_in(self, sentences: list[tuple[int, str]]) -> dict[str, frozenset[str]]:
        """Path → the values with which it is found in sentences of its own example."""
        found: dict[str, set[str]] = defaultdict(set)
        for row, sentence in sentences:
            for word, paths in self._words[row]:
                if occurs(word, sentence):
                    for path in paths:
                        found[path].add(word)
        return {path: frozenset(words) for path, words in found.items() if len(words) > 1}

    def _lift(self, path: str, rows: list[int], held: list[set[str]]) -> float:
        """How much oftener a sentence holds its own example's value than another's; 0 if hardly."""
        values = {row: spoken(self._views[row].leaves.get(path)) for row in set(rows)}
        weights = Counter(values.values())
        own = other = 0.0
        for row, words in zip(rows, held, strict=True):
            mine = values[row]
            own += mine in words
            rest = len(values) - weights[mine]
            other += sum(weights[word] for word in words if word != mine) / rest if rest else 0
        return own - other if own >= OFTEN and own > OFTEN * other else 0.0

    # writing and reading templates

    def abstract(self, row: int, value: Any, place: str = "") -> Template:
        """An example's answer as a template."""
        if isinstance(value, dict):
            return {key: self.abstract(row, part, f"{place}/{key}") for key, part in value.items()}
        if isinstance(value, list):
            copy = self._copies.get(place)
            if copy and _same(value, self._views[row].lists.get(copy.path, [])[: copy.most]):
                return copy
            steps = list(self._steps(value, place))
            parts = tuple(self.abstract(row, item, step) for step, item in steps)
            return Items(tuple(map(self._name, repeat(general(place)), value, parts)), parts)
        return self._abstract_leaf(row, value, place)

    def _name(self, place: str, item: Any, template: Template) -> str | None:
        if isinstance(item, (dict, list)):
            return self._names.item(place, item)
        return text(template)

    def _abstract_leaf(self, row: int, value: Scalar, place: str) -> Template:
        view = self._views[row]
        found = view.tokens.get(token(value), ())
        paths = tuple(path for path in self._sources.get(place, ()) if path in found)
        if place in self._closed:
            paths += tuple(sorted(set(found) - set(paths), key=preference))[:3]
        if paths:
            return Ref(paths)
        return self._abstract_words(view, value, place) if isinstance(value, str) else Literal(value)

    def _abstract_words(self, view: View, text: str, place: str) -> Template:
        pieces: list[str | Word] = [text]
        for path, styles in self._spoken.get(general(place), {}).items():
            pieces = list(split(pieces, path, styles, view.leaves.get(path)))
        return Words(tuple(pieces)) if len(pieces) > 1 else Literal(text)


def _words(view: View) -> Iterator[tuple[str, list[str]]]:
    """What sentences may speak of, with the paths it has."""
    for paths in view.tokens.values():
        if word := spoken(view.leaves[paths[0]]):
            yield word, paths


def _same(mine: Sequence[Scalar], theirs: Sequence[Scalar]) -> bool:
    return len(mine) == len(theirs) and all(map(_equal, mine, theirs))


def _equal(one: Scalar, other: Scalar) -> bool:
    return token(one) == token(other)
