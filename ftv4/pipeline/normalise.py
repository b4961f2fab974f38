"""Reads the CSV files a business exports, whatever their headers, as one data pack (contracts.md §12.2).

A file that can't be read, or that nobody can tell what it is, is a warning; the others still count.
"""

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ftv4.contracts.pack import Customer, DataPack, Invoice, PackJob, Quote, Status
from ftv4.encode import for_log
from ftv4.pipeline.dates import iso

Category = Literal["quotes", "invoices", "calendar", "jobs", "customers", "unknown"]
Cells = Mapping[str, str]
"""One record: header key → cell."""


@dataclass(frozen=True)
class CsvFile:
    """A file as it was exported."""

    name: str
    text: str


@dataclass(frozen=True)
class Read:
    """What became of one file."""

    name: str
    category: Category
    rows: int
    """Taken into the pack."""
    problem: str | None
    """Why it was left out."""


@dataclass(frozen=True)
class Normalised:
    """The pack, and what became of each file."""

    pack: DataPack
    files: tuple[Read, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """A line for each file left out."""
        return tuple(f"{for_log(file.name)}: {file.problem}" for file in self.files if file.problem)


def normalise(files: Iterable[CsvFile], *, source_tool: str, created_at: str) -> Normalised:
    """Read files into one pack; records keep the files' order. `created_at` is ISO 8601."""
    records: dict[Category, list[Cells]] = {}
    read = [_read(file, records) for file in files]
    jobs = [*records.get("jobs", ()), *records.get("calendar", ())]
    pack = DataPack(
        version="data_pack_v0",
        source_tool=source_tool,
        created_at=created_at,
        customers=tuple(map(_customer, records.get("customers", ()))) or None,
        quotes=tuple(map(_quote, records.get("quotes", ()))) or None,
        invoices=tuple(map(_invoice, records.get("invoices", ()))) or None,
        jobs=tuple(_job(cells, number) for number, cells in enumerate(jobs, 1)) or None,
    )
    return Normalised(pack, tuple(read))


# files


def _read(file: CsvFile, records: dict[Category, list[Cells]]) -> Read:
    if file.name.lower().endswith((".xls", ".xlsx")):
        return Read(file.name, "unknown", 0, "a workbook, not CSV; save each sheet as CSV")
    try:
        found = list(_records(file.text))
    except (csv.Error, ValueError) as error:
        return Read(file.name, "unknown", 0, f"not CSV: {error}")
    if not found:
        return Read(file.name, "unknown", 0, "no records")
    category = classify(list(found[0]))
    if category == "unknown":
        return Read(file.name, category, 0, "neither quotes, invoices, jobs nor customers")
    records.setdefault(category, []).extend(found)
    return Read(file.name, category, len(found), None)


def _records(text: str) -> Iterator[Cells]:
    """Raises ValueError or csv.Error for the first record that doesn't fit the header."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    header: list[str] | None = None
    for row in reader:
        if not any(row) and len(row) < 2:
            continue
        if header is None:
            header = [re.sub(r"[^a-z0-9]", "", cell.lower()) for cell in row]
        elif len(row) != len(header):
            raise ValueError(f"line {reader.line_num} has {len(row)} cells, the header {len(header)}")
        else:
            yield dict(zip(header, row, strict=True))


_INVOICE_HEADERS = frozenset(
    {"invoice", "invoiceid", "invoicenumber", "balance", "paidat", "paiddate", "amountdue", "amountpaid"}
)
_TERMS: dict[Category, tuple[str, ...]] = {
    "quotes": ("quote", "estimate", "proposal"),
    "invoices": ("invoice", "billing"),
    "calendar": ("calendar", "event", "startdate", "starttime"),
    "jobs": ("job", "appointment", "workorder", "schedule", "startdate", "starttime"),
    "customers": ("customer", "client", "account"),
}
"""What a file's headers speak of; of equal scores the first wins."""


def classify(headers: Sequence[str]) -> Category:
    """What a file holds, by its header keys (lower-case, letters and digits only)."""
    if not _INVOICE_HEADERS.isdisjoint(headers):
        return "invoices"
    joined = " ".join(headers)
    scores = {name: sum(term in joined for term in terms) for name, terms in _TERMS.items()}
    starts = any(term in joined for term in ("startdate", "starttime", "calendar"))
    if starts and scores["calendar"] == scores["jobs"]:
        return "calendar"
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] else "unknown"


# records


