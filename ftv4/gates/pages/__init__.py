"""What rules want, and why: one file a gate, one table a rule, for `ftv4 explain`."""

import tomllib
from importlib.resources import files
from typing import Any


def written(gate: str) -> dict[str, dict[str, Any]]:
    """The pages of a gate's rules: members `wants`, `why`, `bad`, `good`; some `severity`, `fix`, `policy`."""
    return tomllib.loads((files(__package__) / f"{gate}.toml").read_text("utf-8"))
