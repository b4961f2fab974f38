import csv
import io
import re
from datetime import date
from itertools import pairwise

import pytest

from ftv4.canonical import digest
from ftv4.synth import packs
from ftv4.synth.packs import PROFILES, Random, make_pack, make_packs, salted

ANCHOR = date(2026, 2, 9)
M = 2_147_483_647


def pack(industry="ecommerce_ops", number=1, seed=1234, window_days=90, anchor=ANCHOR):
    return make_pack(industry, number, seed, window_days, anchor)


def rows(made, name):
    return list(csv.DictReader(io.StringIO(made.csv[name])))


# the random numbers


def test_the_generator_is_minstd():
    random = Random(1)

    assert [round(random.fraction() * M) for _ in range(3)] == [48271, 182605794, 1291394886]


def test_the_generator_ends_where_the_c_standard_says():
    random = Random(1)
    for _ in range(9_999):
        random.fraction()

    assert round(random.fraction() * M) == 399268537


@pytest.mark.parametrize("seed, same_as", [(0, 1), (-7, 7), (M + 3, 3), (M, 1)])
def test_every_seed_is_a_state(seed, same_as):
    assert Random(seed).fraction() == Random(same_as).fraction()


def test_a_choice_of_one_draws_nothing():
    random = Random(5)

    assert (random.whole(3, 3), random.whole(4, 2)) == (3, 4)
    assert random.fraction() == Random(5).fraction()


def test_a_chance_includes_its_probability():
    fraction = Random(9).fraction()

    assert Random(9).chance(fraction)
    assert not Random(9).chance(fraction - 1e-12)


def test_shuffling_swaps_from_the_end():
    first, second = Random(42), Random(42)
    letters = list("abcd")
    for last in (3, 2, 1):
        other = int(second.fraction() * (last + 1))
        letters[last], letters[other] = letters[other], letters[last]

    assert first.shuffled("abcd") == letters


@pytest.mark.parametrize(
    "seed, salt, mixed",
    [
        (1, "a", 31 + 97),
        (-1, "a", 31 + 97),
        (0, "ab", 31 * (31 + 97) + 98),
        (M - 1, "a", 97 - 31),
        (M - 1, "\x1f", 1),
        (7, "", 7),
    ],
)
def test_a_salt_is_hashed_into_the_seed(seed, salt, mixed):
    assert salted(seed, salt) == mixed


# the draws


class Traced(Random):
    """Writes down each draw as one letter."""

    def __init__(self, seed):
        super().__init__(seed)
        self.draws = []
        self.letters = {}

    def fraction(self):
        self.draws.append("f")
        return super().fraction()

    def whole(self, low, high):
        drawn = super().whole(low, high)
        if high > low:
            self.draws[-1] = self.letters[low, high]
        return drawn

    def chance(self, probability):
        drawn = super().chance(probability)
        self.draws[-1] = self.letters[probability]
        return drawn


@pytest.mark.parametrize("industry", PROFILES)
def test_draws_come_in_the_node_generators_order(industry, monkeypatch):
    profile, traced = PROFILES[industry], []

    def random(seed):
        made = Traced(seed)
        made.letters = {
            profile.estimates: "N",
            (0, 89): "d",
            profile.approval_lag: "l",
            profile.total: "t",
            profile.invoice_delay: "i",
            profile.overdue: "o",
            0.82: "p",
            profile.payment_delay: "y",
            0.65: "s",
            0.9: "s",
            (7, 16): "h",
            (1, 4): "u",
            0.12: "n",
            0.76: "c",
            0.6: "g",
        }
        if industry == "saas_micro":
            made.letters[0, 4] = "i"
        traced.append(made)
        return made

    monkeypatch.setattr(packs, "Random", random)
    made = pack(industry)

    schedule = "s(hunc|huncg)?" if profile.schedule else ""
    invoice = f"i(o|op)yf{schedule}"
    estimate = f"(df){{6}}ltf(f|{invoice})"
    assert re.fullmatch(f"N({estimate})+", "".join(traced[0].draws))
    assert "".join(traced[0].draws).count("l") == len(rows(made, "estimates.csv"))


