"""Whoever answers for a stage: a built-in rule here, a provider's model in `steps/serve.py`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ftv4.canonical import canonical
from ftv4.contracts import Json
from ftv4.contracts.models import Pin
from ftv4.errors import ContractError
from ftv4.stages.stage import Stage

RULE = "deterministic:"
"""Prefix of the model ids that name a rule."""


@dataclass(frozen=True)
class Ask:
    """One question to a model."""

    stage: Stage
    input: Json
    earlier: Mapping[str, Json]
    """The outputs of the stages before, by stage. Rules may look; a provider's model sees `input` alone."""
    pin: Pin


@dataclass(frozen=True)
class Answer:
    """What came back, as it came."""

    text: str
    seconds: float = 0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Model(Protocol):
    """Answers asks."""

    @property
    def id(self) -> str:
        """`deterministic:<rule>` or `<provider>:<model>`."""

    def answer(self, ask: Ask) -> Answer:
        """Raises ServiceError when there is no answer."""


def check_rule(model_id: str, stage: Stage) -> None:
    """Raises ContractError when a model id names a rule that the stage doesn't have."""
    if model_id.startswith(RULE) and model_id.removeprefix(RULE) not in stage.rules:
        rules = ", ".join(f"{RULE}{rule}" for rule in sorted(stage.rules))
        raise ContractError(f"{model_id}: {stage.name} has no such rule", hint=f"there are {rules}")


@dataclass(frozen=True)
class RuleModel:
    """The stage's own rule as a model. `id` is `deterministic:<rule>`."""

    id: str

    def answer(self, ask: Ask) -> Answer:
        """The rule's output as canonical JSON. Raises ContractError when the stage has no such rule."""
        check_rule(self.id, ask.stage)
        return Answer(canonical(ask.stage.rule(ask.input, ask.earlier)))
