"""Strangers' text as an attacker would write it: scraps of every language that somebody obeys."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

# fmt: off
ENDS = [
    "\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029", "%0A", "%0D", "%250A", "\\n",
    "\\u000a",
]
BLANK = [
    "", "", " ", "  ", "\t", "\u00a0", "\u3000", "\ufeff",
]
INVISIBLE = [
    "\u200b", "\u200d", "\u2060", "\u00ad", "\u202e", "\u2066", "\u061c", "\u0000", "\x7f", "\x1b[2J",
    "\x1b]0;x\x07", "\x9b31m", "\b", "\ufe0f", "\u034f",
]
NAMES = [
    "set-output", "add-mask", "stop-commands", "add-matcher", "error", "warning", "notice", "group",
    "endgroup", "debug", "echo", "set-env", "add-path", "save-state", "ERROR", "remove-matcher", "x",
]
COMMANDS = [
    "::", "::", ":", "##[", "##[", "#", "##", "[", "]", "]]", "::::", " name=passed", " file=a,line=1", "=",
    ";", ",", "%3A%3A", "\uff03", "\uff1a", "\\u003a\\u003a", "\\u0023",
]
MATCHED = [
    'File "a.py", line 3, in f', "    raise ValueError('x')", "a.py:1:2: error: x",
    "  1:2  error  no  rule", "x.go:1:2: y", "a(1,2): error TS1: z", "error: ",
]
MARKUP = [
    "`", "``", "```", "~~~", "|", "\\|", "\\`", "\\", "*", "**", "_", "~~", "[x](y)",
    "![x](https://e.test/i)", "](", "[x]:", "]:", "<b>", "</summary>", "</details>", "<!--", "-->",
    "<script>", "<img src=x>", "&lt;", "&#64;", "&#x23;", "<https://e.test>", "# ", "- ", "> ", "1. ",
    "---", "===", "| a | b |", "$x$", "$`", "[!NOTE]", "- [x] ", "[^1]", ":tada:", "    ",
]
LIVE = [
    "@octocat", "@org/team", "me@e.test", "#1", "GH-1", "gh-2", "o/r#1", "o/r@0123456789abcdef", "fixes ",
    "Closes: ", "resolved ", "https://github.com/o/r/issues/1", "http://e.test/x", "www.e.test",
    "mailto:a@e.test", "[skip ci]", "[no ci]", "skip-checks: true", "Co-authored-by: a <a@e.test>",
    "deadbeef",
]
PLAIN = [
    "bucket:volatility:high", "stra\u00dfe", "caf\u00e9", "0", "7", "a", "word", ".", "/", '"', "'", "{",
    "}", "\U0001f600", "e\u0301", "\ud83d", "\ude00", "\ud800", "\u05d0", "\u0627", "\u4e2d", "\u0131",
    "\u017f",
]
# fmt: on

ALL = [*ENDS, *INVISIBLE, *BLANK, *PLAIN, *COMMANDS]


@dataclass(frozen=True)
class Tongue:
    """A language somebody obeys: its scraps, and a way to spell out what is obeyed."""

    scraps: list[str]
    spell: Callable[[Random], str]


def texts(seed: int, count: int, tongue: Tongue) -> Iterator[str]:
    """Texts of up to eight scraps and any character at all; every fourth is spelled out, or nearly."""
    draw = Random(seed)
    for number in range(count):
        scraps = draw.choices(tongue.scraps, k=1 + int(draw.random() * 8))
        if number % 4 == 0:
            scraps.append(tongue.spell(draw))
        elif number % 4 == 1:
            scraps.append(chr(int(draw.random() * 0x11_0000)))
        yield "".join(scraps[-1 - int(draw.random() * 4) :] if number % 4 < 2 else scraps)


def _command(draw: Random) -> str:
    """A workflow command, a little disguised."""
    pick, (name, data) = draw.choice, (draw.choice(NAMES), draw.choice(PLAIN))
    before = pick(BLANK) + (pick(INVISIBLE) if draw.random() < 0.2 else "")
    if draw.random() < 0.5:
        return (
            f"{pick(['', pick(ENDS)])}{before}::{name}{pick(['', ' name=passed', ' file=a,line=1'])}::{data}"
        )
    return f"{before}##[{name}{pick(['', ' name=passed', ' owner=x;y=z'])}]{data}"


def _order(draw: Random) -> str:
    """Words a forge acts upon, or markup around them."""
    pick = draw.choice
    what = pick(["#7", "GH-7", "o/r#7", "https://github.com/o/r/pull/7", "@octocat", "@org/team"])
    word = f"{pick(['fixes', 'Closes:', 'resolved', 'see'])} {what}"
    around = pick(
        ["{}", "`{}`", "``{}``", "**{}**", "[{}](https://e.test)", "<b>{}</b>", "]({})", "\n\n# {}\n", "|{}|"]
    )
    return around.format(word)


TO_RUNNER = Tongue([*ALL, *COMMANDS, *NAMES, *MATCHED], _command)
TO_FORGE = Tongue([*ALL, *MARKUP, *MARKUP, *LIVE, *LIVE], _order)
