"""Makes the data that ships with ftv4: packs, an approved dataset for each stage, and eval cases.

Everything goes the way that real data goes (pack, run, review, row), with the synthetic curator as
the reviewer and fixed dates, so that the same code gives the same bytes. Eval packs come from other
seeds, other windows and other mixes of situations than training packs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path, PurePosixPath

from ftv4.canonical import sha256
from ftv4.contracts.brief import Brief, WindowMode
from ftv4.contracts.evaluation import Case, Gold
from ftv4.contracts.models import Pin
from ftv4.contracts.pack import SynthPack
from ftv4.contracts.review import ReviewItem
from ftv4.documents import Repository, to_json
from ftv4.errors import Ftv4Error, GateError
from ftv4.guards import Guards
from ftv4.pipeline.brief import make_brief
from ftv4.pipeline.model import RuleModel
from ftv4.pipeline.normalise import CsvFile, normalise
from ftv4.pipeline.run import run_pipeline
from ftv4.stages import STAGES
from ftv4.steps.cases import CASES
from ftv4.steps.datasets import line_of, row_of
from ftv4.steps.items import items_of
from ftv4.steps.packs import EVAL_PACKS, PACKS
from ftv4.steps.review import curated
from ftv4.synth.curator import REVIEWER
from ftv4.synth.curator.reading import SIGNALS, present
from ftv4.synth.packs import PROFILES, PackFiles, Random, make_pack, salted
from ftv4.synth.situations import Situation, bend

File = tuple[str, bytes]
"""Repository path and content."""
Stories = set[tuple[str, ...]]
"""Industries, each with the three situations that lead."""

FIRST_DAY = datetime(2026, 7, 1, 9, tzinfo=UTC)
"""When the first run is said to have happened; each further one an hour later."""
TRIES = 200

SCHEDULED = (
    "squeeze/latency",
    "squeeze+volatility",
    "squeeze/season",
    "squeeze+concentration/latency",
    "latency/concentration",
    "latency/season",
    "latency+volatility",
    "concentration/latency",
    "concentration/squeeze",
    "concentration+season",
    "volatility/latency",
    "volatility/squeeze",
    "season/latency",
    "season/squeeze",
    "season/concentration",
    "",
    "/latency",
    "/squeeze+season",
)
"""Situations of training packs whose business keeps a schedule."""
UNSCHEDULED = (
    "volatility/latency",
    "volatility/concentration",
    "volatility+latency",
    "latency+concentration+season",
    "volatility+season",
    "latency/concentration",
    "latency/season",
    "latency",
    "latency+concentration",
    "latency+season",
    "concentration/latency",
    "concentration+season",
    "concentration/season",
    "season/latency",
    "season/concentration",
    "",
    "/latency",
    "/concentration+season",
)
"""Where there is none, the squeeze is read off the volatility, and the two are high together."""
SCHEDULED_EVAL = (
    "squeeze/concentration",
    "latency/squeeze",
    "concentration/season",
    "volatility/concentration",
    "season/latency+squeeze",
    "/concentration",
)
UNSCHEDULED_EVAL = (
    "volatility",
    "latency+concentration",
    "concentration",
    "volatility+concentration",
    "season",
    "/season",
)


@dataclass(frozen=True)
class Split:
    """One of the two halves of the shipped data, and what keeps them apart."""

    name: str
    folder: str
    seed: int
    anchors: tuple[date, ...]
    """Last days of the records; each window holds three whole months."""
    scheduled: tuple[str, ...]
    unscheduled: tuple[str, ...]


TRAIN = Split(
    "train",
    PACKS,
    4100,
    (date(2025, 9, 30), date(2025, 12, 31), date(2026, 3, 31), date(2026, 6, 30)),
    SCHEDULED,
    UNSCHEDULED,
)
EVAL = Split(
    "eval", EVAL_PACKS, 7300, (date(2026, 2, 28), date(2025, 8, 31)), SCHEDULED_EVAL, UNSCHEDULED_EVAL
)


@dataclass(frozen=True)
class Sample:
    """One pack, and how it is run."""

    files: PackFiles
    brief: Brief
    mode: WindowMode
    role: str
    folder: str
    """Of the pack, relative to the repository."""


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
    train, held_out = list(samples(TRAIN, told)), list(samples(EVAL, told))
    yield from chain.from_iterable(_pack_files(sample) for sample in (*train, *held_out))
    rows: dict[str, list[bytes]] = {name: [] for name in STAGES}
    for number, sample in enumerate(train):
        for item in _items(sample, guards, FIRST_DAY + timedelta(hours=number)):
            rows[item.stage_name].append(_line(item, guards))
    yield from ((STAGES[name].dataset, b"".join(lines)) for name, lines in rows.items())
    for number, sample in enumerate(held_out):
        case = _case(sample, list(_items(sample, guards, FIRST_DAY + timedelta(hours=number))))
        yield f"{CASES}/{case.case_id}.json", to_json(case).encode()


def samples(split: Split, told: Stories) -> Iterator[Sample]:
    """A split's packs, one of each industry in turn. Stories told already are not told again."""
    for number in range(len(split.scheduled)):
        for at, industry in enumerate(PROFILES):
            yield _sample(split, industry, number, number + at, told)


