"""What opens a provider: a key that somebody stored, or tokens made for the job as they are needed.

The SDK has a federation of its own, which isn't used: it sends again what was refused for its token, a paid
request too; it asks for another token after each `with_options`, at one address alone; and an exchange
that failed is to it a request whose answer got lost.
"""

import threading
import time
from urllib.parse import urljoin

from ftv4.clients.identity import Job, Variables, provider_token
from ftv4.contracts.providers import ProviderRow, WorkloadIdentity
from ftv4.errors import UsageError

SECRET_LENGTH = 12
"""A key shorter than this guards nothing, and may be a word."""
LONGEST_LIFE = 3600.0
"""Seconds that a token is believed to last, whatever is said."""


class StoredKey:
    """A key that somebody set."""

    stored = True

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self) -> str:
        """The key."""
        return self._key

    def renews(self) -> bool:
        """A key that was refused once is refused again."""
        return False

    def hide(self, text: str) -> str:
        """A text without the key."""
        return text.replace(self._key, "***") if len(self._key) >= SECRET_LENGTH else text


class Federation:
    """Tokens that the provider gives for the job's identity. Safe to use from several threads."""

    stored = False

    def __init__(self, job: Job, url: str, told: WorkloadIdentity, ids: tuple[str, str]) -> None:
        self._asked = job, url, told, ids
        self._lock = threading.Lock()
        self._given: list[str] = []
        self._renew_at = 0.0

    @classmethod
    def of(cls, told: WorkloadIdentity | None, address: str, variable: Variables) -> "Federation | None":
        """This job's at a provider's address; None where an id or the job's identity is lacking."""
        job = Job.of(variable)
        if told is None or job is None:
            return None
        provider, account = variable(told.identity_provider_env), variable(told.service_account_env)
        if not (provider and account):
            return None
        return cls(job, urljoin(address, told.token_url), told, (provider, account))

    def __call__(self) -> str:
        """A token with half of its life before it. Raises ServiceError when none is given."""
        with self._lock:
            began = time.monotonic()
            if began >= self._renew_at:
                token, seconds = provider_token(*self._asked)
                self._given.append(token)
                self._renew_at = began + min(seconds, LONGEST_LIFE) / 2
            return self._given[-1]

    def renews(self) -> bool:
        """Another token is asked for next time, since this one was refused."""
        with self._lock:
            self._renew_at = 0.0
        return True

    def hide(self, text: str) -> str:
        """A text without any token that was given."""
        for token in self._given:
            text = text.replace(token, "***")
        return text


Key = StoredKey | Federation


def key_of(name: str, row: ProviderRow, address: str, variable: Variables) -> Key:
    """The key that is set, else the job's identity. Raises UsageError that names what is lacking for both."""
    key = variable(row.api_key_env)
    found = StoredKey(key) if key else Federation.of(row.workload_identity, address, variable)
    if found is None:
        raise UsageError(f"provider {name}: {row.api_key_env} isn't set", hint=_both_ways(name, row))
    return found


def _both_ways(name: str, row: ProviderRow) -> str:
    told = row.workload_identity
    if name == "sandbox":
        return SANDBOX
    stored = f"export {row.api_key_env}=… with a key of {name}"
    if told is None:
        return stored
    ids = f"{told.identity_provider_env} and {told.service_account_env}"
    return f"{stored}; or, in a workflow's job with `id-token: write`, {ids}"


SANDBOX = "`ftv4 sandbox` starts it, and prints what to export"
