import pytest

from ftv4.errors import ContractError
from ftv4.pipeline.brief import count_bucket
from tests.pipeline.build import brief, data_pack, quotes


def word(bucket, *quotes, **lists):
    return brief(data_pack(quotes=list(quotes), **lists)).value(bucket)


def test_the_window_is_ninety_days_and_ends_with_the_latest_record():
    measured = brief(
        data_pack(
            quotes=[{"created_at": "2026-01-05T10:00:00Z"}],
            invoices=[{"issued_at": "2026-01-06"}],
            jobs=[{"scheduled_at": "2026-01-07 09:00"}],
        )
    )

    assert (measured.window_start, measured.window_end) == ("2025-10-10", "2026-01-07")
    assert measured.notes == ("Window: 2025-10-10..2026-01-07", "Rows in window: 2")
    assert measured.row_limit == 90


def test_the_window_is_cut_to_the_millisecond():
    edge = brief(data_pack(quotes=[{"created_at": "2026-04-01T00:00:00.001Z"}, {"created_at": "2026-01-02"}]))
    inside = brief(data_pack(quotes=[{"created_at": "2026-04-01"}, {"created_at": "2026-01-02"}]))

    assert edge.notes[1] == "Rows in window: 1"
    assert inside.notes[1] == "Rows in window: 2"


def test_the_last_hundred_approved_quotes_can_be_the_window():
    approved = [
        {"approved_at": f"2025-{month:02d}-{day:02d}"} for month in range(1, 6) for day in range(1, 26)
    ]
    measured = brief(data_pack(quotes=[{"status": "sent", "created_at": "2026-01-01"}, *approved]),
                     mode="last_100_closed_estimates")  # fmt: skip

    assert (measured.window_start, measured.window_end) == ("2025-02-01", "2025-05-25")
    assert measured.row_limit == 100


def test_without_approved_quotes_the_window_is_ninety_days():
    assert brief(mode="last_100_closed_estimates").window_end == "2026-01-07"


def test_C9_a_pack_without_dates_is_dated_by_itself_and_not_by_the_clock():
    measured = brief(data_pack(quotes=[{"created_at": "soon"}]))

    assert measured.window_end == "2026-02-01"


def test_a_pack_without_any_date_is_refused():
    undated = data_pack(quotes=[{"id": "q"}]).model_copy(update={"created_at": "once"})

    with pytest.raises(ContractError, match="no record has a date"):
        brief(undated)


def test_D6_a_run_id_that_is_no_file_name_is_refused_before_anybody_is_asked():
    with pytest.raises(ContractError, match="run id"):
        brief(run_id="../../escaped")


@pytest.mark.parametrize("mine, value", [(35, "low"), (60, "medium"), (61, "high")])
def test_concentration_is_the_share_of_the_five_largest(mine, value):
    big = [{"created_at": "2026-01-05", "total": 2 * mine}] * 5
    small = [{"created_at": "2026-01-05", "total": (100 - mine) / 10}] * 100

    assert word("revenue_concentration_top5", *big, *small) == value


def test_concentration_falls_back_to_invoices_and_ignores_what_is_not_positive():
    assert word("revenue_concentration_top5", {"created_at": "2026-01-05", "total": -5}) == "unknown"
    assert (
        word(
            "revenue_concentration_top5",
            {"created_at": "2026-01-05"},
            invoices=[{"issued_at": "2026-01-05", "total": 3}],
        )
        == "high"
    )


@pytest.mark.parametrize(
    "weeks, value",
    [((1, 1, 1), "unknown"), ((2, 2, 2, 2), "low"), ((1, 2, 2, 3), "medium"), ((1, 1, 1, 5), "high")],
)
def test_volatility_is_how_unlike_the_weeks_are(weeks, value):
    """Days 1, 8, 15, 22 of January open its first four sevenths."""
    days = [1 + 7 * week for week, count in enumerate(weeks) for _ in range(count)]

    assert word("volatility", *quotes(*days)) == value


@pytest.mark.parametrize(
    "months, value", [((1, 9), "none"), ((3, 3, 4), "none"), ((5, 6, 7), "weak"), ((1, 1, 2), "strong")]
)
def test_seasonality_compares_the_busiest_month_with_the_quietest(months, value):
    rows = [
        {"created_at": f"2026-0{month}-10"} for month, count in enumerate(months, 1) for _ in range(count)
    ]

    assert word("seasonality", *rows) == value


