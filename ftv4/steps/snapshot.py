"""A repository as commits have it: files are blobs, read by object id, and the work tree is never asked."""

from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

from ftv4.clients.git import Entry, Git
from ftv4.clients.past import contents
from ftv4.documents import Repository
from ftv4.errors import ContractError

FILES = frozenset({"100644", "100755"})
DATASETS = "train/datasets"


class Snapshot(Repository):
    """The datasets as one commit has them; policy, waivers, prompts, eval cases and the rest as another has.

    So that a change is judged by what it asks to change, never by what it brings along.
    """

    def __init__(self, repository: Repository, *, data: str, rest: str) -> None:
        super().__init__(repository.root)
        self._git = Git(repository.root)
        self._data, self._rest = data, rest
        self._entries: dict[tuple[str, str], tuple[Entry, ...]] = {}
        self._read: dict[str, bytes] = {}
        """Blob → its bytes; of datasets, which may be large, none are kept."""

    def open(self, path: str | Path) -> IO[bytes]:
        """The file's blob. Raises ContractError when there is no such file; a link is none."""
        relative = self.relative(path)
        if relative.startswith("../"):
            return super().open(path)  # of the package, not of the repository
        blob = self._blob(relative)
        if _is_data(relative):
            return self._git.blob(blob)
        if blob not in self._read:
            with self._git.blob(blob) as stream:
                self._read[blob] = stream.read()
        return BytesIO(self._read[blob])

    def size(self, path: str | Path) -> int:
        """Bytes of the file's blob. Raises ContractError when there is no such file."""
        return self._git.size(self._blob(self.relative(path)))

    def has(self, path: str | Path) -> bool:
        """Whether there is such a file, or a folder with files."""
        return any(True for _ in self._below(self.relative(path)))

    def has_folder(self, path: str | Path) -> bool:
        """Whether there is a folder with files."""
        where = self.relative(path)
        return any(name != where for name in self._below(where))

    def files(self, folder: str | Path, pattern: str) -> list[Path]:
        """Files below a folder, in path order."""
        where = self.relative(folder)
        inner = (PurePosixPath(name).relative_to(where) for name in self._below(where))
        return sorted(self.path(where) / name for name in inner if _matches(name, pattern))

    def _blob(self, relative: str) -> str:
        commit = self._commit(relative)
        for entry in self._listed(commit, relative):
            if entry.path == relative.encode(errors="surrogateescape") and entry.mode in FILES:
                return entry.object
        raise ContractError(f"{relative}: no such file in commit {commit[:12]}")

    def _below(self, relative: str) -> Iterator[str]:
        for entry in self._listed(self._commit(relative), relative):
            if entry.mode in FILES:
                yield entry.path.decode(errors="surrogateescape")

    def _listed(self, commit: str, relative: str) -> tuple[Entry, ...]:
        """The files of a commit at or below a path; git is asked once: commits don't change."""
        if (commit, relative) not in self._entries:
            self._entries[commit, relative] = tuple(self._git.files(commit, relative))
        return self._entries[commit, relative]

    def _commit(self, relative: str) -> str:
        return self._data if _is_data(relative) else self._rest


class Held(Snapshot):
    """One commit's files, those of some folders read at once: asking git for each takes far longer."""

    def __init__(
        self,
        repository: Repository,
        commit: str,
        folders: Iterable[str] = (),
        files: Mapping[str, str] | None = None,
    ) -> None:
        """`files` are further ones to read, name → blob."""
        super().__init__(repository, data=commit, rest=commit)
        self._folders = tuple(folders)
        blobs = dict(files or {})
        for folder in self._folders:
            for entry in self._git.files(commit, folder):
                if entry.mode in FILES:
                    blobs[entry.path.decode(errors="surrogateescape")] = entry.object
        found = zip(blobs, contents(self._git, blobs.values()), strict=True)
        self._held = {name: text for name, text in found if text is not None}

    def open(self, path: str | Path) -> IO[bytes]:
        """The file's bytes. Raises ContractError when there is no such file; a link is none."""
        held = self._held.get(self.relative(path))
        return super().open(path) if held is None else BytesIO(held)

    def _below(self, relative: str) -> Iterator[str]:
        if any(f"{relative}/".startswith(f"{folder}/") for folder in self._folders):
            yield from (name for name in self._held if f"{name}/".startswith(f"{relative}/"))
        else:
            yield from super()._below(relative)


def _is_data(relative: str) -> bool:
    return relative.startswith(f"{DATASETS}/")


def _matches(name: PurePosixPath, pattern: str) -> bool:
    """Whether `Path.glob` would find it: a `**/` stands for any number of folders."""
    deep = pattern.startswith("**/")
    rest = pattern.removeprefix("**/")
    return name.match(rest) and (deep or len(name.parts) == len(PurePosixPath(rest).parts))
