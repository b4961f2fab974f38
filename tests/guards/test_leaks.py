import gzip
from time import process_time

import pytest

from ftv4.contracts.jsontext import loads
from ftv4.stages import STAGES
from tests.conftest import SHARED
from tests.guards.build import scanning

LABELLED, ANY = scanning("labelled"), scanning("any")


def kinds(guards, *texts):
    return [hit.kind for hit in guards.leaks(list(texts))]


@pytest.mark.parametrize(
    "prose",
    [
        "Competing channels make customer communication hard to sequence.",
        "It narrows decisions and sets clearer customer expectations.",
        "Send one structured customer update for every change of a job.",
        "Week 2: standardize customer update sequence for open work.",
        "Address one source of interruption at a time.",
        "Week 3: address 12 open approvals older than 48 hours.",
        "Name one person who answers the phone each morning.",
        "One customer, one window, one promise.",
        "The customer-facing name stays the same; email waits until noon.",
        "Customer Update Windows",
        "Confirm name, phone, and address before each visit is booked.",
        "Name, phone, and address are confirmed before each visit.",
        "phone calls after 5 pm go to voicemail",
        "customer 1 and customer 2 of the same crew",
        "bucket:customer_count:low",
        "Fewer call-backs \u2014 a calmer customer \u2014 and one name on each job",
    ],
)
def test_A3_ordinary_prose_passes(prose):
    """A3: the Node tool's rule refuses every row of three stages for sentences like the first four."""
    assert kinds(LABELLED, prose) == []


@pytest.mark.parametrize(
    "raw",
    [
        "name: John Smith",
        "Name : Jo",
        "x, name=Jo",
        "email=nobody",
        "E-Mail: nobody",
        "phone,5550000",
        "phone\t5550000",
        "customer;Jo Smith",
        "name,email,phone",
        "id,customer,total",
        "id, name, email, total",
        "Name | Phone | Address",
        "name, , phone",
        "name ; größe ; phone",
        '"name","email"',
        "first line\nname, phone\nlast line",
        "customer_name: Jo",
        "first_name,last_name",
        "phone number: none",
        '{"name":"Jo"}',
        "(address: 5 Elm)",
        "phone 5550000",
        "phone (555 0000",
        "customer 10482 called twice",
        "customer #12",
        "we asked customer John Smith about it",
        "the name - Mary Jones - came up",
        "customer\u00a0John\u00a0Smith",
        "name\u2003: Jo",
    ],
)
def test_A3_real_rows_stay_blocked(raw):
    """A3: what is pasted from records is still refused."""
    assert kinds(LABELLED, f"{raw}") == ["raw_row_hint"]
    assert kinds(LABELLED, "fine", raw, "fine") == ["raw_row_hint"]


@pytest.mark.parametrize(
    "prose", ["clearer customer expectations", "business name x", "phone home", "a;name=Z"]
)
def test_A3_the_node_tools_rule_stays_available(prose):
    assert kinds(ANY, prose) == ["raw_row_hint"]


@pytest.mark.parametrize("prose", ["customers wait", "rename it", "name", "names: x", "a-name x", "(name x"])
def test_the_node_tools_rule_wants_a_gap_on_both_sides(prose):
    assert kinds(ANY, prose) == []


@pytest.mark.parametrize("guards", [LABELLED, ANY])
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to Owner@Example.com", "email"),
        ("(555) 123-4567", "phone"),
        ("+1 555.123.4567", "phone"),
        ("1-555-123-4567", "phone"),
        ("555)\u2003123\u30004567", "phone"),
        ("12 Oak Blvd.", "address_hint"),
        ("ste.100", "address_hint"),
        ("an APARTMENT", "address_hint"),
    ],
)
def test_other_kinds_are_the_same_in_both_readings(guards, text, kind):
    assert kinds(guards, text) == [kind]


@pytest.mark.parametrize("text", ["5551234567", "555-1234", "12345-678-9012", "st. Paul", "boulevard", "x@y"])
def test_what_looks_alike_passes(text):
    assert kinds(LABELLED, text) == []


def test_a_hit_counts_once_a_kind_and_text():
    hits = LABELLED.leaks({"a": " x@y.zz ", "b": ["x@y.zz", "12 oak road for x@y.zz"]})

    assert [(hit.kind, hit.sample, hit.pointer) for hit in hits] == [
        ("email", "x@y.zz", "/a"),
        ("email", "12 oak road for x@y.zz", "/b/1"),
        ("address_hint", "12 oak road for x@y.zz", "/b/1"),
    ]


@pytest.mark.parametrize(
    ("text", "sample"),
    [
        ("a@b.co\n\t and  \u00a0more", "a@b.co and more"),
        ("a@b.co " + "y" * 73, "a@b.co " + "y" * 73),
        ("a@b.co " + "y" * 74, "a@b.co " + "y" * 70 + "..."),
        ("a@b.co " + "\U0001f600" * 40, "a@b.co " + "\U0001f600" * 35 + "..."),
    ],
)
def test_a_sample_is_one_line_of_at_most_80_units(text, sample):
    assert LABELLED.leaks(text)[0].sample == sample


@pytest.mark.parametrize("filling", ["é", " ", "a", "é ", "x@", "name", "customer ", "name,", "1.", "9 "])
def test_a_hostile_text_takes_no_more_time_than_its_length(filling):
    payload = ["name, x" + filling * 200_000, "phone"]

    start = process_time()
    LABELLED.leaks(payload), LABELLED.doctrine(payload, "quant_signals")

    assert process_time() - start < 10


@pytest.mark.parametrize("name", STAGES)
@pytest.mark.skipif(not SHARED.exists(), reason="no specification here")
def test_A3_real_rows_of_every_stage_are_clean(name):
    """A3: 0 of 641 rows of three stages could be trained on."""
    file = STAGES[name].dataset.rpartition("/")[2]
    with gzip.open(SHARED / "data" / "rows" / f"{file}.gz") as rows:
        found = [LABELLED.leaks([row["input"], row["output"]]) for row in map(loads, rows)]

    assert len(found) > 600
    assert not any(found)
