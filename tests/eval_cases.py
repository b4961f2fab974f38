"""Builds eval cases, and a provider whose models answer as a test says."""

import atexit
import json
import shutil
import tempfile
import threading
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson

from ftv4.canonical import digest
from ftv4.documents import Repository
from ftv4.pipeline.brief import make_brief
from ftv4.stages import STAGES
from ftv4.steps.packs import PackPlan, read_pack, write_packs

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def approve(stage, asked, ruled):
    """What a test's expert approves: the rule's output, said in words of the industry's own."""
    trade = asked["industry"].replace("_", " ")
    said = {
        "quant_signals": {},
        "emyth_owner_load": {
            "bottleneck_diagnosis": f"In {trade}, every open question waits for one person."
        },
        "competitive_lens": {"collapsed_view": f"In {trade}, whoever answers first and plainly is chosen."},
        "blue_ocean": {"capacity_guardrail_statement": f"Nothing in {trade} may add load to the owner."},
        "synthesis_decision": {
            "primary_constraint": f"In {trade}, open questions wait for one person.",
            "first_30_days": [f"Week {week}: settle one open question of {trade}." for week in range(1, 6)],
            "recommended_path": "B",
        },
    }
    return ruled | said[stage.name]


def plant(repository, cases_each=1):
    """Cases of six industries, and a dataset of 42 accepted rows for synthesis_decision."""
    shutil.copytree(_planted(cases_each), repository.root, dirs_exist_ok=True)


@cache
def _planted(cases_each):
    folder = Path(tempfile.mkdtemp(prefix="ftv4-planted-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    plant_cases(Repository(folder), cases_each)
    plant_dataset(Repository(folder))
    shutil.rmtree(folder / "train/packs")
    return folder


def plant_cases(repository, per_industry=1, industries=None):
    """Write cases with packs and approved gold; give back their ids."""
    plan = PackPlan(date(2026, 2, 9), "evals/packs", industries, per_industry, seed=4242)
    return [_plant(repository, folder) for folder in write_packs(repository, plan).generated]


def _plant(repository, folder):
    synth, pack = read_pack(repository, folder)
    brief = make_brief(
        pack, client_id="eval", run_id=synth.pack_id, industry=synth.industry,
        role=synth.emyth_role, mode="last_90_days",
    )  # fmt: skip
    gold, ruled = {}, {}
    for stage in STAGES.values():
        asked = stage.make_input(brief, ruled)
        ruled[stage.name] = stage.rule(asked, ruled)
        gold[stage.name] = {"input": asked, "output": approve(stage, asked, ruled[stage.name])}
    case = {
        "case_id": synth.pack_id,
        "industry": synth.industry,
        "pack": folder,
        "emyth_role": synth.emyth_role or "mixed",
        "gold": gold,
    }
    repository.write(f"evals/cases/{synth.pack_id}.json", json.dumps(case))
    return synth.pack_id


def gold_of(repository, stage, case_id):
    """A case's approved output."""
    return repository.read_json(f"evals/cases/{case_id}.json")["gold"][stage]["output"]


def expert(stage):
    """A model that answers what the expert would: as good as gold."""

    def answer(asked):
        rule = STAGES[stage].rule(asked, {})
        return json.dumps(approve(STAGES[stage], asked, rule))

    return answer


class Away(Exception):
    """Raised by an answer: the provider says 503 instead."""


@contextmanager
def provider(monkeypatch, answers, shutdowns=None):
    """The `sandbox` provider on loopback: model name → function from stage input to answer text.

    Yields the list of questions: (model, stage input).
    """
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            models = [
                {"id": name, "object": "model", "created": 0, "owned_by": "test",
                 "shutdown_date": (shutdowns or {}).get(name)}
                for name in answers
            ]  # fmt: skip
            self._say(200, {"object": "list", "data": models})

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            question = json.loads(body["messages"][-1]["content"])
            asked.append((body["model"], question))
            if body["model"] not in answers:
                self._say(404, {"error": {"message": "no such model", "code": "model_not_found"}})
                return
            try:
                text = answers[body["model"]](question)
            except Away:
                self._say(400, {"error": {"message": "not today", "code": "away"}})
                return
            message = {"role": "assistant", "content": text}
            usage = {"prompt_tokens": 900, "completion_tokens": 400, "total_tokens": 1300}
            choice = {"index": 0, "finish_reason": "stop", "message": message}
            self._say(200, {"id": "c", "object": "chat.completion", "created": 0, "model": body["model"],
                            "choices": [choice], "usage": usage})  # fmt: skip

        def _say(self, status, value):
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    monkeypatch.setenv("FTV4_SANDBOX_URL", f"http://127.0.0.1:{server.server_port}/v1")
    monkeypatch.setenv("FTV4_SANDBOX_KEY", "test")
    try:
        yield asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def plant_dataset(repository, stage="synthesis_decision", per_industry=7, path=None, approved=True):
    """Write a dataset of six industries; give back its path."""
    made = STAGES[stage]
    plan = PackPlan(date(2026, 2, 9), "train/packs", None, per_industry, seed=77)
    rows = [_row(repository, folder, made, approved) for folder in write_packs(repository, plan).generated]
    path = path or made.dataset
    repository.write(path, b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def _row(repository, folder, made, approved):
    synth, pack = read_pack(repository, folder)
    brief = make_brief(
        pack, client_id="client", run_id=synth.pack_id, industry=synth.industry,
        role=synth.emyth_role, mode="last_90_days",
    )  # fmt: skip
    ruled = {}
    for stage in STAGES.values():
        asked = stage.make_input(brief, ruled)
        ruled[stage.name] = stage.rule(asked, ruled)
        if stage is made:
            break
    output = approve(made, asked, ruled[made.name])
    approval = {
        "reviewer": "ada@example.org",
        "reviewed_at": "2026-11-20T10:00:00.000Z",
        "output_sha256": digest(output),
    }
    return {
        "id": f"run:{synth.pack_id}/stage:{made.name}",
        "created_at": "2026-11-20T09:00:00.000Z",
        "client_id": "client",
        "industry": synth.industry,
        "input": asked,
        "output": output,
        "grades": {"schema": "pass", "doctrine": "pass", "drift": "pass", "decision": "pass"},
        "model": {"model_id": "deterministic:synthesis-v1", "prompt_version": "v1"},
        "approved": approved,
        "notes": "synthetic",
        "approval": approval,
    }
