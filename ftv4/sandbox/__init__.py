"""Loopback stand-ins for provider and forge, shipped with the package: the embedded default."""
