"""The only module that reads the environment, and knows whether it runs in Actions."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def variable(name: str) -> str | None:
    """An environment variable; empty counts as absent (Actions hands unset secrets over as "")."""
    return os.environ.get(name) or None


def in_actions() -> bool:
    """Whether a workflow run is what started us."""
    return variable("GITHUB_ACTIONS") == "true"


def actor() -> str | None:
    """Who started the workflow run, as the platform says."""
    return variable("GITHUB_ACTOR") if in_actions() else None


def summarise(markdown: str) -> bool:
    """Add to the run's summary page; false outside Actions, where there is none."""
    page = variable("GITHUB_STEP_SUMMARY")
    if page is None:
        return False
    with Path(page).open("a", encoding="utf-8") as summary:
        summary.write(markdown)
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
