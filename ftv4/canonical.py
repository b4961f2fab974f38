"""One text for one JSON value: what is trained on, what is asked, and what is hashed.

Keys sorted by code point at every level, no spaces, non-ASCII as itself, whole numbers without a
fraction (`90.0` is `90`), half of a surrogate pair as its escape: contracts.md §9.2.
"""

import hashlib
import json
from typing import Any

import orjson


def canonical(value: Any) -> str:
    """Write a JSON value as its one text."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        if b".0" in text or b"+" in text:  # as in 90.0 and 1e+16; else there is nothing to rewrite
            text = orjson.dumps(_whole_numbers(value), option=orjson.OPT_SORT_KEYS)
        return text.decode()
    except TypeError:
        # orjson refuses what only Python can hold: lone surrogates, integers past 64 bits.
        odd = json.dumps(_whole_numbers(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return odd.encode("utf-8", "backslashreplace").decode()  # which only lone surrogates need


def sha256(data: str | bytes) -> str:
    """Hex digest of text (as UTF-8) or bytes."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def digest(value: Any) -> str:
    """Hex SHA-256 of a value's canonical text."""
    return sha256(canonical(value))


def _whole_numbers(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole_numbers(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole_numbers(item) for item in value]
    return value
