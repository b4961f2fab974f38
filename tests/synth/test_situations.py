import csv
import io
from datetime import date
from statistics import median

import pytest

from ftv4.synth.packs import PROFILES, Random, make_pack
from ftv4.synth.situations import BUSY, SPELL, Situation, bend

ANCHOR = date(2026, 3, 31)


def bent(text, seed=5, industry="home_services_generic", packs=1, every=1):
    drawn = [make_pack(industry, number, seed, 90, ANCHOR) for number in range(1, packs + 1)]
    return bend(drawn, Situation.of(text), Random(seed), every)


def rows(files, name):
    return list(csv.DictReader(io.StringIO(files.csv[f"{name}.csv"])))


def days(text):
    return date.fromisoformat(text[:10])


def lag(files):
    approved = [row for row in rows(files, "estimates") if row["ApprovedAt"]]
    return median((days(row["ApprovedAt"]) - days(row["CreatedAt"])).days for row in approved)


def top_share(files):
    totals = sorted((float(row["Total"]) for row in rows(files, "estimates")), reverse=True)
    return sum(totals[:5]) / sum(totals)


def open_share(files):
    jobs = rows(files, "schedule")
    return sum(not row["EndDate"] for row in jobs) / len(jobs)


def months(files):
    found = [row["CreatedAt"][:7] for row in rows(files, "estimates")]
    counts = [found.count(month) for month in sorted(set(found))]
    return max(counts) / min(counts)


def test_a_situation_reads_high_ones_before_the_slash_and_medium_ones_after_it():
    situation = Situation.of("squeeze+latency/season")

    assert [situation.level(name) for name in ("squeeze", "latency", "season", "volatility")] == [
        "high", "high", "medium", "low",
    ]  # fmt: skip


@pytest.mark.parametrize("measure", [lag, top_share, open_share, months])
def test_levels_move_what_they_are_about(measure):
    about = {lag: "latency", top_share: "concentration", open_share: "squeeze", months: "season"}[measure]

    assert measure(bent("")) < measure(bent(f"/{about}")) < measure(bent(about))


def test_volatility_leaves_quiet_spells():
    def busy_share(text):
        files = bent(text)
        ages = [
            (days(row["CreatedAt"]) - days(files.pack.window_start)).days for row in rows(files, "estimates")
        ]
        return sum(age % SPELL < BUSY for age in ages) / len(ages)

    assert busy_share("") < 0.5 < 0.9 < busy_share("volatility")


@pytest.mark.parametrize("industry", PROFILES)
@pytest.mark.parametrize("text", ["", "latency+season", "volatility+concentration", "squeeze/latency"])
def test_a_bent_pack_is_still_a_possible_business(industry, text):
    files = bent(text, industry=industry)
    quotes = {row["EstimateID"]: row for row in rows(files, "estimates")}

    assert len(quotes) == len(rows(files, "estimates"))
    for row in quotes.values():
        assert files.pack.window_start <= row["CreatedAt"][:10] <= files.pack.window_end
        assert (row["Status"] == "approved") == bool(row["ApprovedAt"])
        assert not row["ApprovedAt"] or row["CreatedAt"] <= row["ApprovedAt"] <= f"{files.pack.window_end}T24"
    for row in rows(files, "invoices"):
        assert quotes[row["QuoteID"]]["ApprovedAt"] <= row["IssuedAt"]
        assert bool(row["PaidAt"]) == (row["Status"] == "paid")
        assert not row["PaidAt"] or row["IssuedAt"] <= row["PaidAt"]
    for row in rows(files, "schedule") if "schedule.csv" in files.csv else ():
        assert row["StartDate"] == quotes[row["QuoteID"]]["ApprovedAt"][:10]
        assert bool(row["EndDate"]) == (row["Status"] == "completed")


def test_size_follows_the_packs_it_is_made_of():
    usual = len(rows(bent(""), "estimates"))

    assert len(rows(bent("", packs=2), "estimates")) > 1.3 * usual
    assert len(rows(bent("", every=2), "estimates")) == (usual + 1) // 2


def test_the_same_seed_gives_the_same_bytes():
    assert bent("latency/season") == bent("latency/season")
    assert bent("latency/season") != bent("latency/season", seed=6)