@pytest.mark.parametrize(
    "waits, value",
    [
        ((3,), "low"),
        ((3.5,), "medium"),
        ((2, 18), "medium"),
        ((10, 11), "high"),
        ((-4,), "low"),
        ((), "unknown"),
    ],
)
def test_latency_is_the_median_wait(waits, value):
    from datetime import datetime, timedelta

    start = datetime(2026, 1, 5)
    rows = [
        {"created_at": start.isoformat(), "approved_at": (start + timedelta(days=wait)).isoformat()}
        for wait in waits
    ]

    assert word("decision_latency", {"created_at": "2026-01-05"}, *rows) == value


@pytest.mark.parametrize("done, value", [(85, "low"), (84, "medium"), (65, "medium"), (64, "high")])
def test_capacity_is_the_share_of_scheduled_jobs_with_an_end(done, value):
    jobs = [{"scheduled_at": "2026-01-05"}] * 100
    ends = [{"completed_at": "2026-01-05"}] * done

    assert word("capacity_squeeze_proxy", jobs=[*jobs, *ends]) == value


def test_B12_a_job_with_an_end_date_counts_as_completed_whatever_its_status():
    """B12: kept, so that old rows and new ones mean the same; brief.py and the docs say so."""
    jobs = [{"scheduled_at": "2026-01-05", "completed_at": "2026-01-06", "status": "scheduled"}]

    assert word("capacity_squeeze_proxy", jobs=jobs) == "low"


def test_capacity_without_jobs_is_the_volatility_of_everything():
    outside = [{"created_at": f"2020-01-{day:02d}"} for day in (1, 8, 15, 22, 22, 22, 22, 22)]

    measured = brief(data_pack(quotes=[*outside, {"created_at": "2026-01-05"}]))

    assert measured.value("volatility") == "unknown"
    assert measured.value("capacity_squeeze_proxy") == "high"


def test_capacity_without_a_schedule_is_unknown():
    assert word("capacity_squeeze_proxy", *quotes(5), jobs=[{"completed_at": "2026-01-05"}]) == "unknown"


@pytest.mark.parametrize("rows, trust", [(39, "low"), (40, "medium"), (119, "medium"), (120, "high")])
def test_confidence_grows_with_the_rows_in_the_window(rows, trust):
    assert {bucket.confidence for bucket in brief(data_pack(quotes=quotes(*[5] * rows))).buckets} == {trust}


@pytest.mark.parametrize(
    "count, bucket",
    [(0, "none"), (5, "very_low"), (6, "low"), (15, "low"), (16, "medium"), (40, "medium"), (41, "high")],
)
def test_counts_are_words(count, bucket):
    assert count_bucket(count) == bucket


@pytest.mark.parametrize(
    "counts, mix",
    [
        ((0, 0, 0), "unknown"),
        ((3, 3, 3), "balanced"),
        ((5, 5, 0), "quotes_heavy"),
        ((1, 5, 5), "invoices_heavy"),
        ((1, 1, 9), "jobs_heavy"),
    ],
)
def test_the_service_mix_names_what_there_is_most_of(counts, mix):
    made, billed, done = counts
    pack = data_pack(quotes=[{}] * made, invoices=[{}] * billed, jobs=[{}] * done)

    assert brief(pack).service_mix == mix


@pytest.mark.parametrize("customers, size", [(0, "unknown"), (10, "small"), (40, "medium"), (41, "large")])
def test_customers_say_the_team_size(customers, size):
    assert brief(data_pack(customers=[{}] * customers)).team_size == size


def test_names_are_normalised_and_absent_ones_unknown():
    measured = brief(industry=" Home  Services ", role=None)

    assert (measured.industry, measured.role) == ("home_services", "unknown")
    assert brief(industry=" ").industry == "unknown"


def test_every_bucket_can_be_cited():
    assert [bucket.evidence_ref for bucket in brief().buckets] == [
        f"bucket:{bucket.id}:{bucket.value}" for bucket in brief().buckets
    ]
