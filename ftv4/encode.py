"""The one encoder: untrusted text on its way to a log, a summary, a comment, a card, a terminal.

Rows, model output, PR titles, file names and API errors are written by strangers. What comes out of
here is one line in which no workflow command, escape sequence, Markdown, HTML, mention, reference,
closing keyword or direction mark can live; docs/security.md says how that is shown. Nothing is
lost: a reader of JSON gets the text back.

A stranger's text passes `for_log` or `for_markdown` where it enters a message. Whole messages, whose
untrusted parts are encoded already, pass `line_for_log`, `code_span`, `annotation` on their way out.
"""

import json
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Literal

COMMENT = 60_000
"""Characters of a comment, a check's summary or a pull request's body; the forge takes 65,536."""
SUMMARY = 900 * 1024
"""Bytes of a step's summary. The platform drops one above 1 MiB, and the job stays green."""
ANNOTATION = 4_000
"""Characters of an annotation's message; the platform takes 4,096."""

_HARD_IN_LOG = re.compile(r"[#\x7f]|(?<![A-Za-z0-9_]):|:(?![A-Za-z0-9_])|(?<=[0-9]):(?=[0-9])")
"""`::` and `##[` make commands, `: ` and `1:2` feed problem matchers; `bucket:volatility` does neither."""
_HARD_IN_JSON = re.compile(r"[^ -~\n]|#(?=[#\[])")
_HARD_IN_MARKDOWN = re.compile(
    r"[`|@#\x7f]|\](?=:)|:(?=//)|<(?=[A-Za-z/!?])|(?<=GH)-(?=[0-9])|\[(?=(?:skip|no|ci|actions) )",
    re.IGNORECASE,
)
"""A backtick, a table's `|` and a definition's `]:` count for more than the code span they stand in. The
others would act where no Markdown is read: in a block of HTML, in a reply by mail, in a squash commit."""

_ESCAPE = re.compile(r"\\(?:u(?P<unit>[0-9a-f]{4})|.)")
_LONGEST_CLUSTER = 32
"""Code points looked back over for the start of a character; a longer pile of marks is cut through."""
_ONE = r"(?:\\ud[89ab]..\\ud[c-f]..|\\u....|\\.|.)"
_WHOLE = re.compile(rf"{_ONE}(?:\\u(?:03[0-6].|fe0.)|\\u200d{_ONE}){{0,{_LONGEST_CLUSTER}}}")
"""A character, escaped or not, with the marks that stand on it."""
_FENCE = re.compile(r" {0,3}(?P<run>`{3,}|~{3,})(?P<info>.*)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,199}")
_OUTPUT = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9_.-]{0,65535}|\[[0-9]{1,9}(?:,[0-9]{1,9}){0,99}\])?")
_TITLE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 _.,()/+-]|:(?= )){0,199}")
_ACTS_IN_TITLE = re.compile(r"\bGH-[0-9]|skip-checks:", re.IGNORECASE)


def _is_latin_letter(character: str) -> bool:
    """Whether a letter of the Latin script is what it looks like: none that folds into another."""
    return character.isalpha() and unicodedata.is_normalized("NFKC", character) and character not in "ıĸ"


_READABLE = frozenset(filter(_is_latin_letter, map(chr, range(0xC0, 0x180)))) | frozenset(
    ":…€£§°„“”«»\N{EN DASH}\N{EM DASH}\N{RIGHT SINGLE QUOTATION MARK}"
)
"""What people may read as it is though it isn't ASCII, and a colon, which `for_log` escapes."""
_HARD_IN_LINE = re.compile(rf"[^ -~{''.join(sorted(_READABLE))}]|#(?=[#\[])|(?:^|(?<= )):(?=:)")


def for_log(text: str, limit: int = 200) -> str:
    """Text as the inside of an ASCII JSON string; `#` and `:` stay only where they cannot act.

    The runner reads `::command::` at the start of a line and `##[command]` anywhere in it, so
    JSON alone does not help (threats 28, 29). Cut to `limit` characters of the source.
    """
    return _HARD_IN_LOG.sub(_escaped, _as_json(clip(text, limit, "...")))


def name_for_log(name: str) -> str:
    """A model's, job's or file's name to copy from a log: as it stands if nothing in it can harm.

    Colons stay, as in `ft:gpt-…::abc`: the runner takes them for a command only where a line begins.
    """
    return name if _NAME.fullmatch(name) else for_log(name)


def line_for_log(line: str) -> str:
    """A message on its way out, made sure of: what could still act is escaped, all else stays."""
    return _HARD_IN_LINE.sub(_escaped, line)


def json_for_log(document: str) -> str:
    """A JSON document to print, with the same value and nothing in it that could act."""
    return _HARD_IN_JSON.sub(_escaped, document)


def for_markdown(text: str, limit: int = 200) -> str:
    """Text as a code span, also inside a table cell: no Markdown, HTML, mention or reference."""
    return code_span(_as_json(clip(text, limit)))


def person_for_markdown(name: str) -> str:
    """Who somebody is, as a code span that mentions nobody: `ada at example.org`."""
    return for_markdown(name.replace("@", " at "), 64)


def code_span(encoded: str) -> str:
    """A code span around text whose untrusted parts are encoded already."""
    plain = _ESCAPE.sub(_readable, line_for_log(encoded))
    return f"`{_HARD_IN_MARKDOWN.sub(_escaped, plain) or ' '}`"


