"""What our own clients send, and what they are answered, is as GitHub and OpenAI describe it: all of it."""

# ruff: noqa: F811

import json
import re

import pytest

from ftv4.clients.forge import Forge
from ftv4.clients.forge_settings import ForgeSettings
from ftv4.clients.provider import Missing, NewJob, Provider
from ftv4.documents import Repository
from ftv4.errors import ServiceError
from ftv4.sandbox.forge import forge_app
from ftv4.sandbox.provider import provider_app
from tests.conftest import ROOT
from tests.descriptions import Recorder, described
from tests.forge_sandbox import FIRST, NAME, Checkout, Sandbox, _server  # noqa: F401
from tests.sandbox.provider_server import BASE, SCHEMA, Clock, served, training

PLAIN = "config/models.json"


class Called:
    """An object, and which of its verbs were called."""

    def __init__(self, of):
        self._of = of
        self.verbs = set()

    def __getattr__(self, name):
        self.verbs.add(name)
        return getattr(self._of, name)


def verbs_of(kind):
    """What a client can do, but for connecting."""
    found = {name for name, one in vars(kind).items() if callable(one) and not name.startswith("_")}
    return found - {"connect"}


UNDESCRIBED = {
    "GET /actions/permissions",
    "GET /actions/permissions/workflow",
    "GET /actions/runs/N",
    "GET /actions/runs/N/approvals",
    "GET /actions/workflows/finetune.yml/runs",
    "GET /environments/ftv4-paid/secrets",
    "GET /rulesets/N",
    "GET /statuses/N",
    "POST /graphql",
}
"""What our part of GitHub's description lacks; of approvals test_forge_approvals.py has it."""


# each verb of the provider's client


@pytest.fixture
def client(tmp_path):
    """Our client of a provider, the exchanges, and the clock."""
    clock = Clock()
    recorder = Recorder(provider_app(tmp_path / "provider", clock=clock))
    row = Repository(ROOT).providers().providers["sandbox"]
    with served(recorder, clock) as sandbox:
        variables = {"FTV4_SANDBOX_URL": f"{sandbox.url}/v1", "FTV4_SANDBOX_KEY": "any"}
        yield Provider.connect("sandbox", row, variables.get), recorder.exchanges, clock


def everything(provider, file, clock):
    """Each verb once, with all that may be said and with as little as may be."""
    assert provider.files() == []
    uploaded = provider.upload(file, "rows.jsonl").id
    spare = provider.upload(file, "spare.jsonl").id
    provider.delete_file(spare)
    assert provider.file(uploaded).id == uploaded
    assert [one.id for one in provider.files()] == [uploaded]
    with pytest.raises(Missing):
        provider.file(spare)
    bare = {
        "base_model": BASE,
        "training_file": uploaded,
        "suffix": "s",
        "run_key": "a" * 64,
        "stage": "blue_ocean",
    }
    whole = {"n_epochs": 2, "learning_rate_multiplier": 0.5, "seed": 7}
    job = provider.create_job(NewJob(**bare, n_epochs=None, learning_rate_multiplier=None, seed=None))
    stopped = provider.create_job(NewJob(**bare | {"run_key": "b" * 64} | whole))
    provider.cancel(stopped.id)
    for _ in range(6):
        provider.job(job.id)
        provider.events(job.id)
        clock.turn(0.2)
    assert [one.id for one in provider.jobs(run_key="a" * 64)] == [job.id]
    assert len(provider.jobs()) == len(provider.jobs(limit=2)) == 2
    model = provider.job(job.id).model
    assert model in provider.models()
    asked = [{"role": "user", "content": json.dumps({"n": 4})}]
    shape = {"name": "answer", "schema": SCHEMA}
    assert provider.complete(model, asked, shape, max_tokens=50, temperature=0, seed=1).text
    assert provider.complete(BASE, asked, None, max_tokens=50, temperature=0.5).text
    with pytest.raises(Missing):
        provider.job("ftjob-none")
    with pytest.raises(ServiceError):
        provider.create_job(NewJob(**bare | whole | {"base_model": "nope"}))


