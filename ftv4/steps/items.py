"""Turns run records into review items: a stage's input and output, graded as they stand.

What evaluation holds out never becomes an item: neither runs of the eval workspaces, nor runs whose
input an eval case has (weaknesses.md A7).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ftv4.canonical import digest
from ftv4.clock import moment
from ftv4.contracts import Json
from ftv4.contracts.evaluation import Case
from ftv4.contracts.record import RunRecord, StageRecord
from ftv4.contracts.review import ReviewItem
from ftv4.contracts.row import Grades
from ftv4.documents import Repository
from ftv4.encode import for_log
from ftv4.guards import Guards
from ftv4.guards.decision import STAGE as DECISION
from ftv4.guards.decision import decision_errors
from ftv4.stages import STAGES, problems_of
from ftv4.stages.stage import Stage
from ftv4.steps import store
from ftv4.steps.cases import CASES

EVAL_WORKSPACES = "eval-"
"""Prefix of the workspaces whose runs are evaluations."""


@dataclass(frozen=True)
class Scope:
    """Which records and stages are looked at."""

    days: int = 7
    limit: int = 500
    """Runs looked at, newest first, counted after all other conditions (weaknesses.md C4)."""
    workspace_id: str | None = None
    """None: all."""
    stages: tuple[str, ...] = tuple(STAGES)
    runs_dir: str = store.RUNS


@dataclass
class Harvest:
    """What a scope holds."""

    items: list[ReviewItem] = field(default_factory=list)
    """Newest first."""
    runs: int = 0
    held_out: int = 0
    """Items left out because evaluation has them."""
    problems: list[str] = field(default_factory=list)
    """A line for each thing that should have been an item and can't be read as one."""


def harvest(repository: Repository, scope: Scope, guards: Guards, now: datetime) -> Harvest:
    """Read the run records of a folder, the Node tool's too, and make items of those in scope."""
    stored = store.load(repository, scope.runs_dir, workspace=scope.workspace_id)
    found = Harvest(problems=list(stored.problems))
    since, kept_out = store.days_before(now, scope.days), held_out(repository)
    for record in stored.records:
        items = list(items_of(record, scope.stages, guards, found.problems, since))
        fresh = [item for item in items if not _is_held_out(item, record, kept_out)]
        found.held_out += len(items) - len(fresh)
        found.runs += bool(fresh)
        found.items += fresh
        if found.runs == scope.limit:
            break
    found.items.sort(key=lambda item: (moment(item.created_at) or now, item.id), reverse=True)
    return found


def items_of(
    record: RunRecord,
    stages: Sequence[str],
    guards: Guards,
    problems: list[str],
    since: datetime | None = None,
) -> Iterator[ReviewItem]:
    """An item for each stage that has both an input and, since a moment, an output."""
    for stage_record in record.stage_records:
        name, answered = stage_record.stage_name, stage_record.output_artifact
        if name not in STAGES:
            problems.append(f"run {for_log(record.run_id)}: no stage {for_log(name)}")
        elif name in stages and stage_record.input_artifact and answered:
            created = moment(answered.created_at)
            if created is None:
                problems.append(f"run {record.run_id}: {name}: created_at is not an ISO 8601 time")
            elif since is None or created >= since:
                yield _item(record, stage_record, guards)


def grades_of(stage: Stage, stage_input: object, output: object, guards: Guards) -> Grades:
    """What the graders say of an output as it stands; contracts.md §1. Never throws."""
    objections: dict[str, tuple[object, ...]] = {
        "schema": problems_of(stage, "input", stage_input) + problems_of(stage, "output", output),
        "doctrine": guards.doctrine(output, stage.name),
        "drift": guards.drift(output, stage.name),
    }
    if stage.name == DECISION:
        objections["decision"] = decision_errors(output)
    return Grades.model_validate({name: "fail" if found else "pass" for name, found in objections.items()})


def passes(grades: Grades) -> bool:
    """Whether no grade fails."""
    return "fail" not in (grades.schema_, grades.doctrine, grades.drift, grades.decision)


def failing(grades: Grades) -> str:
    """The grades that fail, for people."""
    return ", ".join(name for name, grade in grades.model_dump(by_alias=True).items() if grade == "fail")


def held_out(repository: Repository) -> frozenset[str]:
    """A digest of each input that an eval case has gold for."""
    cases = (repository.read(Case, path) for path in repository.files(CASES, "*.json"))
    return frozenset(content_digest(gold.input) for case in cases for gold in case.gold.values())


def content_digest(stage_input: Json) -> str:
    """A digest of what an input says; whose and which run it is doesn't count."""
    return digest({key: value for key, value in stage_input.items() if key not in ("client_id", "run_id")})


def _is_held_out(item: ReviewItem, record: RunRecord, kept_out: frozenset[str]) -> bool:
    return record.workspace_id.startswith(EVAL_WORKSPACES) or content_digest(item.input) in kept_out


def _item(record: RunRecord, stage_record: StageRecord, guards: Guards) -> ReviewItem:
    given, answered = stage_record.input_artifact, stage_record.output_artifact
    assert given is not None and answered is not None
    stage_input, output = given.payload_json, answered.payload_json
    client, industry = stage_input.get("client_id"), stage_input.get("industry")
    return ReviewItem(
        id=f"run:{record.run_id}/stage:{stage_record.stage_name}",
        run_id=record.run_id,
        stage_name=stage_record.stage_name,
        created_at=answered.created_at,
        client_id=client if isinstance(client, str) else record.workspace_id,
        industry=industry if isinstance(industry, str) else "unknown",
        input=stage_input,
        output=output,
        grades=grades_of(STAGES[stage_record.stage_name], stage_input, output, guards),
        approved=stage_record.approved,
        notes=stage_record.notes,
    )
