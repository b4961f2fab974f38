"""Plants the shipped eval cases' own answers among the shipped rows: one alone, or all of them at once.

The rows and the cases are written by the same voices: nearly all that a case says, some row says, too.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import product
from typing import Any, NamedTuple

from benchmarks import defects as how
from benchmarks.corpus import shipped
from benchmarks.planting import Defect, Field, Planted, approved, case_ids, cases
from ftv4.stages.stage import Stage

GATE = "contamination"
OWN = ("data_limits", "evidence_refs", "signals", "window")
"""Members of an answer that follow from the row's own question."""


class Form(NamedTuple):
    """A way to write a case's answer."""

    name: str
    change: Callable[[Field, int], object]
    """Given the place of the row that has it."""
    held: bool = True


def _as_it_is(field: Field, place: int) -> None:
    """Letter for letter."""


def _spelled(hide: how.Hide) -> Callable[[Field, int], object]:
    return lambda field, place: field.edit(place, lambda text: hide(text, field.chance))


def _reworded(count: int) -> Callable[[Field, int], object]:
    """Some words of the whole answer as others."""

    def change(field: Field, place: int) -> None:
        for _ in range(count):
            field.edit(place, lambda text: how._other_word(text, field.chance), 1e-9)

    return change


FORMS = (
    Form("as it is", _as_it_is),
    Form("other spaces", _spelled(how.spaced)),
    Form("capitals", _spelled(how.shouted)),
    Form("homoglyphs", _spelled(how.homoglyphs)),
    Form("zero-width", _spelled(how.unseen)),
    Form("punctuation", _spelled(how.punctuated)),
    Form("a word changed", _reworded(1)),
    Form("three words changed", _reworded(3)),
    Form("eight words changed", _reworded(8), held=False),
)


def case_kinds() -> Iterator[Defect]:
    """Every form, alone and all at once."""
    for form, many in product(FORMS, (False, True)):
        yield _kind(form, many)


def _kind(form: Form, many: bool) -> Defect:
    name = f"shipped case, {form.name}, {'all at once' if many else 'alone'}"
    return Defect(GATE, name, ("eval_answer",), lambda field: None, form.held)


def planted(stage: Stage, seed: int, form: Form, many: bool) -> Field:
    """The shipped rows, and among them a case's answer under another row's question; or every case's."""
    rows = [approved(row) for row in shipped(stage.name)]
    field = Field(stage, seed, len(rows))
    field.rows = rows
    answers = list(zip(case_ids(), cases(stage.name), strict=True))
    for name, (_, answer) in answers if many else [field.chance.choice(answers)]:
        place = _copy(field, answer)
        form.change(field, place)
        field.approve(place)
        field.planted.append(Planted(_kind(form, many), place + 1, name))
    return field


def _copy(field: Field, answer: Any) -> int:
    """A further row, which asks what another one asks and gives a case's answer."""
    _, place = field.copy()
    own = field.rows[place]["output"]
    kept = {name: own[name] for name in OWN if name in own}
    field.rows[place]["output"] = deepcopy(answer) | kept
    return place