def test_each_verb_of_the_provider_is_asked_and_answered_as_openai_describes_it(client, tmp_path):
    provider, exchanges, clock = client
    provider, file = Called(provider), tmp_path / "rows.jsonl"
    file.write_bytes(training())
    everything(provider, file, clock)
    found = described("openai", exchanges, base="/v1")

    assert provider.verbs == verbs_of(Provider)
    assert (found.unknown, found.problems) == (set(), set())
    assert found.operations == {
        "POST /files", "GET /files", "GET /files/{file_id}", "DELETE /files/{file_id}",
        "POST /fine_tuning/jobs", "GET /fine_tuning/jobs",
        "GET /fine_tuning/jobs/{fine_tuning_job_id}", "GET /fine_tuning/jobs/{fine_tuning_job_id}/events",
        "POST /fine_tuning/jobs/{fine_tuning_job_id}/cancel", "GET /models", "POST /chat/completions",
    }  # fmt: skip
    upload, _ = (one for one in exchanges if (one["method"], one["path"]) == ("POST", "/v1/files"))
    assert upload["request"]["purpose"] == "fine-tune"
    assert upload["request"]["file"].encode() == training().removesuffix(b"\r\n")
    assert all(one["status"] < 500 for one in exchanges)


def test_what_is_not_as_described_would_be_seen(client, tmp_path):
    """In what is sent, and in what is answered."""
    provider, exchanges, _ = client
    provider.jobs()
    (listed,) = exchanges
    wrong = [listed | {"query": "limit=1&colour=red"}, listed | {"response": {"data": [{}]}}]

    assert all(described("openai", [one], base="/v1").problems for one in wrong)


# each verb of the forge's client


@pytest.fixture
def hosted(_server, tmp_path):
    """A forge with a first commit, and what it was asked since."""
    url, behind = _server
    made = Sandbox(url, tmp_path / "forge")
    recorder = behind["app"] = Recorder(forge_app(made.folder, clock=made.now))
    first = Checkout(tmp_path / "first", "main", "Ada")
    first.folder.mkdir()
    first.run("init", "-q", "-b", "main")
    first.run("remote", "add", "origin", str(made.git))
    first.push(FIRST | {".github/workflows/finetune.yml": b"name: finetune\n"}, "Start")
    return made, recorder.exchanges


def with_a_repository(forge):
    """Each verb, as promote, verdict and reconcile use it."""
    files = {PLAIN: b"b", "data/rows.jsonl": None, "new.bin": b"\x00\xff"}
    proposal = {"base": "main", "branch": "b/x", "title": "T", "body": "B", "message": "M", "files": files}
    forge.propose(**proposal, labels=("promotion",), expect={PLAIN: FIRST[PLAIN]}, key="k")
    forge.propose(**proposal | {"files": {PLAIN: b"c"}})
    (pull,) = forge.pulls(head="b/x", state="all", base="main")
    assert forge.pulls() == [forge.pull(pull.number)]
    forge.comment(pull.number, "<!-- m -->", "one")
    forge.comment(pull.number, "<!-- m -->", "two")
    assert forge.has_comment(pull.number, "<!-- m -->")
    forge.status(pull.head_sha, "ftv4/verdict", "success", "ok", "https://forge.example/1")
    assert forge.has_status(pull.head_sha, "ftv4/verdict")
    forge.label(pull.number, "extra")
    assert forge.read(PLAIN, "b/x") == b"c"
    forge.merge(pull.number, expect_sha=pull.head_sha)


def with_its_settings(settings, run, sha):
    """Each question of the doctor, and who approved a run."""
    settings.hosted()
    settings.branch_rules("main")
    (ruleset,) = settings.rulesets().values()
    settings.bypass_actors(ruleset["id"])
    settings.owner_errors()
    settings.actions()
    assert settings.environments(["ftv4-paid"])
    settings.variables()
    settings.secrets("ftv4-paid")
    settings.workflows()
    settings.last_run("finetune.yml")
    settings.last_proposal("b/")
    settings.runs_of(sha)
    assert settings.approvals(run, "ftv4-paid").approved_by


def test_each_verb_of_the_forge_is_asked_and_answered_as_github_describes_it(hosted):
    sandbox, exchanges = hosted
    run = sandbox.started()
    sandbox.review(run, "grace")
    ruleset = {"name": "main", "target": "branch", "enforcement": "active", "rules": [{"type": "deletion"}]}
    sandbox.github().requester.requestJson("POST", f"/repos/{NAME}/rulesets", input=ruleset)
    exchanges.clear()
    forge = Called(sandbox.forge())
    with_a_repository(forge)
    settings = Called(forge.settings())
    with_its_settings(settings, run, sandbox.github().get_branch("main").commit.sha)
    found = described("github", exchanges)

    assert (forge.verbs, settings.verbs) == (verbs_of(Forge), verbs_of(ForgeSettings))
    assert found.problems == set()
    assert len(found.operations) > 20
    below = {
        re.sub(r"/(\d+|[0-9a-f]{40})\b", "/N", one.replace(f"/repos/{NAME}", "")) for one in found.unknown
    }
    assert below == UNDESCRIBED
