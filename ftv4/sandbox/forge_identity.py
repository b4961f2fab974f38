"""Who a job of the sandbox's forge is: GitHub's OIDC endpoint, and a token service like octo-sts.

A job's request token gives JWTs for any audience; a JWT gives a token of the forge's bot where main has
a trust policy of the name that is asked for, `.github/chainguard/<name>.sts.yaml`, with the job's `subject`.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from ftv4.sandbox.forge_api import Answer, Forge, Refused
from ftv4.sandbox.forge_store import Thing
from ftv4.sandbox.issuer import Claims, subject

RUNNER = "runner"
"""Audience of request tokens, which nobody but the endpoint takes."""
JOB_SECONDS, JWT_SECONDS, TOKEN_SECONDS = 6 * 3600, 300, 3600
BOT = "ftv4-bot"


@dataclass(frozen=True)
class Ask:
    """One request of a job's."""

    forge: Forge
    root: str
    """Scheme, host and port of the forge."""
    bearer: str
    query: dict[str, str]
    body: Thing

    def shown(self, audience: str) -> Claims:
        """The claims of the token that came along. Raises Refused."""
        try:
            return self.forge.issuer.read(self.bearer, audience)
        except ValueError as error:
            raise Refused(401, f"unable to verify token: {error}") from None


def begin(ask: Ask) -> Answer:
    """The variables of a job with `id-token: write`, of an `environment` or of none."""
    name = ask.forge.full_name
    claims = {"repository": name, "sub": subject(name, str(ask.body.get("environment") or ""))}
    variables = {
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{ask.root}/oidc/token?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": ask.forge.issuer.sign(claims, RUNNER, JOB_SECONDS),
    }
    return Answer(201, variables)


def identify(ask: Ask) -> Answer:
    """A job's JWT for an audience. Raises Refused."""
    claims, audience = ask.shown(RUNNER), ask.query.get("audience", ask.root)
    return Answer(200, {"value": ask.forge.issuer.sign(claims, audience, JWT_SECONDS)})


def exchange(ask: Ask) -> Answer:
    """A token of the bot's for a JWT, for a scope by an identity's trust policy. Raises Refused."""
    job, name = ask.shown(urlsplit(ask.root).hostname or ""), ask.query.get("identity", "")
    trusted = _trusted(ask.forge, name) if ask.query.get("scope") == ask.forge.full_name else None
    if trusted is None:
        raise Refused(404, f"unable to find trust policy for {name!r}")
    if job["sub"] != trusted:
        raise Refused(403, f"trust policy: subject {job['sub']!r} did not match {trusted!r}")
    token = f"ghs_{secrets.token_hex(18)}"
    ends = ask.forge.issuer.clock() + TOKEN_SECONDS
    ask.forge.store.add("token", token, {"login": BOT, "ends": ends})
    return Answer(200, {"token": token})


def revoke(ask: Ask) -> Answer:
    """A token of the service's no more. Raises Refused."""
    if owner(ask.forge, ask.bearer) is None:
        raise Refused(401, "Bad credentials")
    for found in ask.forge.store.of("token", ask.bearer):
        ask.forge.store.drop(found)
    return Answer(204)


def owner(forge: Forge, token: str) -> str | None:
    """Whose a token of the service's is; None when it was taken back, is over, or is none."""
    found = forge.store.of("token", token) if token.startswith("ghs_") else []
    return str(found[0]["login"]) if found and found[0]["ends"] > forge.issuer.clock() else None


def _trusted(forge: Forge, name: str) -> str | None:
    """The subject that main's trust policy of a name is for."""
    if not re.fullmatch(r"[\w-]+", name):
        return None
    entry = forge.git.entry(f"refs/heads/{forge.git.branch}", f".github/chainguard/{name}.sts.yaml")
    policy = forge.git.blob(entry.sha).decode(errors="replace") if entry else ""
    found = re.search(r"^subject: (\S+)$", policy, re.MULTILINE)
    return found[1] if found else None


TABLE: list[tuple[str, str, Callable[[Ask], Answer]]] = [
    ("POST", "/_sandbox/oidc", begin),
    ("GET", "/oidc/token", identify),
    ("GET", "/sts/exchange", exchange),
    ("DELETE", "/installation/token", revoke),
]
"""Method, path and handler."""