def _sample(split: Split, industry: str, number: int, turn: int, told: Stories) -> Sample:
    """Draw and bend packs until one is in the wanted situation and tells a story nobody has told.

    Raises Ftv4Error when none comes out so.
    """
    profile = PROFILES[industry]
    texts = split.unscheduled if profile.schedule is None else split.scheduled
    situation = Situation.of(texts[number])
    role = (profile.role, "technician", profile.role, "manager", "mixed", "entrepreneur")[turn % 6]
    closed_only = turn % 5 == 4 and "latency" not in situation.high
    mode: WindowMode = "last_100_closed_estimates" if closed_only else "last_90_days"
    identity = f"{industry}_{split.name}_{number + 1:02d}"
    for attempt in range(TRIES):
        seed = salted(split.seed, f"{identity}:{attempt}")
        files = _drawn(industry, situation, seed, split.anchors[turn % len(split.anchors)], turn)
        files = PackFiles(_described(files.pack, identity, texts[number], seed, role), files.csv)
        brief = _brief(files, role, mode)
        story = (industry, *present({signal: brief.value(signal) for signal in SIGNALS.values()})[:3])
        if story not in told and _is_in(brief, situation, profile.schedule is None):
            told.add(story)
            return Sample(files, brief, mode, role, f"{split.folder}/{files.folder}")
    raise Ftv4Error(f"{identity}: no pack in {TRIES} tries is in the situation {texts[number]!r}")


def _drawn(industry: str, situation: Situation, seed: int, anchor: date, turn: int) -> PackFiles:
    """Most businesses as they are drawn, some half as large, some of twice the size."""
    halves, doubles = turn % 7 == 3, turn % 7 == 5
    drawn = [make_pack(industry, number, seed, 90, anchor) for number in range(1, 3 if doubles else 2)]
    return bend(drawn, situation, Random(seed), every=2 if halves else 1)


def _described(pack: SynthPack, identity: str, situation: str, seed: int, role: str) -> SynthPack:
    """A pack's description without a business name (weaknesses.md B9)."""
    return SynthPack(
        pack_id=identity,
        industry=pack.industry,
        seed=seed,
        window_start=pack.window_start,
        window_end=pack.window_end,
        notes=(*pack.notes, f"Bent into the situation (high/medium): {situation or 'steady'}."),
        emyth_role=role,
    )


def _brief(files: PackFiles, role: str, mode: WindowMode) -> Brief:
    texts = [CsvFile(name, text) for name, text in files.csv.items()]
    created = f"{files.pack.window_end}T00:00:00.000Z"
    return make_brief(
        normalise(texts, source_tool="synth", created_at=created).pack,
        client_id=f"client-{sha256(files.pack.pack_id)[:8]}",
        run_id=f"run-{sha256(files.pack.pack_id)[8:24]}",
        industry=files.pack.industry,
        role=role,
        mode=mode,
    )


def _is_in(brief: Brief, situation: Situation, unscheduled: bool) -> bool:
    """Whether just the wanted signals are high, and the wanted medium ones medium."""
    levels = {name: brief.value(signal) for name, signal in SIGNALS.items()}
    wanted = situation.high | ({"squeeze"} if unscheduled and "volatility" in situation.high else set())
    high = {name for name, level in levels.items() if level in ("high", "strong")}
    return high == wanted and all(levels[name] in ("medium", "weak") for name in situation.medium)


# from a sample to rows and cases


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
    return repository.path(path).is_file() and repository.read_bytes(path) == content


def _must_be_ours(repository: Repository) -> None:
    """Never write over rows that a person approved."""
    others = [
        f"{stage.dataset}:{line.number}"
        for stage in STAGES.values()
        if repository.path(stage.dataset).exists()
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
