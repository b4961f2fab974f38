"""Paths as files of the repository hold them: relative, with `/`, and leading nowhere else."""

from typing import Annotated

from pydantic import AfterValidator


def _relative(path: str) -> str:
    if not path or "\0" in path or path.startswith("/"):
        raise ValueError("must be a path relative to the repository, with /")
    return path


def _inside(path: str) -> str:
    if ".." in _relative(path).replace("\\", "/").split("/"):
        raise ValueError("must not lead out of the repository")
    return path


def _straight(path: str) -> str:
    inner = _relative(path)
    while inner.startswith("../"):
        inner = inner[3:]
    if ".." in _relative(inner).split("/"):
        raise ValueError("must not turn back on its way")
    return path


RepoPath = Annotated[str, AfterValidator(_inside)]
"""A file or folder of the repository."""

AnyPath = Annotated[str, AfterValidator(_straight)]
"""One that a command line named: it may be outside, and then starts with `../`, nothing else of the kind."""
