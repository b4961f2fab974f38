"""Finds personal data and secrets in a text, in all the ways they hide there.

Structured kinds only, each by its form and, where it has one, its check digits: names and places are
for people to judge. A text is read as people see it, with literal escapes undone, and what is encoded
as Base64 in it is read as well (threats-and-faults.md 55, 56).
"""

import base64
import binascii
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from itertools import pairwise, product
from math import log2
from typing import NamedTuple

from ftv4.guards.plain import visible
from ftv4.guards.screen import Needle, fold


class Found(NamedTuple):
    """A value that has no place in a row. It is never shown."""

    kind: str
    value: str


class _Kind(NamedTuple):
    pattern: re.Pattern[str]
    check: Callable[[str], bool] = bool
    """Whether a value that matches is one."""


def find(text: str, *, identifier: bool = False) -> tuple[Found, ...]:
    """All personal data and secrets of a text, each once.

    An `identifier`, such as a run's, may look random: it is no secret for that.
    """
    if text.isascii() and not _MAY_HOLD(text):
        return ()
    return (_found if len(text) > SHORT else _found_before)(text, identifier)


def _found(text: str, identifier: bool) -> tuple[Found, ...]:
    found: dict[tuple[str, str], None] = {}
    for reading in _readings(visible(text)):
        for kind, (pattern, check) in KINDS.items():
            for match in pattern.finditer(reading):
                if check(match[0]):
                    found[kind, match[0]] = None
        if not identifier:
            known = [value for _, value in found]
            found |= {("random token", token): None for token in _random_tokens(reading, known)}
    return tuple(Found(kind, value) for kind, value in found)


_found_before = lru_cache(maxsize=8192)(_found)
"""Member names, references and phrases come again in every row."""
SHORT = 200
"""Characters of a text that is looked up."""


def may_hide(json_text: bytes, names: bytes) -> bool:
    """Whether a JSON text may hold what the needles don't tell: long tokens, escapes, a number after `+`.

    `names` are identifiers in it, which look random by nature.
    """
    # One byte is found ten times as fast as two.
    if b"+" in json_text or (b"\\" in json_text and rb"\\" in json_text):
        return True
    if b"&" in json_text and b"&#" in json_text:
        return True
    return (b"%" in json_text and bool(_PERCENT(json_text))) or any(
        json_text.count(token) > names.count(token) for token in _long_tokens(json_text)
    )


def _long_tokens(json_text: bytes) -> Iterator[bytes]:
    import numpy as np

    stretches = json_text.translate(_TOKEN)
    long = np.frombuffer(stretches, np.uint8)
    for step in (1, 2, 4, 8):  # what is in a stretch, and so are that many more: in the end, 16
        long = long[:-step] & long[step:]
    starts, start = long.tobytes(), -1
    while (start := starts.find(1, start + 1)) >= 0:
        end = stretches.find(0, start)
        yield json_text[start : end if end >= 0 else None]
        start = end if end >= 0 else len(stretches)


# reading

_MAY_HOLD = re.compile(r"[0-9@\\%&/_:=({\[<-]|[A-Za-z+]{16}| dot ", re.IGNORECASE).search
"""What every kind has a character of, Base64 a stretch, a spelled address a word."""
_LITERAL = re.compile(
    r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})|%([0-9a-fA-F]{2})|&#x([0-9a-fA-F]{1,5});|&#([0-9]{1,6});"
)
_PERCENT = re.compile(rb"%[0-9A-Fa-f]{2}").search
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_MOST_BASE64 = 4096
"""Characters of one Base64 stretch that are read; longer ones are read up to there."""


def _readings(text: str) -> Iterator[str]:
    """The text, and what is written in it in other words."""
    yield text
    plain = _LITERAL.sub(_unescaped, text)
    if plain != text:
        yield visible(plain)
    for stretch in _BASE64.findall(plain):
        decoded = _decoded(stretch)
        if decoded:
            yield decoded


def _unescaped(escape: re.Match[str]) -> str:
    *hexadecimal, decimal = escape.groups()
    code = int(decimal) if decimal else int(next(digits for digits in hexadecimal if digits), 16)
    return chr(code) if code < 0x110000 else ""


