"""What gates read in a row: its question, its answer and its signals, each taken out once.

What differs between copies of a row without being said in it is left out: identifiers, dates, counts
of records, the stamp of the model, and what the contract makes every answer of its stage say.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from hashlib import blake2b
from typing import Any

import orjson

from ftv4.canonical import canonical
from ftv4.guards.plain import letters, visible

STAMPED = frozenset(
    {
        *("schema_version", "stage_name", "model_id", "prompt_version", "data_limits", "window"),
        *("confidence", "evidence_refs", "signals", "language_checks", "prohibitions_checked"),
    }
)
"""Members of an output that are not free text: stamps, bookkeeping, and what follows from the signals."""

IDENTIFIERS = frozenset({"id", "client_id", "run_id", "created_at", "model", "approval"})
"""Members of a row or its input that name and date it."""

_DIGITS = bytes(ord("0") if chr(code) in "0123456789" else code for code in range(256))
_DATE = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt][0-9:.]{5,12}[Zz]?)?")


class Reading:
    """One row, read. Whatever its value is, reading it never throws."""

    def __init__(self, value: object) -> None:
        row = _members(value)
        self._row = row
        self._input = _members(row.get("input"))
        self._output = _members(row.get("output"))

    @cached_property
    def approved(self) -> str:
        """The one text of the output: what somebody approves, and what is trained on."""
        return canonical(self._output)

    @cached_property
    def signals(self) -> tuple[str, ...]:
        """The evidence references that the input offers: what its buckets say, in order."""
        refs = _members(self._input.get("evidence_index")).get("refs")
        return tuple(sorted(ref for ref in _items(refs) if isinstance(ref, str)))

    @cached_property
    def industry(self) -> str:
        """What the input says the business does, as it is seen."""
        return letters(as_json(self._input.get("industry"))).decode()

    @cached_property
    def question(self) -> bytes:
        """Letters and digits of what is asked: the context, without notes and dates, and the signals."""
        context = _members(self._input.get("context"))
        asked = {name: value for name, value in context.items() if name != "notes"}
        return told([self.industry, asked, self.signals])

    @cached_property
    def answer(self) -> bytes:
        """Letters and digits of the output's free text, its member names in between."""
        return told([*self.said.values()])

    def excerpt(self, start: int, end: int) -> str:
        """The words that stand at some of the letters of the answer."""
        said = _undated([*self.said.values()])
        text = visible(said.decode("utf-8", "ignore")).encode("utf-8", "ignore")
        places = [place for place, byte in enumerate(text) if byte > 127 or chr(byte).isalnum()]
        stretch = text[places[start] : places[min(end, len(places)) - 1] + 1]
        return " ".join(re.findall(r"[\w'-]+", stretch.decode("utf-8", "ignore")))

    @cached_property
    def question_key(self) -> bytes:
        """Names the question; the same for all who ask it."""
        return key(self.question)

    @cached_property
    def answer_key(self) -> bytes:
        """Names the answer."""
        return key(self.answer)

    @cached_property
    def sketch(self) -> bytes:
        """The answer's MinHash, which tells how like another answer it is."""
        from ftv4.gates.stretches import sketch

        return sketch(self.answer)

    @property
    def names(self) -> bytes:
        """The identifiers of the row and its input, as JSON."""
        parts = (self._row, self._input)
        return as_json([part[name] for part in parts for name in IDENTIFIERS if name in part], in_order=False)

    @property
    def said(self) -> dict[str, Any]:
        """The members of the output that say something; notes that the input has are empty in them."""
        given = _members(self._input.get("data_limits")).get("notes")
        return {name: _besides(value, given) for name, value in self._output.items() if name not in STAMPED}


def key(text: bytes) -> bytes:
    """Eight bytes that stand for a text."""
    return blake2b(text, digest_size=8).digest()


def as_json(value: object, *, in_order: bool = True) -> bytes:
    """JSON of a value, foreign letters as themselves; `in_order` of the keys costs most of the time."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if in_order else 0)
    except TypeError:
        return canonical(value).encode(errors="replace")


def told(value: object) -> bytes:
    """What is compared of a value: its letters and digits, as they are seen, without dates."""
    return letters(_undated(value))


def _besides(member: Any, given: object) -> Any:
    """A member of an output without the notes that it has from the input: they say what was counted."""
    notes = member.get("notes") if isinstance(member, dict) else None
    if not isinstance(notes, list) or not isinstance(given, list):
        return member
    return {**member, "notes": ["" if note in given else note for note in notes]}


def _undated(value: object) -> bytes:
    text = as_json(value)
    return _DATE.sub(b"", text) if b"0000-00-00" in text.translate(_DIGITS) else text


def _members(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> Iterator[object]:
    return iter(value if isinstance(value, (list, tuple)) else ())
