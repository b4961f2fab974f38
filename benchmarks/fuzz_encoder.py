"""How many texts it takes to get a command or markup through the encoder; each night, five million.

    python benchmarks/fuzz_encoder.py [--cases N] [--seed S]

Prints cases, escapes and seconds of each encoder, then the same for encoders that others use: the
controls, which must let something through, or the fuzzing is worth nothing. Exit code 1 when an
encoder lets something through or a control does not.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from os import cpu_count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from ftv4.encode import code_span, for_log, for_markdown, name_for_log
from tests.encode.fuzz import acting, commands, known_commands, markup

CHUNK = 50_000


def encoded_span(text: str) -> str:
    return code_span(for_log(text))


def plain_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def no_hashes(text: str) -> str:
    return plain_json(text).replace("#", "\\u0023")


def naive_span(text: str) -> str:
    return f"`{text}`"


def json_span(text: str) -> str:
    return naive_span(plain_json(text))


Fuzz = Callable[[Callable[[str], str], int, int], list[str]]
ENCODERS: list[tuple[str, Fuzz, Callable[[str], str], float]] = [
    ("for_log: commands, matchers", commands, for_log, 1),
    ("name_for_log: commands, matchers", commands, name_for_log, 0.2),
    ("for_markdown: nodes of the page", markup, for_markdown, 0.2),
    ("code_span: nodes of the page", markup, encoded_span, 0.05),
    ("for_markdown: read as no Markdown", acting, for_markdown, 0.2),
]
"""Name, what counts escapes, encoder, and its share of the cases."""
CONTROLS: list[tuple[str, Fuzz, Callable[[str], str], float]] = [
    ("JSON: commands", known_commands, plain_json, 0.02),
    ("JSON without #: commands", known_commands, no_hashes, 0.02),
    ("repr: commands", known_commands, repr, 0.02),
    ("backticks: nodes of the page", markup, naive_span, 0.01),
    ("backticks around JSON: nodes", markup, json_span, 0.01),
    ("backticks around JSON: no Markdown", acting, json_span, 0.01),
]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--cases", type=int, default=200_000, help="texts for the log encoder; others get a share"
    )
    parser.add_argument("--seed", type=int, default=1)
    order = parser.parse_args()
    with ProcessPoolExecutor(cpu_count()) as pool:
        count = partial(report, pool, order.cases, order.seed)
        safe = [not shown(count(*row)) for row in ENCODERS]
        print("controls, which must fail:")
        useful = [bool(count(*row)) for row in CONTROLS]
    return 0 if all(safe + useful) else 1


def report(
    pool: ProcessPoolExecutor,
    cases: int,
    seed: int,
    name: str,
    fuzz: Fuzz,
    encode: Callable[[str], str],
    share: float,
) -> list[str]:
    """Fuzz in chunks, each with a seed of its own; print a line, give back what escaped."""
    start, total = time.perf_counter(), max(1000, int(cases * share))
    sizes = [min(CHUNK, total - at) for at in range(0, total, CHUNK)]
    jobs = [pool.submit(fuzz, encode, size, seed * 1_000_000 + at) for at, size in enumerate(sizes)]
    found = [text for job in jobs for text in job.result()]
    print(
        f"{name:<36} {total:>9,} cases {len(found):>7,} escapes {time.perf_counter() - start:>7.1f} s",
        flush=True,
    )
    return found


def shown(found: list[str]) -> list[str]:
    """What escaped, a few of it printed."""
    for text in found[:5]:
        print(f"    {json_span(text)}")
    return found


if __name__ == "__main__":
    sys.exit(main())
