"""The shape that all answers share: a tree whose parts may each follow a different example."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ftv4.sandbox.learner.templates import Copy, Literal, Ref, Template, Words
from ftv4.sandbox.learner.views import token

Square = NDArray[np.float32]


@dataclass
class Part:
    """A place of the answer: how like the examples are there, and the parts inside it.

    `parts` is empty where examples differ in shape: such a part is taken whole from one example.
    """

    same: Square
    parts: dict[str | int, "Part"] = field(default_factory=dict)

    @cached_property
    def mark(self) -> bytes:
        """The same for parts that vary alike."""
        return sha256(self.same.tobytes()).digest()

    def walk(self) -> Iterator["Part"]:
        """This part and all inside it."""
        yield self
        for part in self.parts.values():
            yield from part.walk()


def outline(templates: Sequence[Template]) -> Part:
    """The tree that all templates share, as deep as they share it."""
    steps = _shared_steps(templates)
    parts = {step: outline([template[step] for template in templates]) for step in steps}
    if not parts:
        return Part(_alike(templates))
    mean = sum(part.same for part in parts.values()) / np.float32(len(parts))
    return Part(np.asarray(mean, dtype=np.float32), parts)


def _shared_steps(templates: Sequence[Template]) -> list[str] | list[int]:
    first = templates[0]
    if all(isinstance(template, dict) for template in templates):
        return list(first) if all(template.keys() == first.keys() for template in templates) else []
    if all(_is_list(template) and len(template) == len(first) for template in templates):
        return list(range(len(first)))
    return []


def _is_list(template: Template) -> bool:
    return isinstance(template, list)


def _alike(templates: Sequence[Template]) -> Square:
    """F1 of what two templates hold; 1 or 0 for leaves."""
    held = [Counter(holdings(template)) for template in templates]
    names = {name: number for number, name in enumerate(dict.fromkeys(n for h in held for n in h))}
    counts = np.zeros((len(held), len(names)), dtype=np.float32)
    for row, counter in enumerate(held):
        for name, count in counter.items():
            counts[row, names[name]] = count
    sizes = counts.sum(axis=1)
    both = np.minimum(1, counts) @ counts.T if counts.max(initial=0) <= 1 else _common(counts)
    return np.asarray(2 * both / np.maximum(sizes[:, None] + sizes[None, :], 1), dtype=np.float32)


def _common(counts: Square) -> Square:
    return np.array([np.minimum(counts, row).sum(axis=1) for row in counts], dtype=np.float32)


def holdings(template: Template, path: str = "") -> Iterator[str]:
    """What a template holds, each as one text; list items count half by being there, half by where."""
    if isinstance(template, dict):
        yield path + "{"
        for key, part in template.items():
            yield from holdings(part, f"{path}/{key}")
    elif isinstance(template, list):
        yield f"{path}[{len(template)}]"
        for index, item in enumerate(template):
            yield from holdings(item, f"{path}[]")
            yield from holdings(item, f"{path}[{index}]")
    else:
        yield f"{path}={_text(template)}"


def _text(template: Any) -> str:
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
