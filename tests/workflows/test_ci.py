"""ci.yml: every change, every state of the merge queue and of main is tested and checked."""

import pytest

from tests.workflow_run import MAIN

BOTH = {"tests": "success", "lint, types, workflow audit": "success"}


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("pull_request", {"pull_request": {"number": 1}}),
        ("merge_group", {"merge_group": {"head_sha": "a" * 40}}),
        ("push", {"ref": MAIN}),
    ],
)
def test_tests_and_checks_run(platform, event, payload):
    happened = platform.run("ci", event, payload, secrets={})

    assert happened.jobs == BOTH
    assert sorted(happened.log.split("\n")) == ["", "make check", "make test"]
