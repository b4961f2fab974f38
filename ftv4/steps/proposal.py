"""Words a promotion for its reviewer: verdict first, then what speaks for and against it."""

from collections.abc import Iterable
from itertools import islice

from ftv4.canonical import sha256
from ftv4.contracts import Json
from ftv4.contracts.evaluation import CasePair, EvalReport, StageAnswer
from ftv4.contracts.jsontext import NotJson, loads
from ftv4.contracts.promotion import PromotionReport
from ftv4.contracts.providers import Providers
from ftv4.documents import Repository
from ftv4.encode import COMMENT, fit
from ftv4.pipeline.model import RULE
from ftv4.render import render
from ftv4.stages import STAGES
from ftv4.steps.compare import newly_failing, newly_fixed
from ftv4.steps.history import overriding
from ftv4.steps.lifetime import base_of
from ftv4.steps.show import FILTERS, number, numbers
from ftv4.steps.trial import Trial
from ftv4.steps.weigh import Evidence

SHOWN = 30
SAMPLES = 3


def branch_of(stage: str, model_id: str) -> str:
    """The branch of a candidate's one pull request."""
    return f"ftv4/promote/{stage}/{sha256(model_id)[:12]}"


def title_of(report: PromotionReport) -> str:
    """A title in which nothing a stranger chose can stand: stage, provider and verdict are ours."""
    provider = report.new_model_id.partition(":")[0]
    return f"Promote a {provider} model to {report.stage}: {report.verdict}"


def body_of(repository: Repository, report: PromotionReport, evidence: Evidence, paths: Json) -> str:
    """The pull request's body, within the forge's limit."""
    kept = {} if report.cleared_overrides else overriding(evidence.config, report.stage)
    facts = promotion_facts(repository, report, evidence.trial, paths) | {
        "run": evidence.run,
        "reviewers": evidence.data.rows.reviewers.most_common(SHOWN),
        "industries_kept": kept,
        "samples": _samples(report, evidence),
    }
    return _within(COMMENT, render(repository.template, "promotion_pr.md.j2", facts, FILTERS))


def summary_of(
    repository: Repository, report: PromotionReport, trial: Trial, paths: Json, *, proposed: bool
) -> str:
    """The report as a page: for a run's summary, and for promotions that are blocked."""
    outcome = "Blocked"
    if report.passed:
        outcome = "Dry run, would pass" if report.dry_run else "Proposed" if proposed else "Promoted"
    facts = promotion_facts(repository, report, trial, paths) | {"outcome": outcome}
    return _within(COMMENT, render(repository.template, "promotion_report.md.j2", facts, FILTERS))


def promotion_facts(repository: Repository, report: PromotionReport, trial: Trial, paths: Json) -> Json:
    """What both pages say."""
    comparison = report.evals.comparison
    pairs = comparison.pairs if comparison else ()
    return {
        "report": report,
        "comparison": comparison,
        "paths": paths,
        "rows": _table(repository, report, trial),
        "newly_failing": newly_failing(comparison)[:SHOWN] if comparison else [],
        "newly_fixed": newly_fixed(comparison)[:SHOWN] if comparison else [],
        "worse": [pair for pair in _by_loss(pairs) if pair.outcome == "loss"][:SHOWN],
        "number": number,
        "shown": SHOWN,
    }


def _within(limit: int, page: str) -> str:
    lines = page.splitlines(keepends=True)
    return fit(lines, limit, lambda left: f"{left} more lines are in the report, among the changed files.")


def _table(repository: Repository, report: PromotionReport, trial: Trial) -> list[tuple[str, str, str]]:
    """Candidate beside pinned: what is measured, one line each."""
    candidate, pinned, whole = (trial.arms.get(name) for name in ("stage", "pinned", "pipeline"))
    ours, theirs = (numbers(one) if one else {} for one in (candidate, pinned))
    rows = [
        ("cases passed, stage alone", ours.get("passed", "-"), theirs.get("passed", "-")),
        ("cases passed, whole pipeline", numbers(whole)["passed"] if whole else "-", "not asked"),
        ("agreement with gold, 0 to 1", ours.get("agreement", "-"), theirs.get("agreement", "-")),
        ("seconds an answer, median", ours.get("seconds", "-"), theirs.get("seconds", "-")),
        ("dollars a thousand answers", *(_price(repository, one) for one in (candidate, pinned))),
    ]
    return [(what, str(mine), str(other)) for what, mine, other in rows]


def _price(repository: Repository, report: EvalReport | None) -> str:
    """What a thousand answers cost at the table's prices; a dash where tokens or prices are unknown."""
    answers = [
        answer
        for result in (report.results if report else ())
        for answer in result.answers
        if report and answer.stage == report.stage
    ]
    costs = [_cost(repository.providers(), answer) for answer in answers]
    known = [cost for cost in costs if cost is not None]
    return f"{1000 * sum(known) / len(known):.2f}" if known and len(known) == len(costs) else "-"


def _cost(providers: Providers, answer: StageAnswer) -> float | None:
    """Dollars for one answer; rules are free."""
    if answer.model_id.startswith(RULE):
        return 0.0
    provider, _, model = answer.model_id.partition(":")
    row = providers.providers.get(provider)
    facts = row.base_models.get(base_of(model)) if row else None
    spent = (answer.prompt_tokens, answer.completion_tokens)
    prices = (facts.input_price, facts.output_price) if facts else (None, None)
    if None in spent or None in prices:
        return None
    return sum((tokens or 0) * (price or 0) for tokens, price in zip(spent, prices, strict=True)) / 1e6


def _samples(report: PromotionReport, evidence: Evidence) -> list[Json]:
    """A few cases in the models' own words, those in which the candidate gains least first."""
    comparison, arms = report.evals.comparison, evidence.trial.arms
    if comparison is None or not comparison.pairs:
        return []
    said = {
        "approved": evidence.gold,
        "candidate": _answers(arms["stage"], report.stage),
        "pinned": _answers(arms["pinned"], report.stage),
    }
    stage = STAGES[report.stage]
    samples: dict[tuple[str, ...], Json] = {}
    for pair in _by_loss(comparison.pairs):
        words = {who: stage.headline_of(by_case.get(pair.fixture_id)) for who, by_case in said.items()}
        samples.setdefault(tuple(words.values()), {"case": pair.fixture_id, **words})
    return list(islice(samples.values(), SAMPLES))


def _by_loss(pairs: Iterable[CasePair]) -> list[CasePair]:
    return sorted(pairs, key=lambda pair: (pair.b_agreement or 0) - (pair.a_agreement or 0))


def _answers(report: EvalReport, stage: str) -> Json:
    """What was answered, by case, parsed; what can't be parsed is left out."""
    found: Json = {}
    for result in report.results:
        for answer in result.answers:
            if answer.stage == stage and answer.answer is not None:
                try:
                    found[result.fixture_id] = loads(answer.answer)
                except NotJson:
                    continue
    return found
