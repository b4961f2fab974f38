"""The sandbox forge's settings: GitHub's defaults, what is set is what is read, and what a ruleset keeps."""

import json
import subprocess
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from ftv4.clients.git import Remote
from ftv4.clients.ledger import Ledger
from ftv4.errors import ServiceError
from tests.forge_sandbox import NAME, START

VERDICT = {
    "name": "main",
    "target": "branch",
    "enforcement": "active",
    "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
    "rules": [
        {"type": "deletion"},
        {"type": "non_fast_forward"},
        {
            "type": "required_status_checks",
            "parameters": {
                "strict_required_status_checks_policy": False,
                "required_status_checks": [{"context": "ftv4/verdict", "integration_id": 15368}],
            },
        },
    ],
}
LEDGER = VERDICT | {
    "name": "ledger",
    "conditions": {"ref_name": {"include": ["refs/heads/ftv4-ledger"], "exclude": []}},
    "rules": VERDICT["rules"][:2],
}


@pytest.fixture
def ask(sandbox):
    """Ask the API below the repository; status and body."""

    def call(method, path, body=None, login="ada"):
        requester = sandbox.github(login).requester
        status, _, answer = requester.requestJson(method, f"/repos/{NAME}{path}", input=body)
        return status, json.loads(answer) if answer else None

    return call


def test_a_fresh_repository_has_githubs_defaults(ask):
    assert ask("GET", "/rulesets") == (200, [])
    assert ask("GET", "/rules/branches/main") == (200, [])
    assert ask("GET", "/branches/main/protection")[0] == 404
    assert ask("GET", "/environments") == (200, {"total_count": 0, "environments": []})
    assert ask("GET", "/actions/permissions")[1] == {
        "enabled": True,
        "allowed_actions": "all",
        "sha_pinning_required": False,
    }
    assert ask("GET", "/actions/permissions/selected-actions")[0] == 409
    assert ask("GET", "/actions/permissions/workflow")[1] == {
        "default_workflow_permissions": "read",
        "can_approve_pull_request_reviews": False,
    }
    assert ask("GET", "/actions/variables")[1]["total_count"] == 0
    assert ask("GET", "/codeowners/errors")[0] == 404
    assert ask("GET", "")[1]["allow_merge_commit"] is True


def test_a_ruleset_is_read_as_it_was_written(ask):
    status, made = ask("POST", "/rulesets", VERDICT)
    number = made["id"]

    assert status == 201
    assert "rules" not in ask("GET", "/rulesets")[1][0]
    assert ask("GET", f"/rulesets/{number}")[1]["rules"] == VERDICT["rules"]
    assert [rule["type"] for rule in ask("GET", "/rules/branches/main")[1]] == [
        "deletion",
        "non_fast_forward",
        "required_status_checks",
    ]
    assert ask("GET", "/rules/branches/other")[1] == []
    assert ask("POST", "/rulesets", VERDICT)[0] == 422
    assert ask("PUT", f"/rulesets/{number}", {"enforcement": "disabled"})[1]["name"] == "main"
    assert ask("GET", "/rules/branches/main")[1] == []
    assert ask("DELETE", f"/rulesets/{number}")[0] == 204
    assert ask("GET", f"/rulesets/{number}")[0] == 404


@pytest.mark.parametrize("wrong", [{"enforcement": "on"}, {"rules": [{"type": "kindness"}]}])
def test_a_ruleset_that_github_would_not_take_is_refused(ask, wrong):
    assert ask("POST", "/rulesets", VERDICT | wrong)[0] == 422


def opened(sandbox):
    files = {"config/models.json": b"b"}
    return sandbox.forge().propose(base="main", branch="b/x", title="T", body="B", message="M", files=files)


