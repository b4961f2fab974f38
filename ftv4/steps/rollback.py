"""Brings a stage back to a model that served it before: as models.json had it then, and with the reason.

Only what the branch's own history has pinned can come back, so that a rollback is no way past the gates.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from ftv4.canonical import sha256
from ftv4.clients.git import Git
from ftv4.clock import iso
from ftv4.contracts import Json
from ftv4.contracts.models import HistoryEntry, ModelsConfig
from ftv4.contracts.promotion import Lifetime, PromotionReport
from ftv4.documents import MODELS, Repository, parse
from ftv4.encode import COMMENT, fit, name_for_log
from ftv4.errors import ContractError, GateError, UsageError
from ftv4.pipeline.model import RULE
from ftv4.render import render
from ftv4.steps.candidate import base_model_of
from ftv4.steps.checkout import branch_here
from ftv4.steps.history import overriding, restored, unchanged
from ftv4.steps.past import State, last_of, previous, states
from ftv4.steps.publish import Desk, diff_of
from ftv4.steps.runs import of_model
from ftv4.steps.serve import provider_row
from ftv4.steps.show import FILTERS
from ftv4.steps.weigh import life_of, not_ours, short_lived

if TYPE_CHECKING:
    from ftv4.clients.forge import PullRequest
    from ftv4.clients.provider import Provider

PREVIOUS = "previous"
LONGEST_REASON = 1000


@dataclass(frozen=True)
class Return:
    """A stage's way back."""

    stage: str
    to: State
    """The state of models.json in which it stood before."""
    entry: HistoryEntry
    lives: dict[str, Lifetime]
    """Model → how long it answers, of every model that serves then."""
    after: bytes
    """models.json."""
    diff: str = ""
    pull_request: "PullRequest | None" = None


def roll_back(
    desk: Desk,
    stage: str,
    to: str,
    reason: str,
    connect: Callable[[str], "Provider | None"],
    *,
    dry_run: bool,
) -> Return:
    """Find what served, see that it still answers, and let it serve: here, or in one pull request.

    `to` is a model id, or `previous`. Raises UsageError for a model that never served the stage on the
    branch, for one that serves now, and for a reason that says nothing; GateError for one that is shut
    down or soon will be, in a shallow clone, and when models.json isn't the branch's.
    """
    check_reason(reason)
    git = Git(desk.repository.root)
    ref = branch_here(git, desk.base, desk.before)
    past, then = _past_and_then(git, ref, stage, to)
    found = way_back(desk.before, stage, then, desk.by, iso(desk.now), reason)
    if not dry_run and desk.forge is None and desk.repository.read_bytes(MODELS) != past[-1].text:
        raise GateError(
            f"{MODELS} here is not that of {name_for_log(ref)}",
            hint=f"check out {desk.base} as it is now, and run again",
        )
    found = replace(found, lives=_lives(desk, found, connect))
    _may_serve(desk, found)
    if dry_run:
        return found
    if desk.forge is None:
        with desk.repository.locked("config"):
            unchanged(desk.repository, desk.before)
            desk.repository.write(MODELS, found.after)
        return found
    title = f"Roll {stage} back to a model that served it before"
    pull = desk.forge.propose(
        base=desk.base,
        branch=f"ftv4/rollback/{stage}/{sha256(found.entry.new_model)[:12]}",
        title=title,
        message=title,
        body=body_of(desk.repository, found),
        files={MODELS: found.after},
        expect={MODELS: desk.before},
        key=f"rollback {stage} {found.entry.new_model} {sha256(desk.before)}",
    )
    return replace(found, pull_request=pull)


def check_reason(reason: str | None) -> None:
    """Raise UsageError unless a reason says something, in not too many words."""
    if not (reason or "").strip():
        raise UsageError("why? --reason says nothing", hint="it stays in models.json and on the pull request")
    if len(reason or "") > LONGEST_REASON:
        raise UsageError(f"--reason: at most {LONGEST_REASON} characters")


def _past_and_then(git: Git, ref: str, stage: str, to: str) -> tuple[list[State], State]:
    """What a branch says of models.json, and the state that `to` means; an error names the branch."""
    commit = git.commit(ref)
    past = states(git, commit)
    try:
        return past, previous(past, stage) if to == PREVIOUS else last_of(past, stage, to)
    except UsageError as error:
        error.problems += (f"as {name_for_log(ref)} has it, commit {commit[:12]}",)
        raise


