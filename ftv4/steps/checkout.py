"""Asks git what this checkout has of a branch, and of files that a promotion brings or rests on."""

from collections.abc import Iterable

from ftv4.canonical import sha256
from ftv4.clients.git import Git, GitError
from ftv4.clients.past import contents, from_top
from ftv4.documents import MODELS, Repository
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


def differs(repository: Repository, base: str | None, models: bytes, path: str, digest: str) -> bool:
    """Whether a branch (None: what is checked out) hasn't a file with these bytes; see `branch_here`.

    False outside of a git repository, and where the branch isn't known.
    """
    git = Git(repository.root)
    try:
        commit = git.commit(branch_here(git, base, models) if base else "HEAD")
    except (GitError, UsageError):
        return False
    try:
        return sha256(git.raw("cat-file", "blob", f"{commit}:./{path}")) != digest
    except GitError:
        return True


def branch_here(git: Git, base: str, models: bytes) -> str:
    """The revision that says what a branch is: the remote's word for it where this clone has one.

    But not an old word. Where another models.json is here, and the branch here goes on from what was
    fetched (a merge that was pulled from elsewhere, or isn't pushed yet), the branch here is newer.
    """
    remote, local = f"refs/remotes/origin/{base}", f"refs/heads/{base}"
    if not _has(git, remote):
        return base
    old = _has(git, local) and git.fork(remote, local) == git.commit(remote)
    return local if old and contents(git, [f"{remote}:{from_top(git, MODELS)}"]) != [models] else remote


def _has(git: Git, ref: str) -> bool:
    return bool(git("for-each-ref", "--format=x", ref))
