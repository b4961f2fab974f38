"""Is every evidence ref that the answer cites in the index it was given?"""

from ftv4.contracts.evaluation import StageScore
from ftv4.graders.subject import Subject, quoted
from ftv4.guards.citations import citations


def grade(subject: Subject) -> StageScore:
    """Compare all that is cited, in `evidence_refs` arrays and in prose, with `evidence_index.refs`."""
    given = set(subject.input["evidence_index"]["refs"])
    made_up = dict.fromkeys(ref for ref, _ in citations(subject.output) if ref not in given)
    lines = tuple(f"{quoted(ref)} is not in the input's evidence_index" for ref in made_up)
    return StageScore(grader="grounding", passed=not lines, problems=lines)
