"""What goes wrong at the forge, in our words: PyGithub's exceptions stop here."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ftv4.clients.provider import AnswerLost
from ftv4.encode import for_log
from ftv4.errors import ServiceError

if TYPE_CHECKING:
    from github import GithubException

NOT_FOUND = "check GITHUB_REPOSITORY, and that the token may see it: what it may not see is 404 as well"
NO_PULLS = (
    'allow it in the repository: Settings, Actions, General, "Allow GitHub Actions to create and approve '
    "pull requests\"; or use a GitHub App's token"
)
MOVED = "the branch moved since we looked; look at what came, and run again"
PULLS = "pull-requests: write"
HINTS = {
    400: MOVED,  # GraphQL's no to a ref that is elsewhere
    401: "set GITHUB_TOKEN to a token of this forge that has not expired",
    404: NOT_FOUND,
    405: "look at the pull request's page: a conflict, a draft or a required check stands against it",
    409: MOVED,
    410: NOT_FOUND,
}


class Missing(ServiceError):
    """404: it isn't there, or may not be seen."""


class Forbidden(ServiceError):
    """403: the token may not."""


class Exists(ServiceError):
    """422: there is one already."""


class Conflict(ServiceError):
    """405 or 409: not as things stand now."""


@contextmanager
def door(doing: str, permission: str = "") -> Iterator[None]:
    """Turn what PyGithub raises into ServiceError: could not `doing`; `permission` is what a 403 lacks.

    `AnswerLost` says that the request may have been carried out or not.
    """
    from github import GithubException
    from requests import RequestException

    try:
        yield
    except GithubException as error:
        raise _refusal(doing, error, permission) from None
    except (RequestException, json.JSONDecodeError) as error:  # the latter: an answer cut short
        reason = for_log(f"{type(error).__name__}: {error}")
        raise AnswerLost(
            f"could not {doing}: no answer from the forge: {reason}", hint="run again", retryable=True
        ) from None
    except (LookupError, TypeError) as error:
        reason = for_log(f"{type(error).__name__}: {error}")
        raise AnswerLost(
            f"could not {doing}: the forge's answer is in no known shape: {reason}",
            hint="is GITHUB_API_URL a forge's?",
            retryable=True,
        ) from None


def _refusal(doing: str, error: "GithubException", permission: str) -> ServiceError:
    said = _said(error)
    message = f"could not {doing}: the forge answered {error.status}: {for_log(said)}"
    if error.status >= 500:
        return AnswerLost(message, hint="the forge is unwell; run again", retryable=True)
    if error.status == 429 or (error.status == 403 and "rate limit" in said.lower()):
        return ServiceError(message, hint="too many requests this hour; run again later", retryable=True)
    if error.status == 403:
        return Forbidden(message, hint=_lacking(error, said, permission))
    if error.status == 422 and "already exists" in said:
        return Exists(message, hint="another run may be at it; run again", retryable=True)
    kind = {404: Missing, 405: Conflict, 409: Conflict}.get(error.status, ServiceError)
    return kind(message, hint=HINTS.get(error.status, ""))


def _said(error: "GithubException") -> str:
    """The message and the errors of an answer's body, as one text."""
    data = error.data
    if not isinstance(data, dict):
        return str(data)
    errors = data.get("errors")
    parts = [data.get("message"), *(errors if isinstance(errors, list) else [errors])]
    plain = [part.get("message") or json.dumps(part) if isinstance(part, dict) else part for part in parts]
    return "; ".join(str(part) for part in plain if part)


def _lacking(error: "GithubException", said: str, permission: str) -> str:
    if "not permitted to create or approve" in said:
        return NO_PULLS
    headers = {key.lower(): value for key, value in (error.headers or {}).items()}
    accepted = headers.get("x-accepted-github-permissions", "").replace("_", "-").replace("=", ": ")
    needed = for_log(accepted).replace("\\u003a", ":") or permission
    return f'give the job or token "{needed}"' if needed else "the token lacks a permission for this"