def _decoded(stretch: str) -> str:
    """What a Base64 stretch says, when it says text."""
    body = stretch.rstrip("=").replace("-", "+").replace("_", "/")[:_MOST_BASE64]
    body = body[: len(body) - (len(body) % 4 == 1)]
    try:
        data = base64.b64decode(body + "=" * (-len(body) % 4))
    except binascii.Error:
        return ""
    return data.decode() if data.isascii() and data.decode().isprintable() else ""


# checking


def _luhn(value: str) -> bool:
    """Check digit of payment cards (ISO/IEC 7812)."""
    digits = [int(digit) for digit in value if digit.isdecimal()]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return len(set(digits)) > 1 and (sum(digits[-1::-2]) + doubled) % 10 == 0


def _iban(value: str) -> bool:
    """Length and check digits of a bank account (ISO 13616): 97 divides with remainder 1."""
    plain = value.replace(" ", "").upper()
    length = IBAN_LENGTHS.get(plain[:2])
    if length is None or len(plain) < length:
        return False
    # What stands after it may look like more of it.
    digits = (str(int(character, 36)) for character in plain[4:length] + plain[:4])
    return int("".join(digits)) % 97 == 1


def _address(value: str) -> bool:
    """Of version 4, or of 6 with what nearly all have: a group of digits and letters, or two of digits."""
    if ":" not in value:
        return True
    try:
        IPv6Address(value)
    except AddressValueError:
        return False
    groups = value.lower().split(":")
    pairs = (first + second for first, second in pairwise(groups) if len(first) == len(second) == LONG_GROUP)
    return any(map(_is_token, groups[:-1])) or any(map(str.isdecimal, pairs))


def _is_token(value: str) -> bool:
    """More than a word after a prefix: letters and digits mixed."""
    return any(map(str.isdecimal, value)) and any(map(str.isalpha, value))


# random tokens

_CANDIDATE = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
LEAST_ENTROPY = 3.2
"""Bits a character, of a token's own frequencies. Sixteen hexadecimal digits have at most 4."""
LEAST_CHANGES = 0.25
"""Of a token's neighbouring characters, the share that differ in kind (small, capital, digit). Words and
identifiers made of words change kind seldom, random tokens every other time."""

_NO_MARKS = str.maketrans("", "", "+/_=-")
_KIND = {
    ord(character): "0" if character.isdecimal() else "A" if character.isupper() else "a"
    for character in map(chr, range(128))
}

_TOKEN = bytes(chr(code).isalnum() or code in b"+" for code in range(128)) + bytes(128)
"""Whatever a random token or Base64 consists of as 1. `/ _ - =` join words too: a stretch is shorter
without them, and still 16 long in all but few of the tokens that are worth hiding."""


def _random_tokens(text: str, known: list[str]) -> Iterator[str]:
    for token in _CANDIDATE.findall(_UUID.sub(" ", text)):
        if _looks_random(token) and not any(token in value or value in token for value in known):
            yield token


def _looks_random(token: str) -> bool:
    body = token.translate(_NO_MARKS)
    kinds = body.translate(_KIND)
    changes = sum(first != second for first, second in pairwise(kinds))
    shares = [count / len(body) for count in Counter(body).values()]
    entropy = -sum(share * log2(share) for share in shares)
    return "0" in kinds and changes >= LEAST_CHANGES * len(body) and entropy >= LEAST_ENTROPY


# the kinds

NATIONAL = ("344", "434", "56", "533", "433", "37", "38", "47", "22222")
"""Digits of the groups in which a number is written that starts with 0, as in most of Europe."""
LONG_GROUP = 4
"""Digits of a whole group of an address of version 6."""


def _national(sizes: str) -> str:
    first, *others = map(int, sizes)
    more = "[ .-]".join(f"[0-9]{{{size}}}" for size in others)
    return rf"(?<![\w.+-])\(?0[1-9][0-9]{{{first - 2}}}(?:\)[ .-]?|[ .-]){more}(?![\w-])"


