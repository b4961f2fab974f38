"""Patterns of raw data: e-mail, phone, address, and a field name with its value.

contracts.md §6.1 (any payload, lower-cased text) and §6.3 (before training, trimmed text). Letters,
digits and word boundaries are ASCII, whitespace is JavaScript's.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from ftv4.contracts.jsontext import SPACE
from ftv4.contracts.policy import LeakScan
from ftv4.guards.screen import Needle, fold, word

Finder = Callable[[str], object]
"""Something true when a text holds the pattern."""

_SPACE = f"[{re.escape(SPACE)}]"
_GAP = f"[{re.escape(SPACE)}.-]"


def _finder(pattern: str) -> Finder:
    return re.compile(pattern, re.ASCII | re.IGNORECASE).search


# One character before the @ is enough to know, and keeps the search linear (weaknesses.md E10).
_EMAIL = _finder(r"[a-z0-9._%+-]@[a-z0-9.-]+\.[a-z]{2,}")

_ADDRESS_WORDS = (
    "street",
    "st.",
    "avenue",
    "ave.",
    "road",
    "rd.",
    "suite",
    "ste.",
    "apt.",
    "apartment",
    "blvd",
)


def _address(*words: str) -> Finder:
    return _finder(rf"\b(?:{'|'.join(map(re.escape, words))})\b")


DOCTRINE: Mapping[str, Finder] = {
    "possible_email_exposure": _EMAIL,
    "possible_phone_exposure": _finder(rf"\b[0-9]{{3}}{_GAP}[0-9]{{3}}{_GAP}[0-9]{{4}}\b"),
    "possible_address_exposure": _address("street", "st.", "avenue", "ave.", "road", "rd.", "suite", "apt."),
}
"""Kind → finder, in the doctrine guard's order."""

FIELDS = (
    *("name", "first_name", "last_name", "full_name", "customer_name", "client_name", "owner_name"),
    *("customer", "address", "email", "e-mail", "email_address", "phone", "phone_number", "phone number"),
)
"""What columns of raw rows are called."""

_FIELD = "(?:" + "|".join(re.escape(field) for field in sorted(FIELDS, key=len, reverse=True)) + ")"
_CELL_END = r"[,;|\t]"


def _beside(space: str) -> str:
    """A field name and a value set beside it; `space` is the pattern of one whitespace."""
    return (
        rf"{_FIELD}[\"']?{space}*[:=]"  # name: …
        rf"|{_FIELD}[\"']?{_CELL_END}(?!{space}|$)"  # phone,555…
        rf"|phone{space}+[#(+]?[0-9]{{3}}|customer{space}+(?:#{space}*[0-9]|[0-9]{{4}})"  # customer 10482
        rf"|(?-i:(?:name|customer){space}+(?:-{space}+)?[A-Z][a-z]+{space}+[A-Z][a-z]+)"  # customer Jo Smith
    )


_LABELLED = _finder(rf"(?:^|(?<=[\"'(\[{{|,;])|(?<={_SPACE}))(?:{_beside(_SPACE)})")

_WORD = r"[^ ,;|\"]"
_CELL = re.compile(rf" *(?:{_WORD}{{1,40}}(?: +{_WORD}{{1,40}})?)? *")

_S = r"[ \x80-\xff]"
_CELL_BYTES = _CELL.pattern.replace("40", "160")  # four bytes a character at most
_MAYBE_LABELLED = re.compile(
    rf"{_beside(_S)}|{_FIELD}{_S}*[,;|](?:(?!{_S})|{_CELL_BYTES}[,;|\"])".encode("latin-1"), re.IGNORECASE
)
"""Matches, in bytes and from the field name on, wherever the labelled hint might find something."""


def _labelled(text: str) -> bool:
    return bool(_LABELLED(text)) or any(map(_header, text.split("\n")))


def _header(line: str) -> bool:
    """Whether a line is a spaced header row: cells of two words at most, two of them field names."""
    cells = re.split(_CELL_END, line.replace('"', " "))
    fields = sum(cell.strip(SPACE + "'").lower() in FIELDS for cell in cells)
    return fields > 1 and all(map(_CELL.fullmatch, cells))


_ROW_HINT: Mapping[str, Finder] = {
    "any": _finder(rf"(?:^|[{re.escape(SPACE)},;])(?:name|customer|address|email|phone)(?:{_SPACE}|[:=])"),
    "labelled": _labelled,
}


def leak_finders(policy: LeakScan) -> Mapping[str, Finder]:
    """Kind → finder, in the leak scan's order."""
    phone = rf"\b(?:\+?1{_GAP}?)?\(?[0-9]{{3}}\)?{_GAP}[0-9]{{3}}{_GAP}[0-9]{{4}}\b"
    return {
        "email": _EMAIL,
        "phone": _finder(phone),
        "address_hint": _address(*_ADDRESS_WORDS),
        "raw_row_hint": _ROW_HINT[policy.raw_row_hint],
    }


def sample(text: str) -> str:
    """The text on one line, cut to 80 UTF-16 units."""
    line = re.sub(f"{_SPACE}+", " ", text).strip(" ")
    units = line.encode("utf-16-le", "surrogatepass")
    cut, tail = (units, "") if len(units) <= 160 else (units[:154], "...")
    return cut.decode("utf-16-le", "replace") + tail


def needles(policy: LeakScan) -> Iterator[Needle]:
    """What the screen looks for on behalf of both sets of patterns."""
    phones = [
        b"000" + b" " * first + b"000" + b" " * second + b"0000"
        for first in range(1, 5)
        for second in range(1, 4)
    ]
    for guard in ("doctrine", "leaks"):
        yield Needle(guard, b"@")
        yield from (Needle(guard, phone) for phone in phones)
        yield from (Needle(guard, word(fold(hint))) for hint in _ADDRESS_WORDS)
    certain = _MAYBE_LABELLED if policy.raw_row_hint == "labelled" else None
    yield from (Needle("leaks", word(fold(field)), certain) for field in FIELDS)
