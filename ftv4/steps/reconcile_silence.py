"""What reconcile makes of models that don't answer: counted, as it may be a bad day, and then settled.

A silent candidate is refused. A silent pinned model says nothing of the candidate, so nothing can be
decided, and asking again would go on for ever: that waits for another models.json, or for a person.
"""

from datetime import datetime
from typing import Any

from ftv4.canonical import sha256
from ftv4.clock import iso
from ftv4.contracts.evaluation import EvalReport
from ftv4.contracts.ledger import Outcome, OutcomeState
from ftv4.encode import name_for_log
from ftv4.errors import ServiceError
from ftv4.steps.lifetime import lifetime
from ftv4.steps.reconcile import Entry, Round
from ftv4.steps.reconcile_answers import Kept
from ftv4.steps.reconcile_follow import APART

TRIES = 3
"""Evals in a row that got no further, before that speaks against the model or settles the matter."""


def unanswered(arms: dict[str, EvalReport]) -> int:
    """How many questions got no answer."""
    return sum(
        answer.answer is None
        for report in arms.values()
        for result in report.results
        for answer in result.answers
    )


def put_off(round_: Round, entry: Entry, what: str, kept: Kept) -> bool:
    """Whether it may be the provider's bad day that the candidate is silent; then it is counted, from the
    start if it got further, and what it said until then is kept.
    """
    looks = () if kept.memory.news else _looks(entry, "open")
    if len(looks) + 1 >= TRIES:
        return False
    looks = (*looks, iso(round_.clock()))
    round_.record(entry, anew(entry, "open", looks[-1], missed_at=looks), "unanswered", kept.files())
    entry.done.append(f"{what}, in {len(looks)} of {TRIES} evals")
    return True


def pinned_is_silent(round_: Round, entry: Entry, pinned: str, why: str) -> None:
    """Count a look at the pinned model in vain; enough of them, or its provider's word, settle the matter.

    Raises ServiceError while it isn't settled.
    """
    now, models = round_.clock(), sha256(round_.doors.before)
    before = entry.outcome
    looks = _looks(entry, "silent") if before and before.models_sha256 == models else ()
    counts = not looks or now - datetime.fromisoformat(looks[-1]) >= APART
    looks = (*looks, iso(now)) if counts else looks
    settled = len(looks) >= TRIES or _is_gone(round_, pinned)
    if counts or settled:
        facts: dict[str, Any] = {"missed_at": looks, "models_sha256": models}
        reasons = (why,) if settled else ()
        round_.record(entry, anew(entry, "silent", iso(now), reasons=reasons, **facts), "silent")
        entry.done.append(f"asked the pinned model in vain, {len(looks)} of {TRIES} times")
    if not settled:
        raise ServiceError(why, retryable=True)
    entry.alarms.append(
        f"the pinned model {name_for_log(pinned)} doesn't answer, so its successor is not evaluated: promote "
        "by hand with --force and a reason, or roll back"
    )


def anew(entry: Entry, state: OutcomeState, at: str, **facts: Any) -> Outcome:
    """An outcome that forgets the one before, but for the pull request."""
    number = entry.outcome.pull_request if entry.outcome else None
    return Outcome(
        run_key=entry.run.manifest.run_key, state=state, updated_at=at, pull_request=number, **facts
    )


def _looks(entry: Entry, state: OutcomeState) -> tuple[str, ...]:
    return entry.outcome.missed_at if entry.outcome and entry.outcome.state == state else ()


def _is_gone(round_: Round, model_id: str) -> bool:
    """Whether a model's provider says that it serves it no more."""
    provider, _, model = model_id.partition(":")
    row = round_.repository.providers().providers.get(provider)
    if row is None:  # a rule's
        return False
    try:
        listed = round_.doors.provider(provider).models()
    except ServiceError:
        return False
    end = lifetime(row, model, listed).shutdown
    return bool(listed) and (model not in listed or (end is not None and end <= round_.clock().date()))
