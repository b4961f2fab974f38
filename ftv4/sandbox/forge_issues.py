"""What is noted on pull requests and commits: labels, comments, reviews, statuses, check runs."""

from ftv4.sandbox import forge_answers as answers
from ftv4.sandbox import forge_pulls as pulls
from ftv4.sandbox.forge_api import Answer, Call, Forge, Refused, bounded, invalid, missing
from ftv4.sandbox.forge_objects import named_commit
from ftv4.sandbox.forge_store import Thing

GREY = "ededed"

# labels


def list_labels(call: Call) -> Answer:
    """The repository's labels, by name."""
    found = sorted(call.forge.store.of("label"), key=lambda label: str(label["name"]))
    return call.page(found, lambda label: answers.label(call, label))


def create_label(call: Call) -> Answer:
    """A new label; 422 when there is one of that name."""
    name = call.text("name")
    if _label(call.forge, name):
        raise invalid("Label", "name", "already_exists")
    return Answer(201, answers.label(call, _add_label(call, name)))


def get_label(call: Call) -> Answer:
    """One label."""
    label = _label(call.forge, call.where["name"])
    if label is None:
        raise missing()
    return Answer(200, answers.label(call, label))


def _label(forge: Forge, name: str) -> Thing | None:
    return next((one for one in forge.store.of("label") if one["name"].lower() == name.lower()), None)


def _add_label(call: Call, name: str) -> Thing:
    if not 0 < len(name) <= 50:
        raise invalid("Label", "name")
    colour, description = call.body.get("color", GREY), call.body.get("description")
    return call.forge.store.add("label", name, {"name": name, "color": colour, "description": description})


def issue_labels(call: Call) -> Answer:
    """The labels on a pull request."""
    one = pulls.pull(call.forge, call.number("number"))
    return call.page(pulls.labels(call.forge, one), lambda label: answers.label(call, label))


def add_labels(call: Call) -> Answer:
    """Put labels on; those the repository hasn't are made."""
    one = pulls.pull(call.forge, call.number("number"))
    return _set_labels(call, one, [*one["labels"], *_names(call)])


def set_labels(call: Call) -> Answer:
    """Have these labels and no others."""
    return _set_labels(call, pulls.pull(call.forge, call.number("number")), _names(call))


def remove_label(call: Call) -> Answer:
    """Take one label off."""
    one = pulls.pull(call.forge, call.number("number"))
    if call.where["name"] not in one["labels"]:
        raise Refused(404, "Label does not exist")
    return _set_labels(call, one, [name for name in one["labels"] if name != call.where["name"]])


def _names(call: Call) -> list[str]:
    given = call.body.get("labels", [])
    names = [one.get("name") if isinstance(one, dict) else one for one in given]
    if not all(isinstance(name, str) for name in names):
        raise Refused(422, "Invalid request.\n\nlabels are names")
    return [_known(call, str(name)) for name in names]


def _known(call: Call, name: str) -> str:
    return str((_label(call.forge, name) or _add_label(call, name))["name"])


def _set_labels(call: Call, one: Thing, names: list[str]) -> Answer:
    fresh = {**one, "labels": list(dict.fromkeys(names)), "updated_at": call.forge.now()}
    call.forge.store.put(fresh)
    return Answer(200, [answers.label(call, label) for label in pulls.labels(call.forge, fresh)])


# comments


def list_comments(call: Call) -> Answer:
    """The conversation, oldest first."""
    one = pulls.pull(call.forge, call.number("number"))
    return call.page(
        call.forge.store.of("comment", one["number"]), lambda thing: answers.comment(call, thing)
    )


def create_comment(call: Call) -> Answer:
    """Say something."""
    one = pulls.pull(call.forge, call.number("number"))
    times = {"created_at": call.forge.now(), "updated_at": call.forge.now()}
    fields = {"number": one["number"], "user": call.user["login"], "body": _said(call), **times}
    return Answer(201, answers.comment(call, call.forge.store.add("comment", one["number"], fields)))


def _said(call: Call) -> str:
    body = bounded(call.text("body"), "body")
    if not body.strip():
        raise invalid("IssueComment", "data", "missing_field", "Body can't be blank")
    return body


def _comment(call: Call) -> Thing:
    found = call.forge.store.one("comment", call.number("id"))
    if found is None:
        raise missing()
    return found


def get_comment(call: Call) -> Answer:
    """One comment."""
    return Answer(200, answers.comment(call, _comment(call)))


def edit_comment(call: Call) -> Answer:
    """Say it differently."""
    fresh = {**_comment(call), "body": _said(call), "updated_at": call.forge.now()}
    call.forge.store.put(fresh)
    return Answer(200, answers.comment(call, fresh))


def delete_comment(call: Call) -> Answer:
    """Take it back."""
    call.forge.store.drop(_comment(call))
    return Answer(204)


# reviews

EVENTS = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


def create_review(call: Call) -> Answer:
    """Approve, ask for changes, or comment; nobody approves their own."""
    forge, one = call.forge, pulls.pull(call.forge, call.number("number"))
    event, body = call.text("event", "COMMENT"), bounded(call.text("body", ""), "body")
    if event not in EVENTS or (event != "APPROVE" and not body):
        raise Refused(
            422, "Unprocessable Entity", [f"event is one of {', '.join(EVENTS)}; all but APPROVE need a body"]
        )
    if event != "COMMENT" and call.user["login"] == one["user"]:
        what = "approve" if event == "APPROVE" else "request changes on"
        raise Refused(422, "Unprocessable Entity", [f"Can not {what} your own pull request"])
    commit_id = call.text("commit_id", one["head_sha"])
    fields: Thing = {"number": one["number"], "user": call.user["login"], "body": body}
    fields |= {"state": EVENTS[event], "commit_id": commit_id, "submitted_at": forge.now()}
    return Answer(200, answers.review(call, forge.store.add("review", one["number"], fields)))


