"""The forge's pull requests: opening, editing, listing and merging them."""

from collections.abc import Sequence

from ftv4.sandbox import forge_answers as answers
from ftv4.sandbox.forge_api import Answer, Call, Forge, Refused, bounded, invalid, missing
from ftv4.sandbox.forge_git import Change, Commit, GitRefused
from ftv4.sandbox.forge_objects import commits_page
from ftv4.sandbox.forge_rules import check_statuses, keep_refs
from ftv4.sandbox.forge_settings import may_merge_by
from ftv4.sandbox.forge_store import Thing

MOST_FILES = 3000
"""The forge lists no more files of one pull request (as GitHub)."""
LONGEST_TITLE = 256


# what a pull request is now


def pulls(forge: Forge) -> list[Thing]:
    """All pull requests, brought up to date with git, oldest first."""
    return [_current(forge, pull) for pull in forge.store.of("pull")]


def pull(forge: Forge, number: int) -> Thing:
    """One pull request. Raises Refused."""
    found = forge.store.of("pull", number)
    if not found:
        raise missing()
    return _current(forge, found[0])


def _current(forge: Forge, one: Thing) -> Thing:
    """An open pull request follows its branch; it closes when the branch goes."""
    if one["state"] == "closed":
        return one
    sha = forge.git.ref(_ref(forge, _owner(forge, one), one["head"]))
    if sha == one["head_sha"]:
        return one
    changed = {"state": "closed", "closed_at": forge.now()} if sha is None else {"head_sha": sha}
    fresh = {**one, **changed, "updated_at": forge.now()}
    _keep(forge, fresh)
    return fresh


def _owner(forge: Forge, one: Thing) -> str:
    """Whose repository the branch is in: somebody's fork, or ours."""
    return str(one.get("fork") or forge.owner)


def _ref(forge: Forge, owner: str, branch: str) -> str:
    """Where a branch is; a fork's is below `refs/forks/<login>/`, as forks share their objects."""
    return f"refs/heads/{branch}" if owner == forge.owner else f"refs/forks/{owner}/{branch}"


def _keep(forge: Forge, one: Thing) -> None:
    forge.store.put(one)
    forge.git.set_ref(f"refs/pull/{one['number']}/head", one["head_sha"])


def base_sha(forge: Forge, one: Thing) -> str:
    """Where the base stands, for a closed pull request where it stood."""
    now = forge.git.ref(f"refs/heads/{one['base']}") if one["state"] == "open" else None
    return now or str(one["base_sha"])


def changes(forge: Forge, one: Thing) -> list[Change]:
    """The files a pull request changes, from where its branch left the base."""
    fork = forge.git.merge_base(base_sha(forge, one), one["head_sha"])
    return forge.git.changes(fork, one["head_sha"])[:MOST_FILES] if fork else []


def commits(forge: Forge, one: Thing) -> list[Commit]:
    """The commits a pull request would bring, oldest first."""
    shas = forge.git.history(one["head_sha"], f"^{base_sha(forge, one)}")
    return forge.git.commits(shas[::-1])


def conflicts(forge: Forge, one: Thing) -> Sequence[str]:
    """The files that keep an open pull request from being merged."""
    return forge.git.merge(base_sha(forge, one), one["head_sha"]).conflicts


def labels(forge: Forge, one: Thing) -> list[Thing]:
    """The labels on a pull request, by name."""
    known = {label["name"]: label for label in forge.store.of("label")}
    return [known[name] for name in sorted(one["labels"]) if name in known]


# shapes


def simple(call: Call, one: Thing) -> Thing:
    """A pull request as a list shows it."""
    number, url = one["number"], answers.api(call, f"pulls/{one['number']}")
    issue, page = answers.api(call, f"issues/{number}"), answers.web(call, f"pull/{number}")
    links = {
        "self": url,
        "html": page,
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": answers.api(call, "pulls/comments{/number}"),
        "commits": f"{url}/commits",
        "statuses": answers.api(call, f"statuses/{one['head_sha']}"),
    }
    times = ("created_at", "updated_at", "closed_at", "merged_at", "merge_commit_sha")
    return {
        "url": url,
        "id": one["id"],
        "node_id": answers.node("PullRequest", one["id"]),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue,
        **{
            f"{name}_url": links[name]
            for name in ("commits", "review_comments", "review_comment", "comments")
        },
        "statuses_url": links["statuses"],
        "number": number,
        "state": one["state"],
        "locked": False,
        "title": one["title"],
        "user": answers.user(call, call.forge.user(one["user"])),
        "body": one["body"],
        "labels": [answers.label(call, label) for label in labels(call.forge, one)],
        "milestone": None,
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        **{key: one[key] for key in times},
        "draft": one["draft"],
        "head": _end(call, _owner(call.forge, one), one["head"], one["head_sha"]),
        "base": _end(call, call.forge.owner, one["base"], base_sha(call.forge, one)),
        "_links": {name: {"href": link} for name, link in links.items()},
        "author_association": answers.association(call, one["user"]),
        "auto_merge": None,
    }


