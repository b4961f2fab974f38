"""What the sandbox forge answers with: GitHub's JSON shapes, made from a commit or a record."""

import base64
from typing import Any
from urllib.parse import quote

from ftv4.sandbox.forge_api import Call, email, iso
from ftv4.sandbox.forge_git import Change, Commit, Entry, Person
from ftv4.sandbox.forge_store import Thing

UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}
_OF_USER = {
    "followers_url": "followers",
    "following_url": "following{/other_user}",
    "gists_url": "gists{/gist_id}",
    "starred_url": "starred{/owner}{/repo}",
    "subscriptions_url": "subscriptions",
    "organizations_url": "orgs",
    "repos_url": "repos",
    "events_url": "events{/privacy}",
    "received_events_url": "received_events",
}
_OF_REPOSITORY = {
    "archive_url": "{archive_format}{/ref}",
    "assignees_url": "assignees{/user}",
    "blobs_url": "git/blobs{/sha}",
    "branches_url": "branches{/branch}",
    "collaborators_url": "collaborators{/collaborator}",
    "comments_url": "comments{/number}",
    "commits_url": "commits{/sha}",
    "compare_url": "compare/{base}...{head}",
    "contents_url": "contents/{+path}",
    "contributors_url": "contributors",
    "deployments_url": "deployments",
    "downloads_url": "downloads",
    "events_url": "events",
    "forks_url": "forks",
    "git_commits_url": "git/commits{/sha}",
    "git_refs_url": "git/refs{/sha}",
    "git_tags_url": "git/tags{/sha}",
    "hooks_url": "hooks",
    "issue_comment_url": "issues/comments{/number}",
    "issue_events_url": "issues/events{/number}",
    "issues_url": "issues{/number}",
    "keys_url": "keys{/key_id}",
    "labels_url": "labels{/name}",
    "languages_url": "languages",
    "merges_url": "merges",
    "milestones_url": "milestones{/number}",
    "notifications_url": "notifications{?since,all,participating}",
    "pulls_url": "pulls{/number}",
    "releases_url": "releases{/id}",
    "stargazers_url": "stargazers",
    "statuses_url": "statuses/{sha}",
    "subscribers_url": "subscribers",
    "subscription_url": "subscription",
    "tags_url": "tags",
    "teams_url": "teams",
    "trees_url": "git/trees{/sha}",
}
_NOUGHT = ("forks", "forks_count", "stargazers_count", "watchers", "watchers_count", "network_count")
_LACKING = ("has_issues", "has_projects", "has_wiki", "has_pages", "has_downloads", "has_discussions")


def api(call: Call, path: str = "") -> str:
    """The API's URL of something in the repository."""
    return f"{call.root}/repos/{call.forge.full_name}" + (f"/{path}" if path else "")


def web(call: Call, path: str = "") -> str:
    """The web page of something in the repository."""
    return f"{call.root}/{call.forge.full_name}" + (f"/{path}" if path else "")


def node(kind: str, identity: object) -> str:
    """An opaque global id, as GraphQL names things."""
    return base64.b64encode(f"{kind}:{identity}".encode()).decode()


def user(call: Call, person: Thing) -> Thing:
    """A simple user."""
    url = f"{call.root}/users/{person['login']}"
    return {
        "login": person["login"],
        "id": person["id"],
        "node_id": node("User", person["id"]),
        "avatar_url": f"{call.root}/avatars/{person['id']}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{call.root}/{person['login']}",
        **{key: f"{url}/{path}" for key, path in _OF_USER.items()},
        "type": "Bot" if person["login"].endswith("bot") else "User",
        "site_admin": False,
    }


def full_user(call: Call, person: Thing) -> Thing:
    """A user with the public facts of the profile."""
    unsaid = dict.fromkeys(("name", "company", "location", "email", "hireable", "bio"))
    counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
    times = {"created_at": person["created_at"], "updated_at": person["created_at"]}
    return {**user(call, person), **unsaid, "blog": "", **counts, **times}


