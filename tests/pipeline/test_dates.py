import os
import time

import pytest

from ftv4.pipeline.dates import day, instant, iso


@pytest.mark.parametrize(
    "cell, moment",
    [
        ("2026-01-05", "2026-01-05T00:00:00.000Z"),
        ("  2026-01-05  ", "2026-01-05T00:00:00.000Z"),
        ("2026-01", "2026-01-01T00:00:00.000Z"),
        ("2026", "2026-01-01T00:00:00.000Z"),
        ("2026-01-05T10:00:00Z", "2026-01-05T10:00:00.000Z"),
        ("2026-01-05T10:00:00", "2026-01-05T10:00:00.000Z"),
        ("2026-01-05T10:00", "2026-01-05T10:00:00.000Z"),
        ("2026-01-05T10:00:00.25", "2026-01-05T10:00:00.250Z"),
        ("2026-01-05T10:00:00.1239Z", "2026-01-05T10:00:00.123Z"),
        ("2026-01-05T10:00:00+02:00", "2026-01-05T08:00:00.000Z"),
        ("2026-01-05T10:00:00-05:30", "2026-01-05T15:30:00.000Z"),
        ("2026-01-05 10:00:00", "2026-01-05T10:00:00.000Z"),
        ("2026-01-05   10:00:00 and more", "2026-01-05T10:00:00.000Z"),
        ("2026-01-05 7:05", "2026-01-05T07:05:00.000Z"),
        ("1/5/2026", "2026-01-05T00:00:00.000Z"),
        ("1/5/2026 7:05 PM", "2026-01-05T19:05:00.000Z"),
        ("1/5/2026 12:05 am", "2026-01-05T00:05:00.000Z"),
        ("2026-02-30", "2026-03-02T00:00:00.000Z"),
        ("2026-12-31T24:00:00Z", "2027-01-01T00:00:00.000Z"),
    ],
)
def test_dates_are_read(cell, moment):
    assert iso(cell) == moment


@pytest.mark.parametrize(
    "cell",
    [
        None,
        "",
        "not a date",
        "2026-13-45",
        "2026-13-45 10:30:00",
        "2026-00-10",
        "2026-01-32",
        "2026-01-05T25:00:00",
        "2026-01-05T24:00:01",
        "2026-01-05T10:60",
        "2026-01-05 10:00 then",
        "1/5/2026 13:00 PM",
        "2026-01-05T10:00:00Z ago",
        "٢٠٢٦-01-05",
        "0000-01-01",
        "9999-12-31",
        "20260105",
    ],
)
def test_what_is_no_date_is_none(cell):
    assert iso(cell) is None


def test_an_instant_is_milliseconds_and_has_a_day():
    assert instant("1970-01-02T00:00:00.001Z") == 86_400_001
    assert day(86_400_001) == "1970-01-02"


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Auckland"])
def test_C8_dates_are_utc_wherever_the_machine_stands(zone, monkeypatch):
    cells = ["2026-01-05 07:05", "1/5/2026", "2026-01-05T10:00:00", "2026-01-05"]
    here = [iso(cell) for cell in cells]
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", zone)
        time.tzset()
        there = [iso(cell) for cell in cells]
    time.tzset()

    assert os.environ.get("TZ") != zone
    assert there == here
