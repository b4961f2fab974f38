"""How many hostile files it takes to have our reader and a second strict one disagree; each night, a million.

    python benchmarks/fuzz_reader.py [--cases N] [--seed S]

A case is a file of a few lines. Compared are: of each line, whether it is blank, accepted or refused (as
what isn't text is), and the value; and the SHA-256 of the bytes of the accepted lines. Prints cases and
differences, then the same for readers that others use: the controls, which must differ. Exit code 1 when
ours differs or a control doesn't.
"""

import argparse
import hashlib
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from os import cpu_count
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, NoReturn

sys.path.insert(0, str(Path(__file__).parents[1]))

from ftv4.contracts.jsontext import NOT_TEXT
from ftv4.contracts.policy import Policy
from ftv4.documents import Repository
from ftv4.gates import form
from ftv4.gates.ambiguity import ambiguities
from ftv4.gates.question import Ask, Judged

DEPTH = 32
LONGEST = 2_000
"""Bytes of a line; longer ones are refused unread."""
CHUNK = 20_000


class Read(NamedTuple):
    """What a reader makes of a file."""

    lines: tuple[tuple[int, str | None], ...]
    """Of lines that aren't blank, the number and what they say; empty: the line is refused; None: it isn't
    even UTF-8."""
    sha256: str
    """Of the accepted lines."""


Reader = Callable[[bytes], Read]

# ours


class Ours:
    """Our reader, as the gate uses it: a row is accepted when no gate of its form finds anything."""

    def __init__(self, folder: Path, policy: Policy) -> None:
        self._repository = Repository(folder)
        self._form = form.start(Ask("rows.jsonl", None, policy))

    def __call__(self, data: bytes) -> Read:
        rows = self._repository.root / "rows.jsonl"
        rows.unlink(missing_ok=True)  # a disk is made to wait for a file that is written over
        rows.write_bytes(data)
        found: list[tuple[int, str | None]] = []
        accepted = hashlib.sha256()
        for line in self._repository.lines("rows.jsonl", longest=LONGEST):
            said = None if _NO_UTF8.match(line.malformed or "") else ""
            judged = Judged(line.number, line.value, line.malformed, None, False, raw=line.raw)
            odd = line.malformed is not None or ambiguities(line.raw, line.value, DEPTH, False)
            if not odd and not self._form.read(judged):
                said = told(line.value)
                accepted.update(line.raw + b"\n")
            found.append((line.number, said))
        return Read(tuple(found), accepted.hexdigest())


_NO_UTF8 = re.compile(f"{NOT_TEXT}: 0x(?!00)")
"""NUL is UTF-8, and said only where nothing else breaks the line before."""

# the second reader: its own idea of UTF-8, lines and JSON

_UTF8 = re.compile(
    rb"(?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}"
    rb"|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}"
    rb"|\xf4[\x80-\x8f][\x80-\xbf]{2})*"
)
"""Table 3-7 of the Unicode standard."""
_BLANK = re.compile(r"[\t\v\f\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]*")
"""What a line without a row may hold: ECMAScript's white space."""


class Refused(Exception):
    """The line is no row that all readers read alike."""


def second(data: bytes) -> Read:
    """The same file, read by the standard library with every leniency taken away."""
    found: list[tuple[int, str | None]] = []
    accepted = b""
    for number, line in enumerate(data.split(b"\n"), 1):
        if len(line) > LONGEST:
            found.append((number, ""))
            continue
        text = line.decode() if _UTF8.fullmatch(line) else None
        if text is None:
            found.append((number, None))
            continue
        if _BLANK.fullmatch(text):
            continue
        try:
            said = told(strictly(text))
            accepted += line + b"\n"
        except Refused:
            said = ""
        found.append((number, said))
    return Read(tuple(found), hashlib.sha256(accepted).hexdigest())


def strictly(text: str) -> Any:
    """A JSON text that no two readers read differently. Raises Refused."""
    if _deepest(text) > DEPTH or "\r" in text or text != text.strip("\t\v\f\r \xa0\u2028\u2029\u3000\ufeff"):
        raise Refused
    if _BLANK.fullmatch(text[0]) or _BLANK.fullmatch(text[-1]):
        raise Refused
    try:
        return json.loads(
            text,
            object_pairs_hook=_once,
            parse_constant=_refuse,
            parse_int=_short,
            parse_float=_finite,
            cls=_Whole,
        )
    except (json.JSONDecodeError, RecursionError):
        raise Refused from None


