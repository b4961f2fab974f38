"""The machine's disk: files are written whole or not at all, and what it refuses is said in our words."""

import errno
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ftv4.errors import Ftv4Error

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

TEMPORARY = ".ftv4-tmp-"
"""Prefix of unfinished files; matches no dataset, config or report pattern."""

BUFFER = 1 << 18
"""Bytes written to a file at once; lines of a training file are longer than the usual 8 KiB."""

HINTS = {
    errno.ENOSPC: "make room on the disk, then run again",
    errno.EDQUOT: "make room on the disk, then run again",
    errno.EACCES: "see who may read and write there",
    errno.EPERM: "see who may read and write there",
    errno.EROFS: "name a folder that can be written",
}


@contextmanager
def os_errors_as(what: str | Callable[[], str], kind: type[Ftv4Error] = Ftv4Error) -> Iterator[None]:
    """Raise what the machine refuses in the block (no permission, a full disk) as `<what>: <why>`.

    `what` may be what gives the words, where they take longer than the block.
    """
    try:
        yield
    except OSError as error:
        why = "no such file" if error.errno == errno.ENOENT else (error.strerror or str(error)).lower()
        where = what if isinstance(what, str) else what()
        raise kind(f"{where}: {why}", hint=HINTS.get(error.errno or 0, "")) from error


@contextmanager
def whole_file(target: Path, name: str) -> Iterator[IO[bytes]]:
    """A stream that becomes the file when the block ends, and nothing if it doesn't.

    A temporary file beside it, flushed to disk, then renamed. `name` is for the message of Ftv4Error,
    which is raised when the disk refuses; errors of the block itself leave as they are.
    """
    refused = f"{name}: not written, nothing changed"
    with os_errors_as(refused):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, path = tempfile.mkstemp(prefix=TEMPORARY, dir=target.parent)
    temporary = Path(path)
    try:
        with io.BufferedWriter(_Told(handle, refused), BUFFER) as stream:
            yield stream
            with os_errors_as(refused):
                stream.flush()
                os.fsync(handle)
        with os_errors_as(refused):
            temporary.chmod(_mode(target))
            temporary.replace(target)
            _sync_folder(target.parent)
    finally:
        with suppress(OSError):
            temporary.unlink()


class _Told(io.FileIO):
    """A file whose writes fail in our words, so that nobody takes a reader's error for a writer's."""

    def __init__(self, handle: int, refused: str) -> None:
        super().__init__(handle, "wb")
        self._refused = refused

    def write(self, data: "ReadableBuffer") -> int:
        with os_errors_as(self._refused):
            return super().write(data)


def _mode(target: Path) -> int:
    """Permissions of the file replaced, else what the umask gives a new one."""
    with suppress(FileNotFoundError):
        return target.stat().st_mode & 0o777
    return 0o666 & ~_umask()


@cache
def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
