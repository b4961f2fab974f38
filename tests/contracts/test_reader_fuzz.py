"""A hostile file is read as a second strict reader reads it; `benchmarks/fuzz_reader.py` reads a million."""

import hashlib

import pytest

from benchmarks.fuzz_reader import CONTROLS, Ours, fuzz, second
from ftv4.documents import Repository
from tests.guards.build import SHIPPED

CASES = 20_000


def test_two_strict_readers_agree_on_every_file():
    count = fuzz(seed=7, cases=CASES)

    assert count.differing == ()
    assert count.accepted > CASES / 5
    assert count.refused > CASES / 10


@pytest.mark.parametrize("control", CONTROLS)
def test_a_lax_reader_is_told_apart(control):
    assert len(fuzz(seed=7, cases=500, reader=control).differing) > 20


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b'{"a":1}\n\xef\xbb\xbf{"b":2}\n', 2),
        (b'{"a":1}\r\n', 1),
        (b'{"a":1,\r"b":2}\n', 1),
        (b'{"a":1,"a":1}\n', 1),
        (b'{"a":{"b":1,"\\u0062":2}}\n', 1),
        (b'{"a":1e999}\n', 1),
        (b'{"a":1234567890123456789}\n', 1),
        (b'{"a":NaN}\n', 1),
        (b'{"a":"\\ud83d"}\n', 1),
        (b"[" * 33 + b"]" * 33 + b"\n", 1),
        (b'{"a":1}\xe2\x80\xa8{"b":2}\n', 1),
    ],
)
def test_a_line_that_readers_read_differently_is_refused(tmp_path, data, line):
    for read in (Ours(tmp_path, SHIPPED), second):
        assert dict(read(data).lines)[line] == ""


@pytest.mark.parametrize(
    "data", [b'{"a":"\xed\xa0\xbd"}', b'"\xc0\xaf"', b"[1\0]", '{"a":1}'.encode("utf-16"), b"[1]\n\xff\n"]
)
def test_a_line_that_is_not_utf8_text_is_refused_and_no_other(tmp_path, data):
    read = Ours(tmp_path, SHIPPED)(data)

    assert read == second(data)
    assert read.lines[-1][1] in (None, "")
    assert len(read.lines) == len(data.rstrip(b"\n").split(b"\n"))


def test_a_separator_inside_a_string_ends_no_line(tmp_path):
    data = '{"a":"\u2028\x85\x1c"}\n'.replace("\x1c", "\\u001c").encode()

    assert len(Ours(tmp_path, SHIPPED)(data).lines) == 1
    assert Ours(tmp_path, SHIPPED)(data) == second(data)


def test_the_bytes_that_are_read_are_the_bytes_that_are_hashed(tmp_path):
    data = b'{"a":1}\n\n \n{"b":"\xe2\x80\xa8"}\r\n' + b"x" * 300_000 + b'\n{"c":3}'
    (tmp_path / "rows.jsonl").write_bytes(data)
    seen = hashlib.sha256()
    rows = list(Repository(tmp_path).lines("rows.jsonl", seen.update, longest=1024))

    assert [row.number for row in rows] == [1, 4, 5, 6]
    assert seen.hexdigest() == hashlib.sha256(data).hexdigest()
