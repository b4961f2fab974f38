"""Clone from and push to the sandbox forge over HTTP: git's own server program behind a route."""

import base64
import binascii
import os
import subprocess
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from ftv4.sandbox.forge_api import Forge
from ftv4.sandbox.forge_git import QUIET


def serve_git(forge: Forge, request: Request, path: str, body: bytes, user: str | None) -> Response:
    """Answer one request of git's smart protocol; pushing needs a user."""
    pushing = "git-receive-pack" in f"{path}?{request.url.query}"
    if pushing and user is None:
        return Response("a push needs a token\n", 401, {"WWW-Authenticate": 'Basic realm="ftv4 sandbox"'})
    environment = {
        **os.environ,
        **QUIET,
        "GIT_PROJECT_ROOT": str(forge.git.folder),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{path}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.url.query,
        "CONTENT_TYPE": request.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
        "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
        "REMOTE_USER": user or "",
    }
    command = ["git", "http-backend"]
    done = subprocess.run(command, input=body, capture_output=True, check=False, env=environment)
    return _response(done.stdout)


def _response(output: bytes) -> Response:
    """A CGI program's output as a response."""
    head, _, body = output.partition(b"\r\n\r\n")
    fields = [line.partition(": ") for line in head.decode("latin-1").split("\r\n") if line]
    headers = {name: value for name, _, value in fields if name.lower() != "status"}
    status = next((value for name, _, value in fields if name.lower() == "status"), "200 OK")
    return Response(body, int(status.split(" ")[0]), headers)


def token_of(headers: Mapping[str, str]) -> str:
    """The token of a request: `token x`, `Bearer x`, or the password of a basic login."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return value.strip() if scheme.lower() in {"token", "bearer"} else ""
    try:
        return base64.b64decode(value).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
