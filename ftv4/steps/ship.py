"""`synth ship`: from packs to a promotion of synthesis_decision, in one order (contracts.md §11.4, §16).

The manifest is written anew after each step, so a kill leaves the truth (weaknesses.md E6). Ordering
the same ship again finds the job of the first by its run key and pays nothing, as long as the
dataset is the same: new run records change it, so `--skip-runpacks`, and so does another suffix.
"""

import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from ftv4.clock import iso, stamp
from ftv4.contracts.findings import GateReport
from ftv4.contracts.models import ModelsConfig
from ftv4.contracts.ops import CandidateReport, OpsDataset, OpsEvals, OpsFineTune, OpsManifest, OpsPromotion
from ftv4.contracts.run import SUFFIX, TuningConfig
from ftv4.documents import MODELS, Repository, parse
from ftv4.encode import for_log
from ftv4.errors import GateError, UsageError
from ftv4.pipeline.run import Models
from ftv4.steps.cases import load_cases
from ftv4.steps.curate import curate
from ftv4.steps.datasets import BuildPlan, build
from ftv4.steps.evals import Evaluation, instructions_of, save
from ftv4.steps.finetune import Asked, prepare
from ftv4.steps.follow import Polling, follow_run
from ftv4.steps.gate import judge
from ftv4.steps.items import Scope
from ftv4.steps.launch import World, buy
from ftv4.steps.logbook import STAGE, Logbook
from ftv4.steps.promote import Order as PromotionOrder
from ftv4.steps.promote import check_force, promote
from ftv4.steps.publish import Desk
from ftv4.steps.runpacks import SHIPS, Plan, Runner
from ftv4.steps.runs import Run
from ftv4.steps.serve import provider_row

if TYPE_CHECKING:
    from ftv4.clients.forge_settings import Approvals
    from ftv4.clients.provider import Provider


@dataclass(frozen=True)
class Order:
    """A ship as it is asked for; flags and defaults of contracts.md §16."""

    suffix: str
    provider: str = "openai"
    dry_run: bool = True
    days: int = 90
    base_model: str = STAGE.base_model
    auto_promote: bool = False
    approved_only: bool = True
    skip_runpacks: bool = False
    packs_dir: tuple[str, ...] = Plan.packs_dir
    iterations: int = Plan.iterations
    target_runs: int = 50
    client_id: str = Plan.client_id
    industry: str | None = None
    seed: int | None = None
    dataset: str = STAGE.dataset
    min_rows: int | None = None
    """None: 1 when dry, what the stage needs when live (weaknesses.md B4)."""
    force: bool = False
    reason: str | None = None
    notes: str = ""
    poll_job: bool = False
    poll_interval_seconds: int = 30
    poll_timeout_minutes: int = 120
    live_min_rows: int = 40
    max_homogeneity_share: float = 0.8
    industry_mix: Literal["balanced", "weighted"] = Plan.industry_mix
    min_industries: int = Plan.min_industries
    ensure_diversity: bool = Plan.ensure_diversity

    def __post_init__(self) -> None:
        check_force(self.force, self.reason)
        if not re.fullmatch(SUFFIX, self.suffix):
            raise UsageError(
                f"--suffix {for_log(self.suffix)}: not 1 to 64 letters, digits, dots, - or _",
                hint="it goes into the tuned model's name",
            )
        if PurePosixPath(self.dataset).name != PurePosixPath(STAGE.dataset).name:
            raise UsageError(
                f"--dataset {self.dataset}: the dataset built here is {PurePosixPath(STAGE.dataset).name}",
                hint="choose another folder, but keep the file's name: what is built is what is trained on",
            )

    @property
    def needed(self) -> int:
        """Fewest accepted rows to train on."""
        return self.min_rows or (1 if self.dry_run else STAGE.min_rows)


@dataclass(frozen=True)
class Crew:
    """Who a ship needs: the repository, the models, a provider by name, the clock, and who promotes."""

    repository: Repository
    models: Models
    connect: Callable[[str], "Provider"]
    clock: Callable[[], datetime]
    by: str
    say: Callable[[str], None] = lambda _: None
    sleep: Callable[[float], None] = time.sleep
    approvals: "Callable[[], Approvals] | None" = None
    """Asks who approved the workflow run that this is; None outside of one."""


@dataclass(frozen=True)
class Shipped:
    """A ship that is over: its manifest, and where it stands."""

    manifest: OpsManifest
    path: str


def ship(order: Order, crew: Crew) -> Shipped:
    """Run the order's steps one by one. Raises what a step raises; the manifest says so then too."""
    voyage = _Voyage(order, crew)
    try:
        voyage.sail()
    except BaseException as error:
        voyage.log.fail(error)
        raise
    return Shipped(voyage.log.manifest, voyage.log.path)


