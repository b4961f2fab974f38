"""Draws synthetic businesses until one is in the situation that is wanted, and describes it.

The training and the eval half of the shipped data are made here, and so are the packs of
`ftv4 synth packs --bent`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from ftv4.canonical import sha256
from ftv4.contracts.brief import Brief, WindowMode
from ftv4.contracts.evaluation import Case
from ftv4.contracts.pack import SynthPack
from ftv4.documents import Repository
from ftv4.errors import Ftv4Error, UsageError
from ftv4.pipeline.brief import make_brief
from ftv4.pipeline.normalise import CsvFile, normalise
from ftv4.steps.cases import CASES
from ftv4.steps.packs import EVAL_PACKS, PACKS
from ftv4.synth.curator.reading import SIGNALS, present, read
from ftv4.synth.packs import PROFILES, PackFiles, Random, make_pack, salted
from ftv4.synth.situations import Situation, bend

TRIES = 200
DAYS = 90
"""Of a pack's records: a window of the pipeline, no more, so that what is bent is what is measured."""

Stories = set[tuple[str, ...]]
"""Industries, each with the three situations that lead."""

SCHEDULED: tuple[str, ...] = (
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
    "season/volatility",
    "concentration+volatility/latency",
    "concentration/season",
    "volatility/concentration",
    "volatility+season",
    "latency/squeeze",
)
UNSCHEDULED_EVAL = (
    "/season",
    "/concentration+season",
    "concentration",
    "/latency+concentration",
    "concentration/latency",
    "volatility+concentration",
)
"""Situations of eval packs: the answers to them are not those of a training pack."""


@dataclass(frozen=True)
class Split:
    """A set of packs, and what keeps it apart from other sets."""

    name: str
    """Part of each pack's id."""
    folder: str
    seed: int
    anchors: tuple[date, ...]
    """Last days of the records; where a window is three whole months, no month stands out by itself."""
    scheduled: tuple[str, ...] = SCHEDULED
    unscheduled: tuple[str, ...] = UNSCHEDULED


TRAIN = Split(
    "train",
    PACKS,
    seed=4100,
    anchors=(date(2025, 9, 30), date(2025, 12, 31), date(2026, 3, 31), date(2026, 6, 30)),
)
EVAL = Split(
    "eval",
    EVAL_PACKS,
    seed=7300,
    anchors=(date(2026, 2, 28), date(2025, 8, 31)),
    scheduled=SCHEDULED_EVAL,
    unscheduled=UNSCHEDULED_EVAL,
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


Fits = Callable[[Sample], bool]
"""Whether a pack may be one of a split's, by what comes of it."""


def samples(split: Split, told: Stories, fits: Fits = bool) -> Iterator[Sample]:
    """A split's packs, one of each industry in turn. Stories told already are not told again."""
    for number in range(len(split.scheduled)):
        for at, industry in enumerate(PROFILES):
            yield sample(split, industry, number, number + at, told, fits)


def stories(repository: Repository) -> Stories:
    """What the repository's eval cases tell: rows that tell it again would give their answers away."""
    cases = (repository.read(Case, path) for path in repository.files(CASES, "*.json"))
    inputs = ((case.industry, gold.input) for case in cases for gold in case.gold.values())
    return {(industry, *read(given).present[:3]) for industry, given in inputs}


def bent_packs(
    industries: Sequence[str], per_industry: int, seed: int, window_days: int, anchor: date, told: Stories
) -> Iterator[PackFiles]:
    """Packs as `make_packs` makes them, bent into one situation after the other; none of the stories `told`.

    Raises UsageError for another window than the pipeline's: what is bent must be what is measured.
    """
    if window_days != DAYS:
        raise UsageError(f"bent packs span {DAYS} days, not {window_days}")
    split = Split(f"seed{seed}", PACKS, seed, (anchor,))
    for industry in industries:
        for number in range(per_industry):
            yield sample(split, industry, number, number, set(told)).files


def sample(split: Split, industry: str, number: int, turn: int, told: Stories, fits: Fits = bool) -> Sample:
    """Draw and bend packs until one is in the `number`-th situation and tells a story nobody has told.

    `turn` chooses role, window and size. Raises Ftv4Error when none comes out so.
    """
    profile = PROFILES[industry]
    texts = split.unscheduled if profile.schedule is None else split.scheduled
    text = texts[number % len(texts)]
    situation = Situation.of(text)
    role = (profile.role, "technician", profile.role, "manager", "mixed", "entrepreneur")[turn % 6]
    closed_only = turn % 5 == 4 and "latency" not in situation.high
    mode: WindowMode = "last_100_closed_estimates" if closed_only else "last_90_days"
    identity = f"{industry}_{split.name}_{number + 1:02d}"
    for attempt in range(TRIES):
        seed = salted(split.seed, f"{identity}:{attempt}")
        drawn = _drawn(industry, situation, seed, split.anchors[turn % len(split.anchors)], turn)
        files = PackFiles(_described(drawn.pack, identity, text, seed, role), drawn.csv)
        brief = _brief(files, role, mode)
        story = (industry, *present({signal: brief.value(signal) for signal in SIGNALS.values()})[:3])
        found = Sample(files, brief, mode, role, f"{split.folder}/{files.folder}")
        if story not in told and _is_in(brief, situation, profile.schedule is None) and fits(found):
            told.add(story)
            return found
    raise Ftv4Error(
        f"{identity}: no pack in {TRIES} tries is in the situation {text!r}",
        hint=f"let the {DAYS} days end with a month, so that they are three whole ones: 2025-09-30",
    )


def _drawn(industry: str, situation: Situation, seed: int, anchor: date, turn: int) -> PackFiles:
    """Most businesses as they are drawn, some half as large, some of twice the size."""
    halves, doubles = turn % 7 == 3, turn % 7 == 5
    drawn = [make_pack(industry, number, seed, DAYS, anchor) for number in range(1, 3 if doubles else 2)]
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
