"""Writes a review pack from run records: what a person is to read and decide.

Packs that are there already are added to. Nothing that somebody decided, edited or noted is ever
overwritten, and what was decided in another pack isn't asked again (weaknesses.md A5).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ftv4.clock import iso
from ftv4.contracts.review import ReviewPack
from ftv4.documents import Repository
from ftv4.guards import Guards
from ftv4.steps.items import Harvest, Scope, harvest
from ftv4.steps.reviews import NODE_REVIEWS, REVIEWS, merge_packs, read_reviews


@dataclass(frozen=True)
class Curated:
    """What a review pack was made of; what the command prints."""

    workspace_id: str | None
    out_file: str | None
    """Relative to the repository; None where there was nothing to write."""
    runs_scanned: int
    items_written: int
    """Items in the pack now."""
    items_new: int
    undecided: int
    """Items in the pack that nobody has decided."""
    kept: int
    """Items that the pack held before and that the scan didn't touch."""
    decided_elsewhere: int
    """Items left out because another pack holds a decision on them."""
    held_out: int
    """Items left out because evaluation has them."""
    found_by_build: bool
    """Whether the pack is in a folder that `datasets build` reads without being told."""
    problems: tuple[str, ...]
    """Malformed records and packs, a line each."""


def curate(
    repository: Repository,
    scope: Scope,
    now: datetime,
    *,
    out_dir: str | Path = REVIEWS,
    out_file: str | Path | None = None,
) -> Curated:
    """Make or extend `out_file`, by default `<out_dir>/<date>/review_pack.json` (contracts.md §16).

    Raises ContractError when the pack there can't be read: it is never replaced unread.
    """
    target = Path(out_file or Path(out_dir) / f"{now.astimezone(UTC):%Y-%m-%d}" / "review_pack.json")
    found = harvest(repository, scope, Guards.compile(repository.policy()), now)
    if not found.items and not repository.has(target):
        return _nothing(scope, found)
    with repository.locked(target.parent):
        return _write(repository, scope, now, found, target, out_dir)


def _write(
    repository: Repository, scope: Scope, now: datetime, found: Harvest, target: Path, out_dir: str | Path
) -> Curated:
    """Add what was found to the pack that is there."""
    others = read_reviews(repository, [out_dir])
    old = repository.read(ReviewPack, target) if repository.has(target) else None
    known = {item.id for item in old.items} if old else set()
    decided = {key for key, item in others.items.items() if item.decided} - known
    items = tuple(item for item in found.items if item.id not in decided)
    pack = ReviewPack(
        generated_at=iso(now), workspace_id=scope.workspace_id, window_days=scope.days, items=items
    )
    pack = merge_packs(old, pack) if old else pack
    written = repository.write_contract(target, pack)
    return Curated(
        workspace_id=scope.workspace_id,
        out_file=written,
        runs_scanned=found.runs,
        items_written=len(pack.items),
        items_new=len({item.id for item in pack.items} - known),
        undecided=sum(not item.decided for item in pack.items),
        kept=len(known - {item.id for item in items}),
        decided_elsewhere=len(found.items) - len(items),
        held_out=found.held_out,
        found_by_build=written.startswith((f"{REVIEWS}/", f"{NODE_REVIEWS}/")),
        problems=(*found.problems, *others.problems),
    )


def _nothing(scope: Scope, found: Harvest) -> Curated:
    """What there is to say where no item was found, and no pack is there to be added to."""
    return Curated(
        workspace_id=scope.workspace_id,
        out_file=None,
        runs_scanned=found.runs,
        items_written=0,
        items_new=0,
        undecided=0,
        kept=0,
        decided_elsewhere=0,
        held_out=found.held_out,
        found_by_build=False,
        problems=tuple(found.problems),
    )
