"""Strangers' text comes out as one inert line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftv4.encode import for_log, for_markdown

HOSTILE = [
    "::set-output name=passed::true",
    "x ##[error]no",
    "a\n::warning::b",
    "\x1b[2Jclear",
    "\u202eevil",
    "line\u2028break",
    "\ud800",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_log_line_holds_no_command(text):
    line = for_log(text)

    assert "::" not in line
    assert "##" not in line
    assert line.isascii()
    assert line.isprintable()


@given(st.text())
def test_any_text_is_one_printable_ascii_line(text):
    for line in (for_log(text), for_markdown(text)):
        assert line.isascii()
        assert line.isprintable()


@given(st.text(alphabet="`|@<>a "))
def test_nothing_leaves_its_code_span(text):
    span = for_markdown(text)

    assert span.count("`") == 2
    assert not set("|@") & set(span)


def test_long_text_is_cut():
    assert len(for_log("a" * 1000, limit=10)) < 20
