"""Gathers what `ftv4 ops doctor` looks at: the forge's settings, and providers that can be asked."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from ftv4.actions import variable
from ftv4.cli.clients import connect_forge, connect_provider
from ftv4.errors import ServiceError, UsageError

if TYPE_CHECKING:
    from ftv4.documents import Repository
    from ftv4.steps.settings import Look


def look_around(where: "Repository", now: datetime) -> "Look":
    """The look; asks the forge for the repository alone. Raises UsageError, ServiceError."""
    from ftv4.steps.settings import APP_ID, Look

    @cache
    def listed(provider: str) -> Mapping[str, str | None] | None:
        try:
            return connect_provider(where, provider).models()
        except (ServiceError, UsageError):
            return None  # the dated table answers, and says that it does

    forge = connect_forge().settings()
    return Look(
        files=where,
        forge=forge,
        hosted=forge.hosted(),
        now=now,
        given_app=variable(APP_ID),
        listed=listed,
    )