def way_back(before: bytes, stage: str, then: State, by: str, when: str, reason: str) -> Return:
    """What models.json becomes when a stage goes back to an earlier state. Raises UsageError."""
    now = as_state(before)
    old, new = now.pin(stage), then.pin(stage)
    if now.serves(stage) == then.serves(stage):
        raise UsageError(
            f"{name_for_log(new.model_id)} serves {stage} already", hint="there is nothing to roll back"
        )
    kept = then.serves(stage)[1]
    entry = HistoryEntry(
        timestamp=when,
        old_model=old.model_id,
        new_model=new.model_id,
        report_path=None,
        model_card_path=None,
        eval_report_path=None,
        dataset_hash=None,
        cleared_overrides={
            name: model for name, model in overriding(now.config, stage).items() if kept.get(name) != model
        },
        action="rollback",
        reason=reason,
    )
    after = restored(before, stage, then.plain, entry, by)
    return Return(stage, then, entry, {}, after, diff_of(before, after))


def as_state(text: bytes) -> State:
    """models.json as a state of no commit. Raises ContractError."""
    return State("", None, "", "", text, parse(ModelsConfig, text, MODELS))


def serving(then: State, stage: str) -> list[str]:
    """Every model that answers a stage in a state, the fallbacks too."""
    pin, found = then.pin(stage), [then.pin(stage).model_id, *then.serves(stage)[1].values()]
    if pin.fallback.enabled and pin.fallback.model_id:
        found.append(pin.fallback.model_id)
    for override in then.config.industry_overrides.values():
        own = override.get(stage)  # type: ignore[call-overload]
        if own and own.fallback and own.fallback.model_id:
            found.append(own.fallback.model_id)
    return list(dict.fromkeys(found))


def life_known(
    repository: Repository, stage: str, model_id: str, client: "Provider | None", now: datetime
) -> Lifetime:
    """How long a model answers: by its provider or the dated table, or a promotion report if sooner."""
    if not model_id.startswith(RULE):
        provider_row(repository, model_id.partition(":")[0], model_id)
    run = of_model(repository, model_id)
    life = life_of(repository, model_id, base_model_of(run, model_id), client, now)
    said = [life, *_reported(repository, stage, model_id, now)]
    return min(said, key=lambda one: one.shutdown_date or date.max.isoformat())


def _reported(repository: Repository, stage: str, model_id: str, now: datetime) -> Sequence[Lifetime]:
    found = []
    for path in repository.files(f"train/promotion/reports/{stage}", "*.json"):
        try:
            report = repository.read(PromotionReport, path)
        except ContractError:
            continue
        day = report.lifetime.shutdown_date
        if report.new_model_id == model_id and day:
            left = (date.fromisoformat(day) - now.date()).days
            found.append(report.lifetime.model_copy(update={"days_left": left}))
    return found


def _lives(desk: Desk, found: Return, connect: Callable[[str], "Provider | None"]) -> dict[str, Lifetime]:
    return {
        model: life_known(
            desk.repository,
            found.stage,
            model,
            None if model.startswith(RULE) else connect(model.partition(":")[0]),
            desk.now,
        )
        for model in serving(found.to, found.stage)
    }


def _may_serve(desk: Desk, found: Return) -> None:
    wants = desk.repository.policy().promotion
    wrong = [
        f"{name_for_log(model)}: {line}"
        for model, life in found.lives.items()
        for line in (*short_lived(life, wants.min_days_left), *not_ours(model, wants.owners))
    ]
    if wrong:
        raise GateError(
            f"{found.stage} can't go back: the policy has something against a model that served then",
            problems=wrong,
            hint="`ftv4 history` lists the others",
        )


def body_of(repository: Repository, found: Return) -> str:
    """The pull request's body, within the forge's limit."""
    now, then = as_state(found.after), found.to
    facts: Json = {
        "stage": found.stage,
        "entry": found.entry,
        "since": then.when[:10],
        "commit": then.commit,
        "report_path": now.pin(found.stage).promotion_report_path,
        "by": now.pin(found.stage).pinned_by,
        "overrides": now.serves(found.stage)[1],
        "lives": found.lives,
    }
    page = render(repository.template, "rollback_pr.md.j2", facts, FILTERS)
    more = "{} more lines are left out here.".format
    return fit(page.splitlines(keepends=True), COMMENT, more)