def repository(call: Call) -> Thing:
    """The repository."""
    forge, open_pulls = call.forge, sum(pull["state"] == "open" for pull in call.forge.store.of("pull"))
    created = _created(call)
    return {
        "id": 1,
        "node_id": node("Repository", 1),
        "name": forge.name,
        "full_name": forge.full_name,
        "private": False,
        "owner": user(call, forge.user(forge.owner)),
        "html_url": web(call),
        "description": None,
        "fork": False,
        "url": api(call),
        **{key: api(call, path) for key, path in _OF_REPOSITORY.items()},
        **dict.fromkeys(_NOUGHT, 0),
        **dict.fromkeys(_LACKING, False),
        **dict.fromkeys(("homepage", "language", "mirror_url", "license")),
        "clone_url": f"{web(call)}.git",
        "git_url": f"{web(call)}.git",
        "ssh_url": f"{web(call)}.git",
        "svn_url": web(call),
        "size": 0,
        "default_branch": forge.git.branch,
        "open_issues": open_pulls,
        "open_issues_count": open_pulls,
        "subscribers_count": 0,
        "archived": False,
        "disabled": False,
        "visibility": "public",
        "topics": [],
        "pushed_at": created,
        "created_at": created,
        "updated_at": created,
        "permissions": {"admin": True, "maintain": True, "push": True, "triage": True, "pull": True},
        "allow_merge_commit": True,
        "allow_squash_merge": True,
        "allow_rebase_merge": False,
    }


def _created(call: Call) -> str:
    created: str = call.forge.user(call.forge.owner)["created_at"]
    return created


# git


def reference(call: Call, name: str, sha: str) -> Thing:
    """A git ref."""
    target = {"type": "commit", "sha": sha, "url": api(call, f"git/commits/{sha}")}
    return {
        "ref": name,
        "node_id": node("Ref", name),
        "url": api(call, f"git/{quote(name)}"),
        "object": target,
    }


def _signature(person: Person) -> Thing:
    return {"name": person.name, "email": person.email, "date": iso(person.date)}


def git_commit(call: Call, commit: Commit) -> Thing:
    """A commit as a git object."""
    return {
        "sha": commit.sha,
        "node_id": node("Commit", commit.sha),
        "url": api(call, f"git/commits/{commit.sha}"),
        "html_url": web(call, f"commit/{commit.sha}"),
        "author": _signature(commit.author),
        "committer": _signature(commit.committer),
        "tree": {"sha": commit.tree, "url": api(call, f"git/trees/{commit.tree}")},
        "message": commit.message,
        "parents": [_parent(call, sha, "git/commits") for sha in commit.parents],
        "verification": UNSIGNED,
    }


def _parent(call: Call, sha: str, path: str) -> Thing:
    return {"sha": sha, "url": api(call, f"{path}/{sha}"), "html_url": web(call, f"commit/{sha}")}


def commit(call: Call, made: Commit) -> Thing:
    """A commit as the history lists it, with the accounts behind it."""
    url = api(call, f"commits/{made.sha}")
    plain = {
        "author": _signature(made.author),
        "committer": _signature(made.committer),
        "message": made.message,
        "tree": {"sha": made.tree, "url": api(call, f"git/trees/{made.tree}")},
        "url": api(call, f"git/commits/{made.sha}"),
        "comment_count": 0,
        "verification": UNSIGNED,
    }
    return {
        "url": url,
        "sha": made.sha,
        "node_id": node("Commit", made.sha),
        "html_url": web(call, f"commit/{made.sha}"),
        "comments_url": f"{url}/comments",
        "commit": plain,
        "author": _account(call, made.author),
        "committer": _account(call, made.committer),
        "parents": [_parent(call, sha, "commits") for sha in made.parents],
    }


def _account(call: Call, person: Person) -> Thing | None:
    known = (one for one in call.forge.store.of("user") if email(one) == person.email)
    found = next(known, None)
    return user(call, found) if found else None


def tree(call: Call, sha: str, entries: list[Entry]) -> Thing:
    """A git tree."""
    return {
        "sha": sha,
        "url": api(call, f"git/trees/{sha}"),
        "tree": [_leaf(call, entry) for entry in entries],
        "truncated": False,
    }


def _leaf(call: Call, entry: Entry) -> Thing:
    size = {} if entry.size is None else {"size": entry.size}
    url = api(call, f"git/{entry.kind}s/{entry.sha}")
    return {"path": entry.path, "mode": entry.mode, "type": entry.kind, "sha": entry.sha, **size, "url": url}


def blob(call: Call, sha: str, content: bytes) -> Thing:
    """A git blob with its bytes."""
    return {
        "sha": sha,
        "node_id": node("Blob", sha),
        "size": len(content),
        "url": api(call, f"git/blobs/{sha}"),
        "content": wrapped(content),
        "encoding": "base64",
    }


def wrapped(content: bytes) -> str:
    """Base64 in lines of 60, as GitHub sends it."""
    text = base64.b64encode(content).decode()
    return "".join(f"{text[start : start + 60]}\n" for start in range(0, len(text), 60))