_NUMBERS = "|".join(
    (
        *map(_national, NATIONAL),
        r"(?<![\w+])\+[1-9](?:[ ()./-]{0,2}[0-9]){7,14}(?![\w-])",
        r"(?<![\w.-])(?:1[ .-]?)?(?:\([0-9]{3}\) ?|[0-9]{3}[ .-]{1,3})[0-9]{3}[ .-]{1,3}[0-9]{4}(?![\w-])",
        r"(?<![\w.-])1?[2-9][0-9]{9}(?![\w-])",
    )
)
# Most characters begin none of them: one look tells.
_PHONE = rf"(?=[+(0-9])(?:{_NUMBERS})"
_SSN = "|".join(
    (
        r"(?<![\w-])(?!000|666|9)[0-9]{3}([- ])(?!00)[0-9]{2}\1(?!0000)[0-9]{4}(?![\w-])",
        r"(?i:\bssn\W{1,5})[0-9]{9}\b",
    )
)
_CARD = r"(?<![\w.-])(?:4|5[1-5]|2[2-7]|3[04-8]|6)(?:[ -]?[0-9]){11,17}(?![\w-])"
_ACCOUNT = r"\b[A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?\b"
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_AT = r"(?:@|\s{0,2}[\[({<]\s?at\s?[\])}>]\s{0,2})"
_DOT = r"(?:\.|\s{0,2}[\[({<]\s?dot\s?[\])}>]\s{0,2}| dot )"
_LABEL = "[A-Za-z0-9-]{1,63}"
_ENDING = "(?:com|net|org|edu|gov|info|biz|io|co|eu|uk|de|fr|us|ca|au)"
# Possessive, and from its first character on: a long run of letters is read once, not from each of them.
_START = r"(?<![A-Za-z0-9._%+-])"
_MAIL = "|".join(
    (
        rf"{_START}[A-Za-z0-9._%+-]++(?i:{_AT})(?:{_LABEL}(?i:{_DOT})){{1,8}}[A-Za-z]{{2,24}}(?![A-Za-z])",
        rf"{_START}[.%+-]*+(?=\w)[A-Za-z0-9._%+-]++(?i: at {_LABEL}(?: dot {_LABEL}){{0,7}} dot {_ENDING}\b)",
    )
)
_GROUPS = r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])"
_PASSWORD = (
    r"(?i:password|passwd|passphrase|passcode|(?<![\w@])pwd)[\"']?\s{0,3}[:=]\s{0,3}[\"']?"
    r"(?!(?i:none|never|required|unknown|missing|resets?|expired)\b)[^\s\"',;]{4,}"
)
_PACKAGES = "|".join(
    (
        r"\bnpm_[A-Za-z0-9]{30,}",
        r"\bpypi-[A-Za-z0-9_-]{40,}",
        r"\bglpat-[A-Za-z0-9_-]{20,}",
        r"\bhf_[A-Za-z0-9]{30,}",
    )
)

IBAN_LENGTHS: Mapping[str, int] = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL", 19: "MK SI", 20: "AT BA EE KZ LT LU XK",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "PT LY", 26: "IS TR",
        27: "FR GR IT MC MR SM BI DJ", 28: "AL AZ BY CY DO GT HU LB PL SV", 29: "BR EG PS QA UA",
        30: "JO KW MU", 31: "MT SC", 32: "LC NI", 33: "RU ST",
    }.items()
    for country in countries.split()
}  # fmt: skip
"""Country → characters of an account number there, by the registry of ISO 13616."""

SECRETS = frozenset(
    {
        "OpenAI key", "GitHub token", "AWS key", "Google key", "Slack token", "Stripe key", "package token",
        "private key", "web token", "password in a URL", "password", "SendGrid key", "Azure key",
        "random token",
    }
)  # fmt: skip
"""Kinds that let somebody in; the others are about a person."""

