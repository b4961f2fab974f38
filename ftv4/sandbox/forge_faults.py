"""Faults on order for the forge: the provider's script, with GitHub's words and any path.

`POST /_sandbox/faults` takes what the provider's takes (`reject`, `drop`, `accept_then_drop`,
`late`, `slow`, `malformed`, `alter`; `nth`, `times`), with `path` a regular expression. A `reject`
with the code `rate_limit` is GitHub's primary rate limit. `GET /_sandbox/log` lists each request,
and whether it was accepted, so that a test can count what was really done.
"""

import re
import time

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from ftv4.sandbox.forge_store import Store, Thing
from ftv4.sandbox.provider.faults import PLAYS, Answer, Call, Fault, Script, hang_up, read_whole

OWN = "/_sandbox/"


class ForgeFault(Fault):
    """One line of the script; `path` is looked for anywhere in the request's."""

    def is_for(self, method: str, path: str) -> bool:
        """Whether it is about such requests."""
        return self.method in ("*", method) and re.search(self.path, path) is not None

    def answer(self) -> bytes:
        """The body a `reject` answers with."""
        told = "API rate limit exceeded" if self.code == "rate_limit" else "The sandbox was told to fail."
        return orjson.dumps({"message": self.message or told, "status": str(self.status)})


def ordered(given: list[Thing]) -> list[Fault]:
    """Faults as they were sent, checked. Raises pydantic's ValidationError."""
    return [_complete(ForgeFault.model_validate(one)) for one in given]


def _complete(fault: ForgeFault) -> ForgeFault:
    if fault.code != "rate_limit":
        return fault
    reset = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time()) + 3600)}
    return fault.model_copy(update={"status": 403, "headers": reset | fault.headers})


async def _accept_then_drop(fault: Fault, call: Call, answer: Answer, send: Send) -> None:
    """Done before the connection closes, so that who looks then finds it; with `seconds`, that much after."""
    if fault.seconds:
        await PLAYS["accept_then_drop"](fault, call, answer, send)
    else:
        await call(answer.keep)
        await hang_up(send)


class Faulty:
    """The forge's ASGI app with the script played around it."""

    def __init__(self, app: ASGIApp, script: Script, store: Store) -> None:
        self._app = app
        self._script = script
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] != "http" or scope["path"].startswith(OWN):
            await self._app(scope, receive, send)
            return
        fault, answer = self._script.strike(scope["method"], scope["path"]), Answer()
        if fault is None:
            await self._app(scope, receive, answer.watching(send))
        else:
            body = await read_whole(receive)
            play = _accept_then_drop if fault.kind == "accept_then_drop" else PLAYS[fault.kind]
            await play(fault, lambda to: self._app(scope, body, to), answer, send)
        self._note(scope, answer, fault)

    def _note(self, scope: Scope, answer: Answer, fault: Fault | None) -> None:
        done = answer.accepted and answer.status is not None and answer.status < 400
        facts = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
        }
        outcome = {"status": answer.status, "accepted": done, "fault": fault.kind if fault else None}
        self._store.add("log", "", {**facts, **outcome})
