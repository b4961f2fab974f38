"""A job that stores no key: who it says it is, what it is given for that, and what goes wrong."""

import json
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from ftv4.actions import variable
from ftv4.clients import identity
from ftv4.clients.identity import Job, forge_token, take_back
from ftv4.clients.provider import AnswerLost, NewJob, Provider
from ftv4.documents import Repository
from ftv4.errors import ServiceError, UsageError
from tests.conftest import ROOT
from tests.forge_sandbox import NAME
from tests.keyless import EXCHANGE, _services, keyless

__all__ = ["_services", "keyless"]
ROW = Repository(ROOT).providers().providers["sandbox"]
JOBS = "/fine_tuning/jobs"
BASE = "gpt-4.1-mini-2025-04-14"
LINE = b'{"messages":[{"role":"user","content":"q%d"},{"role":"assistant","content":"{}"}]}\n'


def connect():
    return Provider.connect("sandbox", ROW, variable)


@pytest.fixture
def uploaded(keyless, tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"".join(LINE % number for number in range(10)))
    provider = connect()
    return provider, NewJob(
        BASE, provider.upload(path, "t.jsonl").id, "t", run_key="k", stage="quant_signals"
    )


# the provider


def test_a_stored_key_comes_first(keyless):
    keyless.set(FTV4_SANDBOX_KEY="any")

    assert BASE in connect().models()
    assert keyless.exchanges() == 0


def test_without_a_key_the_job_is_known_by_its_identity(keyless, uploaded):
    provider, job = uploaded

    assert provider.create_job(job).status == "validating_files"
    assert keyless.exchanges() == 1
    assert not provider.stored_key


@pytest.mark.parametrize(
    "lacking",
    [
        "FTV4_SANDBOX_IDENTITY_PROVIDER_ID",
        "FTV4_SANDBOX_SERVICE_ACCOUNT_ID",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    ],
)
def test_what_is_lacking_for_either_way_is_a_usage_error_that_names_both(keyless, lacking):
    keyless.set(**{lacking: ""})

    with pytest.raises(UsageError, match="FTV4_SANDBOX_KEY isn't set") as error:
        Provider.connect("other", ROW, variable)

    both = ("FTV4_SANDBOX_KEY", "FTV4_SANDBOX_IDENTITY_PROVIDER_ID", "_SERVICE_ACCOUNT_ID", "id-token: write")
    assert all(name in error.value.hint for name in both)


def test_who_lacks_the_sandboxs_key_is_told_who_prints_it(keyless):
    keyless.set(ACTIONS_ID_TOKEN_REQUEST_URL="")

    with pytest.raises(UsageError, match="FTV4_SANDBOX_KEY isn't set") as error:
        connect()

    assert error.value.hint == "`ftv4 sandbox` starts it, and prints what to export"


def test_a_job_at_a_provider_that_knows_no_identities_is_told_of_the_key_alone(keyless):
    with pytest.raises(UsageError, match="FTV4_SANDBOX_KEY isn't set") as error:
        Provider.connect("other", ROW.model_copy(update={"workload_identity": None}), variable)

    assert error.value.hint == "export FTV4_SANDBOX_KEY=… with a key of other"


def test_threads_that_start_together_are_given_one_token(keyless):
    provider = connect()
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: provider._key(), range(8)))

    assert (len(found), keyless.exchanges()) == (1, 1)


def test_a_token_that_is_over_is_renewed_and_others_are_kept(keyless):
    keyless.provider.fail("alter", "POST", EXCHANGE, fields={"expires_in": 0.001})
    provider = connect()
    for _ in range(3):
        provider.models()

    assert keyless.exchanges() == 2


@pytest.mark.parametrize(("seconds", "kept"), [(300, 150), (1e12, 1800)])
def test_a_token_is_renewed_when_half_of_its_life_is_over_and_of_an_hour_at_most(keyless, seconds, kept):
    keyless.provider.fail("alter", "POST", EXCHANGE, fields={"expires_in": seconds})
    provider = connect()
    provider.models()

    assert kept - 30 < provider._key._renew_at - time.monotonic() <= kept


def test_a_token_that_the_provider_refuses_is_replaced_the_next_time(keyless):
    provider = connect()
    provider.models()
    keyless.provider.ahead = 400  # by the provider's clock it is over

    with pytest.raises(ServiceError, match="HTTP 401") as refused:
        provider.models()

    assert refused.value.retryable
    assert BASE in provider.models()
    assert keyless.exchanges() == 2


@pytest.mark.parametrize("status", [400, 403])
def test_what_is_refused_for_another_reason_costs_no_token_and_no_second_try(keyless, status):
    provider = connect()
    keyless.provider.fail("reject", "GET", "/models", status=status)

    assert not refused(provider.models).retryable
    assert BASE in provider.models()
    assert keyless.exchanges() == 1


