"""What is too long is cut where it may be, and says truly how much is missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftv4.encode import ANNOTATION, annotation, clip, fit, for_log, for_markdown, utf8, utf16
from tests.encode.page import READER
from tests.encode.runner import Runner

FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
FLAG = "\U0001f1e9\U0001f1ea"
CHARACTERS = {
    "combining": "e\u0301\u0323",
    "astral": "\U0001f600",
    "family": FAMILY,
    "flag": FLAG,
    "skin": "\U0001f44d\U0001f3fd",
    "keycap": "1\ufe0f\u20e3",
    "halves": "\ud83d\ude00",
    "line end": "\r\n",
}


def more(left_out):
    return f"and {left_out} more"


@pytest.mark.parametrize(("length", "text"), [(9, "a" * 9), (10, "a" * 10), (11, "a" * 9 + "…")])
def test_a_text_is_cut_when_it_passes_the_limit(length, text):
    assert clip("a" * length, 10) == text


@pytest.mark.parametrize("character", CHARACTERS.values(), ids=CHARACTERS)
@pytest.mark.parametrize("short", range(4))
def test_a_character_of_several_code_points_stays_or_goes_as_a_whole(character, short):
    text = clip("ab" + character * 8, 2 + 3 * len(character) - short + 1)

    kept, _, rest = text.partition("…")
    assert rest == ""
    assert kept == "ab" + character * ((len(kept) - 2) // len(character))


def test_flags_are_told_apart():
    assert clip(FLAG * 3, 4) == FLAG + "…"


def test_a_pile_of_marks_is_cut_through():
    assert len(clip("a" + "\u0301" * 10_000, 500)) == 500


@given(st.text(), st.integers(0, 40))
def test_no_cut_text_is_longer_than_its_limit(text, limit):
    assert len(clip(text, limit)) <= limit
    assert clip(text, limit) == text or len(text) > limit


def test_a_cut_is_marked():
    assert for_log("a" * 201) == "a" * 197 + "..."
    assert for_markdown("a" * 201) == "`" + "a" * 199 + "…`"


@pytest.mark.parametrize("size", [len, utf8, utf16])
@pytest.mark.parametrize("line", ["a" * 9, "\U0001f600\U0001f600", "e\u0301 ü"])
@pytest.mark.parametrize("over", [-1, 0, 1])
def test_a_page_is_cut_when_it_passes_the_limit(line, size, over):
    parts = [f"{line}{number:03}\n" for number in range(100)]

    page = fit(parts, size("".join(parts)) - over, more, size)
    assert size(page) <= size("".join(parts)) - over
    assert (page == "".join(parts)) == (over <= 0)


@given(
    st.lists(st.text("a`~ü\U0001f600\n", max_size=12)),
    st.integers(16, 200),
    st.sampled_from([len, utf8, utf16]),
)
def test_a_page_holds_as_many_parts_as_fit_and_counts_the_others(parts, limit, size):
    page = fit(parts, limit, more, size)

    assert size(page) <= limit
    if page != "".join(parts):
        kept = len(parts) - int(page.rsplit(" ", 2)[1])
        assert page.startswith("".join(parts[:kept]))
        assert size("".join(parts[: kept + 1]) + more(len(parts) - kept - 1)) > limit - 12


def test_a_page_without_room_for_the_count_is_refused():
    with pytest.raises(ValueError, match="no room"):
        fit(["a" * 50], 5, more)


def test_a_line_longer_than_the_page_is_left_out_whole():
    """Half a code span would no longer be one."""
    assert fit(["one\n", for_markdown("a" * 5000, 5000), "\nthree"], 100, more) == "one\n\nand 2 more\n"


@pytest.mark.parametrize(
    ("fence", "inside"),
    [
        ("```", "a"),
        ("````", "```"),
        ("~~~", "```"),
        ("  ```text", "a"),
        ("```", "``` a"),
        ("```", "<details>"),
    ],
)
def test_an_open_fence_is_closed_before_the_count(fence, inside):
    page = fit([f"{fence}\n", f"{inside}\n", "x\n" * 100, f"{fence.strip()[:4]}\n"], 60, more)

    code, said = [token for token in READER.parse(page) if token.type in ("fence", "inline")]
    assert (code.type, code.content) == ("fence", f"{inside}\n")
    assert said.content == "and 2 more"


def test_a_closed_fence_is_let_be():
    assert fit(["```\n", "a\n", "```  \n", "``a`` ``` b\n", "x" * 100], 60, more).count("```") == 3


def test_open_details_are_closed_before_the_count():
    rows = [f"| {number} |\n" for number in range(100)]
    page = fit(
        ["<details>\n<summary>all</summary>\n\n", "| a |\n|---|\n", *rows, "\n</details>\n"], 200, more
    )

    kinds = [token.type for token in READER.parse(page)]
    assert kinds.count("html_block") == 2
    assert kinds[-4:] == ["html_block", "paragraph_open", "inline", "paragraph_close"]


def test_the_count_is_no_row_of_the_table_before_it():
    page = fit(["| a |\n|---|\n", *["| b |\n"] * 100], 100, more)

    assert [token.type for token in READER.parse(page)][-4:] == [
        "table_close", "paragraph_open", "inline", "paragraph_close",
    ]  # fmt: skip


@pytest.mark.parametrize("scrap", ["a", "\u20ac", "\U0001f600", "e\u0301", "%", '"', "\n"])
@pytest.mark.parametrize("over", range(-13, 14))
def test_an_annotation_is_cut_between_characters(scrap, over):
    one = len(for_log(scrap))
    message = for_log("x" * ((ANNOTATION + over) % one) + scrap * ((ANNOTATION + over) // one), 10_000)
    assert len(message) == ANNOTATION + over

    [command] = Runner().obeys(annotation("error", message))
    assert len(command.data) <= ANNOTATION
    assert (command.data == message) == (over <= 0)
    if over > 0:
        kept = command.data.removesuffix("...").lstrip("x")
        assert kept == for_log(scrap, 10_000) * (len(kept) // one)
        assert len(command.data) > ANNOTATION - 3 - one
