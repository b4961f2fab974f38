import pytest

from ftv4.gates import GATES
from ftv4.gates.question import LONGEST_POINTER, Ask
from tests.guards.build import SHIPPED


@pytest.mark.parametrize("name", GATES)
def test_every_gate_asks_a_question(name):
    question = (GATES[name].__doc__ or "").splitlines()[0]

    assert question.endswith("?")


@pytest.mark.parametrize("key", ["half \ud83d pair", "x" * 10_000])
def test_any_key_gives_a_pointer_that_a_file_can_hold(key):
    finding = Ask("rows.jsonl", None, SHIPPED).finding("rule", "problem", "fix", pointer=f"/output/{key}")

    assert len(finding.model_dump_json()) < LONGEST_POINTER + 200
