"""Judges a change of models.json that is no promotion: a rollback, a revert, the first one, or a hand's."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import orjson

from ftv4.clock import iso, moment
from ftv4.contracts import Json
from ftv4.contracts.findings import Finding
from ftv4.contracts.models import HistoryEntry
from ftv4.contracts.verification import Kind
from ftv4.documents import MODELS
from ftv4.encode import name_for_log
from ftv4.errors import ContractError, UsageError
from ftv4.pipeline.model import RULE
from ftv4.stages import STAGES
from ftv4.steps.change import Change, only_once
from ftv4.steps.differences import changed, differences
from ftv4.steps.past import State
from ftv4.steps.promotion_rules import SHOWN, finding
from ftv4.steps.rollback import as_state, life_known, serving, way_back
from ftv4.steps.verify_promotion import aged
from ftv4.steps.weigh import not_ours, short_lived

ZEROS = frozenset("0")


@dataclass(frozen=True)
class Move:
    """What became of a stage, and what is against it."""

    kind: Kind
    stage: str | None
    findings: tuple[Finding, ...] = ()


def judge_models(change: Change) -> Move:
    """What a change that brings no promotion does to models.json. Raises GateError in a shallow clone."""
    text = change.bytes(MODELS)
    if text is None:
        return Move("edit", None, (finding("models_edited", MODELS, "is not there any more"),))
    try:
        state = as_state(text)
    except ContractError as error:
        lines = error.problems[:SHOWN] or (error.message,)
        return Move("edit", None, tuple(finding("record_unreadable", MODELS, line) for line in lines))
    if change.models is None:
        return Move("start", None, tuple(_start(state)))
    then = change.forked_models or b""
    stages = list(moved_stages(then, text)) if then else []
    back = len(stages) == 1 and _is_rollback(then, state, stages[0])
    if then != change.models:
        text_ = "was made from another one than the base has now: somebody promoted meanwhile"
        stale = finding("promotion_stale", MODELS, text_)
        return Move("rollback" if back else "edit", stages[0] if back else None, (stale,))
    if back:
        return Move("rollback", stages[0], tuple(_rollback(change, state, stages[0])))
    return Move("edit", stages[0] if len(stages) == 1 else None, tuple(_edited(change.models, text)))


def moved_stages(before: bytes, after: bytes) -> Iterator[str]:
    """Stages whose pin or overrides differ between two models.json."""
    old, new = orjson.loads(before), orjson.loads(after)
    for stage in STAGES:
        if _part(old, stage) != _part(new, stage):
            yield stage


def _part(config: Json, stage: str) -> tuple[Any, Json]:
    """All that models.json says of a stage."""
    overrides = config.get("industry_overrides", {})
    return config["stages"][stage], {name: one[stage] for name, one in overrides.items() if stage in one}


# the first


def _start(state: State) -> Iterator[Finding]:
    """The first models.json may pin rules only: nothing has been promoted yet."""
    for stage in STAGES:
        pin = state.pin(stage)
        for model in serving(state, stage):
            if not model.startswith(RULE):
                text = (
                    f"the first models.json pins {name_for_log(model)}; only rules of ftv4 need no promotion"
                )
                yield finding("models_edited", MODELS, text, pointer=f"/stages/{stage}/model_id")
        if pin.promotion_history:
            text = "tells of promotions that this repository has no records of"
            yield finding("models_edited", MODELS, text, pointer=f"/stages/{stage}/promotion_history")


def _edited(before: bytes, after: bytes) -> Iterator[Finding]:
    old, new = orjson.loads(before), only_once(after)
    places = list(changed(old, new)) if new is not None else []
    for place in places[:SHOWN]:
        yield finding("models_edited", MODELS, "changed by hand", pointer=place)
    if len(places) > SHOWN:
        yield finding("models_edited", MODELS, f"changed by hand in {len(places) - SHOWN} further places")
    if not places:
        yield finding("models_edited", MODELS, "says the same, written otherwise or twice")


# back with a reason


def _is_rollback(before: bytes, state: State, stage: str) -> bool:
    old, new = as_state(before).pin(stage).promotion_history, state.pin(stage).promotion_history
    return len(new) == len(old) + 1 and new[-1].action == "rollback"


def _rollback(change: Change, state: State, stage: str) -> Iterator[Finding]:
    at, pin = f"/stages/{stage}", state.pin(stage)
    entry = pin.promotion_history[-1]
    last = f"{at}/promotion_history/{len(pin.promotion_history) - 1}"
    when = moment(entry.timestamp)
    if not (entry.reason or "").strip():
        yield finding("rollback_unexplained", MODELS, "says not why", pointer=f"{last}/reason")
    if when is None or iso(when) != entry.timestamp:
        yield finding("promotion_unbound", MODELS, "is no moment", pointer=f"{last}/timestamp")
    else:
        yield from aged(change, when, MODELS, f"{last}/timestamp")
    if set(change.entries) != {MODELS}:
        other = next(name for name in change.entries if name != MODELS)
        yield finding("promotion_mixed", other, "has nothing to do with the rollback")
    candidates = [old for old in change.past if old.pin(stage).model_id == pin.model_id]
    if not candidates:
        text = f"{name_for_log(pin.model_id)} never served {stage} on the base's branch"
        yield finding("rollback_unknown", MODELS, text, pointer=f"{at}/model_id")
        return
    yield from _as_then(change, state, stage, entry, candidates)


def _as_then(
    change: Change, state: State, stage: str, entry: HistoryEntry, candidates: list[State]
) -> Iterator[Finding]:
    """The file must be what `ftv4 rollback` makes of one of these states."""
    by, reason, before = state.pin(stage).pinned_by or "", entry.reason or "", change.models or b""
    wanted = b""
    for then in reversed(candidates):
        try:
            after = way_back(before, stage, then, by, entry.timestamp, reason).after
        except UsageError:
            continue  # serves already
        if after == state.text:
            yield from may_not_serve(change, then, stage)
            return
        wanted = wanted or after
    if not wanted:
        yield finding("rollback_unknown", MODELS, "serves already", pointer=f"/stages/{stage}/model_id")
    yield from differences("promotion_differs", MODELS, wanted, state.text) if wanted else ()


def may_not_serve(change: Change, then: State, stage: str) -> Iterator[Finding]:
    """What the policy has against models of a state: they don't answer long enough, or are a stranger's."""
    wants = change.policy.promotion
    for model in serving(then, stage):
        where = f"/stages/{stage}/model_id"
        try:
            life = life_known(change.before, stage, model, None, change.now)
        except ContractError as error:
            yield finding("model_ends", MODELS, error.message, pointer=where)
            continue
        for line in short_lived(life, wants.min_days_left):
            yield finding("model_ends", MODELS, f"{name_for_log(model)}: {line}", pointer=where)
        for line in not_ours(model, wants.owners):
            yield finding("model_not_ours", MODELS, f"{name_for_log(model)}: {line}", pointer=where)


# back by undoing a commit


def reverted(change: Change) -> Move | None:
    """The change as the undoing of one commit of the base's branch; None when it is something else.

    All of the change must be that: models.json as it was for the stages that the commit moved, every
    other file as it was before the commit. Raises GateError in a shallow clone.
    """
    text = change.bytes(MODELS)
    if text is None or change.models is None or only_once(text) is None:
        return None
    past = change.past
    for then, state in reversed(list(pairwise(past))):
        if _undoes(change, then, state, text):
            stages = list(moved_stages(then.text, state.text))
            found = [one for stage in stages for one in may_not_serve(change, then, stage)]
            text_ = f"undoes commit {state.commit[:12]}; nothing says why"
            found.append(finding("revert_unexplained", MODELS, text_))
            return Move("revert", stages[0] if len(stages) == 1 else None, tuple(found))
    return None


def _undoes(change: Change, then: State, state: State, text: bytes) -> bool:
    value = orjson.loads(text)
    plain = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if text not in (then.text, plain) or value != _without(change.models or b"", then, state):
        return False
    if state.parent is None:
        return False
    brought = {
        entry.path.decode(errors="replace"): entry for entry in change.git.changes(state.parent, state.commit)
    }
    for name, entry in change.entries.items():
        if name == MODELS:
            continue
        was = brought.get(name)
        if was is None or entry.mode not in ("100644", "000000"):
            return False
        new = ZEROS.issuperset(was.before)
        if not (entry.removed if new else entry.object == was.before):
            return False
    return True


def _without(now: bytes, then: State, state: State) -> Json:
    """models.json with the stages that a commit moved as they were before it."""
    value: Json = orjson.loads(now)
    before = then.plain
    for stage in moved_stages(then.text, state.text):
        value["stages"][stage] = before["stages"][stage]
        was = _part(before, stage)[1]
        overrides = value.setdefault("industry_overrides", {})
        for industry in {*overrides, *was}:
            own = overrides.setdefault(industry, {})
            own.pop(stage, None)
            own |= {stage: was[industry]} if industry in was else {}
            if not own:
                del overrides[industry]
    if not value.get("industry_overrides") and "industry_overrides" not in before:
        value.pop("industry_overrides", None)
    return value
