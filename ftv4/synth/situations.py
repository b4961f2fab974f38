"""Bends synthetic packs into situations that the generator hardly ever draws.

The generator's businesses are never short of capacity and rarely in doubt about their season. A
dataset made of them alone would teach one story. Bending keeps the records' amounts, kinds and
delays, and moves them: in time, towards few buyers, or away from completion.
"""

import csv
import io
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from ftv4.synth.packs import ESTIMATES, INVOICES, SCHEDULE, PackFiles, Random

Cells = dict[str, str]

LAGS = {"low": (0, 3), "medium": (4, 9), "high": (13, 24)}
"""Days from estimate to approval, by the level of latency."""
TOP_SHARES = {"medium": 0.47, "high": 0.7}
"""The five largest estimates' share of the money, by the level of concentration."""
OPEN_SHARES = {"low": 0.05, "medium": 0.25, "high": 0.5}
"""Jobs without an end, by the level of squeeze."""
MONTHS = {"low": (1.0, 1.0), "medium": (1.0, 1.6), "high": (1.0, 2.8)}
"""Rows in the quietest and in the busiest month, by the level of season."""
BURSTS = {"low": (1.0, 1.0), "medium": (1.4, 0.65), "high": (2.6, 0.06)}
"""Rows on a day of a busy and of a quiet spell, by the level of volatility."""
SPELL, BUSY = 15, 6
"""Days of a busy and a quiet spell together, and of the busy one: two a month, so months stay even."""


@dataclass(frozen=True)
class Situation:
    """What a business is to be like; whatever isn't named is low."""

    high: frozenset[str] = frozenset()
    medium: frozenset[str] = frozenset()

    @classmethod
    def of(cls, text: str) -> "Situation":
        """Read `squeeze+latency/season`: high ones, a slash, medium ones."""
        high, _, medium = text.partition("/")
        return cls(frozenset(filter(None, high.split("+"))), frozenset(filter(None, medium.split("+"))))

    def level(self, name: str) -> str:
        """`low`, `medium` or `high`."""
        return "high" if name in self.high else "medium" if name in self.medium else "low"


@dataclass(frozen=True)
class Deal:
    """One estimate and what followed from it, as rows of the three files."""

    estimate: Cells
    invoice: Cells | None
    job: Cells | None


def bend(drawn: Sequence[PackFiles], situation: Situation, random: Random, every: int = 1) -> PackFiles:
    """One pack out of the deals of some drawn ones of one industry and window, bent into a situation.

    `every` keeps each n-th deal only. The pack's own description is the first one's.
    """
    deals = [deal for files in drawn for deal in _deals(files)][::every]
    first = drawn[0].pack
    start, end = (
        datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (first.window_start, first.window_end)
    )
    calendar = _Calendar(start, (end - start).days, situation, random)
    moved = [calendar.move(deal) for deal in _spread(deals, calendar)]
    weighed = _concentrate(moved, situation.level("concentration"))
    finished = _leave_open(weighed, OPEN_SHARES[situation.level("squeeze")])
    return replace(drawn[0], csv=_files(finished, first.industry.upper()[:4]))


# reading and writing the three files


def _deals(files: PackFiles) -> list[Deal]:
    tables = {name: list(csv.DictReader(io.StringIO(text))) for name, text in files.csv.items()}
    invoices = {row["QuoteID"]: row for row in tables["invoices.csv"]}
    jobs = {row["QuoteID"]: row for row in tables.get("schedule.csv", ())}
    return [
        Deal(row, invoices.get(row["EstimateID"]), jobs.get(row["EstimateID"]))
        for row in tables["estimates.csv"]
    ]


def _files(deals: Iterable[Deal], prefix: str) -> dict[str, str]:
    """The files, deals in the order of their estimates, with ids of their own."""
    rows: dict[str, list[Cells]] = {"estimates.csv": [], "invoices.csv": [], "schedule.csv": []}
    for number, deal in enumerate(sorted(deals, key=lambda deal: deal.estimate["CreatedAt"]), 1):
        quote = {"QuoteID": f"EST_{prefix}_{number:04d}"}
        rows["estimates.csv"].append(deal.estimate | {"EstimateID": quote["QuoteID"]})
        if deal.invoice:
            identity = f"INV_{prefix}_{len(rows['invoices.csv']) + 1:04d}"
            rows["invoices.csv"].append(deal.invoice | quote | {"InvoiceID": identity})
        if deal.job:
            identity = f"JOB_{prefix}_{len(rows['schedule.csv']) + 1:04d}"
            rows["schedule.csv"].append(deal.job | quote | {"JobID": identity})
    headers = {"estimates.csv": ESTIMATES, "invoices.csv": INVOICES, "schedule.csv": SCHEDULE}
    return {
        name: _csv(headers[name], found) for name, found in rows.items() if found or name != "schedule.csv"
    }


