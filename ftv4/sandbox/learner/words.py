"""How leaves of an input are spoken of in sentences: `home_services` as `home services`, `Home services`."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from ftv4.sandbox.learner.views import Scalar

SHORTEST = 3
"""Characters of the shortest leaf that is looked for inside sentences."""


class Word(NamedTuple):
    """A leaf of the input as it is written in a sentence, in one of `STYLES`."""

    path: str
    style: str


def _spaced(text: str) -> str:
    return text.replace("_", " ")


@lru_cache(maxsize=4096)
def _small(text: str) -> str:
    return _spaced(text).lower()


STYLES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "spaced": _spaced,
    "small": _small,
    "capital": lambda text: _spaced(text)[:1].upper() + _spaced(text)[1:],
    "all capitals": lambda text: _spaced(text).upper(),
}
"""How a sentence may write a leaf."""


def text_of(leaf: Scalar) -> str:
    """A leaf as text: whole numbers without a fraction, as JSON writes them."""
    return str(int(leaf)) if isinstance(leaf, float) and leaf.is_integer() else str(leaf)


def spoken(leaf: Scalar) -> str:
    """What to look for in sentences; empty for leaves too short or too plain to tell."""
    text = "" if leaf is None or isinstance(leaf, bool) else _small(text_of(leaf))
    return text if len(text) >= SHORTEST else ""


def occurs(word: str, sentence: str) -> bool:
    """Whether a sentence holds a word on its own, in any style."""
    return word in _small(sentence) and _alone(word).search(sentence) is not None


def usual_styles(pairs: Sequence[tuple[Scalar, str]]) -> tuple[str, ...]:
    """The styles in which sentences write their leaves, the most usual first."""
    texts = [(text_of(leaf), sentence) for leaf, sentence in pairs]
    return tuple(sorted(STYLES, key=lambda name: -sum(STYLES[name](text) in said for text, said in texts)))


def split(
    pieces: Iterable[str | Word], path: str, styles: Sequence[str], leaf: Scalar
) -> Iterator[str | Word]:
    """A sentence in pieces, cut further wherever it writes this leaf in one of the styles."""
    word = spoken(leaf)
    for piece in pieces:
        if word and isinstance(piece, str):
            writings = {STYLES[name](text_of(leaf)): name for name in reversed(styles)}
            yield from _cut(piece, word, path, writings)
        else:
            yield piece


def _cut(piece: str, word: str, path: str, writings: Mapping[str, str]) -> Iterator[str | Word]:
    end = 0
    for match in _alone(word).finditer(piece):
        if style := writings.get(match[0]):
            if match.start() > end:
                yield piece[end : match.start()]
            yield Word(path, style)
            end = match.end()
    if end < len(piece):
        yield piece[end:]


@lru_cache(maxsize=4096)
def _alone(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(word)}(?!\w)".replace(r"\ ", "[ _]"), re.IGNORECASE)
