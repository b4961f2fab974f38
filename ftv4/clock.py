"""How files write time, and how it is read: ISO 8601 in UTC with milliseconds; stamps that name folders."""

from datetime import UTC, datetime

BEGINNING = datetime.min.replace(tzinfo=UTC)
"""Before every time that a file can hold: when something was whose file doesn't say when."""


def iso(moment: datetime) -> str:
    """`2026-02-09T19:03:27.337Z`"""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def stamp(moment: datetime) -> str:
    """`20260209T190327Z`, contracts.md §9.3."""
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def from_timestamp(seconds: float) -> str:
    """Unix time, as providers give it, in the form of `iso`."""
    return iso(datetime.fromtimestamp(seconds, UTC))


def moment(text: str) -> datetime | None:
    """An ISO 8601 time, in UTC; one without an offset is in UTC already. None when the text isn't one."""
    try:
        read = datetime.fromisoformat(text)
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