def annotation(kind: Literal["error", "warning", "notice"], message: str, **where: str | int) -> str:
    """One workflow command that annotates, from a message whose untrusted parts are encoded already.

    `where` is the platform's: file, line, endLine, col, endColumn, title; what is empty is left out.
    """
    pairs = (f"{name}={_as_property(str(value))}" for name, value in where.items() if value != "")
    head = " ".join(filter(None, (kind, ",".join(pairs))))
    return f"::{head}::{_clip_encoded(line_for_log(message), ANNOTATION).replace('%', '%25')}"


def for_output(name: str, value: str | int) -> str:
    """One line of GITHUB_OUTPUT. Raises ValueError for what is no word, digest, number, or `[3,7]`."""
    plain = str(value).lower() if isinstance(value, bool) else str(value)
    if not (_NAME.fullmatch(name) and _OUTPUT.fullmatch(plain)):
        raise ValueError(f"output {for_log(name)}: {for_log(plain)} is not one plain word")
    return f"{name}={plain}\n"


def title_problem(title: str) -> str:
    """Why no pull request or commit can be called this; empty when one can.

    A title is one plain line with no mention, reference, link, skip token or trailer (threats 35, 36).
    """
    if not _TITLE.fullmatch(title):
        return "is not one plain line of ASCII words"
    return "would act on the forge" if _ACTS_IN_TITLE.search(title) else ""


def clip(text: str, limit: int, mark: str = "…") -> str:
    """Text of at most `limit` characters: cut where a character as people see them ends, and marked."""
    if len(text) <= limit:
        return text
    end = max(0, limit - len(mark))
    whole = (place for place in range(end, max(0, end - _LONGEST_CLUSTER), -1) if not _joins(text, place))
    return (text[: next(whole, end)] + mark)[:limit]


def utf8(text: str) -> int:
    """Bytes of a text, as step summaries are measured."""
    return len(text.encode("utf-8", "surrogatepass"))


def utf16(text: str) -> int:
    """UTF-16 units of a text, as outputs are measured; never fewer than its characters."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def fit(
    parts: Sequence[str], limit: int, more: Callable[[int], str], size: Callable[[str], int] = utf16
) -> str:
    """Markdown of as many whole `parts` (lines, table rows, blocks) as fit, and what `more` says of the rest.

    `more` is given how many parts are left out. A fence or `<details>` that the last part leaves open
    is closed first. Raises ValueError when not even the sentence fits.
    """
    sizes = [0, *accumulate(map(size, parts))]
    if sizes[-1] <= limit:
        return "".join(parts)
    for kept in range(bisect_right(sizes, limit) - 1, -1, -1):
        text = "".join(parts[:kept])
        page = f"{text}{_closing(text)}\n{more(len(parts) - kept)}\n"
        if size(page) <= limit:
            return page
    raise ValueError(f"a page of {limit} has no room to say that it is cut")


def _as_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x1_0000:
        return f"\\u{code:04x}"
    return f"\\u{0xD7C0 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def _readable(found: re.Match[str]) -> str:
    unit = found["unit"]
    return chr(int(unit, 16)) if unit and chr(int(unit, 16)) in _READABLE else found[0]


def _as_property(value: str) -> str:
    encoded = line_for_log(value)
    return encoded.replace("%", "%25").replace(":", "%3A").replace(",", "%2C")


def _clip_encoded(encoded: str, limit: int) -> str:
    """An encoded line of at most `limit` characters, not cut inside an escape."""
    if len(encoded) <= limit:
        return encoded
    ends = [found.end() for found in _WHOLE.finditer(encoded[: limit + 12])]
    return encoded[: max(end for end in [0, *ends] if end <= limit - 3)] + "..."


def _joins(text: str, place: int) -> bool:
    """Whether `text[place]` goes on with the character before it; the chief rules of Unicode's UAX 29."""
    before, after = text[place - 1], text[place]
    return (
        unicodedata.category(after) in {"Mn", "Mc", "Me"}
        or "\u200d" in (before, after)
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or "\U000e0020" <= after <= "\U000e007f"
        or ("\ud800" <= before <= "\udbff" and "\udc00" <= after <= "\udfff")
        or (before, after) == ("\r", "\n")
        or (_is_flag(after) and _flags_before(text, place) % 2 == 1)
    )


def _is_flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flags_before(text: str, place: int) -> int:
    run = text[max(0, place - _LONGEST_CLUSTER) : place]
    return len(run) - len(run.rstrip("".join(map(chr, range(0x1F1E6, 0x1F200)))))


def _closing(text: str) -> str:
    """What ends the fence and the `<details>` that Markdown leaves open."""
    fence, details = "", 0
    for line in text.split("\n"):
        found = _FENCE.fullmatch(line)
        if fence:
            if found and found["run"].startswith(fence) and not found["info"].strip():
                fence = ""
        elif found and not (found["run"][0] == "`" and "`" in found["info"]):
            fence = found["run"]
        else:
            details += line.count("<details") - line.count("</details>")
    start = "" if text.endswith("\n") or not text else "\n"
    return start + (f"{fence}\n" if fence else "") + "\n</details>\n" * max(0, details)