def test_the_first_estimate_follows_from_the_draws():
    """contracts.md §12.3 worked by hand: what the twenty-odd first numbers of the pack's seed make."""
    draw = Random(salted(1234, "ecommerce_ops:0")).fraction
    count = 36 + int(draw() * 25)
    days = [(int(draw() * 90), draw()) for _ in range(6)]
    created = max(days, key=lambda each: each[1] + (0.4 if each[0] <= 80 else 0))[0]  # 31 January
    lag, total = 1 + int(draw() * 10), (120 + int(draw() * 981)) * 1.5

    made = pack()

    first = rows(made, "estimates.csv")[0]
    assert len(rows(made, "estimates.csv")) == count
    assert date.fromisoformat(first["CreatedAt"][:10]).toordinal() - date(2025, 11, 12).toordinal() == created
    assert draw() < 0.58
    assert first["Status"] == "approved"
    assert (
        date.fromisoformat(first["ApprovedAt"][:10]).toordinal() - date(2025, 11, 12).toordinal()
        == created + lag
    )
    assert first["Total"] == f"{total:.2f}"


def test_packs_of_a_seed_never_change():
    made = make_packs(list(PROFILES), 3, 1234, 90, ANCHOR)

    seen = digest([[each.folder, each.csv] for each in made])
    assert seen == "2e18d09d29d2f09bb06fe8846b09f0a557f543e41190bfcd1b0503d48c0601d9"


# the records


@pytest.mark.parametrize("industry", PROFILES)
def test_records_keep_to_their_window_and_their_order(industry):
    made = pack(industry, window_days=30)
    for row in rows(made, "estimates.csv"):
        assert (
            "2026-01-11"
            <= row["CreatedAt"][:10]
            <= (row["ApprovedAt"] or row["CreatedAt"])[:10]
            <= "2026-02-09"
        )
        assert (row["Status"] == "approved") == bool(row["ApprovedAt"])
    for row in rows(made, "invoices.csv"):
        assert row["IssuedAt"] <= (row["PaidAt"] or row["IssuedAt"]) <= "2026-02-09T00:00:00Z"
        assert (row["Status"] == "paid") == bool(row["PaidAt"])


def test_every_approved_estimate_is_billed_and_no_other():
    made = pack("agency")
    approved = [row["EstimateID"] for row in rows(made, "estimates.csv") if row["Status"] == "approved"]

    assert [row["QuoteID"] for row in rows(made, "invoices.csv")] == approved


def test_ids_count_up():
    made = pack("professional_services")

    assert [row["JobID"] for row in rows(made, "schedule.csv")][:2] == ["JOB_PROF_0001", "JOB_PROF_0002"]
    numbers = [int(row["InvoiceID"][-4:]) for row in rows(made, "invoices.csv")]
    assert all(after == before + 1 for before, after in pairwise(numbers))


@pytest.mark.parametrize("industry", PROFILES)
def test_only_industries_that_schedule_have_a_schedule(industry):
    assert ("schedule.csv" in pack(industry).csv) == bool(PROFILES[industry].schedule)


@pytest.mark.parametrize(
    "amount, text", [(0.125, "0.13"), (1.005, "1.00"), (2.675, "2.67"), (1.115, "1.11"), (75.0, "75.00")]
)
def test_money_rounds_as_javascript_does(amount, text):
    assert packs._money(amount) == text


def test_a_pack_says_what_it_is():
    made = pack("agency", number=2, seed=7)

    assert made.folder == "agency/agency_seed7_02"
    assert list(made.pack.model_dump()) == [
        "pack_id",
        "industry",
        "seed",
        "window_start",
        "window_end",
        "notes",
        "expected_patterns",
        "emyth_role",
        "business_name",
    ]
    assert (made.pack.window_start, made.pack.window_end, made.pack.seed) == ("2025-11-12", "2026-02-09", 7)


def test_files_end_in_one_newline():
    assert all(re.search(r"[^\n]\n\Z", text) and "\r" not in text for text in pack().csv.values())