def _csv(header: Sequence[str], rows: Iterable[Cells]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


# moving deals in time


class _Calendar:
    """A window's days, some likelier than others."""

    def __init__(self, start: datetime, days: int, situation: Situation, random: Random) -> None:
        self.start = start
        self.days = days
        self.random = random
        self.lags = LAGS[situation.level("latency")]
        weights = self._weights(MONTHS[situation.level("season")], BURSTS[situation.level("volatility")])
        self._upto = list(accumulate(weights))

    def _weights(self, months: tuple[float, float], bursts: tuple[float, float]) -> list[float]:
        dates = [self.start + timedelta(days=day) for day in range(self.days + 1)]
        lengths = Counter((date.year, date.month) for date in dates)
        quiet, busy = months
        ranks = self.random.shuffled(range(len(lengths)))
        step = (busy - quiet) / max(1, len(lengths) - 1)
        share = {month: (quiet + step * ranks[at]) / lengths[month] for at, month in enumerate(lengths)}
        return [share[date.year, date.month] * bursts[day % SPELL >= BUSY] for day, date in enumerate(dates)]

    def day(self, position: float) -> int:
        """The day at a position, 0 to 1, of all that happens in the window."""
        return min(self.days, bisect_left(self._upto, position * self._upto[-1]))

    def move(self, placed: tuple[Deal, int]) -> Deal:
        """A deal with its estimate on a day, and what follows as far behind it as it was."""
        deal, created = placed
        estimate = deal.estimate | {"CreatedAt": self._iso(created)}
        approved = created + self.random.whole(*self.lags)
        if not estimate["ApprovedAt"]:
            return Deal(estimate, None, None)
        if approved > self.days:
            return Deal(estimate | {"Status": "sent", "ApprovedAt": ""}, None, None)
        shift = self.start + timedelta(days=approved) - _date(deal.estimate["ApprovedAt"])
        return Deal(
            estimate | {"ApprovedAt": self._iso(approved)},
            self._later_invoice(deal.invoice, shift),
            self._later_job(deal.job, shift),
        )

    def _later_invoice(self, invoice: Cells | None, shift: timedelta) -> Cells | None:
        """The bill as long after the approval as it was; none that would be written after the window."""
        if invoice is None or not (issued := self._shifted(invoice["IssuedAt"], shift)):
            return None
        paid = self._shifted(invoice["PaidAt"], shift)
        status = "open" if invoice["PaidAt"] and not paid else invoice["Status"]
        return invoice | {"IssuedAt": issued, "PaidAt": paid, "Status": status}

    def _later_job(self, job: Cells | None, shift: timedelta) -> Cells | None:
        if job is None:
            return None
        dates = {name: f"{_date(job[name]) + shift:%Y-%m-%d}" for name in ("StartDate", "EndDate")}
        return job | dates

    def _shifted(self, text: str, shift: timedelta) -> str:
        if not text:
            return ""
        moved = _date(text) + shift
        return f"{moved:%Y-%m-%dT00:00:00Z}" if moved <= self.start + timedelta(days=self.days) else ""

    def _iso(self, day: int) -> str:
        return f"{self.start + timedelta(days=day):%Y-%m-%dT00:00:00Z}"


def _date(text: str) -> datetime:
    return datetime.fromisoformat(text[:10]).replace(tzinfo=UTC)


def _spread(deals: Iterable[Deal], calendar: _Calendar) -> Iterable[tuple[Deal, int]]:
    """Deals with their days: those that came to something and the others, each evenly along the calendar."""
    kinds: dict[bool, list[Deal]] = {True: [], False: []}
    for deal in deals:
        kinds[bool(deal.estimate["ApprovedAt"])].append(deal)
    for kind in kinds.values():
        for number, deal in enumerate(kind):
            jitter = (calendar.random.fraction() - 0.5) * 0.6
            yield deal, calendar.day((number + 0.5 + jitter) / len(kind))


# moving money and completion


def _concentrate(deals: Sequence[Deal], level: str) -> list[Deal]:
    """Let the five largest estimates have their share; as they are, where that is low."""
    if level not in TOP_SHARES:
        return list(deals)
    ranked = sorted(range(len(deals)), key=lambda at: float(deals[at].estimate["Total"]), reverse=True)
    top, rest = ranked[:5], ranked[5:]
    wanted = TOP_SHARES[level] / (1 - TOP_SHARES[level]) * _sum(deals, rest)
    factor = wanted / _sum(deals, top)
    return [_times(deal, factor) if at in top else deal for at, deal in enumerate(deals)]


def _sum(deals: Sequence[Deal], chosen: Iterable[int]) -> float:
    return sum(float(deals[at].estimate["Total"]) for at in chosen)


def _times(deal: Deal, factor: float) -> Deal:
    def grown(cells: Cells | None) -> Cells | None:
        return cells and cells | {"Total": f"{float(cells['Total']) * factor:.2f}"}

    return Deal(
        deal.estimate | {"Total": f"{float(deal.estimate['Total']) * factor:.2f}"},
        grown(deal.invoice),
        grown(deal.job),
    )


def _leave_open(deals: Iterable[Deal], share: float) -> list[Deal]:
    """Take the end off every n-th job; the others are completed."""
    left, behind = [], 0.0
    for deal in deals:
        job = deal.job
        if job is not None:
            behind += share
            is_open = behind >= 1
            behind -= is_open
            job |= {"Status": "completed"}
            if is_open:
                job |= {"Status": "in_progress", "EndDate": "", "EndTime": ""}
        left.append(replace(deal, job=job))
    return left