KINDS: Mapping[str, _Kind] = {
    "OpenAI key": _Kind(re.compile(r"\bsk-(?:[a-z]+[0-9]*-)*[A-Za-z0-9_-]{20,}"), _is_token),
    "GitHub token": _Kind(re.compile(r"gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,}")),
    "AWS key": _Kind(re.compile(r"(?<![A-Za-z0-9])A(?:KIA|SIA|GPA|IDA|ROA|NPA)[A-Z0-9]{16}(?![A-Za-z0-9])")),
    "Google key": _Kind(re.compile(r"AIza[A-Za-z0-9_-]{35}")),
    "Slack token": _Kind(re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/[\w/]+")),
    "Stripe key": _Kind(re.compile(r"\b[rsp]k_(?:live|test)_[A-Za-z0-9]{16,}")),
    "package token": _Kind(re.compile(_PACKAGES)),
    "private key": _Kind(re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY")),
    "web token": _Kind(re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+")),
    "password in a URL": _Kind(re.compile(r"://[^/\s:@]{1,64}:[^/\s:@]{1,128}@")),
    "password": _Kind(re.compile(_PASSWORD)),
    "SendGrid key": _Kind(re.compile(r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}")),
    "Azure key": _Kind(re.compile(r"(?i:AccountKey|AccessKey)=[A-Za-z0-9+/]{40,}={0,2}")),
    "e-mail address": _Kind(re.compile(_MAIL)),
    "payment card": _Kind(re.compile(_CARD), _luhn),
    "social security number": _Kind(re.compile(_SSN)),
    "bank account": _Kind(re.compile(_ACCOUNT), _iban),
    "phone number": _Kind(re.compile(_PHONE)),
    "IP address": _Kind(
        re.compile(rf"(?<![\w.-])(?:{_OCTET}\.){{3}}{_OCTET}(?![\w-]|\.[0-9])|{_GROUPS}"), _address
    ),
}
"""What is looked for: kind → its form and check, secrets first."""


def needles(guard: str) -> Iterator[Needle]:
    """What the screen looks for on behalf of these kinds; `may_hide` tells about the rest."""
    yield Needle(guard, b"@")
    yield Needle(guard, b" 0000000", re.compile(rb"[0-9]{10,19}(?![A-Za-z0-9_])"))
    yield from (Needle(guard, form) for form in (b" 000 00 0000", b" 0000 0000 0000", b" 0000 000000 0000"))
    gaps = [b" " * size for size in range(1, 5)]
    yield from (
        Needle(guard, b"000" + first + b"000" + second + b"0000") for first in gaps for second in gaps[:3]
    )
    yield from (Needle(guard, form) for sizes in NATIONAL for form in _folded_groups(sizes))
    yield from _version_6(guard)
    for sizes in product((1, 2, 3), repeat=3):
        yield Needle(guard, b"".join(b" " + b"0" * size for size in sizes), _SOME_ADDRESS)
    for country, length in IBAN_LENGTHS.items():
        account = rb"[A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]){%d}(?![A-Za-z0-9])" % (length - 4)
        yield Needle(guard, b" " + fold(country) + b"00", re.compile(account))
    yield from (Needle(guard, fold(start), certain) for start, certain in _STARTS.items())


def _folded_groups(sizes: str) -> Iterator[bytes]:
    """Groups of digits, the first in brackets or not."""
    first, *others = (b"0" * int(size) for size in sizes)
    yield from (b" " + first + gap + b" ".join(others) for gap in (b" ", b"  "))


def _version_6(guard: str) -> Iterator[Needle]:
    """A group of digits and letters, or two groups of four digits, with a colon behind."""
    for size in range(2, LONG_GROUP + 1):
        for group in map("".join, product("0abcdef", repeat=size)):
            if _is_token(group):
                yield Needle(guard, f" {group} ".encode(), _SOME_GROUP)
    yield Needle(guard, b" 0000 0000 ", re.compile(rb"[0-9]{4}:[0-9]{4}"))


_SOME_GROUP = re.compile(rb"[0-9A-Fa-f]{2,4}:")
_SOME_ADDRESS = re.compile(rb"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]")
_STARTS: Mapping[str, re.Pattern[bytes] | None] = {
    " sk ": None, "gho_": None, "ghp_": None, "ghr_": None, "ghs_": None, "ghu_": None, "github_pat_": None,
    "akia": None, "agpa": None, "aida": None, "aroa": None, "anpa": None,
    " asia": re.compile(rb"ASIA[A-Z0-9]{16}"), "aiza": None, " xox": None, "hooks slack": None,
    "k_live_": None, "k_test_": None, "npm_": None, " pypi ": None, " glpat ": None, " hf_": None,
    "private key": None, " eyj": None, " ssn ": None,
    "password": re.compile(rb"assword\W{0,8}[:=]", re.IGNORECASE), "passwd": None, "passphrase": None,
    "passcode": None, " pwd ": None, " sg ": re.compile(rb"SG\.[\w-]"), "accountkey ": None,
    "accesskey ": None, " at ": re.compile(rb"at\s?[\])}>]", re.IGNORECASE), " dot ": None,
}  # fmt: skip
