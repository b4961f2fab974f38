"""What models.json has been on a branch, and who served whom when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from ftv4.clients.git import Git
from ftv4.clients.past import contents, from_top, versions
from ftv4.clock import iso, moment
from ftv4.contracts import Json
from ftv4.contracts.history import Served
from ftv4.contracts.models import ModelsConfig, Pin
from ftv4.documents import MODELS, parse
from ftv4.encode import for_log, name_for_log
from ftv4.errors import ContractError, UsageError
from ftv4.stages import STAGES
from ftv4.steps.history import overriding


@dataclass(frozen=True)
class State:
    """models.json as a branch had it from one commit on."""

    commit: str
    parent: str | None
    when: str
    author: str
    text: bytes
    config: ModelsConfig

    @property
    def plain(self) -> Json:
        """The file's JSON as it stands."""
        found: Json = orjson.loads(self.text)
        return found

    def pin(self, stage: str) -> Pin:
        """The pin of a stage."""
        return self.config.stages[stage]  # type: ignore[index]

    def serves(self, stage: str) -> tuple[str, dict[str, str]]:
        """Who answers a stage: its model, and those of industries with one of their own."""
        return self.pin(stage).model_id, overriding(self.config, stage)


def states(git: Git, commit: str) -> list[State]:
    """Every state of models.json along the first parents of a commit, oldest first.

    A state that can't be read served nobody, and is left out. Raises GateError in a shallow clone.
    """
    found = versions(git, commit, MODELS)
    path = from_top(git, MODELS)
    texts = contents(git, [f"{version.commit}:{path}" for version in found])
    made = [_state(*version, text) for version, text in zip(found, texts, strict=True) if text is not None]
    return [state for state in reversed(made) if state is not None]


def served(past: Sequence[State], stage: str) -> list[Served]:
    """Who served a stage when, newest first."""
    found: list[Served] = []
    for place, state in enumerate(past):
        if place and past[place - 1].serves(stage) == state.serves(stage):
            continue
        if found:
            found[-1] = found[-1].model_copy(update={"until": state.when})
        found.append(_served(past[:place], state, stage))
    return found[::-1]


def last_of(past: Sequence[State], stage: str, model_id: str) -> State:
    """The newest state in which a model was pinned for a stage. Raises UsageError when it never was."""
    for state in reversed(past):
        if state.pin(stage).model_id == model_id:
            return state
    before = dict.fromkeys(state.pin(stage).model_id for state in reversed(past))
    raise UsageError(
        f"{name_for_log(model_id)} never served {stage} here",
        hint=f"these did: {', '.join(before)}" if before else "nobody did",
    )


def previous(past: Sequence[State], stage: str) -> State:
    """What served before what serves now, without what was rolled back from: undo, then undo again.

    Raises UsageError when nothing did.
    """
    line: list[State] = []
    for state in past:
        ids = [one.pin(stage).model_id for one in line]
        model = state.pin(stage).model_id
        if model in ids and (ids[-1] == model or _how(line, state, stage) in ("rollback", "revert")):
            del line[ids.index(model) :]
        line.append(state)
    if len(line) < 2:
        raise UsageError(f"nothing served {stage} before what serves it now", hint="see `ftv4 history`")
    return line[-2]


def _state(commit: str, parent: str | None, when: str, author: str, text: bytes) -> State | None:
    try:
        config = parse(ModelsConfig, text, MODELS)
    except ContractError:
        return None
    return State(commit, parent, iso(moment(when) or datetime.min.replace(tzinfo=UTC)), author, text, config)


def _served(before: Sequence[State], state: State, stage: str) -> Served:
    pin, how = state.pin(stage), _how(before, state, stage)
    recorded = how in ("promotion", "rollback")
    entry = pin.promotion_history[-1] if recorded else None
    return Served(
        stage=stage,
        model_id=pin.model_id,
        overrides=overriding(state.config, stage),
        since=state.when,
        until=None,
        commit=state.commit,
        by=for_log((pin.pinned_by if recorded else None) or state.author),
        how=how,  # type: ignore[arg-type]
        reason=for_log(entry.reason, 1000) if entry and entry.reason else None,
        report_path=pin.promotion_report_path,
    )


def _how(before: Sequence[State], state: State, stage: str) -> str:
    """By what a stage came from the state before to this one."""
    if not before:
        return "start"
    last, pin = before[-1].pin(stage), state.pin(stage)
    told = pin.promotion_history
    if told[:-1] == last.promotion_history and told:
        entry = told[-1]
        if (entry.old_model, entry.new_model) == (last.model_id, pin.model_id):
            return entry.action
    same = any((old.pin(stage), old.serves(stage)) == (pin, state.serves(stage)) for old in before)
    return "revert" if same else "edit"


def stages_of(stage: str | None) -> Iterator[str]:
    """One stage, or all of them."""
    yield from (stage,) if stage else STAGES
