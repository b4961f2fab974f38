"""Exchanges a job's identity for a token of the provider's, as OpenAI's token endpoint does (RFC 8693)."""

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from ftv4.sandbox.issuer import Issuer
from ftv4.sandbox.provider.models import Clock
from ftv4.sandbox.provider.wire import Refusal

IDENTITY_PROVIDER, SERVICE_ACCOUNT = "idp-sandbox", "sa-sandbox"
AUDIENCE = "ftv4-sandbox"
MAPPED = re.compile(r"repo:sandbox/models:environment:ftv4-(paid|watch|eval|bot)")
"""Subjects of jobs that the service account is for."""
LONGEST = 3600.0
"""Seconds that a token lasts at most, and never longer than the identity it was given for."""
ACCESS = "provider"


class Exchange(BaseModel):
    """What is posted."""

    model_config = ConfigDict(extra="ignore")

    grant_type: Literal["urn:ietf:params:oauth:grant-type:token-exchange"]
    subject_token_type: Literal[
        "urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"
    ]
    subject_token: str
    identity_provider_id: str
    service_account_id: str


class OAuthRefusal(Refusal):
    """A refusal in OAuth's words."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(status, description)
        self.body = {"error": error, "error_description": description}


class Federation:
    """Trusts what the forge's issuer signs, and signs access tokens by a clock of its own."""

    def __init__(self, issuer: Issuer, clock: Clock) -> None:
        self._issuer, self._own = issuer, Issuer(clock)

    def exchange(self, asked: Exchange) -> dict[str, Any]:
        """An access token. Raises Refusal."""
        if (asked.identity_provider_id, asked.service_account_id) != (IDENTITY_PROVIDER, SERVICE_ACCOUNT):
            raise OAuthRefusal(400, "invalid_request", "no such identity provider or service account")
        try:
            job = self._issuer.read(asked.subject_token, AUDIENCE)
        except ValueError as error:
            raise OAuthRefusal(401, "invalid_grant", f"subject token: {error}") from None
        if not MAPPED.fullmatch(str(job.get("sub"))):
            raise OAuthRefusal(403, "access_denied", "no mapping of the service account matches the token")
        lasts = min(LONGEST, job["exp"] - self._issuer.clock())
        token = self._own.sign({"sub": SERVICE_ACCOUNT}, ACCESS, lasts)
        return {"access_token": token, "token_type": "Bearer", "expires_in": int(lasts)}

    def check(self, key: str) -> None:
        """Any key opens the sandbox, but a token has to be ours and not over. Raises Refusal."""
        if key.startswith("eyJ"):
            try:
                self._own.read(key, ACCESS)
            except ValueError as error:
                raise Refusal(401, f"Incorrect access token: {error}", code="invalid_api_key") from None
