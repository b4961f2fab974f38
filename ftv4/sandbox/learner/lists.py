"""What is always so of the lists in answers: how long they are, and whether items repeat."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ftv4.canonical import canonical
from ftv4.sandbox.learner.views import parts


class Habit(NamedTuple):
    """What all examples' lists at one place have in common."""

    shortest: int
    longest: int
    distinct: bool


class Lists:
    """The habits of every list of the answers, by general path."""

    def __init__(self, outputs: Sequence[Any]) -> None:
        self._habits: dict[str, Habit] = {}
        for place, found in (part for output in outputs for part in parts(output)):
            if isinstance(found, list):
                size, distinct = len(found), _once(found) == found
                old = self._habits.get(place, Habit(size, size, distinct))
                longest = max(old.longest, size)
                self._habits[place] = Habit(min(old.shortest, size), longest, old.distinct and distinct)

    def fixed(self, place: str) -> bool:
        """Whether the list at a general path is always equally long."""
        habit = self._habits.get(place)
        return habit is not None and habit.shortest == habit.longest

    def fits(self, place: str, items: list[Any]) -> bool:
        """Whether these items may be the list at a place: not if they repeat where none ever did."""
        habit = self._habits.get(place)
        return habit is None or not habit.distinct or _once(items) == items

    def mend(self, place: str, value: Any, others: Iterator[Any]) -> Any:
        """A value in which lists keep their habits; `others` are values that could stand there."""
        if isinstance(value, dict):
            return {key: self.mend(f"{place}/{key}", part, iter(())) for key, part in value.items()}
        if not isinstance(value, list):
            return value
        items = [self.mend(f"{place}[]", item, iter(())) for item in value]
        habit = self._habits.get(place)
        if habit is None:
            return items
        if habit.distinct:
            items = _once(items)
        while len(items) < habit.shortest and isinstance(other := next(others, None), list):
            items = _once(items + other)
        return items[: habit.longest]


def _once(items: list[Any]) -> list[Any]:
    return list({canonical(item): item for item in items}.values())
