"""Whether a synthesis output holds together as a decision, contracts.md §7.

It reads what the output says of itself, not its words: those are doctrine's and drift's.
"""

from ftv4.guards.drift import count

STAGE = "synthesis_decision"
"""The one stage whose output is a decision."""


def decision_errors(artifact: object) -> tuple[str, ...]:
    """Everything wrong with a decision, in the order of §7; a missing member is wrong too."""
    if artifact is None:
        return ("missing_final_artifact",)
    output = artifact if isinstance(artifact, dict) else {}
    paths = output.get("paths")
    actions = count(output.get("first_30_days"))
    tests = (
        (isinstance(paths, dict) and set(paths) == {"A", "B", "C"}, "paths must be exactly A,B,C"),
        (output.get("recommended_path") in ("A", "B", "C"), "recommended_path must be A, B, or C"),
        (actions is not None and 5 <= actions <= 9, "first_30_days must contain 5-9 actions"),
        (_language_checked(output.get("language_checks")), "language_checks failed"),
    )
    return tuple(error for holds, error in tests if not holds)


def _language_checked(checks: object) -> bool:
    if not isinstance(checks, dict):
        return False
    return bool(checks.get("passed")) and checks.get("forbidden_terms_found") in ([], "")
