"""Answers with holes: what an example's answer took from its input, to be taken from a new one."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ftv4.sandbox.learner.views import Scalar, View, general, token
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


class Items(NamedTuple):
    """A list: templates, and the name that each goes by in other lists, if it has one."""

    names: tuple[str | None, ...]
    parts: tuple[Any, ...]


Template = Any
"""Literal, Ref, Words, Copy, Items, or a dict of templates."""


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
        case Items(_, parts):
            return fill_items(parts, view)
    return {key: fill(part, view) for key, part in template.items()}


def fill_items(items: Sequence[Template], view: View) -> list[Any]:
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


def holdings(template: Template, path: str = "") -> Iterator[str]:
    """What a template holds, each as one text; list items count half by being there, half by where."""
    if isinstance(template, dict):
        yield path + "{"
        for key, part in template.items():
            yield from holdings(part, f"{path}/{key}")
    elif isinstance(template, Items):
        yield f"{path}[{len(template.parts)}]"
        for index, item in enumerate(template.parts):
            yield from holdings(item, f"{path}[]")
            yield from holdings(item, f"{path}[{index}]")
    else:
        yield f"{path}={text(template)}"


def text(template: Template) -> str:
    """A leaf's template, as one text."""
    match template:
        case Literal(value):
            return token(value)
        case Ref(paths):
            return f"@{paths[0]}"
        case Words(pieces):
            return "~" + "".join(p if isinstance(p, str) else f"{{{p.path}}}" for p in pieces)
        case Copy(path, most):
            return f"*{path}:{most}"
    raise AssertionError(template)
