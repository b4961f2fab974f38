"""What GitHub's runner makes of a step's output: a model of actions/runner 2.336.0.

From its ActionCommand, ActionCommandManager, OutputManager and FileCommandManager. Three things
are taken at their worst. The runner compares text by culture, where invisible characters count for
nothing: each line is read with and without them. A `stop-commands` token makes any word a command:
`Runner(any_name=True)` takes every name for one. And a line ends where any reader may end it.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

KNOWN = frozenset({
    "add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group",
    "internal-set-repo-path", "notice", "remove-matcher", "save-state", "set-env", "set-output",
    "stop-commands", "warning",
})  # fmt: skip

LINE_ENDS = re.compile("\r\n|[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
INVISIBLE = dict.fromkeys(
    code
    for code in range(0x11_0000)
    if unicodedata.category(chr(code)) in {"Cf", "Cc", "Cs", "Co"} and not chr(code).isspace()
) | dict.fromkeys([*range(0xFE00, 0xFE10), 0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0])
COLOUR = re.compile(r"\x1b\[[0-9;]*m?")

PYTHON_MATCHER = (
    re.compile(r"^\s*File\s\"(.*)\",\sline\s(\d+),\sin\s(.*)$"),
    re.compile(r"^\s*raise\s(.*)\(\'(.*)\'\)$"),
)
"""What setup-python installs: both, on lines that follow each other."""
ONE_LINE_MATCHERS = {
    "gcc": re.compile(r"^(.*):(\d+):(\d+):\s+(?:fatal\s+)?(warning|error):\s+(.*)$"),
    "tsc": re.compile(
        r"^([^\s].*)[\(:](\d+)[,:](\d+)(?:\):\s+|\s+-\s+)(error|warning|info)\s+TS(\d+)\s*:\s*(.*)$"
    ),
    "go": re.compile(r"^\s*(.+\.go):(?:(\d+):(\d+):)? (.*)"),
    "eslint": re.compile(r"^\s+(\d+):(\d+)\s+(error|warning|info)\s+(.*)\s\s+(.*)$"),
    "dotnet": re.compile(r"^([^\s].*)\((\d+|\d+,\d+)\):\s+(error|warning)\s+(\w+\d+)\s*:\s*(.*)$"),
}  # fmt: skip
HINT = re.compile(r"error|warning|info|\.go:")
"""Something that each of these needs; looked for first, to save time."""


@dataclass(frozen=True)
class Command:
    """A line the runner obeys."""

    name: str
    data: str
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Runner:
    """Reads a step's output. `any_name`: as if a stop token had made every word a command."""

    any_name: bool = False

    def obeys(self, output: str) -> list[Command]:
        """Every command in some output, stdout or stderr."""
        found = (self.command(line) for line in LINE_ENDS.split(output) if "::" in line or "#" in line)
        return [command for command in found if command]

    def command(self, line: str) -> Command | None:
        """The command a line is, if it is one."""
        readings = (line,) if line.isascii() and line.isprintable() else (line, line.translate(INVISIBLE))
        return next((one for reading in readings if (one := self._v2(reading) or self._v1(reading))), None)

    def _known(self, name: str) -> bool:
        return bool(name) and (self.any_name or name.lower() in KNOWN)

    def _v2(self, line: str) -> Command | None:
        """`::name key=value,key=value::data` where a line begins."""
        message = line.lstrip()
        end = message.find("::", 2)
        if not message.startswith("::") or end < 0:
            return None
        name, _, properties = message[2:end].partition(" ")
        if not self._known(name):
            return None
        return Command(
            name, _unescaped(message[end + 2 :], DATA), dict(_pairs(properties.strip(), ",", PROPERTY))
        )

    def _v1(self, line: str) -> Command | None:
        """`##[name key=value;key=value]data` anywhere in a line; only the first `##[` is looked at."""
        start = line.find("##[")
        end = line.find("]", start)
        if start < 0 or end < 0:
            return None
        name, _, properties = line[start + 3 : end].partition(" ")
        if not self._known(name):
            return None
        return Command(name, _unescaped(line[end + 1 :], V1), dict(_pairs(properties, ";", V1)))


DATA = {"%0D": "\r", "%0A": "\n", "%25": "%"}
PROPERTY = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}
V1 = {"%3B": ";", "%0D": "\r", "%0A": "\n", "%5D": "]", "%25": "%"}


def _unescaped(text: str, escapes: Mapping[str, str]) -> str:
    for escape, character in escapes.items():
        text = text.replace(escape, character)
    return text


def _pairs(text: str, separator: str, escapes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for pair in filter(None, text.split(separator)):
        key, _, value = pair.partition("=")
        if key and value:
            yield key, _unescaped(value, escapes)


def matched(output: str) -> list[str]:
    """The problem matchers that make an annotation of some output."""
    lines = [COLOUR.sub("", line) for line in LINE_ENDS.split(output)]
    first, second = PYTHON_MATCHER
    python = any(first.search(one) and second.search(next_) for one, next_ in pairwise(lines))
    others = ONE_LINE_MATCHERS if HINT.search(output) else {}
    found = [name for name, pattern in others.items() if any(map(pattern.search, lines))]
    return ["python", *found] if python else found


def outputs(file: str) -> dict[str, str]:
    """What a GITHUB_OUTPUT file sets. Raises ValueError where the runner does."""
    lines, found = iter(file.split("\n")), {}
    for line in filter(None, lines):
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            found[line[:equals]] = line[equals + 1 :]
        elif heredoc > 0 and line[heredoc + 2 :]:
            found[line[:heredoc]] = "\n".join(_until(line[heredoc + 2 :], lines))
        else:
            raise ValueError(f"invalid format {line!r}")
    return found


def _until(delimiter: str, lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if line == delimiter:
            return
        yield line
    raise ValueError(f"matching delimiter not found {delimiter!r}")
