"""Does the answer stay in its own stage?"""

from ftv4.contracts.evaluation import StageScore
from ftv4.graders.subject import Subject, line_of


def grade(subject: Subject) -> StageScore:
    """Ask the drift guards of contracts.md §6.2."""
    objections = subject.guards.drift_objections(subject.output, subject.stage.name)
    lines = tuple(line_of(objection) for objection in objections)
    return StageScore(grader="drift", passed=not lines, problems=lines)
