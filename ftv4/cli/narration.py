"""Tells on stderr how a job gets on, and how to come back to it."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from ftv4.cli.say import say
from ftv4.encode import for_log, name_for_log

if TYPE_CHECKING:
    from ftv4.contracts.run import Job, JobEvent
    from ftv4.steps.follow import Tell
    from ftv4.steps.runs import Run


@contextmanager
def narrating(run: "Run | None") -> Iterator["Tell"]:
    """Follow a job of a run (None: of nobody's here): a live line on a terminal, else one line a change."""
    with _resumable(run), ExitStack() as screen:
        if not sys.stderr.isatty():
            yield _changes()
            return
        from rich.console import Console
        from rich.text import Text

        live = screen.enter_context(Console(stderr=True).status("looking for the job"))
        yield lambda job, event: live.update(Text(f"{_line(job)}  {for_log(event.message) if event else ''}"))


def _changes() -> "Tell":
    """Say a job's status whenever it is another one."""
    last = ""

    def tell(job: "Job", event: "JobEvent | None") -> None:
        nonlocal last
        if job.status != last:
            say(_line(job), error=True)
        last = job.status

    return tell


def _line(job: "Job") -> str:
    return f"{name_for_log(job.id)} {job.status}"


@contextmanager
def _resumable(run: "Run | None") -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        target = run.folder if run else "JOB_ID"
        say(f"\nthe job goes on without us: `ftv4 ft follow {target}` comes back to it", error=True)
        raise
