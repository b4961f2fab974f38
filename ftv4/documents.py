"""The only module that opens, and atomically writes, the repository's files.

A file is written whole or not at all, by `ftv4.disk`. A file that can't be read, or doesn't say what
it must, is an error that names every problem.
"""

import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from ftv4.canonical import sha256
from ftv4.contracts import problems
from ftv4.contracts.faults import placed
from ftv4.contracts.jsontext import TOO_LONG, NotJson, loads, trimmed
from ftv4.contracts.models import ModelsConfig
from ftv4.contracts.policy import Policy
from ftv4.contracts.providers import Providers
from ftv4.disk import TEMPORARY, os_errors_as, whole_file
from ftv4.errors import ContractError, UsageError, alongside

C = TypeVar("C", bound=BaseModel)

POLICY = "config/intelligence_v4.policy.json"
MODELS = "config/intelligence_v4.models.json"
PROVIDERS = "config/providers.json"
DEFAULTS = Path(__file__).parent / "defaults"
LONGEST_LINE = 8 << 20
"""Bytes. A row as large as its contracts allow is far below; a longer line is never held in memory."""

MOST_LINES = 4_000_000
"""Lines, blank ones too, of a file that can be a dataset."""

MOST_MEMBERS = 20_000
"""Commas of a line that can be a row. What is all brackets and commas takes long to read, and much memory."""

BUFFER = 1 << 18
"""Bytes read from a file at once; rows are about as long as the usual 8 KiB."""

STRETCH = 1 << 19
"""Bytes from which on a stretch of lines is as long as it gets."""


MEND = "mend what is named here, or restore the file from git"


class Line(NamedTuple):
    """One line of a JSON lines file, blank ones left out."""

    number: int
    """Physical, from 1: what an editor shows."""
    raw: bytes
    """As it stands in the file, without its line feed; empty when it is too long to hold."""
    value: Any
    """What it says; None when it is malformed."""
    malformed: str | None
    """Why it is not JSON, in one line."""


class Stretch(NamedTuple):
    """Whole lines of a JSON lines file, half a MiB of them: work for one process."""

    first: int
    """Physical number of the first line, from 1."""
    data: bytes
    """As they stand in the file; a line that is too long to hold is left empty."""
    too_long: Mapping[int, str]
    """By line, what is wrong with those."""
    where: str
    """The file, as messages name it."""

    def lines(self) -> Iterator[Line]:
        """The lines read, blank ones left out."""
        if self.data.isspace() and not self.too_long:
            return
        # Not splitlines(): it also breaks at U+2028, which JSON strings may hold.
        for number, raw in enumerate(self.data.split(b"\n"), self.first):
            if raw and (text := trimmed(raw)):
                yield _line(number, raw, text)
            elif number in self.too_long:
                yield Line(number, b"", None, self.too_long[number])


