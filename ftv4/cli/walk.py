"""Shows a review pack in the terminal, item by item, and takes one key for each decision."""

import json
import sys
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import click

from ftv4.cli.say import say
from ftv4.contracts import Json
from ftv4.contracts.jsontext import NotJson, loads
from ftv4.encode import for_log, json_for_log
from ftv4.steps.items import failing, passes

if TYPE_CHECKING:
    from rich.text import Text

    from ftv4.steps.review import Desk

KEYS = "a approve · r reject · e edit · n note · s skip · b back · q quit"
SHOWN = 20
"""Objections that are listed under an item."""


class Walk:
    """One sitting at one desk. Without a terminal, keys are lines of standard input."""

    def __init__(self, desk: "Desk", reviewer: str, now: Callable[[], datetime]) -> None:
        from rich.console import Console

        self.desk = desk
        self.reviewer = reviewer
        self.now = now
        self.console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
        self.keys: dict[str, Callable[[int], int]] = {
            "a": self._approve,
            "r": self._reject,
            "e": self._edit,
            "n": self._note,
            "s": self._next,
            "b": lambda at: max(0, at - 1),
            "q": lambda at: len(desk.items),
        }

    def start(self) -> None:
        """Walk from the first undecided item to the end, or to `q`."""
        at = self.desk.first_undecided()
        while at < len(self.desk.items):
            self._show(at)
            at = self._ask(at)

    def _ask(self, at: int) -> int:
        """Ask until a key means something; give back where to go. No more keys is `q`."""
        key = "?"
        while key and key not in self.keys:
            click.echo(f"{KEYS} > ", nl=False)
            key = _key()
            say(key)
        return self.keys[key or "q"](at)

    def _next(self, at: int) -> int:
        rest = (later for later in range(at + 1, len(self.desk.items)) if not self.desk.items[later].decided)
        return next(rest, len(self.desk.items))

    def _approve(self, at: int) -> int:
        grades = self.desk.grades(at)
        if not passes(grades):
            say(f"It fails {failing(grades)}, and `datasets build` makes no row of what fails.")
            if not click.confirm("Approve it all the same?"):
                return at
        self.desk.approve(at, self.reviewer, self.now())
        return self._next(at)

    def _reject(self, at: int) -> int:
        self.desk.reject(at, self.reviewer, self.now())
        return self._next(at)

    def _note(self, at: int) -> int:
        self.desk.note(at, click.prompt("Note", default=self.desk.items[at].notes, show_default=False))
        return at

    def _edit(self, at: int) -> int:
        """Open the output in $EDITOR until it is accepted or given up."""
        text: str | None = json.dumps(self.desk.items[at].offered, indent=2) + "\n"
        while (text := click.edit(text, extension=".json")) is not None:
            if self._accepted(at, text) or not click.confirm("Edit again?", default=True):
                return at
        say("Nothing was changed.")
        return at

    def _accepted(self, at: int, text: str) -> bool:
        """Check an edited text, show what the graders say of it, and keep it if that is wanted."""
        try:
            output = _object(text)
            problems = self.desk.problems(at, output)
        except NotJson as error:
            say(f"Not kept: not a JSON object: {error}")
            return False
        if problems:
            say("Not kept: it does not fit the contract")
            for problem in problems[:SHOWN]:
                say(f"  {for_log(problem.pointer) or '/'}: {for_log(problem.problem)}")
            return False
        self._show_verdict(at, output)
        if not click.confirm("Keep this version?", default=True):
            return False
        self.desk.edit(at, output)
        return True

    # showing

    def _show(self, at: int) -> None:
        from rich.text import Text

        item = self.desk.items[at]
        self.console.rule(f"{at + 1} of {len(self.desk.items)}")
        state = "approved" if item.approved else "rejected" if item.decided else "undecided"
        self._line(f"{for_log(item.id)}  {state}{', edited' if item.edited_output is not None else ''}")
        self._line(f"{item.stage_name} · {for_log(item.industry)} · {for_log(item.created_at[:10])}")
        for ref in item.input.get("evidence_index", {}).get("refs", ()):
            self._line(f"  {for_log(str(ref))}")
        if item.notes:
            self._line(f"note: {for_log(item.notes)}")
        self.console.print(self._highlighted(at, Text(json_for_log(json.dumps(item.offered, indent=2)))))
        self._show_verdict(at, item.offered)

    def _highlighted(self, at: int, text: "Text") -> "Text":
        """The output with the words that a guard objects to marked."""
        words = {objection.subject for objection in self.desk.objections(at) if objection.subject}
        text.highlight_words(sorted(words), "bold white on red", case_sensitive=False)
        return text

    def _show_verdict(self, at: int, output: Json) -> None:
        from rich.text import Text

        line = Text("grades: ")
        for name, grade in self.desk.grades(at, output).model_dump(by_alias=True, exclude_none=True).items():
            line.append(f"{name} {grade}  ", "green" if grade == "pass" else "bold red")
        self.console.print(line)
        for objection in self.desk.objections(at, output)[:SHOWN]:
            about = f" ({for_log(objection.subject)})" if objection.subject else ""
            self._line(f"  {objection.code} at {for_log(objection.pointer) or '/'}{about}")

    def _line(self, text: str) -> None:
        self.console.print(text, markup=False)


def _object(text: str) -> Json:
    """A text as a JSON object. Raises NotJson."""
    value = loads(text)
    if not isinstance(value, dict):
        raise NotJson("it is JSON of another kind")
    return value


def _key() -> str:
    """One key from the terminal, or the first character of a line; empty at the end of the input."""
    if sys.stdin.isatty():
        return click.getchar().lower()
    line = sys.stdin.readline()
    return (line.strip()[:1] or "?").lower() if line else ""