class _Whole(json.JSONDecoder):
    """Refuses halves of characters, wherever they stand."""

    def decode(self, s: str, *args: Any) -> Any:
        value = super().decode(s, *args)
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise Refused from None
        return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise Refused
    return dict(pairs)


def _refuse(constant: str) -> NoReturn:
    raise Refused


def _short(digits: str) -> int:
    if len(digits.lstrip("-")) > 18:
        raise Refused
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise Refused
    return number


def _deepest(text: str) -> int:
    """Levels of brackets outside strings, whether or not they are closed."""
    depth = most = 0
    for mark in re.sub(r'"(?:[^"\\]|\\.)*"?', "", text):
        depth += (mark in "[{") - (mark in "]}")
        most = max(most, depth)
    return most


def told(value: Any) -> str:
    """A value so that equal texts mean equal values, types included."""
    return repr(value)


# what others do


def by_splitlines(data: bytes) -> Read:
    """Lines as Python sees them."""
    return _lax(data, lambda text: text.splitlines(), lambda line: json.loads(line, parse_constant=_refuse))


def as_python_reads(data: bytes) -> Read:
    """JSON as Python reads it: keys twice, NaN, numbers of any length."""
    return _lax(data, lambda text: text.split("\n"), json.loads)


def with_replacements(data: bytes) -> Read:
    """Bytes that aren't UTF-8 as question marks, and strict otherwise."""
    return _lax(data, lambda text: text.split("\n"), strictly)


def _lax(data: bytes, lines: Callable[[str], list[str]], read: Callable[[str], Any]) -> Read:
    found, accepted = [], b""
    for number, line in enumerate(lines(data.decode(errors="replace")), 1):
        if not line.strip():
            continue
        try:
            found.append((number, told(read(line))))
            accepted += line.encode(errors="replace") + b"\n"
        except (ValueError, RecursionError, Refused):
            found.append((number, ""))
    return Read(tuple(found), hashlib.sha256(accepted).hexdigest())


CONTROLS: tuple[Reader, ...] = (by_splitlines, as_python_reads, with_replacements)

# the cases

