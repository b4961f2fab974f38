"""Is every evidence ref that the answer cites in the index it was given?"""

import re
from collections.abc import Iterator

from ftv4.contracts.evaluation import StageScore
from ftv4.graders.subject import Subject, quoted

CITED = re.compile(r"bucket:[a-z0-9_:-]*[a-z0-9_]")
"""A ref in running text, without the punctuation after it."""


def grade(subject: Subject) -> StageScore:
    """Compare all that is cited, in `evidence_refs` arrays and in prose, with `evidence_index.refs`."""
    given = set(subject.input["evidence_index"]["refs"])
    made_up = dict.fromkeys(ref for ref in cited(subject.output) if ref not in given)
    lines = tuple(f"{quoted(ref)} is not in the input's evidence_index" for ref in made_up)
    return StageScore(grader="grounding", passed=not lines, problems=lines)


def cited(value: object, *, listed: bool = False) -> Iterator[str]:
    """Every ref of a payload in document order; `listed`: the value is an item of `evidence_refs`."""
    if isinstance(value, str):
        yield from [value] if listed else CITED.findall(value)
    elif isinstance(value, list):
        for item in value:
            yield from cited(item, listed=listed)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from cited(item, listed=key == "evidence_refs")
