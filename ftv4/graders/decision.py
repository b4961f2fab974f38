"""Does the answer hold together as a decision?"""

from ftv4.contracts.evaluation import StageScore
from ftv4.graders.subject import Subject
from ftv4.guards.decision import STAGE, decision_errors


def grade(subject: Subject) -> StageScore | None:
    """Ask contracts.md §7; only synthesis outputs are decisions."""
    if subject.stage.name != STAGE:
        return None
    errors = decision_errors(subject.output)
    return StageScore(grader="decision", passed=not errors, problems=errors)
