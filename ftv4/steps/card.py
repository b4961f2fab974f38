"""Writes model cards: what a model is for, what it was made from, how it answers, and what to beware of.

A card holds facts of the repository only; a section without facts is left out (weaknesses.md C6).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from ftv4.canonical import sha256
from ftv4.clock import iso
from ftv4.contracts import Json
from ftv4.contracts.evaluation import EvalReport
from ftv4.contracts.promotion import PromotionReport
from ftv4.documents import Repository
from ftv4.encode import name_for_log
from ftv4.errors import GateError, UsageError
from ftv4.pipeline.model import RULE, check_rule
from ftv4.render import render
from ftv4.stages import STAGES
from ftv4.steps.candidate import base_model_of, find_run, model_id_of
from ftv4.steps.evals import read_report
from ftv4.steps.runs import Run
from ftv4.steps.show import FILTERS, number, numbers
from ftv4.steps.training import Dataset, read_dataset, trained

Status = Literal["candidate", "pinned", "deprecated"]

INDUSTRIES = 12
"""Industries listed; the others are counted."""


@dataclass(frozen=True)
class CardFacts:
    """What is known of a model; None where nothing is."""

    stage: str
    model_id: str
    base_model: str
    status: Status
    now: datetime
    by: str | None = None
    """Who promoted it."""
    data: Dataset | None = None
    run: Run | None = None
    evals: Mapping[str, EvalReport] = field(default_factory=dict)
    """By arm: `pipeline`, `stage`, `pinned`; or the one there is, as `given`."""
    eval_passed: bool | None = None
    """Somebody's word, where there is no report."""
    report: PromotionReport | None = None
    report_path: str | None = None
    notes: str = ""


@dataclass(frozen=True)
class CardOrder:
    """A card as it is asked for by hand; None where the repository may know."""

    stage: str
    model: str
    base_model: str | None = None
    dataset: str | None = None
    approved_only: bool = True
    run_manifest: str | None = None
    notes: str = ""
    promotion_status: Status = "candidate"
    promotion_report: str | None = None
    eval_summary: str | None = None
    eval_passed: bool | None = None


def build_card(repository: Repository, order: CardOrder, now: datetime) -> str:
    """Write a card from the files there are; give back its path.

    Raises ContractError for a file that was named and can't be read, UsageError for a run or a
    promotion report of another model, GateError where another model's card is at the path.
    """
    stage, model_id = STAGES[order.stage], model_id_of(repository, order.model)
    check_rule(model_id, stage)
    run = find_run(repository, order.run_manifest, model_id)
    if run is not None and run.model_id != model_id:
        raise UsageError(f"{run.folder}: made {name_for_log(run.model_id or 'no model')}, not {model_id}")
    report = _promotion(repository, order.promotion_report, model_id)
    evals = read_report(repository, order.eval_summary) if order.eval_summary else None
    facts = CardFacts(
        stage=stage.name,
        model_id=model_id,
        base_model=order.base_model or base_model_of(run, model_id),
        status=order.promotion_status,
        now=now,
        data=_data(repository, order, run, model_id, now.date()),
        run=run,
        evals={"given": evals} if evals else {},
        eval_passed=order.eval_passed,
        report=report,
        report_path=repository.relative(order.promotion_report) if order.promotion_report else None,
        notes=order.notes,
    )
    path = card_path(stage.name, model_id)
    return repository.write(path, same_model(repository, path, render_card(repository, facts)))


def _data(
    repository: Repository, order: CardOrder, run: Run | None, model_id: str, today: date
) -> Dataset | None:
    """What the model's run was trained on, if it is still that, or what somebody names; rules have none."""
    path = order.dataset or (run.manifest.dataset_path if run else None)
    if path is None or model_id.startswith(RULE):
        return None
    stage, policy = STAGES[order.stage], repository.policy()
    data = read_dataset(repository, path, stage, policy, order.approved_only, today=today)
    return data if order.dataset or trained(run, model_id, data) else None


def _promotion(repository: Repository, path: str | None, model_id: str) -> PromotionReport | None:
    report = repository.read(PromotionReport, path) if path else None
    if report is not None and report.new_model_id != model_id:
        raise UsageError(f"{path}: is about {report.new_model_id}, not {model_id}")
    return report


def card_path(stage: str, model_id: str) -> str:
    """Where a model's card is. Two ids never share one: what sanitising drops, the digest keeps."""
    slug = re.sub(r"[^A-Za-z0-9_.-]+", "_", model_id)
    name = slug if slug == model_id else f"{slug[:100]}-{sha256(model_id)[:12]}"
    return f"train/model_cards/{stage}/{name}.md"


def same_model(repository: Repository, path: str, page: str) -> str:
    """A card to be put at a path, where no other model's lies (threat 43): its first line names the model.

    Raises GateError.
    """
    if repository.has(path) and repository.read_text(path).split("\n", 1)[0] != page.split("\n", 1)[0]:
        raise GateError(
            f"{path}: is the card of another model, or none, and would be overwritten",
            hint="look whose it is, and take it away by a pull request of its own",
        )
    return page


def render_card(repository: Repository, facts: CardFacts) -> str:
    """A card as Markdown."""
    stage = STAGES[facts.stage]
    known: Json = {
        "facts": facts,
        "stage": stage,
        "purpose": STAGES[facts.stage].purpose,
        "day": iso(facts.now)[:10],
        "dataset": _dataset(facts),
        "linked": facts.data is not None and trained(facts.run, facts.model_id, facts.data),
        "arms": [
            {"title": title, "report": facts.evals[name], "numbers": numbers(facts.evals[name])}
            for name, title in _ARMS.items()
            if name in facts.evals
        ],
        "number": number,
        "limits": facts.report.warnings if facts.report else (),
        "comparison": facts.report.evals.comparison if facts.report else None,
        "life": facts.report.lifetime if facts.report else None,
    }
    return render(repository.template, "model_card.md.j2", known, FILTERS)


_ARMS = {
    "stage": "alone, on gold inputs",
    "pipeline": "in the whole pipeline",
    "pinned": "the pinned model, alone",
    "given": "as reported",
}


def _dataset(facts: CardFacts) -> Json | None:
    if facts.data is None:
        return None
    rows = facts.data.rows
    listed = rows.industries.most_common(INDUSTRIES)
    return {
        "file": facts.data.report,
        "rejected": facts.data.rejected,
        "industries": listed,
        "more": len(rows.industries) - len(listed),
        "first": (rows.first or "")[:10],
        "last": (rows.last or "")[:10],
        "reviewers": rows.reviewers.most_common(INDUSTRIES),
        "waivers": facts.data.waivers,
    }
