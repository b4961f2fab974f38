"""`ftv4 sandbox` as a person runs it: a process that prints where it is and ends when told."""

import json
import os
import signal
import socket
import subprocess
import sys
from urllib.request import urlopen

import pytest

from tests.conftest import ROOT


@pytest.fixture
def started(tmp_path):
    """Start the command in a process of its own; it is gone when the test is."""
    processes = []

    def start(*arguments):
        ports = ["--provider-port", "0", "--forge-port", "0"]
        command = [sys.executable, "-m", "ftv4", "sandbox", *ports, *arguments]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_one_line_of_json_runs_on_and_ends_well(started, number):
    process = started("--format", "json")
    said = json.loads(process.stdout.readline())

    assert urlopen(f"{said['forge']}/{said['environment']['GITHUB_REPOSITORY']}").status == 200
    process.send_signal(number)

    assert process.wait(5) == 0
    assert process.stderr.read() == ""


def test_it_prints_what_a_shell_can_take(started, tmp_path):
    process = started("--seed-from", ROOT)
    lines = [process.stdout.readline() for _ in range(11)]

    script = f"NO_PROXY=kept.example\n{''.join(lines)}echo $GITHUB_REPOSITORY $NO_PROXY"
    shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True)
    assert shell.stdout == "sandbox/models 127.0.0.1,kept.example\n"
    page = next(line.split()[-1] for line in lines if "pull requests" in line)
    assert urlopen(page).status == 200
    assert urlopen(page.replace("/pulls", "/blob/main/pyproject.toml")).status == 200


def test_a_port_in_use(ftv4, repository):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = ftv4("sandbox", "--forge-port", port, "--provider-port", 0)

    assert done.code == 2
    assert done.err == (
        f"error: 127.0.0.1:{port} is taken\nhint: choose another with --forge-port, or 0 for any free one\n"
    )


def test_a_port_that_is_none(ftv4, repository):
    assert ftv4("sandbox", "--forge-port", "70000").code == 2


@pytest.mark.parametrize("missing", ["GITHUB_REPOSITORY", "GITHUB_TOKEN"])
def test_a_forge_needs_its_variables(monkeypatch, missing):
    from ftv4.cli.clients import connect_forge
    from ftv4.errors import UsageError

    for name in {"GITHUB_REPOSITORY", "GITHUB_TOKEN"}:
        monkeypatch.setenv(name, "a/b")
    monkeypatch.setenv(missing, "")

    with pytest.raises(UsageError, match=f"{missing} not set"):
        connect_forge()