def _end(call: Call, owner: str, branch: str, sha: str) -> Thing:
    user, repository = answers.user(call, call.forge.user(owner)), answers.repository(call)
    if owner != call.forge.owner:
        name = f"{owner}/{call.forge.name}"
        repository |= {"id": 1_000_000 + user["id"], "owner": user, "full_name": name, "fork": True}
    return {"label": f"{owner}:{branch}", "ref": branch, "sha": sha, "user": user, "repo": repository}


def full(call: Call, one: Thing) -> Thing:
    """A pull request by itself: with its size, and whether it can be merged."""
    files, forge = changes(call.forge, one), call.forge
    mergeable = None if one["state"] == "closed" else not conflicts(forge, one)
    merged_by = answers.user(call, forge.user(one["merged_by"])) if one["merged_by"] else None
    return simple(call, one) | {
        "merged": one["merged_at"] is not None,
        "mergeable": mergeable,
        "mergeable_state": _merge_state(one, mergeable),
        "rebaseable": False,
        "merged_by": merged_by,
        "comments": len(forge.store.of("comment", one["number"])),
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": len(commits(forge, one)),
        "additions": sum(change.additions for change in files),
        "deletions": sum(change.deletions for change in files),
        "changed_files": len(files),
    }


def _merge_state(one: Thing, mergeable: bool | None) -> str:
    if mergeable is None:
        return "unknown"
    if not mergeable:
        return "dirty"
    return "draft" if one["draft"] else "clean"


# endpoints


def list_pulls(call: Call) -> Answer:
    """Pull requests by state, head and base; newest first."""
    query = call.query
    found = [one for one in pulls(call.forge) if _wanted(call, one)]
    oldest_first = (
        query.get("direction", "asc" if query.get("sort", "created") != "created" else "desc") == "asc"
    )
    key = "updated_at" if query.get("sort") == "updated" else "number"
    found.sort(key=lambda one: one[key], reverse=not oldest_first)
    return call.page(found, lambda one: simple(call, one))


def _wanted(call: Call, one: Thing) -> bool:
    head, base = call.query.get("head", ""), call.query.get("base", "")
    state = call.query.get("state", "open")
    # GitHub passes over a head that doesn't name its owner.
    return (
        state in {one["state"], "all"}
        and (":" not in head or head == f"{_owner(call.forge, one)}:{one['head']}")
        and base in {"", one["base"]}
    )


def create_pull(call: Call) -> Answer:
    """Open a pull request; 422 when the branch has one open, or nothing to merge."""
    forge, base = call.forge, call.text("base")
    owner, _, head = call.text("head").rpartition(":")
    owner = owner or forge.owner
    title, body = _title(call.text("title")), bounded(call.text("body", ""), "body")
    head_sha, onto = forge.git.ref(_ref(forge, owner, head)), forge.git.ref(f"refs/heads/{base}")
    if onto is None or head_sha is None:
        raise invalid("PullRequest", "base" if onto is None else "head")
    _may_open(call, owner, head, base)
    if not forge.git.history(head_sha, f"^{onto}"):
        raise _custom(f"No commits between {base} and {head}")
    fields = {
        "fork": "" if owner == forge.owner else owner,
        "head": head,
        "head_sha": head_sha,
        "base": base,
        "base_sha": onto,
        "title": title,
        "body": body,
    }
    nothing = dict.fromkeys(("closed_at", "merged_at", "merge_commit_sha", "merged_by"))
    made = {"state": "open", "user": call.user["login"], "created_at": forge.now(), "updated_at": forge.now()}
    number = max((one["number"] for one in forge.store.of("pull")), default=0) + 1
    rest: Thing = {"number": number, "labels": [], "draft": call.body.get("draft") is True}
    one = forge.store.add("pull", number, {**fields, **nothing, **made, **rest})
    _keep(forge, one)
    return Answer(201, full(call, one))


def _title(title: str) -> str:
    if not title.strip() or len(title) > LONGEST_TITLE:
        raise invalid(
            "PullRequest", "title", "custom", f"title is blank or longer than {LONGEST_TITLE} characters"
        )
    return title


def _may_open(call: Call, owner: str, head: str, base: str) -> None:
    open_ = [one for one in pulls(call.forge) if one["state"] == "open"]
    if (owner, head, base) in [(_owner(call.forge, one), one["head"], one["base"]) for one in open_]:
        raise _custom(f"A pull request already exists for {owner}:{head}.")


def _custom(message: str) -> Refused:
    return Refused(
        422, "Validation Failed", [{"resource": "PullRequest", "code": "custom", "message": message}]
    )


def get_pull(call: Call) -> Answer:
    """One pull request."""
    return Answer(200, full(call, pull(call.forge, call.number("number"))))


def edit_pull(call: Call) -> Answer:
    """Change title, body, base, or close and reopen."""
    forge, one = call.forge, pull(call.forge, call.number("number"))
    fresh = {**one, "title": _title(call.text("title", one["title"])), "updated_at": forge.now()}
    fresh["body"] = bounded(call.text("body", one["body"]), "body")
    fresh["base"] = call.text("base", one["base"])
    if forge.git.ref(f"refs/heads/{fresh['base']}") is None:
        raise invalid("PullRequest", "base")
    state = call.text("state", one["state"])
    if state != one["state"]:
        fresh |= _closed(call, one) if state == "closed" else _reopened(call, one)
    _keep(forge, fresh)
    return Answer(200, full(call, fresh))


