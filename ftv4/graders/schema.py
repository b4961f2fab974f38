"""Does the answer fit its stage's contract, to the bound?"""

from ftv4.contracts.evaluation import StageScore
from ftv4.encode import for_log
from ftv4.graders.subject import Subject
from ftv4.stages import problems_of


def grade(subject: Subject) -> StageScore:
    """Hold it against contracts.md §4; a problem is `<pointer> <sentence>`."""
    found = problems_of(subject.stage, "output", subject.output)
    lines = tuple(f"{for_log(pointer) or '/'} {for_log(problem)}" for pointer, problem in found)
    return StageScore(grader="schema", passed=not lines, problems=lines)
