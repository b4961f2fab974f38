"""Collects files that belong together, then puts them down together: all of them, or none."""

from types import TracebackType

from ftv4.documents import Repository
from ftv4.errors import alongside


class Shelf:
    """Paths are claimed as they are named, so that two runs of one second don't share a file.

    As a context manager: what was claimed and isn't put down is taken away when the block ends.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._claimed: set[str] = set()
        self.files: dict[str, bytes] = {}
        """Path → content, in the order they will be written."""

    def __enter__(self) -> "Shelf":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for path in sorted(self._claimed):
            with alongside(error):
                self._repository.remove_file(path)

    def claim(self, pattern: str, stamp: str) -> str:
        """A path that nobody has: `pattern` with `{}` as the stamp, numbered when it is taken."""
        path = self._repository.new_file(pattern, stamp)
        self._claimed.add(path)
        return path

    def hold(self, path: str, content: str | bytes) -> None:
        """Keep a file for later."""
        self.files[path] = content.encode() if isinstance(content, str) else content

    def put_down(self) -> None:
        """Write every file, in order; the new ones are taken away again when one can't be written."""
        self._claimed |= {path for path in self.files if not self._repository.has(path)}
        for path, content in self.files.items():
            self._repository.write(path, content)
        self._claimed -= self.files.keys()
