"""Why a row is not trained on."""

from typing import NamedTuple

from ftv4.contracts import Problem


class Rejection(NamedTuple):
    """The first rule of acceptance that a row breaks, and everywhere it breaks it."""

    reason: str
    """contracts.md §9.1, and ftv4's further ones; stable across releases."""
    problems: tuple[Problem, ...]
    """At least one; pointers from the row, untrusted text in the sentences already encoded."""

    @property
    def pointer(self) -> str:
        """Of the first problem."""
        return self.problems[0].pointer

    @property
    def problem(self) -> str:
        """The first problem."""
        return self.problems[0].problem