def test_a_job_is_asked_for_once_though_its_token_is_refused(keyless, uploaded):
    provider, job = uploaded
    keyless.provider.fail("reject", "POST", JOBS, status=401, code="invalid_api_key")

    with pytest.raises(ServiceError) as refused:
        provider.create_job(job)

    assert not isinstance(refused.value, AnswerLost)
    assert len(keyless.provider.asked("POST", JOBS)) == 1
    assert provider.create_job(job).run_key == "k"
    assert (keyless.provider.jobs_made(), keyless.exchanges()) == (1, 2)


def test_a_job_whose_token_isnt_given_was_not_asked_for(keyless, uploaded):
    """Else a run would wait half an hour for an answer that nobody owes."""
    provider, job = uploaded
    provider._key.renews()
    keyless.provider.fail("drop", "POST", EXCHANGE, times=9)

    with pytest.raises(ServiceError) as failed:
        provider.create_job(job)

    assert not isinstance(failed.value, AnswerLost)
    assert keyless.provider.asked("POST", JOBS) == []


# what goes wrong on the way


def reject(status):
    return {"kind": "reject", "status": status, "times": 9}


GARBAGE = [{"kind": "malformed"}, {"kind": "drop", "times": 9}, reject(500), reject(403)]
WRONG = [
    *(
        {"kind": "alter", "fields": {member: value}}
        for member in ("value",)
        for value in ("", None, 7, "a\nb", "é")
    ),
    *GARBAGE,
]
"""Of GitHub's endpoint: no value, or one that is no token."""
NO_TOKEN = [
    *({"kind": "alter", "fields": {"access_token": value}} for value in ("", None, 7, "a b", ["x"])),
    *({"kind": "alter", "fields": {"expires_in": value}} for value in (None, "300", 0, -1, True)),
    *GARBAGE,
    reject(401),
    reject(429),
]


@pytest.mark.parametrize("fault", WRONG, ids=str)
def test_an_endpoint_that_names_nobody_ends_it_before_anything_is_sent(keyless, fault):
    keyless.forge.fail(fault["kind"], path="^/oidc/token", **{k: v for k, v in fault.items() if k != "kind"})

    with pytest.raises(ServiceError, match="could not ask GitHub who this job is"):
        connect().models()

    assert keyless.provider.log() == []


@pytest.mark.parametrize("fault", NO_TOKEN, ids=str)
def test_an_exchange_that_gives_no_token_ends_it_before_anything_is_asked(keyless, fault):
    keyless.provider.fail(path=EXCHANGE, **fault)

    with pytest.raises(ServiceError, match="could not exchange the job's identity") as failed:
        connect().models()

    assert failed.value.retryable == (fault.get("status") not in (401, 403))
    assert keyless.provider.asked() == []


@pytest.mark.parametrize(("status", "said"), [(200, "an answer without a token"), (403, "HTTP 403")])
@pytest.mark.parametrize("answer", [None, 7, "x", ["x"]], ids=str)
def test_an_answer_that_is_no_object_gives_no_token(keyless, mirror, status, said, answer):
    mirror.shape, mirror.status = lambda heard: answer, status

    assert said in refused(lambda: forge_token(Job.of(variable), mirror.url, NAME, "ftv4-paid")).message


@pytest.mark.parametrize("payload", [None, "", "e", "e3", "W10"], ids=str)
def test_an_identity_that_names_nobody_is_called_nobody(keyless, payload):
    """One part, none, cut short twice, and a list."""
    identity = "x" if payload is None else f"x.{payload}.x"
    keyless.forge.fail("alter", path="^/oidc/token", fields={"value": identity})

    assert "says that it is nobody:" in refused(connect().models).hint


@pytest.mark.parametrize("status", [500, 503])
def test_what_is_away_for_a_moment_is_asked_again(keyless, status):
    keyless.forge.fail("reject", path="^/oidc/token", status=status)
    keyless.provider.fail("reject", path=EXCHANGE, status=status, times=2)

    assert BASE in connect().models()
    assert keyless.exchanges() == 3


def test_an_answer_that_is_late_is_given_up(keyless, monkeypatch):
    monkeypatch.setattr(identity, "SECONDS", 0.1)
    monkeypatch.setattr(identity, "TRIES", 1)
    keyless.provider.fail("late", path=EXCHANGE, seconds=0.4)

    with pytest.raises(ServiceError, match="no answer"):
        connect().models()


def test_a_proxy_is_not_asked_for_this_machine(keyless, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)

    assert BASE in connect().models()


@pytest.mark.parametrize("url", ["http://forge.example/oidc?x", "ftp://127.0.0.2/x", "http://[", "oidc"])
def test_a_token_is_sent_over_https_only(url):
    with pytest.raises(UsageError, match="https"):
        Job(url, "t").identity("a")


