"""What is always so of the lists in answers: how long they are, and whether items repeat."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ftv4.canonical import canonical


@dataclass
class Habit:
    """What all examples' lists at one place have in common."""

    shortest: int
    longest: int
    distinct: bool = True


class Lists:
    """The habits of every list of the answers, by general path."""

    def __init__(self, outputs: Sequence[Any]) -> None:
        self._habits: dict[str, Habit] = {}
        for output in outputs:
            self._learn(output, "")

    def _learn(self, value: Any, place: str) -> None:
        if isinstance(value, dict):
            for key, part in value.items():
                self._learn(part, f"{place}/{key}")
        elif isinstance(value, list):
            habit = self._habits.setdefault(place, Habit(len(value), len(value)))
            habit.shortest = min(habit.shortest, len(value))
            habit.longest = max(habit.longest, len(value))
            habit.distinct = habit.distinct and _distinct(value)
            for item in value:
                self._learn(item, f"{place}[]")

    def distinct(self, path: Sequence[str | int], items: list[Any]) -> bool:
        """Whether a list at a path has the right not to repeat itself, or doesn't."""
        habit = self._habits.get(_place(path))
        return habit is None or not habit.distinct or _distinct(items)

    def mend(self, path: Sequence[str | int], value: Any, others: Iterator[Any]) -> Any:
        """A value in which lists keep their habits; `others` are values that could stand there."""
        return self._mend(_place(path), value, others)

    def _mend(self, place: str, value: Any, others: Iterator[Any]) -> Any:
        if isinstance(value, dict):
            return {key: self._mend(f"{place}/{key}", part, iter(())) for key, part in value.items()}
        if not isinstance(value, list):
            return value
        items = [self._mend(f"{place}[]", item, iter(())) for item in value]
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


def _distinct(items: list[Any]) -> bool:
    return len({canonical(item) for item in items}) == len(items)


def _place(path: Sequence[str | int]) -> str:
    return "".join("[]" if isinstance(step, int) else f"/{step}" for step in path)