def test_a_merge_waits_for_the_status_that_a_ruleset_asks_for(sandbox, ask):
    ask("POST", "/rulesets", VERDICT)
    pull = opened(sandbox)

    status, said = ask("PUT", f"/pulls/{pull.number}/merge")
    assert (status, said["message"].splitlines()[2]) == (
        405,
        'Required status check "ftv4/verdict" is expected.',
    )
    sandbox.forge().status(pull.head_sha, "ftv4/verdict", "failure", "no")
    assert ask("PUT", f"/pulls/{pull.number}/merge")[0] == 405
    sandbox.forge().status(pull.head_sha, "ftv4/verdict", "success", "yes")
    assert ask("PUT", f"/pulls/{pull.number}/merge")[0] == 200


def test_a_status_from_another_source_than_the_expected_one_does_not_count(sandbox, ask):
    """Threat 7: a person who may write can set any status."""
    ask("POST", "/rulesets", VERDICT)
    pull = opened(sandbox)

    sandbox.forge("ada").status(pull.head_sha, "ftv4/verdict", "success", "trust me")

    assert ask("PUT", f"/pulls/{pull.number}/merge")[0] == 405


def test_a_merge_method_that_is_switched_off_is_refused(sandbox, ask):
    pull = opened(sandbox)

    assert ask("PATCH", "", {"allow_merge_commit": False})[1]["allow_merge_commit"] is False
    assert ask("PUT", f"/pulls/{pull.number}/merge")[0] == 405
    assert ask("PUT", f"/pulls/{pull.number}/merge", {"merge_method": "squash"})[0] == 200


def test_the_ledger_is_neither_rewritten_nor_deleted_once_a_ruleset_keeps_it(sandbox, ask):
    checkout = sandbox.checkout()
    first = checkout.run("rev-parse", "HEAD")
    ask("POST", "/rulesets", LEDGER)
    second = checkout.push({"a": b"1"}, branch="ftv4-ledger")
    ref = "/git/refs/heads/ftv4-ledger"

    assert ask("PATCH", ref, {"sha": first, "force": True})[0] == 422
    assert ask("DELETE", ref)[0] == 422
    for refused in (["--force", "origin", f"{first}:refs/heads/ftv4-ledger"], ["origin", ":ftv4-ledger"]):
        with pytest.raises(subprocess.CalledProcessError) as error:
            checkout.run("push", *refused)
        assert "Cannot" in error.value.stderr
    assert checkout.push({"a": b"2"}, branch="ftv4-ledger") != second
    checkout.run("push", "--force", "origin", f"{first}:refs/heads/free")
    checkout.run("push", "origin", ":free")


def writers(app):
    """Nobody but an app makes or moves the ledger."""
    actor = {"actor_id": app, "actor_type": "Integration", "bypass_mode": "always"}
    rules = [{"type": "creation"}, {"type": "update"}]
    return LEDGER | {"name": "writers", "rules": rules, "bypass_actors": [actor]}


def app_id(sandbox, login="ftv4-bot"):
    return json.loads(sandbox.github(login).requester.requestJson("GET", "/user")[2])["id"]


def remote(sandbox, login):
    """Where somebody pushes to, over HTTP."""
    return f"{sandbox.url}/{NAME}.git".replace("://", f"://x-access-token:sandbox-{login}@")


def refused(checkout, *push):
    """What the forge says to a push that it refuses."""
    with pytest.raises(subprocess.CalledProcessError) as error:
        checkout.run("push", *push)
    return error.value.stderr


