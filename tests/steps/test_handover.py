"""What the judging job hands over is taken whole, or refused whole."""

import base64
import json
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftv4.contracts.pull_verdict import LONGEST_PAGE, PullVerdict
from ftv4.encode import for_output
from ftv4.errors import ContractError
from ftv4.steps.handover import INFLATED, LARGEST, pack, unpack

PLAIN = {
    "repository_id": 7,
    "pull": 1,
    "base": "a" * 40,
    "head": "b" * 40,
    "touches": ["datasets"],
    "passed": False,
    "errors": 2,
    "warnings": 1,
    "settings": 0,
    "deciding": 0,
    "first": "stage_quant.jsonl:3: wrong",
    "page": "## Dataset gate: refused\n\n2 of `rule`…\n",
}


def verdict(**others):
    return PullVerdict.model_validate_json(json.dumps(PLAIN | others))


def word(document, level=9):
    """Any bytes, or a document, as the judging job would send them."""
    if not isinstance(document, bytes):
        document = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(zlib.compress(document, level)).decode().rstrip("=")


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"pull": None},
        {"touches": [], "passed": True, "errors": 0, "first": ""},
        {"page": ""},
        {"head": "c" * 64},
    ],
    ids=str,
)
def test_what_is_packed_is_unpacked(others):
    assert unpack(pack(verdict(**others))) == verdict(**others)
    assert pack(verdict(**others)) == word(PLAIN | others)


@pytest.mark.parametrize(
    "others",
    [
        {"passed": True},
        {"passed": "false"},
        {"errors": 0},
        {"settings": 1},
        {"first": ""},
        {"first": "x" * 1001},
        {"touches": [], "passed": True, "errors": 0},
        {"touches": ["settings"]},
        {"errors": -1, "passed": True},
        {"errors": True},
        {"touches": []},
        {"touches": ["datasets", "datasets"]},
        {"touches": ["everything"]},
        {"pull": 0},
        {"pull": "1"},
        {"pull": 10**10},
        {"repository_id": 0},
        {"head": "B" * 40},
        {"head": "b" * 39},
        {"head": "main"},
        {"base": None},
        {"base": "a" * 40 + "\n"},
        {"page": None},
        {"page": "x" * (LONGEST_PAGE + 1)},
        {"page": "a\x1b[2K"},
        {"page": "a\rb"},
        {"page": "a\u202eb"},
        {"page": "a\u2028b"},
        {"page": "@team"},
        {"page": "<!-- ftv4:verdict -->"},
        {"page": "<img src=x>"},
        {"page": "</DETAILS >"},
        {"more": 1},
    ],
    ids=str,
)
def test_what_no_judging_job_of_ours_says_is_refused(others):
    with pytest.raises(ContractError):
        unpack(word(PLAIN | others))


@pytest.mark.parametrize("name", PLAIN)
def test_a_member_that_lacks_is_refused(name):
    with pytest.raises(ContractError):
        unpack(word({key: value for key, value in PLAIN.items() if key != name}))


CANONICAL = json.dumps(PLAIN, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        CANONICAL + b" ",
        CANONICAL.replace(b'"errors":2', b'"errors":2.0'),
        CANONICAL.replace(b'"errors":2', b'"errors":1,"errors":2'),
        CANONICAL.replace(b'"errors":2', b'"errors":1e999'),
        CANONICAL.replace(b'"errors":2', b'"errors":NaN'),
        CANONICAL.replace(b"refused", b"\\ud800"),
        CANONICAL.replace(b"refused", b"\xff"),
        b"\xef\xbb\xbf" + CANONICAL,
        b"[" * 100_000,
        json.dumps(PLAIN).encode(),
    ],
    ids=lambda text: repr(text[:30]),
)
def test_json_that_could_be_read_differently_is_refused(text):
    with pytest.raises(ContractError):
        unpack(word(text))


@pytest.mark.parametrize(
    "given",
    [
        "",
        "x",
        "eNo",
        "!",
        word(PLAIN) + "=",
        word(PLAIN) + "\n",
        " " + word(PLAIN),
        word(PLAIN)[:-4],
        base64.urlsafe_b64encode(zlib.compress(CANONICAL) + b"more").decode().rstrip("="),
        base64.urlsafe_b64encode(CANONICAL).decode().rstrip("="),
        "A" * (LARGEST + 1),
        "é" * 100,
    ],
    ids=lambda given: repr(given[:20]),
)
def test_what_is_no_word_of_ours_is_refused(given):
    with pytest.raises(ContractError, match="nothing was written"):
        unpack(given)


def test_a_bomb_is_not_inflated():
    bomb = word(b'{"page":"' + b" " * (40 << 20) + b'"}')

    assert len(bomb) < LARGEST
    with pytest.raises(ContractError, match=f"more than {INFLATED} bytes"):
        unpack(bomb)


@given(st.text(alphabet="ABCDEFGHabcdefgh0123456789-_", max_size=300) | st.text(max_size=50))
def test_any_text_is_refused_with_an_error_of_ours(text):
    with pytest.raises(ContractError):
        unpack(text)


@given(st.data())
def test_a_word_with_a_letter_changed_is_the_same_verdict_or_none(data):
    good = word(PLAIN)
    place = data.draw(st.integers(0, len(good) - 1))
    other = good[:place] + data.draw(st.sampled_from("Aa0-_z")) + good[place + 1 :]
    try:
        found = unpack(other)
    except ContractError:
        return
    assert found == verdict()


def test_a_page_that_packs_badly_is_cut_until_it_fits():
    noise = random.Random(4)
    letters = [chr(code) for code in range(0xC0, 0x17F) if chr(code).isalpha()]
    rows = ["".join(noise.choices(letters, k=99)) + "\n" for _ in range(LONGEST_PAGE // 100)]
    large = verdict(page="".join(rows))
    packed = pack(large)
    kept = unpack(packed).page
    with pytest.raises(ContractError, match="nothing was written"):
        unpack(word(large.model_dump(mode="json")))

    assert len(word(large.model_dump(mode="json"))) > LARGEST >= len(packed) > LARGEST // 2
    assert kept.startswith(rows[0])
    left_out = len(rows) - sum(row in kept for row in rows)
    assert kept.endswith(f"and {left_out} more lines of this page; the run's summary has them.\n")
    assert for_output("verdict", packed)
