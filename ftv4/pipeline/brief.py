"""Turns a business's records into a brief: six buckets and a few counts, contracts.md §13.

The buckets are the Node tool's, value for value, so that old rows and new ones mean the same; its
rough edges stay (weaknesses.md C9, B12): months are merged over years, a week is a seventh of a
thirty-day month, and a job counts as completed when it has an end date, whatever its status says.
Only where it read the clock, for a pack without a single date, the pack's own `created_at` answers
here: a brief follows from its pack alone.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from statistics import median
from typing import Literal

from ftv4.contracts.brief import Brief, Bucket, WindowMode
from ftv4.contracts.models import normal_industry
from ftv4.contracts.pack import DataPack, Invoice, Quote
from ftv4.contracts.row import RUN_ID
from ftv4.encode import for_log
from ftv4.errors import ContractError
from ftv4.pipeline.dates import DAY, day, instant, utc

Direction = Literal["up", "down", "flat", "mixed", "unknown"]
Confidence = Literal["low", "medium", "high"]

_HIGH_IS_UP: dict[str, Direction] = {"high": "up", "low": "down"}
_SEASONS: dict[str, Direction] = {"strong": "up", "weak": "mixed"}


@dataclass(frozen=True)
class Records:
    """A pack's quotes and invoices."""

    quotes: Sequence[Quote]
    invoices: Sequence[Invoice]
    moments: Sequence[int]
    """When the dated ones were created or issued, quotes first."""

    @classmethod
    def of(cls, quotes: Sequence[Quote], invoices: Sequence[Invoice]) -> "Records":
        """Records, with their dates read."""
        dates = [quote.created_at for quote in quotes] + [invoice.issued_at for invoice in invoices]
        return cls(quotes, invoices, _known(map(instant, dates)))

    def between(self, start: int, end: int) -> "Records":
        """Those dated within two instants, both included."""
        return Records.of(
            [quote for quote in self.quotes if _within(start, instant(quote.created_at), end)],
            [invoice for invoice in self.invoices if _within(start, instant(invoice.issued_at), end)],
        )


def make_brief(
    pack: DataPack, *, client_id: str, run_id: str, industry: str, role: str | None, mode: WindowMode
) -> Brief:
    """Measure a pack in one window.

    `industry` is normalised; a missing `role` is `unknown`. Raises ContractError for a run id that no
    record can have, and when neither the records nor the pack itself have a date.
    """
    if not re.fullmatch(RUN_ID, run_id):
        raise ContractError(f"run id {for_log(run_id)}: letters, digits, `_`, `.` and `-` only, at most 120")
    everything = Records.of(pack.quotes or (), pack.invoices or ())
    start, end = _window(pack, mode)
    inside = everything.between(start, end)
    counts = [len(records or ()) for records in (pack.quotes, pack.invoices, pack.jobs, pack.customers)]
    quotes, invoices, jobs, customers = counts
    return Brief(
        client_id=client_id,
        run_id=run_id,
        industry=normal_industry(industry),
        role=role or "unknown",
        window_mode=mode,
        window_start=day(start),
        window_end=day(end),
        row_limit=100 if mode == "last_100_closed_estimates" else 90,
        notes=(f"Window: {day(start)}..{day(end)}", f"Rows in window: {len(inside.moments)}"),
        buckets=_buckets(pack, everything, inside),
        throughput=count_bucket(quotes + invoices + jobs),
        service_mix=_service_mix(quotes, invoices, jobs),
        team_size=_team_size(customers),
        invoice_count=count_bucket(invoices),
        estimate_count=count_bucket(quotes),
        job_count=count_bucket(jobs),
        customer_count=count_bucket(customers),
        saw_quotes=quotes > 0,
        saw_invoices=invoices > 0,
        saw_jobs=jobs > 0,
        saw_customers=customers > 0,
    )


def count_bucket(count: int) -> str:
    """How many, as a word."""
    return _step(count, ((0, "none"), (5, "very_low"), (15, "low"), (40, "medium")), "high")


# the window


def _window(pack: DataPack, mode: WindowMode) -> tuple[int, int]:
    """First and last instant, both included."""
    if mode == "last_100_closed_estimates" and (closed := _closed(pack.quotes or ())):
        return closed[0], closed[-1]
    end = max(_dates(pack), default=None)
    if end is None:
        end = instant(pack.created_at)
    if end is None:
        raise ContractError(
            "data pack: no record has a date, nor has the pack", hint="give the pack a created_at in ISO 8601"
        )
    return end - 89 * DAY, end


def _closed(quotes: Iterable[Quote]) -> list[int]:
    """When the last hundred approved quotes were approved, ascending."""
    approved = (quote for quote in quotes if quote.status == "approved" or quote.approved_at)
    return sorted(_known(instant(quote.approved_at or quote.created_at) for quote in approved))[-100:]


def _dates(pack: DataPack) -> list[int]:
    texts = [quote.created_at for quote in pack.quotes or ()]
    texts += [invoice.issued_at for invoice in pack.invoices or ()]
    texts += [job.scheduled_at for job in pack.jobs or ()]
    return _known(map(instant, texts))


