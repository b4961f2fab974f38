"""Reads dates as people and tools write them: always UTC, never this machine's time zone.

The forms are those that a JavaScript `Date` takes (contracts.md §12.2); days past a month's end
roll over as they do there (`2026-02-30` is 2 March); what says no date is None, not an error.
An instant is a whole number of milliseconds since 1970-01-01T00:00Z.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

DAY = 86_400_000
"""Milliseconds."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?"
_FORMS = tuple(
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (
        rf"(?P<year>\d{{4}})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d))?)?(?:T{_CLOCK}(?P<zone>Z|[+-]\d\d:\d\d)?)?",
        rf"(?P<year>\d{{4}})-(?P<month>\d{{1,2}})-(?P<day>\d{{1,2}})\s+{_CLOCK}(?:\s*(?P<half>[AP]M))?",
        rf"(?P<month>\d{{1,2}})/(?P<day>\d{{1,2}})/(?P<year>\d{{4}})(?:\s+{_CLOCK}(?:\s*(?P<half>[AP]M))?)?",
    )
)
_PARTS = {"year": 0, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0}
"""What a form can leave out, and what is meant then."""
_WITH_SECONDS = re.compile(r"\d{4}-\d\d-\d\d\s+\d\d:\d\d:\d\d", re.ASCII)
_ZONE = re.compile(r"(?:Z|[+-]\d\d:\d\d)\Z", re.ASCII | re.IGNORECASE)


@lru_cache(maxsize=2**14)  # the same dates are read window by window
def instant(text: str | None) -> int | None:
    """The moment a text names, or None."""
    for form in _FORMS:
        if found := form.fullmatch((text or "").strip()):
            return _moment(found.groupdict())
    return None


def iso(text: str | None) -> str | None:
    """A cell's date as ISO 8601 UTC with milliseconds; what follows `hh:mm:ss` and a space is dropped."""
    cell = (text or "").strip()
    if not _ZONE.search(cell) and (found := _WITH_SECONDS.match(cell)):
        cell = found.group()
    moment = instant(cell)
    return None if moment is None else f"{utc(moment):%Y-%m-%dT%H:%M:%S}.{moment % 1000:03d}Z"


def utc(moment: int) -> datetime:
    """An instant as a datetime."""
    return _EPOCH + moment * _MILLISECOND


def day(moment: int) -> str:
    """An instant's UTC day, `YYYY-MM-DD`."""
    return f"{utc(moment):%Y-%m-%d}"


def _moment(parts: dict[str, str | None]) -> int | None:
    year, month, day, hour, minute, second = (int(parts.get(name) or usual) for name, usual in _PARTS.items())
    thousandths = int((parts.get("fraction") or "0").ljust(3, "0")[:3])
    if half := parts.get("half"):
        hour = _of_day(hour, half.upper())
    clock = timedelta(hours=hour, minutes=minute, seconds=second, milliseconds=thousandths)
    # 24:00 ends a day. Years are kept where an offset and a window can't leave a datetime's range.
    if not (1000 <= year <= 9998 and 1 <= month <= 12 and 1 <= day <= 31 and clock <= timedelta(days=1)):
        return None
    if max(minute, second) > 59:
        return None
    moment = datetime(year, month, 1, tzinfo=UTC) + timedelta(days=day - 1) + clock
    return (moment - _offset(parts.get("zone")) - _EPOCH) // _MILLISECOND


def _of_day(hour: int, half: str) -> int:
    """An hour of a clock's face as an hour of the day; 25, which no day has, for one of no clock."""
    if not 1 <= hour <= 12:
        return 25
    return hour % 12 + (12 if half == "PM" else 0)


def _offset(zone: str | None) -> timedelta:
    if not zone or zone in "Zz":
        return timedelta()
    hours, minutes = zone[1:].split(":")
    ahead = timedelta(hours=int(hours), minutes=int(minutes))
    return -ahead if zone[0] == "-" else ahead