# who is believed


def refused(call):
    with pytest.raises(ServiceError) as error:
        call()
    return error.value


def test_a_job_of_another_environment_is_refused_and_told_who_it_is(keyless):
    keyless.begin("production")
    error = refused(connect().models)

    assert "HTTP 403" in error.message
    assert "repo:sandbox/models:environment:production" in error.hint


@pytest.mark.parametrize("name", ["IDENTITY_PROVIDER_ID", "SERVICE_ACCOUNT_ID"])
def test_another_account_is_refused(keyless, name):
    keyless.set(**{f"FTV4_SANDBOX_{name}": "other"})

    assert "HTTP 400" in refused(connect().models).message


@pytest.mark.parametrize("audience", ["elsewhere", "runner"])
def test_an_identity_for_another_audience_is_refused(keyless, audience):
    told = ROW.workload_identity.model_copy(update={"audience": audience})
    other = ROW.model_copy(update={"workload_identity": told})

    assert "HTTP 401" in refused(Provider.connect("sandbox", other, variable).models).message


def test_an_identity_is_no_key_and_a_token_is_no_identity(keyless):
    jwt = Job.of(variable).identity("ftv4-sandbox")
    for key in (jwt, jwt[:-4] + "AAAA"):
        assert opens(f"{keyless.provider.url}/v1/models", key) == 401
    keyless.set(ACTIONS_ID_TOKEN_REQUEST_TOKEN=jwt)

    assert "HTTP 401" in refused(connect().models).message


def test_an_identity_that_is_over_is_refused(keyless, monkeypatch):
    monkeypatch.setattr("ftv4.sandbox.forge_identity.JWT_SECONDS", 0)

    assert "expired" in refused(connect().models).message


# the forge


def opens(url, token):
    """Who it is that a token opens an address to, or the status of the refusal."""
    try:
        with urlopen(Request(url, headers={"authorization": f"Bearer {token}"})) as answer:
            return json.load(answer).get("login", answer.status)
    except HTTPError as error:
        with error:
            return error.code


def service(keyless, repository=NAME, name="ftv4-paid"):
    return forge_token(Job.of(variable), keyless.forge.url, repository, name)


def test_the_token_service_gives_the_apps_token_until_it_is_taken_back(keyless):
    token = service(keyless)

    assert opens(f"{keyless.forge.url}/user", token) == "ftv4-bot"
    take_back(keyless.forge.url, token)
    assert opens(f"{keyless.forge.url}/user", token) == 401
    take_back(keyless.forge.url, token)  # there is none any more, and nobody minds


def test_a_token_of_the_service_ends(keyless, monkeypatch):
    monkeypatch.setattr("ftv4.sandbox.forge_identity.TOKEN_SECONDS", 0)

    assert opens(f"{keyless.forge.url}/user", service(keyless)) == 401


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"name": "ftv4-bot"}, 403),
        ({"name": "ftv4-eval"}, 404),
        ({"name": "../x"}, 404),
        ({"repository": "a/b"}, 404),
    ],
)
def test_another_identity_or_repository_is_refused(keyless, asked, status):
    error = refused(lambda: service(keyless, **asked))

    assert f"HTTP {status}" in error.message
    assert "repo:sandbox/models:environment:ftv4-paid" in error.hint
    assert not error.retryable


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "alter", "fields": {"token": ""}},
        {"kind": "malformed"},
        reject(401),
        reject(403),
        reject(500),
    ],
    ids=str,
)
def test_a_service_that_gives_nothing_is_a_service_error(keyless, fault):
    keyless.forge.fail(fault["kind"], path="^/sts/", **{k: v for k, v in fault.items() if k != "kind"})

    assert (
        "could not exchange the job's identity for the forge's token"
        in refused(lambda: service(keyless)).message
    )


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://forge.example"])
def test_a_token_that_cannot_be_taken_back_is_left_to_end_by_itself(url):
    take_back(url, "t")


# what is shown


class _Mirror(BaseHTTPRequestHandler):
    """Repeats all that it is told, as an error."""

    def do_GET(self):
        self.server.seen.append(self.path)
        length = int(self.headers.get("content-length") or 0)
        told = f"{self.headers['authorization']} {self.rfile.read(length).decode()}"
        shaped = self.server.shape(told)
        answer = shaped if isinstance(shaped, bytes) else json.dumps(shaped).encode()
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(answer)))
        self.send_header("content-type", "application/json")
        self.send_header("location", "/elsewhere")
        if self.server.status == 503:
            self.send_header("retry-after", "60")
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def log_message(self, *arguments):
        pass


SHAPES = [
    lambda told: {"error": "invalid_grant", "error_description": told},
    lambda told: {"message": told},
    lambda told: {"error": {"message": told}},
    lambda told: {"error": told},
]


