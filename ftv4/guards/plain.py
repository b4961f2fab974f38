"""Reads a text as people see it: whatever it is spelled with, the same letters come out.

Copies are told apart, and words got past a list, by letters that only look alike and by characters
that nobody sees (threats-and-faults.md 53; weaknesses.md B8). Comparing what is seen helps.
"""

import re
import unicodedata
from functools import cache, lru_cache

_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_UNSEEN = frozenset({"Cf", "Cs", "Mn", "Me", "Cc", "Co"})
_BLANK = "\N{BRAILLE PATTERN BLANK}"
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
"""Letters to Unicode, nothing to the eye."""

_LOWER = bytes(range(256)).lower()
_NO_LETTER = bytes(code for code in range(128) if not chr(code).isalnum())
_SPACED = bytes(code if code > 127 or chr(code).isalnum() else ord(" ") for code in _LOWER)
_ESCAPE = re.compile(rb"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)


def visible(text: str) -> str:
    """The text with look-alikes as the ASCII letters, digits and marks they look like, unseen ones gone."""
    return text if text.isascii() else _FOREIGN.sub(_seen, text)


def letters(json_text: bytes) -> bytes:
    """Letters and digits of a JSON text, in lower case, one after the other: what a copy can't change.

    Takes a text as orjson writes it; half of a surrogate pair is nothing.
    """
    return _seen_json(json_text).translate(_LOWER, _NO_LETTER)


def words(json_text: bytes) -> bytes:
    """The same with whatever stands between letters and digits as spaces."""
    return _seen_json(json_text).translate(_SPACED)


def _seen_json(json_text: bytes) -> bytes:
    if not json_text.isascii():
        json_text = visible(json_text.decode("utf-8", "ignore")).encode("utf-8", "ignore")
    return _ESCAPE.sub(b"", json_text) if b"\\" in json_text else json_text


def _seen(stretch: re.Match[str]) -> str:
    return _seen_stretch(stretch[0])


@lru_cache(maxsize=4096)
def _seen_stretch(stretch: str) -> str:
    return "".join(map(_seen_character, unicodedata.normalize("NFC", stretch)))


@lru_cache(maxsize=4096)
def _seen_character(character: str) -> str:
    kind = unicodedata.category(character)
    if kind in _UNSEEN or character in _FILLERS:
        return ""
    if kind == "Nd":
        return str(unicodedata.decimal(character))
    if kind.startswith("Z") or character == _BLANK:
        return " "
    if kind == "Pd":
        return "-"
    plain = unicodedata.normalize("NFKD", character)
    twin = plain if plain.isascii() and len(plain) == 1 else _twins().get(character)
    # Unicode's table has every capital I look like l; lower case is what tells copies.
    return ("I" if twin == "l" and kind == "Lu" else twin) or "".join(map(_base, plain))


def _base(part: str) -> str:
    """One character of a decomposed one: its marks go, its case may help to find a twin."""
    if part.isascii() or unicodedata.category(part) in _UNSEEN:
        return part if part.isascii() else ""
    twins = _twins()
    return twins.get(part) or twins.get(part.casefold()) or part.casefold()


@cache
def _twins() -> dict[str, str]:
    """Foreign character → the ASCII letter or digit it looks like, by Unicode's table of confusables."""
    from confusable_homoglyphs.confusables import confusables_data

    ascii_characters = [chr(code) for code in range(128) if chr(code).isalnum()]
    return {
        twin["c"]: character
        for character in ascii_characters  # digits first: letters win over those that look like them
        for twin in confusables_data.get(character, ())
        if len(twin["c"]) == 1 and not twin["c"].isascii()
    }
