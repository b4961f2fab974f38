"""`config/providers.json`: who trains and serves models behind the OpenAI API shape."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from ftv4.contracts import Contract, Items, Json, Whole

Dollars = Annotated[float, Field(ge=0)]
"""US dollars per million tokens."""


def _day(text: str) -> str:
    date.fromisoformat(text)
    return text


Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_day)]
"""A day, YYYY-MM-DD, UTC."""


class BaseModelFacts(Contract):
    """What a provider charges for a base model and how long it lives, with where that was read."""

    train_price: Dollars | None = None
    input_price: Dollars | None = None
    output_price: Dollars | None = None
    context_tokens: Annotated[Whole, Field(ge=1)] = 65536
    """Longest training example in tokens; the provider cuts longer ones at the end."""
    no_new_jobs_after: Day | None = None
    """The last day on which the provider takes a fine-tuning job for it."""
    shutdown_date: Day | None = None
    """The day it, and every model tuned from it, stops answering."""
    source: str
    as_of: Day


class WorkloadIdentity(Contract):
    """How a workflow's job gets a short-lived token instead of a key: by its own identity (RFC 8693)."""

    identity_provider_env: str
    """The variable that holds the id of the identity provider, as the provider knows it."""
    service_account_env: str
    """The variable that holds the id of the account whose rights the token has."""
    audience: str
    """Whom the job's identity is shown to."""
    token_url: str
    """Where it is exchanged: an address, or a path at the host of the provider itself."""


class ProviderRow(Contract):
    """One provider: where it is, which variable holds its key, and how it differs."""

    base_url: str | None = None
    """None means `base_url_env` must say."""
    base_url_env: str | None = None
    api_key_env: str
    workload_identity: WorkloadIdentity | None = None
    """What stands in for the key where none is set; None means that nothing does."""
    suffix_max_length: Annotated[Whole, Field(ge=1, le=64)] = 64
    training_file_bom: bool = False
    """Azure wants its JSONL as UTF-8 with a byte order mark."""
    extra_body: Json = {}
    """Sent with each job creation."""
    min_examples: Annotated[Whole, Field(ge=1)] = 10
    file_size_limit: Annotated[Whole, Field(ge=1)] = 536870912
    base_models: dict[str, BaseModelFacts] = {}

    @model_validator(mode="after")
    def _an_address(self) -> "ProviderRow":
        if self.base_url is None and self.base_url_env is None:
            raise ValueError("give base_url or base_url_env")
        return self


class Providers(Contract):
    """Every provider by the name that prefixes its model ids."""

    providers: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,30}$")], ProviderRow]
    as_of: str = ""
    notes: Annotated[tuple[str, ...], Items] = ()