@pytest.fixture
def mirror():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Mirror)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.seen = []
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("status", [302, 307])
def test_a_token_is_not_sent_on_to_where_an_answer_points(keyless, mirror, status):
    mirror.shape, mirror.status = SHAPES[1], status
    error = refused(lambda: forge_token(Job.of(variable), mirror.url, NAME, "ftv4-paid"))

    assert f"HTTP {status}" in error.message
    assert [path.partition("?")[0] for path in mirror.seen] == ["/sts/exchange"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_token_that_is_repeated_is_not_shown(keyless, mirror, shape, status):
    """Threat 27: by a provider's exchange, the token service, GitHub's endpoint, and the provider itself."""
    mirror.shape, mirror.status = shape, status
    told = ROW.workload_identity.model_copy(update={"token_url": f"{mirror.url}/oauth/token"})
    exchanged = ROW.model_copy(update={"workload_identity": told})
    job = Job.of(variable)
    own = ROW.workload_identity.model_copy(update={"token_url": f"{keyless.provider.url}/oauth/token"})
    served = ROW.model_copy(update={"workload_identity": own, "base_url": f"{mirror.url}/v1"})
    errors = [
        refused(Provider.connect("sandbox", exchanged, variable).models),
        refused(lambda: forge_token(job, mirror.url, NAME, "ftv4-paid")),
        refused(lambda: Job(f"{mirror.url}/oidc?v=2", job.request_token).identity("a")),
        refused(Provider.connect("sandbox", served, variable).models),
    ]

    assert all("***" in error.message for error in errors[: 4 if "message" in str(shape("")) else 3])
    assert not [error for error in errors if keyless.shown_in(f"{error.message} {error.hint}")]
    assert not keyless.shown_in(repr(job))


@pytest.mark.parametrize(("key", "shown"), [("a-key-of-some-length", "***"), ("word", "word")])
def test_a_stored_key_that_is_repeated_is_not_shown(keyless, mirror, key, shown):
    """Threat 27: one that may be a word guards nothing, and would leave holes in what a person reads."""
    keyless.set(FTV4_SANDBOX_KEY=key, FTV4_SANDBOX_URL=f"{mirror.url}/v1")
    mirror.shape, mirror.status = SHAPES[2], 403

    assert f"Bearer {shown}" in refused(connect().models).message


def test_a_service_that_is_down_is_not_asked_whom_it_trusts_nor_waited_for(keyless, mirror, monkeypatch):
    waited = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", waited.append)
    mirror.shape, mirror.status = (lambda told: b"<html>Down"), 503

    error = refused(lambda: forge_token(Job.of(variable), mirror.url, NAME, "ftv4-paid"))

    assert error.message.endswith(": HTTP 503")
    assert error.hint.endswith(" the right address, and reachable from here?")
    assert len(mirror.seen) > 1 and sum(waited) < 1


def test_a_token_that_no_header_can_hold_is_not_shown_either(keyless):
    """The error of who refuses to send it quotes it."""
    keyless.set(ACTIONS_ID_TOKEN_REQUEST_TOKEN="half\nhidden")
    error = refused(connect().models)

    assert error.message == "could not ask GitHub who this job is: no answer: ValueError"
    assert "hidden" not in "".join(traceback.format_exception(error))


def test_nothing_but_the_own_token_is_said_to_whom_it_is_for(keyless, mirror, monkeypatch, tmp_path):
    """Not what a netrc file has for an address, and none where there is none."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ada password word\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(identity, "_is_here", lambda *address: False)
    mirror.shape, mirror.status = SHAPES[1], 403
    told = ROW.workload_identity.model_copy(update={"token_url": f"{mirror.url}/oauth/token"})
    exchanged = ROW.model_copy(update={"workload_identity": told})

    forge = refused(lambda: forge_token(Job.of(variable), mirror.url, NAME, "ftv4-paid"))
    provider = refused(Provider.connect("sandbox", exchanged, variable).models)

    assert "HTTP 403: Bearer ***" in forge.message
    assert 'HTTP 403: None {"grant_type' in provider.message.replace("\\", "")


def test_no_token_that_was_given_before_is_shown(keyless, mirror):
    own = ROW.workload_identity.model_copy(update={"token_url": f"{keyless.provider.url}/oauth/token"})
    served = ROW.model_copy(update={"workload_identity": own, "base_url": f"{mirror.url}/v1"})
    told, mirror.status = [], 401
    mirror.shape = lambda heard: told.append(heard) or {"error": {"message": " ".join(told)}}
    provider = Provider.connect("sandbox", served, variable)
    errors = [refused(provider.models) for _ in range(2)]

    assert (keyless.exchanges(), len({*told})) == (2, 2)
    assert errors[1].message.count("***") == 2
    assert not [error for error in errors if keyless.shown_in(error.message)]
