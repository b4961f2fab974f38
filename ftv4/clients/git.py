"""The door to git: the command, run on one repository folder."""

import base64
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import urlsplit

from ftv4.encode import for_log, line_for_log
from ftv4.errors import Ftv4Error, ServiceError, UsageError

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
REMOTE_SECONDS = 120
"""How long a fetch or push may take."""
QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "https:http:ssh:file", "LC_ALL": "C"}
"""No questions to a terminal, no program for a URL to name, and messages as we know them."""
ELSEWHERE = frozenset(
    {"GIT_DIR", "GIT_COMMON_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_NAMESPACE",
     "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH"}
)  # fmt: skip
"""What a hook sets for the repository it runs in; another repository must not take it for its own."""
_REVISION = re.compile(r"[A-Za-z0-9_./@{}^~][A-Za-z0-9_./@{}^~+-]{0,199}")


class GitError(Ftv4Error):
    """git refused; the message is the line that says why."""


class GitMissing(GitError):
    """There is no git here; what it was asked for has no part in that."""


@dataclass(frozen=True)
class Remote:
    """A repository elsewhere: its URL or folder, and the token that opens it, if one does."""

    url: str
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Raises UsageError for what git would run instead of asking, and for a token sent in the clear."""
        parts = urlsplit(self.url)
        local = self.url.startswith(("/", "./", "../", "file:///"))
        if not local and parts.scheme not in {"https", "http", "ssh"}:
            raise UsageError(f"{line_for_log(self.url)}: not a URL or folder of a git repository")
        if self.token and parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise UsageError(f"{line_for_log(self.url)}: a token is sent over https only")

    def settings(self) -> dict[str, str]:
        """How git is told the token: arguments can be read by every process, and config stays on disk."""
        if not self.token:
            return {}
        login = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
        return {
            f"http.{self.url}.extraHeader": f"Authorization: Basic {login}",
            "http.followRedirects": "false",  # which would take the token elsewhere
            "credential.helper": "",
        }


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

    def __init__(self, folder: Path, *, alone: bool = False) -> None:
        self.folder = folder
        self._alone = alone
        """Whether this is no repository that a hook may be running in."""

    @classmethod
    @contextmanager
    def temporary(cls) -> Iterator["Git"]:
        """A bare repository that goes when the block ends."""
        with tempfile.TemporaryDirectory(prefix="ftv4-git-", ignore_cleanup_errors=True) as folder:
            _lay_out(Path(folder))
            yield cls(Path(folder), alone=True)

    def __call__(self, *arguments: str, stdin: bytes | None = None) -> str:
        """Run a git command; give back its output without the last newline. Raises GitError."""
        return self.raw(*arguments, stdin=stdin).decode(errors="replace").rstrip("\n")

    def raw(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        """Run a git command; give back its output as bytes. Raises GitError."""
        return self._run(*arguments, stdin=stdin, stdout=subprocess.PIPE)

    # elsewhere

    def fetch(self, remote: Remote, *refspecs: str, depth: int | None = None) -> None:
        """Bring commits here, and the refs that the refspecs name; no tags, no submodules.

        Raises ServiceError when the remote refuses, is away, or doesn't have a ref.
        """
        depths = [f"--depth={depth}"] if depth else []
        how = ["--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--no-auto-gc"]
        self.remotely(remote, "fetch", *how, *depths, "--", remote.url, *refspecs)

    def push(self, remote: Remote, refspec: str) -> str:
        """Push one ref, never by force unless the refspec says `+`; what git reports of it.

        Raises ServiceError when the remote refuses or is away.
        """
        return self.remotely(remote, "push", "--porcelain", "--no-verify", "--", remote.url, refspec)

    def remote_ref(self, remote: Remote, ref: str) -> str | None:
        """The commit that a ref names there; None where there is no such ref. Raises ServiceError."""
        told = self.remotely(remote, "ls-remote", "--", remote.url, ref)
        found = {name: sha for sha, _, name in (line.partition("\t") for line in told.splitlines())}
        return found.get(ref)

    def remotely(self, remote: Remote, *arguments: str) -> str:
        """Run a git command that talks to a remote. Raises ServiceError that never holds the token."""
        try:
            done = self._run(
                *arguments,
                stdout=subprocess.PIPE,
                environment=QUIET | _configured(remote.settings()),
                seconds=REMOTE_SECONDS,
            )
        except GitMissing:
            raise
        except GitError as error:
            raise ServiceError(
                f"{line_for_log(remote.url)}: {error.message}",
                hint="is it there, and may this token or key read and write it?",
                retryable=True,
            ) from None
        return done.decode(errors="replace")

    # objects, made without a work tree

    def tree(self, onto: str | None, entries: bytes) -> str:
        """A tree: that of a commit with `git update-index --index-info -z` entries put over it."""
        with tempfile.TemporaryDirectory(prefix="ftv4-index-") as folder:
            index = {"GIT_INDEX_FILE": f"{folder}/index"}
            self.made("read-tree", onto or "--empty", environment=index)
            self.made("update-index", "-z", "--index-info", stdin=entries, environment=index)
            return self.made("write-tree", environment=index)

    def made(self, *arguments: str, stdin: bytes | None = None, environment: Mapping[str, str]) -> str:
        """Run a git command with variables of its own; its output without the last newline."""
        done = self._run(*arguments, stdin=stdin, stdout=subprocess.PIPE, environment=environment)
        return done.decode().rstrip("\n")

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

    def sizes(self, ids: Sequence[str]) -> list[int]:
        """Bytes of each blob."""
        asked = "".join(f"{one}\n" for one in ids).encode()
        told = self.raw("--no-replace-objects", "cat-file", "--batch-check=%(objectsize)", stdin=asked)
        return [int(size) for size in told.split()]

    def blobs(self, ids: Sequence[str]) -> list[bytes]:
        """The bytes of blobs, read at once; all of them are held."""
        told = self.raw(
            "--no-replace-objects", "cat-file", "--batch", stdin="".join(f"{one}\n" for one in ids).encode()
        )
        found, at = [], 0
        for _ in ids:
            end = told.index(b"\n", at)
            size = int(told[at:end].split(b" ")[2])
            found.append(told[end + 1 : end + 1 + size])
            at = end + 1 + size + 1
        return found

    def _stored(self, *arguments: str) -> bytes:
        return self.raw("--no-replace-objects", "--literal-pathspecs", *arguments)

    def _run(
        self,
        *arguments: str,
        stdout: int | IO[bytes],
        stdin: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> bytes:
        command = ["git", "-c", "core.hooksPath=/dev/null", "-C", str(self.folder), *arguments]
        name = next(word for word in arguments if not word.startswith("-"))
        try:
            done = subprocess.run(
                command,
                input=stdin,
                stdout=stdout,
                stderr=subprocess.PIPE,
                check=False,
                env=self._environment(environment or {}),
                timeout=seconds,
            )
        except FileNotFoundError:
            raise GitMissing("git is not installed", hint="install git and run again") from None
        except subprocess.TimeoutExpired:
            raise GitError(f"git {name}: no end within {seconds:.0f} s") from None
        if done.returncode:
            raise GitError(f"git {name}: {_reason(done.stderr) or f'exit {done.returncode}'}")
        return done.stdout or b""

    def _environment(self, told: Mapping[str, str]) -> dict[str, str] | None:
        """What git finds in its environment; None for what this process does."""
        left_out = {name for name in ELSEWHERE if self._alone and name in os.environ}
        if not left_out and not told:
            return None
        return {name: value for name, value in os.environ.items() if name not in left_out} | dict(told)


def _lay_out(folder: Path) -> None:
    """What `git init --bare` does in an empty folder, by no process of its own."""
    for name in ("objects", "refs"):
        (folder / name).mkdir()
    (folder / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")


def _configured(settings: Mapping[str, str]) -> dict[str, str]:
    """Settings as git reads them from the environment, after those that are there already."""
    first = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    told = {"GIT_CONFIG_COUNT": str(first + len(settings))}
    for number, (name, value) in enumerate(settings.items(), first):
        told |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return told


def _reason(said: bytes) -> str:
    """The line that says what is wrong: advice comes after it, and why a remote refuses before."""
    lines = [line.rstrip() for line in said.decode(errors="replace").strip().splitlines()]
    fatal = [line for line in lines if line.startswith("fatal: ")]
    remote = [line for line in reversed(lines) if re.match(r"remote: +(?!error: )\S", line)]
    return next(iter([*fatal, *remote, *reversed(lines)]), "")
