"""The door to git: the command, run on one repository folder."""

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from ftv4.encode import for_log
from ftv4.errors import Ftv4Error, UsageError

_REVISION = re.compile(r"[A-Za-z0-9_./@{}^~][A-Za-z0-9_./@{}^~+-]{0,199}")


class GitError(Ftv4Error):
    """git refused; the message is its last line."""


class Entry(NamedTuple):
    """A file in a tree. Its name is bytes: git takes any."""

    path: bytes
    """From the folder that `Git` works in."""
    mode: str
    """`100644` a file, `100755` an executable one, `120000` a symbolic link, `160000` a submodule;
    `000000` where a change takes it away."""
    object: str
    """The blob's id."""
    before: str = ""
    """Of a change: the blob's id before it; only zeros where the file is new."""

    @property
    def removed(self) -> bool:
        """Whether the change takes the file away."""
        return self.mode == "000000"


class Git:
    """git on one folder. Commands run without a terminal and without the user's hooks or pager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, stdin: bytes | None = None) -> str:
        """Run a git command; give back its output without the last newline. Raises GitError."""
        return self.raw(*arguments, stdin=stdin).decode(errors="replace").rstrip("\n")

    def raw(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        """Run a git command; give back its output as bytes. Raises GitError."""
        return self._run(*arguments, stdin=stdin, stdout=subprocess.PIPE)

    # commits, as they are stored: nothing below looks at the work tree, attributes or filters

    def commit(self, revision: str) -> str:
        """The id of the commit that a revision names. Raises UsageError when it names none."""
        if _REVISION.fullmatch(revision):
            try:
                return self("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
            except GitError:
                pass
        raise UsageError(
            f"{for_log(revision)}: no such commit here",
            hint="fetch it: git fetch origin; in Actions, fetch-depth: 0",
        )

    def fork(self, base: str, head: str) -> str:
        """The commit at which two histories part; `base` itself where none is known."""
        try:
            return self("merge-base", base, head)
        except GitError:
            return base

    def changes(self, base: str, head: str) -> Iterator[Entry]:
        """Every file that differs between two commits, in path order; a rename is two."""
        told = self._stored(
            "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--relative", base, head
        )
        fields = iter(told.split(b"\0"))
        for what in filter(None, fields):
            _, mode, before, after, _ = what.decode().split(" ")
            yield Entry(next(fields), mode, after, before)

    def files(self, commit: str, path: str) -> Iterator[Entry]:
        """The files of a commit at or below a path, in path order."""
        for line in filter(None, self._stored("ls-tree", "-r", "-z", commit, "--", path).split(b"\0")):
            what, _, name = line.partition(b"\t")
            mode, _, blob = what.decode().split(" ")
            yield Entry(name, mode, blob)

    def size(self, blob: str) -> int:
        """Bytes of a blob."""
        return int(self._stored("cat-file", "-s", blob))

    def blob(self, blob: str) -> IO[bytes]:
        """A blob's bytes, in a file that has no name and goes when it is closed."""
        spool = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
        try:
            self._run("--no-replace-objects", "cat-file", "blob", blob, stdout=spool)
        except GitError:
            spool.close()
            raise
        spool.seek(0)
        return spool

    def _stored(self, *arguments: str) -> bytes:
        return self.raw("--no-replace-objects", "--literal-pathspecs", *arguments)

    def _run(self, *arguments: str, stdout: int | IO[bytes], stdin: bytes | None = None) -> bytes:
        command = ["git", "-c", "core.hooksPath=/dev/null", "-C", str(self.folder), *arguments]
        try:
            done = subprocess.run(command, input=stdin, stdout=stdout, stderr=subprocess.PIPE, check=False)
        except FileNotFoundError:
            raise GitError("git is not installed", hint="install git and run again") from None
        if done.returncode:
            reason = done.stderr.decode(errors="replace").strip().splitlines()
            name = next(word for word in arguments if not word.startswith("-"))
            raise GitError(f"git {name}: {reason[-1] if reason else f'exit {done.returncode}'}")
        return done.stdout or b""
