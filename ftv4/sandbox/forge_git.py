"""The sandbox forge's git: a real bare repository, reached through git's plumbing.

Commits are parsed from the objects themselves and paths travel NUL-separated, so that no name or
message can be mistaken for structure.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ftv4.errors import Ftv4Error

ZERO = "0" * 40
SHA = re.compile(r"[0-9a-f]{40}")
_NO_NAME = re.compile(r"[\x00-\x20~^:?*\[\\]|\.\.|@\{")
_CRUD = re.compile(r"[\x00-\x1f<>]")


ACCEPTS = """\
[http]
\treceivepack = true
[receive]
\tshallowUpdate = true
"""
"""A bare repository's settings: what it takes over HTTP, and from whom."""


class GitRefused(Exception):
    """git said no; the text is what it said."""


@dataclass(frozen=True)
class Person:
    """Who wrote or committed, and when."""

    name: str
    email: str
    date: datetime

    def line(self) -> str:
        """As a commit object's header has it."""
        name, email = (_CRUD.sub("", part).strip() or "nobody" for part in (self.name, self.email))
        return f"{name} <{email}> {int(self.date.timestamp())} +0000"

    @classmethod
    def read(cls, line: str) -> "Person":
        """Out of a commit object's header; what can't be read is the epoch."""
        name, _, rest = line.partition(" <")
        email, _, when = rest.rpartition("> ")
        seconds = re.match(r"\d{1,11}", when)
        return cls(name, email, datetime.fromtimestamp(int(seconds[0]) if seconds else 0, UTC))


