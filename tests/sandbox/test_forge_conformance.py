"""Each exchange of our client with the forge, against GitHub's own description of its API."""

import pytest

from tests.descriptions import SLIPS, Description, Recorder
from tests.forge_sandbox import NAME

ERRORS = {401, 403, 404, 405, 409, 422}
"""GitHub answers more of them than it describes."""


@pytest.fixture
def recorder(sandbox, _server):
    _, behind = _server
    behind["app"] = Recorder(behind["app"])
    return behind["app"]


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


def test_every_exchange_is_as_github_describes_it(sandbox, recorder):
    journey(sandbox)
    github = Description("github")

    described = [one for one in recorder.exchanges if github.find(one) and one["status"] not in ERRORS]
    problems = {line for one in described for line in github.problems(one) if not SLIPS.search(line)}

    assert problems == set()
    assert len({github.find(one) for one in described}) > 25
