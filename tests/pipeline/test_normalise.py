import pytest

from ftv4.pipeline.normalise import CsvFile, classify, normalise


def read(text, name="export.csv"):
    return normalise([CsvFile(name, text)], source_tool="test", created_at="2026-02-09")


def only(text, kind):
    (record,) = getattr(read(text).pack, kind)
    return record.model_dump(exclude_none=True)


def test_a_quote_is_read_whatever_its_headers_are_called():
    assert only(
        'Estimate ID,STATE,Created,Converted-At,Sub Total\nA-1,Accepted,2026-01-05,2026-01-06,"$1,234.50"\n',
        "quotes",
    ) == {
        "id": "A-1",
        "status": "approved",
        "created_at": "2026-01-05T00:00:00.000Z",
        "approved_at": "2026-01-06T00:00:00.000Z",
        "total": 1234.5,
    }


def test_an_invoice_is_read():
    assert only(
        "Invoice (#),Quote ID,Status,Date Issued,Marked Paid Date,Balance\nI1,Q1,Unpaid,1/5/2026,,20\n",
        "invoices",
    ) == {
        "id": "I1",
        "related_quote_id": "Q1",
        "status": "open",
        "issued_at": "2026-01-05T00:00:00.000Z",
        "total": 20,
    }


def test_a_jobs_date_and_time_are_one_moment():
    assert only(
        "JobID,Status,StartDate,StartTime,EndDate,EndTime\n,Completed,2026-01-05,9:30,2026-01-06,10:00\n",
        "jobs",
    ) == {
        "id": "row_1",
        "status": "completed",
        "scheduled_at": "2026-01-05T09:30:00.000Z",
        "completed_at": "2026-01-06T10:00:00.000Z",
    }


def test_a_customer_is_read():
    assert only("Customer ID,Company,Status,City,Province\n7,Acme,Active,Hull,ON\n", "customers") == {
        "id": "7",
        "name": "Acme",
        "status": "open",
        "city": "Hull",
        "state": "ON",
    }


@pytest.mark.parametrize(
    "word, status",
    [("Draft", "draft"), ("sent out", "sent"), ("DECLINED", "rejected"), ("who knows", "other"), ("", None)],
)
def test_a_status_is_one_of_ours(word, status):
    (quote,) = read(f"Quote ID,Status\nA,{word}\n").pack.quotes
    assert quote.status == status


@pytest.mark.parametrize(
    "cell", ["abc", "1_000", "nan", "Infinity", "1e999", "12.3.4", "0x10", "", "(5)", "٣"]
)
def test_what_is_no_number_is_absent(cell):
    (quote,) = read(f"Quote ID,Total\nA,{cell}\n").pack.quotes
    assert quote.total is None


@pytest.mark.parametrize(
    "cell, kept",
    [
        ("owner@example.com", "[redacted]"),
        ("call 555-123-4567 now", "call [redacted] now"),
        ("(555) 123-4567", "[redacted]"),
        ("+1 555.123.4567", "[redacted]"),
        ("INV_AGEN_0001", "INV_AGEN_0001"),
    ],
)
def test_ids_lose_what_reaches_a_person(cell, kept):
    (quote,) = read(f"Quote ID,Total\n{cell},1\n").pack.quotes
    assert quote.id == kept


@pytest.mark.parametrize(
    "headers, category",
    [
        (["quoteid", "invoiceid"], "invoices"),
        (["quoteid", "total"], "quotes"),
        (["startdate", "starttime"], "calendar"),
        (["jobid", "startdate"], "jobs"),
        (["jobid", "quoteid"], "quotes"),
        (["event", "date"], "calendar"),
        (["clientname"], "customers"),
        (["x"], "unknown"),
    ],
)
def test_headers_say_what_a_file_holds(headers, category):
    assert classify(headers) == category


def test_C1_a_file_that_cannot_be_read_is_named_and_the_others_count():
    found = normalise(
        [
            CsvFile("bad.csv", "Quote ID,Total\nA,1\nB,2,3\n"),
            CsvFile("torn.csv", 'Quote ID,Total\nA,"1\n'),
            CsvFile("book.xls", "x"),
            CsvFile("odd.csv", "x\n1\n"),
            CsvFile("empty.csv", ""),
            CsvFile("good.csv", "Quote ID,Total\n\nA,1\r\n"),
        ],
        source_tool="test",
        created_at="2026-02-09",
    )

    assert [quote.id for quote in found.pack.quotes] == ["A"]
    assert [warning.partition(".")[0] for warning in found.warnings] == [
        "bad",
        "torn",
        "book",
        "odd",
        "empty",
    ]
    assert "line 3 has 3 cells, the header 2" in found.warnings[0]


def test_a_byte_order_mark_is_no_part_of_the_header():
    assert read('\ufeff"Quote ID",Total\nA,1\n').pack.quotes[0].id == "A"


def test_lists_without_records_are_absent():
    assert read("Quote ID\nA\n").pack.invoices is None
