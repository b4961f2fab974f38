"""What no payload of any stage may say, contracts.md §6.1."""

import re
from collections.abc import Iterator

from ftv4.contracts.policy import Policy
from ftv4.guards.exposure import DOCTRINE
from ftv4.guards.objection import RAW_DATA, Objection
from ftv4.guards.terms import Terms
from ftv4.guards.walk import Spot, spots, texts

_EVIDENCE_REF = re.compile(r"bucket:[a-z0-9_:-]+")


class Doctrine:
    """The policy's three lists, and the patterns of raw data."""

    def __init__(self, policy: Policy) -> None:
        self._lists = (
            ("forbidden_vocabulary", "forbidden word", Terms(policy.forbidden_vocabulary)),
            (
                "infinite_feed_language",
                "phrase that asks for endless watching",
                Terms(policy.infinite_feed_phrases),
            ),
            ("shaming_language", "phrase that shames the owner", Terms(policy.shaming_phrases)),
        )

    @property
    def terms(self) -> Iterator[str]:
        """Every term of the three lists."""
        return (term for _, _, terms in self._lists for term in terms.patterns)

    def text_objections(self, payload: object) -> Iterator[Objection]:
        """Against the words: one a term, one a kind of raw data."""
        lowered = [(text.lower(), spot) for text, spot in texts(payload)]
        for code, problem, terms in self._lists:
            yield from used_terms(lowered, terms, code, problem)
        found: dict[str, Spot] = {}
        for text, spot in lowered:
            for kind, finder in DOCTRINE.items():
                if kind not in found and finder(text):
                    found[kind] = spot
        for kind, spot in found.items():
            yield Objection("raw_data_exposure", RAW_DATA, kind, spot.pointer)


def used_terms(lowered: list[tuple[str, Spot]], terms: Terms, code: str, problem: str) -> Iterator[Objection]:
    """One objection a term that any of the lower-cased texts uses, at the first of them."""
    for term, pattern in terms.patterns.items():
        for text, spot in lowered:
            if pattern.search(text):
                yield Objection(code, problem, term, spot.pointer)
                break


def evidence_objections(payload: object) -> Iterator[Objection]:
    """One against each item of an `evidence_refs` that is not a bucket reference."""
    for spot in spots(payload):
        refs = spot.value.get("evidence_refs") if isinstance(spot.value, dict) else None
        for index, ref in enumerate(refs if isinstance(refs, list) else ()):
            if isinstance(ref, str) and not _EVIDENCE_REF.fullmatch(ref):
                pointer = f"{spot.pointer}/evidence_refs/{index}"
                yield Objection("evidence_ref_invalid", "not a bucket reference", ref, pointer)
