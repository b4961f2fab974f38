"""Makes synthetic packs: the records of businesses that don't exist, from a seed alone.

The draws, their order and the CSV text are the Node generator's, byte for byte (contracts.md §12.3).
"""

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, TypeVar

from ftv4.contracts.pack import SynthPack

T = TypeVar("T")

MODULUS = 2_147_483_647
MULTIPLIER = 48_271

ESTIMATES = ("EstimateID", "Status", "CreatedAt", "ApprovedAt", "Total")
INVOICES = ("InvoiceID", "QuoteID", "Status", "IssuedAt", "PaidAt", "Total")
SCHEDULE = ("JobID", "QuoteID", "Status", "StartDate", "StartTime", "EndDate", "EndTime", "Total")


class Random:
    """The Lehmer generator that the packs, and the order of runs, are drawn from."""

    def __init__(self, seed: int) -> None:
        self._state = abs(seed) % MODULUS or 1

    def fraction(self) -> float:
        """The next number in 0..1."""
        self._state = self._state * MULTIPLIER % MODULUS
        return self._state / MODULUS

    def whole(self, low: int, high: int) -> int:
        """A whole number in low..high, both included; draws nothing where there is no choice."""
        if high <= low:
            return low
        return low + math.floor(self.fraction() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """True with a probability."""
        return self.fraction() <= probability

    def shuffled(self, items: Iterable[T]) -> list[T]:
        """The items in a drawn order (Fisher-Yates, from the end)."""
        order = list(items)
        for last in range(len(order) - 1, 0, -1):
            other = self.whole(0, last)
            order[last], order[other] = order[other], order[last]
        return order


def salted(seed: int, salt: str) -> int:
    """A seed of its own for each salt, 1..2147483646."""
    mixed = abs(seed) or 1
    for character in salt:
        mixed = (31 * mixed + ord(character)) % MODULUS
    return mixed or 1


@dataclass(frozen=True)
class Profile:
    """What sets one industry's businesses apart. Ranges include both ends; days, money in whole units."""

    estimates: tuple[int, int]
    total: tuple[int, int]
    approval_lag: tuple[int, int]
    invoice_delay: tuple[int, int]
    payment_delay: tuple[int, int]
    overdue: float
    peak_months: frozenset[int]
    concentration: Literal["low", "medium", "high"]
    schedule: Literal["low", "medium", "high"] | None
    role: str
    business: str
    patterns: tuple[str, ...]


PROFILES: dict[str, Profile] = {
    "agency": Profile(
        estimates=(34, 52),
        total=(1800, 6200),
        approval_lag=(5, 24),
        invoice_delay=(1, 7),
        payment_delay=(6, 30),
        overdue=0.18,
        peak_months=frozenset({3, 4, 9, 10}),
        concentration="medium",
        schedule=None,
        role="entrepreneur",
        business="Agency Operator",
        patterns=("approval_lag", "throughput_variability", "scope_pressure"),
    ),
    "saas_micro": Profile(
        estimates=(28, 46),
        total=(450, 2800),
        approval_lag=(2, 18),
        invoice_delay=(0, 4),
        payment_delay=(3, 26),
        overdue=0.14,
        peak_months=frozenset({1, 2, 9, 11}),
        concentration="high",
        schedule=None,
        role="mixed",
        business="Micro SaaS Founder",
        patterns=("decision_latency", "support_load_proxy", "cash_timing"),
    ),
    "professional_services": Profile(
        estimates=(30, 50),
        total=(2200, 9800),
        approval_lag=(6, 28),
        invoice_delay=(2, 10),
        payment_delay=(10, 36),
        overdue=0.20,
        peak_months=frozenset({2, 3, 8, 9}),
        concentration="medium",
        schedule="medium",
        role="manager",
        business="Professional Services Owner",
        patterns=("proposal_lag", "delivery_overlap", "throughput_swings"),
    ),
    "ecommerce_ops": Profile(
        estimates=(36, 60),
        total=(120, 1100),
        approval_lag=(1, 10),
        invoice_delay=(0, 3),
        payment_delay=(1, 16),
        overdue=0.11,
        peak_months=frozenset({11, 12, 1}),
        concentration="high",
        schedule="high",
        role="mixed",
        business="Ecommerce Operations Owner",
        patterns=("seasonality_spike", "capacity_squeeze", "returns_pressure_proxy"),
    ),
    "logistics_dispatch": Profile(
        estimates=(34, 56),
        total=(700, 4200),
        approval_lag=(1, 12),
        invoice_delay=(0, 5),
        payment_delay=(7, 30),
        overdue=0.16,
        peak_months=frozenset({5, 6, 7, 10}),
        concentration="medium",
        schedule="high",
        role="manager",
        business="Dispatch Operations Owner",
        patterns=("dispatch_pressure", "schedule_fill", "coordination_overhead"),
    ),
    "home_services_generic": Profile(
        estimates=(32, 54),
        total=(350, 2600),
        approval_lag=(2, 16),
        invoice_delay=(1, 6),
        payment_delay=(5, 28),
        overdue=0.17,
        peak_months=frozenset({6, 7, 8, 12}),
        concentration="medium",
        schedule="medium",
        role="technician",
        business="Home Services Operator",
        patterns=("dispatch_drag", "cash_timing", "reliability_pressure"),
    ),
}
"""Industry → its profile, in the order packs are made."""

_FADE = {"low": (1, 0.1), "medium": (1.2, 0.35), "high": (1.5, 0.7)}
"""Concentration → what the first estimate's total is multiplied by, and how much of it the last loses."""
_DENSITY = {"low": 0.4, "medium": 0.65, "high": 0.9}
"""Schedule → the share of approved estimates that become a job."""


@dataclass(frozen=True)
class PackFiles:
    """One synthetic pack, ready to be written."""

    pack: SynthPack
    csv: dict[str, str]
    """File name → text. `schedule.csv` is there only when the business has jobs."""

    @property
    def folder(self) -> str:
        """Where it goes below the packs folder."""
        return f"{self.pack.industry}/{self.pack.pack_id}"


def make_packs(
    industries: Sequence[str], per_industry: int, seed: int, window_days: int, anchor: date
) -> Iterator[PackFiles]:
    """Packs of each industry, those of one industry together."""
    for industry in industries:
        for number in range(1, per_industry + 1):
            yield make_pack(industry, number, seed, window_days, anchor)


def make_pack(industry: str, number: int, seed: int, window_days: int, anchor: date) -> PackFiles:
    """The `number`-th pack of an industry (from 1): its records end on the anchor day."""
    days = max(7, window_days) - 1
    business = _Business(industry, Random(salted(seed, f"{industry}:{number - 1}")), anchor, days)
    business.trade()
    profile = PROFILES[industry]
    pack = SynthPack(
        pack_id=f"{industry}_seed{seed}_{number:02d}",
        industry=industry,  # type: ignore[arg-type]
        seed=seed,
        window_start=f"{anchor - timedelta(days=days)}",
        window_end=f"{anchor}",
        notes=("Synthetic records; no real business stands behind them.",),
        expected_patterns=profile.patterns,
        emyth_role=profile.role,
        business_name=profile.business,
    )
    return PackFiles(pack, business.files())


class _Business:
    """One business being drawn. Days are counted from the window's first; every draw is from one Random."""

    def __init__(self, industry: str, random: Random, anchor: date, days: int) -> None:
        self.profile = PROFILES[industry]
        self.random = random
        self.prefix = industry.upper()[:4]
        self.days = days
        self.start = datetime(anchor.year, anchor.month, anchor.day, tzinfo=UTC) - timedelta(days=days)
        self.estimates: list[tuple[str, ...]] = []
        self.invoices: list[tuple[str, ...]] = []
        self.jobs: list[tuple[str, ...]] = []

    def trade(self) -> None:
        """Draw every estimate and what follows from it."""
        count = self.random.whole(*self.profile.estimates)
        for position in range(count):
            self._estimate(position / (count - 1))

    def files(self) -> dict[str, str]:
        """The records as CSV texts."""
        tables = {
            "estimates.csv": (ESTIMATES, self.estimates),
            "invoices.csv": (INVOICES, self.invoices),
            "schedule.csv": (SCHEDULE, self.jobs),
        }
        return {
            name: _csv(header, rows) for name, (header, rows) in tables.items() if rows or header != SCHEDULE
        }

    def _estimate(self, age: float) -> None:
        created = self._busy_day()
        approved = self._later(created, self.profile.approval_lag)
        first, lost = _FADE[self.profile.concentration]
        total = max(75.0, self.random.whole(*self.profile.total) * (first - lost * age))
        identity = f"EST_{self.prefix}_{len(self.estimates) + 1:04d}"
        status = self._decision()
        settled = self._day(approved) if status == "approved" else ""
        self.estimates.append((identity, status, self._day(created), settled, _money(total)))
        if status == "approved":
            self._invoice(identity, approved, total)
            self._job(identity, approved, total)

    def _busy_day(self) -> int:
        """The best of six days, where a peak month makes a day better."""
        best, best_score = 0, -1.0
        for _ in range(6):
            day = self.random.whole(0, self.days)
            peak = (self.start + timedelta(days=day)).month in self.profile.peak_months
            score = self.random.fraction() + (0.4 if peak else 0)
            if score > best_score:
                best, best_score = day, score
        return best

    def _decision(self) -> str:
        if self.random.fraction() < 0.58:
            return "approved"
        return "sent" if self.random.fraction() < 0.28 else "rejected"

    def _invoice(self, quote: str, approved: int, total: float) -> None:
        issued = self._later(approved, self.profile.invoice_delay)
        overdue = self.random.chance(self.profile.overdue)
        paid = not overdue and self.random.chance(0.82)
        paid_day = self._later(issued, self.profile.payment_delay)
        status = "paid" if paid else "overdue" if overdue else "open"
        billed = total * (0.92 + self.random.fraction() * 0.14)
        identity = f"INV_{self.prefix}_{len(self.invoices) + 1:04d}"
        settled = self._day(paid_day) if paid else ""
        self.invoices.append((identity, quote, status, self._day(issued), settled, _money(billed)))

    def _job(self, quote: str, approved: int, total: float) -> None:
        if self.profile.schedule is None or not self.random.chance(_DENSITY[self.profile.schedule]):
            return
        hour = self.random.whole(7, 16)
        duration = self.random.whole(1, 4)
        start = self.start + timedelta(days=approved)
        end = start + timedelta(days=1 if self.random.chance(0.12) else 0)
        status = self._progress()
        until = min(22, hour + duration)
        identity = f"JOB_{self.prefix}_{len(self.jobs) + 1:04d}"
        times = (f"{start:%Y-%m-%d}", f"{hour:02d}:00", f"{end:%Y-%m-%d}", f"{until:02d}:00")
        self.jobs.append((identity, quote, status, *times, _money(total)))

    def _progress(self) -> str:
        if self.random.chance(0.76):
            return "completed"
        return "scheduled" if self.random.chance(0.6) else "in_progress"

    def _later(self, day: int, delay: tuple[int, int]) -> int:
        return min(day + self.random.whole(*delay), self.days)

    def _day(self, day: int) -> str:
        return f"{self.start + timedelta(days=day):%Y-%m-%dT00:00:00Z}"


def _money(amount: float) -> str:
    """Two decimals of the double's exact value, ties away from zero."""
    return str(Decimal(amount).quantize(Decimal("0.01"), ROUND_HALF_UP))


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()
