"""Asks how long each pinned model still answers, before it is too late to tune another."""

from collections.abc import Iterator

from ftv4.contracts.models import ModelsConfig
from ftv4.encode import name_for_log
from ftv4.pipeline.model import RULE
from ftv4.steps.lifetime import Lifetime, lifetime
from ftv4.steps.settings import Look, Told

STEPS = (7, 30, 60, 90)
"""Days before the end at which the warning gets louder."""


def pinned_models(look: Look) -> Iterator[Told]:
    """A check a pinned model."""
    config, rows = look.files.models(), look.files.providers().providers
    days = look.files.policy().promotion.min_days_left
    for model_id, stages in _pins(config).items():
        provider, _, model = model_id.partition(":")
        if model_id.startswith(RULE):
            continue
        if provider not in rows:
            title = f"{name_for_log(model_id)} has a provider"
            todo = "add its row to config/providers.json"
            yield Told("missing", title, "none in config/providers.json", todo, name_for_log(model_id))
            continue
        life = lifetime(rows[provider], model, look.listed(provider))
        yield _judged(look, model_id, life, stages, days)


def _pins(config: ModelsConfig) -> dict[str, list[str]]:
    """Model id → the stages it serves."""
    found: dict[str, list[str]] = {}
    for stage, pin in config.stages.items():
        found.setdefault(pin.model_id, []).append(stage)
    for industry, stages in config.industry_overrides.items():
        for stage, override in stages.items():
            if override.model_id:
                found.setdefault(override.model_id, []).append(f"{stage} ({name_for_log(industry)})")
    return found


def _judged(look: Look, model_id: str, life: Lifetime, stages: list[str], days: int) -> Told:
    shown = name_for_log(model_id)
    title = f"{shown} answers for {days} days at least, for {', '.join(stages)}"
    todo = "tune the stage on a base that lives longer and promote that, or ftv4 rollback to another model"
    if life.shutdown is None:
        return Told("ok", title, f"no end is announced ({life.source})", "", shown)
    left = (life.shutdown - look.now.date()).days
    if left <= 0:
        return Told("missing", title, f"dark since {life.shutdown} ({life.source})", todo, shown)
    found = f"answers until {life.shutdown}, {left} days ({life.source})"
    if left < days:
        return Told("missing", title, found, todo, shown)
    near = next((step for step in STEPS if left <= step), None)
    if near is None:
        return Told("ok", title, found, "", shown)
    return Told("warning", title, f"{found}; less than {near} days are left", todo, shown)