@dataclass(frozen=True)
class Commit:
    """One commit, as its object says."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


@dataclass(frozen=True)
class Entry:
    """One line of a tree."""

    mode: str
    kind: str
    """blob, tree or commit."""
    sha: str
    size: int | None
    path: str


@dataclass(frozen=True)
class Change:
    """One file that differs between two commits."""

    status: str
    """added, removed, modified or renamed."""
    path: str
    previous: str | None
    sha: str
    additions: int
    deletions: int
    patch: str | None
    """Its hunks; None for a binary file or a change of nothing but the mode or name."""


@dataclass(frozen=True)
class Merged:
    """What a merge would give."""

    tree: str
    conflicts: tuple[str, ...] = ()
    """Paths both sides changed; the merge can be made when there are none."""


class BareRepository:
    """A bare repository in one folder, made when it isn't there."""

    def __init__(self, folder: Path, branch: str = "main") -> None:
        self.folder = folder = folder.resolve()  # git runs in it, so a relative name would be sought below it
        self.branch = branch
        if not (folder / "HEAD").exists():
            folder.mkdir(parents=True, exist_ok=True)
            self("init", "--quiet", "--bare", f"--initial-branch={branch}", ".")
            with (folder / "config").open("a") as config:
                config.write(ACCEPTS)

    def raw(self, *arguments: str, stdin: bytes = b"", index: Path | None = None) -> bytes:
        """Run git here; give back what it printed. Raises GitRefused."""
        done = self._run(arguments, stdin, index)
        if done.returncode:
            raise GitRefused(done.stderr.decode(errors="replace").strip())
        return done.stdout

    def __call__(self, *arguments: str, stdin: bytes = b"", index: Path | None = None) -> str:
        """Run git here; give back its text without the last newline. Raises GitRefused."""
        return self.raw(*arguments, stdin=stdin, index=index).decode(errors="replace").rstrip("\n")

    def _run(
        self, arguments: Sequence[str], stdin: bytes = b"", index: Path | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        command = ["git", "-c", "core.hooksPath=/dev/null", f"--git-dir={self.folder}", *arguments]
        environment = os.environ | QUIET | ({"GIT_INDEX_FILE": str(index)} if index else {})
        try:
            return subprocess.run(
                command, input=stdin, capture_output=True, check=False, env=environment, cwd=self.folder
            )
        except FileNotFoundError:
            raise Ftv4Error("git is not installed", hint="install git and run again") from None

    # refs

    def refs(self, prefix: str = "refs/") -> dict[str, str]:
        """Full ref name → sha, in name order, for the names that start with a prefix."""
        lines = self("for-each-ref", "--format=%(objectname) %(refname)").splitlines()
        pairs = (line.split(" ", 1) for line in lines)
        return {name: sha for sha, name in pairs if name.startswith(prefix)}

    def ref(self, name: str) -> str | None:
        """Where a full ref name points, or None; `main~1` is no name."""
        return self._resolve(name) if name.startswith("refs/") and not _NO_NAME.search(name) else None

    def resolve(self, revision: str) -> str | None:
        """The commit that a branch, a tag, a full ref or a sha names, or None."""
        if SHA.fullmatch(revision):
            return self._resolve(revision)
        tried = (f"refs/heads/{revision}", f"refs/tags/{revision}", f"refs/{revision}", revision)
        return next((sha for name in tried if (sha := self.ref(name))), None)

    def _resolve(self, revision: str) -> str | None:
        done = self._run(("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"))
        return done.stdout.decode().strip() if done.returncode == 0 else None

    def set_ref(self, name: str, sha: str, old: str | None = None) -> None:
        """Point a ref at a commit; with `old`, only if it points there still (ZERO: isn't there)."""
        self("update-ref", name, sha, *([old] if old is not None else []))

    def delete_ref(self, name: str) -> None:
        """Remove a ref."""
        self("update-ref", "-d", name)

    def valid_ref(self, name: str) -> bool:
        """Whether git takes this as a full ref name."""
        return self._run(("check-ref-format", name)).returncode == 0

    # objects

    def kind(self, sha: str) -> str | None:
        """commit, tree, blob or tag; None when there is no such object."""
        if not SHA.fullmatch(sha):
            return None
        done = self._run(("cat-file", "-t", sha))
        return done.stdout.decode().strip() if done.returncode == 0 else None

    def write_blob(self, content: bytes) -> str:
        """Store bytes; give back their sha."""
        return self("hash-object", "-w", "--stdin", stdin=content)

    def blob(self, sha: str) -> bytes:
        """The bytes of a blob."""
        return self.raw("cat-file", "blob", sha)

    def commit(self, sha: str) -> Commit:
        """One commit."""
        return self.commits([sha])[0]

    def commits(self, shas: Iterable[str]) -> list[Commit]:
        """Several commits, in the order asked for."""
        wanted = "".join(f"{sha}\n" for sha in shas).encode()
        answer, found = self.raw("cat-file", "--batch", stdin=wanted), []
        while answer:
            header, _, answer = answer.partition(b"\n")
            sha, _, size = header.decode().split(" ")
            found.append(_commit(sha, answer[: int(size)]))
            answer = answer[int(size) + 1 :]
        return found

    def write_commit(
        self, tree: str, parents: Sequence[str], author: Person, committer: Person, message: str
    ) -> str:
        """Store a commit with exactly this message; give back its sha."""
        lines = [f"tree {tree}", *(f"parent {sha}" for sha in parents)]
        lines += [f"author {author.line()}", f"committer {committer.line()}", "", message]
        return self("hash-object", "-t", "commit", "-w", "--stdin", stdin="\n".join(lines).encode())

    def tree(self, sha: str, recursive: bool = False, path: str = "") -> list[Entry]:
        """The entries of a tree, or of a folder below it."""
        options = ["-r", "-t"] if recursive else []
        below = ["--", f"{path}/"] if path else []
        output = self.raw("ls-tree", "-z", "--long", *options, sha, *below)
        return [_entry(record) for record in output.split(b"\0") if record]

    def entry(self, sha: str, path: str) -> Entry | None:
        """What a path is in a tree, or None."""
        found = self.raw("ls-tree", "-z", "--long", sha, "--", path).split(b"\0")
        return _entry(found[0]) if found[0] else None

    def write_tree(self, base: str | None, lines: Sequence[tuple[str, str, str]]) -> str:
        """A tree from a base and (mode, sha, path) lines; ZERO as sha removes. Raises GitRefused."""
        with tempfile.TemporaryDirectory(prefix="ftv4-index-") as folder:
            index = Path(folder) / "index"
            self("read-tree", base or "--empty", index=index)
            self._to_index(index, [line for line in lines if line[0] != "040000"])
            for mode, sha, path in lines:
                if mode == "040000":
                    below = self("ls-files", "-z", "--", f":(literal){path}", index=index).split("\0")
                    self._to_index(index, [("0", ZERO, name) for name in below if name])
                    files = [entry for entry in self.tree(sha, recursive=True) if entry.kind != "tree"]
                    self._to_index(index, [(one.mode, one.sha, f"{path}/{one.path}") for one in files])
            return self("write-tree", index=index)

    def _to_index(self, index: Path, lines: Sequence[tuple[str, str, str]]) -> None:
        text = "".join(f"{mode} {sha}\t{path}\0" for mode, sha, path in lines)
        self("update-index", "-z", "--add", "--replace", "--index-info", stdin=text.encode(), index=index)

    # history

    def history(self, *revisions: str, path: str = "") -> list[str]:
        """Shas of the commits that revisions reach, newest first."""
        below = [f":(literal){path}"] if path else []
        return self("rev-list", "--topo-order", *revisions, "--", *below).splitlines()

    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor, or None."""
        done = self._run(("merge-base", one, other))
        return done.stdout.decode().strip() if done.returncode == 0 else None

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether moving a branch from old to new is a fast-forward."""
        return self._run(("merge-base", "--is-ancestor", old, new)).returncode == 0

    def merge(self, base: str, head: str) -> Merged:
        """Merge two commits, writing nothing but objects."""
        done = self._run(("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", base, head))
        if done.returncode > 1:
            raise Ftv4Error(
                f"git merge-tree: {done.stderr.decode(errors='replace').strip()[:200]}",
                hint="the sandbox forge needs git 2.38 or newer",
            )
        tree, *paths = done.stdout.decode(errors="replace").split("\0")
        conflicts = dict.fromkeys(path for path in paths if path) if done.returncode else {}
        return Merged(tree.strip(), tuple(conflicts))

    def changes(self, old: str, new: str) -> list[Change]:
        """What differs between two commits, in path order, with renames found."""
        options = ("diff-tree", "-r", "-M", "--full-index", "--no-ext-diff", "--no-textconv")
        raw = self.raw(*options, "-z", "--raw", old, new).split(b"\0")[:-1]
        counts = self.raw(*options, "-z", "--numstat", old, new).split(b"\0")[:-1]
        patches = _patches(self.raw(*options, "--patch", old, new))
        return _changes(raw, counts, patches)


QUIET = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "LC_ALL": "C",
}
"""The user's git settings, language and terminal stay out of what the sandbox does."""


