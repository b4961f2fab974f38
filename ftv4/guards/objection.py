"""What a guard has against a payload, and where in it."""

from typing import NamedTuple

RAW_DATA = "looks like raw data"
"""The problem of a text that a record was copied into."""


class Objection(NamedTuple):
    """One guard's objection to one place of a payload."""

    code: str
    problem: str
    """What is wrong, in our words."""
    subject: str
    """The term, kind or reference it is about, as it stands in policy or payload: encode before showing."""
    pointer: str
    """Of the first place, as an RFC 6901 JSON pointer from the payload."""

    @property
    def message(self) -> str:
        """Problem and subject, such that any file can hold it (a lone surrogate becomes `?`)."""
        subject = self.subject.encode(errors="replace").decode()
        return f"{self.problem}: {subject}" if subject else self.problem


class LeakHit(NamedTuple):
    """Raw data found by the leak scan, contracts.md §6.3."""

    kind: str
    sample: str
    """The text, on one line and cut to 80 UTF-16 units: encode before showing."""
    pointer: str
