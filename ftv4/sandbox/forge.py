"""The sandbox forge: the part of GitHub's REST API that we use, over a real bare git repository.

Any token `sandbox-<login>` is that user's, what its token service gave is the bot's, everything else is 401.
The repository can be cloned and pushed by path (`<folder>/<repo>.git`) and over HTTP, and each pull
request is a web page.
"""

import re
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import orjson
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ftv4.sandbox import forge_answers as answers
from ftv4.sandbox import forge_contents as contents
from ftv4.sandbox import forge_identity as identity
from ftv4.sandbox import forge_issues as issues
from ftv4.sandbox import forge_objects as objects
from ftv4.sandbox import forge_pulls as pulls
from ftv4.sandbox import forge_rules as rules
from ftv4.sandbox import forge_runs as runs
from ftv4.sandbox import forge_settings as settings
from ftv4.sandbox.forge_api import Answer, Call, Endpoint, Forge, Refused
from ftv4.sandbox.forge_faults import OWN, Faulty, ordered
from ftv4.sandbox.forge_git import BareRepository, GitRefused
from ftv4.sandbox.forge_http import serve_git, token_of
from ftv4.sandbox.forge_store import Store, Thing
from ftv4.sandbox.issuer import Issuer
from ftv4.sandbox.pages import PAGES, Page
from ftv4.sandbox.provider.faults import Script

OWNER, REPOSITORY = "sandbox", "models"
TOKEN = re.compile(r"sandbox-([a-z0-9](?:[a-z0-9-]{0,37}[a-z0-9])?)")
C = TypeVar("C")
LIMIT = {"limit": 5000, "remaining": 4999, "used": 1}
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def forge_app(
    folder: Path,
    *,
    owner: str = OWNER,
    repo: str = REPOSITORY,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    issuer: Issuer | None = None,
) -> ASGIApp:
    """The forge as an ASGI app; what it knows is below `folder` and survives a restart.

    `issuer` signs who a job is; whoever is to believe it has the same one.
    """
    store = Store(folder / "forge.sqlite")
    forge = Forge(owner, repo, BareRepository(folder / f"{repo}.git"), store, clock, issuer or Issuer())
    script, lock = Script(), threading.Lock()
    for login in (owner, "ftv4-bot"):
        forge.user(login)
    routes = [
        *_own_routes(script, forge, lock),
        *(
            Route(path, _endpoint(forge, lock, handler, _call), methods=[method])
            for method, path, handler in _table(forge)
        ),
        *(
            Route(path, _endpoint(forge, lock, handler, _ask), methods=[method])
            for method, path, handler in identity.TABLE
        ),
        *(Route(f"/{forge.full_name}{path}", _page(forge, lock, page)) for path, page in PAGES.items()),
        Route(f"/{forge.full_name}.git/{{path:path}}", _git(forge), methods=["GET", "POST"]),
        Route("/", _page(forge, lock, PAGES[""])),
    ]
    return Faulty(Starlette(routes=routes, exception_handlers={HTTPException: _no_route}), script, store)


def _table(forge: Forge) -> list[tuple[str, str, Endpoint]]:
    """Method, path and handler; the more special path comes first."""
    repository = [
        (method, f"/repos/{forge.full_name}{path}", handler) for method, path, handler in _REPOSITORY
    ]
    return [
        ("GET", "/user", lambda call: Answer(200, answers.full_user(call, call.user))),
        ("GET", "/users/{login}", _user),
        ("GET", "/rate_limit", _rate_limit),
        ("POST", "/graphql", objects.graphql),
        *repository,
    ]


def _user(call: Call) -> Answer:
    found = call.forge.store.of("user", call.where["login"])
    if not found:
        raise Refused(404, "Not Found")
    return Answer(200, answers.full_user(call, found[0]))


def _rate_limit(call: Call) -> Answer:
    rate = LIMIT | {"reset": int(call.forge.clock().timestamp()) + 3600}
    return Answer(200, {"resources": {"core": rate, "search": rate, "graphql": rate}, "rate": rate})


