"""What is planted in clean rows is found at its line by its rule; `benchmarks/gate_efficacy.py` does more."""

import pytest

from benchmarks.corpus import shipped
from benchmarks.gate_efficacy import (
    alarms,
    counted,
    heard,
    judged,
    own_repository,
    planted_from_cases,
    planted_in_whole,
)
from benchmarks.kinds import KINDS
from benchmarks.planted_cases import FORMS
from benchmarks.planted_whole import WHOLES
from benchmarks.planting import Field
from ftv4.gates import GATES
from ftv4.stages import STAGES
from ftv4.steps.details import detailed

ROW_GATES = sorted({defect.gate for defect in KINDS})


def sown(stage, kinds=KINDS, seed=1):
    field = Field(STAGES[stage], seed)
    field.sow(kinds)
    return field


def missed(tries):
    """Kinds of which nearly all must be found; of a few others chance decides."""
    return [kind for kind in counted(tries) if kind.missed and kind.bar > 0.9]


@pytest.mark.parametrize("stage", STAGES)
def test_every_kind_of_defect_is_found_by_its_rule_at_its_line(stage):
    field = sown(stage)
    report = judged(field.stage, field.lines(), cases=field.held_out)
    told = detailed(own_repository(), report, 1 << 20)
    said = "\n".join(finding.model_dump_json() for finding in told.findings)

    assert missed(heard(field, report)) == []
    assert [value for value in field.private if value in said] == []


@pytest.mark.parametrize("gate", ROW_GATES)
def test_without_its_gate_nothing_of_it_is_found(gate):
    """The control: a gate that is switched off makes the test above fail."""
    field = sown("synthesis_decision", [defect for defect in KINDS if defect.gate == gate])
    report = judged(
        field.stage, field.lines(), [name for name in GATES if name != gate], cases=field.held_out
    )

    assert field.planted
    assert not any(found for _, _, found, _ in heard(field, report))


@pytest.mark.parametrize("place", range(len(WHOLES) - 2), ids=[whole.kind for whole in WHOLES[:-2]])
def test_what_is_wrong_with_a_whole_dataset_is_found(place):
    tries = planted_in_whole(("synthesis_decision", 1, place))

    assert [found for _, _, found, _ in tries] == [True]
    assert planted_in_whole(("synthesis_decision", 1, place), gates=["acceptance"])[0][2] is False


@pytest.mark.parametrize("form", range(len(FORMS) - 1), ids=[form.name for form in FORMS[:-1]])
def test_every_shipped_case_is_found_among_the_shipped_rows_however_it_is_written(form):
    tries = planted_from_cases(("synthesis_decision", 1, form, True))

    assert len(tries) == 36
    assert missed(tries) == []


@pytest.mark.parametrize("stage", STAGES)
def test_one_shipped_case_alone_is_found(stage):
    tries = planted_from_cases((stage, 1, 0, False))

    assert [found for _, _, found, _ in tries] == [True]
    assert planted_from_cases((stage, 1, 0, False), ["acceptance"])[0][2] is False


@pytest.mark.parametrize("stage", STAGES)
def test_no_gate_suspects_a_shipped_row(stage):
    flagged = [alarm for alarm in alarms(STAGES[stage], "shipped", shipped(stage)) if alarm.missed]

    assert flagged == []
