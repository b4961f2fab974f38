"""How much does the answer say what the approved answer says?

A measure only: it passes and fails nothing. Stamped members (`model_id`, `prompt_version`) and the
window's bookkeeping say nothing about the answer and are not compared.
"""

from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher

from ftv4.contracts import Json
from ftv4.contracts.evaluation import StageScore
from ftv4.graders.subject import Subject
from ftv4.stages import problems_of
from ftv4.stages.stage import Measure, Stage


def grade(subject: Subject) -> StageScore | None:
    """The weighted mean of the stage's measures, 0..1; 0 for an answer outside its contract."""
    if subject.gold is None:
        return None
    fits = not problems_of(subject.stage, "output", subject.output)
    score = agreement(subject.stage, subject.output, subject.gold) if fits else 0.0
    return StageScore(grader="agreement", passed=None, score=score)


def agreement(stage: Stage, output: Json, gold: Json) -> float:
    """Compare two outputs that fit the stage's contract; four decimals."""
    total = sum(measure.weight * _compare(measure, output, gold) for measure in stage.measures)
    return round(total / sum(measure.weight for measure in stage.measures), 4)


def _compare(measure: Measure, output: Json, gold: Json) -> float:
    ours, theirs = ([*_leaves(measure, value)] for value in (output, gold))
    if measure.how == "text":
        return _similarity(ours, theirs)
    return _f1(Counter(ours), Counter(theirs))


def _leaves(measure: Measure, value: Json) -> Iterator[str]:
    """The strings that a measure compares; what differs in the path differs in the leaf."""
    for path in measure.leaves:
        for leaf in _select(value, path.split("/")):
            yield str(leaf) if measure.how == "text" else f"{path}={leaf}"


def _select(value: object, path: list[str]) -> Iterator[object]:
    if not path:
        yield value
    elif path[0] == "*" and isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _select(item, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        yield from _select(value[path[0]], path[1:])


def _f1(ours: Counter[str], theirs: Counter[str]) -> float:
    if not ours and not theirs:
        return 1.0
    return 2 * (ours & theirs).total() / (ours.total() + theirs.total())


def _similarity(ours: list[str], theirs: list[str]) -> float:
    """Share of words in common and in order (difflib's ratio)."""
    words = ["\n".join(lines).casefold().split() for lines in (ours, theirs)]
    return SequenceMatcher(None, words[0], words[1], autojunk=False).ratio()