class _Voyage:
    """One ship under way."""

    def __init__(self, order: Order, crew: Crew) -> None:
        self._crew, self._repository = crew, crew.repository
        self._order = order = replace(order, dataset=self._repository.relative(order.dataset))
        self._now = crew.clock()
        self._repository.models()  # what can't start leaves no folder behind
        provider_row(self._repository, order.provider)
        self._undecided = 0
        self._folder = self._repository.new_folder(SHIPS, stamp(self._now))
        args = asdict(order) | {"packs_dir": list(order.packs_dir)}
        self.log = Logbook(self._repository, f"{self._folder}/ops_manifest.json", crew.clock, crew.say, args)

    def sail(self) -> None:
        """Every step, in order, until the ship is over; a live one makes sure of its provider first."""
        if not self._order.dry_run:
            self._crew.connect(self._order.provider)
        if not self._order.skip_runpacks:
            self._run_packs()
        self._curate()
        if not self._build():
            self.log.end("awaiting_approval", self._to_approve())
            return
        self._gate()
        run = self._fine_tune()
        if not self._evaluate(run):
            self._leave_candidate(run, "the evals failed", "mend what the eval report names, then ship again")
        elif run.model_id is None:
            self._leave_candidate(run, *self._no_model_yet(run))
        elif not self._order.auto_promote:
            command = f"ftv4 promote --stage {STAGE.name} --model {run.model_id}"
            self._leave_candidate(run, "auto_promote is off", command)
        else:
            self._promote(run.model_id)

    # the steps

    def _run_packs(self) -> None:
        order = self._order
        plan = Plan(
            packs_dir=order.packs_dir,
            iterations=order.iterations,
            minimum_runs=order.target_runs,
            client_id=order.client_id,
            industry=order.industry,
            seed=order.seed,
            output_dir=self._folder,
            industry_mix=order.industry_mix,
            min_industries=order.min_industries,
            ensure_diversity=order.ensure_diversity,
        )
        batch = Runner(self._repository, self._crew.models, self._now).run(plan)
        index = batch.index
        self.log.note(
            "info",
            f"{index.succeeded_runs} of {index.attempted_runs} runs succeeded",
            run_ids_index_path=batch.index_path,
        )

    def _scope(self) -> Scope:
        order = self._order
        return Scope(days=order.days, workspace_id=order.client_id, stages=(STAGE.name,), limit=100_000)

    def _curate(self) -> None:
        done = curate(self._repository, self._scope(), self._now)
        self.log.warn(done.problems)
        self._undecided = done.undecided
        where = f" in {done.out_file}, {done.undecided} undecided" if done.out_file else " to review"
        self.log.note("info", f"{done.items_written} items{where}", review_pack_path=done.out_file)

    def _to_approve(self) -> str:
        """What a person does where there is no row to train on."""
        pack = self.log.manifest.review_pack_path
        if not self._undecided:
            return "nothing is left to approve: ship again without --skip-runpacks to make items"
        return f"approve some of the {self._undecided} undecided items: ftv4 review {pack}"

    def _build(self) -> int:
        out_dir = PurePosixPath(self._order.dataset).parent.as_posix()
        plan = BuildPlan(self._scope(), out_dir=out_dir, approved_only=self._order.approved_only)
        built = build(self._repository, plan, self._now)
        self.log.warn(built.problems)
        rows = built.rows.get(STAGE.name, 0)
        dataset = OpsDataset(path=self._order.dataset, row_count=rows, sha256=None)
        self.log.note("info", f"{rows} rows in {self._order.dataset}", dataset=dataset)
        return rows

    def _gate(self) -> None:
        order = self._order
        report = judge(
            self._repository, order.dataset, STAGE, self._repository.policy(),
            approved_only=order.approved_only, min_rows=order.needed,
        )  # fmt: skip
        dataset = self.log.manifest.dataset.model_copy(update={"sha256": report.dataset_sha256})
        self.log.note("info", f"{report.accepted_rows} of {report.total_rows} rows accepted", dataset=dataset)
        problems = [f"{f.rule}: {f.problem}" for f in report.findings if f.severity == "error"]
        if not order.dry_run:
            problems += _live_problems(order, report)
        if problems:
            raise GateError(
                f"{order.dataset}: refused", problems=problems[:20], hint=f"ftv4 gate {order.dataset}"
            )

    def _fine_tune(self) -> Run:
        order, crew = self._order, self._crew
        asked = Asked(
            stage=STAGE,
            provider=order.provider,
            dataset=order.dataset,
            config=TuningConfig(
                base_model=order.base_model, suffix=order.suffix, seed=None, notes=order.notes
            ),
            approved_only=order.approved_only,
            min_rows=order.needed,
            dry_run=order.dry_run,
        )
        if order.dry_run:
            return self._tuned(prepare(self._repository, asked, self._now))
        provider = crew.connect(order.provider)
        world = World(crew.clock, crew.sleep, crew.say, approvals=crew.approvals)
        run = self._tuned(buy(self._repository, asked, provider, world).run)
        if not order.poll_job:
            return run
        polling = Polling(order.poll_interval_seconds, order.poll_timeout_minutes * 60, crew.sleep)
        return self._tuned(follow_run(self._repository, run, provider, polling, crew.clock, lambda *_: None))

    def _tuned(self, run: Run) -> Run:
        fine_tune = OpsFineTune(
            attempted=True, dry_run=self._order.dry_run, run_dir=run.folder,
            training_file_path=run.training_file, run_manifest_path=run.manifest_file,
            job_id=run.job_id,
        )  # fmt: skip
        self.log.note("info", f"run {run.folder}: {run.status}", fine_tune=fine_tune)
        return run

    def _evaluation(self, models: bytes) -> Evaluation:
        """What the cases are asked with; `models` is the models.json that pins."""
        repository = self._repository
        policy = repository.policy()
        return Evaluation(
            cases=load_cases(repository),
            config=parse(ModelsConfig, models, MODELS),
            policy=policy,
            instructions=instructions_of(repository, policy),
            now=self._now,
        )

    def _evaluate(self, run: Run) -> bool:
        """Ask the candidate, or the pins as they stand where there is none yet."""
        stage = STAGE.name if run.model_id else None
        evaluation = self._evaluation(self._repository.read_bytes(MODELS))
        report = save(
            self._repository,
            evaluation.run("pipeline", stage, run.model_id, self._crew.models),
            self._now,
            None,
        )
        passed = report.totals.failed == 0
        evals = OpsEvals(attempted=True, passed=passed, report_path=report.report_path, totals=report.totals)
        who = run.model_id or "the pinned models"
        totals = report.totals
        self.log.note(
            "info" if passed else "warn",
            f"{who}: {totals.passed} of {totals.fixtures} cases pass",
            evals=evals,
        )
        return passed

    def _promote(self, model_id: str) -> None:
        order, crew, repository = self._order, self._crew, self._repository
        wish = PromotionOrder(
            stage=STAGE.name, model=model_id, notes=order.notes, force=order.force, reason=order.reason,
            approved_only=order.approved_only,
        )  # fmt: skip
        before = repository.read_bytes(MODELS)
        desk = Desk(repository, before, crew.by, self._now)
        done = promote(wish, desk, self._evaluation(before), crew.models, (), crew.connect)
        promotion = OpsPromotion(
            attempted=True,
            promoted=done.config_updated,
            report_path=done.paths["report"],
            model_card_path=done.paths["card"],
            old_model_id=done.report.old_model_id,
            new_model_id=model_id,
        )
        self.log.note("info", f"{model_id}: {done.report.verdict}", promotion=promotion)
        if not done.report.passed:
            raise GateError(f"{model_id} is not promoted", problems=done.report.blocked_by)
        self.log.end("completed", f"commit {MODELS_AND_REPORTS} and open a pull request")

    def _no_model_yet(self, run: Run) -> tuple[str, str]:
        if self._order.dry_run:
            return "a dry run trains nothing", "ship again with --skip-runpacks --dry-run=false to train it"
        again = f"ftv4 synth ship --skip-runpacks --suffix {self._order.suffix} and the same flags"
        return f"the job is {run.status}", f"ftv4 ft follow {run.folder}, then {again}"

    def _leave_candidate(self, run: Run, reason: str, next_step: str) -> None:
        model_id = run.model_id or f"candidate:{self._order.suffix}"
        report = CandidateReport(
            generated_at=iso(self._now),
            type="candidate_promotion",
            reason=reason,
            model_id=model_id,
            eval_report_path=self.log.manifest.evals.report_path,
            dataset_path=self._order.dataset,
            dataset_hash=self.log.manifest.dataset.sha256,
            next_step=next_step,
        )
        path = self._repository.write_contract(f"{self._folder}/candidate_promotion_report.json", report)
        promotion = self.log.manifest.promotion.model_copy(
            update={"report_path": path, "new_model_id": model_id}
        )
        self.log.note("info", f"not promoted: {reason}", promotion=promotion)
        self.log.end("candidate_ready", next_step)


MODELS_AND_REPORTS = "config/, train/promotion/, train/model_cards/ and evals/"


def _live_problems(order: Order, report: GateReport) -> list[str]:
    """What a live ship asks beyond the gates: accepted rows, not approvals (weaknesses.md B4)."""
    problems = []
    if report.accepted_rows < order.live_min_rows:
        problems.append(f"{report.accepted_rows} accepted rows; --live-min-rows is {order.live_min_rows}")
    share = report.diversity.summary.top_industry_share if report.diversity else 0
    if share > order.max_homogeneity_share:
        limit = f"--max-homogeneity-share is {order.max_homogeneity_share:.1%}"
        problems.append(f"the largest industry has {share:.1%} of the rows; {limit}")
    return problems
