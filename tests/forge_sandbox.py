"""The sandbox forge over HTTP, as tests want it: its faults, its log, and people who use git by hand."""

import json
import subprocess
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from github import Auth, Github

from ftv4.clients.forge import Forge
from ftv4.sandbox.forge import OWNER, REPOSITORY, forge_app
from ftv4.sandbox.forge_store import Store
from ftv4.sandbox.serve import HOST, listening, served
from tests.git_tree import once

NAME = f"{OWNER}/{REPOSITORY}"
START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


class Sandbox:
    """One forge with a first commit on main."""

    def __init__(self, url, folder):
        self.url = url
        self.folder = folder
        self.git = folder / f"{REPOSITORY}.git"
        self.moment = START

    def start(self, files):
        """Ada pushes the first commit of main."""

        def push():
            first = Checkout(Path(tempfile.mkdtemp(prefix="first-", dir=self.folder)), "main", "Ada")
            first.run("init", "-q", "-b", "main")
            first.run("remote", "add", "origin", str(self.git))
            first.push(files, "Start")

        once(("start", *files.items()), push, self.git)

    def now(self):
        """A minute passes whenever somebody looks."""
        self.moment += timedelta(minutes=1)
        return self.moment

    def github(self, login="ada"):
        """The repository as PyGithub, unmodified, gives it to a user."""
        quick = {"seconds_between_requests": 0, "seconds_between_writes": 0}
        user = Auth.Token(f"sandbox-{login}")
        return Github(auth=user, base_url=self.url, retry=None, **quick).get_repo(NAME)

    def forge(self, login="ftv4-bot"):
        """Our own client."""
        return Forge.connect(self.url, NAME, f"sandbox-{login}")

    def fail(self, kind, method="*", path="", **fault):
        """Script a fault, for the next such request if nothing else is said."""
        self._own("faults", "POST", {"kind": kind, "method": method, "path": path, **fault})

    def clear(self):
        """Nothing goes wrong any more."""
        self._own("faults", "DELETE")

    def asked(self, method="*"):
        """The requests so far, as `METHOD /path status` below the repository."""
        return [
            f"{entry['method']} {entry['path'].removeprefix(f'/repos/{NAME}')} {entry['status']}"
            for entry in self._own("log")["log"]
            if method in ("*", entry["method"])
        ]

    def accepted(self, path):
        """How many writes to a path were carried out, answered or not."""
        return sum(
            entry["accepted"] and entry["method"] != "GET" and entry["path"].endswith(path)
            for entry in self._own("log")["log"]
        )

    def given(self):
        """Tokens of the token service that are good."""
        return [one["login"] for one in Store(self.folder / "forge.sqlite").of("token")]

    def started(self, workflow="finetune.yml", by="ada"):
        """A run that somebody started by a form; its number."""
        run = {"workflow": workflow, "event": "workflow_dispatch", "actor": by, "status": "in_progress"}
        return self._own("runs", "POST", run | {"conclusion": None})["id"]

    def review(self, run, login, state="approved", environment="ftv4-paid"):
        """Somebody who may do so says whether a run's job enters an environment."""
        requester = self.github(login).requester
        person = json.loads(requester.requestJson("GET", "/user")[2])["id"]
        about = f"/repos/{NAME}/environments/{environment}"
        reviewers = {"reviewers": [{"type": "User", "id": person}]}
        known = json.loads(requester.requestJson("PUT", about, input=reviewers)[2])
        told = {"environment_ids": [known["id"]], "state": state, "comment": "seen"}
        path = f"/repos/{NAME}/actions/runs/{run}/pending_deployments"
        status, _, answer = requester.requestJson("POST", path, input=told)
        assert status == 200, answer
        return json.loads(answer)

    def page(self, path=""):
        with urlopen(f"{self.url}/{NAME}{path}") as answer:
            return answer.read().decode()

    def checkout(self, branch="main", author="Ada"):
        """A person's clone of the bare repository."""
        folder = Path(tempfile.mkdtemp(prefix="clone-", dir=self.folder))
        subprocess.run(["git", "clone", "-q", "-b", branch, self.git, folder], check=True)
        return Checkout(folder, branch, author)

    def _own(self, name, method="GET", body=None):
        data = json.dumps(body).encode() if body else None
        with urlopen(Request(f"{self.url}/_sandbox/{name}", data, method=method)) as answer:
            return json.load(answer)


class Checkout:
    """A work tree somebody commits in and pushes from."""

    def __init__(self, folder, branch, author):
        self.folder = folder
        self.branch = branch
        self.author = author

    def run(self, *arguments):
        person = ["-c", f"user.name={self.author}", "-c", f"user.email={self.author}@example.org"]
        command = ["git", "-C", self.folder, *person, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def push(self, files, message="By hand", *, branch=None, force=False):
        """Commit files (None removes) and push; give back the commit."""
        for path, content in files.items():
            target = self.folder / path
            if content is None:
                target.unlink()
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
        self.run("add", "-A")
        self.run("commit", "-q", "-m", message)
        self.run("push", "-q", *(["--force"] if force else []), "origin", f"HEAD:{branch or self.branch}")
        return self.run("rev-parse", "HEAD")


FIRST = {
    "README.md": b"# Models\n",
    "config/models.json": b'{\n  "pin": "a"\n}\n',
    "data/rows.jsonl": b"1\n2\n3\n",
}


@contextmanager
def changing(name):
    """A server whose app may change while it runs; its URL, and what holds the app."""
    behind = {}

    async def app(scope, receive, send):
        await behind["app"](scope, receive, send)

    with listening(name, 0) as listener, served(app, listener):
        yield f"http://{HOST}:{listener.getsockname()[1]}", behind


@pytest.fixture(scope="module")
def _server():
    """One server for a module's tests; each test puts an app of its own behind it."""
    with changing("forge") as server:
        yield server


@pytest.fixture
def empty_sandbox(_server, tmp_path):
    """A forge that nothing was pushed to."""
    url, behind = _server
    made = Sandbox(url, tmp_path / "forge")
    behind["app"] = forge_app(made.folder, clock=made.now)
    return made


@pytest.fixture
def sandbox(empty_sandbox):
    """A forge with a first commit on main."""
    empty_sandbox.start(FIRST)
    return empty_sandbox
