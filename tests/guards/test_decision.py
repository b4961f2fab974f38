import pytest

from ftv4.guards.decision import decision_errors

PATHS, RECOMMENDED, ACTIONS, LANGUAGE = (
    "paths must be exactly A,B,C",
    "recommended_path must be A, B, or C",
    "first_30_days must contain 5-9 actions",
    "language_checks failed",
)


def decision(**members):
    whole = {
        "paths": {"C": 1, "A": 1, "B": 1},
        "recommended_path": "B",
        "first_30_days": ["x"] * 9,
        "language_checks": {"passed": True, "forbidden_terms_found": []},
    }
    return {name: value for name, value in (whole | members).items() if value is not ...}


def test_a_whole_decision_passes():
    assert decision_errors(decision()) == ()


def test_errors_come_in_order():
    assert decision_errors({}) == (PATHS, RECOMMENDED, ACTIONS, LANGUAGE)
    assert decision_errors(None) == ("missing_final_artifact",)


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"paths": {"A": 1, "B": 1}}, PATHS),
        ({"paths": ...}, PATHS),
        ({"recommended_path": "AB"}, RECOMMENDED),
        ({"recommended_path": ["A"]}, RECOMMENDED),
        ({"first_30_days": ["x"] * 4}, ACTIONS),
        ({"first_30_days": ["x"] * 10}, ACTIONS),
        ({"first_30_days": ...}, ACTIONS),
        ({"first_30_days": {}}, ACTIONS),
        ({"language_checks": ...}, LANGUAGE),
        ({"language_checks": "passed"}, LANGUAGE),
        ({"language_checks": {"passed": True}}, LANGUAGE),
        ({"language_checks": {"passed": False, "forbidden_terms_found": []}}, LANGUAGE),
        ({"language_checks": {"passed": True, "forbidden_terms_found": ["kpi"]}}, LANGUAGE),
    ],
)
def test_what_is_missing_is_wrong(members, error):
    assert decision_errors(decision(**members)) == (error,)


@pytest.mark.parametrize("artifact", [[], "A", 5, True, [None]])
def test_it_never_throws(artifact):
    assert decision_errors(artifact) == (PATHS, RECOMMENDED, ACTIONS, LANGUAGE)
