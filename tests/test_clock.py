"""Times are read in one way, wherever they stand."""

import os
import time
from datetime import UTC, datetime, timedelta

import pytest

from ftv4.cli.options import now
from ftv4.clock import from_timestamp, iso, moment, stamp


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2026-02-09T14:00:00+02:00", "2026-02-09T12:00:00.000Z"),
        ("2026-02-09T12:00:00", "2026-02-09T12:00:00.000Z"),
        ("2026-02-09", "2026-02-09T00:00:00.000Z"),
    ],
)
def test_a_time_without_an_offset_is_in_utc(text, same):
    assert iso(moment(text)) == same


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_time_is_none(text):
    assert moment(text) is None


def test_a_stopped_clock_without_an_offset_is_in_utc_on_every_machine(monkeypatch):
    monkeypatch.setenv("FTV4_NOW", "2026-02-09T12:00:00")
    monkeypatch.setitem(os.environ, "TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert now() == datetime(2026, 2, 9, 12, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


ODD = [
    "2028-02-28T23:59:59+00:00",  # a leap year's last hours of February
    "2028-02-29T00:00:00+00:00",
    "2028-02-29T23:59:59+00:00",
    "2028-03-01T00:00:00+00:00",
    "2028-03-12T02:30:00-05:00",  # an hour that New York skips
    "2028-03-12T03:30:00-04:00",
    "2028-11-05T01:30:00-04:00",  # and one that it has twice
    "2028-11-05T01:30:00-05:00",
    "2028-12-31T23:59:59+00:00",
    "2029-01-01T00:00:00+00:00",
]


@pytest.fixture
def new_york(monkeypatch):
    monkeypatch.setitem(os.environ, "TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_odd_instants_are_written_and_read_as_what_they_are_on_every_machine(new_york):
    """Fault row 45: daylight saving and leap days; files and folders sort as time goes."""
    times = [datetime.fromisoformat(text) for text in ODD]

    assert [moment(iso(one)) for one in times] == times
    assert [from_timestamp(one.timestamp()) for one in times] == [iso(one) for one in times]
    assert sorted(set(map(iso, times))) == list(dict.fromkeys(map(iso, times)))
    assert sorted(set(map(stamp, times))) == list(dict.fromkeys(map(stamp, times)))


@pytest.mark.parametrize("text", ODD)
def test_windows_are_as_long_at_odd_instants_as_at_others(new_york, monkeypatch, text):
    """Fault row 45: a day is 24 hours, whatever the clock on the wall does."""
    monkeypatch.setenv("FTV4_NOW", text)
    then = now()

    monkeypatch.setenv("FTV4_NOW", iso(then + timedelta(days=1)))

    assert now() - then == timedelta(hours=24)
    assert now().tzinfo is UTC
