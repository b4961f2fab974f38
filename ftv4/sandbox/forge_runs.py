"""Workflows of the sandbox forge, their runs, and who let a run into an environment.

Nothing here runs a workflow: who ran one says so at `POST /_sandbox/runs`, and it is shown where GitHub
would show it.
"""

import re
from pathlib import PurePosixPath
from typing import Any

from ftv4.sandbox import forge_answers as answers
from ftv4.sandbox.forge_api import Answer, Call, Endpoint, Forge, Refused, missing
from ftv4.sandbox.forge_store import Thing

WORKFLOWS = ".github/workflows"
PAGE = ("job", "summary")
"""What only a run's web page shows."""


def _workflows(call: Call) -> Answer:
    found = known_workflows(call.forge)
    count = {"total_count": len(found)}
    return call.page(found, lambda one: _workflow(call, one), lambda page: count | {"workflows": page})


def known_workflows(forge: Forge) -> list[Thing]:
    """The workflow files of the default branch, each with the id and state it keeps."""
    head = forge.git.ref(f"refs/heads/{forge.git.branch}")
    entries = forge.git.tree(head, path=f"{WORKFLOWS}/") if head else []
    paths = [
        f"{WORKFLOWS}/{PurePosixPath(entry.path).name}"
        for entry in entries
        if entry.path.endswith((".yml", ".yaml"))
    ]
    for path in paths:
        if not forge.store.of("workflow", path):
            made = {"path": path, "state": "active", "created_at": forge.now()}
            forge.store.add("workflow", path, made)
    return [one for one in forge.store.of("workflow") if one["path"] in paths]


def _found(call: Call) -> Thing:
    """The workflow of a path's last part: an id, or a file name."""
    wanted = call.where["workflow"]
    for one in known_workflows(call.forge):
        if wanted in (str(one["id"]), PurePosixPath(one["path"]).name):
            return one
    raise missing()


def _state(state: str) -> Endpoint:
    def put(call: Call) -> Answer:
        call.forge.store.put(_found(call) | {"state": state})
        return Answer(204)

    return put


def _workflow(call: Call, one: Thing) -> Thing:
    name = PurePosixPath(one["path"]).name
    return {
        **one,
        "node_id": answers.node("Workflow", one["id"]),
        "name": _name(call.forge, one["path"]),
        "updated_at": one["created_at"],
        "url": answers.api(call, f"actions/workflows/{one['id']}"),
        "html_url": answers.web(call, f"blob/{call.forge.git.branch}/{one['path']}"),
        "badge_url": answers.web(call, f"workflows/{name}/badge.svg"),
    }


def _name(forge: Forge, path: str) -> str:
    """What the file calls itself, else its path."""
    text = read(forge, path) or ""
    said = re.search(r"^name:\s*(\S.*?)\s*$", text, re.MULTILINE)
    return said[1].strip("\"'") if said else path


def read(forge: Forge, path: str) -> str | None:
    """The text of a file of the default branch."""
    entry = forge.git.entry(f"refs/heads/{forge.git.branch}", path)
    return forge.git.blob(entry.sha).decode(errors="replace") if entry else None


# runs


def record_run(forge: Forge, given: Any) -> Thing:
    """Keep a run that somebody says there was, or by its `id` how it went on. Raises Refused.

    `workflow` is a file name of main's; all else has a default: a finished run of main's head, right now.
    """
    given = given if isinstance(given, dict) else {}
    known = run(forge, given["id"]) if isinstance(given.get("id"), int) else _begun(forge, given)
    said = ("actor", "event", "status", "conclusion", *PAGE)
    fields = known | {key: given[key] for key in said if key in given}
    if "id" not in fields:
        return forge.store.add("run", fields["workflow_id"], fields)
    forge.store.put(fields)
    return fields


def _begun(forge: Forge, given: Thing) -> Thing:
    known = {PurePosixPath(one["path"]).name: one for one in known_workflows(forge)}
    workflow = known.get(str(given.get("workflow")))
    if workflow is None:
        raise Refused(422, f"no such workflow; there are {', '.join(sorted(known)) or 'none'}")
    branch = given.get("head_branch", forge.git.branch)
    head = given.get("head_sha") or forge.git.ref(f"refs/heads/{branch}")
    of = {"workflow_id": workflow["id"], "path": workflow["path"], "head_branch": branch, "head_sha": head}
    fields = {"event": "push", "status": "completed", "conclusion": "success", "actor": forge.owner}
    return {**fields, **of, "created_at": given.get("created_at") or forge.now()}


def run(forge: Forge, number: int) -> Thing:
    """One run. Raises Refused."""
    found = forge.store.one("run", number)
    if found is None:
        raise missing()
    return found


def _runs(call: Call) -> Answer:
    return _runs_page(call, call.forge.store.of("run"))


def _runs_of_workflow(call: Call) -> Answer:
    return _runs_page(call, call.forge.store.of("run", _found(call)["id"]))


