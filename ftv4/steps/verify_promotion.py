"""Derives a promotion again: from the raw answers, the run and the base's files, and nothing it says itself.

Only what can't be derived is taken from the report: the moment, the notes, the reason of a forced one,
the eval reports' names, and the day a provider told. Everything else must come out byte by byte.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NoReturn

from ftv4.clock import iso, moment, stamp
from ftv4.contracts import Json
from ftv4.contracts.evaluation import EvalReport
from ftv4.contracts.findings import Finding
from ftv4.contracts.models import ModelsConfig
from ftv4.contracts.promotion import EvalEvidence, Lifetime, PromotionReport
from ftv4.documents import MODELS, parse
from ftv4.encode import for_log
from ftv4.errors import ContractError, Ftv4Error, GateError, ServiceError
from ftv4.pipeline.model import RULE
from ftv4.stages import STAGES
from ftv4.steps import lifetime
from ftv4.steps.candidate import base_model_of
from ftv4.steps.card import card_path
from ftv4.steps.cases import load_cases
from ftv4.steps.change import REPORTS, Change
from ftv4.steps.differences import differences
from ftv4.steps.evals import Evaluation, instructions_of
from ftv4.steps.promotion_rules import SHOWN, finding
from ftv4.steps.publish import Desk, Files, write_up
from ftv4.steps.runs import Run
from ftv4.steps.serve import provider_row, serving_models
from ftv4.steps.snapshot import DATASETS
from ftv4.steps.training import doubts, read_dataset
from ftv4.steps.trial import hold_trial
from ftv4.steps.verify_run import Unbound, loose_ends, run_named, said, unlike
from ftv4.steps.weigh import FORCED, Evidence, Wish, life_of, not_ours, short_lived

UNHEARD = "the pinned model did not answer: "
SKEW = timedelta(days=1)
"""How far a clock may be ahead."""


@dataclass(frozen=True)
class Derived:
    """What a promotion comes to."""

    report: PromotionReport
    files: Files
    life: Lifetime
    """Of the model, as far as anybody knows today."""
    findings: tuple[Finding, ...] = ()
    run: Run | None = None
    """The one that made the model."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Files of the run, that it was derived from."""
        return (self.run.manifest_file, self.run.job_file) if self.run else ()


@dataclass(frozen=True)
class Claim:
    """A promotion report as the change brings it."""

    path: str
    report: PromotionReport
    at: datetime
    by: str
    """Who promoted, as the change's models.json has it; the card has to say the same."""

    def wrong(self, problem: str, pointer: str, rule: str = "promotion_unbound") -> Finding:
        """Something against it."""
        return finding(rule, self.path, problem, pointer=pointer)


def check_promotion(change: Change, path: str) -> tuple[list[Finding], Derived | None]:
    """What is against the promotion that a report of the change stands for, and what it comes to."""
    try:
        claim = _claim(change, path)
        stale = _stale(change, claim)
        if stale:
            return stale, None
        found = derive(change, claim)
    except _Wrong as wrong:
        return list(wrong.findings), None
    except Ftv4Error as error:
        lines = "; ".join((error.message, *error.problems[:3]))
        return [finding("promotion_unbound", path, lines)], None
    return [*found.findings, *compare(change, found)], found


def compare(change: Change, derived: Derived) -> list[Finding]:
    """Hold the files of a change against those that its promotion comes to."""
    report = derived.report
    found = [
        finding("promotion_refused", MODELS, line, pointer=f"/stages/{report.stage}/model_id")
        for line in report.blocked_by[:SHOWN]
    ]
    for path, content in derived.files.items():
        found += differences("promotion_differs", path, content, change.bytes(path))
    return found


