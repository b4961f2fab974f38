import pytest

from ftv4.contracts.policy import TrainingDiversity
from ftv4.gates.diversity import FIXES, start
from ftv4.gates.question import Ask, Judged
from ftv4.stages import STAGES
from tests.gates.build import heard
from tests.guards.build import SHIPPED

LIMITS = SHIPPED.training_diversity


def decided(industry="hvac", constraint="one two three", actions=(), **members):
    output = {"primary_constraint": constraint, "first_30_days": list(actions)}
    return {"approved": True, "industry": industry, "output": output} | members


def asked(*values, stage=None, malformed=0, **limits):
    """The question, after it has seen the values and some lines that are no JSON."""
    policy = SHIPPED.model_copy(
        update={"training_diversity": TrainingDiversity(**(LIMITS.model_dump() | limits))}
    )
    question = start(Ask("rows.jsonl", STAGES.get(stage), policy))
    for number, value in enumerate(values, 1):
        assert not heard(question, Judged(number, value, None, None, False))
    for _ in range(malformed):
        assert not heard(question, Judged(0, None, "not JSON", None, False))
    return question


def test_an_empty_dataset_fails_the_two_minimums():
    answer = asked().answer

    assert answer.failures == (
        "Approved rows 0 below minimum 40.",
        "Only 0 industries represented; minimum is 4.",
    )
    assert (answer.summary.total_rows, answer.summary.industries) == (0, ())


def test_every_measure_fails_in_order_each_with_a_finding():
    question = asked(*[decided(actions=["same"])] * 10)

    assert question.answer.failures == (
        "Approved rows 10 below minimum 40.",
        "Only 1 industries represented; minimum is 4.",
        "Top industry share 100.0% exceeds max 60.0%.",
        "Duplicate action share 100.0% exceeds max 35.0%.",
        "Primary constraint prefix share 100.0% exceeds max 35.0%.",
    )
    findings = list(question.end())
    told = zip(findings, question.answer.failures, strict=True)
    assert all(finding.problem.startswith(failure) for finding, failure in told)
    assert findings[3].problem.endswith(" 10 times: same")
    assert [finding.rule for finding in findings] == list(FIXES)


@pytest.mark.parametrize(
    "said",
    [
        "Write to jo@x.org",
        "Write to jo\N{FULLWIDTH COMMERCIAL AT}x.org",
        "Call 555-123-4567",
        "Use ghp_a1B2c3D4e5F6g7H8",
        "See 10.0.0.1",
    ],
)
def test_what_could_be_private_is_counted_and_not_shown(said):
    findings = list(asked(*[decided(constraint=said, actions=[said])] * 10).end())

    assert [one.problem.rpartition(".")[0][-9:] for one in findings[3:]] == [" 10 times"] * 2


def test_all_rows_are_measured_where_all_are_judged():
    question = start(Ask("rows.jsonl", None, SHIPPED, approved_only=False))
    for line, value in enumerate((decided("a"), decided("b", approved=False), decided("b"), None), 1):
        heard(question, Judged(line, value, None, None, False))

    summary = question.answer.summary
    assert (summary.total_rows, summary.approved_rows, summary.unique_industries) == (4, 2, 2)
    assert summary.top_industry_share == 2 / 3
    assert question.answer.failures[0] == "Rows, approved or not, 3 below minimum 40."


def test_only_approved_rows_are_measured_and_every_value_is_counted():
    summary = asked(
        decided(), decided(approved=1), decided(approved="true"), None, 5, [], {}, malformed=3
    ).answer.summary

    assert (summary.total_rows, summary.approved_rows) == (7, 1)


def test_industries_are_trimmed_case_sensitive_and_first_seen_wins_a_tie():
    names = ["b", "a", " a\u00a0", "\ufeffb", "A", "", "  ", 5, None]
    industries = asked(*(decided(name) for name in names), decided("a")).answer.summary.industries

    assert [(item.industry, item.count) for item in industries] == [
        ("unknown", 4),
        ("a", 3),
        ("b", 2),
        ("A", 1),
    ]


@pytest.mark.parametrize(
    ("actions", "share"),
    [
        (["Call one", "call ONE!", "call\u00a0-\tone", "call two"], 0.75),
        (["", " ", "!?", "x"], 1.0),
        ([5, "5", 5.0, 1.5], 0.75),
        ([None, "null", True, "True", {}, "object object"], 2 / 6),
        ([["a", None, ["b"]], "a b"], 1.0),
        (["\N{KELVIN SIGN}pi", "kpi"], 1.0),
        (["größe", "gr e"], 1.0),
    ],
)
def test_actions_are_compared_by_their_ascii_letters_and_digits(actions, share):
    assert asked(decided(actions=actions)).answer.summary.duplicate_actions_share == share


def test_what_is_no_list_of_actions_has_none():
    row = decided()
    row["output"]["first_30_days"] = "call one"

    assert asked(row).answer.summary.duplicate_actions_share == 0


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ("a b c d e f", "A, b; C-d e g", 1.0),
        ("a b c d e", "a b c d f", 0.5),
        ("", "!!", 1.0),
        ("unknown", "", 1.0),
        ("a", "a b", 0.5),
    ],
)
def test_constraints_are_compared_by_five_words(one, other, share):
    seen = asked(decided(constraint=one), decided(constraint=other)).answer.summary

    assert seen.same_constraint_prefix_share == share


@pytest.mark.parametrize("output", [None, [], "x", 5, ...])
def test_rows_without_an_output_have_an_unknown_constraint(output):
    row = decided(output=output) if output is not ... else {"approved": True}

    assert asked(row, decided(constraint="")).answer.summary.same_constraint_prefix_share == 1


@pytest.mark.parametrize(
    ("part", "of", "limit", "text"),
    [
        (9, 16, 0.5, "56.3% exceeds max 50.0%"),
        (1, 16, 0.0, "6.3% exceeds max 0.0%"),
        (1, 32, 0.03, "3.1% exceeds max 3.0%"),
        (5, 8, 0.12345, "62.5% exceeds max 12.3%"),
    ],
)
def test_percentages_round_ties_up(part, of, limit, text):
    rows = [decided("top") for _ in range(part)] + [decided(f"other {number}") for number in range(of - part)]

    failures = asked(*rows, max_industry_share=limit).answer.failures

    assert any(text in failure for failure in failures)


def test_a_share_at_its_limit_passes():
    rows = [decided("a")] * 6 + [decided("b")] * 4
    failures = asked(*rows, max_industry_share=0.6, min_total_rows=10, min_industries=2).answer.failures

    assert failures == ("Primary constraint prefix share 100.0% exceeds max 35.0%.",)


@pytest.mark.parametrize("stage", [name for name in STAGES if name != "synthesis_decision"])
def test_other_stages_have_neither_actions_nor_constraints_to_measure(stage):
    summary = asked(*[decided(actions=["same"])] * 10, stage=stage).answer.summary

    assert summary.duplicate_actions_share == summary.same_constraint_prefix_share == 0


def test_C7_any_number_of_distinct_actions_is_measured():
    """C7: 150,000 distinct actions overflowed the Node tool's stack."""
    rows = (decided(actions=[f"action {row} {number}" for number in range(5)]) for row in range(30_000))

    assert asked(*rows).answer.summary.duplicate_actions_share == 1 / 150_000
