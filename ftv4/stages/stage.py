"""What a stage is: its two contracts, its prompt, its rule, and how its input is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ftv4.contracts import Contract, Json
from ftv4.contracts.brief import Brief

Earlier = Mapping[str, Json]
"""Outputs of the stages before this one, by stage name."""


class Measure(NamedTuple):
    """One comparison of an answer with gold: which leaves, how, and how much it counts."""

    how: Literal["equal", "refs", "text"]
    """`equal` and `refs`: F1 over the leaves as a bag; `text`: word order matters too."""
    leaves: tuple[str, ...]
    """Paths from the output; `*` is every item of an array or every member of an object."""
    weight: float


REFS = Measure("refs", ("evidence_refs/*", "*/*/evidence_refs/*"), 2)
CONFIDENCE = Measure("equal", ("confidence",), 1)


@dataclass(frozen=True)
class Stage:
    """One of the five; everything that differs between them is here."""

    name: str
    purpose: str
    """What it does, as a sentence for its model cards."""
    input: type[Contract]
    output: type[Contract]
    input_schema: str
    """The `schema_version` of its inputs."""
    output_schema: str
    """The `schema_version` of its outputs."""
    dataset: str
    """Where its rows are, relative to the repository (contracts.md §9)."""
    base_model: str
    """What it is fine-tuned from when nobody says."""
    min_rows: int
    """Fewer accepted rows than this are not worth a fine-tune."""
    max_tokens: int
    """Longest answer, in tokens."""
    prompt: str
    """Its prompt, below `templates/`."""
    rules: frozenset[str]
    """What may follow `deterministic:` in a model id."""
    make_input: Callable[[Brief, Earlier], Json]
    """Brief and earlier outputs → this stage's input payload (contracts.md §14)."""
    rule: Callable[[Json, Earlier], Json]
    """Stage input and earlier outputs → a whole output payload, without a model (contracts.md §15)."""
    headline: tuple[str, ...]
    """Paths to what a reviewer reads of an output first."""
    measures: tuple[Measure, ...]
    """How an output is compared with gold; the window's bookkeeping says nothing and isn't."""

    def headline_of(self, output: object) -> str:
        """The leaves of an output's headline, as one text; `-` for one that it hasn't."""
        parts = []
        for path in self.headline:
            value = output
            for step in path.split("/"):
                value = _member(value, step)
            parts.append(str(value) if value is not None else "-")
        return ": ".join(parts)


def _member(value: object, step: str) -> object:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and step.isdigit() and int(step) < len(value):
        return value[int(step)]
    return None
