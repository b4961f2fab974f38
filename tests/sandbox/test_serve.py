"""Provider and forge served together: where they are, how they start, and how they stop."""

import json
import socket
import subprocess
import threading
import time
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from ftv4.clients.forge import Forge
from ftv4.errors import Ftv4Error, UsageError
from ftv4.sandbox.serve import HOST, THREAD, serving
from tests.forge_sandbox import Checkout


def get(url):
    with urlopen(url) as answer:
        return json.load(answer)


def test_both_are_ready_and_then_gone(tmp_path):
    with serving(tmp_path) as urls:
        assert get(f"{urls.forge}/_sandbox/log") == {"log": []}
        assert get(f"{urls.provider.removesuffix('/v1')}/_sandbox/log") == {"log": []}
        began = time.monotonic()

    assert time.monotonic() - began < 2
    assert THREAD not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(URLError):
        get(f"{urls.forge}/_sandbox/log")


def test_its_environment_leads_our_clients_there(tmp_path):
    with serving(tmp_path / "state") as urls:
        folder = tmp_path / "repository"
        subprocess.run(["git", "init", "-q", folder], check=True)
        person = Checkout(folder, "main", "Ada")
        person.run("commit", "-q", "--allow-empty", "-m", "Start")
        urls.seed(folder)
        environment = urls.environment()

        forge = Forge.connect(*(environment[f"GITHUB_{name}"] for name in ("API_URL", "REPOSITORY", "TOKEN")))
        pull = forge.propose(base="main", branch="b", title="T", body="B", message="M", files={"a": b"1"})

        assert pull.url.startswith(f"{urls.web}/pull/")
        assert set(environment) >= {"FTV4_SANDBOX_URL", "FTV4_SANDBOX_KEY"}


def test_a_proxy_for_everything_else_is_not_in_the_way(tmp_path, monkeypatch):
    with serving(tmp_path) as urls:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        for name, value in urls.environment().items():
            monkeypatch.setenv(name, value)

        assert Forge.connect(urls.forge, urls.name, urls.environment()["GITHUB_TOKEN"]).pulls() == []


def test_it_remembers(tmp_path):
    for count in (1, 2):
        with serving(tmp_path) as urls:
            urlopen(urls.web).close()
            assert len(get(f"{urls.forge}/_sandbox/log")["log"]) == count


def test_its_state_is_not_committed_with_a_checkout(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    with serving(tmp_path / ".sandbox"):
        pass

    status = ["git", "-C", tmp_path, "status", "--porcelain"]
    assert subprocess.run(status, check=True, capture_output=True).stdout == b""


@pytest.mark.parametrize("which", ["provider", "forge"])
def test_a_port_in_use_is_named_and_nothing_stays_open(tmp_path, which):
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(UsageError) as refused, serving(tmp_path, **{f"{which}_port": port}):
            pass

    assert refused.value.message == f"127.0.0.1:{port} is taken"
    assert f"--{which}-port" in refused.value.hint


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(Ftv4Error, match="can't keep its state there"), serving(tmp_path / "file"):
        pass


def test_an_error_inside_stops_it_too(tmp_path):
    with pytest.raises(ZeroDivisionError), serving(tmp_path) as urls:
        _ = 1 / 0

    with pytest.raises(URLError):
        get(f"{urls.forge}/_sandbox/log")


def test_a_checkout_that_cannot_be_pushed(tmp_path):
    with serving(tmp_path) as urls, pytest.raises(UsageError, match="was not pushed"):
        urls.seed(tmp_path)
