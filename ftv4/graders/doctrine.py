"""Does every string of the answer keep to the doctrine, and does the answer report on itself truthfully?

The answer's own `language_checks` are a claim: what the text says is found out here (weaknesses.md A8).
"""

from ftv4.contracts.evaluation import StageScore
from ftv4.graders.subject import Subject, line_of


def grade(subject: Subject) -> StageScore:
    """Ask the global guards of contracts.md §6.1, then compare the claim with what they found."""
    objections = tuple(subject.guards.doctrine_objections(subject.output))
    lines = [line_of(objection) for objection in objections]
    if any(objection.code == "forbidden_vocabulary" for objection in objections) and _claims_clean(subject):
        lines.append("language_checks at /language_checks/passed: claims a clean text, and the text is not")
    return StageScore(grader="doctrine", passed=not lines, problems=tuple(lines))


def _claims_clean(subject: Subject) -> bool:
    checks = subject.output.get("language_checks")
    return isinstance(checks, dict) and checks.get("passed") is True
