"""Reads JSON text as the app that writes our files does: everything it accepts, nothing else.

contracts.md, "Conventions". orjson reads what is ordinary; `json` reads what only JavaScript and
Python hold: lone surrogate escapes, and numbers past a double, which become infinite.
"""

import json
from typing import Any, NoReturn

import orjson

SPACE = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
"""What JavaScript trims and calls whitespace. Python's own idea differs (U+001C, U+0085, U+FEFF)."""

DEEPEST = 200
"""Levels of nesting a text may have; no contract has ten, and deeper ones exhaust the stack of readers."""


NOT_TEXT = "not UTF-8 text"
"""How the message begins where a text is no text at all."""
TOO_LONG = "longer than"
"""How it begins where a text isn't read for its length."""


class NotJson(ValueError):
    """The text is not JSON, or none that we read; the message says why, in one line."""

    def __init__(self, message: str, at: int | None = None) -> None:
        super().__init__(message)
        self.at = at
        """Characters before the spot where it isn't, or bytes where it is no text; None: it has no spot."""


def loads(text: bytes | str) -> Any:
    """Read one JSON value. Duplicate keys: the last one wins. Raises NotJson."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = _loads_unusual(text)
    if _may_be_deep(text) and _depth_exceeds(value, DEEPEST):
        raise NotJson(f"nested deeper than {DEEPEST} levels")
    return value


def trimmed(line: bytes) -> bytes:
    """A line without the whitespace around it, as JavaScript trims: a byte order mark goes too."""
    line = line.strip(b"\t\n\v\f\r ")
    if line and (line[0] > 127 or line[-1] > 127):
        try:
            return line.decode().strip(SPACE).encode()
        except UnicodeDecodeError:
            return line  # reading it will say so
    return line


def _loads_unusual(text: bytes | str) -> Any:
    try:
        return json.loads(
            text if isinstance(text, str) else text.decode(), parse_int=_number, parse_constant=_refuse
        )
    except UnicodeDecodeError as error:
        raise _no_text(error.object[error.start], error.start) from None
    except json.JSONDecodeError as error:
        if error.doc[error.pos : error.pos + 1] == "\0":
            raise _no_text(0, len(error.doc[: error.pos].encode(errors="surrogatepass"))) from None
        said = error.msg.removesuffix(" at").removesuffix(" starting")
        raise NotJson(f"{said} at character {error.pos + 1}", error.pos) from None
    except RecursionError:
        raise NotJson(f"nested deeper than {DEEPEST} levels") from None


def _no_text(byte: int, at: int) -> NotJson:
    return NotJson(f"{NOT_TEXT}: 0x{byte:02x} at byte {at + 1}", at)


def _number(digits: str) -> int | float:
    """An integer; past what a double holds, infinity (Python would also refuse 4300 digits)."""
    return int(digits) if len(digits) < 310 else float(digits)


def _refuse(constant: str) -> NoReturn:
    raise NotJson(f"{constant} is not a JSON number")


def _may_be_deep(text: bytes | str) -> bool:
    if isinstance(text, str):
        return text.count("[") + text.count("{") > DEEPEST
    return text.count(b"[") + text.count(b"{") > DEEPEST


def _depth_exceeds(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit + 1):
        level = [
            item
            for container in level
            if isinstance(container, (dict, list))
            for item in (container.values() if isinstance(container, dict) else container)
        ]
        if not level:
            return False
    return True
