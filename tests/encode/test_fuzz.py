"""No command in 200,000 texts, no markup in 50,000; and the same fuzzing finds what others let through."""

import json

import pytest

from ftv4.encode import annotation, code_span, for_log, for_markdown, json_for_log, line_for_log, name_for_log
from tests.encode.fuzz import acting, commands, known_commands, markup
from tests.encode.hostile import TO_RUNNER, texts
from tests.encode.runner import Runner


def plain_json(text):
    return json.dumps(text)[1:-1]


def hashes_only(text):
    return plain_json(text).replace("#", "\\u0023")


def colons_only(text):
    return plain_json(text).replace(":", "\\u003a")


def naive_span(text):
    return f"`{text}`"


def json_span(text):
    return f"`{plain_json(text)}`"


def test_no_text_in_a_log_is_a_command():
    """Threats 28, 29, 30: 200,000 texts in nine kinds of message, none obeyed, none matched."""
    assert commands(for_log, 200_000, seed=1) == []


@pytest.mark.parametrize("encode", [name_for_log, lambda text: for_log(text, 7)])
def test_no_name_and_no_cut_text_is_a_command(encode):
    assert commands(encode, 20_000, seed=2) == []


@pytest.mark.parametrize("encode", [str, repr, plain_json, hashes_only, colons_only])
def test_what_others_do_lets_commands_through(encode):
    """The control: were nothing found here, the count of zero above would mean nothing."""
    assert len(known_commands(encode, 10_000, seed=3)) > 20


@pytest.mark.parametrize(
    "encode",
    [line_for_log, for_markdown, lambda text: json_for_log(json.dumps({"a": text}, ensure_ascii=False))],
)
def test_no_message_on_its_way_out_is_a_command(encode):
    runner = Runner(any_name=True)

    assert not [text for text in texts(4, 20_000, TO_RUNNER) if runner.obeys(encode(text))]


def test_an_annotation_is_the_one_command_it_was_meant_to_be():
    for text in texts(5, 20_000, TO_RUNNER):
        [command] = Runner().obeys(annotation("warning", text, file=text or "x"))
        assert (command.name, command.data) == ("warning", line_for_log(text))
        assert set(command.properties) <= {"file"}


def test_no_text_is_more_than_a_code_span():
    """Threat 33: 50,000 texts in thirteen places of a page, read by a Markdown parser."""
    assert markup(for_markdown, 50_000, seed=6) == []


def test_no_encoded_message_is_more_than_a_code_span():
    assert markup(lambda text: code_span(f'problem "{for_log(text)}"'), 5_000, seed=7) == []


def test_nothing_acts_on_a_forge_that_reads_no_markdown():
    """Threats 34, 35."""
    assert acting(for_markdown, 50_000, seed=8) == []


@pytest.mark.parametrize(
    "encode", [naive_span, json_span, lambda text: f"`{text!r}`", lambda text: f"`` {text} ``"]
)
def test_what_others_do_lets_markup_through(encode):
    """The control of the two tests above."""
    assert len(markup(encode, 1_000, seed=9)) > 10
    assert len(acting(encode, 1_000, seed=9)) > 100
