"""What all tests share: a shut network, a repository of their own, and the command line."""

import gc
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pytest

from ftv4.__main__ import SELDOM
from ftv4.cli import run
from ftv4.documents import Repository

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"


OF_A_JOB = (
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "FTV4_STS_URL",
    "GITHUB_ACTIONS",
    "GITHUB_ACTOR",
    "GITHUB_STEP_SUMMARY",
    "GITHUB_TOKEN",
    "OPENAI_API_KEY",
)


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch):
    """A test that reaches past this machine fails there and then."""
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family != socket.AF_UNIX and address[0] not in {"127.0.0.1", "localhost", "::1"}:
            raise AssertionError(f"a test reached for {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    for name in OF_A_JOB:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A fresh repository with the shipped config, as the current folder."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    return Repository(tmp_path)


class Done(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def ftv4(capsys):
    """Run a command line in this process: `ftv4("gate", "rows.jsonl").code`."""

    def call(*arguments):
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return call


GIT = """\
[core]
    fsync = none
[gc]
    auto = 0
[maintenance]
    auto = false
[init]
    templateDir =
"""
"""No test asks git to outlive a power cut, to tidy what is thrown away, or for its samples of hooks."""


@pytest.fixture(autouse=True, scope="session")
def _quick_git(tmp_path_factory):
    """git as nobody has set it up, but for what only takes time."""
    settings = tmp_path_factory.mktemp("git") / "config"
    settings.write_text(GIT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(settings))
        yield


@pytest.fixture(autouse=True, scope="session")
def _quick_retries():
    """The SDK repeats what cost nothing as often as it does, but doesn't wait for a machine next door."""
    from openai import _base_client

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_base_client, "INITIAL_RETRY_DELAY", 0.01)
        yield


@pytest.fixture(autouse=True, scope="session")
def _nobody_together():
    """Who buys without a ledger looks again at once: here nobody else asks, unless a test has it so."""
    from ftv4.steps import together

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(together, "wait", lambda sleep: None)
        yield


MEMORY = Path("/dev/shm")
ROOM = 2 * 1024**3
"""Bytes; what a run holds at a time is a small part of it."""


def pytest_configure(config):
    """Files of tests are kept in memory where that can be: a disk takes longer and shows no more.

    What Python compiles is kept, whatever the environment says: hundreds of processes are started.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if "TMPDIR" in os.environ or not MEMORY.is_dir():  # a worker has it from who started it
        return
    place = os.statvfs(MEMORY)
    if place.f_bavail * place.f_frsize >= ROOM and not place.f_flag & os.ST_NOEXEC:
        folder = tempfile.mkdtemp(prefix="ftv4-tests-", dir=MEMORY)
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))  # processes are killed here
        tempfile.tempdir = os.environ["TMPDIR"] = folder
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(MEMORY)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish():
    """What the tests are made of stays to the end: the garbage collector need not look at it each time.

    At the rest it looks as seldom as in a command.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)


def pytest_collection_modifyitems(items):
    """What takes longest comes first, so that no process has a long test left when the others are done."""
    items.sort(key=lambda item: not ("workflows" in item.path.parts or item.path.stem == "test_guide"))


def pytest_addoption(parser):
    parser.addoption("--rewrite-golden", action="store_true", help="write what is seen as what is expected")


@pytest.fixture
def golden(request):
    """Compare text with `tests/golden/<name>`; `--rewrite-golden` writes it instead."""

    def compare(name, text):
        path = ROOT / "tests" / "golden" / name
        if request.config.getoption("--rewrite-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare
