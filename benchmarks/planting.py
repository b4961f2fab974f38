"""Plants defects in clean rows: each in a row of its own, so that its line is known."""

import re
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import cache
from random import Random
from typing import Any, NamedTuple

import orjson

from benchmarks.corpus import ROOT, Row, clean
from ftv4.canonical import digest
from ftv4.gates.question import HeldOut
from ftv4.gates.reading import STAMPED, Reading
from ftv4.stages import STAGES, problems_of
from ftv4.stages.stage import Stage

Text = tuple[Any, Any]
"""A container and the key under which it holds a text."""


class Planted(NamedTuple):
    """A defect, and what has to be said about it."""

    defect: "Defect"
    line: int | None
    """None: the dataset as a whole."""
    named: str
    """What the finding must also name."""


class Defect(NamedTuple):
    """A kind of defect."""

    gate: str
    kind: str
    rules: tuple[str, ...]
    """Any of these must be found."""
    plant: Callable[["Field"], "Spot | None"]
    """Puts it somewhere; None where a stage has no place for it."""
    held: bool = True
    """Whether it has a structure, so that nearly all of them must be found; others are only counted."""
    bar: float | None = None
    """Share that must be found, where it is another one."""


class Spot(NamedTuple):
    """Where a defect was put."""

    place: int
    named: str = ""


class Field:
    """Clean rows of a stage, and what has been planted in them."""

    def __init__(self, stage: Stage, seed: int, count: int = 260) -> None:
        self.stage = stage
        self.chance = Random(f"{stage.name} {seed}")
        self.rows = [approved(row) for row in apart(stage.name, count, seed)]
        self.written: dict[int, bytes] = {}
        """Lines that JSON doesn't write like that."""
        self.held_out = tuple(self._held_out())
        self.cases = self.chance.sample(self.held_out, len(self.held_out))
        """Those that nothing was made from."""
        self._free = list(range(count))
        self.chance.shuffle(self._free)
        self.planted: list[Planted] = []
        self.private: list[str] = []
        """Values that no report may show."""

    def _held_out(self) -> Iterator[HeldOut]:
        """The eval cases, answered in words of their own: the shipped ones share the rows' phrases."""
        for number, (given, answer) in enumerate(cases(self.stage.name)):
            own = deepcopy(answer)
            for container, key in prose_of(own, but=""):
                container[key] = re.sub("[a-z]{4,}", self._other, container[key])
            yield HeldOut(f"case_{number:02}", given, own)

    def _other(self, word: re.Match[str]) -> str:
        """A word of its length that nobody uses; what must be said stays."""
        length = len(word[0])
        if word[0] in ("capacity", "load", "crew", "owner", "time"):
            return word[0]
        return "".join(self.chance.choice("aeiou" if at % 2 else "bdfgklmnprstv") for at in range(length))

    def sow(self, defects: Sequence[Defect]) -> None:
        """Plant them all."""
        for defect in defects:
            spot = defect.plant(self)
            if spot is not None:
                self.planted.append(Planted(defect, spot.place + 1, spot.named))

    def take(self) -> int:
        """The place of a row that nobody has used; approve it again when it is changed."""
        return self._free.pop()

    def copy(self) -> tuple[int, int]:
        """A row that nobody has used, and a copy of it under another name: their places."""
        place = self.take()
        row = deepcopy(self.rows[place])
        named(row, f"{self.chance.randrange(1 << 64):016x}")
        self.rows.append(row)
        return place, len(self.rows) - 1

    def approve(self, place: int) -> Spot:
        """Somebody has approved the row as it is now."""
        self.rows[place] = approved(self.rows[place])
        return Spot(place)

    def texts(self, place: int) -> list[Text]:
        """The prose of a row's answer."""
        return prose_of(self.rows[place]["output"])

    def say(self, place: int, sentence: str) -> None:
        """Have a row's answer say something, where there is room for it."""
        container, key = self.chance.choice(self.texts(place))
        container[key] = sentence

    def edit(self, place: int, change: Callable[[str], str], share: float = 1.0) -> Spot:
        """Change the texts of a row's answer, or a share of them, as far as its contract has room."""
        texts = self.texts(place)
        self.chance.shuffle(texts)
        for container, key in texts[: max(1, round(share * len(texts)))]:
            before = container[key]
            container[key] = change(before)
            if problems_of(self.stage, "output", self.rows[place]["output"]):
                container[key] = before
        return self.approve(place)

    def lines(self) -> bytes:
        """The dataset."""
        lines = (self.written.get(place, orjson.dumps(row)) for place, row in enumerate(self.rows))
        return b"".join(line + b"\n" for line in lines)


def approved(row: Row) -> Row:
    """The row as somebody approved it."""
    stamp = {"reviewer": "synthetic-curator", "reviewed_at": "2026-07-01T09:30:00.000Z"}
    return row | {"approval": stamp | {"output_sha256": digest(row["output"])}}


def named(row: Row, name: str) -> None:
    """Give a row another run and client."""
    row["input"]["run_id"] = f"run-{name}"
    row["input"]["client_id"] = row["client_id"] = f"client-{name[:8]}"
    row["id"] = f"run:run-{name}/stage:{row['input']['stage_name']}"


def prose_of(output: Any, but: str = "capacity_check") -> list[Text]:
    """The sentences of an answer; `but` those that must speak of capacity."""
    said = [(name, part) for name, part in output.items() if name not in STAMPED]
    return [text for name, part in said for text in prose(output, name, part, but)]


def prose(container: Any, key: Any, value: Any, but: str) -> list[Text]:
    """The sentences below a member."""
    if isinstance(value, str):
        return [(container, key)] if value.count(" ") > 3 and key != but else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [text for name, item in items for text in prose(value, name, item, but)]


@cache
def case_ids() -> tuple[str, ...]:
    """Of the eval cases, in the order of `cases`."""
    return tuple(path.stem for path in sorted((ROOT / "evals/cases").glob("*.json")))


@cache
def cases(stage: str) -> tuple[tuple[Any, Any], ...]:
    """Input and gold output of the eval cases."""
    read = (orjson.loads(path.read_bytes()) for path in sorted((ROOT / "evals/cases").glob("*.json")))
    return tuple((case["gold"][stage]["input"], case["gold"][stage]["output"]) for case in read)


def apart(stage: str, count: int, seed: int) -> list[Row]:
    """Generated rows of businesses that no eval case is about, and that don't give a case's very answer."""
    taken = {refs(given) for given, _ in cases(stage)}
    said = {Reading({"output": answer}).answer for _, answer in cases(stage)}
    rows = [row for row in clean(stage, 2 * count, seed) if refs(row["input"]) not in taken]
    return [row for row in rows if Reading(row).answer not in said][:count]


def refs(given: Any) -> tuple[str, ...]:
    """The evidence that an input offers."""
    return tuple(sorted(given["evidence_index"]["refs"]))


def stages() -> list[Stage]:
    """All of them."""
    return list(STAGES.values())
