"""The forge's scripted faults: what a client sees, what was really done, and what the log says."""

import json
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import requests

from tests.forge_sandbox import NAME

HEADERS = {"Authorization": "token sandbox-ada"}


@pytest.fixture
def ask(sandbox):
    """One request without any retry: `ask("POST", "/labels", {"name": "x"})`."""

    def call(method, path, body=None, **given):
        url = f"{sandbox.url}/repos/{NAME}{path}"
        return requests.request(method, url, json=body, headers=HEADERS, timeout=5, **given)

    return call


def labels(ask):
    return [label["name"] for label in ask("GET", "/labels").json()]


def test_rejected_nothing_is_done(sandbox, ask):
    sandbox.fail("reject", "POST", "/labels$", status=502)

    answer = ask("POST", "/labels", {"name": "x"})

    assert (answer.status_code, answer.json()["message"]) == (502, "The sandbox was told to fail.")
    assert labels(ask) == []
    assert sandbox.accepted("/labels") == 0


def test_a_rate_limit_is_as_github_says_it(sandbox, ask):
    sandbox.fail("reject", "GET", "/labels$", code="rate_limit")

    answer = ask("GET", "/labels")

    assert answer.status_code == 403
    assert "rate limit" in answer.json()["message"]
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert int(answer.headers["x-ratelimit-reset"]) > time.time()


@pytest.mark.parametrize(("kind", "done"), [("drop", []), ("accept_then_drop", ["x"])])
def test_dropped_there_is_no_answer_and_only_one_of_two_was_done(sandbox, ask, kind, done):
    sandbox.fail(kind, "POST", "/labels$")

    with pytest.raises(requests.ConnectionError):
        ask("POST", "/labels", {"name": "x"})

    assert labels(ask) == done
    assert sandbox.accepted("/labels") == len(done)


def test_late_it_is_done_though_nobody_waits(sandbox, ask):
    sandbox.fail("late", "POST", "/labels$", seconds=0.6)

    with pytest.raises(requests.Timeout):
        requests.post(f"{sandbox.url}/repos/{NAME}/labels", json={"name": "x"}, headers=HEADERS, timeout=0.3)

    assert labels(ask) == ["x"]


def test_it_strikes_the_nth_and_as_often_as_said(sandbox, ask):
    sandbox.fail("reject", "*", "/labels", nth=2, times=2)

    assert [ask("GET", "/labels").status_code for _ in range(5)] == [200, 500, 500, 200, 200]


def test_other_requests_pass(sandbox, ask):
    sandbox.fail("reject", "POST", "/labels$")

    assert ask("GET", "/labels").status_code == 200
    assert ask("GET", "").status_code == 200


def test_the_log_tells_what_was_asked_and_what_was_done(sandbox, ask):
    ask("POST", "/labels", {"name": "x"})
    ask("POST", "/labels", {"name": "x"})

    assert sandbox.asked() == ["POST /labels 201", "POST /labels 422"]
    assert sandbox.accepted("/labels") == 1


@pytest.mark.parametrize("fault", [{"kind": "tantrum"}, {"kind": "reject", "pth": "x"}, "reject"])
def test_a_fault_that_is_none_is_refused(sandbox, fault):
    with pytest.raises(HTTPError) as refused:
        urlopen(Request(f"{sandbox.url}/_sandbox/faults", json.dumps(fault).encode()))

    refused.value.close()
    assert refused.value.code == 400
