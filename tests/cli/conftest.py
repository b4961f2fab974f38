"""The sandbox forge for the tests of this folder."""

from tests.forge_sandbox import _server, empty_sandbox

__all__ = ["_server", "empty_sandbox"]