def _runs_page(call: Call, runs: list[Thing]) -> Answer:
    asked = {"head_sha": "head_sha", "branch": "head_branch", "event": "event"}
    for key, field in asked.items():
        if key in call.query:
            runs = [one for one in runs if one[field] == call.query[key]]
    if "status" in call.query:
        runs = [one for one in runs if call.query["status"] in (one["status"], one["conclusion"])]
    runs = sorted(runs, key=lambda one: (one["created_at"], one["id"]), reverse=True)
    count = {"total_count": len(runs)}
    return call.page(runs, lambda one: _run(call, one), lambda page: count | {"workflow_runs": page})


def _run(call: Call, one: Thing) -> Thing:
    url, whole = answers.api(call, f"actions/runs/{one['id']}"), answers.repository(call)
    links = {f"{name}_url": f"{url}/{name}" for name in ("jobs", "logs", "cancel", "rerun", "artifacts")}
    name, person = _name(call.forge, one["path"]), answers.user(call, call.forge.user(one["actor"]))
    return {
        **{key: value for key, value in one.items() if key not in PAGE},
        **links,
        "actor": person,
        "triggering_actor": person,
        "name": name,
        "display_title": name,
        "node_id": answers.node("WorkflowRun", one["id"]),
        "run_number": one["id"],
        "run_attempt": 1,
        "url": url,
        "html_url": answers.web(call, f"actions/runs/{one['id']}"),
        "updated_at": one["created_at"],
        "run_started_at": one["created_at"],
        "check_suite_url": answers.api(call, f"check-suites/{one['id']}"),
        "workflow_url": answers.api(call, f"actions/workflows/{one['workflow_id']}"),
        "pull_requests": [],
        "head_commit": None,
        "repository": whole,
        "head_repository": whole,
    }


# approvals


def _approvals(call: Call) -> Answer:
    found = call.forge.store.of("approval", run(call.forge, call.number("id"))["id"])
    return Answer(200, [_approval(call, one) for one in found])


def _approval(call: Call, one: Thing) -> Thing:
    known = [each for each in call.forge.store.of("environment") if each["id"] in one["environments"]]
    return {
        "state": one["state"],
        "comment": one["comment"],
        "user": answers.user(call, call.forge.user(one["by"])),
        "environments": [environment(call, each) for each in known],
    }


def _review(call: Call) -> Answer:
    """Approve or reject what waits in environments; by their reviewers alone, as GitHub has it."""
    of = run(call.forge, call.number("id"))
    state, ids = call.text("state"), call.body.get("environment_ids")
    known = {one["id"]: one for one in call.forge.store.of("environment")}
    if state not in {"approved", "rejected"} or not ids or not set(ids) <= set(known):
        raise Refused(422, "Validation Failed")
    if not all(_may_review(call, of, known[number]) for number in ids):
        raise Refused(403, "You are not a required reviewer of every environment, or asked for the run")
    told = {"state": state, "comment": call.text("comment"), "by": call.user["login"], "environments": ids}
    call.forge.store.add("approval", of["id"], told)
    return Answer(200, [_deployment(call, of, known[number]) for number in ids])


def environment(call: Call, one: Thing) -> Thing:
    """An environment, without what protects it."""
    return {key: one[key] for key in ("id", "name", "created_at", "updated_at")} | {
        "node_id": answers.node("Environment", one["id"]),
        "url": answers.api(call, f"environments/{one['name']}"),
        "html_url": answers.web(call, f"deployments/{one['name']}"),
    }


def _deployment(call: Call, of: Thing, one: Thing) -> Thing:
    """What GitHub makes of a job's entry into an environment."""
    url = answers.api(call, f"deployments/{of['id']}")
    return {
        "id": of["id"],
        "node_id": answers.node("Deployment", of["id"]),
        "sha": of["head_sha"],
        "ref": of["head_branch"],
        "task": "deploy",
        "payload": {},
        "environment": one["name"],
        "description": None,
        "creator": answers.user(call, call.forge.user(of["actor"])),
        "created_at": of["created_at"],
        "updated_at": call.forge.now(),
        "url": url,
        "statuses_url": f"{url}/statuses",
        "repository_url": answers.api(call),
    }


def _may_review(call: Call, of: Thing, one: Thing) -> bool:
    named = any(each.get("id") == call.user["id"] for each in one["reviewers"])
    return named and not (one["prevent_self_review"] and call.user["login"] == of["actor"])


TABLE: list[tuple[str, str, Endpoint]] = [
    ("GET", "/actions/workflows", _workflows),
    ("GET", "/actions/workflows/{workflow}", lambda call: Answer(200, _workflow(call, _found(call)))),
    ("PUT", "/actions/workflows/{workflow}/enable", _state("active")),
    ("PUT", "/actions/workflows/{workflow}/disable", _state("disabled_manually")),
    ("GET", "/actions/workflows/{workflow}/runs", _runs_of_workflow),
    ("GET", "/actions/runs", _runs),
    (
        "GET",
        "/actions/runs/{id:int}",
        lambda call: Answer(200, _run(call, run(call.forge, call.number("id")))),
    ),
    ("GET", "/actions/runs/{id:int}/approvals", _approvals),
    ("POST", "/actions/runs/{id:int}/pending_deployments", _review),
]
"""Method, path below the repository, and handler."""
