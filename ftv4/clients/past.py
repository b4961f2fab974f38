"""What a branch has been: the versions of one file along the first parents of a commit."""

from collections.abc import Iterable
from typing import NamedTuple

from ftv4.clients.git import Git
from ftv4.errors import GateError


class Version(NamedTuple):
    """A commit that changed the file, as its branch got it: a merge counts, what it merged doesn't."""

    commit: str
    parent: str | None
    """None for the first commit there is."""
    when: str
    """ISO 8601, as the committer's clock had it."""
    author: str
    """An e-mail address, as the author wrote it: encode before showing."""


def versions(git: Git, commit: str, path: str) -> list[Version]:
    """Every version of a file on a branch that ends in a commit, newest first.

    Raises GateError where the history isn't all here: what is missing could be what matters.
    """
    if git("rev-parse", "--is-shallow-repository") == "true":
        raise GateError(
            "this clone is shallow: what served before is not known here",
            hint="git fetch --unshallow; in Actions, fetch-depth: 0",
        )
    form = "--format=%H%x09%P%x09%cI%x09%ae"
    told = git("--no-replace-objects", "log", "--first-parent", form, commit, "--", path)
    return [_version(line) for line in told.splitlines()]


def contents(git: Git, objects: Iterable[str]) -> list[bytes | None]:
    """The bytes of many blobs by one process, in order; None for what isn't there.

    Each is a blob's id, or `<commit>:<path from the top>`.
    """
    names = "".join(f"{name}\n" for name in objects)
    told = git.raw("--no-replace-objects", "cat-file", "--batch", stdin=names.encode()) if names else b""
    found: list[bytes | None] = []
    while told:
        head, _, told = told.partition(b"\n")
        if head.endswith(b" missing"):
            found.append(None)
            continue
        size = int(head.rpartition(b" ")[2])
        found.append(told[:size])
        told = told[size + 1 :]
    return found


def sizes(git: Git, blobs: Iterable[str]) -> list[int]:
    """The bytes that many blobs have, by one process, in order."""
    names = "".join(f"{blob}\n" for blob in blobs)
    command = ("--no-replace-objects", "cat-file", "--batch-check=%(objectsize)")
    return [int(line) for line in git(*command, stdin=names.encode()).splitlines()] if names else []


def from_top(git: Git, path: str) -> str:
    """A path of the folder that `Git` works in, as the whole repository has it."""
    return git("rev-parse", "--show-prefix") + path


def _version(line: str) -> Version:
    commit, parents, when, author = line.split("\t", 3)
    return Version(commit, parents.split(" ")[0] or None, when, author)
