"""Counts what escapes an encoder, for the tests and for `benchmarks/fuzz_encoder.py`."""

from collections.abc import Callable
from itertools import islice, pairwise

from tests.encode.hostile import TO_FORGE, TO_RUNNER, texts
from tests.encode.page import PLACES, acts, escapes
from tests.encode.runner import Runner, matched

Encoder = Callable[[str], str]

LINES: list[Callable[[str, str], str]] = [
    lambda a, b: a,
    lambda a, b: f"error: {a}",
    lambda a, b: f"  {a}: {b}",
    lambda a, b: f"{a}{b}",
    lambda a, b: f"{a}:{b}",
    lambda a, b: f"train/rows.jsonl:7: rule: {a} ({b})",
    lambda a, b: f'{{"problem": "{a}", "fix": "{b}"}}',
    lambda a, b: f"  {a}\n    {b}",
    lambda a, b: f"# {a}\n#{b}",
]
"""How messages are put together around strangers' text."""


def commands(encode: Encoder, cases: int, seed: int, *, any_name: bool = True) -> list[str]:
    """The outputs in which the runner finds a command or a problem; `any_name` is its worst day."""
    runner = Runner(any_name)
    pairs = pairwise(texts(seed, cases + 1, TO_RUNNER))
    outputs = (LINES[number % len(LINES)](encode(a), encode(b)) for number, (a, b) in enumerate(pairs))
    return [output for output in outputs if runner.obeys(output) or matched(output)]


def known_commands(encode: Encoder, cases: int, seed: int) -> list[str]:
    """The outputs in which the runner finds a command that it really has."""
    return [output for output in commands(encode, cases, seed) if Runner().obeys(output)]


def markup(encode: Encoder, cases: int, seed: int) -> list[str]:
    """The texts that are more than a code span somewhere on a page."""
    found, pending = [], iter(texts(seed, cases, TO_FORGE))
    while batch := list(islice(pending, len(PLACES))):
        spans = {place: encode(text) for place, text in zip(PLACES, batch, strict=False)}
        found += escapes(spans)
    return found


def acting(encode: Encoder, cases: int, seed: int) -> list[str]:
    """The texts in which a forge finds something to act upon, read as no Markdown at all."""
    return [text for text in texts(seed, cases, TO_FORGE) if acts(encode(text))]
