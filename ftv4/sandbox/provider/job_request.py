"""What a request for a fine-tuning job may say, to the bound."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Auto = Literal["auto"]
Key = Annotated[str, Field(max_length=64)]
Value = Annotated[str, Field(max_length=512)]
Metadata = Annotated[dict[Key, Value], Field(max_length=16)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Hyperparameters(_Part):
    """How to train; `auto` leaves it to the service."""

    n_epochs: Auto | Annotated[int, Field(ge=1, le=50)] = "auto"
    batch_size: Auto | Annotated[int, Field(ge=1, le=256)] = "auto"
    learning_rate_multiplier: Auto | Annotated[float, Field(gt=0, strict=False)] = "auto"


class Supervised(_Part):
    """The supervised method's settings."""

    hyperparameters: Hyperparameters = Hyperparameters()


class Method(_Part):
    """How to tune: only the supervised method is offered here."""

    type: Literal["supervised"]
    supervised: Supervised = Supervised()


class JobRequest(_Part):
    """The body of `POST /fine_tuning/jobs`."""

    model: str
    training_file: str
    validation_file: str | None = None
    hyperparameters: Hyperparameters | None = None
    method: Method | None = None
    suffix: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    seed: Annotated[int, Field(ge=0, le=2147483647)] | None = None
    metadata: Metadata | None = None
    integrations: Annotated[list[Any], Field(max_length=0)] | None = None
