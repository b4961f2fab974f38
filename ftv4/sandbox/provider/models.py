"""Which models there are: the bases of `models.json`, and what jobs have tuned from them."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from ftv4.sandbox.provider.store import Store
from ftv4.sandbox.provider.wire import Refusal

Json = dict[str, Any]
Clock = Callable[[], float]
OWNER = "ftv4-sandbox"
"""The organisation that owns every job, file and tuned model."""


def base_models() -> dict[str, Json]:
    """The shipped table: model name → whether it takes jobs, and the day it shuts down."""
    table: dict[str, Json] = orjson.loads((Path(__file__).parent / "models.json").read_bytes())["models"]
    return table


class Models:
    """Every model that answers today."""

    def __init__(self, store: Store, bases: dict[str, Json], clock: Clock) -> None:
        self._store = store
        self._bases = bases
        self._clock = clock

    def list(self) -> Json:
        """`GET /models`: the bases, then the tuned ones by age, none that has shut down."""
        shown = [self._shown(name) for name in self._bases]
        shown += [self._shown(model["id"]) for model in self._store.all("model")]
        return {"object": "list", "data": [model for model in shown if self._alive(model)]}

    def get(self, name: str) -> Json:
        """`GET /models/{id}`. Raises Refusal (404) for what isn't there, or isn't any more."""
        known = name in self._bases or self._store.get("model", name)
        model = self._shown(name) if known else None
        if model is None or not self._alive(model):
            message = f"The model `{name}` does not exist or you do not have access to it."
            raise Refusal(404, message, param="model", code="model_not_found")
        return model

    def tunable(self, name: str) -> None:
        """Raises Refusal unless new jobs may start from this base model."""
        base = self._bases.get(name)
        if base is None or not base["tunable"] or not self._alive(self._shown(name)):
            message = f"Model {name} is not available for fine-tuning or does not exist."
            raise Refusal(400, message, param="model", code="model_not_available")

    def add(self, name: str, base: str, training: str, created: int) -> None:
        """A job has tuned a model: keep its name and the SHA-256 of what it learned from."""
        body = {"id": name, "base": base, "training": training, "created": created}
        self._store.add("model", name, body)

    def training(self, name: str) -> str | None:
        """SHA-256 of the training file a model learned from; None for a base."""
        model = self._store.get("model", name)
        return model["training"] if model else None

    def delete(self, name: str) -> Json:
        """`DELETE /models/{id}`: only a tuned one can go."""
        if not self._store.delete("model", name):
            self.get(name)
            raise Refusal(403, "You have insufficient permissions for this operation.", param="model")
        return {"id": name, "object": "model", "deleted": True}

    def _shown(self, name: str) -> Json:
        tuned = self._store.get("model", name)
        base = self._bases.get(tuned["base"] if tuned else name, {})
        return {
            "id": name,
            "object": "model",
            "created": tuned["created"] if tuned else 0,
            "owned_by": OWNER,
            "shutdown_date": base.get("shutdown_date"),
        }

    def _alive(self, model: Json) -> bool:
        last = model["shutdown_date"]
        return last is None or datetime.fromtimestamp(self._clock(), UTC).date().isoformat() < last
