"""Stub."""
from collections.abc import Callable
from typing import Any
from ftv4.sandbox.forge_api import Forge
Page = Callable[[Forge, dict[str, Any]], str]
PAGES: dict[str, Page] = {"": lambda f, w: "x"}
