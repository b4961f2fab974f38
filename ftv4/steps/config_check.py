"""Holds what a change makes of policy, waivers, providers and eval cases against what these files must be.

The verdict on the change is by the files of its base; these would judge every change after it.
models.json is the verifier's: `ftv4.steps.verify_models`.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice
from pathlib import PurePosixPath

import orjson
from pydantic import BaseModel

from ftv4.canonical import canonical
from ftv4.clients.git import Entry, Git
from ftv4.contracts.evaluation import Case
from ftv4.contracts.faults import Fault, faults, placed
from ftv4.contracts.findings import Finding
from ftv4.contracts.policy import Policy
from ftv4.contracts.providers import Providers
from ftv4.contracts.waivers import Waivers
from ftv4.documents import POLICY, PROVIDERS
from ftv4.encode import for_log
from ftv4.gates.question import LONGEST_POINTER
from ftv4.guards.private import find
from ftv4.steps.cases import CASES, wrong
from ftv4.steps.details import at
from ftv4.steps.snapshot import FILES
from ftv4.steps.tree import finding, name_of
from ftv4.steps.waivers import WAIVERS, failing, held

CONTRACTS: dict[str, type[BaseModel]] = {POLICY: Policy, WAIVERS: Waivers, PROVIDERS: Providers}
NEEDED = (POLICY, PROVIDERS)
"""Files without which there is no verdict."""
RULE = "config_invalid"
LARGEST = 1 << 20
"""Bytes of such a file; a larger one is not read, and so refused."""
MOST = 50
"""Problems of a file that are listed."""
MOST_IN_ALL = 1_000
TOGETHER = 32
"""Files that are held at once."""
OF_VALUE = 100
"""Characters of a value."""


def check(git: Git, changes: Iterable[Entry], today: date, provider: str | None) -> tuple[Finding, ...]:
    """What is against these files as the change leaves them. `provider`: whose prices forecasts have."""
    known = [entry for entry in changes if _contract(name_of(entry.path))]
    return tuple(islice(_check(git, known, today, provider), MOST_IN_ALL))


def _check(git: Git, known: list[Entry], today: date, provider: str | None) -> Iterator[Finding]:
    readable = []
    for entry in known:
        if problem := _unreadable(git, entry):
            yield finding(RULE, name_of(entry.path), problem)
        elif not entry.removed:
            readable.append(entry)
    for start in range(0, len(readable), TOGETHER):
        some = readable[start : start + TOGETHER]
        texts = git.blobs([entry.object for entry in some])
        for entry, text in zip(some, texts, strict=True):
            yield from _of_text(name_of(entry.path), text, today, provider)


def _contract(name: str) -> type[BaseModel] | None:
    path = PurePosixPath(name)
    is_case = str(path.parent) == CASES and path.suffix == ".json"
    return Case if is_case else CONTRACTS.get(name)


def _unreadable(git: Git, entry: Entry) -> str:
    """Why a file can't be read at all; empty when it can, or need not be there."""
    if entry.removed:
        gone = name_of(entry.path) in NEEDED
        return "is taken away, and every verdict needs it" if gone else ""
    if entry.mode not in FILES:
        return f"no plain file, but mode {entry.mode}"
    size = git.size(entry.object)
    return f"{size:,} bytes; at most {LARGEST:,} are read" if size > LARGEST else ""


def _of_text(name: str, text: bytes, today: date, provider: str | None) -> Iterator[Finding]:
    contract = _contract(name) or Case
    found = faults(contract, text) or _beyond(name, text, provider)
    for fault in found[:MOST]:
        yield _finding(name, fault, text)
    if len(found) > MOST:
        yield finding(RULE, name, f"and {len(found) - MOST:,} more problems of this file")
    if name == WAIVERS and not found:
        yield from (against for against, _ in islice(failing(held(text), today), MOST))


def _beyond(name: str, text: bytes, provider: str | None) -> list[Fault]:
    """What is wrong with a file that has its shape."""
    if name == PROVIDERS and provider is not None:
        known = Providers.model_validate_json(text).providers
        lacks = f"no provider {for_log(provider)}, whose prices the forecasts have"
        return [] if provider in known else [Fault("/providers", 1, lacks)]
    if name.startswith(f"{CASES}/"):
        return placed(wrong(Case.model_validate(orjson.loads(text)), name), text)
    return []


def _finding(name: str, fault: Fault, text: bytes) -> Finding:
    found = finding(RULE, name, fault.problem, fault.line, fault.pointer[:LONGEST_POINTER])
    return found.model_copy(update={"value": _value(fault, text)})


def _value(fault: Fault, text: bytes) -> str:
    """What stands there, of what is short and not private."""
    there = at(orjson.loads(text), fault.pointer) if fault.pointer else None
    if not isinstance(there, str | int | float):
        return ""
    said = there if isinstance(there, str) else canonical(there)
    return "" if find(said[: 20 * OF_VALUE]) else for_log(said, OF_VALUE)
