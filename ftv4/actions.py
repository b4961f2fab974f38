"""The only module that reads the environment, and knows whether it runs in Actions."""

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ftv4.contracts import Json
from ftv4.encode import SUMMARY, fit, for_log, for_output, utf8
from ftv4.errors import ContractError, Ftv4Error, GateError, UsageError

T = TypeVar("T", bound=int | str | dict[str, Any])
LARGEST_EVENT = 32 << 20
"""Bytes of an event that are read; the platform drops one above 25 MiB."""


def variable(name: str) -> str | None:
    """An environment variable; empty counts as absent (Actions hands unset secrets over as "")."""
    return os.environ.get(name) or None


def needed(name: str) -> str:
    """An environment variable that must be set. Raises UsageError."""
    value = variable(name)
    if value is None:
        raise UsageError(f"{name} is not set", hint="a workflow run sets it")
    return value


def in_actions() -> bool:
    """Whether a workflow run is what started us."""
    return variable("GITHUB_ACTIONS") == "true"


def actor() -> str | None:
    """Who started the workflow run, as the platform says."""
    return variable("GITHUB_ACTOR") if in_actions() else None


def run_id() -> int:
    """The number of this workflow run. Raises UsageError outside of one."""
    text = needed("GITHUB_RUN_ID")
    if not re.fullmatch(r"[0-9]{1,19}", text):
        raise UsageError(f"GITHUB_RUN_ID is {for_log(text)}, no number", hint="a workflow run sets it")
    return int(text)


def run_url() -> str | None:
    """The web page of this workflow run; None outside of one."""
    parts = [variable(name) for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    url = "{}/{}/actions/runs/{}".format(*parts)
    return url if all(parts) and re.fullmatch(r"https?://[A-Za-z0-9._:/-]+", url) else None


# what started the run


def event() -> Json:
    """The event that started the workflow run. Raises UsageError where there is none that can be read."""
    where = "the event of GITHUB_EVENT_PATH"
    try:
        with Path(needed("GITHUB_EVENT_PATH")).open("rb") as stream:
            text = stream.read(LARGEST_EVENT + 1)
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except OSError as error:
        raise UsageError(f"{where}: {(error.strerror or str(error)).lower()}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where} is not JSON: {for_log(str(error))}") from None
    if len(text) > LARGEST_EVENT or not isinstance(found, dict):
        raise UsageError(f"{where} is no event")
    return found


def told(event: Json, *path: str, kind: type[T]) -> T:
    """What an event says at a path of members. Raises UsageError that names the member it lacks."""
    value: Any = event
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise UsageError(
            f"the event says no {'.'.join(path)}", hint="is this the workflow that the command is for?"
        )
    return value


def trusted_event(*kinds: str) -> Json:
    """The event, if it is of one of these kinds and the default branch's own workflow is what runs.

    A workflow can be started from any branch, by a writer's own version of its file: it would choose
    what to run and what to say (threat 23). Raises GateError then, and UsageError for what isn't told.
    """
    kind, found = needed("GITHUB_EVENT_NAME"), event()
    if kind == "schedule":
        found |= {"repository": _of_the_clock()}
    main = f"refs/heads/{told(found, 'repository', 'default_branch', kind=str)}"
    home = told(found, "repository", "full_name", kind=str)
    workflow = needed("GITHUB_WORKFLOW_REF")
    wrong = {
        f"GITHUB_EVENT_NAME is {for_log(kind)}, not {' or '.join(kinds)}": kind not in kinds,
        f"GITHUB_REF is {for_log(needed('GITHUB_REF'))}": needed("GITHUB_REF") != main,
        f"the event's ref is {for_log(str(found.get('ref', main)))}": found.get("ref", main) != main,
        f"GITHUB_WORKFLOW_REF is {for_log(workflow)}": not _is_ours(workflow, home, main),
        "GITHUB_REPOSITORY is another than the event's": needed("GITHUB_REPOSITORY") != home,
        "GITHUB_REPOSITORY_ID is another than the event's": needed("GITHUB_REPOSITORY_ID")
        != str(told(found, "repository", "id", kind=int)),
    }
    if any(wrong.values()):
        raise GateError(
            "only the default branch's own workflow may do this; nothing was done",
            problems=[problem for problem, holds in wrong.items() if holds],
            hint=f"start it from {for_log(main.removeprefix('refs/heads/'))}",
        )
    return found


def _of_the_clock() -> Json:
    """The repository, which the event of a schedule may leave out: it starts the default branch alone."""
    number = needed("GITHUB_REPOSITORY_ID")
    return {
        "id": int(number) if number.isdecimal() else number,
        "full_name": needed("GITHUB_REPOSITORY"),
        "default_branch": needed("GITHUB_REF").removeprefix("refs/heads/"),
    }


def _is_ours(workflow: str, home: str, main: str) -> bool:
    path, _, ref = workflow.partition("@")
    return path.startswith(f"{home}/.github/workflows/") and ref == main


def _once(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a member twice")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


# what the run says


def output(name: str, value: str | int) -> bool:
    """Set an output of this step: numbers, a word, a digest, base64url. False outside Actions.

    Raises ContractError for anything else: a line more would set what it likes (threat 31).
    """
    try:
        line = for_output(name, value)
    except ValueError as error:
        raise ContractError(str(error)) from None
    return _append("GITHUB_OUTPUT", lambda before: line)


def summarise(markdown: str) -> bool:
    """Add to this step's summary page, at most until it is full; false outside Actions.

    The platform drops a larger page and leaves the job green: what has no room is counted on it.
    """
    lines = markdown.splitlines(keepends=True)
    more = "and {} more lines, for which this page has no room.".format
    return _append("GITHUB_STEP_SUMMARY", lambda before: fit(lines, SUMMARY - before, more, utf8))


def _append(name: str, text: Callable[[int], str]) -> bool:
    """Add text to a file that the runner reads; `text` is told how many bytes are in it already."""
    page = variable(name)
    if page is None:
        return False
    try:
        with Path(page).open("ab") as stream:
            stream.write(text(stream.tell()).encode())
    except OSError as error:
        raise Ftv4Error(f"{name} can't be written: {(error.strerror or str(error)).lower()}") from None
    except ValueError:
        raise Ftv4Error(f"{name}: the page is full") from None
    return True


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Set variables while the block runs; for programs that start their own services."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
