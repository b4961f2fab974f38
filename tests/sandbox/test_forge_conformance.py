"""The forge's answers against GitHub's own description of its API, where that is at hand."""

import importlib
import json
import sys

import pytest

from tests.conftest import SHARED
from tests.forge_sandbox import NAME

RIG = SHARED / "rig"
SLICE = RIG / "github-api.slice.json.gz"
pytestmark = pytest.mark.skipif(not SLICE.exists(), reason="GitHub's description is not here")


SLIPS = [
    r"^status .*: 4\d\d not among",
    r"(author|committer): .*None (for not nullable|is not of type)",
    r"labels/\d+/description: None",
]
"""Where GitHub does what its description leaves out: errors, commits of people without an account,
labels without a description."""


class Recorder:
    """An ASGI app that keeps each exchange as the checker wants it."""

    def __init__(self, app):
        self.app = app
        self.exchanges = []

    async def __call__(self, scope, receive, send):
        sent, status, answer = b"", [0], b""

        async def taking():
            nonlocal sent
            event = await receive()
            sent += event.get("body", b"")
            return event

        async def giving(event):
            nonlocal answer
            status[0] = event.get("status", status[0])
            answer += event.get("body", b"")
            await send(event)

        await self.app(scope, taking, giving)
        self.exchanges.append(
            {
                "method": scope["method"],
                "path": scope["path"],
                "query": scope["query_string"].decode(),
                "request": json.loads(sent) if sent else None,
                "status": status[0],
                "response": json.loads(answer) if answer else None,
            }
        )


@pytest.fixture
def recorder(sandbox, _server):
    _, behind = _server
    behind["app"] = Recorder(behind["app"])
    return behind["app"]


@pytest.fixture
def checker():
    pytest.importorskip("openapi_schema_validator")
    import gzip

    sys.path.insert(0, str(RIG))
    try:
        rig = importlib.import_module("oas_core")
    finally:
        sys.path.remove(str(RIG))
    return rig.Checker(json.loads(gzip.decompress(SLICE.read_bytes())), ignore=SLIPS)


def journey(sandbox):
    """Everything our client and a person do with a repository."""
    forge, hosted = sandbox.forge(), sandbox.github()
    files = {"config/models.json": b"b", "data/rows.jsonl": None, "new.bin": b"\x00\xff"}
    proposal = {"base": "main", "branch": "b/x", "title": "T", "body": "B", "message": "M", "files": files}
    pull = forge.propose(**proposal, labels=("promotion",))
    forge.propose(**proposal | {"files": {"config/models.json": b"c"}})
    forge.comment(1, "<!-- m -->", "one")
    forge.comment(1, "<!-- m -->", "two")
    pull = forge.pull(1)
    forge.status(pull.head_sha, "ftv4/gate", "success", "ok")
    check = hosted.create_check_run(
        "evals", pull.head_sha, status="in_progress", output={"title": "t", "summary": "s"}
    )
    check.edit(conclusion="failure", output={"title": "t", "summary": "s"})
    commit = hosted.get_commit(pull.head_sha)
    assert commit.get_check_runs().totalCount == 1
    assert commit.get_combined_status().state == "success"
    person = hosted.get_pull(1)
    person.create_review(body="fine", event="APPROVE")
    assert [len(list(call())) for call in (person.get_files, person.get_commits, person.get_reviews)] == [
        1,
        1,
        1,
    ]
    hosted.create_label("extra", "00ff00")
    person.edit(title="T2")
    hosted.create_git_blob("aGk=", "base64")
    hosted.get_git_ref("heads/b/x")
    hosted.get_git_commit(pull.head_sha)
    hosted.get_git_tree("main", recursive=True)
    hosted.compare("main", "b/x")
    hosted.get_branch("main")
    hosted.get_contents("config")
    hosted.get_contents("README.md", ref="main")
    assert hosted.get_commits().totalCount == 1
    assert hosted.requester.requestJson("GET", "/user")[0] == 200
    assert hosted.requester.requestJson("GET", "/rate_limit")[0] == 200
    assert hosted.requester.requestJson("GET", f"/repos/{NAME}/commits/{pull.head_sha}/pulls")[0] == 200
    forge.merge(1, expect_sha=pull.head_sha)
    hosted.get_git_ref("heads/b/x").edit(forge.pull(1).head_sha, force=True)
    hosted.get_git_ref("heads/b/x").delete()
    for method, path, body in REFUSED:
        assert hosted.requester.requestJson(method, f"/repos/{NAME}{path}", input=body)[0] >= 400


REFUSED = [
    ("POST", "/pulls", {"title": "T", "head": "nowhere", "base": "main"}),
    ("POST", "/git/refs", {"ref": "refs/heads/main", "sha": "0" * 40}),
    ("PATCH", "/git/refs/heads/none", {"sha": "0" * 40}),
    ("PUT", "/pulls/1/merge", {}),
    ("GET", "/pulls/99", None),
    ("GET", "/contents/none", None),
    ("GET", "/branches/none", None),
]


def test_every_answer_is_as_github_describes_it(sandbox, recorder, checker):
    journey(sandbox)

    said = [
        (exchange, checker.check(exchange))
        for exchange in recorder.exchanges
        if exchange["path"] != "/graphql"
    ]
    described = [
        (exchange, found) for exchange, found in said if all(one.kind != "no-operation" for one in found)
    ]
    findings = [f"{one}" for _, found in described for one in found]
    operations = {
        (exchange["method"], checker.find(exchange["method"], exchange["path"])[0])
        for exchange, _ in described
    }
    assert not findings, "\n".join(sorted(set(findings)))
    assert len(operations) > 25
