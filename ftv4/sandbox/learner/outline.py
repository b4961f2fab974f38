"""The shape that answers share: a tree whose parts may each follow a different example."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

import numpy as np

from ftv4.sandbox.learner.columns import Codes
from ftv4.sandbox.learner.roster import Roster
from ftv4.sandbox.learner.tables import Numbers
from ftv4.sandbox.learner.templates import Items, Template, holdings


@dataclass
class Part:
    """A place of the answers that some examples have: what they say there, and how alike that is."""

    rows: Codes
    """Which examples have it, in order; all else here is in their order."""
    place: str
    """Its general path."""
    templates: Sequence[Template]
    same: Numbers
    """How like what one example says is to what another says, 0 to 1."""
    parts: "dict[str | int, Part]" = field(default_factory=dict)
    """The parts inside it, where all examples have the same; empty where their shapes differ."""
    roster: Roster | None = None
    """For a list whose items have names: which of them are in it."""
    members: "dict[str, Part]" = field(default_factory=dict)
    """By name, the items of such a list."""

    @property
    def varies(self) -> bool:
        """Whether examples differ here."""
        return bool(self.same.min() < 1)

    @cached_property
    def mark(self) -> bytes:
        """The same for parts that vary alike."""
        return sha256(self.rows.tobytes() + self.same.tobytes()).digest()

    def walk(self) -> Iterator["Part"]:
        """This part and all inside it."""
        yield self
        for part in (*self.parts.values(), *self.members.values()):
            yield from part.walk()


def outline(templates: Sequence[Template], rows: Codes, place: str = "") -> Part:
    """The tree of what these examples say, as deep as they share it."""
    parts = {
        step: outline([_inside(template, step) for template in templates], rows, _below(place, step))
        for step in _shared_steps(templates)
    }
    if parts:
        same = np.asarray(np.mean([part.same for part in parts.values()], axis=0), dtype=np.float32)
    else:
        same = _alike(templates)
    part = Part(rows, place, templates, same, parts)
    if part.varies and all(_is_named(template) for template in templates):
        part.roster = Roster([template.names for template in templates])
        part.members = {name: _member(part, name) for name in part.roster.names}
    return part


def _member(part: Part, name: str) -> Part:
    """One item of a list, in the examples that have it."""
    having = [at for at, template in enumerate(part.templates) if name in template.names]
    lists = [part.templates[at] for at in having]
    items = [items.parts[items.names.index(name)] for items in lists]
    return outline(items, part.rows[having], f"{part.place}[]")


def _is_named(template: Template) -> bool:
    if not isinstance(template, Items) or None in template.names:
        return False
    return len(set(template.names)) == len(template.names)


def _shared_steps(templates: Sequence[Template]) -> list[str] | list[int]:
    first = templates[0]
    if all(isinstance(template, dict) for template in templates):
        return list(first) if all(template.keys() == first.keys() for template in templates) else []
    if all(isinstance(template, Items) for template in templates):
        alike = all(len(template.parts) == len(first.parts) for template in templates)
        return list(range(len(first.parts))) if alike else []
    return []


def _inside(template: Template, step: str | int) -> Template:
    return template.parts[step] if isinstance(step, int) else template[step]


def _below(place: str, step: str | int) -> str:
    return f"{place}[]" if isinstance(step, int) else f"{place}/{step}"


def _alike(templates: Sequence[Template]) -> Numbers:
    """F1 of what two templates hold; 1 or 0 for leaves."""
    held = [Counter(holdings(template)) for template in templates]
    names = {name: number for number, name in enumerate(dict.fromkeys(n for h in held for n in h))}
    counts = np.zeros((len(held), len(names)), dtype=np.float32)
    for row, counter in enumerate(held):
        for name, count in counter.items():
            counts[row, names[name]] = count
    sizes = counts.sum(axis=1)
    both = counts @ counts.T if counts.max(initial=0) <= 1 else _common(counts)
    return np.asarray(2 * both / np.maximum(sizes[:, None] + sizes[None, :], 1), dtype=np.float32)


def _common(counts: Numbers) -> Numbers:
    return np.array([np.minimum(counts, row).sum(axis=1) for row in counts], dtype=np.float32)