def test_an_app_alone_writes_a_branch_that_a_ruleset_restricts_to_it(sandbox, ask):
    """Threat 13: by push, by API, and by merge; and the app may still not rewrite it."""
    assert ask("POST", "/rulesets", LEDGER)[0] == 201
    assert ask("POST", "/rulesets", writers(app_id(sandbox)))[0] == 201
    app_id(sandbox, "other-bot")
    checkout, branch = sandbox.checkout(), "refs/heads/ftv4-ledger"
    first = checkout.run("rev-parse", "HEAD")
    mine, theirs = f"HEAD:{branch}", [remote(sandbox, login) for login in ("ada", "other-bot")]
    theirs.append(str(sandbox.git))

    for url in theirs:
        assert "creations being restricted" in refused(checkout, url, mine)
    assert ask("POST", "/git/refs", {"ref": branch, "sha": first})[0] == 422
    checkout.run("push", remote(sandbox, "ftv4-bot"), mine)

    second = checkout.push({"a": b"1"}, branch="elsewhere")
    for url in theirs:
        assert "update this protected ref" in refused(checkout, url, mine)
    assert ask("PATCH", "/git/refs/heads/ftv4-ledger", {"sha": second})[0] == 422
    content = {"message": "m", "content": "MQ==", "branch": "ftv4-ledger"}
    assert ask("PUT", "/contents/b", content)[0] == 422
    pull = {"title": "T", "head": "elsewhere", "base": "ftv4-ledger"}
    number = ask("POST", "/pulls", pull)[1]["number"]
    assert ask("PUT", f"/pulls/{number}/merge")[0] == 422
    checkout.run("push", remote(sandbox, "ftv4-bot"), mine)

    assert "force-push" in refused(checkout, "--force", remote(sandbox, "ftv4-bot"), f"{first}:{branch}")
    assert "delete" in refused(checkout, remote(sandbox, "ftv4-bot"), f":{branch}")
    assert ask("GET", "/rules/branches/ftv4-ledger")[1][-1]["type"] == "update"


def test_a_job_that_is_not_the_app_writes_nothing_on_the_ledger_and_is_told_why(sandbox, ask):
    """Threat 13: the job's own token is nobody whom a ruleset lets pass."""
    ask("POST", "/rulesets", writers(app_id(sandbox)))
    run = {"train/finetune_runs/blue_ocean/20261122T090000Z/job.json": b"{}"}

    def written(login):
        with Ledger.opened(Remote(f"{sandbox.url}/{NAME}.git", f"sandbox-{login}")) as ledger:
            ledger.write(ledger.read(), run, "attempt blue_ocean", START)
            return ledger.read().files

    with pytest.raises(ServiceError, match="creations being restricted"):
        written("jobs-bot")
    assert written("ftv4-bot") == run


def test_who_bypasses_a_ruleset_is_an_app_that_is_known(sandbox, ask):
    number = ask("POST", "/rulesets", writers(app_id(sandbox)))[1]["id"]

    assert ask("GET", f"/rulesets/{number}")[1]["current_user_can_bypass"] == "never"
    assert ask("GET", f"/rulesets/{number}", login="ftv4-bot")[1]["current_user_can_bypass"] == "always"
    for nobody in (15368, app_id(sandbox, "ada")):
        assert ask("PUT", f"/rulesets/{number}", writers(nobody))[0] == 422


def test_an_environment_keeps_reviewers_branches_and_secrets(sandbox, ask):
    reviewer = ask("GET", "/pulls")[0] and sandbox.github().requester.requestJson("GET", "/user")[2]
    reviewers = [{"type": "User", "id": json.loads(reviewer)["id"]}]
    custom = {"protected_branches": False, "custom_branch_policies": True}
    asked = {"reviewers": reviewers, "prevent_self_review": True, "deployment_branch_policy": custom}

    assert ask("PUT", "/environments/ftv4-paid", asked)[0] == 200
    policies = "/environments/ftv4-paid/deployment-branch-policies"
    assert ask("POST", policies, {"name": "main"})[0] == 200
    ask("PUT", "/environments/ftv4-paid/secrets/KEY", {"encrypted_value": "x", "key_id": "1"})

    (seen,) = ask("GET", "/environments")[1]["environments"]
    kinds = [rule["type"] for rule in seen["protection_rules"]]
    assert kinds == ["required_reviewers", "branch_policy"]
    assert seen["protection_rules"][0]["reviewers"][0]["reviewer"]["login"] == "ada"
    assert [one["name"] for one in ask("GET", policies)[1]["branch_policies"]] == ["main"]
    assert [one["name"] for one in ask("GET", "/environments/ftv4-paid/secrets")[1]["secrets"]] == ["KEY"]
    both = {"protected_branches": True, "custom_branch_policies": True}
    assert ask("PUT", "/environments/x", {"deployment_branch_policy": both})[0] == 422
    assert ask("PUT", "/environments/x", {"reviewers": [{"type": "Team", "id": 1}]})[0] == 422
    assert ask("GET", "/environments/none")[0] == 404
    assert ask("DELETE", "/environments/ftv4-paid")[0] == 204