_REPOSITORY: list[tuple[str, str, Endpoint]] = [
    ("GET", "", settings.repository),
    *settings.TABLE,
    *runs.TABLE,
    *rules.TABLE,
    # git
    ("GET", "/git/ref/{ref:path}", objects.get_ref),
    ("GET", "/git/matching-refs/{ref:path}", objects.matching_refs),
    ("GET", "/git/refs", objects.matching_refs),
    ("GET", "/git/refs/{ref:path}", objects.get_ref),
    ("POST", "/git/refs", objects.create_ref),
    ("PATCH", "/git/refs/{ref:path}", objects.update_ref),
    ("DELETE", "/git/refs/{ref:path}", objects.delete_ref),
    ("POST", "/git/blobs", objects.create_blob),
    ("GET", "/git/blobs/{sha}", objects.get_blob),
    ("POST", "/git/trees", objects.create_tree),
    ("GET", "/git/trees/{sha:path}", objects.get_tree),
    ("POST", "/git/commits", objects.create_commit),
    ("GET", "/git/commits/{sha}", objects.get_git_commit),
    # files and history
    ("GET", "/branches", objects.list_branches),
    ("GET", "/branches/{branch:path}", objects.get_branch),
    ("GET", "/contents", contents.get_content),
    ("GET", "/contents/{path:path}", contents.get_content),
    ("PUT", "/contents/{path:path}", contents.put_content),
    ("DELETE", "/contents/{path:path}", contents.delete_content),
    ("GET", "/compare/{basehead:path}", objects.compare),
    ("GET", "/commits", objects.list_commits),
    ("GET", "/commits/{sha}/pulls", pulls.pulls_of_commit),
    ("GET", "/commits/{ref:path}/status", issues.combined_status),
    ("GET", "/commits/{ref:path}/statuses", issues.list_statuses),
    ("GET", "/commits/{ref:path}/check-runs", issues.list_checks),
    ("GET", "/commits/{ref:path}", objects.get_commit),
    ("GET", "/statuses/{ref:path}", issues.list_statuses),
    ("POST", "/statuses/{sha}", issues.create_status),
    ("POST", "/check-runs", issues.create_check),
    ("GET", "/check-runs/{id:int}", issues.get_check),
    ("PATCH", "/check-runs/{id:int}", issues.update_check),
    ("GET", "/check-runs/{id:int}/annotations", issues.check_annotations),
    # pull requests
    ("GET", "/pulls", pulls.list_pulls),
    ("POST", "/pulls", pulls.create_pull),
    ("GET", "/pulls/{number:int}", pulls.get_pull),
    ("PATCH", "/pulls/{number:int}", pulls.edit_pull),
    ("GET", "/pulls/{number:int}/files", pulls.pull_files),
    ("GET", "/pulls/{number:int}/commits", pulls.pull_commits),
    ("GET", "/pulls/{number:int}/comments", issues.list_line_comments),
    ("GET", "/pulls/{number:int}/merge", pulls.is_merged),
    ("PUT", "/pulls/{number:int}/merge", pulls.merge),
    ("GET", "/pulls/{number:int}/reviews", issues.list_reviews),
    ("POST", "/pulls/{number:int}/reviews", issues.create_review),
    # labels and comments
    ("GET", "/labels", issues.list_labels),
    ("POST", "/labels", issues.create_label),
    ("GET", "/labels/{name}", issues.get_label),
    ("GET", "/issues/comments/{id:int}", issues.get_comment),
    ("PATCH", "/issues/comments/{id:int}", issues.edit_comment),
    ("DELETE", "/issues/comments/{id:int}", issues.delete_comment),
    ("GET", "/issues/{number:int}", pulls.get_issue),
    ("GET", "/issues/{number:int}/comments", issues.list_comments),
    ("POST", "/issues/{number:int}/comments", issues.create_comment),
    ("GET", "/issues/{number:int}/labels", issues.issue_labels),
    ("POST", "/issues/{number:int}/labels", issues.add_labels),
    ("PUT", "/issues/{number:int}/labels", issues.set_labels),
    ("DELETE", "/issues/{number:int}/labels/{name}", issues.remove_label),
]

Served = Callable[[Request], Awaitable[Response]]


