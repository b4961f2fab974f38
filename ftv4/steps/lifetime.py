"""How long a model can still be trained, and can still answer; asked before money is spent.

The provider's own model list is believed first; the dated table in config/providers.json answers
where it is silent. A model lives no longer than the base it was tuned from.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from ftv4.contracts.ops import DoctorModel
from ftv4.contracts.providers import ProviderRow
from ftv4.documents import Repository

if TYPE_CHECKING:
    from ftv4.clients.provider import Provider

SOON_DAYS = 90
"""A shutdown nearer than this is worth a warning."""


@dataclass(frozen=True)
class Lifetime:
    """Until when a model can be used, and who says so. A None date: nobody has announced one."""

    model: str
    no_new_jobs_after: date | None
    """The last day on which a fine-tuning job for it is taken."""
    shutdown: date | None
    """The day it stops answering."""
    source: str

    def closed(self, today: date) -> str:
        """Why no job should be paid for today; empty when one may be."""
        if self.shutdown is not None and self.shutdown <= today:
            return f"{self.model} is shut down since {self.shutdown} ({self.source})"
        if self.no_new_jobs_after is not None and self.no_new_jobs_after < today:
            return f"no jobs for {self.model} are taken after {self.no_new_jobs_after} ({self.source})"
        return ""

    def warnings(self, today: date) -> tuple[str, ...]:
        """What to know before money is spent today."""
        closed = self.closed(today)
        if closed:
            return (f"a live run would be refused: {closed}",)
        return tuple(
            f"{sentence} {day}, in {(day - today).days} days ({self.source})"
            for day, sentence in (
                (self.no_new_jobs_after, f"the last day for fine-tuning jobs on {self.model} is"),
                (self.shutdown, f"{self.model}, and every model tuned from it, stops answering on"),
            )
            if day is not None and (day - today).days < SOON_DAYS
        )


def lifetime(row: ProviderRow, model: str, listed: Mapping[str, str | None] | None = None) -> Lifetime:
    """How long a base or tuned model of a provider lives.

    `listed` is the provider's own list of models (id → YYYY-MM-DD or None), if it was asked.
    """
    base = base_of(model)
    facts = row.base_models.get(base) or row.base_models.get(model)
    table = f"{facts.source}, as of {facts.as_of}" if facts else "it isn't in config/providers.json"
    closing = _day(facts.no_new_jobs_after) if facts else None
    said = [day for name in (model, base) if (day := _day((listed or {}).get(name))) is not None]
    if said:
        return Lifetime(model, closing, min(said), f"the provider's model list; {table}")
    return Lifetime(model, closing, _day(facts.shutdown_date) if facts else None, table)


def lifetimes(
    repository: Repository, provider: str, client: "Provider", models: Iterable[str], today: date
) -> tuple[DoctorModel, ...]:
    """How long each of a provider's models lives; asks the provider once. Raises ServiceError."""
    row = repository.providers().providers[provider]
    listed = client.models()
    return tuple(_for_doctor(lifetime(row, model, listed), today) for model in models)


def base_of(model: str) -> str:
    """What a model was tuned from: `ft:<base>:…` at OpenAI, `<base>.ft-<hex>` at Azure; else itself."""
    if model.startswith("ft:"):
        return model.split(":")[1]
    return re.sub(r"\.ft-[0-9a-f]+(-.*)?$", "", model)


def owner_of(model: str) -> str:
    """Whose a tuned model is: `ft:<base>:<owner>:…`; nothing where its id doesn't say."""
    return model.split(":")[2] if re.match("ft:[^:]+:[^:]+:", model) else ""


def _for_doctor(life: Lifetime, today: date) -> DoctorModel:
    return DoctorModel(
        model=life.model,
        shutdown_date=life.shutdown.isoformat() if life.shutdown else None,
        no_new_jobs_after=life.no_new_jobs_after.isoformat() if life.no_new_jobs_after else None,
        days_left=(life.shutdown - today).days if life.shutdown else None,
        source=life.source,
    )


def _day(text: str | None) -> date | None:
    """A day as the provider wrote it; what isn't one says nothing."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
