"""Runs packs through the pipeline, and keeps a record of every run, those that stop too."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import cycle, islice
from typing import Literal

from ftv4.canonical import sha256
from ftv4.clock import iso, stamp
from ftv4.contracts import Json
from ftv4.contracts.models import normal_industry
from ftv4.contracts.record import FailedRun, RunIdEntry, RunIds, RunRecord
from ftv4.documents import Repository
from ftv4.encode import for_log, name_for_log
from ftv4.errors import GateError, UsageError
from ftv4.guards import Guards
from ftv4.pipeline.brief import make_brief
from ftv4.pipeline.run import Models, run_pipeline
from ftv4.steps.packs import PACKS, Template, templates
from ftv4.steps.store import RUNS, save
from ftv4.synth.packs import Random

SHIPS = "train/ops/synth_ship"


@dataclass(frozen=True)
class Plan:
    """Which packs to run, how often, and for whom (contracts.md §16, synth:runpacks)."""

    packs_dir: tuple[str, ...] = (PACKS,)
    iterations: int = 10
    minimum_runs: int = 0
    client_id: str = "test-client-synth"
    industry: str | None = None
    """Only packs of this industry; a data pack file, which names none, counts as one of it."""
    seed: int | None = None
    """Shuffles the packs; None keeps path order."""
    output_dir: str | None = None
    """Where run_ids.json goes; None: a folder of its own below `train/ops/synth_ship`."""
    include_data_packs: bool = True
    industry_mix: Literal["balanced", "weighted"] = "balanced"
    min_industries: int = 6
    ensure_diversity: bool = True


@dataclass(frozen=True)
class Batch:
    """A batch of runs that is over."""

    index_path: str
    """Of run_ids.json, relative to the repository."""
    index: RunIds

    def answer(self) -> Json:
        """What the command prints as JSON."""
        return {"run_ids_path": self.index_path} | self.index.model_dump(mode="json")

    def lines(self) -> Iterator[str]:
        """What the command prints for people."""
        for run in self.index.runs:
            because = f": {for_log(run.reason)}" if run.reason else ""
            kind, _, template = run.template_id.partition(":")
            yield f"{run.status}  {run.run_id}  {kind} {for_log(template)}{because}"
        yield f"{self.index.succeeded_runs} of {self.index.attempted_runs} runs came through"
        yield f"records in {RUNS}, index in {self.index_path}"


@dataclass(frozen=True)
class Runner:
    """What a batch needs besides its plan."""

    repository: Repository
    models: Models
    now: datetime
    on_run: Callable[[int], None] = field(default=lambda _: None)
    """Called before each run with how many there are in all."""

    def run(self, plan: Plan) -> Batch:
        """Run the plan's packs one by one.

        Raises GateError before the first run when the packs are too much alike, and ContractError
        when one can't be read or is kept out for evaluation, UsageError for an industry without packs.
        """
        chosen = self._chosen(plan)
        with self._folder(plan) as folder:
            return self._run(plan, chosen, folder)

    def _run(self, plan: Plan, chosen: Sequence[Template], folder: str) -> Batch:
        pins, guards = self.repository.models().pin, Guards.compile(self.repository.policy())
        entries = []
        for number, template in enumerate(chosen, 1):
            self.on_run(len(chosen))
            run_id = _run_id(stamp(self.now), f"{folder}\n{plan.seed}\n{number}\n{template.id}")
            brief = make_brief(
                template.pack,
                client_id=plan.client_id,
                run_id=run_id,
                industry=template.industry,
                role=template.role,
                mode="last_90_days",
            )
            record = run_pipeline(brief, pins, self.models, guards, self.now)
            save(self.repository, record)
            entries.append(_entry(record, template))
        index = _index(plan, entries, self.now)
        return Batch(self.repository.write_contract(f"{folder}/run_ids.json", index), index)

    def _chosen(self, plan: Plan) -> list[Template]:
        every = templates(self.repository, plan.packs_dir, plan.include_data_packs)
        if not every:
            raise GateError(f"no pack in {', '.join(plan.packs_dir)}", hint="make some: ftv4 synth packs")
        found = _of_industry(every, plan.industry)
        if not found:
            there = ", ".join(sorted({template.industry for template in every}))
            raise UsageError(
                f"--industry {name_for_log(plan.industry or '')}: no pack of it; there are {there}"
            )
        industries = sorted({template.industry for template in found})
        if plan.ensure_diversity and len(industries) < plan.min_industries:
            raise GateError(
                f"packs of {len(industries)} industries, not {plan.min_industries}: {', '.join(industries)}",
                hint="make packs of others, or say --min-industries or --ensure-diversity=false",
            )
        return select(found, plan)

    @contextmanager
    def _folder(self, plan: Plan) -> Iterator[str]:
        """Where run_ids.json goes; a folder made for it goes again when no run_ids.json comes."""
        if plan.output_dir is not None:
            yield self.repository.relative(plan.output_dir)
            return
        with self.repository.building(SHIPS, stamp(self.now)) as folder:
            yield folder


def select(found: Sequence[Template], plan: Plan) -> list[Template]:
    """Which packs run, in order: industries in turn (balanced), or packs in turn (weighted)."""
    random = None if plan.seed is None else Random(plan.seed)

    def ordered(items: Sequence[Template]) -> list[Template]:
        return random.shuffled(items) if random else list(items)

    if plan.industry_mix == "weighted":
        target = max(plan.minimum_runs, plan.iterations * len(found))
        return list(islice(cycle(ordered(found)), target))
    industries = list(dict.fromkeys(template.industry for template in found))
    if random:
        industries = random.shuffled(industries)
    turns = {
        industry: cycle(ordered([template for template in found if template.industry == industry]))
        for industry in industries
    }
    target = max(plan.minimum_runs, plan.iterations * len(industries))
    return [next(turns[industry]) for industry in islice(cycle(industries), target)]


def _of_industry(found: list[Template], industry: str | None) -> list[Template]:
    if industry is None:
        return found
    wanted = normal_industry(industry)
    return [template.of(wanted) for template in found if template.industry in (wanted, "unknown")]


def _run_id(moment: str, source: str) -> str:
    return f"synth-{moment}-{uuid.UUID(sha256(source)[:32], version=4)}"


def _entry(record: RunRecord, template: Template) -> RunIdEntry:
    return RunIdEntry(
        run_id=record.run_id,
        industry=template.industry,
        template_id=template.id,
        status="failed" if record.error else "succeeded",
        reason=f"{record.error.stage_failed}: {record.error.reason}" if record.error else None,
    )


def _index(plan: Plan, entries: Sequence[RunIdEntry], now: datetime) -> RunIds:
    succeeded = tuple(entry.run_id for entry in entries if entry.status == "succeeded")
    return RunIds(
        generated_at=iso(now),
        templates_used=tuple(dict.fromkeys(entry.template_id for entry in entries)),
        industries_used=tuple(dict.fromkeys(entry.industry for entry in entries)),
        iterations=plan.iterations,
        attempted_runs=len(entries),
        succeeded_runs=len(succeeded),
        failed_runs=tuple(
            FailedRun(run_id=entry.run_id, reason=entry.reason) for entry in entries if entry.reason
        ),
        run_ids=succeeded,
        runs=tuple(entries),
    )
