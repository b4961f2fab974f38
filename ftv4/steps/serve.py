"""Finds what answers for a model id: the stage's rule, or a model at a provider."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from ftv4.clients.provider import Provider
from ftv4.contracts import Json
from ftv4.contracts.models import MODEL_ID
from ftv4.contracts.policy import Policy
from ftv4.contracts.providers import ProviderRow
from ftv4.documents import PROVIDERS, Repository
from ftv4.encode import name_for_log
from ftv4.errors import ContractError
from ftv4.pipeline.messages import messages
from ftv4.pipeline.model import RULE, Answer, Ask, Model, RuleModel
from ftv4.pipeline.run import Models
from ftv4.stages import STAGES
from ftv4.stages.schema import strict_schema
from ftv4.stages.stage import Stage


def model_for(
    model_id: str, stage: Stage, repository: Repository, policy: Policy, connect: Callable[[str], Provider]
) -> Model:
    """What answers for `<provider>:<model>` or `deterministic:<rule>` in a stage.

    Raises ContractError for an id in no known shape and for a provider that isn't in
    config/providers.json. A rule that the stage doesn't have shows when it is asked.
    """
    if not re.fullmatch(MODEL_ID, model_id):
        raise ContractError(
            f"model id {name_for_log(model_id)}: not <provider>:<model>",
            hint="such as openai:ft:gpt-… or sandbox:…",
        )
    provider, _, model = model_id.partition(":")
    if model_id.startswith(RULE):
        return RuleModel(model_id)
    provider_row(repository, provider, model_id)
    return ServedModel(
        id=model_id,
        model=model,
        stage=stage,
        prompt=repository.template(stage.prompt),
        policy=policy,
        provider=connect(provider),
    )


def serving_models(repository: Repository, connect: Callable[[str], Provider]) -> Models:
    """What answers for a model id in a stage: each found once, when it is first asked."""
    policy = repository.policy()

    @cache
    def serving(model_id: str, stage: str) -> Model:
        return model_for(model_id, STAGES[stage], repository, policy, connect)

    return serving


def provider_row(repository: Repository, name: str, asked: str = "") -> ProviderRow:
    """A provider's row. Raises ContractError that names those there are.

    `asked` is the model id or flag that named the provider, for the message.
    """
    known = repository.providers().providers
    row = known.get(name)
    if row is None:
        tuned = f"a tuned model's id needs its provider in front: openai:{name_for_log(asked)}"
        where = f"{name_for_log(asked)}: " if asked else ""
        raise ContractError(
            f"{where}no provider {name_for_log(name)} in {PROVIDERS}; there are {', '.join(sorted(known))}",
            hint=tuned if name == "ft" else f"add a row to {PROVIDERS}, or correct the id",
        )
    return row


@dataclass(frozen=True)
class ServedModel:
    """A model at a provider, asked in the words it was trained on (weaknesses.md A6)."""

    id: str
    model: str
    stage: Stage
    prompt: str
    policy: Policy
    provider: Provider
    schema: Json = field(init=False)

    def __post_init__(self) -> None:
        shape = {"name": self.stage.output_schema, "schema": strict_schema(self.stage, "output")}
        object.__setattr__(self, "schema", shape)

    def answer(self, ask: Ask) -> Answer:
        """Ask once. Raises ServiceError, also when the model declines or is cut short."""
        done = self.provider.complete(
            self.model,
            messages(self.stage, self.prompt, self.policy, ask.input),
            schema=self.schema,
            max_tokens=ask.pin.max_tokens,
            temperature=ask.pin.temperature,
        )
        return Answer(done.text, done.seconds, done.prompt_tokens, done.completion_tokens)
