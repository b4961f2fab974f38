import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pydantic import TypeAdapter

from ftv4.clients import provider as module
from ftv4.clients.provider import AnswerLost, Missing, NewJob, Provider
from ftv4.contracts.providers import ProviderRow, Providers
from ftv4.errors import ServiceError, UsageError
from tests.conftest import ROOT
from tests.provider_sandbox import SECONDS, _provider, eventually, sandbox  # noqa: F401

BASE = "gpt-4.1-mini-2025-04-14"
LINE = b'{"messages":[{"role":"user","content":"q%d"},{"role":"assistant","content":"{}"}]}\n'
JOBS = "/fine_tuning/jobs"
ASK = [{"role": "user", "content": "q1"}]


@pytest.fixture
def training_file(sandbox, tmp_path):  # noqa: F811
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"".join(LINE % number for number in range(10)))
    return sandbox.connect().upload(path, "train.jsonl").id


def new_job(training_file, key="k1", **members):
    return NewJob(BASE, training_file, suffix="t", run_key=key, stage="quant_signals", **members)


# the key and the address


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_key_is_a_usage_error_that_names_the_variable(value):
    row = ProviderRow(base_url="http://127.0.0.1:1", api_key_env="SOME_KEY")

    with pytest.raises(UsageError, match="SOME_KEY isn't set"):
        Provider.connect("p", row, {"SOME_KEY": value or None}.get)


def test_a_missing_address_is_a_usage_error_that_names_the_variable():
    row = ProviderRow(base_url_env="SOME_URL", api_key_env="SOME_KEY")

    with pytest.raises(UsageError, match="SOME_URL isn't set"):
        Provider.connect("p", row, {"SOME_KEY": "k"}.get)


def test_the_sdk_is_imported_only_when_a_provider_is_connected():
    code = "import sys, ftv4.clients.provider, ftv4.steps.serve; sys.exit('openai' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_proxy_is_not_asked_for_this_machine(sandbox, monkeypatch):  # noqa: F811
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)

    assert BASE in sandbox.connect().models()


# what is sent


