"""The model of the runner says what the runner says; an oracle that sees nothing proves nothing."""

import pytest

from tests.encode.runner import KNOWN, Command, Runner, matched, outputs


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("::error::x", Command("error", "x")),
        ("  \t\u00a0::error::x", Command("error", "x")),
        ("::ERROR::x", Command("ERROR", "x")),
        ("::set-output name=a::b::c", Command("set-output", "b::c", {"name": "a"})),
        (
            "::error file=a%3Ab%2Cc,line=1,bad,=2::50%25%0A%3A",
            Command("error", "50%\n%3A", {"file": "a:b,c", "line": "1"}),
        ),
        ("::stop-commands::token", Command("stop-commands", "token")),
        ("say ##[error]x", Command("error", "x")),
        ("##[set-output name=a;x=%5D%3B]b%0A", Command("set-output", "b\n", {"name": "a", "x": "];"})),
        ('{"a": "##[add-matcher]x.json"}', Command("add-matcher", 'x.json"}')),
        ("::error ##[warning]x", Command("warning", "x")),
        ("#\u200b#[err\u00ador]x", Command("error", "x")),
        (":\x00:error::x", Command("error", "x")),
    ],
)
def test_a_command_is_obeyed(line, command):
    assert Runner().obeys(line) == [command]


@pytest.mark.parametrize(
    "line",
    ["error: x", "a ::error::x", "::error:x", "::nothing::x", "##[nothing]x", "##[error x", "# #[error]x",
     "## [error]", "##[nothing]##[error]x", "::::x", ""],
)  # fmt: skip
def test_other_lines_are_only_printed(line):
    assert Runner().obeys(line) == []


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\u2028", "\x85"])
def test_a_command_may_begin_wherever_a_line_may(end):
    assert len(Runner().obeys(f"a{end}::error::b{end}##[group]c")) == 2


def test_a_stop_token_makes_any_word_a_command():
    assert Runner(any_name=True).obeys("::whatever::") == [Command("whatever", "")]
    assert "stop-commands" in KNOWN


def test_matchers_find_their_lines():
    assert matched("  File \"a.py\", line 3, in f\n    raise ValueError('x')") == ["python"]
    assert matched("a.c:1:2: error: x") == ["gcc"]
    assert matched("  1:2  error  no  rule") == ["eslint"]
    assert matched("x.go:1:2: y") == ["go"]
    assert matched("a(1,2): error TS1: x") == ["tsc", "dotnet"]
    assert matched("train/rows.jsonl:7: an error") == []


def test_outputs_are_read_as_the_runner_reads_them():
    assert outputs("a=b=c\n\nd<<E\n1\n2\nE\ne=<<x\n") == {"a": "b=c", "d": "1\n2", "e": "<<x"}
    for broken in ("a", "a<<E\n1", "<<E\nE"):
        with pytest.raises(ValueError, match=r"invalid format|delimiter"):
            outputs(broken)
