"""Signs tokens of the sandbox's as GitHub signs who a job is: JWTs, for one audience each, that end."""

import secrets
import time
from collections.abc import Callable
from typing import Any

import jwt

Claims = dict[str, Any]


class Issuer:
    """Signs claims, and tells whether a token is of its signing; `clock` is seconds since the epoch."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._key = secrets.token_hex(32)

    def sign(self, claims: Claims, audience: str, seconds: float) -> str:
        """A token for an audience that ends after so many seconds."""
        now = self.clock()
        times = {"iat": now, "exp": now + seconds, "jti": secrets.token_hex(8)}
        return jwt.encode({**claims, **times, "aud": audience}, self._key, "HS256", {"kid": "sandbox"})

    def read(self, token: str, audience: str) -> Claims:
        """The claims of a token. Raises ValueError where it is another's, for another audience, or over."""
        try:
            claims: Claims = jwt.decode(
                token,
                self._key,
                ["HS256"],
                {"verify_exp": False, "verify_iat": False},  # by our clock, not the machine's
                audience=audience,
            )
        except jwt.InvalidTokenError as error:
            raise ValueError(str(error)) from None
        if claims["exp"] <= self.clock():
            raise ValueError("Signature has expired")
        return claims


def subject(repository: str, environment: str) -> str:
    """What GitHub says of a job of an environment, or else of one of main."""
    return f"repo:{repository}:{f'environment:{environment}' if environment else 'ref:refs/heads/main'}"