NUMBERS = (
    *("0", "-0", "-0.0", "1", "1.0", "1e5", "1E+2", "0.1", "123456789012345678", "1234567890123456789"),
    *("-999999999999999999", "-1000000000000000000", "18446744073709551616", "9" * 400, "1e999", "-1e400"),
    *("1.7976931348623157e308", "1.7976931348623159e308", "5e-324", "1e-400", "0." + "3" * 40, "1e0000005"),
    *("01", "1.", ".5", "+1", "0x1", "1_0", "1e", "--1", "NaN", "Infinity", "-Infinity", "\u0661"),
)
WORDS = (
    *("true", "false", "null", "True", "nul", "undefined", "'a'", '"a"', '""', '"\u00e9"', '"\U0001f600"'),
    *(
        '"\\ud83d\\ude00"',
        '"\\ud83d"',
        '"\\ude00\\ud83d"',
        '"\\udc00"',
        '"\\u0000"',
        '"\\u00"',
        '"\\x41"',
        '"\\/"',
    ),
    *(
        '"\u2028"',
        '"\u2029"',
        '"\x85"',
        '"\x1c"',
        '"\x7f"',
        '"\t"',
        '"\ufeff"',
        '"\u0301"',
        '"\\"',
        '"\ufffd"',
    ),
)
KEYS = ('"a"', '"b"', '"\\u0061"', '"\u0430"', '""', '"a "', '"\\ud83d"', '"A"')
SPACES = ("", "", "", " ", "\t", "\r", "\v", "\f", "\xa0", "\u2028", "\ufeff", "\0", "\x1c", "\x85")
BREAKS = (
    *((b"\n",) * 12),
    *(
        b"\r\n",
        b"\r",
        b"\n\n",
        b"\n \n",
        b"\x0b",
        b"\x0c",
        b"\x1c",
        "\u2028".encode(),
        b"\xc2\x85",
        b"\n\xef\xbb\xbf",
    ),
)
BYTES = (
    *(b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xc1\xbf", b"\xed\xa0\xbd", b"\xed\xb0\x80"),
    *(b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"\xff", b"\xfe", b"\x80", b"\xe2\x82", b"\xf0\x9f\x98"),
    *(b"\0", b"\r", b"\n", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\\", b'"', b"{", b"]", b",", b":", b"\xc3"),
)


def case(chance: Random) -> bytes:
    """A file that is nearly a dataset."""
    lines = [_line(chance).encode(errors="surrogatepass") for _ in range(chance.choice((1, 1, 2, 3)))]
    data = lines[0]
    for line in lines[1:]:
        data += chance.choice(BREAKS) + line
    data += chance.choice((b"\n", b"\n", b"", b"\r\n", b"\n\n"))
    for _ in range(chance.choice((0, 0, 0, 1, 2))):
        data = _broken(data, chance)
    way = chance.random()
    if way < 0.01:
        return data.decode(errors="replace").encode(chance.choice(("utf-16", "utf-16-le", "utf-32")))
    return b"\xef\xbb\xbf" + data if way < 0.03 else data


def _broken(data: bytes, chance: Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    cut = chance.choice((0, 0, 1, 2))
    return data[:at] + chance.choice(BYTES) * chance.choice((1, 1, 0)) + data[at + cut :]


def _line(chance: Random) -> str:
    way = chance.random()
    if way < 0.04:
        levels = chance.choice((30, 31, 32, 33, 34, 199, 200, 201, 400))
        opened, closed = chance.choice((("[", "]"), ('{"a":', "}"), ('[1,{"b":', "}]")))
        return opened * levels + _value(chance, 0) + closed * chance.choice((levels, levels, levels - 1))
    if way < 0.06:
        return json.dumps("x" * chance.randrange(LONGEST - 4, LONGEST + 2))
    if way < 0.08:
        return chance.choice(SPACES) * chance.randint(0, 3)
    around = chance.choice(SPACES) if chance.random() < 0.15 else ""
    return around + _value(chance, 3) + (chance.choice(SPACES) if chance.random() < 0.1 else "")


def _value(chance: Random, depth: int) -> str:
    way = chance.random()
    if depth == 0 or way < 0.15:
        # What is odd stays rare, or nothing would be left to accept.
        number, word = chance.choice(NUMBERS[: 8 if chance.random() < 0.7 else None]), chance.choice(WORDS)
        return chance.choice((number, word if chance.random() < 0.4 else '"plain"', "true", '"\u00fc"'))
    items = range(chance.choice((0, 1, 2, 3)))
    gap = chance.choice(SPACES) if chance.random() < 0.05 else chance.choice(("", " "))
    if way < 0.4:
        return f"[{gap}{f',{gap}'.join(_value(chance, depth - 1) for _ in items)}{gap}]"
    keys = [chance.choice(KEYS) if chance.random() < 0.3 else f'"k{place}"' for place in items]
    members = (f"{key}:{gap}{_value(chance, depth - 1)}" for key in keys)
    return f"{{{gap}{f',{gap}'.join(members)}{gap}}}"


# counting


class Count(NamedTuple):
    """What a reader made of so many cases."""

    cases: int
    accepted: int
    """Lines that the second reader accepts: a fuzzer that makes none tells nothing."""
    refused: int
    """Lines that it refuses."""
    differing: tuple[bytes, ...]


def fuzz(seed: int, cases: int, *, reader: Reader | None = None) -> Count:
    """Have a reader, by default ours, and the second one read the same files."""
    chance, accepted, refused = Random(seed), 0, 0
    differing = []
    with tempfile.TemporaryDirectory() as name:
        read = reader or Ours(Path(name), _policy())
        for _ in range(cases):
            data = case(chance)
            expected = second(data)
            accepted += sum(bool(said) for _, said in expected.lines)
            refused += sum(not said for _, said in expected.lines)
            if read(data) != expected:
                differing.append(data)
    return Count(cases, accepted, refused, tuple(differing))


def _policy() -> Policy:
    return Repository(Path(__file__).parents[1]).policy()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    order = parser.parse_args()
    start = time.perf_counter()
    sizes = [min(CHUNK, order.cases - at) for at in range(0, order.cases, CHUNK)]
    with ProcessPoolExecutor(cpu_count()) as pool:
        counts = list(pool.map(fuzz, count(order.seed * 1_000_000), sizes))
    differing = [data for one in counts for data in one.differing]
    print(
        f"{order.cases:,} files: {sum(one.accepted for one in counts):,} lines accepted, "
        f"{sum(one.refused for one in counts):,} lines refused, {len(differing):,} differences, "
        f"{time.perf_counter() - start:.0f} s"
    )
    for data in differing[:5]:
        print(f"    {data!r}")
    lax = {control.__name__: len(fuzz(order.seed, 5_000, reader=control).differing) for control in CONTROLS}
    for name, found in lax.items():
        print(f"control {name}: {found:,} differences in 5,000 files")
    return 1 if differing or not all(lax.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
