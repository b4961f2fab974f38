"""Commands of a job that stores no key: what opens provider and forge, what is left, and what nobody sees."""

import base64
from pathlib import Path

import click
import pytest

from ftv4.cli.clients import _named, connect_forge, connect_remote
from tests.dataset_rows import rows, write_dataset
from tests.encode.test_secrets import COMMANDS, FT
from tests.keyless import EXCHANGE, _services, keyless

__all__ = ["_services", "keyless"]
DOCTOR = ("ops", "doctor")
ELSEWHERE = "https://forge.example"
REVOKED = "DELETE /installation/token 204"


@pytest.fixture
def job(keyless, repository, monkeypatch):
    write_dataset(repository, rows(30))
    monkeypatch.setenv("FTV4_TRACEBACK", "1")
    keyless.provider.hurry = True
    return keyless


def asked(job, path):
    return [line for line in job.forge.asked() if path in line]


# the provider


def test_a_run_is_trained_with_no_key(job, ftv4):
    job.provider.hurry = False
    done = ftv4(*FT, "--follow=false")

    assert done.code == 0, done.err
    assert (job.provider.jobs_made(), job.exchanges()) == (1, 1)


def test_without_key_and_identity_both_ways_are_named(job, ftv4):
    job.set(ACTIONS_ID_TOKEN_REQUEST_URL="", OPENAI_API_KEY="")
    done = ftv4("ops", "ft-doctor")

    assert done.code == 5
    assert "OPENAI_API_KEY isn't set" in done.out
    assert "OPENAI_IDENTITY_PROVIDER_ID and OPENAI_SERVICE_ACCOUNT_ID" in done.out


def test_the_doctor_of_a_provider_says_that_no_key_is_needed(job, ftv4):
    job.provider.hurry = False

    assert "not needed" in ftv4("ops", "ft-doctor", "--provider", "sandbox").out


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_provider_that_gives_no_token_is_asked_for_nothing(job, ftv4, status):
    job.provider.fail("reject", "POST", EXCHANGE, status=status, times=9)
    done = ftv4(*FT)

    assert done.code == 5
    assert f"HTTP {status}" in done.err
    assert job.provider.jobs_made() == 0


# the forge


def test_a_command_is_given_one_token_and_gives_it_back(job, ftv4):
    job.by_service()
    ftv4(*DOCTOR)

    assert len(asked(job, "/sts/exchange")) == 1
    assert job.forge.asked()[-1] == REVOKED
    assert job.forge.given() == []


def test_one_token_opens_api_and_git_and_nobody_elses(job, repository):
    job.by_service()
    with click.Context(click.Command("any")):
        connect_forge()
        remotes = [
            connect_remote(),
            *(_named(repository, f"{url}/x.git") for url in (job.forge.url, ELSEWHERE)),
        ]

    assert [str(one.token)[:4] for one in remotes] == ["ghs_", "ghs_", "None"]
    assert len(asked(job, "/sts/exchange")) == 1


def test_it_gives_it_back_when_it_fails_too(job, ftv4):
    job.by_service()
    job.forge.fail("reject", path="/repos/", status=403, times=99)

    assert ftv4(*DOCTOR).code == 5
    assert job.forge.asked()[-1] == REVOKED


def test_a_token_that_cant_be_given_back_is_no_error(job, ftv4):
    job.by_service()
    job.forge.fail("drop", path="^/installation/", times=9)

    assert ftv4(*DOCTOR).code == 4  # which it is: the settings lack what they lack


def test_what_went_wrong_is_not_hidden_by_giving_it_back(job, ftv4):
    job.by_service()
    job.set(GITHUB_API_URL="http://forge.example")
    done = ftv4(*DOCTOR)

    assert done.code == 2
    assert "GITHUB_API_URL is" in done.err


def test_without_a_service_the_jobs_own_token_is_used(job, ftv4):
    ftv4(*DOCTOR)

    assert asked(job, "/sts/") == asked(job, "/installation/") == []


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("FTV4_STS_IDENTITY", "FTV4_STS_IDENTITY not set"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "give the job `id-token: write`"),
    ],
)
def test_a_service_without_what_it_takes_is_a_usage_error(job, ftv4, variable, said):
    """And never the job's own token instead, which counts for less."""
    job.by_service()
    job.set(**{variable: ""})
    done = ftv4(*DOCTOR)

    assert done.code == 2
    assert said in done.err
    assert job.forge.asked() == []


@pytest.mark.parametrize("url", ["http://sts.example", "sts.example", "http://["])
def test_a_service_is_asked_over_https_only(job, ftv4, url):
    job.by_service()
    job.set(FTV4_STS_URL=url)
    done = ftv4(*DOCTOR)

    assert done.code == 2
    assert "https" in done.err


def test_a_policy_that_is_not_for_the_job_says_who_the_job_is(job, ftv4):
    job.by_service("ftv4-bot")
    done = ftv4(*DOCTOR)

    assert done.code == 5
    assert "repo:sandbox/models:environment:ftv4-paid" in done.err


# what nobody sees


def forms(token):
    """Raw, in hex, and in base64 wherever it begins; an address needs no other."""
    text = token.encode()
    hidden = (base64.b64encode(b" " * shift + text).decode().strip("=")[4:-4] for shift in range(3))
    return {token, text.hex(), *hidden}


ECHO = [
    ("provider", {"kind": "reject", "status": 401, "times": 20}),
    ("provider", {"kind": "reject", "status": 403, "path": EXCHANGE, "times": 20}),
    ("provider", {"kind": "malformed", "path": EXCHANGE, "times": 20}),
    ("provider", {"kind": "malformed", "times": 20}),
    ("forge", {"kind": "malformed", "path": "^/(sts|oidc)/", "times": 20}),
    ("forge", {"kind": "reject", "status": 500, "path": "^/(sts|oidc)/", "times": 20}),
    ("forge", None),
]


@pytest.mark.parametrize(("where", "fault"), ECHO, ids=str)
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_command_shows_or_writes_a_token(job, ftv4, where, fault, form):
    """Threat 27, of every token that anybody was given."""
    job.by_service()
    if fault:
        getattr(job, where).fail(**fault)
    said = ""
    for command in [*COMMANDS, DOCTOR]:
        done = ftv4(*command, "--format", form)
        said += done.out + done.err
    written = [path.read_bytes().decode(errors="replace") for path in Path().rglob("*") if path.is_file()]
    secrets = [form for token in job.signed for form in forms(token)]

    assert said and secrets
    assert not [secret for secret in [*secrets, "ghs_"] if any(secret in text for text in [said, *written])]


def test_the_forms_are_found_where_they_hide(job):
    """The control."""
    token = job.signed[0]
    for before in ("", "a", "ab"):
        hidden = base64.b64encode(f"{before}{token}xyz".encode()).decode()
        assert any(secret in hidden for secret in forms(token))
