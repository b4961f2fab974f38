"""What rules want, and why: one file a gate, one table a rule, for `ftv4 explain`."""

import tomllib
from importlib.resources import files
from typing import Any


def written(gate: str) -> dict[str, dict[str, Any]]:
    """The pages of a gate's rules, none of a gate without a file.

    Each says `wants`, `why`, `bad` and `good`; where need be `severity`, `fix`, and `policy`: its numbers.
    """
    page = files(__package__) / f"{gate}.toml"
    return tomllib.loads(page.read_text("utf-8")) if page.is_file() else {}
