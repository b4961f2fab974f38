"""Moves a stage from one model to another in models.json, and keeps what was there."""

import orjson

from ftv4.contracts import Json
from ftv4.contracts.models import HistoryEntry, ModelsConfig
from ftv4.documents import MODELS, Repository, parse
from ftv4.errors import GateError


def overriding(config: ModelsConfig, stage: str) -> dict[str, str]:
    """Industries that a model of their own serves in a stage → that model."""
    found = {industry: dict(stages).get(stage) for industry, stages in config.industry_overrides.items()}  # type: ignore[call-overload]
    return {industry: pin.model_id for industry, pin in found.items() if pin and pin.model_id}


def moved(text: bytes, stage: str, entry: HistoryEntry, pinned_by: str) -> bytes:
    """models.json with the stage on its new model, everything else as it stood.

    The overrides named in the entry are taken out, because they would go on winning (weaknesses.md
    A4). Raises ContractError when what comes out is no models.json.
    """
    config: Json = orjson.loads(text)
    pin = config["stages"][stage]
    pin["model_id"] = entry.new_model
    pin["pinned_at"] = entry.timestamp
    pin["pinned_by"] = pinned_by
    pin["promotion_report_path"] = entry.report_path
    pin.setdefault("promotion_history", []).append(entry.model_dump(mode="json"))
    overrides = config.get("industry_overrides", {})
    for industry in entry.cleared_overrides:
        overrides[industry].pop(stage)
        if not overrides[industry]:
            del overrides[industry]
    after = orjson.dumps(config, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    parse(ModelsConfig, after, MODELS)
    return after


def restored(text: bytes, stage: str, then: Json, entry: HistoryEntry, pinned_by: str) -> bytes:
    """models.json with a stage as it was in an earlier one, overrides too, everything else as it stands.

    Its history goes on; it is not taken back. Raises ContractError when what comes out is no models.json.
    """
    config: Json = orjson.loads(text)
    past = [*config["stages"][stage].get("promotion_history", []), entry.model_dump(mode="json")]
    now = {"pinned_at": entry.timestamp, "pinned_by": pinned_by, "promotion_history": past}
    config["stages"][stage] = then["stages"][stage] | now
    overrides, before = config.setdefault("industry_overrides", {}), then.get("industry_overrides", {})
    for industry in dict.fromkeys((*overrides, *before)):
        stages = overrides.setdefault(industry, {})
        stages.pop(stage, None)
        if stage in before.get(industry, {}):
            stages[stage] = before[industry][stage]
        if not stages:
            del overrides[industry]
    after = orjson.dumps(config, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    parse(ModelsConfig, after, MODELS)
    return after


def unchanged(repository: Repository, before: bytes) -> None:
    """Raises GateError when models.json is no longer what was read (weaknesses.md D3)."""
    if repository.read_bytes(MODELS) != before:
        raise GateError(
            f"{MODELS} changed while the evals ran; nothing was promoted",
            hint="somebody promoted in the meantime: look at the file, then promote again",
        )
