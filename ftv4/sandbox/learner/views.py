"""How the learner sees a JSON value: every leaf by the paths one could name it by.

A list item is named by its index and, where items have an identity, by that: `/signals[0]/direction`
and `/signals[id=volatility]/direction` are the same leaf. Identities are found, not given: a member
whose strings differ within each list (`[id=volatility]`), or for a list of strings what stands before
their last colon (`[bucket:volatility:]`).
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Scalar = str | int | float | bool | None
HEAD = ":"
"""The identity of strings that is what stands before their last colon."""
TELLING = 5
"""Lists of two items or more that must agree on what tells their items apart."""
_ITEM = re.compile(r"\[[^\]]*\]")
_INDEX = re.compile(r"\[\d+\]")


def general(path: str) -> str:
    """A path with every list item as `[]`."""
    return _ITEM.sub("[]", path)


def preference(path: str) -> tuple[int, int, str]:
    """Of two sources equally right: the one by identity before the one by index, then the shorter."""
    return (len(_INDEX.findall(path)), len(path), path)


def token(value: Scalar) -> str:
    """One text for one scalar: `1`, `"1"` and `true` differ, `1` and `1.0` don't."""
    if isinstance(value, str):
        return f'"{value}'
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


@dataclass(frozen=True)
class View:
    """One value, taken apart: leaves by each of their paths, lists of scalars by each of theirs."""

    leaves: dict[str, Scalar] = field(default_factory=dict)
    lists: dict[str, list[Scalar]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    tokens: dict[str, list[str]] = field(default_factory=dict)
    """Leaf token → the paths under which it is found."""

    def first(self, family: str) -> Scalar:
        """The first leaf whose general path this is; None when there is none."""
        return next((leaf for path, leaf in self.leaves.items() if general(path) == family), None)


class Identities:
    """By which member, if any, the items of each list tell themselves apart."""

    def __init__(self, values: Sequence[Any]) -> None:
        lists: dict[str, list[list[Any]]] = defaultdict(list)
        for path, part in (found for value in values for found in parts(value)):
            if isinstance(part, list):
                lists[path].append(part)
        self._member = {path: name for path, found in lists.items() if (name := _identity(found))}

    def item(self, path: str, item: Any) -> str | None:
        """How an item of the list at a general path names itself: `id=volatility`."""
        member = self._member.get(path)
        if member == HEAD:
            return _head(item) if isinstance(item, str) else None
        named = item.get(member) if member and isinstance(item, dict) else None
        return f"{member}={_safe(named)}" if isinstance(named, str) else None

    def view(self, value: Any) -> View:
        """Take a value apart."""
        view = View()
        self._walk(value, [""], "", view)
        for path, leaf in view.leaves.items():
            view.tokens.setdefault(token(leaf), []).append(path)
        return view

    def _walk(self, value: Any, paths: list[str], where: str, view: View) -> None:
        if isinstance(value, dict):
            for key, part in value.items():
                self._walk(part, [f"{path}/{key}" for path in paths], f"{where}/{key}", view)
        elif isinstance(value, list):
            self._walk_list(value, paths, where, view)
        else:
            view.leaves.update(dict.fromkeys(paths, value))

    def _walk_list(self, items: list[Any], paths: list[str], where: str, view: View) -> None:
        view.sizes[paths[0]] = len(items)
        if not any(isinstance(item, (dict, list)) for item in items):
            view.lists.update(dict.fromkeys(paths, items))
        for name, column in _columns(items):
            view.lists.update({f"{path}[*]/{name}": column for path in paths})
        for index, item in enumerate(items):
            named = self.item(where, item)
            steps = [f"[{index}]"] if named is None else [f"[{named}]", f"[{index}]"]
            self._walk(item, [path + step for path in paths for step in steps], f"{where}[]", view)


def parts(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """A value and all values inside it, each with its general path."""
    yield path, value
    if isinstance(value, dict):
        for key, part in value.items():
            yield from parts(part, f"{path}/{key}")
    elif isinstance(value, list):
        for item in value:
            yield from parts(item, f"{path}[]")


def _identity(lists: list[list[Any]]) -> str | None:
    """The member that names items: different within each list, the same from list to list."""
    telling = [items for items in lists if len(items) > 1]
    items = [item for found in telling for item in found]
    if len(telling) < TELLING:
        return None
    if all(isinstance(item, str) for item in items):
        return HEAD if _names([[_head(item) for item in found] for found in telling]) else None
    if not all(isinstance(item, dict) for item in items):
        return None
    shared = set.intersection(*(set(item) for item in items))
    columns = {key: [[item[key] for item in found] for found in telling] for key in sorted(shared)}
    names = {key: found for key, column in columns.items() if (found := _names(column))}
    return min(names, key=lambda key: (len(names[key]), sum(map(len, names[key]))), default=None)


def _names(lists: list[list[Any]]) -> set[str]:
    """The names in these lists, if they are names: they tell items apart, and they come again."""
    names = [name for found in lists for name in found]
    if not all(isinstance(name, str) and 0 < len(name) <= 80 for name in names):
        return set()
    distinct = all(len(set(found)) == len(found) for found in lists)
    return set(names) if distinct and len(set(names)) <= len(names) / 2 else set()


def _head(text: Any) -> str:
    head, colon, _ = text.rpartition(HEAD)
    return _safe(head + colon)


def _safe(name: str) -> str:
    """A name that can stand between brackets."""
    return name.replace("[", "(").replace("]", ")")


def _columns(items: Sequence[Any]) -> Iterator[tuple[str, list[Scalar]]]:
    """The scalar members that all items of a list of objects have, as lists."""
    if items and all(isinstance(item, Mapping) for item in items):
        for key in items[0]:
            column = [item.get(key, {}) for item in items]
            if not any(isinstance(part, (dict, list)) for part in column):
                yield key, column