class Repository:
    """A checkout, by its root. Every path in and out of it is relative, with `/`."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def path(self, relative: str | Path) -> Path:
        """Where a repository path is on this machine; absolute ones stay as they are."""
        return self.root / relative

    def relative(self, path: str | Path) -> str:
        """How files of the repository name a path. Outside it, a `../` path."""
        return Path(os.path.relpath(self.path(path), self.root)).as_posix()

    # reading

    def read_text(self, path: str | Path) -> str:
        """The file's text. Raises ContractError when it is missing or isn't UTF-8."""
        try:
            return self.read_bytes(path).decode()
        except UnicodeDecodeError as error:
            raise ContractError(f"{self.relative(path)}: not UTF-8: {error.reason}") from None

    def read_bytes(self, path: str | Path) -> bytes:
        """The file's bytes. Raises ContractError when it can't be read."""
        with self.open(path) as stream, os_errors_as(lambda: self.relative(path), ContractError):
            return stream.read()

    def open(self, path: str | Path) -> IO[bytes]:
        """The file, to be read as bytes. Raises ContractError when it can't be opened."""
        with os_errors_as(lambda: self.relative(path), ContractError):
            return self.path(path).open("rb", buffering=BUFFER)

    def read(self, contract: type[C], path: str | Path) -> C:
        """A JSON file as its contract. Raises ContractError with every problem of the file."""
        return parse(contract, self.read_bytes(path), self.relative(path))

    def read_json(self, path: str | Path) -> Any:
        """A JSON file as it stands."""
        return _load(self.read_bytes(path), self.relative(path))

    def has(self, path: str | Path) -> bool:
        """Whether there is such a file or folder."""
        with os_errors_as(lambda: self.relative(path)):
            return self.path(path).exists()

    def has_folder(self, path: str | Path) -> bool:
        """Whether there is such a folder."""
        with os_errors_as(lambda: self.relative(path)):
            return self.path(path).is_dir()

    def size(self, path: str | Path) -> int:
        """Bytes of a file. Raises ContractError when it can't be opened, or never ends: a pipe, a device."""
        with os_errors_as(lambda: self.relative(path), ContractError):
            mode = self.path(path).stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            hint = "write what it gives into a file, and name that"
            raise ContractError(f"{self.relative(path)}: a pipe or a device, not a file", hint=hint)
        with self.open(path) as stream:
            return stream.seek(0, os.SEEK_END)

    def is_linked(self, path: str | Path) -> bool:
        """Whether a link in the repository is on the way to a path: git has the link, not what is there."""
        place = self.path(path)
        if not place.is_relative_to(self.root):
            place = place.parent.resolve() / place.name
        below = (one for one in (place, *place.parents) if self.root in one.parents)
        return any(one.is_symlink() for one in below)

    def lines(
        self, path: str | Path, seen: Callable[[bytes], object] | None = None, longest: int = LONGEST_LINE
    ) -> Iterator[Line]:
        """The lines of a JSON lines file, one at a time; `seen` gets every byte in passing (to hash).

        A line of more than `longest` bytes, or that isn't UTF-8 text, is malformed. Raises ContractError
        when the file can't be opened.
        """
        for stretch in self.stretches(path, seen, longest):
            yield from stretch.lines()

    def stretches(
        self, path: str | Path, seen: Callable[[bytes], object] | None = None, longest: int = LONGEST_LINE
    ) -> Iterator[Stretch]:
        """The same lines, not read yet. Raises ContractError when the file can't be opened."""
        # What is wrong with a reader of these lines isn't raised in here, but where it reads.
        with self.open(path) as stream, os_errors_as(lambda: self.relative(path), ContractError):
            yield from _stretches(stream, self.relative(path), seen or len, longest)

    def files(self, folder: str | Path, pattern: str) -> list[Path]:
        """Files below a folder, in path order, unfinished ones left out; none if there is no folder."""
        with os_errors_as(self.relative(folder)):
            found = self.path(folder).glob(pattern)
            return sorted(path for path in found if path.is_file() and not path.name.startswith(TEMPORARY))

    def folders(self, parent: str | Path) -> list[str]:
        """The folders in a folder, in order, links left out; none if there is no folder."""
        with os_errors_as(self.relative(parent)):
            found = sorted(self.path(parent).glob("*"))
            return [self.relative(path) for path in found if path.is_dir() and not path.is_symlink()]

    def policy(self, path: str | Path | None = None) -> Policy:
        """The policy; never silently the defaults where the repository should have its own."""
        return self.read(Policy, path) if path else self.read(Policy, self._config(POLICY))

    def models(self) -> ModelsConfig:
        """Which model serves each stage."""
        return self.read(ModelsConfig, MODELS)

    def providers(self) -> Providers:
        """Who trains and serves models."""
        return self.read(Providers, self._config(PROVIDERS))

    def template(self, path: str) -> str:
        """A text of `templates/`: the repository's, or the packaged one of a file that it doesn't have."""
        own = f"templates/{path}"
        if not self.relative(own).startswith("templates/"):
            raise ContractError(f"{own}: leads out of templates/")
        return self.read_text(own if self.has(own) else shipped(own))

    def _config(self, path: str) -> Path:
        """A config file; the packaged one only where no repository is."""
        return Path(path) if self.has(path) or self.has("config") else shipped(path)

    # writing

    def write(self, path: str | Path, content: str | bytes) -> str:
        """Write a file whole or not at all; give back its repository path."""
        with self.writing(path) as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
        return self.relative(path)

    def write_contract(self, path: str | Path, document: BaseModel) -> str:
        """Write a contract as indented JSON, absent optionals left out."""
        return self.write(path, to_json(document))

    @contextmanager
    def writing(self, path: str | Path) -> Iterator[IO[bytes]]:
        """A stream that becomes the file when the block ends, and nothing if it doesn't."""
        with whole_file(self.path(path), self.relative(path)) as stream:
            yield stream

    def new_folder(self, parent: str | Path, stamp: str) -> str:
        """Make `<parent>/<stamp>`, or `<stamp>-2`, `-3` … when somebody else has it already."""
        with os_errors_as(f"{self.relative(parent)}: no folder made there"):
            self.path(parent).mkdir(parents=True, exist_ok=True)
            for name in numbered(stamp):
                with suppress(FileExistsError):
                    self.path(parent).joinpath(name).mkdir()
                    return self.relative(Path(parent) / name)
        raise AssertionError("unreachable")

    @contextmanager
    def building(self, parent: str | Path, stamp: str) -> Iterator[str]:
        """A `new_folder` that is taken away again when the block doesn't end well."""
        folder = self.new_folder(parent, stamp)
        try:
            yield folder
        except BaseException as error:
            with alongside(error):
                self.remove_folder(folder)
            raise

    def empty_folder(self, folder: str | Path) -> bool:
        """Make a folder unless it is there; whether nothing is in it."""
        with os_errors_as(f"{self.path(folder)}: no folder made there"):
            self.path(folder).mkdir(parents=True, exist_ok=True)
            return not any(self.path(folder).iterdir())

    def remove_folder(self, folder: str | Path) -> None:
        """Take a folder away, with all that is in it, if it is there."""
        with os_errors_as(f"{self.relative(folder)}: not removed"):
            if self.path(folder).exists():
                shutil.rmtree(self.path(folder))

    def remove_file(self, path: str | Path) -> None:
        """Take a file away, if it is there."""
        with os_errors_as(f"{self.relative(path)}: not removed"):
            self.path(path).unlink(missing_ok=True)

    @contextmanager
    def locked(self, folder: str | Path) -> Iterator[None]:
        """Keep other processes of this machine out of a folder's business until the block ends."""
        import fcntl

        with ExitStack() as open_files:
            with os_errors_as(f"{self.relative(folder)}: not locked"):
                self.path(folder).mkdir(parents=True, exist_ok=True)
                handle = os.open(self.path(folder), os.O_RDONLY)
                open_files.callback(os.close, handle)
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def new_file(self, pattern: str, stamp: str) -> str:
        """Claim a fresh file: `pattern` with `{}` as the stamp, numbered when it is taken."""
        with os_errors_as(f"{pattern.format(stamp)}: not made"):
            for name in numbered(stamp):
                path = self.path(pattern.format(name))
                path.parent.mkdir(parents=True, exist_ok=True)
                with suppress(FileExistsError):
                    path.touch(exist_ok=False)
                    return self.relative(path)
        raise AssertionError("unreachable")


