"""Builders: a pack, a brief, a pin, a model; a test names only what matters to it."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ftv4.contracts.models import Pin
from ftv4.contracts.pack import DataPack
from ftv4.errors import ServiceError
from ftv4.pipeline.brief import make_brief
from ftv4.pipeline.model import Answer, RuleModel

NOW = datetime(2026, 2, 9, 12, tzinfo=UTC)


def data_pack(**lists):
    return DataPack.model_validate(
        {"version": "data_pack_v0", "source_tool": "test", "created_at": "2026-02-01T00:00:00.000Z", **lists}
    )


def quotes(*days, **members):
    """One quote a day of January 2026."""
    return [{"created_at": f"2026-01-{day:02d}", **members} for day in days]


def brief(pack=None, **changes):
    asked = {"client_id": "w1", "run_id": "r1", "industry": "hvac", "role": "mixed", "mode": "last_90_days"}
    return make_brief(pack or data_pack(quotes=quotes(5, 6, 7)), **asked | changes)


def pin(model_id="test:model", **changes):
    return Pin.model_validate({"model_id": model_id, "schema_version": "v1", **changes})


@dataclass
class Scripted:
    """A model that gives what it is told, and keeps what it was asked."""

    id: str
    change: object = None
    """Members that its answer replaces (a dict), its whole text (a str), or an exception."""
    asked: list = field(default_factory=list)

    def answer(self, ask):
        self.asked.append(ask)
        if isinstance(self.change, Exception):
            raise self.change
        if isinstance(self.change, str):
            return Answer(self.change)
        text = RuleModel("deterministic:core-v1").answer(ask).text
        return Answer(json.dumps(json.loads(text) | (self.change or {})))


def away(message="no route to host"):
    return ServiceError(message)
