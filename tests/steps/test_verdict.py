import pytest

from ftv4.contracts.evaluation import CaseResult, EvalReport, EvalTotals, StageAnswer
from ftv4.steps.compare import compare
from ftv4.steps.verdict import wins_needed

STAGE = "synthesis_decision"


def case(name, agreement=0.5, passed=True, answer="{}"):
    error = None if answer else "503"
    said = StageAnswer(stage=STAGE, model_id="m:x", answer=answer, error=error)
    return CaseResult(
        fixture_id=name, passed=passed, schema_passed=passed, doctrine_passed=True, stage_drift_passed=True,
        decision_passed=True, grounding_passed=True, agreement=agreement, answers=(said,),
    )  # fmt: skip


def report(*cases, **changes):
    passed = sum(one.passed for one in cases)
    facts = {
        "generated_at": "2026-11-22T00:00:00.000Z", "mode": "stage", "stage": STAGE, "model_id": "m:x",
        "models": {STAGE: "m:x"}, "cases_sha256": "c", "policy_sha256": "p",
        "parameters_sha256": "q", "graders": ("schema",),
        "totals": EvalTotals(fixtures=len(cases), passed=passed, failed=len(cases) - passed),
        "results": cases, "report_path": "evals/report_x.json",
    }  # fmt: skip
    return EvalReport(**(facts | changes))


def after(wins=0, losses=0, ties=0, by=0.2):
    """The candidate against a pinned model that agrees by half everywhere."""
    scores = [0.5 + by] * wins + [0.5 - by] * losses + [0.5] * ties
    pinned = [case(f"c{n}") for n, _ in enumerate(scores)]
    candidate = [case(f"c{n}", agreement=score) for n, score in enumerate(scores)]
    return compare(report(*pinned), report(*candidate))


@pytest.mark.parametrize(("wins", "losses"), [(5, 0), (7, 1), (9, 2), (24, 0)])
def test_enough_wins_improve(wins, losses):
    assert after(wins, losses, ties=3).verdict == "IMPROVED"


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (4, 0), (6, 1), (8, 2), (3, 3)])
def test_too_few_wins_decide_nothing(wins, losses):
    assert after(wins, losses, ties=20).verdict == "INCONCLUSIVE"


def test_what_would_settle_it_is_said():
    assert after(4, 0).why[-1] == "1 more winning case without a further loss would settle it"
    assert after(6, 1).why[-1] == "1 more winning case without a further loss would settle it"
    assert "it takes 5 wins" in after(0, 0, ties=9).why[-1]


def test_many_wins_by_next_to_nothing_are_no_improvement():
    compared = after(20, by=0.015)

    assert (compared.wins, compared.verdict) == (20, "INCONCLUSIVE")
    assert "not make it worth a change" in compared.why[-1]


def test_one_sided_losses_regress():
    assert after(0, 5).verdict == "REGRESSED"
    assert after(0, 4).verdict == "INCONCLUSIVE"


def test_one_newly_failing_case_regresses_whatever_else_is_won():
    pinned = [case(f"c{n}", 0.2) for n in range(20)]
    candidate = [case(f"c{n}", 0.9) for n in range(19)] + [case("c19", 0.9, passed=False)]
    compared = compare(report(*pinned), report(*candidate))

    assert compared.verdict == "REGRESSED"
    assert compared.why == ("the candidate fails case c19, which the pinned model passes",)
    assert compared.wins == 19


def test_a_failed_case_scores_nothing():
    fixed = compare(report(case("c", 0.9, passed=False)), report(case("c", 0.1)))

    assert fixed.pairs[0].outcome == "win"
    assert fixed.mean_agreement_delta == 0.1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"cases_sha256": "d"}, "cases differ: c and d"),
        ({"policy_sha256": "q"}, "policies differ: p and q"),
        ({"parameters_sha256": "r"}, "parameters differ: q and r"),
        ({"graders": ("schema", "agreement@1")}, "graders differ"),
        ({"mode": "pipeline"}, "modes differ: stage and pipeline"),
        ({"stage": None}, "stages differ"),
    ],
)
def test_reports_on_other_questions_are_invalid(changes, why):
    compared = compare(report(case("c")), report(case("c"), **changes))

    assert compared.verdict == "INVALID"
    assert compared.why[0].startswith(why)
    assert compared.pairs == ()
    assert compared.p_better is None


def test_A10_no_cases_are_invalid():
    assert compare(report(), report()).why == ("no cases: nothing was asked, so nothing passed",)


def test_other_cases_under_the_same_digest_are_invalid():
    assert compare(report(case("a")), report(case("b"))).verdict == "INVALID"


def test_a_service_error_on_either_side_is_invalid_and_not_a_loss():
    lost = case("c", None, passed=False, answer=None)

    assert compare(report(case("c")), report(lost)).why == ("candidate: case c: 503",)
    assert compare(report(lost), report(case("c"))).why == ("pinned: case c: 503",)


def test_a_case_that_never_reached_the_stage_is_invalid():
    unasked = case("c").model_copy(update={"answers": (), "passed": False})

    assert "was never asked" in compare(report(case("c")), report(unasked)).why[0]


def test_the_pinned_model_against_itself_decides_nothing():
    same = report(*[case(f"c{n}", n / 30) for n in range(24)])

    assert compare(same, same).verdict == "INCONCLUSIVE"
    assert (compare(same, same).wins, compare(same, same).losses) == (0, 0)


def test_the_wins_needed_are_those_of_the_exact_test():
    assert [wins_needed(losses) for losses in range(4)] == [5, 7, 9, 10]
