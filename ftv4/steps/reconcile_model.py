"""What reconcile does with a model: asks it the eval cases, and proposes it if nothing is against it."""

from collections.abc import Sequence
from dataclasses import replace

from ftv4.canonical import sha256
from ftv4.clock import iso, stamp
from ftv4.contracts.evaluation import EvalReport
from ftv4.documents import numbered, to_json
from ftv4.encode import name_for_log
from ftv4.errors import GateError, ServiceError
from ftv4.pipeline.model import Model
from ftv4.pipeline.run import Models
from ftv4.steps.cases import CASES
from ftv4.steps.evals import Evaluation, read_report
from ftv4.steps.promote import Order, gather, promote
from ftv4.steps.proposal import branch_of
from ftv4.steps.publish import Desk
from ftv4.steps.reconcile import Entry, Round, since
from ftv4.steps.reconcile_answers import Kept
from ftv4.steps.reconcile_guard import may_evaluate, vouched
from ftv4.steps.reconcile_silence import anew, pinned_is_silent, put_off, unanswered
from ftv4.steps.trial import Trial
from ftv4.steps.weigh import Evidence, Wish, judge_wish

BY = "ftv4 reconcile"
"""Who promotes; a person's merge is what lets it serve."""
REASONS = 50
"""Kept of what is against a model; its eval reports have all."""


def evaluate(round_: Round, entry: Entry) -> None:
    """Ask candidate and pinned the eval cases, weigh the answers, and keep both on record.

    Raises what `gather` raises, GateError without eval cases, and ServiceError when a model didn't answer.
    """
    evaluation, models = round_.doors.asking()
    if not evaluation.cases:
        raise GateError(f"no eval cases in {CASES}: nothing was asked")
    order = _order(entry)
    if evaluation.config.pin(order.stage, "").model_id == order.model:
        _conclude(round_, entry, "serving")
        return
    # Where a ledger is, what became of proposals is on it; without one, only the forge may know.
    if round_.books.ledger is None and _settled_by_hand(round_, entry):
        return
    if not vouched(round_, entry) or not may_evaluate(round_, entry):
        return
    kept = Kept(round_, entry)
    with kept.saved():
        heard = _hear(round_, entry, order, kept.listening(evaluation), models, kept)
        if heard is not None:
            _weigh(round_, entry, evaluation, *heard, kept)


def _hear(
    round_: Round, entry: Entry, order: Order, evaluation: Evaluation, models: Models, kept: Kept
) -> tuple[Wish, Evidence] | None:
    """What candidate and pinned say; None when one of them is silent for good, which is on record then.

    Raises ServiceError that says how far it got.
    """
    doors = round_.doors
    try:
        wish, evidence = gather(
            order, round_.repository, doors.before, evaluation, models, (), doors.provider, compared=True
        )
    except ServiceError as error:
        _cut_short(round_, entry, order.model, evaluation, error, kept)
        return None
    if evidence.trial.silent:
        pinned = evaluation.config.pin(order.stage, "").model_id
        pinned_is_silent(round_, entry, pinned, evidence.trial.silent)
        return None
    return wish, evidence


def _cut_short(
    round_: Round, entry: Entry, model: str, evaluation: Evaluation, error: ServiceError, kept: Kept
) -> None:
    """A model that fell silent: raise ServiceError if it is asked on, else that is why it is refused."""
    far, why = kept.how_far(model, 2 * len(evaluation.cases)), kept.why(model) or error.message
    if put_off(round_, entry, far, kept):
        raise ServiceError(f"{far}, then: {why}", hint=error.hint, retryable=True) from None
    reasons = (f"{far}, then: {why}",)
    outcome = anew(entry, "refused", iso(evaluation.now), model_id=model, reasons=reasons)
    round_.record(entry, outcome, "refused", kept.files())
    entry.done.append(f"refused: {far}")


