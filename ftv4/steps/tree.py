"""Finds in the trees of a change what is no dataset but looks like one, or hides one.

Only names, modes and first bytes are looked at; threats 44 to 47. A finding here names a file, not a row.
"""

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ftv4.clients.git import Entry, Git
from ftv4.contracts.findings import Finding
from ftv4.contracts.policy import Limits
from ftv4.documents import Repository
from ftv4.encode import for_log
from ftv4.steps.snapshot import DATASETS, FILES

SUFFIX = ".jsonl"
NAME = re.compile(rb"train/datasets/[a-z0-9][a-z0-9_/-]{0,99}\.jsonl")
"""What a dataset may be called: nothing that a shell, a disk or a reader stumbles over."""
JUDGES = ("ftv4/", "config/", "templates/", ".github/", "evals/", "pyproject.toml", "requirements")
"""Where the code, policy and workflows are that judge; a change to them has no say in its own verdict."""
CONFIG = "config"
"""Where policy and waivers are."""
POINTER = b"version https://git-lfs"
ATTRIBUTES = frozenset({".gitattributes", ".lfsconfig", ".gitmodules"})
LINK = "a link, which leads to a file that nobody judged"
SHOWN = 20

FIXES: Mapping[str, str] = {
    "symbolic_link": "put the file itself there",
    "submodule": "put the dataset's files into this repository",
    "executable_file": "git update-index --chmod=-x FILE",
    "large_file_pointer": "commit the rows themselves; git lfs untrack the datasets",
    "file_name": "use a-z, 0-9, _ and - below train/datasets/, ending in .jsonl",
    "same_name": "give the files names that differ in more than case or accents",
    "attributes_changed": "change attributes in a pull request without datasets",
    "dataset_removed": "say in the pull request why; nothing can be trained on it any more",
    "judged_by_base": "merge that first, in a change of its own; it judges from the next change on",
    "base_damaged": "see that this change mends it; until then no dataset can be judged",
    "too_many_files": "split the change",
    "file_too_large": "split the dataset, or raise limits.file_bytes in the policy",
    "config_invalid": "mend it here; once merged, every later verdict would stop at it",
}
"""Rule → what to do about it."""
WARNINGS = frozenset({"executable_file", "dataset_removed", "judged_by_base", "base_damaged"})


class Touched(NamedTuple):
    """What a change touches."""

    datasets: tuple[Entry, ...]
    """Sound ones that it adds or edits, to be judged row by row."""
    findings: tuple[Finding, ...]


def look(git: Git, changes: Iterable[Entry], standing: Iterable[Entry], limits: Limits) -> Touched:
    """Sort the files of a change. `standing` is what its head has below train/datasets."""
    changes = tuple(changes)
    data = [entry for entry in changes if is_data(entry.path)]
    found = [*_misnamed(data), *_twins(standing), *_attributes(changes, data), *_judges(changes, data)]
    files = []
    for entry in data:
        problem = _by_mode(entry)
        found.extend([finding(problem[0], name_of(entry.path), problem[1])] if problem else [])
        if entry.mode in FILES and NAME.fullmatch(entry.path):
            files.append(entry)
    if len(files) > limits.files:
        text = f"{len(files)} datasets; {limits.files} are judged at once"
        found.append(finding("too_many_files", DATASETS, text))
    sound = []
    for entry in files[: limits.files]:
        problem = _by_blob(git, entry.object, limits)
        found.extend([finding(problem[0], name_of(entry.path), problem[1])] if problem else [])
        sound.extend([] if problem else [entry])
    return Touched(tuple(sound), tuple(found))


def look_here(repository: Repository, file: str | Path) -> tuple[Finding, ...]:
    """What name and place of a file in the work tree say against it: as a commit with it would be told.

    A link is refused wherever in the repository it is: a commit would have the link, not the rows.
    """
    entry = Entry(os.fsencode(repository.relative(file)), "100644", "")
    if repository.is_linked(file):
        return (finding("symbolic_link", name_of(entry.path), LINK),)
    return tuple(_misnamed([entry])) if is_data(entry.path) else ()


def finding(rule: str, file: str, problem: str, line: int | None = None, pointer: str = "") -> Finding:
    """A finding about a file of the change."""
    return Finding(
        rule=rule,
        severity="warning" if rule in WARNINGS else "error",
        file=file,
        line=line,
        pointer=pointer,
        problem=problem,
        fix=FIXES[rule],
    )


def name_of(path: bytes) -> str:
    """How a report names a path: bytes that aren't UTF-8 become U+FFFD."""
    return path.decode(errors="replace")


def is_data(path: bytes) -> bool:
    """Whether a path is a dataset's, or a folder's that datasets lie in, however it is spelled."""
    folded = unicodedata.normalize("NFKC", name_of(path)).casefold()
    inside = folded.startswith(f"{DATASETS}/")
    return folded in ("train", DATASETS) or (inside and not folded.endswith(("/.gitkeep", ".md")))


def _by_mode(entry: Entry) -> tuple[str, str] | None:
    """What an entry's mode says against it: rule and problem."""
    if entry.removed:
        gone = "dataset_removed", "the change takes this dataset away"
        return gone if NAME.fullmatch(entry.path) else None
    if entry.mode == "120000":
        return "symbolic_link", LINK
    if entry.mode == "160000":
        return "submodule", "another repository's commit, whose files nobody judged"
    return ("executable_file", f"mode {entry.mode}") if entry.mode != "100644" else None


def _by_blob(git: Git, blob: str, limits: Limits) -> tuple[str, str] | None:
    """What a blob's size and first bytes say against it."""
    size = git.size(blob)
    if size > limits.file_bytes:
        return "file_too_large", f"{size} bytes; the policy reads {limits.file_bytes}"
    if size < 1024 and _begins(git, blob, POINTER):
        return "large_file_pointer", "a pointer to rows that are stored elsewhere, not rows"
    return None


def _begins(git: Git, blob: str, with_: bytes) -> bool:
    with git.blob(blob) as stream:
        return stream.read(len(with_)) == with_


def _misnamed(data: Sequence[Entry]) -> Iterator[Finding]:
    for entry in data:
        folded = name_of(entry.path).casefold()
        if not (entry.removed or folded in ("train", DATASETS) or NAME.fullmatch(entry.path)):
            yield finding("file_name", name_of(entry.path), "no name for a dataset; it is not judged")


def _twins(standing: Iterable[Entry]) -> Iterator[Finding]:
    names: dict[str, bytes] = {}
    for entry in standing:
        key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name_of(entry.path)).casefold())
        first = names.setdefault(key, entry.path)
        if first != entry.path:
            text = f"beside {for_log(name_of(first))}; some machines can hold only one of them"
            yield finding("same_name", name_of(entry.path), text)


def _attributes(changes: Sequence[Entry], data: Sequence[Entry]) -> Iterator[Finding]:
    for entry in changes if data else ():
        name = name_of(entry.path)
        if name.rpartition("/")[2].casefold() in ATTRIBUTES:
            yield finding("attributes_changed", name, "can hide rows from reviewers, or replace them")


def _judges(changes: Sequence[Entry], data: Sequence[Entry]) -> Iterator[Finding]:
    names = [name_of(entry.path) for entry in changes]
    judges = [name for name in names if name.startswith(JUDGES)]
    if judges and data:
        shown = ", ".join(for_log(name, 100) for name in judges[:SHOWN])
        more = f" and {len(judges) - SHOWN} more" if len(judges) > SHOWN else ""
        text = f"this verdict ignores what the change does to {shown}{more}"
        yield finding("judged_by_base", judges[0], text)
