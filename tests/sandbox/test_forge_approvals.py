"""Who lets a run into an environment: by GitHub's rules, and in the shapes that it publishes."""

import json

import pytest

from ftv4.errors import ServiceError
from tests.descriptions import Description
from tests.forge_sandbox import NAME

WORKFLOW = {".github/workflows/finetune.yml": b"name: finetune\n"}
REF = "#/components/schemas/"
APPROVALS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["environments", "state", "user", "comment"],
        "additionalProperties": False,
        "properties": {
            "state": {"type": "string", "enum": ["approved", "rejected", "pending"]},
            "comment": {"type": "string"},
            "user": {"$ref": f"{REF}simple-user"},
            "environments": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["id", "node_id", "name", "url", "html_url", "created_at", "updated_at"],
                    "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
                },
            },
        },
    },
}
"""The answer of /actions/runs/{run_id}/approvals by GitHub's description, of which our part lacks it."""
DEPLOYMENTS = {"type": "array", "items": {"$ref": f"{REF}deployment"}}


@pytest.fixture
def run(sandbox):
    sandbox.checkout().push(WORKFLOW)
    return sandbox.started(by="ada")


@pytest.fixture
def ask(sandbox, run):
    """Ask about the run; status and body."""

    def call(method, path="", body=None, login="ada"):
        requester = sandbox.github(login).requester
        status, _, answer = requester.requestJson(
            method, f"/repos/{NAME}/actions/runs/{run}{path}", input=body
        )
        return status, json.loads(answer)

    return call


def test_a_run_and_its_approvals_are_as_github_describes_them(sandbox, run, ask):
    github = Description("github")
    deployments = sandbox.review(run, "grace")
    shown, approvals = ask("GET")[1], ask("GET", "/approvals")[1]

    def wrong(schema, value):
        return list(github._invalid(github._reads, schema, value))

    assert wrong({"$ref": f"{REF}workflow-run"}, shown) == []
    assert wrong(APPROVALS, approvals) == []
    assert wrong(DEPLOYMENTS, deployments) == []
    assert len(approvals) == len(deployments) == 1


def test_our_client_reads_who_asked_and_who_approved_by_their_ids(sandbox, run):
    sandbox.review(run, "grace")
    sandbox.review(run, "eve", state="rejected")
    sandbox.review(run, "carol", environment="ftv4-eval")
    found = sandbox.forge().settings().approvals(run, "ftv4-paid")
    ada, grace = (
        json.loads(sandbox.github(login).requester.requestJson("GET", "/user")[2])["id"]
        for login in ("ada", "grace")
    )

    assert (found.asked_by, found.approved_by) == ({ada}, {grace})


@pytest.mark.parametrize("who", ["actor", "triggering_actor"])
def test_a_run_of_nobody_is_approved_by_nobody(sandbox, run, who):
    sandbox.review(run, "grace")
    sandbox.fail("alter", "GET", f"/actions/runs/{run}$", fields={who: None})

    with pytest.raises(ServiceError, match="in no known shape"):
        sandbox.forge().settings().approvals(run, "ftv4-paid")


def test_only_a_reviewer_who_did_not_ask_for_the_run_reviews_it(sandbox, run, ask):
    sandbox.review(run, "grace")
    about = f"/repos/{NAME}/environments/ftv4-paid"
    requester = sandbox.github().requester
    ada, grace = (
        json.loads(sandbox.github(login).requester.requestJson("GET", "/user")[2])["id"]
        for login in ("ada", "grace")
    )
    both = [{"type": "User", "id": one} for one in (ada, grace)]
    environment = requester.requestJson("PUT", about, input={"reviewers": both, "prevent_self_review": True})[
        2
    ]
    told = {"environment_ids": [json.loads(environment)["id"]], "state": "approved", "comment": ""}

    def review(login, **other):
        return ask("POST", "/pending_deployments", told | other, login)[0]

    assert [review(login) for login in ("ada", "eve", "grace")] == [403, 403, 200]
    assert review("grace", state="fine") == review("grace", environment_ids=[99]) == 422
    assert review("grace", environment_ids=[]) == 422
