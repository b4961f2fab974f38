"""Whether a stage's output keeps to its own stage's work, contracts.md §6.2."""

from collections.abc import Iterator, Mapping

from ftv4.contracts.policy import Policy
from ftv4.guards.doctrine import used_terms
from ftv4.guards.objection import Objection
from ftv4.guards.terms import Terms
from ftv4.guards.walk import texts

_CAPACITY_WORDS = ("capacity", "load", "owner time", "crew")


class Drift:
    """For each stage, the words that belong to another's work."""

    def __init__(self, policy: Policy) -> None:
        self.terms: Mapping[str, Terms] = {
            stage: Terms(terms) for stage, terms in policy.stage_drift_terms.items()
        }
        self._max_actions = policy.max_actions_30_days

    def text_objections(self, payload: object, stage: str) -> Iterator[Objection]:
        """One a term of the stage's list."""
        if stage in self.terms:
            lowered = [(text.lower(), spot) for text, spot in texts(payload)]
            yield from used_terms(lowered, self.terms[stage], "stage_drift", "word of another stage")

    def shape_objections(self, payload: object, stage: str) -> Iterator[Objection]:
        """Against what a blue ocean move or a decision lacks. Whatever the payload is, it answers."""
        output = payload if isinstance(payload, dict) else {}
        if stage == "blue_ocean":
            yield from _moves(output.get("asymmetric_moves"))
        elif stage == "synthesis_decision":
            yield from self._decision(output)

    def _decision(self, output: Mapping[str, object]) -> Iterator[Objection]:
        paths = output.get("paths")
        if not isinstance(paths, dict) or set(paths) != {"A", "B", "C"}:
            yield Objection("decision_paths_invalid", "paths are not exactly A, B and C", "", "/paths")
        if output.get("recommended_path") not in ("A", "B", "C"):
            problem = "recommended path is not A, B or C"
            yield Objection("decision_recommendation_invalid", problem, "", "/recommended_path")
        actions = count(output.get("first_30_days"))
        if actions is not None and not 5 <= actions <= self._max_actions:
            problem = f"{actions} actions; there must be 5 to {self._max_actions}"
            yield Objection("decision_action_count_invalid", problem, "", "/first_30_days")


def count(value: object) -> int | None:
    """How many actions a value holds; None for what has no count, which is the contract's business."""
    if value is None:
        return 0
    return len(value) if isinstance(value, (list, str)) else None


def _moves(moves: object) -> Iterator[Objection]:
    code = "blue_ocean_capacity_missing"
    if not isinstance(moves, list):
        yield Objection(code, "there is no list of moves", "", "/asymmetric_moves")
        return
    for index, move in enumerate(moves):
        if not _names_capacity(move):
            pointer = f"/asymmetric_moves/{index}/capacity_check"
            yield Objection(code, f"a capacity check names one of: {', '.join(_CAPACITY_WORDS)}", "", pointer)
            return


def _names_capacity(move: object) -> bool:
    check = move.get("capacity_check") if isinstance(move, dict) else None
    text = ",".join(map(str, check)) if isinstance(check, list) else check
    return isinstance(text, str) and any(word in text.lower() for word in _CAPACITY_WORDS)
