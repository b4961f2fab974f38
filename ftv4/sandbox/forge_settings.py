"""Settings of the sandbox forge: Actions, environments, variables, code owners.

A fresh repository has GitHub's defaults.
"""

import re
from collections.abc import Callable
from urllib.parse import unquote

from ftv4.sandbox import forge_answers as answers
from ftv4.sandbox.forge_api import Answer, Call, Endpoint, Forge, Refused, invalid, missing
from ftv4.sandbox.forge_runs import environment, read
from ftv4.sandbox.forge_store import Thing

METHODS = {"merge": "allow_merge_commit", "squash": "allow_squash_merge"}
MERGING = {"allow_merge_commit": True, "allow_squash_merge": True, "allow_rebase_merge": False}
PERMISSIONS = {"enabled": True, "allowed_actions": "all", "sha_pinning_required": False}
WORKFLOW = {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": False}
SELECTED = {"github_owned_allowed": True, "verified_allowed": False, "patterns_allowed": []}
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
    kept = ("can_admins_bypass", "deployment_branch_policy")
    return environment(call, one) | {
        **{key: one[key] for key in kept},
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


# code owners


def _owner_errors(call: Call) -> Answer:
    for path in OWNERS:
        text = read(call.forge, path)
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
