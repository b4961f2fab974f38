"""Merges run records and reviews into datasets, contracts.md §1.

What a person approved is graded again as it stands: an edit that fails is a problem with a name,
never a row (weaknesses.md B7). Files of stages that weren't asked for aren't touched (C3).
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import orjson
from pydantic import ValidationError

from ftv4.canonical import digest
from ftv4.contracts import Json, problems
from ftv4.contracts.review import ReviewItem
from ftv4.contracts.row import Approval, Author, Grades, Row
from ftv4.documents import Repository
from ftv4.encode import for_log
from ftv4.errors import ContractError
from ftv4.gates.duplicates import teaches
from ftv4.guards import Guards
from ftv4.stages import STAGES, problems_of
from ftv4.stages.stage import Stage
from ftv4.steps.items import Scope, failing, grades_of, harvest, passes
from ftv4.steps.reviews import NODE_REVIEWS, REVIEWS, read_reviews

DATASETS = "train/datasets"
STAMPED = ("model_id", "prompt_version")
"""Members of an output that say who answered, not what."""


@dataclass(frozen=True)
class BuildPlan:
    """What goes into which datasets."""

    scope: Scope
    out_dir: str = DATASETS
    review_dirs: tuple[str, ...] = (REVIEWS, NODE_REVIEWS)
    approved_only: bool = True
    keep_existing: bool = True
    """Rows of the file that no record in scope speaks of stay as they are."""


@dataclass(frozen=True)
class Built:
    """What the datasets hold now; what the command prints."""

    workspace_id: str | None
    approved_only: bool
    window_days: int
    rows: dict[str, int]
    """Stage → rows in its file. Only stages that were written."""
    counts: dict[str, dict[str, int]]
    """Stage → added, updated, unchanged, kept, removed, duplicates."""
    held_out: int
    """Items left out because evaluation has them."""
    out_dir: str
    problems: tuple[str, ...]
    """What couldn't become a row or be read, a line each."""


@dataclass
class _Told:
    """What records and reviews say of one stage: rows, and ids that are not to be rows."""

    rows: dict[str, Row] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)


def build(repository: Repository, plan: BuildPlan, now: datetime) -> Built:
    """Write the dataset of each stage in scope. The same files give the same bytes."""
    with repository.locked(plan.out_dir):
        return _build(repository, plan, now)


def _build(repository: Repository, plan: BuildPlan, now: datetime) -> Built:
    guards = Guards.compile(repository.policy())
    found = harvest(repository, plan.scope, guards, now)
    reviews = read_reviews(repository, plan.review_dirs)
    problems = [*found.problems, *reviews.problems]
    told = {name: _Told() for name in plan.scope.stages}
    for item in found.items:
        reviewed = reviews.items.get(item.id)
        _tell(told[item.stage_name], item, reviewed, plan.approved_only, guards, problems)
    counts: dict[str, Counter[str]] = {}
    for name, said in told.items():
        try:
            counts[name] = _write(repository, plan, STAGES[name], said)
        except ContractError as error:
            problems += [error.message, *error.problems]
    return Built(
        workspace_id=plan.scope.workspace_id,
        approved_only=plan.approved_only,
        window_days=plan.scope.days,
        rows={name: count.pop("rows") for name, count in counts.items()},
        counts={name: dict(count) for name, count in counts.items()},
        held_out=found.held_out,
        out_dir=repository.relative(plan.out_dir),
        problems=tuple(problems),
    )


def row_of(stored: ReviewItem, reviewed: ReviewItem | None, guards: Guards) -> Row:
    """The row that a stage's stored item and its review make, graded as it stands.

    Raises ContractError when the review is of something else than the run holds, when the approved
    output was changed afterwards, when what was approved fails a grade, or when no `Row` comes of it.
    """
    item = reviewed or stored
    stage = STAGES[stored.stage_name]
    if item.input != stored.input or item.output != stored.output:
        raise ContractError(f"{item.id}: the review is of another input or output than the run's")
    output = item.offered
    if item.approved and item.output_sha256 not in (None, digest(output)):
        raise ContractError(f"{item.id}: edited after its approval", hint="approve it again: ftv4 review")
    grades = grades_of(stage, item.input, output, guards)
    if item.approved and not passes(grades):
        found = problems_of(stage, "output", output)
        raise ContractError(
            f"{item.id}: approved, but fails {failing(grades)}",
            problems=[f"{problem.pointer or '/'}: {for_log(problem.problem)}" for problem in found],
        )
    try:
        return _row(item, output, grades, stored)
    except ValidationError as error:
        listed = [f"{problem.pointer}: {problem.problem}" for problem in problems(error)]
        raise ContractError(f"{for_log(item.id)}: no row comes of it", problems=listed) from None


