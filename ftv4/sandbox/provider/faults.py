"""What goes wrong on purpose: a script of faults, each for one request, and the log of what was asked.

A fault names the requests it is for (`method`, `path` prefix) and which of them it strikes (`nth`
matching one, and `times - 1` after it), and one of these kinds:

| kind | what happens |
|---|---|
| `reject` | answered with `status` (and `code` or `body`, `headers`); nothing is done |
| `drop` | nothing is done, the connection closes without an answer |
| `accept_then_drop` | it is done (after `seconds`), the connection closes without an answer at once |
| `late` | it is done at once and answered after `seconds` |
| `slow` | the answer drips over `seconds` |
| `malformed` | the answer is cut in half |
| `alter` | the top-level `fields` of the answer are replaced |
| `stale_list` | a job list leaves out the newest job |
| `repeat_page` | a list ignores `after` |
| `fail_job` | the job made by this request fails with `code` and `message` |
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import ASGIApp, Receive, Scope, Send

from ftv4.sandbox.provider.store import Store
from ftv4.sandbox.provider.wire import error_body

Json = dict[str, Any]
Event = MutableMapping[str, Any]
FAULT = "ftv4.fault"
"""Key of the connection scope under which the handlers find the fault that is theirs to play."""
API = ("/v1", "/oauth/")
"""Where paths of the API begin; a fault's may leave `/v1` out."""
DRIPS = 8
RATE = "Rate limit reached for requests. Please try again in 1s."
QUOTA = "You exceeded your current quota, please check your plan and billing details."


class Fault(BaseModel):
    """One line of the script."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal[
        "reject",
        "drop",
        "accept_then_drop",
        "late",
        "slow",
        "malformed",
        "alter",
        "stale_list",
        "repeat_page",
        "fail_job",
    ]
    method: str = "*"
    path: str = "/"
    nth: Annotated[int, Field(ge=1)] = 1
    times: Annotated[int, Field(ge=1)] = 1
    seconds: Annotated[float, Field(ge=0)] = 0
    status: Annotated[int, Field(ge=400, le=599)] = 500
    code: str | None = None
    message: str | None = None
    body: Any = None
    headers: dict[str, str] = {}
    fields: Json = {}

    def is_for(self, method: str, path: str) -> bool:
        """Whether it is about such requests; the path may leave `/v1` out."""
        wanted = self.path if self.path.startswith(API) else f"/v1{self.path}"
        return self.method in ("*", method) and path.startswith(wanted.rstrip("/"))

    def answer(self) -> bytes:
        """The body a `reject` answers with."""
        if self.body is not None:
            return self.body.encode() if isinstance(self.body, str) else orjson.dumps(self.body)
        if self.status == 429:
            quota = self.code == "insufficient_quota"
            kind = "insufficient_quota" if quota else "requests"
            told = self.message or (QUOTA if quota else RATE)
            return orjson.dumps(error_body(told, kind, code=self.code or "rate_limit_exceeded"))
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return orjson.dumps(error_body(self.message or "Scripted by the sandbox.", kind, code=self.code))


class Script:
    """The faults still to come; safe to use from many threads."""

    def __init__(self, faults: Sequence[Json | Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._seen: list[int] = []
        self.add(faults)

    def add(self, faults: Sequence[Json | Fault]) -> None:
        """Append faults; each counts requests from now on. Raises pydantic's ValidationError."""
        checked = [fault if isinstance(fault, Fault) else Fault.model_validate(fault) for fault in faults]
        with self._lock:
            self._faults += checked
            self._seen += [0] * len(checked)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._faults, self._seen = [], []

    def strike(self, method: str, path: str) -> Fault | None:
        """The fault for this request: every fault counts it, the first whose turn it is plays."""
        struck = None
        with self._lock:
            for number, fault in enumerate(self._faults):
                if fault.is_for(method, path):
                    self._seen[number] += 1
                    if fault.nth <= self._seen[number] < fault.nth + fault.times:
                        struck = struck or fault
        return struck

    def listed(self) -> list[Json]:
        """Every fault with the number of requests it has counted."""
        with self._lock:
            pairs = zip(self._faults, self._seen, strict=True)
            return [{**fault.model_dump(exclude_defaults=True), "seen": seen} for fault, seen in pairs]