def find_repository(start: Path | None = None) -> Repository:
    """The nearest folder upwards that holds our config, else the start itself: by default this folder."""
    with os_errors_as("no repository here", UsageError):
        start = start or Path.cwd()
        for folder in (start, *start.resolve().parents):
            if (folder / MODELS).is_file() or (folder / POLICY).is_file():
                return Repository(folder)
        return Repository(start)


def parse(contract: type[C], text: bytes | str, where: str) -> C:
    """Read a JSON text as its contract. Raises ContractError with every problem."""
    value = _load(text, where)
    try:
        return contract.model_validate(value)
    except ValidationError as error:
        found = placed(problems(error), text)
        raise ContractError(
            f"{where}: {len(found)} problem{'s' if len(found) > 1 else ''}",
            problems=[f"{where}#{one.pointer or '/'}: {one.problem} (line {one.line})" for one in found],
            hint=MEND,
            line=found[0].line,
        ) from None


def to_json(document: BaseModel) -> str:
    """A contract as the indented JSON our files hold: contract order, final newline."""
    plain = document.model_dump(mode="json", by_alias=True, exclude_none=False)
    return orjson.dumps(plain, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def file_sha256(repository: Repository, path: str | Path) -> str:
    """Hex SHA-256 of the file's bytes."""
    return sha256(repository.read_bytes(path))


def shipped(path: str) -> Path:
    """A file that comes with the package: from the wheel, or from the checkout it runs in."""
    packaged = DEFAULTS / path
    return packaged if packaged.exists() else Path(__file__).parents[1] / path


def _load(text: bytes | str, where: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ContractError(
            f"{where}:{error.lineno}: not JSON: {error.msg} (column {error.colno})",
            hint=MEND,
            line=error.lineno,
        ) from None


def _stretches(
    stream: IO[bytes], where: str, seen: Callable[[bytes], object], longest: int
) -> Iterator[Stretch]:
    first = 1
    while data := stream.read(STRETCH):
        if not data.endswith(b"\n"):
            data += stream.readline(longest + 1)
        seen(data)
        ended = data.endswith(b"\n")
        lines = data.count(b"\n") + (not ended)
        if first + lines > MOST_LINES + 1:
            told = f"{where}:{MOST_LINES + 1}: more than {MOST_LINES:,} lines"
            raise ContractError(told, hint="split the dataset", line=MOST_LINES + 1)
        stretch = Stretch(first, data, {}, where)
        yield _cut(stretch, longest) if len(data) > longest else stretch
        first += lines
        while not ended and (rest := stream.readline(longest + 1)):
            seen(rest)
            ended = rest.endswith(b"\n")


def _cut(stretch: Stretch, longest: int) -> Stretch:
    """Without its lines of more bytes."""
    lines = stretch.data.split(b"\n")
    places = [place for place, line in enumerate(lines) if len(line) > longest]
    too_long = {
        stretch.first + place: f"{TOO_LONG} {longest} bytes{_returns(lines[place])}" for place in places
    }
    for place in places:
        lines[place] = b""
    return stretch._replace(data=b"\n".join(lines), too_long=too_long)


def _line(number: int, raw: bytes, text: bytes) -> Line:
    if len(text) > MOST_MEMBERS and text.count(b",") > MOST_MEMBERS:
        return Line(number, raw, None, f"more than {MOST_MEMBERS:,} members")
    try:
        return Line(number, raw, loads(text), None)
    except NotJson as error:
        return Line(number, raw, None, f"{error}{_returns(text)}")


def _returns(line: bytes) -> str:
    """What to know of a line that is none because others write the end of lines otherwise."""
    return "; carriage returns stand in it, and a line ends with a line feed" if b"\r" in line else ""


def numbered(stamp: str) -> Iterable[str]:
    """A stamp, then `<stamp>-2`, `-3` …: names for those that come in one second."""
    yield stamp
    yield from (f"{stamp}-{number}" for number in range(2, 10_000))
