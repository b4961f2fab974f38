"""The one encoder: untrusted text on its way to a log, a summary, a comment, a card, a terminal.

Rows, model output, PR titles and API errors are written by strangers. What comes out of here is
one line of printable ASCII in which no workflow command, escape sequence, Markdown, mention,
closing keyword or direction mark can live.
"""

import json
import re

_LOG = str.maketrans({character: f"\\u{ord(character):04x}" for character in "#:\x7f"})
_CODE_SPAN = str.maketrans({character: f"\\u{ord(character):04x}" for character in "`|@\x7f"})

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,199}")


def for_log(text: str, limit: int = 200) -> str:
    """Text as the inside of an ASCII JSON string, with `#` and `:` escaped as well.

    The runner reads `::command::` at the start of a line and `##[command]` anywhere in it, so
    JSON alone does not help (threats 28, 29). Cut to `limit` characters of the source.
    """
    return _ascii(text, limit).translate(_LOG)


def name_for_log(name: str) -> str:
    """A model's, job's or file's name to copy from a log: as it stands if nothing in it can harm.

    Colons stay, as in `ft:gpt-…::abc`: the runner takes them for a command only where a line begins.
    """
    return name if _NAME.fullmatch(name) else for_log(name)


def for_markdown(text: str, limit: int = 200) -> str:
    """Text as a code span, also inside a table cell: no Markdown, HTML, mention or reference."""
    return f"`{_ascii(text, limit).translate(_CODE_SPAN) or ' '}`"


def code_span(encoded: str) -> str:
    """A code span around text whose untrusted parts `for_log` has encoded already."""
    if not (encoded.isascii() and encoded.isprintable()):
        return for_markdown(encoded)
    return f"`{encoded.translate(_CODE_SPAN) or ' '}`"


def _ascii(text: str, limit: int) -> str:
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return json.dumps(cut, ensure_ascii=True)[1:-1]