class _Recorder(BaseHTTPRequestHandler):
    seen: list

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.seen.append((dict(self.headers), json.loads(body)))
        answer = b'{"id":"ftjob-1","status":"queued"}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def recorder():
    server = HTTPServer(("127.0.0.1", 0), type("Recorder", (_Recorder,), {"seen": []}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.url = f"http://127.0.0.1:{server.server_port}/v1"
    server.seen = server.RequestHandlerClass.seen
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def connect(url, variables=None, **members):
    row = ProviderRow(base_url=url, api_key_env="OPENAI_API_KEY", **members)
    return Provider.connect("p", row, ({"OPENAI_API_KEY": "k"} | (variables or {})).get)


def test_a_job_request_holds_only_what_was_given_and_what_finds_it_again(recorder):
    from openai.types.fine_tuning import JobCreateParams

    connect(recorder.url).create_job(new_job("file-1"))

    body = recorder.seen[0][1]
    TypeAdapter(JobCreateParams).validate_python(body, extra="forbid")
    assert body == {
        "model": BASE,
        "training_file": "file-1",
        "suffix": "t",
        "method": {"type": "supervised", "supervised": {}},
        "metadata": {"ftv4_run_key": "k1", "ftv4_stage": "quant_signals"},
    }


def test_hyperparameters_seed_and_the_providers_quirks_are_sent_when_given(recorder):
    job = new_job("file-1", n_epochs=2, learning_rate_multiplier=0.5, seed=0)

    connect(recorder.url, extra_body={"trainingType": "globalStandard"}).create_job(job)

    body = recorder.seen[0][1]
    given = {"n_epochs": 2, "learning_rate_multiplier": 0.5}
    assert body["method"]["supervised"] == {"hyperparameters": given}
    assert body["seed"] == 0
    assert body["trainingType"] == "globalStandard"


def test_empty_environment_variables_send_no_empty_headers(recorder, monkeypatch):
    """facts: the SDK reads these itself, and Actions hands unset secrets over as ""."""
    for name in ("OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "")

    connect(recorder.url).create_job(new_job("file-1"))

    headers = {name.lower() for name in recorder.seen[0][0]}
    assert not headers & {"openai-organization", "openai-project"}


def test_organisation_and_project_reach_only_openai(recorder):
    accounts = {"OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT": "proj-1", "OTHER_KEY": "k"}
    connect(recorder.url, accounts).create_job(new_job("file-1"))
    other = ProviderRow(base_url=recorder.url, api_key_env="OTHER_KEY")
    Provider.connect("other", other, accounts.get).create_job(new_job("file-1"))

    ours, theirs = ({name.lower(): value for name, value in seen[0].items()} for seen in recorder.seen)
    assert (ours["openai-organization"], ours["openai-project"]) == ("org-1", "proj-1")
    assert not {"openai-organization", "openai-project"} & set(theirs)


# paying once


def test_a_job_is_made_and_found_by_its_run_key(sandbox, training_file):  # noqa: F811
    provider = sandbox.connect()
    made = provider.create_job(new_job(training_file, "found"))
    provider.create_job(new_job(training_file, "another"))

    assert (made.status, made.model, made.run_key) == ("validating_files", None, "found")
    assert [job.id for job in provider.jobs(run_key="found")] == [made.id]
    sandbox.ahead = SECONDS
    assert provider.job(made.id).status == "succeeded"
    assert provider.job(made.id).model.startswith(f"ft:{BASE}:")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "accept_then_drop"},
        {"kind": "drop"},
        {"kind": "malformed"},
        {"kind": "alter", "fields": {"id": None}},
        *({"kind": "reject", "status": status} for status in (408, 409, 500, 503)),
    ],
    ids=lambda fault: f"{fault['kind']} {fault.get('status', '')}",
)
def test_a_lost_answer_is_said_to_be_lost_and_nothing_is_sent_again(sandbox, training_file, fault):  # noqa: F811
    sandbox.fail(method="POST", path=JOBS, **fault)

    with pytest.raises(AnswerLost) as lost:
        sandbox.connect().create_job(new_job(training_file))

    assert lost.value.retryable
    assert len(eventually(lambda: sandbox.asked("POST", JOBS))) == 1


def test_a_late_answer_is_a_lost_one(sandbox, training_file, monkeypatch):  # noqa: F811
    monkeypatch.setattr(module, "ASKING_SECONDS", 0.2)
    sandbox.fail("late", "POST", JOBS, seconds=0.5)

    with pytest.raises(AnswerLost, match="no answer in time"):
        sandbox.connect().create_job(new_job(training_file))

    assert len(eventually(lambda: sandbox.asked("POST", JOBS))) == 1


@pytest.mark.parametrize(
    ("status", "code", "retryable", "hint"),
    [
        (400, "invalid_training_file", False, ""),
        (401, "invalid_api_key", False, "key is not accepted"),
        (403, "unsupported", False, "may not do this"),
        (404, "model_not_found", False, "doesn't have it"),
        (422, None, False, ""),
        (429, "rate_limit_exceeded", True, "try again later"),
        (429, "insufficient_quota", False, "no credit"),
    ],
)
def test_a_refusal_is_certain_and_says_what_to_do(sandbox, training_file, status, code, retryable, hint):  # noqa: F811
    sandbox.fail("reject", "POST", JOBS, status=status, code=code)

    with pytest.raises(ServiceError, match=f"HTTP {status}") as refused:
        sandbox.connect().create_job(new_job(training_file))

    assert not isinstance(refused.value, AnswerLost)
    assert refused.value.retryable is retryable
    assert hint in refused.value.hint
    assert len(sandbox.asked("POST", JOBS)) == 1


