"""One question about a model's answer a module; what passes, what fails, and how near it is to gold."""

from ftv4.canonical import digest
from ftv4.contracts.evaluation import StageScore
from ftv4.graders import agreement, decision, doctrine, drift, grounding, schema
from ftv4.graders.subject import Grader, Subject
from ftv4.guards.decision import STAGE as DECISION
from ftv4.stages import STAGES
from ftv4.stages.stage import Stage

GRADERS: dict[str, Grader] = {
    "schema": schema,
    "doctrine": doctrine,
    "drift": drift,
    "decision": decision,
    "grounding": grounding,
    "agreement": agreement,
}
"""By name, in the order they are asked."""

HARD = ("schema", "doctrine", "drift", "decision", "grounding")
"""Those that pass or fail: one failure anywhere blocks a candidate (design §6)."""


def names() -> tuple[str, ...]:
    """The graders as a report names them; agreement with the digest of what it compares."""
    measures = {stage.name: stage.measures for stage in STAGES.values()}
    return (*HARD, f"agreement@{digest(measures)[:8]}")


def grade(subject: Subject) -> tuple[StageScore, ...]:
    """Ask every grader that applies."""
    scores = (grader.grade(subject) for grader in GRADERS.values())
    return tuple(score for score in scores if score is not None)


def ungradable(stage: Stage, reason: str) -> tuple[StageScore, ...]:
    """The scores of an answer that can't be read: it fails everything."""
    failed = StageScore(grader="schema", passed=False, problems=(reason,))
    others = ("doctrine", "drift", *(["decision"] if stage.name == DECISION else []), "grounding")
    return (
        failed,
        *(StageScore(grader=name, passed=False) for name in others),
        StageScore(grader="agreement", passed=None, score=0.0),
    )
