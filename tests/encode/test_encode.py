"""Strangers' text comes out as one inert line, and ordinary text stays readable."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftv4 import encode
from ftv4.encode import (
    annotation,
    code_span,
    for_log,
    for_markdown,
    for_output,
    json_for_log,
    line_for_log,
    name_for_log,
    person_for_markdown,
    title_problem,
)
from tests.encode.page import acts, escapes
from tests.encode.runner import Command, Runner, matched, outputs

ANY_TEXT = st.text(st.characters(codec=None) | st.sampled_from("\ud83d\ude00`|@#:[]<\\\n\r\x1b\u202e\u200b"))
WORST = Runner(any_name=True)


def as_one_text(text):
    """Halves of a character that stand side by side are that character, to every reader of JSON."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


@given(ANY_TEXT)
def test_a_log_gets_one_printable_ascii_line(text):
    line = for_log(text)

    assert line.isascii()
    assert line.isprintable()


@given(ANY_TEXT)
def test_markdown_gets_one_code_span_of_printable_text_that_runs_left_to_right(text):
    span = for_markdown(text)

    assert span.isprintable()
    assert re.fullmatch("`[^`|@#]+`", span)
    assert all(character.isascii() or character in encode._READABLE for character in span)


@given(ANY_TEXT)
def test_nothing_is_lost(text):
    assert json.loads(f'"{for_log(text, 10_000)}"') == as_one_text(text)
    if text:
        assert json.loads(f'"{for_markdown(text, 10_000)[1:-1]}"') == as_one_text(text)


@pytest.mark.parametrize(
    ("text", "log", "span"),
    [
        ("bucket:volatility:high", "bucket:volatility:high", "`bucket:volatility:high`"),
        ("deterministic:core-v1", "deterministic:core-v1", "`deterministic:core-v1`"),
        ("1,200.50 & 3 < 5 %", "1,200.50 & 3 < 5 %", "`1,200.50 & 3 < 5 %`"),
        ("train/x.jsonl[0]", "train/x.jsonl[0]", "`train/x.jsonl[0]`"),
        ("due: 12:30", r"due\u003a 12\u003a30", "`due: 12:30`"),
        ("Straße für Ölçek", r"Stra\u00dfe f\u00fcr \u00d6l\u00e7ek", "`Straße für Ölçek`"),
        ("œuvre — 30 €", r"\u0153uvre \u2014 30 \u20ac", "`œuvre — 30 €`"),
        ("", "", "` `"),
    ],
)
def test_ordinary_text_stays_readable(text, log, span):
    assert for_log(text) == log
    assert for_markdown(text) == span
    assert code_span(log) == span


@pytest.mark.parametrize(
    "lookalike",
    [
        "\u0430cme",
        "\ufb01ne",
        "\u0131d",
        "\u017fave",
        "e\u0301",
        "\u05e9\u05dc\u05d5\u05dd",
        "x\u200by",
        "\u0149",
    ],
)
def test_what_poses_as_other_letters_is_shown_for_what_it_is(lookalike):
    assert "\\u" in for_markdown(lookalike)


def test_a_text_that_spells_an_escape_is_told_from_the_character():
    assert for_markdown("\\u00fc") == r"`\\u00fc`" != for_markdown("ü")
    assert code_span(for_log("\\u00fc")) == r"`\\u00fc`"


def test_names_can_be_copied():
    assert name_for_log("ft:gpt-4.1-mini:acme::9xY") == "ft:gpt-4.1-mini:acme::9xY"
    assert "::" not in name_for_log("::error::x")


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("#", "a ##[error]b"),
        (r"|(?<![A-Za-z0-9_]):|:(?![A-Za-z0-9_])", "::error::b"),
        ("|(?<=[0-9]):(?=[0-9])", "  1:2  error  no  rule"),
    ],
)
def test_a_log_needs_every_part_of_its_pattern(part, text, monkeypatch):
    assert not acted(for_log(text))
    without(monkeypatch, "_HARD_IN_LOG", part)
    assert acted(for_log(text))


def acted(output):
    return WORST.obeys(output) or matched(output)


def without(monkeypatch, pattern, part):
    whole = getattr(encode, pattern)
    assert part in whole.pattern
    monkeypatch.setattr(encode, pattern, re.compile(whole.pattern.replace(part, ""), whole.flags))


@pytest.mark.parametrize(
    ("part", "place", "text"),
    [
        ("`", "paragraph", "a` <b>x</b> `"),
        ("`|", "cell", "a | b"),
        (r"|\](?=:)", "link", "]:https"),
    ],
)
def test_a_code_span_needs_what_counts_for_more_than_it(part, place, text, monkeypatch):
    assert not escapes({place: for_markdown(text)})
    without(monkeypatch, "_HARD_IN_MARKDOWN", part)
    assert escapes({place: for_markdown(text)})


