"""The sandbox provider as the unmodified openai SDK sees it: files, jobs, models."""

import json
import threading

import openai
import pytest
from openai.types.fine_tuning import FineTuningJob
from pydantic import TypeAdapter

from ftv4.sandbox.provider import provider_app
from tests.sandbox.provider_server import BASE, START, Clock, line, served, training


@pytest.fixture
def sandbox(tmp_path):
    clock = Clock()
    with served(provider_app(tmp_path, clock=clock), clock) as running:
        yield running


def refused(kind, call):
    with pytest.raises(kind) as caught:
        call()
    return caught.value


# files


def test_an_uploaded_file_comes_back_byte_for_byte(sandbox):
    content = b"\xef\xbb\xbf" + line({"q": "gr\u00fc\u00df\r\n--x"}, {}) + b"\r\n\r\n--boundary\r\n"
    file = sandbox.sdk.files.create(file=('a "b".jsonl', content), purpose="fine-tune")

    assert sandbox.sdk.files.content(file.id).read() == content
    assert (file.bytes, file.purpose, file.status, file.created_at) == (
        len(content),
        "fine-tune",
        "processed",
        START,
    )
    assert sandbox.sdk.files.retrieve(file.id) == file


def test_files_are_listed_newest_first_in_pages_and_can_be_deleted(sandbox):
    ids = [sandbox.upload() for _ in range(5)]

    assert [file.id for file in sandbox.sdk.files.list(limit=2)] == ids[::-1]
    assert [file.id for file in sandbox.sdk.files.list(order="asc")] == ids
    assert list(sandbox.sdk.files.list(purpose="batch")) == []
    assert sandbox.sdk.files.delete(ids[0]).deleted
    assert refused(openai.NotFoundError, lambda: sandbox.sdk.files.retrieve(ids[0])).code == "not_found"


def test_an_empty_file_or_an_unknown_purpose_is_refused(sandbox):
    assert refused(openai.BadRequestError, lambda: sandbox.upload(b"")).param == "file"
    created = lambda: sandbox.sdk.files.create(file=("a", b"x"), purpose="fun")  # noqa: E731
    assert refused(openai.BadRequestError, created).param == "purpose"


# jobs


def test_a_job_goes_from_validation_to_a_model_that_answers(sandbox):
    job = sandbox.job(metadata={"run": "r1"}, seed=7)
    seen = [job.status]
    for _ in range(4):
        sandbox.clock.turn(0.25)
        job = sandbox.sdk.fine_tuning.jobs.retrieve(job.id)
        seen.append(job.status)

    assert seen == ["validating_files", "queued", "running", "running", "succeeded"]
    assert job.fine_tuned_model.startswith(f"ft:{BASE}:ftv4-sandbox:t:")
    assert (job.seed, job.metadata, job.error, job.finished_at) == (7, {"run": "r1"}, None, START + 1)
    assert (
        sandbox.ask(job.fine_tuned_model, {"n": 40, "even": True}).choices[0].message.content
        == '{"colour":"green"}'
    )


def test_jobs_fit_the_types_of_the_sdk(sandbox):
    job = sandbox.job()
    for _ in range(5):
        answer = sandbox.sdk.fine_tuning.jobs.with_raw_response.retrieve(job.id).http_response.json()
        TypeAdapter(FineTuningJob).validate_python(answer)
        assert answer["hyperparameters"] == {"n_epochs": 8, "batch_size": 1, "learning_rate_multiplier": 1.8}
        sandbox.clock.turn(0.25)


def test_events_tell_the_story_newest_first_in_pages(sandbox):
    job = sandbox.job(method=supervised(n_epochs=1))
    assert [e.message for e in sandbox.sdk.fine_tuning.jobs.list_events(job.id)][-1].startswith("Created")
    sandbox.clock.turn(1)
    first = sandbox.sdk.fine_tuning.jobs.list_events(job.id, limit=3)
    everything = list(first)

    assert first.has_more
    assert len(first.data) == 3
    assert everything[0].message == "The job has successfully completed"
    assert len({event.id for event in everything}) == len(everything)
    metrics = [event for event in everything if event.type == "metrics"]
    assert len(metrics) == 12
    assert metrics[0].data["total_steps"] == 12


def supervised(**hyperparameters):
    return {"type": "supervised", "supervised": {"hyperparameters": hyperparameters}}


def test_the_result_file_and_checkpoints_show_what_was_learned(sandbox):
    job = sandbox.job(method=supervised(n_epochs=5, batch_size=6))
    sandbox.clock.turn(1)
    job = sandbox.sdk.fine_tuning.jobs.retrieve(job.id)
    head, *steps = sandbox.sdk.files.content(job.result_files[0]).text.splitlines()
    checkpoints = list(sandbox.sdk.fine_tuning.jobs.checkpoints.list(job.id))

    assert head == "step,train_loss,train_accuracy"
    assert [int(step.split(",")[0]) for step in steps] == list(range(1, 11))
    assert [checkpoint.step_number for checkpoint in checkpoints] == [10, 8, 6]
    assert checkpoints[0].fine_tuned_model_checkpoint == job.fine_tuned_model
    assert sandbox.ask(checkpoints[1].fine_tuned_model_checkpoint, {"n": 1, "even": False}).choices