def test_a_provider_that_takes_no_more_jobs_is_recognised(sandbox, training_file):  # noqa: F811
    sandbox.fail("reject", "POST", JOBS, status=403, message="Fine-tuning is closed to your organization.")

    with pytest.raises(ServiceError) as refused:
        sandbox.connect().create_job(new_job(training_file))

    assert "--provider" in refused.value.hint


def test_what_a_provider_says_is_encoded(sandbox, training_file):  # noqa: F811
    sandbox.fail("reject", "POST", JOBS, status=400, message="no\n::error::##[add-mask]\x1b[31m@all")

    with pytest.raises(ServiceError) as refused:
        sandbox.connect().create_job(new_job(training_file))

    assert not set("\n\x1b") & set(refused.value.message)
    assert "::" not in refused.value.message
    assert "##" not in refused.value.message


# uploads and lists


def test_an_upload_is_sent_once_and_may_have_been_carried_out(sandbox, tmp_path):  # noqa: F811
    """Who sends it again can look for its name first."""
    (tmp_path / "t.jsonl").write_bytes(LINE % 1)
    sandbox.fail("accept_then_drop", "POST", "/files")
    provider = sandbox.connect()

    with pytest.raises(AnswerLost):
        provider.upload(tmp_path / "t.jsonl", "named-once.jsonl")

    assert eventually(lambda: len(sandbox.asked("POST", "/files"))) == 1
    (found,) = [file for file in provider.files() if file.name == "named-once.jsonl"]
    assert (found.size, found.status) == (len(LINE % 1), "processed")
    assert provider.file(found.id) == found
    provider.delete_file(found.id)
    provider.delete_file(found.id)
    with pytest.raises(Missing):
        provider.file(found.id)


