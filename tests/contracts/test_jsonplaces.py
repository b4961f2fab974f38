"""Where values of a JSON text stand is told for every text, and which keys stand there twice."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftv4.contracts.jsonplaces import lines_of, places

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def walked(value, at=()):
    yield list(at)
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from walked(item, (*at, key))


@given(VALUES, st.none() | st.integers(0, 3), st.booleans())
def test_every_value_has_its_place_in_order(value, indent, ascii_only):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    found = [(list(place.location), place.line, place.again) for place in places(text)]

    assert [location for location, *_ in found] == list(walked(value))
    assert not any(again for *_, again in found)
    if indent is not None:
        assert found[-1][1] <= text.count("\n") + 1
        assert [line for _, line, _ in found] == sorted(line for _, line, _ in found)


def test_lines_are_those_of_an_editor():
    text = '\n{"a":\n\t[1, {"~/": "\\"}"},\n\n2],"b": {}\r\n}'
    told = lines_of(text, ["", "/a", "/a/1/~0~1", "/a/2", "/b", "/b/c/d", "/a/9", "/z"])

    assert told == {"": 2, "/a": 3, "/a/1/~0~1": 3, "/a/2": 5, "/b": 5, "/b/c/d": 5, "/a/9": 3, "/z": 2}


@pytest.mark.parametrize(
    ("text", "twice"),
    [
        ('{"a":1,"a":2}', [["a"]]),
        ('{"a":{"b":1},"b":[{"b":1,"\\u0062":2}]}', [["b", 0, "b"]]),
        ('[{"a":1},{"a":1}]', []),
        ('{"a":[],"a":{},"a":0}', [["a"], ["a"]]),
    ],
)
def test_keys_that_stand_there_twice_are_told(text, twice):
    assert [list(place.location) for place in places(text) if place.again] == twice
