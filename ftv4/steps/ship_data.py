"""Makes the data that ships with ftv4: packs, an approved dataset for each stage, and eval cases.

Everything goes the way that real data goes (pack, run, review, row), with the synthetic curator as
the reviewer and fixed dates, so that the same code gives the same bytes. Eval packs come from other
seeds, other windows and other mixes of situations than training packs, and no case's answer is a row's.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path, PurePosixPath

from ftv4.contracts.evaluation import Case, Gold
from ftv4.contracts.models import Pin
from ftv4.contracts.review import ReviewItem
from ftv4.documents import Repository, to_json
from ftv4.errors import Ftv4Error, GateError
from ftv4.gates.reading import Reading
from ftv4.gates.stretches import Originals, sketch
from ftv4.guards import Guards
from ftv4.pipeline.model import RuleModel
from ftv4.pipeline.run import run_pipeline
from ftv4.stages import STAGES
from ftv4.steps.cases import CASES
from ftv4.steps.datasets import line_of, row_of
from ftv4.steps.items import items_of
from ftv4.steps.review import curated
from ftv4.steps.samples import EVAL, TRAIN, Fits, Sample, Stories, samples
from ftv4.synth.curator import REVIEWER

File = tuple[str, bytes]
"""Repository path and content."""

MOST_ALIKE = 0.81
"""Similarity of a case's answer to a row's that is avoided; the gate refuses 0.85."""
FIRST_DAY = datetime(2026, 7, 1, 9, tzinfo=UTC)
"""When the first run is said to have happened; each further one an hour later."""


def write_shipped(repository: Repository, out_dir: str | Path | None = None) -> list[str]:
    """Write all of it into the repository, or below another folder; give back the paths.

    Raises GateError, before anything is written, when a dataset there holds rows of somebody else.
    """
    target = Repository(repository.path(out_dir)) if out_dir else repository
    _must_be_ours(target)
    return [target.write(path, content) for path, content in shipped_files(repository)]


def changed_files(repository: Repository) -> list[str]:
    """Shipped files that aren't, or don't say, what they would be made as now."""
    return [path for path, content in shipped_files(repository) if not _holds(repository, path, content)]


def shipped_files(repository: Repository) -> Iterator[File]:
    """Every file in order, made under the repository's policy."""
    guards = Guards.compile(repository.policy())
    told: Stories = set()
    train = list(samples(TRAIN, told))
    taught = [
        item
        for number, sample in enumerate(train)
        for item in _items(sample, guards, FIRST_DAY + timedelta(hours=number))
    ]
    held_out = list(samples(EVAL, told, _untaught(taught, guards)))
    yield from chain.from_iterable(_pack_files(sample) for sample in (*train, *held_out))
    for name, stage in STAGES.items():
        yield stage.dataset, b"".join(_line(item, guards) for item in taught if item.stage_name == name)
    for number, sample in enumerate(held_out):
        case = _case(sample, list(_items(sample, guards, FIRST_DAY + timedelta(hours=number))))
        yield f"{CASES}/{case.case_id}.json", to_json(case).encode()


def _untaught(taught: Iterable[ReviewItem], guards: Guards) -> Fits:
    """Whether no answer to a pack is much like one that is taught: a case would be passed by heart."""
    said: dict[str, list[bytes]] = defaultdict(list)
    for item in taught:
        said[item.stage_name].append(_answer(item))
    taught_by = {name: Originals(answers, MOST_ALIKE) for name, answers in said.items()}

    def fits(sample: Sample) -> bool:
        answers = [(item.stage_name, _answer(item)) for item in _items(sample, guards, FIRST_DAY)]
        return not any(taught_by[stage].like(answer, sketch(answer)) for stage, answer in answers)

    return fits


def _answer(item: ReviewItem) -> bytes:
    return Reading({"output": item.offered}).answer


def _items(sample: Sample, guards: Guards, now: datetime) -> Iterator[ReviewItem]:
    """The sample's run, stage by stage, as the curator left it. Raises Ftv4Error when it isn't clean."""
    record = run_pipeline(sample.brief, _pin, lambda model_id, _: RuleModel(model_id), guards, now)
    problems: list[str] = [record.error.reason] if record.error else []
    for item in items_of(record, tuple(STAGES), guards, problems):
        done = curated(item, guards, now + timedelta(minutes=30))
        if not done.approved:
            problems.append(f"{item.stage_name}: the curator's own version fails")
        yield done
    if problems:
        raise Ftv4Error(f"{sample.folder}: not fit to ship", problems=problems)


def _pin(stage: str, industry: str) -> Pin:
    """The stage's rule, as the shipped models.json pins it, whoever is pinned by now."""
    spec = STAGES[stage]
    rule = PurePosixPath(spec.dataset).stem.removeprefix("stage_")
    return Pin(
        model_id=f"deterministic:{rule}-v1", max_tokens=spec.max_tokens, schema_version=spec.output_schema
    )


def _line(item: ReviewItem, guards: Guards) -> bytes:
    return line_of(row_of(item, item, guards))


def _case(sample: Sample, items: list[ReviewItem]) -> Case:
    pack = sample.files.pack
    return Case(
        case_id=pack.pack_id,
        industry=pack.industry,
        pack=sample.folder,
        window_mode=sample.mode,
        emyth_role=sample.role,
        gold={item.stage_name: Gold(input=item.input, output=item.offered) for item in items},
        notes=items[0].notes,
    )


def _pack_files(sample: Sample) -> Iterator[File]:
    for name, text in sample.files.csv.items():
        yield f"{sample.folder}/{name}", text.encode()
    yield f"{sample.folder}/pack.json", to_json(sample.files.pack).encode()


def _holds(repository: Repository, path: str, content: bytes) -> bool:
    return repository.has(path) and repository.read_bytes(path) == content


def _must_be_ours(repository: Repository) -> None:
    """Never write over rows that a person approved."""
    others = [
        f"{stage.dataset}:{line.number}"
        for stage in STAGES.values()
        if repository.has(stage.dataset)
        for line in repository.lines(Path(stage.dataset))
        if not _is_ours(line.value)
    ]
    if others:
        raise GateError(
            f"{len(others)} rows here are not the synthetic curator's and would be lost",
            problems=others[:20],
            hint="write elsewhere: --out-dir DIR",
        )


def _is_ours(row: object) -> bool:
    approval = row.get("approval") if isinstance(row, dict) else None
    return isinstance(approval, dict) and approval.get("reviewer") == REVIEWER
