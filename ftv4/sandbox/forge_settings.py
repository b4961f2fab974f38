"""Settings of the sandbox forge: Actions, environments, variables, workflows and their runs, code owners.

A fresh repository has GitHub's defaults. Nothing here runs a workflow: who ran one says so at
`POST /_sandbox/runs`, and it is shown where GitHub would show it.
"""

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from ftv4.sandbox import forge_answers as answers
from ftv4.sandbox.forge_api import Answer, Call, Endpoint, Forge, Refused, invalid, missing
from ftv4.sandbox.forge_store import Thing

METHODS = {"merge": "allow_merge_commit", "squash": "allow_squash_merge"}
MERGING = {"allow_merge_commit": True, "allow_squash_merge": True, "allow_rebase_merge": False}
PERMISSIONS = {"enabled": True, "allowed_actions": "all", "sha_pinning_required": False}
WORKFLOW = {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": False}
SELECTED = {"github_owned_allowed": True, "verified_allowed": False, "patterns_allowed": []}
WORKFLOWS = ".github/workflows"
PAGE = ("job", "summary")
"""What only a run's web page shows."""
OWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")


# one thing of its kind


def setting(forge: Forge, kind: str, default: Thing) -> Thing:
    """What is set, or GitHub's default."""
    found = forge.store.of(f"setting {kind}")
    return default | {key: value for key, value in (found[0] if found else {}).items() if key != "id"}


def _set(forge: Forge, kind: str, fields: Thing) -> None:
    for old in forge.store.of(f"setting {kind}"):
        forge.store.drop(old)
    forge.store.add(f"setting {kind}", "", fields)


def _shows(kind: str, default: Thing) -> Endpoint:
    return lambda call: Answer(200, setting(call.forge, kind, default))


def _sets(kind: str, default: Thing) -> Endpoint:
    def put(call: Call) -> Answer:
        asked = {key: value for key, value in call.body.items() if key in default}
        _set(call.forge, kind, setting(call.forge, kind, default) | asked)
        return Answer(204)

    return put


def _selected(call: Call) -> Answer:
    if setting(call.forge, "actions", PERMISSIONS)["allowed_actions"] != "selected":
        raise Refused(409, "Conflict")
    return Answer(200, setting(call.forge, "selected", SELECTED))


def repository(call: Call) -> Answer:
    """The repository, as its merge settings stand."""
    return Answer(200, answers.repository(call) | setting(call.forge, "merging", MERGING))


def may_merge_by(forge: Forge, method: str) -> bool:
    """Whether pull requests may be merged so; this forge can't rebase."""
    return method in METHODS and bool(setting(forge, "merging", MERGING)[METHODS[method]])


def edit_repository(call: Call) -> Answer:
    """Change how pull requests may be merged."""
    _sets("merging", MERGING)(call)
    return repository(call)


# environments


def _environment(call: Call) -> Thing:
    name = unquote(call.where["name"])
    found = call.forge.store.of("environment", name)
    if not found:
        raise missing()
    return found[0]


def _environments(call: Call) -> Answer:
    found = call.forge.store.of("environment")
    count = {"total_count": len(found)}
    return call.page(found, lambda one: _shown(call, one), lambda page: count | {"environments": page})


def _get_environment(call: Call) -> Answer:
    return Answer(200, _shown(call, _environment(call)))


def _put_environment(call: Call) -> Answer:
    name = unquote(call.where["name"])
    policy = call.body.get("deployment_branch_policy")
    if policy is not None and policy.get("protected_branches") == policy.get("custom_branch_policies"):
        raise invalid("Environment", "deployment_branch_policy")
    reviewers = call.body.get("reviewers") or []
    if len(reviewers) > 6:
        raise invalid("Environment", "reviewers")
    asked = {
        "name": name,
        "wait_timer": call.body.get("wait_timer", 0),
        "prevent_self_review": call.body.get("prevent_self_review", False),
        "can_admins_bypass": call.body.get("can_admins_bypass", True),
        "reviewers": reviewers,
        "deployment_branch_policy": policy,
        "updated_at": call.forge.now(),
    }
    before = call.forge.store.of("environment", name)
    if before:
        call.forge.store.put(before[0] | asked)
    else:
        fresh: Thing = {"branches": [], "secrets": [], "created_at": call.forge.now()}
        call.forge.store.add("environment", name, fresh | asked)
    return _get_environment(call)


def _drop_environment(call: Call) -> Answer:
    call.forge.store.drop(_environment(call))
    return Answer(204)


def _shown(call: Call, one: Thing) -> Thing:
    kept = ("id", "name", "created_at", "updated_at", "can_admins_bypass", "deployment_branch_policy")
    return {key: one[key] for key in kept} | {
        "node_id": answers.node("Environment", one["id"]),
        "url": answers.api(call, f"environments/{one['name']}"),
        "html_url": answers.web(call, f"deployments/{one['name']}"),
        "protection_rules": [
            {"id": one["id"] * 10 + place, "node_id": answers.node("GATE", place), **rule}
            for place, rule in enumerate(_protection(call, one))
        ],
    }


def _protection(call: Call, one: Thing) -> list[Thing]:
    rules: list[Thing] = []
    if one["wait_timer"]:
        rules.append({"type": "wait_timer", "wait_timer": one["wait_timer"]})
    if one["reviewers"]:
        people = [_reviewer(call, each) for each in one["reviewers"]]
        by = {"prevent_self_review": one["prevent_self_review"], "reviewers": people}
        rules.append({"type": "required_reviewers", **by})
    if one["deployment_branch_policy"]:
        rules.append({"type": "branch_policy"})
    return rules


def _reviewer(call: Call, asked: Thing) -> Thing:
    found = call.forge.store.one("user", asked.get("id", 0))
    if found is None or asked.get("type") != "User":  # this forge has no teams
        raise invalid("Environment", "reviewers")
    return {"type": "User", "reviewer": answers.user(call, found)}


def _branches(call: Call) -> Answer:
    found = _environment(call)["branches"]
    count = {"total_count": len(found)}
    return call.page(found, dict, lambda page: count | {"branch_policies": page})


def _add_branch(call: Call) -> Answer:
    one = _environment(call)
    policy = one["deployment_branch_policy"] or {}
    if not policy.get("custom_branch_policies"):
        raise Refused(404, "Not Found")
    number = len(one["branches"]) + 1
    fresh = {"name": call.text("name"), "type": call.text("type", "branch")}
    branch = {"id": number, "node_id": answers.node("GateBranchPolicy", number), **fresh}
    call.forge.store.put(one | {"branches": [*one["branches"], branch]})
    return Answer(200, branch)


# names


def _nowhere(call: Call) -> str:
    return ""


def _of_environment(call: Call) -> str:
    return str(_environment(call)["name"])


def _lists(kind: str, about: Callable[[Call], str]) -> Endpoint:
    return lambda call: _listed(call, kind, about(call), f"{kind}s")


def _listed(call: Call, kind: str, about: str, key: str) -> Answer:
    found = call.forge.store.of(kind, about)
    count = {"total_count": len(found)}
    return call.page(
        found,
        lambda one: {name: value for name, value in one.items() if name != "id"},
        lambda page: count | {key: page},
    )


def _put_secret(about: Callable[[Call], str]) -> Endpoint:
    def put(call: Call) -> Answer:
        name, times = call.where["secret"], dict.fromkeys(("created_at", "updated_at"), call.forge.now())
        if not any(one["name"] == name for one in call.forge.store.of("secret", about(call))):
            call.forge.store.add("secret", about(call), {"name": name, **times})
        return Answer(201)

    return put


def _create_variable(about: Callable[[Call], str]) -> Endpoint:
    def create(call: Call) -> Answer:
        name, times = call.text("name"), dict.fromkeys(("created_at", "updated_at"), call.forge.now())
        if any(one["name"] == name for one in call.forge.store.of("variable", about(call))):
            raise Refused(409, "Already exists - Variable already exists")
        call.forge.store.add("variable", about(call), {"name": name, "value": call.text("value"), **times})
        return Answer(201)

    return create


# workflows


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
    text = _file(forge, path) or ""
    said = re.search(r"^name:\s*(\S.*?)\s*$", text, re.MULTILINE)
    return said[1].strip("\"'") if said else path


def _file(forge: Forge, path: str) -> str | None:
    entry = forge.git.entry(f"refs/heads/{forge.git.branch}", path)
    return forge.git.blob(entry.sha).decode(errors="replace") if entry else None


# runs


def record_run(forge: Forge, given: Any) -> Thing:
    """Keep a run that somebody says there was, or by its `id` how it went on. Raises Refused.

    `workflow` is a file name of main's; all else has a default: a finished run of main's head, right now.
    """
    given = given if isinstance(given, dict) else {}
    known = run(forge, given["id"]) if isinstance(given.get("id"), int) else _begun(forge, given)
    said = ("event", "status", "conclusion", *PAGE)
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
    fields = {"event": "push", "status": "completed", "conclusion": "success"}
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
    name = _name(call.forge, one["path"])
    return {
        **{key: value for key, value in one.items() if key not in PAGE},
        **links,
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


# code owners


def _owner_errors(call: Call) -> Answer:
    for path in OWNERS:
        text = _file(call.forge, path)
        if text is not None:
            return Answer(200, {"errors": list(_errors(call.forge, path, text))})
    raise missing()


def _errors(forge: Forge, path: str, text: str) -> list[Thing]:
    people = {one["login"] for one in forge.store.of("user")}
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        for owner in line.partition("#")[0].split()[1:]:
            if not re.fullmatch(r"@[\w-]+(/[\w.-]+)?|[^@\s]+@[^@\s]+", owner):
                kind = "Invalid owner"
            elif owner.startswith("@") and owner[1:] not in people:
                kind = "Unknown owner"
            else:
                continue
            column = line.index(owner) + 1
            where = {"line": number, "column": column, "source": line, "path": path, "suggestion": None}
            found.append({**where, "kind": kind, "message": f"{kind} on line {number}:\n\n  {line}\n"})
    return found


TABLE: list[tuple[str, str, Endpoint]] = [
    ("PATCH", "", edit_repository),
    ("GET", "/codeowners/errors", _owner_errors),
    ("GET", "/actions/permissions", _shows("actions", PERMISSIONS)),
    ("PUT", "/actions/permissions", _sets("actions", PERMISSIONS)),
    ("GET", "/actions/permissions/workflow", _shows("workflow", WORKFLOW)),
    ("PUT", "/actions/permissions/workflow", _sets("workflow", WORKFLOW)),
    ("GET", "/actions/permissions/selected-actions", _selected),
    ("PUT", "/actions/permissions/selected-actions", _sets("selected", SELECTED)),
    ("GET", "/actions/variables", _lists("variable", _nowhere)),
    ("POST", "/actions/variables", _create_variable(_nowhere)),
    ("GET", "/actions/secrets", _lists("secret", _nowhere)),
    ("PUT", "/actions/secrets/{secret}", _put_secret(_nowhere)),
    ("GET", "/actions/workflows", _workflows),
    ("GET", "/actions/workflows/{workflow}", lambda call: Answer(200, _workflow(call, _found(call)))),
    ("PUT", "/actions/workflows/{workflow}/enable", _state("active")),
    ("PUT", "/actions/workflows/{workflow}/disable", _state("disabled_manually")),
    ("GET", "/actions/workflows/{workflow}/runs", _runs_of_workflow),
    ("GET", "/actions/runs", _runs),
    ("GET", "/environments", _environments),
    ("GET", "/environments/{name}", _get_environment),
    ("PUT", "/environments/{name}", _put_environment),
    ("DELETE", "/environments/{name}", _drop_environment),
    ("GET", "/environments/{name}/deployment-branch-policies", _branches),
    ("POST", "/environments/{name}/deployment-branch-policies", _add_branch),
    ("GET", "/environments/{name}/secrets", _lists("secret", _of_environment)),
    ("PUT", "/environments/{name}/secrets/{secret}", _put_secret(_of_environment)),
    ("GET", "/environments/{name}/variables", _lists("variable", _of_environment)),
    ("POST", "/environments/{name}/variables", _create_variable(_of_environment)),
]
"""Method, path below the repository, and handler."""
