"""Packs a verdict into one output of a job, and unpacks it where tokens can write.

The output is base64url of zlib of canonical JSON: one word of a closed alphabet, bounded before and
after it is inflated. What is odd in any way is refused whole; no part of it is used.
"""

import base64
import re
import zlib

from ftv4.canonical import canonical
from ftv4.contracts.jsontext import NotJson, loads
from ftv4.contracts.pull_verdict import PullVerdict
from ftv4.documents import parse
from ftv4.encode import fit, utf16
from ftv4.errors import ContractError

LARGEST = 64 * 1024
"""Characters of the packed verdict."""
INFLATED = 256 * 1024
"""Bytes of the JSON in it."""
MORE = "and {} more lines of this page; the run's summary has them."
_WORD = re.compile(r"[A-Za-z0-9_-]+")
_ACTS = re.compile(r"@|<(?!/?(?:details|summary)>)[A-Za-z/!?]")
"""A mention, or HTML that our templates don't write: it can't come from a page of ours."""


def pack(verdict: PullVerdict) -> str:
    """The verdict as one word; its page is cut until the word is short enough. Raises ContractError."""
    lines, budget = verdict.page.splitlines(keepends=True), utf16(verdict.page)
    while len(word := _packed(verdict)) > LARGEST:
        budget = budget * 3 // 4
        verdict = verdict.model_copy(update={"page": fit(lines, budget, MORE.format, utf16)})
    unpack(word)
    return word


def unpack(word: str) -> PullVerdict:
    """The verdict that a word is. Raises ContractError for anything that `pack` doesn't make."""
    if len(word) > LARGEST or not _WORD.fullmatch(word):
        raise _odd("not one word of base64url")
    text = _inflated(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4)) if len(word) % 4 != 1 else b"")
    try:
        value = loads(text)
    except NotJson as error:
        raise _odd(str(error)) from None
    if canonical(value).encode(errors="replace") != text:
        raise _odd("not canonical JSON")
    verdict = parse(PullVerdict, text, "the verdict")
    if not all(line.isprintable() for line in verdict.page.split("\n")) or _ACTS.search(verdict.page):
        raise _odd("its page holds what no page of ours does")
    return verdict


def _packed(verdict: PullVerdict) -> str:
    text = canonical(verdict.model_dump(mode="json")).encode()
    return base64.urlsafe_b64encode(zlib.compress(text, 9)).decode().rstrip("=")


def _inflated(data: bytes) -> bytes:
    reader = zlib.decompressobj()
    try:
        text = reader.decompress(data, INFLATED)
    except zlib.error:
        raise _odd("not zlib") from None
    if not reader.eof or reader.unused_data:
        raise _odd(f"not whole, or more than {INFLATED} bytes")
    return text


def _odd(why: str) -> ContractError:
    return ContractError(
        f"the verdict of the judging job is {why}; nothing was written", hint="run the workflow again"
    )