class _Wrong(Exception):
    """Nothing can be derived, for what is in the findings."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__()
        self.findings = findings


def _claim(change: Change, path: str) -> Claim:
    try:
        report = change.after.read(PromotionReport, path)
    except ContractError as error:
        raise _Wrong(*_unreadable(path, error)) from None
    at = moment(report.generated_at)
    claim = Claim(path, report, at or change.now, _promoter(change, report.stage))
    wrong = []
    if report.stage not in STAGES or not path.startswith(f"{REPORTS}reports/{report.stage}/promotion_"):
        wrong.append(claim.wrong(f"is {for_log(report.stage)}; the file lies elsewhere", "/stage"))
    elif at is None or iso(at) != report.generated_at or f"_{stamp(at)}" not in path:
        wrong.append(claim.wrong("isn't the moment in the file's name", "/generated_at"))
    if report.bound is None:
        wrong.append(claim.wrong("is missing: the report is of an older ftv4", "/bound"))
    if not report.dataset.path.startswith(f"{DATASETS}/"):
        wrong.append(claim.wrong(f"lies outside {DATASETS}/, where the gate judges", "/dataset/path"))
    if report.dry_run:
        wrong.append(claim.wrong("only a trial; it promotes nothing", "/dry_run"))
    if wrong:
        raise _Wrong(*wrong)
    return claim


def _unreadable(path: str, error: ContractError) -> list[Finding]:
    lines = error.problems[:SHOWN] or (error.message,)
    return [finding("record_unreadable", path, line) for line in lines]


def _promoter(change: Change, stage: str) -> str:
    """Who promoted, by the head's models.json; nobody where that can't be read."""
    try:
        config = parse(ModelsConfig, change.bytes(MODELS) or b"", MODELS)
        return config.stages[stage].pinned_by or ""  # type: ignore[index]
    except (ContractError, KeyError):
        return ""


def _stale(change: Change, claim: Claim) -> list[Finding]:
    """What has moved on since the promotion was weighed."""
    bound, found = claim.report.bound, []
    if bound and bound.models_sha256 != change.models_sha256:
        text = f"was made from another {MODELS} than the base has now: somebody promoted meanwhile"
        found.append(claim.wrong(text, "/bound/models_sha256", "promotion_stale"))
    if bound and bound.policy_sha256 not in (None, change.policy_sha256):
        text = "was weighed by another policy than the base has now"
        found.append(claim.wrong(text, "/bound/policy_sha256", "promotion_stale"))
    found += aged(change, claim.at, claim.path, "/generated_at")
    return found


def aged(change: Change, at: datetime, path: str, pointer: str) -> list[Finding]:
    """What is against the age of a promotion or rollback."""
    age, most = change.now - at, change.policy.promotion.max_age_days
    if age.days > most:
        text = f"{age.days} days old; the policy takes promotion.max_age_days = {most}"
        return [finding("promotion_stale", path, text, pointer=pointer)]
    if age < -SKEW:
        return [finding("promotion_stale", path, "lies in the future", pointer=pointer)]
    return []


def derive(change: Change, claim: Claim) -> Derived:
    """Weigh again what a report rests on. Raises what `promote` does, for what `promote` refuses."""
    report, before = claim.report, change.before
    stage, text = STAGES[report.stage], change.models
    if text is None:
        raise _Wrong(claim.wrong(f"the base has no {MODELS}", "/bound/models_sha256"))
    config = parse(ModelsConfig, text, MODELS)
    run = _run(change, claim)
    evaluation = _evaluation(change, config, claim.at)
    given = _given(change, claim, evaluation)
    data = read_dataset(
        before, report.dataset.path, stage, change.policy, report.dataset.approved_only, today=claim.at.date()
    )
    base_model = _base_model(claim, run)
    rule = report.new_model_id.startswith(RULE)
    if not rule:
        provider_row(before, report.new_model_id.partition(":")[0], report.new_model_id)
    life, effective = _life(change, claim, base_model)
    unheard = _unheard(report)
    asks = serving_models(before, _nobody(unheard))
    try:
        trial = hold_trial(evaluation, stage.name, report.new_model_id, asks, given.values())
    except GateError as error:
        file = error.message.partition(":")[0]
        why = "; ".join(error.problems) or error.message
        raise _Wrong(finding("promotion_differs", file, why, pointer="/results")) from None
    evidence = Evidence(
        config=config,
        models_sha256=change.models_sha256 or "",
        policy=change.policy.promotion,
        data=data,
        run=run,
        doubts=() if rule else tuple(doubts(before, run, data, stage, change.policy)),
        trial=trial,
        gold={},
        life=life,
        industries=evaluation.industries,
    )
    wish = Wish(
        stage=stage,
        model_id=report.new_model_id,
        base_model=base_model,
        notes=report.notes,
        reason=report.dataset.force_reason,
        approved_only=report.dataset.approved_only,
        keep_overrides=not report.cleared_overrides,
    )
    desk = Desk(before, text, claim.by, claim.at)
    arms = {arm: one.report_path for arm, one in trial.arms.items()}
    paths: Json = {arm: arms.get(arm) for arm in ("pipeline", "stage", "pinned")}
    paths |= {"report": claim.path, "card": card_path(stage.name, report.new_model_id)}
    weighed, files = write_up(desk, wish, evidence, paths)
    wants = change.policy.promotion
    ending, strange = short_lived(effective, wants.min_days_left), not_ours(report.new_model_id, wants.owners)
    found = [claim.wrong(line, "/lifetime", "model_ends") for line in ending]
    found += [claim.wrong(line, "/new_model_id", "model_not_ours") for line in strange]
    if unheard:
        found.append(claim.wrong(f"nobody can ask again: {unheard}", "/evals/pinned", "pinned_not_heard"))
    found += _forced(claim, weighed)
    return Derived(weighed, files, effective, tuple(found), run)


def _forced(claim: Claim, weighed: PromotionReport) -> Iterator[Finding]:
    """What its author went past; only a person can say whether that was right."""
    if weighed.dataset.forced:
        past = [line.removeprefix(FORCED) for line in weighed.warnings if line.startswith(FORCED)]
        why = for_log(weighed.dataset.force_reason or "", 1000)
        text = f"forced past {'; '.join(past)}; the reason given: {why}"
        yield claim.wrong(text, "/dataset/force_reason", "promotion_forced")


# the candidate


def _run(change: Change, claim: Claim) -> Run | None:
    """The candidate's run, whose parts must fit together."""
    named = claim.report.dataset.run_manifest_path
    try:
        run = run_named(change, claim.report.stage, claim.report.new_model_id, named)
    except Unbound as error:
        raise _Wrong(claim.wrong(str(error), "/dataset/run_manifest_path")) from None
    except ContractError as error:
        raise _Wrong(*_unreadable(named or claim.path, error)) from None
    if run and (wrong := [*loose_ends(run, claim.report), *unlike(change, run)]):
        raise _Wrong(*wrong)
    return run


