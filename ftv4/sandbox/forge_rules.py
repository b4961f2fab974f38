"""Rulesets of the sandbox forge: kept and shown as GitHub does, and held where ftv4 leans on them.

Held are: a status that a merge needs, the source it is expected from, and branches that are not created,
updated, deleted or rewritten, by API or by push, but by an app that may bypass the ruleset. An app is who
has a login that ends in `bot`, and its id is that user's. Other rules and bypasses are only shown.
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from ftv4.sandbox import forge_answers as answers
from ftv4.sandbox.forge_api import Answer, Call, Endpoint, Forge, Refused, invalid, missing
from ftv4.sandbox.forge_store import Thing

KINDS = frozenset({
    "creation", "update", "deletion", "required_linear_history", "merge_queue", "required_deployments",
    "required_signatures", "pull_request", "required_status_checks", "non_fast_forward",
})  # fmt: skip
ENFORCEMENT = frozenset({"active", "evaluate", "disabled"})
HELD = {
    "creation": "Cannot create ref due to creations being restricted.",
    "update": "Cannot update this protected ref.",
    "deletion": "Cannot delete this branch",
    "non_fast_forward": "Cannot force-push to this branch",
}
RULES = "ftv4-rules"
"""File of the bare repository that its hook reads: a rule, a pattern of refs, and who passes, a line."""
HOOK = f"""#!/bin/sh
refuse() {{ echo "$1" >&2; exit 1; }}
here() {{ [ -n "${{1##0000000*}}" ]; }}
while read -r rule pattern passing; do
  case "$1" in $pattern) ;; *) continue ;; esac
  case " $passing " in *" ${{REMOTE_USER:--}} "*) continue ;; esac
  case "$rule" in
    creation) here "$2" || refuse "{HELD["creation"]}" ;;
    update) here "$2" && here "$3" && refuse "{HELD["update"]}" ;;
    deletion) here "$3" || refuse "{HELD["deletion"]}" ;;
    non_fast_forward)
      here "$2" && here "$3" || continue
      git merge-base --is-ancestor "$2" "$3" || refuse "{HELD["non_fast_forward"]}" ;;
  esac
done < "${{GIT_DIR:-.}}/{RULES}"
exit 0
"""


# shown


def list_rulesets(call: Call) -> Answer:
    """Every ruleset, without its rules."""
    short = ("conditions", "rules", "bypass_actors", "current_user_can_bypass")
    return call.page(
        call.forge.store.of("ruleset"),
        lambda one: {key: value for key, value in _shown(call, one).items() if key not in short},
    )


def get_ruleset(call: Call) -> Answer:
    """One ruleset, whole."""
    return Answer(200, _shown(call, _ruleset(call)))


def branch_rules(call: Call) -> Answer:
    """The rules that hold for a branch, each with the ruleset it is of; the branch need not exist."""
    found = list(_rules_of(call.forge, f"refs/heads/{call.where['branch']}"))
    return call.page(found, lambda pair: pair[1] | _origin(call, pair[0]))


def _origin(call: Call, ruleset: Thing) -> Thing:
    of = {"ruleset_source_type": "Repository", "ruleset_source": call.forge.full_name}
    return {**of, "ruleset_id": ruleset["id"]}


def no_protection(call: Call) -> Answer:
    """Branch protection of the classic kind, which no branch here has."""
    raise Refused(404, "Branch not protected")


def _ruleset(call: Call) -> Thing:
    found = call.forge.store.one("ruleset", call.number("id"))
    if found is None:
        raise missing()
    return found


def _shown(call: Call, one: Thing) -> Thing:
    link = answers.api(call, f"rulesets/{one['id']}")
    return {
        **one,
        "source_type": "Repository",
        "source": call.forge.full_name,
        "current_user_can_bypass": "always" if _passes(one, call.user) else "never",
        "node_id": answers.node("RepositoryRuleset", one["id"]),
        "_links": {"self": {"href": link}, "html": {"href": answers.web(call, f"rules/{one['id']}")}},
    }


# set


def create_ruleset(call: Call) -> Answer:
    """A new ruleset."""
    now = call.forge.now()
    one = call.forge.store.add("ruleset", call.text("name"), _asked(call, {}) | {"created_at": now})
    _enforce(call.forge)
    return Answer(201, _shown(call, one))


def update_ruleset(call: Call) -> Answer:
    """Another wording of a ruleset; what isn't said stays."""
    before = _ruleset(call)
    one = before | _asked(call, before)
    call.forge.store.put(one)
    _enforce(call.forge)
    return Answer(200, _shown(call, one))


def delete_ruleset(call: Call) -> Answer:
    """A ruleset no more."""
    call.forge.store.drop(_ruleset(call))
    _enforce(call.forge)
    return Answer(204)


def _asked(call: Call, before: Thing) -> Thing:
    everywhere: Thing = {"ref_name": {"include": [], "exclude": []}}
    rules = call.body.get("rules", before.get("rules", [])) or []
    for rule in rules:
        _check(rule)
    actors = call.body.get("bypass_actors", before.get("bypass_actors", []))
    for actor in actors or []:
        _check_actor(call.forge, actor)
    name = call.text("name", before.get("name"))
    if any(one["name"] == name and one["id"] != before.get("id") for one in call.forge.store.of("ruleset")):
        raise invalid("Ruleset", "name", "custom", "Name must be unique")
    enforcement = call.text("enforcement", before.get("enforcement"))
    if enforcement not in ENFORCEMENT:
        raise invalid("Ruleset", "enforcement")
    return {
        "name": name,
        "target": call.text("target", before.get("target", "branch")),
        "enforcement": enforcement,
        "bypass_actors": actors,
        "conditions": call.body.get("conditions", before.get("conditions", everywhere)),
        "rules": rules,
        "updated_at": call.forge.now(),
    }