def _weigh(
    round_: Round, entry: Entry, evaluation: Evaluation, wish: Wish, evidence: Evidence, kept: Kept
) -> None:
    arms = _named(entry, evidence.trial, stamp(evaluation.now), round_.books.reports())
    report = judge_wish(wish, replace(evidence, trial=replace(evidence.trial, arms=arms)), evaluation.now)
    silent = unanswered(arms)
    if not report.passed and silent and put_off(round_, entry, f"{silent} questions got no answer", kept):
        return
    outcome = anew(
        entry,
        "evaluated" if report.passed else "refused",
        iso(evaluation.now),
        model_id=wish.model_id,
        reports={name: one.report_path for name, one in arms.items()},
        reasons=report.blocked_by[:REASONS],
    )
    texts = {one.report_path: to_json(one) for one in arms.values()}
    round_.record(entry, outcome, outcome.state, texts | kept.files(done=not silent))
    entry.done.append(f"evaluated: {report.verdict}")


def propose(round_: Round, entry: Entry) -> None:
    """Open the one pull request of a model, or bring it up to date; nobody is asked anything again.

    Raises what `promote` raises, but for what a person did to the branch or the base: that is noted.
    """
    outcome, order = entry.outcome, _order(entry)
    if outcome is None or _settled_by_hand(round_, entry) or not vouched(round_, entry):
        return
    evaluation, _ = round_.doors.asking()
    # The time of the evaluation: however often this is tried, the very same files are proposed.
    evaluation = replace(evaluation, now=since(outcome))
    desk = Desk(
        round_.repository, round_.doors.before, BY, evaluation.now, round_.doors.forge(), round_.doors.base
    )
    given = [read_report(round_.repository, path) for path in outcome.reports.values()]
    try:
        promotion = promote(order, desk, evaluation, _nobody, given, round_.doors.provider)
    except GateError as error:
        entry.alarms.append(f"not proposed: {error.message}")
        return
    pull = promotion.pull_request
    if pull is None:
        news = {"state": "refused", "reasons": promotion.report.blocked_by[:REASONS]}
        round_.record(entry, outcome.model_copy(update=news), "refused")
        entry.done.append(f"not proposed: {promotion.report.verdict}")
        return
    fresh = pull.number != outcome.pull_request
    facts = {"pull_request": pull.number, "models_sha256": sha256(desk.before), "state": "proposed"}
    round_.record(entry, outcome.model_copy(update=facts), "proposed")
    entry.done.append(f"pull request {pull.number} {'proposes it' if fresh else 'was brought up to date'}")


def _order(entry: Entry) -> Order:
    run = entry.run
    return Order(stage=run.manifest.stage, model=run.model_id or "", run_manifest=run.manifest_file)


def _named(entry: Entry, trial: Trial, when: str, taken: Sequence[str]) -> dict[str, EvalReport]:
    """The reports under names that nobody else gives: one that is on record is never changed."""
    tag = entry.run.manifest.run_key[:12]
    tried = ({arm: f"evals/report_{name}-{tag}-{arm}.json" for arm in trial.arms} for name in numbered(when))
    paths = next(paths for paths in tried if set(taken).isdisjoint(paths.values()))
    return {arm: one.model_copy(update={"report_path": paths[arm]}) for arm, one in trial.arms.items()}


def _settled_by_hand(round_: Round, entry: Entry) -> bool:
    """Whether a person closed or merged this model's pull request while nobody here knew of it."""
    order = _order(entry)
    pulls = round_.doors.forge().pulls(head=branch_of(order.stage, order.model), state="all")
    if any(pull.state == "open" for pull in pulls):
        return False
    last = next(iter(pulls), None)
    if last is not None:
        _conclude(round_, entry, "merged" if last.merged else "closed", last.number)
    return last is not None


def _conclude(round_: Round, entry: Entry, state: str, number: int | None = None) -> None:
    before = entry.outcome or anew(entry, "open", iso(round_.clock()))
    facts = {"state": state, "pull_request": number or before.pull_request}
    round_.record(entry, before.model_copy(update=facts), state)
    entry.done.append(f"it is {state}" + (f", by pull request {number}" if number else ""))


def _nobody(model_id: str, stage: str) -> Model:
    raise GateError(f"{name_for_log(model_id)} would be asked anew, but was evaluated: run evaluate first")
