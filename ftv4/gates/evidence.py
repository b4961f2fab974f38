"""What findings show of rows: cut, encoded, and never what is personal or secret."""

from ftv4.encode import for_log
from ftv4.guards import private

LOOKED_AT = 20
"""How many times what is shown is searched for what must not be."""


def quoted(text: str, limit: int) -> str:
    """The start of a text, encoded; of one that holds something private nothing."""
    if private.find(text[: LOOKED_AT * limit]):
        return "(not shown: it looks private)"
    return for_log(text, limit)


def likeness(similarity: float) -> str:
    """A similarity with two decimals; 1.00 is kept for texts that are the same."""
    return f"{min(similarity, 0.99):.2f}"
