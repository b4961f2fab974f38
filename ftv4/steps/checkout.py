"""Asks git about files of this checkout that a promotion brings, or rests on."""

from collections.abc import Iterable

from ftv4.canonical import sha256
from ftv4.clients.git import Git, GitError
from ftv4.documents import Repository
from ftv4.errors import UsageError


def untracked(repository: Repository, paths: Iterable[str]) -> list[str]:
    """Those of the paths that are here and that git doesn't track: a pull that brings them stops at them.

    None outside of a git repository.
    """
    here = [path for path in paths if repository.has(path)]
    if not here:
        return []
    git = Git(repository.root)
    try:
        return [
            path
            for path in git("--literal-pathspecs", "ls-files", "-z", "--others", "--", *here).split("\0")
            if path
        ]
    except GitError:
        return []


def differs(repository: Repository, revision: str, path: str, digest: str) -> bool:
    """Whether a commit hasn't a file with these bytes; False where there is no such commit to ask."""
    git = Git(repository.root)
    try:
        commit = git.commit(revision)
    except UsageError:
        return False
    try:
        return sha256(git.raw("cat-file", "blob", f"{commit}:./{path}")) != digest
    except GitError:
        return True
