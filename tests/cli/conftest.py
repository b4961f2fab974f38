"""The sandbox forge for the tests of this folder, and a repository on it."""

import pytest

from tests.forge_sandbox import _server, empty_sandbox
from tests.hosted import Hosted

__all__ = ["_server", "empty_sandbox"]


@pytest.fixture
def hosted(empty_sandbox, tmp_path, monkeypatch, ftv4):
    made = Hosted(empty_sandbox, tmp_path, monkeypatch.setenv, ftv4)
    monkeypatch.chdir(made.checkout.folder)
    return made