def _base_model(claim: Claim, run: Run | None) -> str:
    """What the candidate was tuned from: its run or its id knows; else the report's word counts."""
    model = claim.report.new_model_id
    known = base_model_of(run, model)
    silent = run is None and not model.startswith(RULE) and known == model.partition(":")[2]
    return claim.report.base_model if silent else known


# the evals


def _evaluation(change: Change, config: ModelsConfig, at: datetime) -> Evaluation:
    cases = load_cases(change.before)
    told = instructions_of(change.before, change.policy)
    return Evaluation(cases, config, change.policy, told, at)


def _given(change: Change, claim: Claim, evaluation: Evaluation) -> dict[str, EvalReport]:
    """The eval reports, which must be those that were weighed and ask what the base would ask today."""
    evals, found, wrong = claim.report.evals, {}, list[Finding]()
    for arm, named in (("pipeline", evals.pipeline), ("stage", evals.stage), ("pinned", evals.pinned)):
        if named is None and arm == "pinned":
            continue
        try:
            found[arm] = _eval_report(change, claim, arm, named)
        except _Wrong as error:
            wrong += error.findings
            continue
        wrong += [
            finding(
                "promotion_stale",
                found[arm].report_path,
                "is not what the base would ask today",
                pointer=f"/{name}",
            )
            for name in evaluation.differing(found[arm])
        ]
    if wrong:
        raise _Wrong(*wrong)
    return found


def _eval_report(change: Change, claim: Claim, arm: str, named: EvalEvidence | None) -> EvalReport:
    where = f"/evals/{arm}/report_path"
    path = named.report_path if named else None
    if path is None or path.startswith("../"):
        raise _Wrong(claim.wrong("names no eval report of the repository", where))
    try:
        report = change.after.read(EvalReport, path)
    except ContractError as error:
        raise _Wrong(*_unreadable(path, error)) from None
    want: Json = {"report_path": path, "stage": claim.report.stage, "mode": "stage"}
    want["mode"] = "pipeline" if arm == "pipeline" else "stage"
    want["model_id"] = None if arm == "pinned" else claim.report.new_model_id
    wrong = [
        finding(
            "promotion_unbound",
            path,
            f"is {said(getattr(report, name))}, not {said(value)}",
            pointer=f"/{name}",
        )
        for name, value in want.items()
        if getattr(report, name) != value
    ]
    if wrong:
        raise _Wrong(*wrong)
    return report


def _unheard(report: PromotionReport) -> str:
    """Why the pinned model has no report, as the promotion says."""
    comparison = report.evals.comparison
    why = comparison.why[0] if comparison and comparison.why else ""
    return why.removeprefix(UNHEARD) if why.startswith(UNHEARD) else ""


def _nobody(said: str) -> Callable[[str], NoReturn]:
    """A door that nobody is behind: no model is asked here."""

    def connect(name: str) -> NoReturn:
        raise ServiceError(said or f"{for_log(name)} isn't asked when a change is verified")

    return connect


# how long it lasts


def _life(change: Change, claim: Claim, base_model: str) -> tuple[Lifetime, Lifetime]:
    """The lifetime that the report may claim, and the one that counts today: what ends sooner.

    A provider's own word can't be heard again; it is taken if it is one.
    """
    report, word = claim.report, claim.report.lifetime
    table = life_of(change.before, report.new_model_id, base_model, None, claim.at)
    claimed = table
    if not report.new_model_id.startswith(RULE) and word.shutdown_date:
        provider, _, model = report.new_model_id.partition(":")
        row = provider_row(change.before, provider)
        sources = {
            f"the provider's model list; {lifetime.lifetime(row, name).source}"
            for name in (model, base_model)
        }
        if word.source in sources:
            claimed = Lifetime(
                shutdown_date=word.shutdown_date,
                days_left=(date.fromisoformat(word.shutdown_date) - claim.at.date()).days,
                source=word.source,
            )
    soonest = min((claimed, table), key=lambda one: one.shutdown_date or date.max.isoformat())
    if soonest.shutdown_date is None:
        return claimed, soonest
    left = (date.fromisoformat(soonest.shutdown_date) - change.now.date()).days
    return claimed, soonest.model_copy(update={"days_left": left})
