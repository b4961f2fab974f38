import pytest

from ftv4.contracts.jsontext import SPACE
from tests.guards.build import codes, guards


def said(*texts):
    return guards().doctrine({"notes": list(texts)}, "quant_signals")


def test_failures_come_list_by_list_in_the_policys_order():
    failures = said("you failed", "check weekly and check daily", "a KPI on a dashboard")

    assert [(failure.code, failure.message.rpartition(": ")[2]) for failure in failures] == [
        ("forbidden_vocabulary", "dashboard"),
        ("forbidden_vocabulary", "kpi"),
        ("infinite_feed_language", "check daily"),
        ("infinite_feed_language", "check weekly"),
        ("shaming_language", "you failed"),
    ]
    assert {failure.stage_name for failure in failures} == {"quant_signals"}


def test_raw_data_is_named_once_a_kind_as_the_texts_come():
    failures = said("12 oak road", "a@b.co and 555-123-4567", "more@b.co")

    assert [failure.message.rpartition(": ")[2] for failure in failures] == [
        "possible_address_exposure",
        "possible_email_exposure",
        "possible_phone_exposure",
    ]


@pytest.mark.parametrize("gap", [*SPACE, "-", "."])
def test_a_phone_number_may_have_any_gap(gap):
    assert codes(said(f"call 555{gap}123{gap}4567 now")) == ["raw_data_exposure"]


@pytest.mark.parametrize(
    "text",
    [
        "5551234567",
        "(555) 123-4567",
        "1555-123-4567",
        "555-123-45678",
        "555\x1c123\x1c4567",
        "555\u0085123\u00854567",
        "555--123-4567",
        "_555-123-4567",
        "\u0665\u0665\u0665-123-4567",
    ],
)
def test_what_is_no_phone_number_passes(text):
    assert not said(text)


@pytest.mark.parametrize(
    "text", ["st.paul", "Main STREET", "rd.5", "suite", "hotel suite 5", "streeté", "apt._"]
)
def test_an_address_word_between_boundaries_is_found(text):
    assert codes(said(text)) == ["raw_data_exposure"]


@pytest.mark.parametrize(
    "text", ["st. paul", "12 Oak st.", "streets", "broadly", "est.x", "\u017ftreet", "ste.5"]
)
def test_an_address_word_inside_another_or_before_a_space_passes(text):
    assert not said(text)


@pytest.mark.parametrize(
    "text", ["owner@example.com", "x OWNER@EXAMPLE.CO y", "üser@example.com", "a+b@c-d.ef"]
)
def test_an_email_address_is_found(text):
    assert codes(said(text)) == ["raw_data_exposure"]


@pytest.mark.parametrize(
    "text", ["@example.com", "user@localhost", "user@example.c", "user@exam ple", "a @ b.co"]
)
def test_what_is_no_email_address_passes(text):
    assert not said(text)


def test_every_offending_reference_is_an_objection_wherever_it_is():
    payload = {
        "evidence_refs": ["bucket:ok:1", "nope", "nope", 5, None],
        "deep": [{"evidence_refs": ["Bucket:x", {"evidence_refs": ["bucket:a b"]}, "bucket:x\n", "bucket:"]}],
        "evidence_index": {"refs": ["not looked at"]},
        "evidence_refs_too": ["nor this"],
    }

    found = [objection for objection in guards().doctrine_objections(payload)]

    assert [objection.pointer for objection in found] == [
        "/evidence_refs/1",
        "/evidence_refs/2",
        "/deep/0/evidence_refs/0",
        "/deep/0/evidence_refs/2",
        "/deep/0/evidence_refs/3",
        "/deep/0/evidence_refs/1/evidence_refs/0",
    ]
    assert {objection.code for objection in found} == {"evidence_ref_invalid"}


def test_an_objection_points_at_the_first_place():
    payload = {"a": {"b/c": ["fine", "a kpi"]}, "d": "kpi"}

    assert [objection.pointer for objection in guards().doctrine_objections(payload)] == ["/a/b~1c/1"]


@pytest.mark.parametrize(
    "payload", [None, 5, 1.5, True, "kpi", [], {}, [[["kpi"]]], {"a": None}, "\ud800 kpi"]
)
def test_any_payload_gets_an_answer(payload):
    found = codes(guards().doctrine(payload, "nowhere"))

    assert found == (["forbidden_vocabulary"] if "kpi" in str(payload) else [])


def test_a_payload_of_any_depth_gets_an_answer():
    payload = "a kpi"
    for _ in range(3000):
        payload = [payload]

    assert codes(guards().doctrine(payload, "quant_signals")) == ["forbidden_vocabulary"]


def test_a_message_can_be_written_to_any_file():
    (failure,) = guards().doctrine({"evidence_refs": ["half \ud83d pair"]}, "quant_signals")

    assert failure.message.encode()
