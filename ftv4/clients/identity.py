"""Who a workflow's job is, and the short-lived tokens that it gets for that, so that no key need be stored.

GitHub signs a token (JWT) that names the job's repository and environment, for one audience. A provider takes
it for an access token (RFC 8693), a token service for a token of its GitHub App (as octo-sts does). Asking
costs nothing and changes nothing, so what got no answer is asked again. What goes wrong is a ServiceError,
and none of its text holds a token.
"""

import base64
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode, urlsplit

from ftv4.clients.git import LOOPBACK
from ftv4.contracts import Json
from ftv4.contracts.jsontext import NotJson, loads
from ftv4.contracts.providers import WorkloadIdentity
from ftv4.encode import for_log
from ftv4.errors import ServiceError, UsageError

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

REQUEST_URL, REQUEST_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
"""What a job with `id-token: write` is given."""
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"
SECONDS = 10.0
"""How long one answer may take."""
TRIES = 3
TOKEN = re.compile(r"[\w.~+/=-]{1,16384}", re.ASCII)
"""Nothing else is put into a header (RFC 6750)."""

Variables = Callable[[str], str | None]


class ProviderToken(NamedTuple):
    """A provider's token, and for how many seconds it says that it lasts."""

    token: str
    seconds: float


@dataclass(frozen=True)
class Job:
    """A workflow's job that may ask GitHub who it is."""

    url: str
    request_token: str = field(repr=False)

    @classmethod
    def of(cls, variable: Variables) -> "Job | None":
        """This job; None outside of one, and in one without `id-token: write`."""
        url, token = variable(REQUEST_URL), variable(REQUEST_TOKEN)
        return cls(url, token) if url and token else None

    def identity(self, audience: str) -> str:
        """A JWT that says who the job is, for this audience alone. Raises ServiceError."""
        url = f"{self.url}&{urlencode({'audience': audience})}"
        return str(_asked("ask GitHub who this job is", "value", "GET", url, self.request_token)["value"])


def provider_token(job: Job, url: str, told: WorkloadIdentity, ids: tuple[str, str]) -> ProviderToken:
    """What a provider gives the job, by the ids of identity provider and account. Raises ServiceError."""
    subject = job.identity(told.audience)
    body = {
        "grant_type": GRANT,
        "subject_token": subject,
        "subject_token_type": JWT,
        "identity_provider_id": ids[0],
        "service_account_id": ids[1],
    }
    what = "exchange the job's identity for a token of the provider's"
    found = _asked(what, "access_token", "POST", url, subject=subject, body=body)
    lasts = found.get("expires_in")
    if not isinstance(lasts, int | float) or isinstance(lasts, bool) or lasts <= 0:
        raise ServiceError(f"could not {what}: it doesn't say for how long", retryable=True)
    return ProviderToken(str(found["access_token"]), float(lasts))


def forge_token(job: Job, service: str, repository: str, name: str) -> str:
    """What a token service gives the job for a repository, by a trust policy's name. Raises ServiceError."""
    what = f"exchange the job's identity for the forge's token {for_log(name)}"
    url = f"{service.rstrip('/')}/sts/exchange?{urlencode({'scope': repository, 'identity': name})}"
    _is_here(what, url)
    subject = job.identity(urlsplit(service).hostname or "")
    return str(_asked(what, "token", "GET", url, subject, subject=subject)["token"])


def take_back(api_url: str, token: str) -> None:
    """Revoke a token of an App's, as far as the forge is there: it ends by itself within the hour."""
    with suppress(ServiceError, UsageError):
        _sent("revoke the forge's token", "DELETE", f"{api_url.rstrip('/')}/installation/token", token, None)


def _asked(
    what: str,
    member: str,
    method: str,
    url: str,
    bearer: str = "",
    *,
    subject: str = "",
    body: Json | None = None,
) -> Json:
    """The object that an address answers, which has a token at `member`."""
    answer = _sent(what, method, url, bearer, body)
    if not 200 <= answer.status_code < 300:
        raise _refusal(what, answer, bearer, subject)
    with suppress(NotJson):
        found = loads(answer.content)
        token = found.get(member) if isinstance(found, dict) else None
        if isinstance(token, str) and TOKEN.fullmatch(token):
            return dict(found)
    raise ServiceError(f"could not {what}: an answer without a token", hint=_where(url), retryable=True)


def _sent(what: str, method: str, url: str, bearer: str, body: Json | None) -> "Response":
    """The answer, whatever it says. Raises UsageError for an address that a token isn't sent to."""
    from requests import RequestException, Session
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    here = _is_here(what, url)
    retry = Retry(
        TRIES - 1,
        allowed_methods=None,
        status_forcelist=range(500, 600),
        backoff_factor=0 if here else 1,
        raise_on_status=False,
        respect_retry_after_header=False,
    )
    with Session() as session:
        # A proxy of this machine's network has no business between two programs of this machine.
        session.trust_env = not here
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(max_retries=retry))
        try:
            return session.request(
                method, url, json=body, auth=_bearing(bearer), timeout=SECONDS, allow_redirects=False
            )
        except (RequestException, ValueError) as error:  # its text may hold what was sent
            reason = type(error).__name__
            raise ServiceError(
                f"could not {what}: no answer: {reason}", hint=_where(url), retryable=True
            ) from None


def _bearing(bearer: str) -> Callable[["PreparedRequest"], "PreparedRequest"]:
    """Puts a token into a request's header; said as `auth`, so that no netrc file says another."""

    def put(request: "PreparedRequest") -> "PreparedRequest":
        if bearer:
            request.headers["Authorization"] = f"Bearer {bearer}"
        return request

    return put


def _is_here(what: str, url: str) -> bool:
    """Whether an address is of this machine; over a network a token goes by https, or UsageError."""
    try:
        scheme, host = urlsplit(url).scheme, urlsplit(url).hostname
    except ValueError:
        scheme, host = "", None
    if host not in LOOPBACK and scheme != "https":
        raise UsageError(
            f"could not {what}: {for_log(url)} is no https address, and a token is sent to no other"
        )
    return host in LOOPBACK


def _refusal(what: str, answer: "Response", bearer: str, subject: str) -> ServiceError:
    """What an answer's status and body say, without a token that they repeat (threat 27)."""
    said = _hidden(_said(answer.content), bearer, subject)
    status = answer.status_code
    who = f"the job says that it is {for_log(_claim(subject))}: is that whom they trust?" if subject else ""
    return ServiceError(
        f"could not {what}: HTTP {status}{f': {for_log(said)}' if said else ''}",
        hint=who if who and status < 500 else _where(answer.url),
        retryable=status == 429 or status >= 500,
    )


def _said(content: bytes) -> str:
    """The sentence of an error's body, as OAuth, octo-sts, GitHub or OpenAI puts it; "" for no such body."""
    with suppress(NotJson):
        body = loads(content)
        if isinstance(body, dict):
            error = body.get("error")
            told = body.get("error_description") or body.get("message") or error
            return str(told.get("message") if isinstance(told, dict) else told or "")
    return ""


def _claim(subject: str) -> str:
    """Who a JWT says its bearer is; nothing secret, as it isn't signed."""
    with suppress(IndexError, ValueError):
        part = subject.split(".")[1]
        claims = loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return str(claims.get("sub")) if isinstance(claims, dict) else "nobody"
    return "nobody"


def _hidden(text: str, *secrets: str) -> str:
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return text


def _where(url: str) -> str:
    return f"is {for_log(urlsplit(url).netloc)} the right address, and reachable from here?"
