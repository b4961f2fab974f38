"""Text rules over any payload: doctrine, drift and leaks, compiled once from the policy.

None of them ever throws, whatever the payload is; none looks at object keys.
"""

from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from itertools import chain

from ftv4.canonical import canonical
from ftv4.contracts.jsontext import SPACE
from ftv4.contracts.policy import LeakScan, Policy
from ftv4.contracts.record import GuardFailure
from ftv4.guards import injection, private
from ftv4.guards.doctrine import Doctrine, evidence_objections
from ftv4.guards.drift import Drift
from ftv4.guards.exposure import leak_finders, needles, sample
from ftv4.guards.objection import LeakHit, Objection
from ftv4.guards.plain import visible
from ftv4.guards.screen import Needle, Screen, term_needle
from ftv4.guards.walk import texts

__all__ = ["DIGITS", "INJECTION", "PRIVATE", "Guards", "LeakHit", "Objection"]

PRIVATE = "private"
"""Suspicion of personal data or a secret."""
INJECTION = "injection"
"""Suspicion of a sentence that speaks to the model."""
DIGITS = "digits"
"""Suspicion of a number with more digits than every reader holds."""
LONGEST_NUMBER = 18
"""Digits."""


class Guards:
    """All text rules of one policy."""

    def __init__(self, policy: Policy, looked_for: Collection[str] | None = None) -> None:
        self._doctrine = Doctrine(policy)
        self._drift = Drift(policy)
        self._leak_finders = leak_finders(policy.leak_scan)
        needles = self._needles(policy.leak_scan)
        self._screen = Screen(
            [
                needle if looked_for is None or needle.guard in looked_for else Needle(needle.guard, None)
                for needle in needles
            ]
        )

    @classmethod
    def compile(cls, policy: Policy, looked_for: Collection[str] | None = None) -> "Guards":
        """Guards for a policy. What isn't `looked_for`, where that is given, is suspected everywhere."""
        needed = None if looked_for is None else frozenset(looked_for)
        return _compiled(cls, policy.model_dump_json(), needed)  # type: ignore[arg-type]  # python/mypy#11469

    def doctrine(self, payload: object, stage: str) -> tuple[GuardFailure, ...]:
        """What no payload may say (contracts.md §6.1), in its order. The stage only labels the answers."""
        return _failures(self.doctrine_objections(payload), stage)

    def drift(self, payload: object, stage: str) -> tuple[GuardFailure, ...]:
        """What a stage's output may not say or lack (contracts.md §6.2), in its order."""
        return _failures(self.drift_objections(payload, stage), stage)

    def doctrine_objections(self, payload: object) -> Iterator[Objection]:
        """As `doctrine`, with the place of each."""
        return chain(self.text_objections(payload), evidence_objections(payload))

    def text_objections(self, payload: object) -> Iterable[Objection]:
        """The same of words alone: evidence references are contracts' business, too."""
        suspect = "doctrine" in self._screen.suspects(payload)
        return self._doctrine.text_objections(payload) if suspect else ()

    def drift_objections(
        self, payload: object, stage: str, suspects: frozenset[str] | None = None
    ) -> Iterator[Objection]:
        """As `drift`, with the place of each; `suspects`, where they are known already, spares a look."""
        suspects = self._screen.suspects(payload) if suspects is None else suspects
        return chain(
            self._drift.text_objections(payload, stage) if stage in suspects else (),
            self._drift.shape_objections(payload, stage),
        )

    def leaks(self, payload: object) -> tuple[LeakHit, ...]:
        """Raw data that must not be trained on (contracts.md §6.3): one a kind and text."""
        if "leaks" not in self._screen.suspects(payload):
            return ()
        found: dict[tuple[str, str], LeakHit] = {}
        for text, spot in texts(payload):
            text = text.strip(SPACE)
            for kind, finder in self._leak_finders.items():
                if (kind, text) not in found and finder(text):
                    found[kind, text] = LeakHit(kind, sample(text), spot.pointer)
        return tuple(found.values())

    def suspects(self, payload: object) -> frozenset[str]:
        """Of `doctrine`, `leaks` and the five stages (their drift terms), those that could find something.

        Cheap, and never wrong about the others; evidence references and shapes it doesn't look at.
        """
        return self._screen.suspects(payload)

    def suspects_in(self, line: bytes, value: object) -> frozenset[str]:
        """The same about a row, with PRIVATE, INJECTION and DIGITS, from its line in the file and its value.

        The first two read a text as it is seen: foreign letters are looked at twice.
        """
        found = self._screen.suspects_in(line)
        if found is None:
            line = canonical(value).encode(errors="replace")
            found = self._screen.suspects(value)
        if line.isascii():
            return found
        seen = self._screen.suspects_in(visible(line.decode()).encode())
        return found | (seen if seen is not None else {PRIVATE, INJECTION})

    def _needles(self, policy: LeakScan) -> Iterator[Needle]:
        yield from _term_needles("doctrine", self._doctrine.terms)
        for stage, terms in self._drift.terms.items():
            yield from _term_needles(stage, terms.patterns)
        yield from needles(policy)
        yield from private.needles(PRIVATE)
        yield from injection.needles(INJECTION)
        yield Needle(DIGITS, b"0" * (LONGEST_NUMBER + 1))


@lru_cache(maxsize=8)
def _compiled(kind: type[Guards], policy: str, looked_for: frozenset[str] | None) -> Guards:
    """Most of what is judged is judged by one policy; to compile it takes longer than a small dataset."""
    return kind(Policy.model_validate_json(policy), looked_for)


def _term_needles(guard: str, terms: Iterable[str]) -> Iterator[Needle]:
    """Of phrases also with two spaces between words, which the gate reads as one."""
    for term in terms:
        yield term_needle(guard, term)
        if " " in term:
            yield term_needle(guard, term.replace(" ", "  "))


def _failures(objections: Iterator[Objection], stage: str) -> tuple[GuardFailure, ...]:
    return tuple(
        GuardFailure(code=objection.code, message=objection.message, stage_name=stage)
        for objection in objections
    )
