"""Times are read in one way, wherever they stand."""

import os
import time
from datetime import UTC, datetime

import pytest

from ftv4.cli.options import now
from ftv4.clock import iso, moment


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
