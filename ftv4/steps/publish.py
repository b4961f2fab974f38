"""Puts a promotion where it takes effect: into the work tree, or into one pull request.

Reports first, models.json last, all of them or none. What is blocked, or only a dry run, leaves its
reports and touches no config.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import unified_diff
from typing import TYPE_CHECKING

from ftv4.canonical import sha256
from ftv4.clock import iso, stamp
from ftv4.contracts import Json
from ftv4.contracts.models import HistoryEntry
from ftv4.contracts.promotion import PromotionReport
from ftv4.documents import MODELS, Repository, to_json
from ftv4.steps.card import CardFacts, card_path, render_card, same_model
from ftv4.steps.history import moved, unchanged
from ftv4.steps.proposal import body_of, branch_of, summary_of, title_of
from ftv4.steps.runs import Run
from ftv4.steps.shelf import Shelf
from ftv4.steps.training import trained
from ftv4.steps.weigh import Evidence, Wish, judge_wish

if TYPE_CHECKING:
    from ftv4.clients.forge import Forge, PullRequest


Files = dict[str, bytes]
"""Whole contents by repository path."""


@dataclass(frozen=True)
class Desk:
    """Where a promotion is written up."""

    repository: Repository
    before: bytes
    """models.json as it was read before anybody was asked."""
    by: str
    """Who promotes."""
    now: datetime
    forge: "Forge | None" = None
    """Where the pull request goes; None promotes in the work tree."""
    base: str = "main"
    record: Callable[[Files], None] | None = None
    """Puts the eval reports on record before they are proposed."""


@dataclass(frozen=True)
class Promotion:
    """What came of a wish."""

    report: PromotionReport
    paths: Json
    """Of `report`, `card`, and the eval reports by arm; None for what there is not."""
    summary: str
    """The report as Markdown."""
    diff: str
    """What changes in models.json, as a unified diff; empty when blocked."""
    config_updated: bool = False
    pull_request: "PullRequest | None" = None
    files: tuple[str, ...] = ()
    """Paths of all that it consists of, the run's own included; none where it doesn't take effect."""


def publish(desk: Desk, wish: Wish, evidence: Evidence) -> Promotion:
    """Weigh the evidence, write it up, and let it take effect if nothing is against it.

    Raises GateError when models.json has changed since the evidence was gathered.
    """
    with Shelf(desk.repository) as shelf:
        evidence, paths = _file_evidence(desk, wish, evidence, shelf)
        report, files = write_up(desk, wish, evidence, paths)
        effective = report.passed and not wish.dry_run
        promotion = Promotion(
            report,
            paths if effective else paths | {"card": None},
            summary_of(desk.repository, report, evidence.trial, paths, proposed=desk.forge is not None),
            diff_of(desk.before, files[MODELS]) if report.passed else "",
        )
        for path, content in files.items():
            if effective or path not in (MODELS, paths["card"]):
                shelf.hold(path, content)
        if not effective:
            shelf.put_down()
            return promotion
        run = _run_files(desk.repository, evidence.run)
        promotion = replace(
            promotion, files=(*shelf.files, *(path for path in run if path not in shelf.files))
        )
        if desk.forge is not None:
            for path in run:
                shelf.hold(path, desk.repository.read_bytes(path))
            if desk.record:
                desk.record({path: data for path, data in shelf.files.items() if path.startswith("evals/")})
            return replace(promotion, pull_request=_propose(desk, desk.forge, evidence, promotion, shelf))
        with desk.repository.locked("config"):
            unchanged(desk.repository, desk.before)
            shelf.put_down()
        return replace(promotion, config_updated=True)


def write_up(desk: Desk, wish: Wish, evidence: Evidence, paths: Json) -> tuple[PromotionReport, Files]:
    """The report, and every file that a promotion is: what follows from its evidence and nothing else.

    Reports come first, models.json last; card and models.json only when nothing is against it.
    """
    files = {report.report_path: to_json(report).encode() for report in evidence.trial.arms.values()}
    report = judge_wish(wish, evidence, desk.now)
    files[paths["report"]] = to_json(report).encode()
    if report.passed:
        card = _card(desk, wish, evidence, report, paths)
        files[paths["card"]] = same_model(desk.repository, paths["card"], card).encode()
        entry = _entry(desk, report, paths, evidence)
        files[MODELS] = moved(desk.before, wish.stage.name, entry, desk.by)
    return report, files


def _file_evidence(desk: Desk, wish: Wish, evidence: Evidence, shelf: Shelf) -> tuple[Evidence, Json]:
    """Give every report a path, and the eval reports a place on the shelf."""
    name, tag = wish.stage.name, sha256(f"{wish.stage.name}\n{wish.model_id}")[:8]
    when = stamp(desk.now)
    arms = {
        arm: report.model_copy(
            update={
                "report_path": _inside(report.report_path)
                or shelf.claim(f"evals/report_{{}}-{tag}-{arm}.json", when)
            }
        )
        for arm, report in evidence.trial.arms.items()
    }
    paths: Json = {
        arm: arms[arm].report_path if arm in arms else None for arm in ("pipeline", "stage", "pinned")
    }
    paths["report"] = shelf.claim(f"train/promotion/reports/{name}/promotion_{{}}.json", when)
    paths["card"] = card_path(name, wish.model_id)
    return replace(evidence, trial=replace(evidence.trial, arms=arms)), paths


def _run_files(repository: Repository, run: Run | None) -> list[str]:
    """What is known of the candidate's run: a reviewer's checkout needs it, to derive the promotion again."""
    known = (run.manifest_file, run.job_file) if run and _inside(run.folder) else ()
    return [path for path in known if repository.has(path)]


def _inside(path: str) -> str:
    """A repository path; nothing for one that leads out of it."""
    return "" if path.startswith("../") else path


def _entry(desk: Desk, report: PromotionReport, paths: Json, evidence: Evidence) -> HistoryEntry:
    linked = trained(evidence.run, report.new_model_id, evidence.data)
    return HistoryEntry(
        timestamp=iso(desk.now),
        old_model=report.old_model_id,
        new_model=report.new_model_id,
        report_path=paths["report"],
        model_card_path=paths["card"],
        eval_report_path=paths["pipeline"],
        dataset_hash=report.dataset.sha256 if linked else None,
        cleared_overrides=report.cleared_overrides,
    )


def _card(desk: Desk, wish: Wish, evidence: Evidence, report: PromotionReport, paths: Json) -> str:
    facts = CardFacts(
        stage=wish.stage.name,
        model_id=wish.model_id,
        base_model=wish.base_model,
        status="pinned",
        now=desk.now,
        by=desk.by,
        data=evidence.data if trained(evidence.run, wish.model_id, evidence.data) else None,
        run=evidence.run,
        evals=evidence.trial.arms,
        report=report,
        report_path=paths["report"],
        notes=wish.notes,
    )
    return render_card(desk.repository, facts)


def _propose(
    desk: Desk, forge: "Forge", evidence: Evidence, promotion: Promotion, shelf: Shelf
) -> "PullRequest":
    """One commit and one pull request; the work tree stays as it is."""
    report = promotion.report
    body = body_of(desk.repository, report, evidence, promotion.paths)
    return forge.propose(
        base=desk.base,
        branch=branch_of(report.stage, report.new_model_id),
        title=title_of(report),
        message=title_of(report),
        body=body,
        files=dict(shelf.files),
        # the evals asked the pins of this models.json: on another one they say nothing
        expect={MODELS: desk.before},
        key=f"{report.stage} {report.new_model_id}",
    )


def diff_of(before: bytes, after: bytes) -> str:
    """What changes in models.json, as a unified diff."""
    old, new = (text.decode().splitlines(keepends=True) for text in (before, after))
    return "".join(unified_diff(old, new, f"a/{MODELS}", f"b/{MODELS}"))