# the buckets


def _buckets(pack: DataPack, everything: Records, inside: Records) -> tuple[Bucket, ...]:
    confidence = _confidence(len(inside.moments))
    volatility, season = _volatility(inside.moments), _seasonality(inside.moments)
    rising = _HIGH_IS_UP.get
    measures: tuple[tuple[str, str, str, Callable[[str, Direction], Direction]], ...] = (
        ("revenue_concentration_top5", "Top-5 revenue concentration", _concentration(inside), rising),
        ("volatility", "Workload volatility", volatility, rising),
        ("seasonality", "Seasonality signal", season, _SEASONS.get),
        ("decision_latency", "Quote decision latency", _latency(inside.quotes), rising),
        ("capacity_squeeze_proxy", "Capacity squeeze proxy", _capacity(pack, everything), rising),
        ("lead_source", "Lead source concentration", "not_available", lambda *_: "unknown"),
    )
    return tuple(
        Bucket(
            id=name,
            label=label,
            value=value,
            direction=direction(value, "flat"),
            confidence=confidence,
            evidence_ref=f"bucket:{name}:{re.sub(r'[^a-z0-9_:-]', '_', value.lower())}",
        )
        for name, label, value, direction in measures
    )


def _confidence(rows: int) -> Confidence:
    return "high" if rows >= 120 else "medium" if rows >= 40 else "low"


def _concentration(records: Records) -> str:
    """The share of the five largest in all of the money."""
    totals = _positive(records.quotes) or _positive(records.invoices)
    if not totals:
        return "unknown"
    share = _sum(sorted(totals, reverse=True)[:5]) / _sum(totals)
    return _step(share, ((0.35, "low"), (0.6, "medium")), "high")


def _positive(records: Iterable[Quote | Invoice]) -> list[float]:
    return [record.total for record in records if record.total is not None and record.total > 0]


def _volatility(moments: Iterable[int]) -> str:
    """How unlike each other the weeks are: coefficient of variation of rows a week."""
    weeks = list(Counter(map(_pseudo_week, moments)).values())
    if len(weeks) < 4:
        return "unknown"
    mean = sum(weeks) / len(weeks)
    variance = sum((count - mean) ** 2 for count in weeks) / (len(weeks) - 1)
    return _step(math.sqrt(variance) / mean, ((0.25, "low"), (0.5, "medium")), "high")


def _pseudo_week(moment: int) -> tuple[int, int]:
    """A seventh of a year of thirty-day months; not a calendar week, and kept so for old rows' sake."""
    date = utc(moment)
    return date.year, math.ceil((date.day + 30 * (date.month - 1)) / 7)


def _seasonality(moments: Iterable[int]) -> str:
    """How much the busiest month outdoes the quietest."""
    months = Counter(utc(moment).month for moment in moments).values()
    if len(months) < 3:
        return "none"
    ratio = max(months) / min(months)
    return "none" if ratio < 1.4 else "weak" if ratio < 2 else "strong"


def _latency(quotes: Iterable[Quote]) -> str:
    """The median of days from a quote to its approval."""
    pairs = ((instant(quote.created_at), instant(quote.approved_at)) for quote in quotes)
    waits = [max(0, end - start) / DAY for start, end in pairs if start is not None and end is not None]
    return _step(median(waits), ((3, "low"), (10, "medium")), "high") if waits else "unknown"


def _capacity(pack: DataPack, everything: Records) -> str:
    """The share of scheduled jobs with an end, over the whole pack; without jobs, the volatility."""
    if not pack.jobs:
        return _volatility(everything.moments)
    scheduled = sum(1 for job in pack.jobs if job.scheduled_at)
    completed = sum(1 for job in pack.jobs if job.completed_at)
    if not scheduled:
        return "unknown"
    done = completed / scheduled
    return "low" if done >= 0.85 else "medium" if done >= 0.65 else "high"


def _service_mix(quotes: int, invoices: int, jobs: int) -> str:
    kinds = {"quotes_heavy": quotes, "invoices_heavy": invoices, "jobs_heavy": jobs}
    total = sum(kinds.values())
    if not total:
        return "unknown"
    largest = max(kinds, key=lambda kind: kinds[kind])
    return "balanced" if kinds[largest] / total < 0.45 else largest


def _team_size(customers: int) -> str:
    return _step(customers, ((0, "unknown"), (10, "small"), (40, "medium")), "large")


# small things


def _sum(numbers: Iterable[float]) -> float:
    """One after the other, as the Node tool adds; `sum` rounds otherwise from Python 3.12 on."""
    return reduce(add, numbers, 0.0)


def _known(moments: Iterable[int | None]) -> list[int]:
    return [moment for moment in moments if moment is not None]


def _within(start: int, moment: int | None, end: int) -> bool:
    return moment is not None and start <= moment <= end


def _step(number: float, steps: Iterable[tuple[float, str]], beyond: str) -> str:
    """The first word whose limit a number doesn't pass."""
    return next((word for limit, word in steps if number <= limit), beyond)
