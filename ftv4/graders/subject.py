"""What a grader is shown: one stage's answer, what was asked, and what an expert would have said."""

import re
from dataclasses import dataclass
from typing import Protocol

from ftv4.contracts import Json
from ftv4.contracts.evaluation import StageScore
from ftv4.encode import for_log
from ftv4.guards import Guards, Objection
from ftv4.stages.stage import Stage

ORDINARY = re.compile(r"[a-z0-9][a-z0-9_:/ -]{0,119}", re.ASCII)


@dataclass(frozen=True)
class Subject:
    """One answer to be graded."""

    stage: Stage
    input: Json
    """The stage input that was asked."""
    output: Json
    """The answer as it would be served: parsed, and stamped with the model that answered."""
    gold: Json | None
    """The approved output for the same case."""
    guards: Guards


class Grader(Protocol):
    """One question about an answer; its module docstring is the question."""

    __doc__: str | None

    def grade(self, subject: Subject) -> StageScore | None:
        """Answer the question; None where it does not apply to the stage."""


def line_of(objection: Objection) -> str:
    """A guard's objection as one line of problems."""
    about = f": {quoted(objection.subject)}" if objection.subject else ""
    return f"{objection.code} at {for_log(objection.pointer) or '/'}: {objection.problem}{about}"


def quoted(text: str) -> str:
    """A fragment of an answer inside a problem: terms and refs as they stand, all else encoded."""
    return text if ORDINARY.fullmatch(text) else for_log(text)
