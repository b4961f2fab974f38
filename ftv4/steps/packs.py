"""Writes synthetic packs, and reads packs of every kind: synthetic folders and data pack files."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache, partial
from pathlib import Path

from ftv4.contracts.pack import DataPack, SynthPack
from ftv4.documents import Repository
from ftv4.encode import for_log
from ftv4.errors import ContractError, UsageError
from ftv4.pipeline.normalise import CsvFile, Normalised, normalise
from ftv4.synth.packs import PROFILES, PackFiles, make_packs

PACKS = "train/packs"
EVAL_PACKS = "evals/packs"
NO_TRAINING = "evaluation packs never become training runs"
CSV_FILES = ("estimates.csv", "invoices.csv", "schedule.csv")


@dataclass(frozen=True)
class PackPlan:
    """Which packs to make (contracts.md §16, synth:packs)."""

    anchor: date
    """Last day of the records."""
    out_dir: str = PACKS
    industries: tuple[str, ...] | None = None
    """None: all there are."""
    packs_per_industry: int = 3
    seed: int = 1234
    window_days: int = 90


@dataclass(frozen=True)
class PacksMade:
    """What was written."""

    out_dir: str
    industries: tuple[str, ...]
    packs_per_industry: int
    total_generated: int
    generated: tuple[str, ...]
    """Folder of each pack, relative to the repository."""


Maker = Callable[[Sequence[str], int, int, int, date], Iterable[PackFiles]]
"""Industries, packs each, seed, window in days, anchor → packs."""


def write_packs(repository: Repository, plan: PackPlan, make: Maker = make_packs) -> PacksMade:
    """Make packs and write them; the same plan gives the same bytes.

    Raises UsageError for an industry nobody described (the Node tool drops it: weaknesses.md E2).
    """
    industries = tuple(PROFILES) if plan.industries is None else plan.industries
    unknown = [name for name in industries if name not in PROFILES]
    if unknown:
        raise UsageError(
            f"no such industry: {', '.join(map(for_log, unknown))}", hint=f"there are {', '.join(PROFILES)}"
        )
    made = make(industries, plan.packs_per_industry, plan.seed, plan.window_days, plan.anchor)
    folders = tuple(_write(repository, plan.out_dir, pack) for pack in made)
    return PacksMade(
        repository.relative(plan.out_dir), industries, plan.packs_per_industry, len(folders), folders
    )


def _write(repository: Repository, out_dir: str, made: PackFiles) -> str:
    folder = Path(out_dir) / made.folder
    for name, text in made.csv.items():
        repository.write(folder / name, text)
    repository.write_contract(folder / "pack.json", made.pack)
    return repository.relative(folder)


@dataclass(frozen=True)
class Template:
    """A pack as runs start from it."""

    id: str
    """`synth:<folder below the packs folder>` or `data_pack:<file>`."""
    pack: DataPack
    industry: str
    role: str
    synth: SynthPack | None
    """Absent for a data pack file."""

    def of(self, industry: str) -> "Template":
        """The same pack, counted as one of an industry."""
        return replace(self, industry=industry)


def read_pack(repository: Repository, folder: str | Path) -> tuple[SynthPack, DataPack]:
    """A synthetic pack's folder. Raises ContractError naming every file of it that can't be used."""
    synth = repository.read(SynthPack, Path(folder) / "pack.json")
    found = [name for name in CSV_FILES if repository.has(Path(folder) / name)]
    if len(found) < 2:
        raise ContractError(
            f"{repository.relative(folder)}: a pack needs two of {', '.join(CSV_FILES)}", hint="make it again"
        )
    files = tuple(CsvFile(name, repository.read_text(Path(folder) / name)) for name in found)
    normalised = _normalised(files, f"{synth.window_end}T00:00:00.000Z")
    if normalised.warnings:
        where = repository.relative(folder)
        raise ContractError(
            f"{where}: not a pack", problems=[f"{where}/{warning}" for warning in normalised.warnings]
        )
    return synth, normalised.pack


@lru_cache(maxsize=16)
def _normalised(files: tuple[CsvFile, ...], created_at: str) -> Normalised:
    """The packs of eval cases are read again for each model that is asked."""
    return normalise(files, source_tool="synth", created_at=created_at)


def templates(repository: Repository, packs_dirs: Iterable[str], data_packs: bool) -> list[Template]:
    """Every pack of the folders, in path order, then `data/packs/*.json`.

    Raises ContractError naming every pack that can't be read, or that is kept out for evaluation.
    """
    for packs_dir in packs_dirs:
        if f"{repository.relative(packs_dir)}/".startswith("evals/"):
            raise ContractError(f"{packs_dir}: {NO_TRAINING}", hint="name a folder outside evals/")
    problems: list[str] = []
    found: list[Template] = []
    for read in _readers(repository, packs_dirs, data_packs):
        try:
            found.append(read())
        except ContractError as error:
            problems += error.problems or [error.message]
    if problems:
        raise ContractError(f"{len(problems)} problems in the packs", problems=problems)
    held_out = _held_out(repository)
    kept_out = [template.id for template in found if template.synth and template.synth.pack_id in held_out]
    if kept_out:
        raise ContractError(
            NO_TRAINING,
            problems=[f"{template}: also under {EVAL_PACKS}" for template in kept_out],
            hint="make packs from another seed: ftv4 synth packs --seed N",
        )
    return found


def _readers(
    repository: Repository, packs_dirs: Iterable[str], data_packs: bool
) -> Iterator[Callable[[], Template]]:
    for packs_dir in packs_dirs:
        for path in repository.files(packs_dir, "**/pack.json"):
            yield partial(_synth, repository, repository.path(packs_dir), path.parent)
    for path in repository.files("data/packs", "*.json") if data_packs else ():
        yield partial(_data_pack, repository, path)


def _synth(repository: Repository, packs_dir: Path, folder: Path) -> Template:
    synth, pack = read_pack(repository, folder)
    below = folder.relative_to(packs_dir).as_posix()
    return Template(f"synth:{below}", pack, synth.industry, synth.emyth_role or "mixed", synth)


def _data_pack(repository: Repository, path: Path) -> Template:
    return Template(f"data_pack:{path.name}", repository.read(DataPack, path), "unknown", "mixed", None)


def _held_out(repository: Repository) -> set[str]:
    found = repository.files(EVAL_PACKS, "**/pack.json")
    return {repository.read(SynthPack, path).pack_id for path in found}
