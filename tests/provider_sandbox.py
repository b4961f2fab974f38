"""The sandbox provider over HTTP, as tests want it: its clock, its faults and its log in their hands."""

import json
import time
from itertools import count
from urllib.request import Request, urlopen

import pytest

from ftv4.clients.provider import Provider
from ftv4.documents import Repository
from ftv4.sandbox.provider import provider_app
from tests.conftest import ROOT
from tests.forge_sandbox import changing

SECONDS = 60.0
"""How long a job takes by the sandbox's clock, which tests put forward or let run."""


class Sandbox:
    """One provider after another at a module's address; each test starts with one that knows of nothing."""

    def __init__(self, url):
        self.url = url
        self.ahead = 0.0
        self.hurry = False
        """Let a job take a hundredth of a second."""
        self._start = time.time()
        self._suffixes = count()
        self._seen = 0

    @property
    def variables(self):
        return {"FTV4_SANDBOX_URL": f"{self.url}/v1", "FTV4_SANDBOX_KEY": "any"}

    def connect(self):
        """A client as commands get it."""
        row = Repository(ROOT).providers().providers["sandbox"]
        return Provider.connect("sandbox", row, self.variables.get)

    def fail(self, kind, method="*", path="/", **fault):
        """Script a fault, for the next such request if nothing else is said."""
        self._own("faults", "POST", {"kind": kind, "method": method, "path": path, **fault})

    def asked(self, method="*", path="/"):
        """The requests of this test, as `METHOD /path status`."""
        return [
            f"{entry['method']} {entry['path'].removeprefix('/v1')} {entry['status']}"
            for entry in self.log()
            if method in ("*", entry["method"]) and entry["path"].startswith(f"/v1{path}")
        ]

    def jobs_made(self):
        """How many jobs were accepted in this test, answered or not."""
        return sum(
            entry["accepted"] and entry["method"] == "POST" and entry["path"] == "/v1/fine_tuning/jobs"
            for entry in self.log()
        )

    def log(self):
        """The requests of this test as the sandbox logs them."""
        return self._own("log")["log"][self._seen :]

    def fresh(self):
        """A suffix that no run of this provider has had, so that none has its key."""
        return f"s{next(self._suffixes)}"

    def begin(self):
        """Forget the last test."""
        self.begin_faults()
        self._seen = len(self._own("log")["log"])
        self.ahead = 0.0
        self.hurry = False

    def begin_faults(self):
        """Nothing goes wrong from here on, but for what is scripted next."""
        self._own("faults", "DELETE")

    def raw(self, path):
        """An answer as it goes over the wire."""
        request = Request(f"{self.url}/v1{path}", headers={"authorization": "Bearer any"})
        with urlopen(request) as answer:
            return json.load(answer)

    def now(self):
        passed = time.time() - self._start
        return self._start + self.ahead + passed * (SECONDS * 100 if self.hurry else 1)

    def _own(self, name, method="GET", body=None):
        data = json.dumps(body).encode() if body else None
        with urlopen(Request(f"{self.url}/_sandbox/{name}", data, method=method)) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def _provider():
    """One server for a module's tests; each test puts an app of its own behind it."""
    with changing("provider") as (url, behind):
        yield Sandbox(url), behind


@pytest.fixture
def sandbox(_provider, tmp_path_factory, monkeypatch):
    """A provider without jobs, with the environment set to reach it."""
    made, behind = _provider
    folder = tmp_path_factory.mktemp("provider")
    behind["app"] = provider_app(folder, clock=made.now, training_seconds=SECONDS)
    for name, value in made.variables.items():
        monkeypatch.setenv(name, value)
    made.begin()
    return made


def eventually(look, seconds=2.0):
    """What `look` sees once it sees something: a request is logged only after its answer was dropped."""
    until = time.monotonic() + seconds
    while not (seen := look()) and time.monotonic() < until:
        time.sleep(0.005)
    return seen
