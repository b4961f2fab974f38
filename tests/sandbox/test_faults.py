"""The script of faults, seen through the unmodified SDK, and the log that tells what really happened."""

import time

import openai
import pytest

from ftv4.sandbox.provider import provider_app
from tests.sandbox.provider_server import HTTP, Clock, served

JOBS = {"method": "POST", "path": "/v1/fine_tuning/jobs"}
LIST = {"method": "GET", "path": "/v1/fine_tuning/jobs"}


@pytest.fixture
def sandbox(tmp_path):
    clock = Clock()
    with served(provider_app(tmp_path, clock=clock), clock) as running:
        yield running


def failed(kind, call):
    with pytest.raises(kind) as caught:
        call()
    return caught.value


def until(condition):
    """Wait for what a request does after its connection has gone."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def ids(sandbox, **options):
    return [job.id for job in sandbox.sdk.fine_tuning.jobs.list(**options)]


def test_a_rejected_request_does_nothing(sandbox):
    sandbox.script({"kind": "reject", "status": 503, "headers": {"retry-after": "7"}, **JOBS})
    error = failed(openai.InternalServerError, sandbox.job)

    assert (error.status_code, error.response.headers["retry-after"]) == (503, "7")
    assert sandbox.created() == 0
    assert sandbox.job()


def test_an_accepted_request_whose_answer_is_lost_was_done(sandbox):
    sandbox.script({"kind": "accept_then_drop", **JOBS})
    error = failed(openai.APIConnectionError, sandbox.job)
    until(lambda: sandbox.created() == 1)

    assert "without sending a response" in str(error.__cause__)
    assert len(ids(sandbox)) == 1


def test_a_dropped_request_was_not_done(sandbox):
    sandbox.script({"kind": "drop", **JOBS})
    failed(openai.APIConnectionError, sandbox.job)

    assert ids(sandbox) == []
    assert [entry["accepted"] for entry in sandbox.log() if entry["fault"] == "drop"] == [False]


def test_a_client_that_repeats_the_paid_call_pays_three_times(sandbox):
    """The trap that `max_retries=0` avoids: without it, one call makes three jobs."""
    sandbox.script({"kind": "accept_then_drop", "times": 3, **JOBS})
    sandbox.sdk = sandbox.client(max_retries=2)
    failed(openai.APIConnectionError, sandbox.job)

    until(lambda: sandbox.created() == 3)


def test_an_accepted_request_can_arrive_after_the_caller_has_looked(sandbox):
    sandbox.script({"kind": "accept_then_drop", "seconds": 0.2, **JOBS})
    failed(openai.APIConnectionError, sandbox.job)

    assert ids(sandbox) == []
    until(lambda: len(ids(sandbox)) == 1)


def test_a_late_answer_is_done_when_the_client_gives_up(sandbox):
    sandbox.script({"kind": "late", "seconds": 0.5, **JOBS})
    failed(openai.APITimeoutError, lambda: sandbox.job(timeout=0.1))

    assert len(ids(sandbox)) == 1


def test_a_late_answer_comes(sandbox):
    sandbox.script({"kind": "late", "seconds": 0.05, **JOBS})

    assert sandbox.job().id == ids(sandbox)[0]


def test_a_slow_answer_arrives_whole(sandbox):
    sandbox.script({"kind": "slow", "seconds": 0.08, "path": "/v1/files", "method": "GET"})
    file = sandbox.upload()

    assert [found.id for found in sandbox.sdk.files.list()] == [file]


def test_a_malformed_answer_is_half_of_one(sandbox):
    sandbox.script({"kind": "malformed", **LIST})
    response = HTTP.get(f"{sandbox.url}/v1/fine_tuning/jobs", headers={"authorization": "Bearer k"})

    assert response.status_code == 200
    assert (
        response.text
        == '{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false}'[: len(response.text)]
    )
    assert not response.text.endswith("}")


@pytest.mark.parametrize("code", ["insufficient_quota", "rate_limit_exceeded"])
def test_a_spent_quota_and_a_busy_moment_are_told_apart(sandbox, code):
    sandbox.script({"kind": "reject", "status": 429, "code": code, **JOBS})
    error = failed(openai.RateLimitError, sandbox.job)

    assert error.code == code
    assert ("quota" in error.message) == (code == "insufficient_quota")


def test_a_rejection_may_say_anything(sandbox):
    sandbox.script({"kind": "reject", "status": 500, "body": "<html>proxy</html>", **JOBS})

    assert failed(openai.InternalServerError, sandbox.job).response.text == "<html>proxy</html>"


def test_a_stale_list_lacks_the_newest_job_for_a_while(sandbox):
    first, second = sandbox.job().id, sandbox.job().id
    sandbox.script({"kind": "stale_list", "times": 2, **LIST})

    assert [ids(sandbox) for _ in range(3)] == [[first], [first], [second, first]]


def test_a_list_can_repeat_its_page(sandbox):
    for _ in range(3):
        sandbox.job()
    sandbox.script({"kind": "repeat_page", "nth": 2, **LIST})

    assert len(ids(sandbox, limit=2)) == 5


def test_a_job_can_be_made_to_fail(sandbox):
    sandbox.script({"kind": "fail_job", "code": "exceeded_quota", "message": "No money left.", **JOBS})
    job = sandbox.job()
    sandbox.clock.turn(0.3)
    assert sandbox.sdk.fine_tuning.jobs.retrieve(job.id).status == "queued"
    sandbox.clock.turn(0.3)
    job = sandbox.sdk.fine_tuning.jobs.retrieve(job.id)

    assert (job.status, job.error.code, job.error.message) == ("failed", "exceeded_quota", "No money left.")


def test_an_answer_can_be_altered(sandbox):
    job = sandbox.job()
    sandbox.clock.turn(1)
    sandbox.script(
        {"kind": "alter", "fields": {"fine_tuned_model": None}, "path": f"/v1/fine_tuning/jobs/{job.id}"}
    )

    assert sandbox.sdk.fine_tuning.jobs.retrieve(job.id).fine_tuned_model is None
    assert sandbox.sdk.fine_tuning.jobs.retrieve(job.id).fine_tuned_model


def test_faults_count_their_own_requests_and_strike_in_turn(sandbox):
    sandbox.script(
        {"kind": "reject", "status": 500, "nth": 2, "times": 2, "path": "/models"},
        {"kind": "reject", "status": 503, "nth": 3, "times": 2, "path": "/models"},
    )
    seen = []
    for _ in range(5):
        try:
            list(sandbox.sdk.models.list())
            seen.append(200)
        except openai.InternalServerError as error:
            seen.append(error.status_code)
    HTTP.delete(f"{sandbox.url}/_sandbox/faults")

    assert seen == [200, 500, 500, 503, 200]
    assert HTTP.get(f"{sandbox.url}/_sandbox/faults").json() == {"faults": []}


def test_a_script_given_at_the_start_is_played(tmp_path):
    app = provider_app(tmp_path, faults=[{"kind": "reject", "status": 401}])
    with served(app) as sandbox:
        failed(openai.AuthenticationError, lambda: list(sandbox.sdk.models.list()))


@pytest.mark.parametrize(
    "fault", [{"kind": "explode"}, {"kind": "drop", "nth": 0}, {"kind": "drop", "when": 1}, 7]
)
def test_a_script_with_a_typo_is_refused(sandbox, fault):
    response = HTTP.post(f"{sandbox.url}/_sandbox/faults", json=[fault])

    assert response.status_code == 400
    assert "Not a fault" in response.json()["error"]["message"]
    assert HTTP.get(f"{sandbox.url}/_sandbox/faults").json() == {"faults": []}


def test_the_log_tells_every_request_in_order(sandbox):
    sandbox.script({"kind": "reject", "status": 500, "path": "/models"})
    failed(openai.InternalServerError, lambda: list(sandbox.sdk.models.list()))
    sandbox.job()
    failed(openai.NotFoundError, lambda: sandbox.sdk.files.retrieve("file-no"))
    told = [
        (e["number"], e["method"], e["path"], e["status"], e["accepted"], e["fault"]) for e in sandbox.log()
    ]

    assert told == [
        (1, "GET", "/v1/models", 500, False, "reject"),
        (2, "POST", "/v1/files", 200, True, None),
        (3, "POST", "/v1/fine_tuning/jobs", 200, True, None),
        (4, "GET", "/v1/files/file-no", 404, False, None),
    ]