def content(call: Call, ref: str, entry: Entry) -> Thing:
    """A file or folder as the contents API lists it."""
    kinds = {"blob": "symlink" if entry.mode == "120000" else "file", "tree": "dir", "commit": "submodule"}
    path = quote(entry.path)
    url = f"{api(call, f'contents/{path}')}?ref={quote(ref, safe='')}"
    git_url = api(call, f"git/{entry.kind}s/{entry.sha}")
    html_url = web(call, f"{'tree' if entry.kind == 'tree' else 'blob'}/{quote(ref)}/{path}")
    return {
        "name": entry.path.rsplit("/", 1)[-1],
        "path": entry.path,
        "sha": entry.sha,
        "size": entry.size or 0,
        "url": url,
        "html_url": html_url,
        "git_url": git_url,
        "download_url": web(call, f"raw/{quote(ref)}/{path}") if entry.kind == "blob" else None,
        "type": kinds[entry.kind],
        "_links": {"self": url, "git": git_url, "html": html_url},
    }


def changed_file(call: Call, head: str, change: Change) -> Thing:
    """A file of a pull request or comparison."""
    path = quote(change.path)
    fields: dict[str, Any] = {
        "sha": change.sha,
        "filename": change.path,
        "status": change.status,
        "additions": change.additions,
        "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "blob_url": web(call, f"blob/{head}/{path}"),
        "raw_url": web(call, f"raw/{head}/{path}"),
        "contents_url": f"{api(call, f'contents/{path}')}?ref={head}",
    }
    if change.patch is not None:
        fields["patch"] = change.patch
    if change.previous:
        fields["previous_filename"] = change.previous
    return fields


# beside git


def label(call: Call, thing: Thing) -> Thing:
    """A label."""
    return {
        "id": thing["id"],
        "node_id": node("Label", thing["id"]),
        "url": api(call, f"labels/{quote(thing['name'])}"),
        "name": thing["name"],
        "color": thing["color"],
        "default": False,
        "description": thing["description"],
    }


def comment(call: Call, thing: Thing) -> Thing:
    """A comment of a pull request's conversation."""
    return {
        "id": thing["id"],
        "node_id": node("IssueComment", thing["id"]),
        "url": api(call, f"issues/comments/{thing['id']}"),
        "html_url": web(call, f"pull/{thing['number']}#comment-{thing['id']}"),
        "issue_url": api(call, f"issues/{thing['number']}"),
        "body": thing["body"],
        "user": user(call, call.forge.user(thing["user"])),
        "created_at": thing["created_at"],
        "updated_at": thing["updated_at"],
        "author_association": association(call, thing["user"]),
        "performed_via_github_app": None,
    }


def association(call: Call, login: str) -> str:
    """What somebody is to the repository."""
    return "OWNER" if login == call.forge.owner else "COLLABORATOR"


def review(call: Call, thing: Thing) -> Thing:
    """A review of a pull request."""
    html = web(call, f"pull/{thing['number']}#review-{thing['id']}")
    pull_url = api(call, f"pulls/{thing['number']}")
    return {
        "id": thing["id"],
        "node_id": node("PullRequestReview", thing["id"]),
        "user": user(call, call.forge.user(thing["user"])),
        "body": thing["body"],
        "state": thing["state"],
        "html_url": html,
        "pull_request_url": pull_url,
        "author_association": association(call, thing["user"]),
        "_links": {"html": {"href": html}, "pull_request": {"href": pull_url}},
        "submitted_at": thing["submitted_at"],
        "commit_id": thing["commit_id"],
    }


def status(call: Call, thing: Thing) -> Thing:
    """A commit status, without who set it."""
    return {
        "url": api(call, f"statuses/{thing['sha']}"),
        "avatar_url": None,
        "id": thing["id"],
        "node_id": node("StatusContext", thing["id"]),
        "state": thing["state"],
        "description": thing["description"],
        "target_url": thing["target_url"],
        "context": thing["context"],
        "created_at": thing["created_at"],
        "updated_at": thing["created_at"],
    }


def check_run(call: Call, thing: Thing) -> Thing:
    """A check run."""
    output = {"title": None, "summary": None, "text": None} | (thing["output"] or {})
    annotations = output.pop("annotations", [])
    url = api(call, f"check-runs/{thing['id']}")
    return {
        **{key: thing[key] for key in ("id", "name", "head_sha", "external_id", "status", "conclusion")},
        "node_id": node("CheckRun", thing["id"]),
        "url": url,
        "html_url": web(call, f"commit/{thing['head_sha']}#check-{thing['id']}"),
        "details_url": thing["details_url"],
        "started_at": thing["started_at"],
        "completed_at": thing["completed_at"],
        "output": {**output, "annotations_count": len(annotations), "annotations_url": f"{url}/annotations"},
        "check_suite": {"id": thing["id"]},
        "app": None,
        "pull_requests": [],
    }
