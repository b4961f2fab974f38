"""Finds every evidence reference that a payload cites, in its `evidence_refs` and in its prose."""

import re
from collections.abc import Iterator

from ftv4.guards.walk import Spot, texts

CITED = re.compile(r"bucket:[a-z0-9_:-]*[a-z0-9_]")
"""A reference in running text, without the punctuation after it."""


def citations(payload: object) -> Iterator[tuple[str, Spot]]:
    """Each reference, with the place of the text that cites it, in document order."""
    for text, spot in texts(payload):
        if _is_listed(spot):
            yield text, spot
        else:
            yield from ((ref, spot) for ref in CITED.findall(text))


def _is_listed(spot: Spot) -> bool:
    """Whether a text is an item of an `evidence_refs`, which holds references and nothing else."""
    within = spot.parent
    while within is not None and isinstance(within.value, list):
        spot, within = within, within.parent
    return within is not None and spot.key == "evidence_refs"
