"""The checker sees what is wrong with an exchange; else the conformance tests would show nothing."""

import pytest

from tests.descriptions import Description

RIGHT = {
    "method": "POST",
    "path": "/repos/o/r/statuses/" + "a" * 40,
    "query": "",
    "request": {"state": "success", "context": "c", "description": "d"},
    "status": 201,
    "response": None,
}


def without_answer(problems):
    return [one for one in problems if "response" not in one]


@pytest.fixture(scope="module")
def github():
    return Description("github")


def test_what_is_right_is_right(github):
    assert without_answer(github.problems(RIGHT)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"request": {"state": "fine"}}, "request/state"),
        ({"request": {"context": "c"}}, "request/"),
        ({"request": {"state": "success", "colour": "red"}}, "colour is not described"),
        ({"request": None}, "no body"),
        ({"query": "page=1&per=2"}, "per is not described"),
        ({"status": 299}, "status 299"),
        ({"response": {"id": "one"}}, "response/id"),
    ],
)
def test_what_is_wrong_is_said(github, change, said):
    assert any(said in one for one in github.problems(RIGHT | change))


def test_what_is_not_described_is_not_found(github):
    assert github.find(RIGHT | {"path": "/repos/o/r/nothing/1"}) is None
