"""Tells what a change does to the files that judge data: each value of policy, waivers and providers.

Each before and after: the verdict on the change is by the values before it; the others hold from the next
change on. Whose address is another is sent the rows and the key.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ftv4.canonical import canonical
from ftv4.clients.git import Entry, Git
from ftv4.contracts.findings import Setting
from ftv4.contracts.jsontext import NotJson, loads
from ftv4.documents import POLICY, PROVIDERS
from ftv4.encode import for_log
from ftv4.gates.question import LONGEST_POINTER
from ftv4.guards.private import find
from ftv4.steps.snapshot import FILES
from ftv4.steps.waivers import WAIVERS

TOLD = (POLICY, WAIVERS, PROVIDERS)
"""Files whose values are told."""
LARGEST = 1 << 20
"""Bytes of a settings file; a larger one is said to be different, and not read."""
MOST = 500
"""Values that a report lists."""
OF_TEXT = 200
"""Characters of a value."""


class _Pair(NamedTuple):
    pointer: str
    before: Any
    after: Any


class _Nothing:
    """Stands for what isn't there."""


class _Unread(str):
    """Stands for a file that has no value: why."""


NOTHING = _Nothing()


def settings(git: Git, changes: Iterable[Entry]) -> Iterator[Setting]:
    """Every value of these files that the change touches, in the order of the files.

    Lists are compared as sets are: what went, what came, each with its place.
    """
    for entry in changes:
        file = entry.path.decode(errors="replace")
        if file in TOLD:
            before = _read(git, entry.before, "100644") if int(entry.before, 16) else {}
            after = {} if entry.removed else _read(git, entry.object, entry.mode)
            for pair in _differences(before, after, ""):
                pointer = pair.pointer[:LONGEST_POINTER].encode(errors="replace").decode()
                yield Setting(
                    file=file, pointer=pointer, before=_shown(pair.before), after=_shown(pair.after)
                )


def _read(git: Git, blob: str, mode: str) -> Any:
    """A file's value, or why it has none."""
    if mode not in FILES:
        return _Unread(f"not a file: mode {mode}")
    if (size := git.size(blob)) > LARGEST:
        return _Unread(f"not read: {size} bytes, {blob[:12]}")
    with git.blob(blob) as stream:
        try:
            return loads(stream.read())
        except NotJson as error:
            return _Unread(f"not JSON: {error}")


def _differences(before: Any, after: Any, pointer: str) -> Iterator[_Pair]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            inner = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            yield from _differences(before.get(name, NOTHING), after.get(name, NOTHING), inner)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(before, after, pointer)
    elif isinstance(before, _Nothing) or isinstance(after, _Nothing) or canonical(before) != canonical(after):
        yield _Pair(pointer, before, after)


def _of_lists(before: list[Any], after: list[Any], pointer: str) -> Iterator[_Pair]:
    """What was taken out and what was put in; two lists of the same items differ in order alone."""
    gone, come = _without(before, after), _without(after, before)
    if not (gone or come) and canonical(before) != canonical(after):
        yield _Pair(pointer, before, after)
    for place, item in gone:
        yield _Pair(f"{pointer}/{place}", item, NOTHING)
    for place, item in come:
        yield _Pair(f"{pointer}/{place}", NOTHING, item)


def _without(items: list[Any], others: list[Any]) -> list[tuple[int, Any]]:
    """The items that the others lack, with their places."""
    left = Counter(map(canonical, others))
    lacking = []
    for place, item in enumerate(items):
        if left[canonical(item)] > 0:
            left[canonical(item)] -= 1
        else:
            lacking.append((place, item))
    return lacking


def _shown(value: Any) -> str:
    if isinstance(value, _Nothing):
        return ""
    if isinstance(value, _Unread):
        return for_log(value)
    text = canonical(value)
    if find(text):
        return "not shown: private"
    return f'"{for_log(value, OF_TEXT)}"' if isinstance(value, str) else for_log(text, OF_TEXT)
