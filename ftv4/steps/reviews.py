"""Reads and merges review packs: what people decided is never lost, whichever file it stands in."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ftv4.clock import BEGINNING, moment
from ftv4.contracts.review import ReviewItem, ReviewPack
from ftv4.documents import Repository
from ftv4.errors import ContractError

REVIEWS = "train/curation/review_packs"
"""Where `curate` writes packs."""
NODE_REVIEWS = "tmp/intelligence_v4/review"
"""Where the Node tool's `curate:weekly` writes them; read, never written."""


@dataclass
class Reviews:
    """Every review item of some folders, by id."""

    items: dict[str, ReviewItem] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    """A line for each thing in the folders that isn't a review pack."""


def read_reviews(repository: Repository, folders: Iterable[str | Path]) -> Reviews:
    """Every pack below the folders, in path order; of an item that stands in several, see `merged`."""
    found = Reviews()
    for _, pack in packs(repository, folders, found.problems):
        for item in pack.items:
            found.items[item.id] = merged(found.items.get(item.id), item)
    return found


def packs(
    repository: Repository, folders: Iterable[str | Path], problems: list[str]
) -> Iterator[tuple[str, ReviewPack]]:
    """Every pack below the folders with its path, in path order; what isn't one goes to the problems."""
    for folder in folders:
        for path in repository.files(folder, "**/*.json"):
            try:
                yield repository.relative(path), repository.read(ReviewPack, path)
            except ContractError as error:
                problems += [error.message, *error.problems]


def merged(old: ReviewItem | None, new: ReviewItem) -> ReviewItem:
    """Of two states of one item: a decided one before an undecided one, then the later decision.

    Unlike file times, which git doesn't keep, this is the same on every machine.
    """
    if old is None:
        return new
    return old if _weight(old) > _weight(new) else new


def merge_packs(old: ReviewPack, new: ReviewPack) -> ReviewPack:
    """A new pack with everything of the old one that it doesn't supersede (weaknesses.md A5)."""
    items = {item.id: item for item in old.items}
    for item in new.items:
        items[item.id] = _kept(items.get(item.id), item)
    return new.model_copy(update={"items": tuple(_newest_first(items.values()))})


def _kept(old: ReviewItem | None, new: ReviewItem) -> ReviewItem:
    return old if old is not None and (old.decided or old.edited_output is not None or old.notes) else new


def _weight(item: ReviewItem) -> tuple[bool, datetime]:
    return item.decided, moment(item.reviewed_at or "") or BEGINNING


def _newest_first(items: Iterable[ReviewItem]) -> Iterator[ReviewItem]:
    yield from sorted(items, key=lambda item: (moment(item.created_at) or BEGINNING, item.id), reverse=True)
