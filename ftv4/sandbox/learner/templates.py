"""Answers with holes: what an example's answer took from its input, to be taken from the new one.

A `Binder` compares all examples and learns, for every place of the answer, where in the input its
value comes from: always the same leaf, some leaf of the input, a whole list, or words inside a
sentence. `abstract` then writes an answer as a template, `fill` reads a template for a new input.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ftv4.sandbox.learner.views import Identities, Scalar, View, general, token

LONG = 8
"""Characters from which a text that is found in the input is taken to come from there."""
AGREE = 0.6
"""Chance-corrected share of examples in which a leaf must equal its source (Cohen's kappa)."""
EMBEDDED = 3
"""Characters of the shortest input text that is looked for inside sentences."""


class Ref(NamedTuple):
    """A leaf of the input: the first of these paths that it has."""

    paths: tuple[str, ...]
    closed: bool
    """Whether this place never holds anything but leaves of the input."""


class Word(NamedTuple):
    """A leaf of the input as it is spoken of in a sentence."""

    path: str
    capital: bool


class Words(NamedTuple):
    """A sentence in pieces: what is fixed, and what is said of the input."""

    pieces: tuple[str | Word, ...]


class Copy(NamedTuple):
    """A list of the input, whole or its beginning."""

    path: str
    most: int | None


class Literal(NamedTuple):
    """A value that does not depend on where the input's leaves are."""

    value: Scalar


Template = Any
"""Literal, Ref, Words, Copy, or a dict or list of templates."""


class Missing(Exception):
    """The new input has nothing to put into a hole."""


class Binder:
    """Where the values of answers come from, learned from all examples."""

    def __init__(self, views: Sequence[View], outputs: Sequence[Any]) -> None:
        self._names = Identities(outputs)
        self._lengths: dict[str, set[int]] = defaultdict(set)
        self._entries: dict[str, list[tuple[int, Scalar]]] = defaultdict(list)
        self._lists: dict[str, list[tuple[int, list[Scalar]]]] = defaultdict(list)
        for output in outputs:
            self._measure(output, "")
        for row, output in enumerate(outputs):
            self._gather(row, output, "")
        self._views = views
        self._sources = {place: self._source(entries) for place, entries in self._entries.items()}
        self._closed = {place for place, entries in self._entries.items() if self._is_closed(entries)}
        self._copies = {place: self._copied(lists) for place, lists in self._lists.items()}
        self._spoken = self._learn_words()

    # taking answers apart

    def _steps(self, items: Sequence[Any], place: str) -> Iterator[tuple[str, Any]]:
        """Each item of a list of an answer, with the place it has."""
        lengths = self._lengths[general(place)]
        for index, item in enumerate(items):
            named = self._names.item(general(place), item)
            step = named if named is not None else str(index) if len(lengths) == 1 else ""
            yield f"{place}[{step}]", item

    def _measure(self, value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, part in value.items():
                self._measure(part, f"{path}/{key}")
        elif isinstance(value, list):
            self._lengths[path].add(len(value))
            for item in value:
                self._measure(item, f"{path}[]")

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
        ranked = sorted(matches, key=lambda path: (-matches[path], *_preference(path)))[:6]
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
        path = min(found, key=lambda path: (-found[path], *_preference(path)), default="")
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

    def _learn_words(self) -> dict[str, tuple[str, ...]]:
        """General place → the paths whose values are spoken of in its sentences, best first."""
        spoken: dict[str, tuple[str, ...]] = {}
        grouped: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for place, entries in self._entries.items():
            for row, value in entries:
                if isinstance(value, str) and " " in value:
                    grouped[general(place)].append((row, value))
        for place, sentences in grouped.items():
            own = self._spoken_in(sentences)
            lifts = {path: lift for path in own if (lift := self._lift(path, sentences, own[path]))}
            spoken[place] = tuple(sorted(lifts, key=lambda path: (-lifts[path], *_preference(path))))
        return spoken

    def _spoken_in(self, sentences: list[tuple[int, str]]) -> dict[str, set[str]]:
        """Path → the values with which it is found in sentences of its own example."""
        found: dict[str, set[str]] = defaultdict(set)
        for row, sentence in sentences:
            lowered = sentence.lower()
            for value, paths in self._views[row].tokens.items():
                word = _word(value)
                if word and word in lowered and _occurs(word, lowered):
                    for path in paths:
                        found[path].add(word)
        return {path: words for path, words in found.items() if len(words) > 1}

    def _lift(self, path: str, sentences: list[tuple[int, str]], words: set[str]) -> float:
        """How much oftener a sentence holds its own example's value than another's; 0 if hardly."""
        values = {
            row: _word(token(self._views[row].leaves.get(path))) for row in {row for row, _ in sentences}
        }
        weights = Counter(values.values())
        own = other = 0.0
        for row, sentence in sentences:
            lowered = sentence.lower()
            held = {word for word in words if word in lowered and _occurs(word, lowered)}
            mine = values[row]
            own += mine in held
            rest = len(values) - weights[mine]
            other += sum(weights[word] for word in held if word != mine) / rest if rest else 0
        return own - other if own >= 3 and own > 3 * other else 0.0

    # writing and reading templates

    def abstract(self, row: int, value: Any, place: str = "") -> Template:
        """An example's answer as a template."""
        if isinstance(value, dict):
            return {key: self.abstract(row, part, f"{place}/{key}") for key, part in value.items()}
        if isinstance(value, list):
            copy = self._copies.get(place)
            if copy and _same(value, self._views[row].lists.get(copy.path, [])[: copy.most]):
                return copy
            return [self.abstract(row, item, step) for step, item in self._steps(value, place)]
        return self._abstract_leaf(row, value, place)

    def _abstract_leaf(self, row: int, value: Scalar, place: str) -> Template:
        view = self._views[row]
        found = view.tokens.get(token(value), ())
        paths = tuple(path for path in self._sources.get(place, ()) if path in found)
        closed = place in self._closed
        if closed:
            paths += tuple(sorted(set(found) - set(paths), key=_preference))[:3]
        if paths:
            return Ref(paths, closed)
        return self._abstract_words(view, value, place) if isinstance(value, str) else Literal(value)

    def _abstract_words(self, view: View, text: str, place: str) -> Template:
        pieces: list[str | Word] = [text]
        for path in self._spoken.get(general(place), ()):
            word = _word(token(view.leaves.get(path)))
            if word:
                pieces = [part for piece in pieces for part in _split(piece, word, path)]
        return Words(tuple(pieces)) if len(pieces) > 1 else Literal(text)


def fill(template: Template, view: View) -> Any:
    """A template with its holes filled from an input. Raises Missing where there is nothing to put."""
    match template:
        case Literal(value):
            return value
        case Ref():
            return _fill_ref(template, view)
        case Words(pieces):
            return "".join(piece if isinstance(piece, str) else _fill_word(piece, view) for piece in pieces)
        case Copy(path, most):
            return list(view.lists.get(path, []))[:most]
        case dict():
            return {key: fill(part, view) for key, part in template.items()}
    return _fill_list(template, view)


def _fill_list(items: list[Template], view: View) -> list[Any]:
    """What can be filled; if nothing of a list can, the first of the input that it could have been."""
    filled = []
    for item in items:
        try:
            filled.append(fill(item, view))
        except Missing:
            continue
    if not filled and items and isinstance(items[0], Ref):
        first = view.first(general(items[0].paths[0]))
        return [] if first is None else [first]
    return filled


def _fill_ref(ref: Ref, view: View) -> Scalar:
    for path in ref.paths:
        if path in view.leaves:
            return view.leaves[path]
    raise Missing


def _fill_word(word: Word, view: View) -> str:
    if word.path not in view.leaves:
        raise Missing
    text = _word(token(view.leaves[word.path]), shortest=1)
    return text[:1].upper() + text[1:] if word.capital else text


def _split(piece: str | Word, word: str, path: str) -> Iterator[str | Word]:
    """A fixed piece, cut where a word of the input stands in it."""
    if isinstance(piece, Word):
        yield piece
        return
    end = 0
    for match in re.finditer(_bounded(word), piece, re.IGNORECASE):
        if match.start() > end:
            yield piece[end : match.start()]
        yield Word(path, match[0][0].isupper())
        end = match.end()
    if end < len(piece):
        yield piece[end:]


def _word(value: str, shortest: int = EMBEDDED) -> str:
    """A leaf token as it is spoken of in a sentence: `home_services` as `home services`."""
    word = value.removeprefix('"').replace("_", " ").lower()
    return word if len(word) >= shortest and value not in ("True", "False", "None") else ""


def _bounded(word: str) -> str:
    return rf"(?<!\w){re.escape(word)}(?!\w)"


def _occurs(word: str, text: str) -> bool:
    return re.search(_bounded(word), text) is not None


def _same(mine: Sequence[Scalar], theirs: Sequence[Scalar]) -> bool:
    return len(mine) == len(theirs) and all(map(_equal, mine, theirs))


def _equal(one: Scalar, other: Scalar) -> bool:
    return token(one) == token(other)


def _preference(path: str) -> tuple[int, int, str]:
    """Of two sources equally right: the one by identity before the one by index, then the shorter."""
    return (len(re.findall(r"\[\d+\]", path)), len(path), path)
