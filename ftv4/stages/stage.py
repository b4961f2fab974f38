"""What a stage is: its two contracts, its prompt, its rule, and how its input is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ftv4.contracts import Contract, Json
from ftv4.contracts.brief import Brief

Earlier = Mapping[str, Json]
"""Outputs of the stages before this one, by stage name."""


@dataclass(frozen=True)
class Stage:
    """One of the five; everything that differs between them is here."""

    name: str
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