def _closed(call: Call, one: Thing) -> Thing:
    return {"state": "closed", "closed_at": call.forge.now(), "base_sha": base_sha(call.forge, one)}


def _reopened(call: Call, one: Thing) -> Thing:
    owner = _owner(call.forge, one)
    head_sha = call.forge.git.ref(_ref(call.forge, owner, one["head"]))
    if one["merged_at"] or head_sha is None:
        raise invalid(
            "PullRequest", "state", "invalid", "state cannot be changed. The branch is gone or merged."
        )
    _may_open(call, owner, one["head"], one["base"])
    return {"state": "open", "closed_at": None, "head_sha": head_sha}


def pull_files(call: Call) -> Answer:
    """The files a pull request changes, each with its patch."""
    one = pull(call.forge, call.number("number"))
    files = changes(call.forge, one)
    return call.page(files, lambda change: answers.changed_file(call, one["head_sha"], change))


def pull_commits(call: Call) -> Answer:
    """The commits a pull request brings, oldest first."""
    one = pull(call.forge, call.number("number"))
    return commits_page(call, [commit.sha for commit in commits(call.forge, one)])


def pulls_of_commit(call: Call) -> Answer:
    """The pull requests that bring a commit, or brought it."""
    sha = call.where["sha"]
    found = [one for one in pulls(call.forge) if sha in {one["head_sha"], one["merge_commit_sha"]}]
    return call.page(found, lambda one: simple(call, one))


# merging


def is_merged(call: Call) -> Answer:
    """204 when it is merged, 404 when not."""
    if pull(call.forge, call.number("number"))["merged_at"] is None:
        raise missing()
    return Answer(204)


def merge(call: Call) -> Answer:
    """Merge with a merge commit, or squash; 409 when the head moved, 405 when it can't be."""
    forge, one = call.forge, pull(call.forge, call.number("number"))
    method = call.text("merge_method", "merge")
    if not may_merge_by(forge, method):
        raise Refused(405, f"{method.capitalize()} merges are not allowed on this repository.")
    if one["state"] == "closed" or one["draft"]:
        raise Refused(405, "Pull Request is not mergeable")
    if call.text("sha", one["head_sha"]) != one["head_sha"]:
        raise Refused(409, "Head branch was modified. Review and try the merge again.")
    check_statuses(forge, one["base"], one["head_sha"])
    onto = base_sha(forge, one)
    result = forge.git.merge(onto, one["head_sha"])
    if result.conflicts:
        raise Refused(405, "Pull Request is not mergeable")
    sha = _write_merge(call, one, onto, result.tree, method)
    merged = {"state": "closed", "merged_at": forge.now(), "closed_at": forge.now(), "merge_commit_sha": sha}
    _keep(
        forge, {**one, **merged, "base_sha": onto, "merged_by": call.user["login"], "updated_at": forge.now()}
    )
    return Answer(200, {"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


def _write_merge(call: Call, one: Thing, onto: str, tree: str, method: str) -> str:
    forge, squash = call.forge, method == "squash"
    from_ = f"{_owner(forge, one)}/{one['head']}"
    titles = {
        "merge": f"Merge pull request #{one['number']} from {from_}",
        "squash": f"{one['title']} (#{one['number']})",
    }
    title = call.text("commit_title", titles[method])
    text = call.text("commit_message", "" if squash else one["title"])
    who = forge.person(call.user)
    parents = [onto] if squash else [onto, one["head_sha"]]
    sha = forge.git.write_commit(tree, parents, who, who, f"{title}\n\n{text}".strip())
    keep_refs(call, f"refs/heads/{one['base']}", onto, sha)
    try:
        forge.git.set_ref(f"refs/heads/{one['base']}", sha, onto)
    except GitRefused:
        raise Refused(409, "Base branch was modified. Review and try the merge again.") from None
    return sha


# the pull request as an issue


def get_issue(call: Call) -> Answer:
    """The issue behind a pull request, which carries its labels and comments."""
    one = pull(call.forge, call.number("number"))
    as_pull = simple(call, one)
    kept = (
        "id",
        "node_id",
        "number",
        "state",
        "title",
        "body",
        "user",
        "labels",
        "locked",
        "assignee",
        "assignees",
    )
    url = answers.api(call, f"issues/{one['number']}")
    links = {f"{name}_url": f"{url}/{name}" for name in ("comments", "events")}
    pull_request = {key: as_pull[key] for key in ("url", "html_url", "diff_url", "patch_url")}
    return Answer(
        200,
        {
            key: as_pull[key]
            for key in (*kept, "milestone", "html_url", "created_at", "updated_at", "closed_at")
        }
        | links
        | {"url": url, "repository_url": answers.api(call), "labels_url": f"{url}/labels{{/name}}"}
        | {"comments": len(call.forge.store.of("comment", one["number"])), "pull_request": pull_request}
        | {"author_association": as_pull["author_association"], "state_reason": None},
    )
