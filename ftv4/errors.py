"""What can go wrong, and the exit code that tells a workflow which.

Ftv4Error             1   something nobody foresaw, or this machine refuses (disk, port)
├── UsageError        2   the command line asks for something that cannot be
├── ContractError     3   a file does not say what it must
├── GateError         4   the files are well formed, and a gate refuses them
└── ServiceError      5   a provider or forge refuses, or cannot be reached

A message says where, what is wrong, and what to do. `problems` holds the further lines
when a file has several: all of them are shown at once.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Ftv4Error(Exception):
    """Shown to people as `error: <message>`, then one indented line a problem, then `hint: …`."""

    exit_code = 1

    def __init__(self, message: str, *, problems: Iterable[str] = (), hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.problems = tuple(problems)
        self.hint = hint


class UsageError(Ftv4Error):
    """The command line asks for something that cannot be."""

    exit_code = 2


class ContractError(Ftv4Error):
    """A file does not say what it must; the author of the file can mend it.

    `line` is the physical line, from 1, where one line is to blame.
    """

    exit_code = 3

    def __init__(
        self, message: str, *, problems: Iterable[str] = (), hint: str = "", line: int | None = None
    ) -> None:
        super().__init__(message, problems=problems, hint=hint)
        self.line = line


class GateError(Ftv4Error):
    """The files are well formed, and a gate refuses them."""

    exit_code = 4


class ServiceError(Ftv4Error):
    """A provider or forge refuses, or cannot be reached.

    `retryable` is true when the same request may succeed later (a lost connection, 429, 5xx) and
    false when it will not until somebody changes something (401, 403, no quota).
    """

    exit_code = 5

    def __init__(
        self, message: str, *, problems: Iterable[str] = (), hint: str = "", retryable: bool = False
    ) -> None:
        super().__init__(message, problems=problems, hint=hint)
        self.retryable = retryable


@contextmanager
def alongside(error: BaseException | None) -> Iterator[None]:
    """Clear up after an error: what goes wrong at that is one more problem of it, and doesn't hide it."""
    try:
        yield
    except Ftv4Error as other:
        if not isinstance(error, Ftv4Error):
            raise
        error.problems += (other.message,)
