"""How files write time: ISO 8601 in UTC with milliseconds, and stamps that name folders."""

from datetime import UTC, datetime


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