@pytest.mark.parametrize(
    ("part", "text", "act"),
    [
        ("@", "ask @octocat", "mention"),
        ("@", "ask @org/team", "team"),
        ("#", "see #1", "issue"),
        ("#", "see o/r#1", "other repository"),
        ("#", "fixes #1", "closing"),
        ("|(?<=GH)-(?=[0-9])", "fixes gh-1", "closing"),
        ("|:(?=//)", "closes: https://github.com/o/r/issues/1", "closing"),
        ("|<(?=[A-Za-z/!?])", "<img src=x>", "tag"),
        (r"|\[(?=(?:skip|no|ci|actions) )", "[CI Skip]", "skipping"),
    ],
)
def test_nothing_acts_where_a_code_span_is_not_read_as_one(part, text, act, monkeypatch):
    """Threats 34, 35: a reply by mail, a block of HTML and a squash commit know no code spans."""
    assert not acts(for_markdown(text))
    without(monkeypatch, "_HARD_IN_MARKDOWN", part)
    assert act in acts(for_markdown(text))


LINES_THAT_ACT = [
    "::error::x",
    "  ::set-output name=a::b",
    "\t::error::x",
    "x ##[error]y",
    "a\n::error::b",
    "a\r##[group]b",
    "#\u200b#[error]x",
    ":\u2060:error::x",
    "\x1b[2J\u202e",
]


@pytest.mark.parametrize("line", LINES_THAT_ACT)
def test_a_message_that_was_put_together_carelessly_is_still_harmless(line):
    assert not WORST.obeys(line_for_log(line))
    assert line_for_log(line).isprintable()


def test_a_message_put_together_with_care_goes_out_as_it_is():
    line = f'/home/jörg/rows.jsonl:7: said "{for_log("ü: ##[x]")}", wants [a, b]: see docs'

    assert line_for_log(line) == line


@given(st.recursive(ANY_TEXT, lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner)))
def test_json_is_printed_with_the_same_value_and_no_command(value):
    document = json.dumps(value, ensure_ascii=False, indent=2)

    printed = json_for_log(document)
    assert json.loads(printed) == json.loads(json.dumps(value))
    assert not WORST.obeys(printed)
    assert printed.isascii()


@given(ANY_TEXT, ANY_TEXT)
def test_an_annotation_is_one_command_with_the_words_it_was_given(message, title):
    found = Runner().obeys(annotation("error", message, file="train/rows.jsonl", line=7, title=f"T{title}."))

    properties = {"file": "train/rows.jsonl", "line": "7", "title": line_for_log(f"T{title}.")}
    assert found == [Command("error", line_for_log(message), properties)]


def test_an_annotation_leaves_out_what_is_empty():
    assert annotation("notice", "a 50 % b", file="", title="") == "::notice::a 50 %25 b"


def test_an_output_is_a_word_a_digest_or_a_number():
    assert for_output("passed", True) == "passed=true\n"
    assert for_output("rows", 40) == "rows=40\n"
    assert for_output("verdict", "eNqrVkrOSCzKTlWyUspIVaoFAC-_") == "verdict=eNqrVkrOSCzKTlWyUspIVaoFAC-_\n"
    assert for_output("stage", "") == "stage=\n"
    assert for_output("pulls", "[3,7]") == "pulls=[3,7]\n"
    assert len(for_output("verdict", "e" * 65_536)) == 65_545


@pytest.mark.parametrize(
    "value", ["evals/report_1.json", "ft:gpt-4.1::a", "--all", "a=b", "e" * 65_537, "[]", "[a]", "[1,]"]
)
def test_an_output_is_no_path_no_model_and_no_option(value):
    with pytest.raises(ValueError, match="not one plain word"):
        for_output("name", value)


@given(ANY_TEXT | st.sampled_from(["a\nb=c", "a\rb", "x<<EOF", "$(id)", "--all", "EOF\n"]))
def test_an_output_says_one_thing_or_is_refused(value):
    """Threat 31."""
    try:
        line = for_output("name", value)
    except ValueError:
        return
    assert outputs(line) == {"name": value}


@pytest.mark.parametrize("name", ["", "a b", "a=b", "x<<EOF", "a\n"])
def test_an_output_has_a_plain_name(name):
    with pytest.raises(ValueError, match="not one plain word"):
        for_output(name, "x")


@pytest.mark.parametrize(
    "title",
    [
        "Promote a sandbox model to quant_signals: NON_INFERIOR",
        "Add rows for synthesis_decision",
        "Restore emyth_owner_load to 3f9a0c12 (it answered)",
    ],
)
def test_our_titles_are_plain(title):
    assert title_problem(title) == ""


@pytest.mark.parametrize(
    "title",
    ["", " a", "a\nb", "a\n\nSigned-off-by: b", "fixes #1", "fix GH-1", "closes https://github.com/o/r/issues/1",
     "for @octocat", "[skip ci] a", "a skip-checks: true", "::error::a", "a `b`", "a\u202eb", "Größe",
     "a" * 201],
)  # fmt: skip
def test_a_title_can_neither_mention_nor_close_nor_skip(title):
    """Threats 35, 36."""
    assert title_problem(title)


@given(st.text())
def test_naming_a_person_mentions_nobody_and_leaves_no_span(name):
    span = person_for_markdown(name)

    assert "@" not in span
    assert span.count("`") == 2


def test_a_person_is_readable():
    assert person_for_markdown("ada@example.org") == "`ada at example.org`"
