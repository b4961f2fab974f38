"""Carries a candidate from its evidence to models.json, or to a pull request that asks for it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ftv4.canonical import sha256
from ftv4.contracts.evaluation import EvalReport
from ftv4.contracts.promotion import Lifetime
from ftv4.documents import Repository
from ftv4.encode import name_for_log
from ftv4.errors import UsageError
from ftv4.pipeline.model import RULE
from ftv4.pipeline.run import Models
from ftv4.stages import STAGES
from ftv4.steps.candidate import base_model_of, find_run, model_id_of
from ftv4.steps.evals import Evaluation
from ftv4.steps.identity import identity
from ftv4.steps.publish import Desk, Promotion, publish
from ftv4.steps.runs import Run
from ftv4.steps.training import doubts, read_dataset
from ftv4.steps.trial import hold_trial
from ftv4.steps.weigh import Evidence, Wish, life_of, refuse_if_it_serves

if TYPE_CHECKING:
    from ftv4.clients.provider import Provider


@dataclass(frozen=True)
class Order:
    """A promotion as it is asked for; None where the repository knows better."""

    stage: str
    model: str
    dataset: str | None = None
    base_model: str | None = None
    run_manifest: str | None = None
    notes: str = ""
    force: bool = False
    reason: str | None = None
    dry_run: bool = False
    approved_only: bool = True
    keep_overrides: bool = False

    def __post_init__(self) -> None:
        check_force(self.force, self.reason)


def check_force(force: bool, reason: str | None) -> None:
    """Raise UsageError unless `--force` has its reason, and `--reason` something to excuse."""
    if force and not (reason or "").strip():
        raise UsageError("--force needs --reason", hint="the reason stays on the report and the card")
    if reason and not force:
        raise UsageError("--reason is for --force", hint="say anything else with --notes")


def promote(
    order: Order,
    desk: Desk,
    evaluation: Evaluation,
    models: Models,
    given: Iterable[EvalReport],
    connect: Callable[[str], "Provider"],
) -> Promotion:
    """Gather the evidence, then weigh and publish it.

    Raises what `gather` raises, and GateError when models.json moved.
    """
    wish, evidence = gather(order, desk.repository, desk.before, evaluation, models, given, connect)
    return publish(desk, wish, evidence)


def gather(
    order: Order,
    repository: Repository,
    before: bytes,
    evaluation: Evaluation,
    models: Models,
    given: Iterable[EvalReport],
    connect: Callable[[str], "Provider"],
    *,
    compared: bool = False,
) -> tuple[Wish, Evidence]:
    """What the decision will rest on, cheapest first; `before` is models.json, `compared` as in
    `hold_trial`.

    Raises UsageError when there is nothing to promote, ContractError for a missing dataset or a
    damaged file, ServiceError when the candidate can't be asked.
    """
    stage = STAGES[order.stage]
    model_id = model_id_of(repository, order.model)
    refuse_if_it_serves(evaluation.config, stage.name, model_id, order.keep_overrides)
    run = find_run(repository, order.run_manifest, model_id)
    _refuse_another_stages(run, model_id, stage.name)
    dataset = order.dataset or (run.manifest.dataset_path if run else stage.dataset)
    today = evaluation.now.date()
    data = read_dataset(repository, dataset, stage, evaluation.policy, order.approved_only, today=today)
    wish = Wish(
        stage=stage,
        model_id=model_id,
        base_model=order.base_model or base_model_of(run, model_id),
        notes=order.notes,
        reason=order.reason,
        dry_run=order.dry_run,
        approved_only=order.approved_only,
        keep_overrides=order.keep_overrides,
    )
    rule = model_id.startswith(RULE)
    evidence = Evidence(
        config=evaluation.config,
        models_sha256=sha256(before),
        policy=evaluation.policy.promotion,
        data=data,
        run=run,
        doubts=() if rule else tuple(doubts(repository, run, data, stage, evaluation.policy)),
        gold={
            one.case.case_id: one.case.gold[stage.name].output
            for one in evaluation.cases
            if stage.name in one.case.gold
        },
        life=_life(repository, wish, connect, evaluation),
        industries=evaluation.industries,
        trial=hold_trial(evaluation, stage.name, model_id, models, given, compared=compared),
    )
    return wish, evidence


def _refuse_another_stages(run: Run | None, model_id: str, stage: str) -> None:
    """Raise UsageError for a model that was trained for another stage: each of its answers would cost."""
    if run is not None and run.model_id == model_id and run.manifest.stage != stage:
        raise UsageError(
            f"{run.folder} trained {name_for_log(model_id)} for {run.manifest.stage}, not for {stage}",
            hint=f"ftv4 promote --stage {run.manifest.stage} --model {name_for_log(model_id)}",
        )


def promoter(repository: Repository, actor: str | None, *, required: bool = True) -> str:
    """Who promotes, by `identity`. Raises UsageError when nobody says and it is required."""
    who = identity(repository, actor)
    if who is None and required:
        raise UsageError("who promotes? git knows no user.email here", hint="git config user.email you@…")
    return who or "unknown"


def _life(
    repository: Repository, wish: Wish, connect: Callable[[str], "Provider"], evaluation: Evaluation
) -> Lifetime:
    provider = wish.model_id.partition(":")[0]
    client = None if wish.model_id.startswith(RULE) else connect(provider)
    return life_of(repository, wish.model_id, wish.base_model, client, evaluation.now)