def _endpoint(
    forge: Forge,
    lock: threading.Lock,
    handler: Callable[[C], Answer],
    read: Callable[[Forge, Request, bytes], C],
) -> Served:
    async def endpoint(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(run, request, body)

    def run(request: Request, body: bytes) -> Response:
        try:
            # One at a time: what a handler found true is still true when it writes.
            with lock:
                return _json(handler(read(forge, request, body)))
        except Refused as refused:
            return _json(Answer(refused.status, refused.body))
        except GitRefused as error:
            return _json(Answer(422, Refused(422, f"git refuses: {error}").body))

    return endpoint


def _call(forge: Forge, request: Request, body: bytes) -> Call:
    login = _login(forge, request)
    if login is None:
        known = "authorization" in request.headers
        raise Refused(401, "Bad credentials" if known else "Requires authentication")
    return Call(
        forge=forge,
        root=str(request.base_url).rstrip("/"),
        path=request.url.path,
        where=request.path_params,
        query=dict(request.query_params),
        body=_read(body),
        user=forge.user(login),
    )


def _ask(forge: Forge, request: Request, body: bytes) -> identity.Ask:
    root = str(request.base_url).rstrip("/")
    return identity.Ask(forge, root, token_of(request.headers), dict(request.query_params), _read(body))


def _login(forge: Forge, request: Request) -> str | None:
    """Whose the request's token is."""
    token = token_of(request.headers)
    person = TOKEN.fullmatch(token)
    return person[1] if person else identity.owner(forge, token)


def _read(body: bytes) -> Thing:
    try:
        given = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        raise Refused(400, "Problems parsing JSON") from None
    if isinstance(given, list):  # the label endpoints take the bare list as well
        return {"labels": given}
    if not isinstance(given, dict):
        raise Refused(400, "Body should be a JSON object")
    return given


def _json(answer: Answer) -> Response:
    body = b"" if answer.body is None else orjson.dumps(answer.body)
    limit = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "4999"}
    return Response(body, answer.status, {**answer.headers, **limit}, "application/json; charset=utf-8")


def _page(forge: Forge, lock: threading.Lock, page: Page) -> Served:
    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(run, request)

    def run(request: Request) -> Response:
        try:
            with lock:
                html = page(forge, request.path_params, request.query_params)
        except Refused:
            return Response("no such page\n", 404, SECURITY, "text/plain")
        return Response(html, 200, SECURITY, "text/html; charset=utf-8")

    return endpoint


def _git(forge: Forge) -> Served:
    async def endpoint(request: Request) -> Response:
        body = await request.body()
        path, user = request.path_params["path"], _login(forge, request)
        return await run_in_threadpool(serve_git, forge, request, path, body, user)

    return endpoint


async def _no_route(request: Request, error: Exception) -> Response:
    return _json(Answer(404, Refused(404, "Not Found").body))


def _own_routes(script: Script, forge: Forge, lock: threading.Lock) -> list[Route]:
    """What the sandbox answers about itself."""

    async def add(request: Request) -> Response:
        try:
            given: Any = orjson.loads(await request.body())
            script.add(ordered(given if isinstance(given, list) else [given]))
        except (orjson.JSONDecodeError, ValidationError) as error:
            return _json(Answer(400, {"message": f"not a fault: {error}"}))
        return _json(Answer(200, {"faults": script.listed()}))

    async def clear(request: Request) -> Response:
        script.clear()
        return _json(Answer(200, {"faults": []}))

    async def log(request: Request) -> Response:
        return _json(Answer(200, {"log": forge.store.of("log")}))

    async def ran(request: Request) -> Response:
        given = orjson.loads(await request.body())
        return await run_in_threadpool(keep, given)

    def keep(given: Any) -> Response:
        try:
            with lock:
                return _json(Answer(201, runs.record_run(forge, given)))
        except Refused as refused:
            return _json(Answer(refused.status, refused.body))

    return [
        Route(f"{OWN}faults", add, methods=["POST"]),
        Route(f"{OWN}faults", clear, methods=["DELETE"]),
        Route(f"{OWN}log", log),
        Route(f"{OWN}runs", ran, methods=["POST"]),
    ]