def _quote(cells: Cells) -> Quote:
    return Quote(
        id=_text(cells, "quoteid", "estimateid", "proposalid", "number"),
        status=_status(cells, _QUOTE_WORDS, "status", "state"),
        created_at=iso(_first(cells, "createdat", "created", "date", "issuedat")),
        approved_at=iso(_first(cells, "approvedat", "acceptedat", "convertedat")),
        total=_number(cells, "total", "amount", "subtotal", "price"),
    )


def _invoice(cells: Cells) -> Invoice:
    issued = ("issuedat", "issueddate", "invoicedate", "createdat", "createddate", "date", "dateissued")
    return Invoice(
        id=_text(cells, "invoiceid", "invoice", "invoicenumber", "number", "id"),
        related_quote_id=_text(cells, "quoteid", "relatedquoteid", "estimateid"),
        status=_status(cells, _INVOICE_WORDS, "status", "state"),
        issued_at=iso(_first(cells, *issued)),
        paid_at=iso(_first(cells, "paidat", "paiddate", "markedpaiddate", "paymentdate", "closedat")),
        total=_number(cells, "total", "totalamount", "amount", "balance", "pretaxtotal", "subtotal"),
    )


def _job(cells: Cells, number: int) -> PackJob:
    start = _joined(_first(cells, "startdate", "scheduleddate", "date"), cells.get("starttime"))
    end = _joined(_first(cells, "enddate"), cells.get("endtime"))
    return PackJob(
        id=_text(cells, "jobid", "appointmentid", "workorderid", "eventid", "number") or f"row_{number}",
        related_quote_id=_text(cells, "quoteid", "relatedquoteid", "estimateid"),
        status=_status(cells, _JOB_WORDS, "status", "state"),
        scheduled_at=iso(start or _first(cells, "scheduledat", "start")),
        completed_at=iso(end or _first(cells, "completedat", "end", "closedat")),
        total=_number(cells, "total", "amount", "price"),
    )


def _customer(cells: Cells) -> Customer:
    return Customer(
        id=_text(cells, "customerid", "clientid", "accountid", "id"),
        name=_text(cells, "name", "customername", "company"),
        status=_status(cells, _CUSTOMER_WORDS, "status", "state"),
        created_at=iso(_first(cells, "createdat", "created", "date")),
        city=_text(cells, "city"),
        state=_text(cells, "state", "province"),
    )


_QUOTE_WORDS: tuple[tuple[str, Status], ...] = (
    ("approved", "approved"),
    ("accepted", "approved"),
    ("converted", "approved"),
    ("sent", "sent"),
    ("rejected", "rejected"),
    ("declined", "rejected"),
    ("draft", "draft"),
)
_INVOICE_WORDS: tuple[tuple[str, Status], ...] = (
    ("unpaid", "open"),
    ("paid", "paid"),
    ("overdue", "overdue"),
    ("void", "void"),
    ("open", "open"),
)
_JOB_WORDS: tuple[tuple[str, Status], ...] = (
    ("complete", "completed"),
    ("schedule", "scheduled"),
    ("progress", "in_progress"),
    ("cancel", "canceled"),
)
_CUSTOMER_WORDS: tuple[tuple[str, Status], ...] = (("active", "open"),)
"""Finds itself in "inactive" too, as the Node tool does; nothing reads a customer's status."""


# cells


def _first(cells: Cells, *headers: str) -> str | None:
    """The first of the headers that has something in its cell."""
    return next((cells[header] for header in headers if cells.get(header, "").strip()), None)


def _joined(date: str | None, time: str | None) -> str | None:
    return f"{date.strip()} {(time or '').strip()}".strip() if date else None


def _status(cells: Cells, words: Iterable[tuple[str, Status]], *headers: str) -> Status | None:
    cell = _first(cells, *headers)
    if cell is None:
        return None
    return next((status for word, status in words if word in cell.lower()), "other")


_CONTACT = re.compile(
    r"[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}|(?:\+?1[\s.-]?)?\(?\b\d{3}\)?[\s.-]?\d{3}[\s.-]?\d{4}\b",
    re.ASCII | re.IGNORECASE,
)


def _text(cells: Cells, *headers: str) -> str | None:
    """A cell without what could name or reach a person."""
    cell = _first(cells, *headers)
    return None if cell is None else _CONTACT.sub("[redacted]", cell.strip())


_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def _number(cells: Cells, *headers: str) -> float | None:
    cell = (_first(cells, *headers) or "").replace("$", "").replace(",", "").strip()
    if not _NUMBER.fullmatch(cell):
        return None
    number = float(cell)
    return number if math.isfinite(number) else None
