"""Strangers' text as an attacker would write it: scraps of every language that somebody obeys."""

from collections.abc import Iterator
from random import Random

ENDS = [
    "\n",
    "\r",
    "\r\n",
    "\v",
    "\f",
    "\x1c",
    "\x85",
    "\u2028",
    "\u2029",
    "%0A",
    "%0D",
    "%250A",
    "\\n",
    "\\u000a",
]
BLANK = ["", "", " ", "  ", "\t", "\u00a0", "\u3000", "\ufeff"]
INVISIBLE = [
    "\u200b",
    "\u200d",
    "\u2060",
    "\u00ad",
    "\u202e",
    "\u2066",
    "\u061c",
    "\u0000",
    "\x7f",
    "\x1b[2J",
    "\x1b]0;x\x07",
    "\x9b31m",
    "\b",
    "\ufe0f",
    "\u034f",
]
NAMES = [
    "set-output",
    "add-mask",
    "stop-commands",
    "add-matcher",
    "error",
    "warning",
    "notice",
    "group",
    "endgroup",
    "debug",
    "echo",
    "set-env",
    "add-path",
    "save-state",
    "ERROR",
    "remove-matcher",
    "x",
]
COMMANDS = [
    "::",
    "::",
    ":",
    "##[",
    "##[",
    "#",
    "##",
    "[",
    "]",
    "]]",
    "::::",
    " name=passed",
    " file=a,line=1",
    "=",
    ";",
    ",",
    "%3A%3A",
    "\uff03",
    "\uff1a",
    "\\u003a\\u003a",
    "\\u0023",
]
MATCHED = [
    'File "a.py", line 3, in f',
    "    raise ValueError('x')",
    "a.py:1:2: error: x",
    "  1:2  error  no  rule",
    "x.go:1:2: y",
    "a(1,2): error TS1: z",
    "error: ",
]
MARKUP = [
    "`",
    "``",
    "```",
    "~~~",
    "|",
    "\\|",
    "\\`",
    "\\",
    "*",
    "**",
    "_",
    "~~",
    "[x](y)",
    "![x](https://e.test/i)",
    "](",
    "[x]:",
    "<b>",
    "</summary>",
    "</details>",
    "<!--",
    "-->",
    "<script>",
    "<img src=x>",
    "&lt;",
    "&#64;",
    "&#x23;",
    "<https://e.test>",
    "# ",
    "- ",
    "> ",
    "1. ",
    "---",
    "===",
    "| a | b |",
    "$x$",
    "$`",
    "[!NOTE]",
    "- [x] ",
    "[^1]",
    ":tada:",
    "    ",
]
LIVE = [
    "@octocat",
    "@org/team",
    "me@e.test",
    "#1",
    "GH-1",
    "gh-2",
    "o/r#1",
    "o/r@0123456789abcdef",
    "fixes ",
    "Closes: ",
    "resolved ",
    "https://github.com/o/r/issues/1",
    "http://e.test/x",
    "www.e.test",
    "mailto:a@e.test",
    "[skip ci]",
    "[no ci]",
    "skip-checks: true",
    "Co-authored-by: a <a@e.test>",
    "deadbeef",
]
PLAIN = [
    "bucket:volatility:high",
    "stra\u00dfe",
    "caf\u00e9",
    "0",
    "7",
    "a",
    "word",
    ".",
    "/",
    '"',
    "'",
    "{",
    "}",
    "\U0001f600",
    "e\u0301",
    "\ud83d",
    "\ude00",
    "\ud800",
    "\u05d0",
    "\u0627",
    "\u4e2d",
    "\u0131",
    "\u017f",
]

TO_RUNNER = [*ENDS, *INVISIBLE, *NAMES, *COMMANDS, *COMMANDS, *BLANK, *MATCHED, *PLAIN]
TO_FORGE = [*MARKUP, *MARKUP, *LIVE, *LIVE, *ENDS, *INVISIBLE, *BLANK, *PLAIN, *COMMANDS]


def texts(seed: int, count: int, scraps: list[str]) -> Iterator[str]:
    """Texts of up to eight scraps; every fourth is a command somebody spelled out, or nearly."""
    draw = Random(seed)
    for number in range(count):
        if number % 4 == 0:
            yield _command(draw)
        else:
            yield "".join(draw.choices(scraps, k=1 + int(draw.random() * 8)))


def _command(draw: Random) -> str:
    """A workflow command, a little disguised."""
    pick = draw.choice
    name, before, data = pick(NAMES), pick(BLANK) + pick(INVISIBLE + [""] * 30), pick(PLAIN)
    if draw.random() < 0.5:
        return (
            f"{pick(['', pick(ENDS)])}{before}::{name}{pick(['', ' name=passed', ' file=a,line=1'])}::{data}"
        )
    return f"{pick(PLAIN + BLANK)}{before}##[{name}{pick(['', ' name=passed', ' owner=x;y=z'])}]{data}"