def test_every_page_of_files_is_read(sandbox, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(module, "FILES_PAGE", 2)
    (tmp_path / "t.jsonl").write_bytes(LINE % 1)
    provider = sandbox.connect()
    sent = [provider.upload(tmp_path / "t.jsonl", f"{number}.jsonl").id for number in range(5)]

    assert [file.id for file in provider.files()][:5] == sent[::-1]
    sandbox.fail("repeat_page", "GET", "/files", times=9)
    with pytest.raises(ServiceError, match="repeats itself"):
        provider.files()


def test_every_page_of_jobs_is_read(sandbox, training_file, monkeypatch):  # noqa: F811
    monkeypatch.setattr(module, "PAGE", 1)
    provider = sandbox.connect()
    made = [provider.create_job(new_job(training_file, "paged", seed=seed)).id for seed in range(3)]

    assert [job.id for job in provider.jobs(run_key="paged")] == made[::-1]
    assert [job.id for job in provider.jobs(limit=2)] == made[:0:-1]


def test_a_run_key_is_looked_for_by_the_provider_and_by_us(sandbox):  # noqa: F811
    """Not every provider knows the metadata filter; those that don't send everything."""
    strangers = [{"id": "ftjob-a", "metadata": {"ftv4_run_key": "other"}}, {"id": "ftjob-b"}]
    sandbox.fail("alter", "GET", JOBS, fields={"data": strangers, "has_more": False})

    assert sandbox.connect().jobs(run_key="mine") == []
    assert "metadata%5Bftv4_run_key%5D=mine" in sandbox.log()[-1]["query"]


def test_a_list_that_repeats_itself_decides_nothing(sandbox, training_file, monkeypatch):  # noqa: F811
    monkeypatch.setattr(module, "PAGE", 1)
    provider = sandbox.connect()
    for seed in range(2):
        provider.create_job(new_job(training_file, "repeated", seed=seed))
    sandbox.fail("repeat_page", "GET", JOBS, times=9)

    with pytest.raises(ServiceError, match="repeats itself"):
        provider.jobs(run_key="repeated")


# odd answers


@pytest.mark.parametrize(
    ("fields", "member", "value"),
    [
        ({"status": "dreaming"}, "status", "unknown"),
        ({"status": "paused"}, "status", "paused"),
        ({"error": {}}, "error", None),
        ({"error": None}, "error", None),
        ({"error": {"code": "bad", "message": "No."}}, "error", "No."),
        ({"metadata": None}, "run_key", None),
        ({"created_at": None, "finished_at": None, "trained_tokens": None}, "created_at", None),
        ({"fine_tuned_model": ""}, "model", None),
    ],
)
def test_a_job_may_lack_or_invent_anything_but_its_id(sandbox, training_file, fields, member, value):  # noqa: F811
    provider = sandbox.connect()
    made = provider.create_job(new_job(training_file))
    sandbox.fail("alter", "GET", JOBS, fields=fields)

    assert getattr(provider.job(made.id), member) == value


@pytest.mark.parametrize("fields", [{"data": 7}, {"data": [{"status": "queued"}]}, {"data": ["job"]}])
def test_a_list_in_no_known_shape_is_a_service_error(sandbox, fields):  # noqa: F811
    sandbox.fail("alter", "GET", JOBS, fields=fields)

    with pytest.raises(ServiceError, match="no known shape"):
        sandbox.connect().jobs()


def test_a_job_that_isnt_there_is_missing(sandbox):  # noqa: F811
    with pytest.raises(Missing, match="ftjob-nobody"):
        sandbox.connect().job("ftjob-nobody")


def test_events_come_oldest_first_and_a_job_can_be_cancelled(sandbox, training_file):  # noqa: F811
    provider = sandbox.connect()
    made = provider.create_job(new_job(training_file))

    assert provider.events(made.id)[0].message.startswith("Created")
    assert provider.cancel(made.id).status == "cancelled"


def test_models_come_with_the_day_they_shut_down(sandbox):  # noqa: F811
    models = sandbox.connect().models()

    assert models[BASE] is None
    assert models["gpt-4.1-2025-04-14"] == "2027-01-14"


def test_a_provider_without_a_list_of_models_says_nothing_of_them(sandbox):  # noqa: F811
    sandbox.fail("reject", "GET", "/models", status=404)

    assert sandbox.connect().models() == {}


# serving


@pytest.fixture
def tuned(sandbox, training_file):  # noqa: F811
    provider = sandbox.connect()
    made = provider.create_job(new_job(training_file))
    sandbox.ahead = SECONDS
    return provider.job(made.id).model


def test_a_model_answers(sandbox, tuned):  # noqa: F811
    done = sandbox.connect().complete(tuned, ASK, None, max_tokens=50, temperature=0, seed=1)

    assert (done.text, done.finish_reason) == ("{}", "stop")
    assert done.prompt_tokens > 0
    assert done.seconds > 0


def choice(finish_reason="stop", **message):
    said = {"role": "assistant", "content": "{}"} | message
    return {"choices": [{"index": 0, "finish_reason": finish_reason, "message": said}]}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (choice(refusal="I won't."), "declined"),
        (choice("length"), "cut at max_tokens"),
        (choice("content_filter"), "content filter"),
        (choice(content=None), "empty answer"),
        ({"choices": []}, "no known shape"),
        ({"choices": None}, "no known shape"),
    ],
)
def test_an_answer_that_is_none_is_a_service_error(sandbox, tuned, fields, problem):  # noqa: F811
    sandbox.fail("alter", "POST", "/chat", fields=fields)

    with pytest.raises(ServiceError, match=problem):
        sandbox.connect().complete(tuned, ASK, None, max_tokens=50, temperature=0)


def test_missing_usage_is_no_problem(sandbox, tuned):  # noqa: F811
    sandbox.fail("alter", "POST", "/chat", fields={"usage": None})

    assert sandbox.connect().complete(tuned, ASK, None, max_tokens=50, temperature=0).prompt_tokens is None


# the table


def test_the_documented_rows_are_rows():
    blocks = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "providers.md").read_text(), re.DOTALL)

    rows = [Providers.model_validate({"providers": json.loads(block)}) for block in blocks]

    assert [list(row.providers) for row in rows] == [["azure"], ["house"]]
