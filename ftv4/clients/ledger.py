"""The door to the ledger: files on one git ref, changed by compare-and-swap.

A push that isn't forced is the compare-and-swap: it lands only on what was read. The ledger is kept
in a bare repository of its own that goes when the door is closed: nothing of it is ever checked out,
and a checkout's objects, index and config stay as they are.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import get_args

from ftv4.clients.git import Entry, Git, GitError, Remote
from ftv4.contracts.models import StageName
from ftv4.encode import for_log, name_for_log
from ftv4.errors import ContractError, ServiceError, UsageError

RUNS = "train/finetune_runs/<stage>/<stamp>"
REF = "refs/heads/ftv4-ledger"
_STAGE = "|".join(get_args(StageName))
EXPECTED = re.compile(
    rf"train/finetune_runs/(?:{_STAGE})/[0-9]{{8}}T[0-9]{{6}}Z(?:-[0-9]{{1,4}})?/(?:run_manifest|job|outcome|answers)\.json"
    r"|evals/report_[A-Za-z0-9_-]{1,100}\.json"
)
"""What a ledger holds; anything else on it is left where it is, and never read."""
LARGEST = 1 << 30
"""Bytes of all its files, which are held in memory; a run with its reports has some 200 kB."""
PLAIN = "100644"
"""git's mode of a file that is neither a link nor a program."""
WHOLE = (1 << 31) - 1
"""The depth of a whole history."""
_MESSAGE = re.compile(r"[a-z]+(?: [a-z0-9_]{1,80}){0,3}")
_HERE = "refs/ftv4/ledger"
_WHO = {"GIT_AUTHOR_NAME": "ftv4", "GIT_AUTHOR_EMAIL": "ftv4@localhost"}


class Moved(ServiceError):
    """Somebody else wrote first: read again, and decide again."""


@dataclass(frozen=True)
class State:
    """The ledger as it was read."""

    head: str | None
    """The commit; None while there is no ledger."""
    files: Mapping[str, bytes]
    """Repository path → content; nothing where it is in `odd`."""
    odd: Mapping[str, str] = field(default_factory=dict)
    """Repository path → git's mode, of what should be a file and is a link, a program or a submodule. It
    isn't read: it says nothing, as a damaged file does."""


class Ledger:
    """One ledger. `opened` makes it; it is of no use after the block."""

    def __init__(self, remote: Remote, git: Git, writer: str) -> None:
        self.remote = remote
        self._git = git
        self._writer = writer
        self._last = State(None, {})

    @classmethod
    @contextmanager
    def opened(cls, remote: Remote, writer: str | None = None) -> Iterator["Ledger"]:
        """The ledger of a repository; nothing is asked yet.

        `writer` is a name in hex that nobody else has: without it, two that write the same at the same
        time would make the very same commit, and both would believe that they were first.
        """
        with Git.temporary() as git:
            yield cls(remote, git, writer or secrets.token_hex(16))

    def read(self) -> State:
        """What the ledger says now.

        Raises ServiceError when it is away, and ContractError for more than is held in memory.
        """
        there = self._git.remote_ref(self.remote, REF)
        if there == self._last.head:
            return self._last
        head = self._fetched(depth=1)
        entries = {one.path.decode(): one for one in self._git.files(head, ".") if _expected(one)}
        odd = {path: one.mode for path, one in entries.items() if one.mode != PLAIN}
        plain = [path for path in entries if path not in odd]
        contents = self._contents([entries[path].object for path in plain])
        self._last = State(head, dict.fromkeys(odd, b"") | dict(zip(plain, contents, strict=True)), odd)
        return self._last

    def _contents(self, blobs: list[str]) -> list[bytes]:
        size = sum(self._git.sizes(blobs))
        if size > LARGEST:
            raise ContractError(f"ledger: its files have {size:,} bytes; {LARGEST:,} are read")
        return self._git.blobs(blobs)

    def write(self, state: State, changes: Mapping[str, bytes], message: str, now: datetime) -> State:
        """Put files onto what was read, as one commit; without a change there is none.

        `message` is words of our own and slugs: `attempt quant_signals 0f3a…`. Raises Moved when
        somebody wrote since, and ServiceError when the ledger is away or refuses.
        """
        news = {path: content for path, content in changes.items() if state.files.get(path) != content}
        if not news:
            return state
        commit = self._commit(state.head, news, message, now)
        try:
            self._git.push(self.remote, f"{commit}:{REF}")
        except ServiceError as error:
            self._look(commit, state, error)
        odd = {path: mode for path, mode in state.odd.items() if path not in news}
        self._last = State(commit, {**state.files, **news}, odd)
        return self._last

    def _look(self, commit: str, state: State, error: ServiceError) -> None:
        """After a push that ended badly: did it land? Raises Moved, or the error if nobody wrote."""
        there = self._git.remote_ref(self.remote, REF)
        head = None if there is None else self._fetched(depth=WHOLE)
        if head is not None and self._holds(head, commit):
            return
        if head != state.head:
            raise Moved("ledger: another runner wrote first", hint="run again", retryable=True) from None
        raise error

    def _holds(self, head: str, commit: str) -> bool:
        try:
            self._git("merge-base", "--is-ancestor", commit, head)
        except GitError:
            return False
        return True

    def _fetched(self, depth: int) -> str:
        """The commit at the remote, brought here with its files and `depth - 1` commits before it."""
        self._git.fetch(self.remote, f"+{REF}:{_HERE}", depth=depth)
        return self._git("rev-parse", "--verify", f"{_HERE}^{{commit}}")

    def _commit(self, head: str | None, news: Mapping[str, bytes], message: str, now: datetime) -> str:
        """A commit that is nowhere yet but here."""
        if not _MESSAGE.fullmatch(message):
            raise ValueError(f"no message for the ledger: {for_log(message)}")
        for path in news:
            if not EXPECTED.fullmatch(path):
                raise UsageError(
                    f"{name_for_log(path)}: no place on the ledger for this", hint=f"runs are below {RUNS}"
                )
        lines = []
        for path, content in sorted(news.items()):
            blob = self._git("hash-object", "-w", "--no-filters", "--stdin", stdin=content)
            lines.append(f"{PLAIN} {blob}\t{path}\0")
        tree = self._git.tree(head, "".join(lines).encode())
        when = f"{int(now.timestamp())} +0000"
        who = _WHO | {name.replace("AUTHOR", "COMMITTER"): value for name, value in _WHO.items()}
        dated = who | {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
        told = f"{message}\n\nFtv4-Writer: {self._writer}\n".encode()
        parents = ["-p", head] if head else []
        return self._git.made("commit-tree", tree, *parents, stdin=told, environment=dated)


def _expected(entry: Entry) -> bool:
    return EXPECTED.fullmatch(entry.path.decode("latin-1")) is not None