def test_actions_permissions_and_variables_are_read_as_they_were_set(ask):
    ask("PUT", "/actions/permissions", {"enabled": True, "allowed_actions": "selected"})
    ask("PUT", "/actions/permissions/selected-actions", {"patterns_allowed": ["o/*"]})
    ask("PUT", "/actions/permissions/workflow", {"can_approve_pull_request_reviews": True})
    ask("POST", "/actions/variables", {"name": "FTV4_APP_ID", "value": "7"})

    assert ask("GET", "/actions/permissions")[1]["allowed_actions"] == "selected"
    assert ask("GET", "/actions/permissions/selected-actions")[1]["patterns_allowed"] == ["o/*"]
    assert ask("GET", "/actions/permissions/workflow")[1]["can_approve_pull_request_reviews"] is True
    assert ask("GET", "/actions/variables")[1]["variables"][0]["value"] == "7"
    assert ask("POST", "/actions/variables", {"name": "FTV4_APP_ID", "value": "8"})[0] == 409


def ran(sandbox, **run):
    request = Request(f"{sandbox.url}/_sandbox/runs", json.dumps(run).encode(), method="POST")
    with urlopen(request) as answer:
        return json.load(answer)


def test_workflows_are_the_files_of_main_and_runs_are_what_a_test_records(sandbox, ask):
    sandbox.checkout().push({".github/workflows/reconcile.yml": b"name: reconcile\non: push\n"})
    (workflow,) = ask("GET", "/actions/workflows")[1]["workflows"]
    assert (workflow["name"], workflow["state"]) == ("reconcile", "active")

    old = ran(sandbox, workflow="reconcile.yml", created_at="2026-11-20T00:00:00Z", event="schedule")
    new = ran(sandbox, workflow="reconcile.yml", head_sha="a" * 40, conclusion="action_required")
    listed = ask("GET", "/actions/workflows/reconcile.yml/runs")[1]["workflow_runs"]
    assert [one["id"] for one in listed] == [new["id"], old["id"]]
    found = ask("GET", f"/actions/runs?head_sha={'a' * 40}")[1]["workflow_runs"]
    assert [one["conclusion"] for one in found] == ["action_required"]
    assert ask("PUT", "/actions/workflows/reconcile.yml/disable")[0] == 204
    assert ask("GET", f"/actions/workflows/{workflow['id']}")[1]["state"] == "disabled_manually"
    with pytest.raises(HTTPError):
        ran(sandbox, workflow="none.yml")


def test_code_owners_who_are_nobody_are_told_by_line(sandbox, ask):
    sandbox.checkout().push({".github/CODEOWNERS": b"# who\n* @ada\n/config/ @nobody ada\n"})
    ask("GET", "")

    found = ask("GET", "/codeowners/errors")[1]["errors"]

    assert [(one["line"], one["kind"]) for one in found] == [(3, "Unknown owner"), (3, "Invalid owner")]


DESCRIBED_ONLY_ELSEWHERE = {403, 404, 405, 409, 422}


