"""The platform that runs our workflows."""

from tests.workflows.platform import _addresses, _seed, _warm, platform

__all__ = ["_addresses", "_seed", "_warm", "platform"]