def test_jobs_are_listed_newest_first_and_found_by_metadata(sandbox):
    ids = [sandbox.job(metadata={"run": name, "kind": "x"}).id for name in ("a", "b", "a")]
    jobs = sandbox.sdk.fine_tuning.jobs

    assert [job.id for job in jobs.list(limit=1)] == ids[::-1]
    assert [job.id for job in jobs.list(metadata={"run": "a"})] == [ids[2], ids[0]]
    assert [job.id for job in jobs.list(metadata={"run": "a", "kind": "y"})] == []
    assert jobs.list(limit=2).has_more
    assert [job.id for job in jobs.list(after=ids[1])] == [ids[0]]


def test_a_job_is_paused_resumed_and_cancelled(sandbox):
    jobs = sandbox.client(_strict_response_validation=False).fine_tuning.jobs
    job = sandbox.job()
    sandbox.clock.turn(0.5)
    assert jobs.pause(job.id).status == "paused"
    sandbox.clock.turn(60)
    assert jobs.retrieve(job.id).status == "paused"
    assert jobs.resume(job.id).status == "running"
    assert jobs.cancel(job.id).status == "cancelled"
    sandbox.clock.turn(60)
    job = jobs.retrieve(job.id)

    assert (job.status, job.fine_tuned_model, job.finished_at) == ("cancelled", None, START + 60)
    assert list(jobs.checkpoints.list(job.id)) == []
    assert refused(openai.BadRequestError, lambda: jobs.cancel(job.id)).code == "invalid_job_state"
    assert refused(openai.NotFoundError, lambda: jobs.retrieve("ftjob-no")).code == "fine_tune_not_found"


GOOD = training()
BAD_FILES = {
    "at least 10 examples": training(9),
    "Line 13: invalid JSON": GOOD + b"{\n",
    "Line 13: expected an object with a list of 'messages'": GOOD + b'{"prompt": "x"}\n',
    "Line 13: unexpected key 'response_format'": GOOD + line({}, {}, response_format={}),
    "Line 13: unknown role 'bot'": GOOD + b'{"messages": [{"role": "bot", "content": "x"}]}\n',
    "Line 13: the user message has no text content": GOOD
    + b'{"messages": [{"role": "user", "content": 1}]}\n',
    "Line 13: the last message is not from the assistant": GOOD
    + b'{"messages": [{"role": "user", "content": "x"}]}\n',
    "Line 13: no message is from the user": GOOD + b'{"messages": [{"role": "assistant", "content": "x"}]}\n',
}


@pytest.mark.parametrize("problem", BAD_FILES)
def test_a_bad_training_file_fails_the_job_after_validation(sandbox, problem):
    job = sandbox.job(training_file=sandbox.upload(BAD_FILES[problem]))
    assert job.status == "validating_files"
    sandbox.clock.turn(0.3)
    job = sandbox.sdk.fine_tuning.jobs.retrieve(job.id)

    assert (job.status, job.error.code, job.error.param) == (
        "failed",
        "invalid_training_file",
        "training_file",
    )
    assert problem in job.error.message
    assert job.finished_at
    sandbox.clock.turn(5)
    told = sandbox.sdk.fine_tuning.jobs.list_events(job.id).data
    assert [event.message.split()[0] for event in told] == ["The", "Validating", "Created"]
    assert told[0].level == "error"


def test_a_byte_order_mark_and_blank_lines_are_no_problem(sandbox):
    assert sandbox.tuned(b"\xef\xbb\xbf" + GOOD + b"\n\r\n")


BAD_JOBS = [
    ({"model": "gpt-9"}, "model"),
    ({"model": "gpt-6-luna"}, "model"),
    ({"model": "gpt-4.1-nano-2025-04-14"}, "model"),
    ({"training_file": "file-no"}, "training_file"),
    ({"validation_file": "file-no"}, "validation_file"),
    ({"suffix": ""}, "suffix"),
    ({"suffix": "x" * 65}, "suffix"),
    ({"seed": -1}, "seed"),
    ({"seed": 2**31}, "seed"),
    ({"seed": "1"}, "seed"),
    ({"method": supervised(n_epochs=51)}, "n_epochs"),
    ({"method": supervised(n_epochs=0)}, "n_epochs"),
    ({"method": supervised(batch_size=257)}, "batch_size"),
    ({"method": supervised(learning_rate_multiplier=0)}, "learning_rate_multiplier"),
    ({"method": {"type": "dpo"}}, "method"),
    ({"metadata": {f"k{n}": "v" for n in range(17)}}, "metadata"),
    ({"metadata": {"k" * 65: "v"}}, "metadata"),
    ({"metadata": {"k": "v" * 513}}, "metadata"),
    ({"extra_body": {"colour": "red"}}, "colour"),
]