def test_every_exchange_about_settings_is_as_github_describes_it(sandbox, _server):
    """What ftv4 reads, read from a repository where there is something to read."""
    from tests.descriptions import Description, Recorder

    _, behind = _server
    behind["app"] = recorder = Recorder(behind["app"])
    hosted, settings = sandbox.github(), sandbox.forge("ada").settings()
    url = f"/repos/{NAME}"

    def ask(method, path, body=None):
        assert hosted.requester.requestJson(method, f"{url}{path}", input=body)[0] < 300

    sandbox.checkout().push({".github/workflows/reconcile.yml": b"name: reconcile\n"})
    ask("POST", "/rulesets", VERDICT)
    ask("POST", "/actions/variables", {"name": "FTV4_APP_ID", "value": "7"})
    reviewers = [{"type": "User", "id": settings_user(hosted)}]
    policy = {"protected_branches": False, "custom_branch_policies": True}
    ask("PUT", "/environments/ftv4-paid", {"reviewers": reviewers, "deployment_branch_policy": policy})
    pull = opened(sandbox)
    ran(sandbox, workflow="reconcile.yml", head_sha=pull.head_sha)

    assert settings.hosted().default_branch == "main"
    assert settings.branch_rules("main").statuses == {"ftv4/verdict": 15368}
    assert settings.rulesets()["main"]["rules"] == VERDICT["rules"]
    assert settings.environments(["ftv4-paid"])["ftv4-paid"].reviewers == 1
    assert settings.variables() == {"FTV4_APP_ID": "7"}
    assert settings.workflows() == {".github/workflows/reconcile.yml": "active"}
    assert settings.last_run("reconcile.yml").conclusion == "success"
    assert settings.last_proposal("b/") == (pull.number, pull.head_sha)
    assert len(settings.runs_of(pull.head_sha)) == 1

    github = Description("github")
    described = [one for one in recorder.exchanges if github.find(one)]
    described = [one for one in described if one["status"] not in DESCRIBED_ONLY_ELSEWHERE]
    found = {line for one in described for line in github.problems(one)}
    assert {line for line in found if "author: None" not in line and "committer: None" not in line} == set()
    assert {
        "GET /repos/{owner}/{repo}",
        "GET /repos/{owner}/{repo}/rules/branches/{branch}",
        "GET /repos/{owner}/{repo}/rulesets",
        "GET /repos/{owner}/{repo}/environments",
        "GET /repos/{owner}/{repo}/actions/variables",
        "GET /repos/{owner}/{repo}/actions/workflows",
        "GET /repos/{owner}/{repo}/actions/runs",
        "POST /repos/{owner}/{repo}/rulesets",
    } <= {github.find(one) for one in described}


def settings_user(hosted):
    return json.loads(hosted.requester.requestJson("GET", "/user")[2])["id"]


def test_branch_protection_of_the_classic_kind_counts_when_it_binds_administrators():
    from ftv4.clients.forge_settings import BranchRules, _by_protection, _together

    found = {
        "enforce_admins": {"enabled": True},
        "required_status_checks": {"checks": [{"context": "ftv4/verdict", "app_id": 15368}]},
        "required_pull_request_reviews": {
            "required_approving_review_count": 1,
            "require_code_owner_reviews": True,
            "dismiss_stale_reviews": True,
            "require_last_push_approval": True,
        },
        "allow_force_pushes": {"enabled": False},
        "allow_deletions": {"enabled": False},
    }
    restricted = {"update": (7,)}
    whole = BranchRules({"ftv4/verdict": 15368}, 1, True, True, True, True, True, restricted)
    by_rulesets = BranchRules({"ftv4/verdict": None}, restricted=restricted)

    assert _together(by_rulesets, _by_protection(found)) == whole
    assert _by_protection(found | {"enforce_admins": {"enabled": False}}) == BranchRules({})


def test_an_organisations_rulesets_are_not_the_repositorys_own(monkeypatch):
    from ftv4.clients.forge_settings import ForgeSettings

    listed = [{"name": "ours", "id": 1, "source_type": "Repository"}, {"name": "theirs", "id": 2}]
    listed[1]["source_type"] = "Organization"
    monkeypatch.setattr(ForgeSettings, "_all", lambda self, path: listed)
    monkeypatch.setattr(ForgeSettings, "_get", lambda self, path: {"path": path})

    assert ForgeSettings(None, NAME).rulesets() == {"ours": {"path": "/rulesets/1"}}
