"""What the provider's tests share: an app served on loopback, a clock to turn, training files."""

import json
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import httpx2
import openai
import uvicorn

BASE = "gpt-4.1-mini-2025-04-14"
HTTP = httpx2.Client(trust_env=False)
"""Shared: making one takes longer than most tests."""
START = 1_795_000_000.0


@dataclass
class Clock:
    """Seconds since the epoch, standing still until a test turns it."""

    now: float = START

    def __call__(self):
        return self.now

    def turn(self, seconds):
        self.now += seconds


@dataclass
class Sandbox:
    """A served provider, and the unmodified SDK as its client."""

    url: str
    clock: Clock
    sdk: openai.OpenAI = field(init=False)

    def __post_init__(self):
        self.sdk = self.client()

    def client(self, **options):
        given = {
            "api_key": "k",
            "max_retries": 0,
            "_strict_response_validation": True,
            "http_client": HTTP,
        } | options
        return openai.OpenAI(base_url=f"{self.url}/v1", **given)

    def script(self, *faults):
        HTTP.post(f"{self.url}/_sandbox/faults", json=list(faults)).raise_for_status()

    def log(self):
        return HTTP.get(f"{self.url}/_sandbox/log").json()["log"]

    def created(self):
        """How many jobs were really created."""
        path = "/v1/fine_tuning/jobs"
        return sum(e["accepted"] for e in self.log() if (e["method"], e["path"]) == ("POST", path))

    def upload(self, content=None, **options):
        file = ("train.jsonl", training() if content is None else content)
        return self.sdk.files.create(file=file, purpose="fine-tune", **options).id

    def job(self, **options):
        return self.sdk.fine_tuning.jobs.create(
            **{"model": BASE, "training_file": self.upload(), "suffix": "t"} | options
        )

    def tuned(self, content=None, **options):
        """A model tuned on a training file, ready to be asked."""
        job = self.job(training_file=self.upload(content), **options)
        self.clock.turn(1)
        return self.sdk.fine_tuning.jobs.retrieve(job.id).fine_tuned_model

    def ask(self, model, asked, **options):
        message = {"role": "user", "content": json.dumps(asked)}
        return self.sdk.chat.completions.create(model=model, messages=[message], **options)


def line(asked, answer, **more):
    messages = [
        {"role": "system", "content": "Say the colour."},
        {"role": "user", "content": json.dumps(asked)},
        {"role": "assistant", "content": json.dumps(answer)},
    ]
    return json.dumps({"messages": messages} | more).encode() + b"\n"


def training(count=12):
    """Examples of one small rule: even numbers are green, odd ones are red."""
    return b"".join(
        line({"n": n, "even": n % 2 == 0}, {"colour": ["green", "red"][n % 2]}) for n in range(count)
    )


SCHEMA = {
    "type": "object",
    "properties": {"colour": {"type": "string", "enum": ["red", "green", "blue"]}},
    "required": ["colour"],
    "additionalProperties": False,
}


def form(schema, strict=True):
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": strict}}


class Switch:
    """One server for all tests, because stopping one takes longer than a test; each plugs its app in."""

    app = None

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)

    @cached_property
    def url(self):
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or each answer waits for an ACK
        server = uvicorn.Server(uvicorn.Config(self, log_level="error", lifespan="off"))
        threading.Thread(target=server.run, args=([listener],), daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


SWITCH = Switch()


@contextmanager
def served(app, clock=None):
    """The app on loopback, and the SDK at its door."""
    SWITCH.app = app
    try:
        yield Sandbox(SWITCH.url, clock or Clock())
    finally:
        SWITCH.app = None