@pytest.mark.parametrize(("options", "param"), BAD_JOBS)
def test_a_bad_request_is_refused_with_the_parameter_and_creates_nothing(sandbox, options, param):
    error = refused(openai.BadRequestError, lambda: sandbox.job(**options))

    assert param in error.param
    assert error.type == "invalid_request_error"
    assert error.code
    assert sandbox.created() == 0


def test_a_file_for_another_purpose_is_not_trained_on(sandbox):
    other = sandbox.sdk.files.create(file=("a.jsonl", GOOD), purpose="user_data").id

    assert refused(openai.BadRequestError, lambda: sandbox.job(training_file=other)).param == "training_file"


def test_the_same_requests_give_the_same_ids(tmp_path):
    def names(folder):
        clock = Clock()
        with served(provider_app(tmp_path / folder, clock=clock), clock) as sandbox:
            return [sandbox.job().id, sandbox.tuned(), sandbox.tuned()]

    assert names("one") == names("two")
    assert len(set(names("three"))) == 3


def test_jobs_created_at_once_are_all_there(sandbox):
    file = sandbox.upload()
    threads = [threading.Thread(target=lambda: sandbox.job(training_file=file)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({job.id for job in sandbox.sdk.fine_tuning.jobs.list()}) == 8


def test_a_restart_forgets_nothing(tmp_path):
    clock = Clock()
    with served(provider_app(tmp_path, clock=clock), clock) as sandbox:
        model = sandbox.tuned()
        open_job = sandbox.job().id
        log = sandbox.log()
    clock.turn(5)
    with served(provider_app(tmp_path, clock=clock), clock) as sandbox:
        assert sandbox.log()[: len(log)] == log
        assert sandbox.sdk.fine_tuning.jobs.retrieve(open_job).status == "succeeded"
        assert json.loads(sandbox.ask(model, {"n": 3, "even": False}).choices[0].message.content) == {
            "colour": "red"
        }


def test_a_model_outlives_its_training_file(sandbox):
    file = sandbox.upload()
    job = sandbox.job(training_file=file)
    sandbox.sdk.files.delete(file)
    sandbox.clock.turn(1)
    model = sandbox.sdk.fine_tuning.jobs.retrieve(job.id).fine_tuned_model

    assert sandbox.ask(model, {"n": 2, "even": True}).choices


# models and keys


def test_models_say_when_they_shut_down_and_then_are_gone(tmp_path):
    clock = Clock()
    models = {BASE: {"tunable": True, "shutdown_date": "2026-12-01"}}
    with served(provider_app(tmp_path, clock=clock, models=models), clock) as sandbox:
        tuned = sandbox.tuned()
        assert {m.id: m.shutdown_date for m in sandbox.sdk.models.list()} == dict.fromkeys(
            [BASE, tuned, *checkpoints(sandbox)], "2026-12-01"
        )
        assert sandbox.sdk.models.retrieve(tuned).owned_by == "ftv4-sandbox"
        clock.turn(30 * 86400)
        assert list(sandbox.sdk.models.list()) == []
        assert refused(openai.NotFoundError, lambda: sandbox.ask(tuned, {})).code == "model_not_found"
        assert refused(openai.BadRequestError, sandbox.job).code == "model_not_available"


def checkpoints(sandbox):
    job = sandbox.sdk.fine_tuning.jobs.list().data[0]
    return [c.fine_tuned_model_checkpoint for c in sandbox.sdk.fine_tuning.jobs.checkpoints.list(job.id)]


def test_a_tuned_model_can_be_deleted_a_base_cannot(sandbox):
    tuned = sandbox.tuned()

    assert sandbox.sdk.models.delete(tuned).deleted
    assert refused(openai.NotFoundError, lambda: sandbox.sdk.models.retrieve(tuned)).code == "model_not_found"
    refused(openai.PermissionDeniedError, lambda: sandbox.sdk.models.delete(BASE))


@pytest.mark.parametrize("header", ["", "Bearer", "Basic abc"])
def test_without_a_key_nothing_is_answered(sandbox, header):
    client = sandbox.client(default_headers={"Authorization": header})

    assert refused(openai.AuthenticationError, lambda: list(client.models.list())).code == "invalid_api_key"


def test_an_unknown_path_is_an_error_in_the_usual_envelope(sandbox):
    error = refused(openai.NotFoundError, lambda: sandbox.sdk.batches.list())

    assert "Invalid URL" in error.message
    assert error.type == "invalid_request_error"
