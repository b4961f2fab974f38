"""Every exchange of a whole job's life fits the API's own published description."""

import gzip
import json
import sys

import openai
import pytest

from ftv4.sandbox.provider import provider_app
from tests.conftest import SHARED
from tests.sandbox.provider_server import BASE, SCHEMA, Clock, form, served

RIG = SHARED / "rig"


class Recorder:
    """ASGI: keeps each exchange as the checker wants it."""

    def __init__(self, app):
        self.app = app
        self.exchanges = []

    async def __call__(self, scope, receive, send):
        body, answer, status = [], [], []

        async def receiving():
            event = await receive()
            body.append(event.get("body", b""))
            return event

        async def sending(event):
            answer.append(event.get("body", b""))
            status.append(event.get("status"))
            await send(event)

        await self.app(scope, receiving, sending)
        form = dict(scope["headers"]).get(b"content-type", b"").startswith(b"multipart/")
        self.exchanges.append(
            {
                "method": scope["method"],
                "path": scope["path"],
                "query": scope["query_string"].decode(),
                "request": {"_multipart": {"file": {}, "purpose": "fine-tune"}} if form else parsed(body),
                "status": status[0],
                "response": parsed(answer),
            }
        )


def parsed(parts):
    text = b"".join(parts)
    return json.loads(text) if text else None


def live_through(sandbox):
    """One job of each ending, looked at in every state, and each way to ask a model."""
    jobs = sandbox.sdk.fine_tuning.jobs
    method = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}
    good = sandbox.job(metadata={"a": "b"}, seed=3, method=method)
    bad = sandbox.job(training_file=sandbox.upload(b"{}\n"))
    stopped = jobs.cancel(sandbox.job().id)
    for _ in range(6):
        for job in (good, bad, stopped):
            sandbox.sdk.files.retrieve(jobs.retrieve(job.id).training_file)
            list(jobs.list_events(job.id))
            list(jobs.checkpoints.list(job.id))
        sandbox.clock.turn(0.2)
    list(jobs.list(limit=1))
    list(jobs.list(metadata={"a": "b"}))
    tuned = jobs.retrieve(good.id).fine_tuned_model
    list(sandbox.sdk.models.list())
    sandbox.ask(
        tuned, {"n": 4}, response_format=form(SCHEMA), max_completion_tokens=20, temperature=0, seed=1
    )
    sandbox.ask(BASE, {}, max_tokens=1)
    sandbox.sdk.responses.create(model=tuned, input="{}")
    text = {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA, "strict": True}}
    asked = [{"role": "user", "content": "x"}]
    sandbox.sdk.responses.create(
        model=BASE, input=asked, instructions="y", max_output_tokens=16, metadata={"q": "r"}, text=text
    )
    with pytest.raises(openai.BadRequestError):
        sandbox.job(model="nope")


@pytest.mark.skipif(not RIG.exists(), reason="the API's description is not here")
def test_every_exchange_fits_the_published_description(tmp_path, monkeypatch):
    pytest.importorskip("openapi_schema_validator")
    monkeypatch.syspath_prepend(RIG)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    from oas_core import Checker

    clock = Clock()
    recorder = Recorder(provider_app(tmp_path, clock=clock))
    with served(recorder, clock) as sandbox:
        live_through(sandbox)
    description = json.loads(gzip.decompress((RIG / "openai-api.slice.json.gz").read_bytes()))
    checker = Checker(description, "/v1", ignore=[r"^status .*: [45]\d\d not among"])

    assert len(recorder.exchanges) > 60
    assert [str(finding) for exchange in recorder.exchanges for finding in checker.check(exchange)] == []
