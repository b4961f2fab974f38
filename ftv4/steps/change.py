"""A change to models or their records, as its commits have it: what it touches, and what stood before."""

import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import orjson

from ftv4.canonical import digest, sha256
from ftv4.clients.git import Entry, Git
from ftv4.clients.past import sizes
from ftv4.contracts import Json
from ftv4.contracts.policy import Policy
from ftv4.documents import MODELS, Repository
from ftv4.errors import ContractError
from ftv4.steps.past import State, states
from ftv4.steps.snapshot import FILES, Held, Snapshot

CARDS, REPORTS, RUNS = "train/model_cards/", "train/promotion/", "train/finetune_runs/"
PATHS = (MODELS, CARDS, REPORTS, RUNS, "evals/report_")
"""Where a promotion is written."""
ADDED_ONLY = (REPORTS, "evals/report_")
LARGEST = 64 << 20
"""Bytes of a record."""
HELD = ("config", "templates", "evals/cases", "evals/packs")


@dataclass(frozen=True)
class Change:
    """What commits did since they left their base."""

    git: Git
    base: str
    """The commit that judges; like `fork` and `head` by its id."""
    fork: str
    head: str
    now: datetime

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """Every file that the change touches, by name; bytes that aren't UTF-8 as U+FFFD."""
        found = self.git.changes(self.fork, self.head)
        return {entry.path.decode(errors="replace"): entry for entry in found}

    @cached_property
    def before(self) -> Snapshot:
        """The base's files."""
        return Held(Repository(self.git.folder), self.base, HELD)

    @cached_property
    def after(self) -> Snapshot:
        """The head's files: hostile. What is too large to read is not held."""
        blobs = {name: entry.object for name, entry in self.entries.items() if self.is_record(name)}
        small = {name: blob for name, blob in blobs.items() if self.sizes[blob] <= LARGEST}
        return Held(Repository(self.git.folder), self.head, files=small)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Bytes of each blob that the change brings to a promotion's paths."""
        blobs = [entry.object for name, entry in self.entries.items() if self.is_record(name)]
        return dict(zip(blobs, sizes(self.git, blobs), strict=True))

    def is_record(self, name: str) -> bool:
        """Whether a file of the change is a plain one on a promotion's paths."""
        return name.startswith(PATHS) and self.entries[name].mode in FILES

    @cached_property
    def standing(self) -> dict[str, Entry]:
        """What the base has of these files, by name."""
        folders = ("config", "train", "evals")
        found = (entry for folder in folders for entry in self.git.files(self.base, folder))
        return {entry.path.decode(errors="replace"): entry for entry in found}

    @cached_property
    def models(self) -> bytes | None:
        """The base's models.json."""
        files = self.before
        return files.read_bytes(MODELS) if MODELS in self.standing else None

    @cached_property
    def forked_models(self) -> bytes | None:
        """models.json as the change found it, before the base went on."""
        entry = self.entries.get(MODELS)
        if entry is None or not entry.before.strip("0"):
            return None
        with self.git.blob(entry.before) as stream:
            return stream.read()

    @cached_property
    def policy(self) -> Policy:
        """The base's policy."""
        return self.before.policy()

    @property
    def policy_sha256(self) -> str:
        """Its digest, as eval reports have it."""
        return digest(self.policy.model_dump(mode="json"))

    @property
    def models_sha256(self) -> str | None:
        """Of the base's models.json."""
        return None if self.models is None else sha256(self.models)

    @cached_property
    def past(self) -> list[State]:
        """What models.json has been on the base's branch. Raises GateError in a shallow clone."""
        return states(self.git, self.base)

    def bytes(self, path: str) -> bytes | None:
        """A file as the head has it; None where it has none, or a link or something else in its place."""
        files = self.after
        try:
            return files.read_bytes(path)
        except ContractError:
            return None

    def added(self, start: str) -> list[str]:
        """JSON files that are new with the change, by how their names begin."""
        found = (name for name, entry in self.entries.items() if not entry.removed)
        new = (name for name in found if name not in self.standing)
        return [name for name in new if name.startswith(start) and name.endswith(".json")]


def concerns(paths: Iterable[str]) -> bool:
    """Whether a change to these paths is one that `verify` judges, however they are spelled."""
    return any(map(poses, paths))


def poses(path: str) -> bool:
    """Whether a path is on some disk one of a promotion's, or a folder's that these lie in."""
    return f"{folded(path)}/".startswith(PATHS)


def folded(path: str) -> str:
    """A path as a disk that knows no case, and no two ways to write a letter, has it."""
    return unicodedata.normalize("NFKC", path).casefold()


def only_once(text: bytes) -> Json | None:
    """A JSON object in which no member stands twice; None for anything else."""
    try:
        value = orjson.loads(text)
        json.loads(text, object_pairs_hook=_pairs)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _pairs(pairs: list[tuple[str, object]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a member stands twice")
    return found