def list_reviews(call: Call) -> Answer:
    """Reviews, oldest first."""
    one = pulls.pull(call.forge, call.number("number"))
    return call.page(call.forge.store.of("review", one["number"]), lambda thing: answers.review(call, thing))


def list_line_comments(call: Call) -> Answer:
    """Comments on lines: the sandbox keeps none."""
    pulls.pull(call.forge, call.number("number"))
    return Answer(200, [])


# commit statuses

STATES = ("error", "failure", "pending", "success")


def create_status(call: Call) -> Answer:
    """Set a commit's status in a context; the last one of a context counts."""
    sha, state = call.where["sha"], call.text("state")
    call.forge.commit(sha)
    description = call.body.get("description")
    if state not in STATES:
        raise invalid("Status", "state", "custom", f"state is one of {', '.join(STATES)}")
    if description is not None and len(description) > 140:
        raise invalid(
            "Status", "description", "custom", "description is too long (maximum is 140 characters)"
        )
    fields = {
        "sha": sha,
        "state": state,
        "description": description,
        "target_url": call.body.get("target_url"),
        "context": call.text("context", "default"),
        "user": call.user["login"],
        "created_at": call.forge.now(),
    }
    return Answer(201, _with_creator(call, call.forge.store.add("status", sha, fields)))


def _with_creator(call: Call, thing: Thing) -> Thing:
    return answers.status(call, thing) | {"creator": answers.user(call, call.forge.user(thing["user"]))}


def list_statuses(call: Call) -> Answer:
    """All statuses a commit was given, newest first."""
    found = call.forge.store.of("status", named_commit(call).sha)
    return call.page(found[::-1], lambda thing: _with_creator(call, thing))


def combined_status(call: Call) -> Answer:
    """A commit's statuses, one a context, and what they come to."""
    sha = named_commit(call).sha
    latest = statuses(call.forge, sha)
    facts = {
        "state": combined([thing["state"] for thing in latest]),
        "sha": sha,
        "total_count": len(latest),
        "repository": answers.repository(call),
        "commit_url": answers.api(call, f"commits/{sha}"),
        "url": answers.api(call, f"commits/{sha}/status"),
    }
    return call.page(
        latest, lambda thing: answers.status(call, thing), lambda page: facts | {"statuses": page}
    )


def statuses(forge: Forge, sha: str) -> list[Thing]:
    """The last status of each context."""
    return list({thing["context"]: thing for thing in forge.store.of("status", sha)}.values())


def combined(states: list[str]) -> str:
    """One state for several."""
    if {"error", "failure"} & set(states):
        return "failure"
    return "pending" if "pending" in states or not states else "success"


# check runs

_CHECK = ("external_id", "details_url", "started_at", "completed_at", "conclusion")
CONCLUSIONS = ("success", "failure", "neutral", "cancelled", "skipped", "timed_out", "action_required")
MOST_ANNOTATIONS = 50


def create_check(call: Call) -> Answer:
    """A check run on a commit."""
    sha = call.text("head_sha")
    call.forge.commit(sha)
    blank = dict.fromkeys(_CHECK) | {"output": None, "status": "queued", "started_at": call.forge.now()}
    fresh = _changed(call, {**blank, "name": call.text("name"), "head_sha": sha})
    return Answer(201, answers.check_run(call, call.forge.store.add("check", sha, fresh)))


def update_check(call: Call) -> Answer:
    """Carry a check run on; annotations add up."""
    fresh = _changed(call, _check(call))
    call.forge.store.put(fresh)
    return Answer(200, answers.check_run(call, fresh))


def _changed(call: Call, check: Thing) -> Thing:
    body, output = call.body, call.body.get("output")
    given = {key: body[key] for key in (*_CHECK, "name", "status") if body.get(key) is not None}
    fresh = {**check, **given}
    if fresh["conclusion"] is not None:
        if fresh["conclusion"] not in CONCLUSIONS:
            raise invalid("CheckRun", "conclusion")
        fresh |= {"status": "completed", "completed_at": fresh["completed_at"] or call.forge.now()}
    if output:
        fresh["output"] = _output(check["output"] or {}, output)
    return fresh


def _output(before: Thing, given: Thing) -> Thing:
    annotations = given.get("annotations", [])
    if len(annotations) > MOST_ANNOTATIONS:
        raise invalid(
            "CheckRun", "annotations", "custom", f"at most {MOST_ANNOTATIONS} annotations a request"
        )
    for key in ("summary", "text"):
        bounded(given.get(key) or "", key)
    return {**before, **given, "annotations": [*before.get("annotations", []), *annotations]}


def _check(call: Call) -> Thing:
    found = call.forge.store.one("check", call.number("id"))
    if found is None:
        raise missing()
    return found


def get_check(call: Call) -> Answer:
    """One check run."""
    return Answer(200, answers.check_run(call, _check(call)))


def check_annotations(call: Call) -> Answer:
    """A check run's annotations."""
    return call.page((_check(call)["output"] or {}).get("annotations", []), lambda note: note)


def list_checks(call: Call) -> Answer:
    """A commit's check runs; of one name, the last."""
    found = checks(call.forge, named_commit(call).sha)
    wanted = [one for one in found if call.query.get("check_name", one["name"]) == one["name"]]
    total = {"total_count": len(wanted)}
    return call.page(
        wanted, lambda one: answers.check_run(call, one), lambda page: total | {"check_runs": page}
    )


def checks(forge: Forge, sha: str) -> list[Thing]:
    """The last check run of each name."""
    return list({one["name"]: one for one in forge.store.of("check", sha)}.values())
