"""Reconcile over real services: a ledger in git, the sandbox's provider and forge over HTTP."""

import json
import subprocess
from datetime import datetime, timedelta

import pytest

from ftv4.clients.git import Git, Remote
from ftv4.clients.ledger import REF, Ledger
from tests.eval_cases import plant
from tests.forge_sandbox import NAME, _server, empty_sandbox  # noqa: F401
from tests.provider_sandbox import SECONDS, _provider, sandbox  # noqa: F401
from tests.steps.test_finetune_paid import JOBS

STAGE = "synthesis_decision"
NOON = datetime.fromisoformat("2026-11-22T12:00:00+00:00")


class Team:
    """One repository with its ledger, provider and forge, and a clock in our hands."""

    def __init__(self, repository, ftv4, provider, forge, monkeypatch):
        self.repository = repository
        self.provider = provider
        self.forge = forge
        self._ftv4 = ftv4
        self._set = monkeypatch.setenv
        self.suffix = provider.fresh()
        self.at(NOON)

    def at(self, time):
        self.now = time
        self._set("FTV4_NOW", time.isoformat())

    def later(self, **passed):
        self.at(self.now + timedelta(**passed))

    def launch(self, *flags, suffix=None):
        asked = ("--suffix", suffix or self.suffix, "--provider", "sandbox", "--dry-run=false")
        done = self._ftv4("ft", "stage", "--stage", STAGE, *asked, "--follow=false", *self._json, *flags)
        assert done.code == 0, done.err
        return json.loads(done.out)

    def trained(self):
        """A run whose job has succeeded at the provider, which nobody has looked at."""
        run = self.launch()
        self.provider.ahead += SECONDS
        return run

    def round(self, *flags, code=0):
        """One round; its answer, a run a line."""
        done = self._ftv4("ops", "reconcile", *self._json, *flags)
        assert done.code == code, done.err
        self.err = done.err
        return json.loads(done.out)["runs"]

    def head(self):
        return Git(self.forge.git)("rev-parse", REF)

    def ledger(self):
        with Ledger.opened(Remote(str(self.forge.git))) as ledger:
            return ledger.read().files

    def lose_checkout(self):
        """As after a job in Actions: only what is on main and on the ledger is left."""
        folder = self.repository.root
        subprocess.run(["git", "-C", folder, "fetch", "-q", "origin"], check=True)
        subprocess.run(["git", "-C", folder, "reset", "-q", "--hard", "origin/main"], check=True)
        subprocess.run(["git", "-C", folder, "clean", "-qfdx"], check=True)

    @property
    def _json(self):
        return ("--ledger", str(self.forge.git), "--format", "json")


@pytest.fixture
def team(repository, ftv4, sandbox, empty_sandbox, monkeypatch):  # noqa: F811
    plant(repository)
    git = Git(repository.root)
    git("init", "-q", "-b", "main")
    git("config", "user.email", "ada@example.org")
    git("config", "user.name", "Ada")
    git("add", ".")
    git("commit", "-q", "-m", "start")
    git("remote", "add", "origin", str(empty_sandbox.git))
    git("push", "-q", "origin", "main")
    known = {"GITHUB_API_URL": empty_sandbox.url, "GITHUB_SERVER_URL": empty_sandbox.url}
    for name, value in (known | {"GITHUB_REPOSITORY": NAME, "GITHUB_TOKEN": "sandbox-ftv4-bot"}).items():
        monkeypatch.setenv(name, value)
    return Team(repository, ftv4, sandbox, empty_sandbox, monkeypatch)


def test_a_run_is_brought_from_its_job_to_a_pull_request(team):
    team.trained()

    (run,) = team.round()

    print(json.dumps(run, indent=1), team.err)
    assert run["state"] == "proposed"
