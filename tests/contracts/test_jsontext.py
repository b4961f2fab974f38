"""JSON text is read as JavaScript reads it, and what isn't JSON is refused in one line."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftv4.contracts.jsontext import DEEPEST, NotJson, loads, trimmed

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_what_was_written_is_read_again(value):
    assert loads(json.dumps(value)) == value
    assert loads(json.dumps(value, ensure_ascii=True).encode()) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('"\\ud83d"', "\ud83d"),
        ('"\\ude00\\ud83d"', "\ude00\ud83d"),
        ('"\\ud83d\\ude00"', "😀"),
        ('"\\u0000\x7f\u2028\\/"', "\0\x7f\u2028/"),
        ("9e1", 90.0),
        ("90.000000000000001", 90.0),
        ("1e400", math.inf),
        ("-1e400", -math.inf),
        ("9" * 400, math.inf),
        ("9" * 5000, math.inf),
        ('["\\ud83d", 18446744073709551616]', ["\ud83d", 2**64]),
        (" \t\r\n1 ", 1),
    ],
)
def test_unusual_json_is_read(text, value):
    assert loads(text) == value
    assert loads(text.encode()) == value


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "nul", "NaN", "Infinity", "-Infinity", "[NaN]", "undefined", "'a'", "{'a': 1}"),
        *("01", "1.", ".5", "+1", "0x5A", "1_0", "1e", "[1,]", '{"a":1,}', "1 2", "/*c*/ 1", "[1"),
        *('"\t"', '"\n"', '"\\x41"', '"\\u12"', '"a', "\ufeff1", "\u00a01", "\x0c1", "\u0661"),
        '["\\ud83d", NaN]',
        '{"\\ud83d": "\t"}',
    ],
)
def test_what_is_not_json_is_refused_in_one_line(text):
    for form in (text, text.encode()):
        with pytest.raises(NotJson) as refused:
            loads(form)
        assert str(refused.value).isprintable()


def test_bytes_that_are_not_utf8_are_refused():
    with pytest.raises(NotJson, match="not UTF-8"):
        loads(b'"\xff"')
    with pytest.raises(NotJson, match="not UTF-8"):
        loads(b'"\xed\xa0\xbd"')


@pytest.mark.parametrize("levels", [DEEPEST + 1, 1000, 3000, 100_000])
@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}")])
def test_depth_is_bounded(levels, opened, closed):
    with pytest.raises(NotJson, match="nested deeper"):
        loads(opened * levels + "1" + closed * levels)


def test_width_is_not_depth():
    assert len(loads("[" + ",".join(["[{}]"] * 5000) + "]")) == 5000
    assert loads("[" * DEEPEST + "]" * DEEPEST)


@pytest.mark.parametrize(
    "space", ["\ufeff", "\u00a0", "\u2028", "\u3000", "\v", "\f", " \t\r\n", "\u202f\ufeff "]
)
def test_a_line_is_trimmed_as_javascript_trims(space):
    assert trimmed(f"{space}1{space}".encode()) == b"1"
    assert trimmed(space.encode()) == b""


@pytest.mark.parametrize("kept", ["\u0085", "\x1c", "\u200b", "é"])
def test_what_javascript_does_not_trim_stays(kept):
    assert trimmed(f" {kept}1{kept} ".encode()) == f"{kept}1{kept}".encode()


def test_a_line_that_is_not_utf8_stays_for_the_reader_to_refuse():
    assert trimmed(b" \xff1 ") == b"\xff1"
