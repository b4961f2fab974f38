"""Answers with holes: what an example's answer took from its input, to be taken from a new one."""

from typing import Any, NamedTuple

from ftv4.sandbox.learner.views import Scalar, View, general
from ftv4.sandbox.learner.words import STYLES, Word, text_of


class Ref(NamedTuple):
    """A leaf of the input: the first of these paths that it has."""

    paths: tuple[str, ...]


class Words(NamedTuple):
    """A sentence in pieces: what is fixed, and what is said of the input."""

    pieces: tuple[str | Word, ...]


class Copy(NamedTuple):
    """A list of the input, whole or its first `most` items."""

    path: str
    most: int | None


class Literal(NamedTuple):
    """A value that no leaf of the input explains."""

    value: Scalar


Template = Any
"""Literal, Ref, Words, Copy, or a dict or list of templates."""


class Missing(Exception):
    """The new input has nothing to put into a hole."""


def fill(template: Template, view: View) -> Any:
    """A template with its holes filled from an input. Raises Missing where there is nothing to put."""
    match template:
        case Literal(value):
            return value
        case Ref(paths):
            return _fill_ref(paths, view)
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


def _fill_ref(paths: tuple[str, ...], view: View) -> Scalar:
    for path in paths:
        if path in view.leaves:
            return view.leaves[path]
    raise Missing


def _fill_word(word: Word, view: View) -> str:
    return STYLES[word.style](text_of(_fill_ref((word.path,), view)))
