"""The routes of the sandbox provider: each names its handler, nothing more is decided here."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ftv4.sandbox.issuer import Issuer
from ftv4.sandbox.provider.answers import Answers, ChatRequest, ResponseRequest
from ftv4.sandbox.provider.faults import FAULT, Fault, Faulty, Script
from ftv4.sandbox.provider.federation import Exchange, Federation
from ftv4.sandbox.provider.files import Files
from ftv4.sandbox.provider.job_request import JobRequest
from ftv4.sandbox.provider.jobs import Jobs
from ftv4.sandbox.provider.minds import Minds
from ftv4.sandbox.provider.models import Clock, Models, base_models
from ftv4.sandbox.provider.store import Store
from ftv4.sandbox.provider.wire import Refusal, error_body, read_as, read_form

Json = dict[str, Any]


class Call:
    """One request as handlers want it: its body read, its fault at hand."""

    def __init__(self, request: Request, body: bytes) -> None:
        self.body = body
        self.id: str = request.path_params.get("id", "")
        self.content_type = request.headers.get("content-type", "")
        fault: Fault | None = request.scope.get(FAULT)
        self.fault = fault
        self.query: Mapping[str, str] = request.query_params
        if self.plays("repeat_page"):
            self.query = {key: value for key, value in self.query.items() if key != "after"}

    def plays(self, kind: str) -> bool:
        """Whether a fault of this kind is to be played with this request."""
        return self.fault is not None and self.fault.kind == kind


Handler = Callable[[Call], Json | bytes]


def provider_app(
    folder: Path,
    *,
    faults: Sequence[Json] = (),
    clock: Clock = time.time,
    training_seconds: float = 1.0,
    models: dict[str, Json] | None = None,
    issuer: Issuer | None = None,
) -> ASGIApp:
    """The provider over the state in `folder`: serve it on loopback, base URL `…/v1`.

    `faults` are scripted from the start (`faults.py`), a job takes `training_seconds` of the `clock`
    (seconds since the epoch), `models` replaces the table of base models (`models.json`), `issuer`
    signs the identities of jobs.
    """
    store = Store(folder)
    script = Script(faults)
    files = Files(store, clock)
    known = Models(store, base_models() if models is None else models, clock)
    minds = Minds(store)
    jobs = Jobs(store, files, known, minds, clock, training_seconds)
    answers = Answers(known, minds, clock)
    federation = Federation(issuer or Issuer(), clock)
    routes = [
        *_file_routes(files),
        *_job_routes(jobs),
        *_model_routes(known, answers),
        *_own_routes(script, store),
        _route(
            "POST", "/oauth/token", lambda call: federation.exchange(read_as(Exchange, call.body)), own=True
        ),
    ]
    routed = Starlette(routes=routes, exception_handlers={HTTPException: _no_route})
    routed.state.federation = federation
    return Faulty(routed, script, store)


def _file_routes(files: Files) -> list[Route]:
    return [
        _route("POST", "/files", lambda call: files.upload(read_form(call.content_type, call.body))),
        _route("GET", "/files", lambda call: files.list(call.query)),
        _route("GET", "/files/{id}", lambda call: files.get(call.id)),
        _route("DELETE", "/files/{id}", lambda call: files.delete(call.id)),
        _route("GET", "/files/{id}/content", lambda call: files.content(call.id)),
    ]


def _job_routes(jobs: Jobs) -> list[Route]:
    one = "/fine_tuning/jobs/{id}"
    return [
        _route(
            "POST", "/fine_tuning/jobs", lambda call: jobs.create(read_as(JobRequest, call.body), _fate(call))
        ),
        _route(
            "GET", "/fine_tuning/jobs", lambda call: jobs.list(call.query, stale=call.plays("stale_list"))
        ),
        _route("GET", one, lambda call: jobs.get(call.id)),
        _route("GET", f"{one}/events", lambda call: jobs.events(call.id, call.query)),
        _route("GET", f"{one}/checkpoints", lambda call: jobs.checkpoints(call.id, call.query)),
        _route("POST", f"{one}/cancel", lambda call: jobs.cancel(call.id)),
        _route("POST", f"{one}/pause", lambda call: jobs.pause(call.id)),
        _route("POST", f"{one}/resume", lambda call: jobs.resume(call.id)),
    ]


def _model_routes(models: Models, answers: Answers) -> list[Route]:
    return [
        _route("GET", "/models", lambda call: models.list()),
        _route("GET", "/models/{id}", lambda call: models.get(call.id)),
        _route("DELETE", "/models/{id}", lambda call: models.delete(call.id)),
        _route("POST", "/chat/completions", lambda call: answers.chat(read_as(ChatRequest, call.body))),
        _route("POST", "/responses", lambda call: answers.respond(read_as(ResponseRequest, call.body))),
    ]


def _own_routes(script: Script, store: Store) -> list[Route]:
    def add(call: Call) -> Json:
        try:
            faults = orjson.loads(call.body)
            script.add(faults if isinstance(faults, list) else [faults])
        except (orjson.JSONDecodeError, ValidationError) as error:
            raise Refusal(400, f"Not a fault: {error}") from None
        return {"faults": script.listed()}

    def clear(call: Call) -> Json:
        script.clear()
        return {"faults": []}

    return [
        _route("GET", "/_sandbox/faults", lambda call: {"faults": script.listed()}, own=True),
        _route("POST", "/_sandbox/faults", add, own=True),
        _route("DELETE", "/_sandbox/faults", clear, own=True),
        _route("GET", "/_sandbox/log", lambda call: {"log": store.all("log")}, own=True),
    ]


def _fate(call: Call) -> Json | None:
    if call.fault is None or not call.plays("fail_job"):
        return None
    return {"code": call.fault.code or "server_error", "message": call.fault.message or "The job failed."}


def _route(method: str, path: str, handler: Handler, *, own: bool = False) -> Route:
    """A route of the API below `/v1`, which wants a key, or one of the sandbox's `own`."""
    return Route(path if own else f"/v1{path}", _endpoint(handler, keyed=not own), methods=[method])


def _endpoint(handler: Handler, *, keyed: bool) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        body = await request.body()
        try:
            if keyed:
                _check_key(request)
            done = await run_in_threadpool(handler, Call(request, body))
        except Refusal as refusal:
            return _json(refusal.body, refusal.status)
        return (
            Response(done, media_type="application/octet-stream") if isinstance(done, bytes) else _json(done)
        )

    return endpoint


def _check_key(request: Request) -> None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Refusal(
            401,
            "You didn't provide an API key. Give one in an Authorization header using Bearer auth.",
            code="invalid_api_key",
        )
    request.app.state.federation.check(key.strip())


async def _no_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = f"Invalid URL ({request.method} {request.url.path})"
    return _json(error_body(message, "invalid_request_error"), status)


def _json(value: Json, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
