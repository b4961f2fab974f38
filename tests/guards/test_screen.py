"""The screen may suspect what is clean; it never clears what isn't."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftv4.contracts.jsontext import SPACE
from ftv4.contracts.policy import LeakScan
from ftv4.guards.doctrine import Doctrine
from ftv4.guards.drift import Drift
from ftv4.guards.exposure import FIELDS, leak_finders
from ftv4.guards.walk import texts
from tests.gates.build import row
from tests.guards.build import SHIPPED, guards

ODD = SHIPPED.model_copy(
    update={
        "forbidden_vocabulary": (*SHIPPED.forbidden_vocabulary, "größe", "c++", 'a "b" c', "漢字", "web3")
    }
)
POLICIES = [
    ODD.model_copy(update={"leak_scan": LeakScan(raw_row_hint="labelled")}),
    ODD.model_copy(update={"leak_scan": LeakScan(raw_row_hint="any")}),
]
TERMS = [
    *ODD.forbidden_vocabulary,
    *ODD.infinite_feed_phrases,
    *ODD.shaming_phrases,
    *(term for terms in ODD.stage_drift_terms.values() for term in terms),
]
RAW = [
    "a@b.co",
    "555",
    "123",
    "4567",
    "(",
    ")",
    "+1",
    "street",
    "st.",
    "rd.x",
    "apt.",
    "Blvd",
    "Jo Smith",
    "10482",
]
GLUE = ["", " ", "-", ".", ",", ";", ":", "=", "|", '"', "'", "_", "é", "—", "\0", "\n", "\ud800", *SPACE]
ODDITIES = ["\N{KELVIN SIGN}", "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", "\\", "x", "9", "\U0001f600"]


def spelled(term):
    """The term, or a spelling of it that lower-cases to it."""
    return st.sampled_from(
        [term, term.upper(), term.title(), term.replace("k", "\N{KELVIN SIGN}"), term.replace("i", "İ")]
    )


PIECE = st.one_of(
    st.sampled_from(TERMS).flatmap(spelled),
    st.sampled_from([*FIELDS, *RAW, *ODDITIES]),
    st.sampled_from(FIELDS).flatmap(spelled),
    st.sampled_from(GLUE),
)
TEXT = st.lists(PIECE, min_size=1, max_size=6).map("".join)
PAYLOAD = st.recursive(
    TEXT | st.none() | st.integers() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.parametrize("policy", POLICIES, ids=["labelled", "any"])
@settings(max_examples=300, deadline=None)
@given(payload=PAYLOAD)
def test_nothing_that_a_guard_finds_is_cleared(policy, payload):
    suspects = COMPILED[policy.leak_scan.raw_row_hint].suspects(payload)

    if any(Doctrine(policy).text_objections(payload)):
        assert "doctrine" in suspects
    for stage in ODD.stage_drift_terms:
        if any(Drift(policy).text_objections(payload, stage)):
            assert stage in suspects
    finders = leak_finders(policy.leak_scan).values()
    if any(finder(text.strip(SPACE)) for text, _ in texts(payload) for finder in finders):
        assert "leaks" in suspects


COMPILED = {
    policy.leak_scan.raw_row_hint: guards(
        forbidden_vocabulary=policy.forbidden_vocabulary, leak_scan=policy.leak_scan
    )
    for policy in POLICIES
}


@pytest.mark.parametrize("stage", SHIPPED.stage_drift_terms)
def test_ordinary_rows_are_not_even_suspected(stage):
    whole = row(stage)
    compiled = guards()

    assert not compiled.suspects(whole["input"]) & {"doctrine", "leaks"}
    assert not compiled.suspects(whole["output"]) & {"doctrine", "leaks", stage}
