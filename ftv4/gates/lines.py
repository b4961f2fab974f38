"""Names the lines that a finding about several rows is about."""

SHOWN = 5
"""Lines that are named; the rest is counted."""


class Lines:
    """How many lines there are, and the first of them."""

    def __init__(self, shown: int = SHOWN) -> None:
        self._shown = shown
        self._count = 0
        self._first: list[int] = []

    def add(self, line: int) -> None:
        """Count one more; lines come in order."""
        self._count += 1
        if len(self._first) < self._shown:
            self._first.append(line)

    def __len__(self) -> int:
        return self._count

    @property
    def first(self) -> int | None:
        """The first line; None where there is none."""
        return self._first[0] if self._first else None

    def __str__(self) -> str:
        """`line 21`; `lines 1, 2, 3, 4, 5 and 636 more`."""
        more = self._count - len(self._first)
        named = ", ".join(map(str, self._first))
        return f"line{'s' * (self._count > 1)} {named}{f' and {more:,} more' if more else ''}"
