import pytest

from ftv4.gates.question import Ask, Judged
from ftv4.gates.rows import start
from ftv4.stages import STAGES
from tests.gates.build import heard
from tests.guards.build import SHIPPED


def findings(accepted, others=0, stage="quant_signals", min_rows=None):
    question = start(Ask("rows.jsonl", STAGES.get(stage), SHIPPED, min_rows=min_rows))
    for number in range(accepted + others):
        assert not heard(question, Judged(number + 1, {"approved": True}, None, None, number < accepted))
    return list(question.end())


@pytest.mark.parametrize(("stage", "needed"), [("quant_signals", 30), ("synthesis_decision", 40)])
def test_B4_a_stage_needs_so_many_accepted_rows(stage, needed):
    """B4: approved rows that no fine-tune would accept used to count."""
    assert not findings(needed, stage=stage)
    (finding,) = findings(needed - 1, others=100, stage=stage)

    assert (finding.rule, finding.severity, finding.line) == ("too_few_accepted_rows", "error", None)
    assert finding.problem == f"{needed - 1} accepted rows; {stage} needs {needed}"


def test_the_asked_minimum_wins():
    assert not findings(3, min_rows=3)
    assert not findings(0, min_rows=0)
    assert findings(50, min_rows=51)


def test_without_a_stage_it_says_that_it_did_not_count():
    (finding,) = findings(0, stage="?")

    assert (finding.rule, finding.severity) == ("rows_not_counted", "warning")