def _check(rule: Any) -> None:
    if not isinstance(rule, dict) or rule.get("type") not in KINDS:
        raise invalid("Ruleset", "rules")


def _check_actor(forge: Forge, actor: Thing) -> None:
    app = actor.get("actor_type") == "Integration"
    if app and not is_app(forge.store.one("user", actor.get("actor_id", 0))):
        message = "Actor integration must be part of the ruleset source or owner organization"
        raise Refused(422, "Validation Failed", [message])


# held


def is_app(user: Thing | None) -> bool:
    """Whether somebody known here is an app and no person."""
    return user is not None and str(user["login"]).endswith("bot")


def _passes(ruleset: Thing, user: Thing) -> bool:
    """Whether somebody is an app that a ruleset holds nothing against."""
    actors = ruleset["bypass_actors"] or []
    ids = {one["actor_id"] for one in actors if one.get("actor_type") == "Integration"}
    return user["id"] in ids


def _rules_of(forge: Forge, ref: str) -> Iterator[tuple[Thing, Thing]]:
    """The active rulesets' rules for a ref."""
    for ruleset in forge.store.of("ruleset"):
        if ruleset["enforcement"] == "active" and _covers(forge, ruleset, ref):
            yield from ((ruleset, rule) for rule in ruleset["rules"])


def _covers(forge: Forge, ruleset: Thing, ref: str) -> bool:
    named = ruleset["conditions"]["ref_name"]
    included, excluded = (_patterns(forge, named.get(key, [])) for key in ("include", "exclude"))
    return any(fnmatchcase(ref, one) for one in included) and not any(
        fnmatchcase(ref, one) for one in excluded
    )


def _patterns(forge: Forge, names: list[str]) -> list[str]:
    known = {"~ALL": "refs/heads/*", "~DEFAULT_BRANCH": f"refs/heads/{forge.git.branch}"}
    return [known.get(name, name) for name in names]


def keep_refs(call: Call, ref: str, now: str | None, then: str | None) -> None:
    """Refuse to create (`now` is None), move or delete (`then` is None) a ref that a ruleset keeps.

    Raises Refused.
    """
    kinds = {rule["type"] for ruleset, rule in _rules_of(call.forge, ref) if not _passes(ruleset, call.user)}
    for broken in _done_to(call.forge, now, then):
        if broken in kinds:
            raise Refused(422, f"Repository rule violations found\n\n{HELD[broken]}\n\n")


def _done_to(forge: Forge, now: str | None, then: str | None) -> Iterator[str]:
    """The kinds of rules that such a move would break."""
    if now is None or then is None:
        yield "creation" if now is None else "deletion"
        return
    yield "update"
    if not forge.git.is_ancestor(now, then):
        yield "non_fast_forward"


def check_statuses(forge: Forge, branch: str, head: str) -> None:
    """Refuse a merge into a branch whose rulesets need a status that the head lacks. Raises Refused."""
    for _, rule in _rules_of(forge, f"refs/heads/{branch}"):
        if rule["type"] == "required_status_checks":
            for needed in rule["parameters"]["required_status_checks"]:
                _check_status(forge, head, needed)


def _check_status(forge: Forge, head: str, needed: Thing) -> None:
    """One status; with an expected source, a person's own status says nothing: people are no apps."""
    context, by_app = needed["context"], needed.get("integration_id") is not None
    said = [one for one in forge.store.of("status", head) if one["context"] == context]
    counted = [one["state"] for one in said if not by_app or one["user"].endswith("bot")]
    checks = [one for one in forge.store.of("check", head) if one["name"] == context]
    if (counted[-1:] or [one["conclusion"] for one in checks[-1:]]) != ["success"]:
        told = f'Required status check "{context}" is expected.'
        raise Refused(405, f"Repository rule violations found\n\n{told}\n\n")


def _enforce(forge: Forge) -> None:
    """Tell git's hook what to refuse of a push."""
    lines = [
        " ".join([rule["type"], pattern, *_passing(forge, one)]) + "\n"
        for one in forge.store.of("ruleset")
        if one["enforcement"] == "active"
        for rule in one["rules"]
        if rule["type"] in HELD
        for pattern in _patterns(forge, one["conditions"]["ref_name"].get("include", []))
        if re.fullmatch(r"refs/[\w./*-]+", pattern)
    ]
    folder = forge.git.folder
    (folder / RULES).write_text("".join(lines))
    hook = folder / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK)
    hook.chmod(0o755)


def _passing(forge: Forge, ruleset: Thing) -> list[str]:
    """The logins of those who may bypass a ruleset."""
    return [user["login"] for user in forge.store.of("user") if _passes(ruleset, user)]


TABLE: list[tuple[str, str, Endpoint]] = [
    ("GET", "/rulesets", list_rulesets),
    ("POST", "/rulesets", create_ruleset),
    ("GET", "/rulesets/{id:int}", get_ruleset),
    ("PUT", "/rulesets/{id:int}", update_ruleset),
    ("DELETE", "/rulesets/{id:int}", delete_ruleset),
    ("GET", "/rules/branches/{branch:path}", branch_rules),
    ("GET", "/branches/{branch:path}/protection", no_protection),
]
"""Method, path below the repository, and handler."""
