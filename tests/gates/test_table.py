import pytest

from ftv4.gates import GATES


@pytest.mark.parametrize("name", GATES)
def test_every_gate_asks_a_question(name):
    question = (GATES[name].__doc__ or "").splitlines()[0]

    assert question.endswith("?")