def _row(item: ReviewItem, output: Json, grades: Grades, stored: ReviewItem) -> Row:
    return Row(
        id=item.id,
        created_at=item.created_at,
        client_id=item.client_id,
        industry=item.industry,
        input=item.input,
        output=output,
        grades=grades,
        model=Author(**{name: str(stored.output.get(name, "")) for name in STAMPED}),
        approved=item.approved,
        notes=item.notes,
        approval=_approval(item, output),
    )


def line_of(row: Row) -> bytes:
    """A row as its dataset line: contract order, absent optionals left out."""
    plain = row.model_dump(mode="python", by_alias=True)
    plain["grades"] = {name: grade for name, grade in plain["grades"].items() if grade is not None}
    plain = {name: value for name, value in plain.items() if value is not None}
    try:
        return orjson.dumps(plain) + b"\n"
    except TypeError:
        # Payloads that no contract accepts may hold what UTF-8 can't: lone surrogates.
        return json.dumps(plain, separators=(",", ":")).encode() + b"\n"


def _tell(
    told: _Told,
    stored: ReviewItem,
    reviewed: ReviewItem | None,
    approved_only: bool,
    guards: Guards,
    problems: list[str],
) -> None:
    item = reviewed or stored
    if approved_only and not item.approved:
        if item.decided:
            told.refused.add(item.id)
        return
    try:
        told.rows[item.id] = row_of(stored, reviewed, guards)
    except ContractError as error:
        told.refused.add(item.id)
        problems += [error.message, *(f"{item.id}#{problem}" for problem in error.problems)]


def _approval(item: ReviewItem, output: Json) -> Approval | None:
    """Who approved; None where a pack was approved by hand and doesn't say."""
    if not (item.approved and item.reviewer and item.reviewed_at):
        return None
    return Approval(reviewer=item.reviewer, reviewed_at=item.reviewed_at, output_sha256=digest(output))


# one dataset file


class _Line(NamedTuple):
    """One line of a dataset, ready to be sorted and written."""

    created_at: str
    id: str
    text: bytes
    said: bytes
    """What it teaches, as the duplicates gate names it; a second row of it is one too many (B3)."""


def _write(repository: Repository, plan: BuildPlan, stage: Stage, told: _Told) -> Counter[str]:
    path = Path(plan.out_dir) / PurePosixPath(stage.dataset).name
    old = _existing(repository, path)
    fresh = {key: _line(row.model_dump(by_alias=True), line_of(row)) for key, row in told.rows.items()}
    gone = fresh.keys() | told.refused if plan.keep_existing else old.keys()
    kept = {key: line for key, line in old.items() if key not in gone}
    lines = _distinct([*sorted(kept.values()), *sorted(fresh.values())])
    repository.write(path, b"".join(line.text for line in lines))
    news = {line.id: line for line in lines if line.id in fresh}
    both = news.keys() & old.keys()
    changed = sum(news[key].text != old[key].text for key in both)
    return Counter(
        rows=len(lines),
        added=len(news) - len(both),
        updated=changed,
        unchanged=len(both) - changed,
        kept=len(lines) - len(news),
        removed=len(old.keys() - {line.id for line in lines}),
        duplicates=len(kept) + len(fresh) - len(lines),
    )


def _existing(repository: Repository, path: Path) -> dict[str, _Line]:
    """The file's lines by row id. Raises ContractError for lines that aren't rows: they'd be lost."""
    if not repository.has(path):
        return {}
    found: dict[str, _Line] = {}
    problems = []
    for line in repository.lines(path):
        if isinstance(line.value, dict) and isinstance(line.value.get("id"), str):
            found[line.value["id"]] = _line(line.value, line.raw + b"\n")
        else:
            problems.append(
                f"{repository.relative(path)}:{line.number}: not a row: {line.malformed or 'no id'}"
            )
    if problems:
        raise ContractError(f"{repository.relative(path)}: left as it is", problems=problems)
    return found


def _line(row: Json, text: bytes) -> _Line:
    return _Line(str(row.get("created_at", "")), row["id"], text, teaches(row))


def _distinct(lines: Iterable[_Line]) -> list[_Line]:
    """Lines by time and id; of lines that say the same, the first given."""
    first: dict[bytes, _Line] = {}
    for line in lines:
        first.setdefault(line.said, line)
    return sorted(first.values())