class Faulty:
    """ASGI: plays the script around an app, and logs each request of the API."""

    def __init__(self, app: ASGIApp, script: Script, store: Store) -> None:
        self._app = app
        self._script = script
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event; only the API has faults."""
        if scope["type"] != "http" or not scope["path"].startswith(API):
            await self._app(scope, receive, send)
            return
        fault = self._script.strike(scope["method"], scope["path"])
        answer = Answer()
        if fault is None or fault.kind not in PLAYS:
            scope[FAULT] = fault
            await self._app(scope, receive, answer.watching(send))
        else:
            body = await read_whole(receive)
            await PLAYS[fault.kind](fault, lambda to: self._app(scope, body, to), answer, send)
        self._log(scope, answer, fault)

    def _log(self, scope: Scope, answer: "Answer", fault: Fault | None) -> None:
        with self._store.transaction():
            number = self._store.next_number("log")
            entry = {
                "number": number,
                "method": scope["method"],
                "path": scope["path"],
                "query": scope["query_string"].decode("latin-1"),
                "status": answer.status,
                "accepted": answer.accepted and answer.status is not None and answer.status < 400,
                "fault": fault.kind if fault else None,
            }
            self._store.add("log", str(number), entry)


class Answer:
    """What the app answered, kept aside or watched as it passes."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.accepted = True
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def keep(self, event: Event) -> None:
        """An ASGI `send` that passes nothing on."""
        if event["type"] == "http.response.start":
            self.status, self.headers = event["status"], list(event["headers"])
        else:
            self.body += event.get("body", b"")

    def watching(self, send: Send) -> Send:
        """An ASGI `send` that passes everything on."""

        async def passing(event: Event) -> None:
            self.status = event.get("status", self.status)
            await send(event)

        return passing

    async def start(self, send: Send, length: int) -> None:
        """Send the head, saying how long the body is."""
        headers = [(key, value) for key, value in self.headers if key.lower() != b"content-length"]
        headers.append((b"content-length", str(length).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})

    async def whole(self, send: Send, body: bytes) -> None:
        """Send head and body at once."""
        await self.start(send, len(body))
        await send({"type": "http.response.body", "body": body})


Call = Callable[[Send], Awaitable[None]]


async def _reject(fault: Fault, call: Call, answer: Answer, send: Send) -> None:
    answer.status, answer.accepted = fault.status, False
    headers = {"content-type": "application/json"} | fault.headers
    answer.headers = [(key.encode(), value.encode()) for key, value in headers.items()]
    await answer.whole(send, fault.answer())


async def _drop(fault: Fault, call: Call, answer: Answer, send: Send) -> None:
    answer.accepted = False
    await hang_up(send)


async def _accept_then_drop(fault: Fault, call: Call, answer: Answer, send: Send) -> None:
    await hang_up(send)
    await asyncio.sleep(fault.seconds)
    await call(answer.keep)


async def _late(fault: Fault, call: Call, answer: Answer, send: Send) -> None:
    await call(answer.keep)
    await asyncio.sleep(fault.seconds)
    await answer.whole(send, answer.body)


async def _slow(fault: Fault, call: Call, answer: Answer, send: Send) -> None:
    await call(answer.keep)
    await answer.start(send, len(answer.body))
    size = max(1, -(-len(answer.body) // DRIPS))
    for start in range(0, len(answer.body), size):
        drip = answer.body[start : start + size]
        await send({"type": "http.response.body", "body": drip, "more_body": True})
        await asyncio.sleep(fault.seconds / DRIPS)
    await send({"type": "http.response.body", "body": b""})


async def _malformed(fault: Fault, call: Call, answer: Answer, send: Send) -> None:
    await call(answer.keep)
    await answer.whole(send, answer.body[: len(answer.body) // 2])


async def _alter(fault: Fault, call: Call, answer: Answer, send: Send) -> None:
    await call(answer.keep)
    await answer.whole(send, orjson.dumps(orjson.loads(answer.body) | fault.fields))


PLAYS: dict[str, Callable[[Fault, Call, Answer, Send], Awaitable[None]]] = {
    "reject": _reject,
    "drop": _drop,
    "accept_then_drop": _accept_then_drop,
    "late": _late,
    "slow": _slow,
    "malformed": _malformed,
    "alter": _alter,
}
"""Faults of the connection; the others are played by the handlers."""


async def hang_up(send: Send) -> None:
    """Close the connection without a byte of answer.

    ASGI has no word for it, so this reaches for uvicorn's transport behind `send`; under another
    server the answer breaks off after its head instead.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
        return
    transport.abort()
    await asyncio.sleep(0.001)


async def read_whole(receive: Receive) -> Receive:
    """The whole request body, to be given to the app even after the caller has gone."""
    parts, more = [], True
    while more:
        event = await receive()
        parts.append(event.get("body", b""))
        more = event.get("more_body", False)
    body = b"".join(parts)

    async def again() -> Event:
        return {"type": "http.request", "body": body, "more_body": False}

    return again