def push_head(checkout: Path, target: Path, branch: str = "main") -> str:
    """Push a checkout's HEAD to a branch of another repository; give back why not, or nothing."""
    command = ["git", "-C", str(checkout), "push", "--quiet", "--no-verify"]
    command += [str(target), f"HEAD:refs/heads/{branch}"]
    done = subprocess.run(command, capture_output=True, check=False, env=os.environ | {"LC_ALL": "C"})
    return done.stderr.decode(errors="replace").strip() if done.returncode else ""


def _commit(sha: str, body: bytes) -> Commit:
    head, _, message = body.decode(errors="replace").partition("\n\n")
    lines = [line.partition(" ") for line in head.split("\n")]
    first = {key: value for key, _, value in reversed(lines)}
    parents = tuple(value for key, _, value in lines if key == "parent")
    author, committer = Person.read(first["author"]), Person.read(first["committer"])
    return Commit(sha, first["tree"], parents, author, committer, message)


def _entry(record: bytes) -> Entry:
    facts, _, path = record.partition(b"\t")
    mode, kind, sha, size = facts.decode().split()
    return Entry(mode, kind, sha, None if size == "-" else int(size), path.decode(errors="replace"))


_STATUS = {"A": "added", "D": "removed", "R": "renamed", "C": "copied"}


def _changes(raw: list[bytes], counts: list[bytes], files: list[str | None]) -> list[Change]:
    changes = []
    records, numbers, patches = iter(raw), iter(counts), iter(files)
    for record in records:
        _, _, old, new, letter = record.decode().split(" ")
        # a file that becomes a symlink is two patches: one takes it away, one brings it
        patch = [next(patches) for _ in range(2 if letter == "T" else 1)][-1]
        path, previous = next(records).decode(errors="replace"), None
        added, removed, name = next(numbers).decode(errors="replace").split("\t", 2)
        if not name:
            previous, path = path, next(records).decode(errors="replace")
            next(numbers), next(numbers)
        status = _STATUS.get(letter[0], "modified")
        sha = old if status == "removed" else new
        changes.append(Change(status, path, previous, sha, _count(added), _count(removed), patch))
    return changes


def _count(number: str) -> int:
    return int(number) if number.isdigit() else 0


def _patches(output: bytes) -> list[str | None]:
    """Hunks file by file. Lines of a hunk never start with `diff`: a mark stands before them."""
    text = output.decode(errors="replace")
    files = re.split(r"^diff --git ", text, flags=re.MULTILINE)[1:]
    return [_hunks(file) for file in files]


def _hunks(file: str) -> str | None:
    _, found, hunks = file.partition("\n@@ ")
    return f"@@ {hunks}".rstrip("\n") if found else None
