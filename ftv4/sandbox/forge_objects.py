"""The forge's git half: refs, trees, blobs, commits, branches, comparison."""

import base64
import binascii
import re
from datetime import datetime
from typing import Any

from ftv4.sandbox import forge_answers as answers
from ftv4.sandbox.forge_api import Answer, Call, Refused, missing
from ftv4.sandbox.forge_git import ZERO, Commit, GitRefused, Person
from ftv4.sandbox.forge_rules import keep_refs
from ftv4.sandbox.forge_store import Thing

MODES = {"100644": "blob", "100755": "blob", "120000": "blob", "040000": "tree", "160000": "commit"}
_NOT_IN_PATHS = {"", ".", "..", ".git"}


# refs


def get_ref(call: Call) -> Answer:
    """One ref by its whole name."""
    name = f"refs/{call.where['ref']}"
    sha = call.forge.git.ref(name)
    if sha is None:
        raise missing()
    return Answer(200, answers.reference(call, name, sha))


def matching_refs(call: Call) -> Answer:
    """The refs whose names start so."""
    found = call.forge.git.refs(f"refs/{call.where.get('ref', '')}")
    return call.page(list(found.items()), lambda pair: answers.reference(call, *pair))


def create_ref(call: Call) -> Answer:
    """A new ref; 422 when it exists."""
    name, sha = call.text("ref"), call.text("sha")
    if not name.startswith("refs/") or name.count("/") < 2 or not call.forge.git.valid_ref(name):
        raise Refused(422, f"Reference name {name!r} is not valid")
    _known_commit(call, sha)
    if call.forge.git.ref(name):
        raise Refused(422, "Reference already exists")
    keep_refs(call, name, None, sha)
    call.forge.git.set_ref(name, sha, ZERO)
    return Answer(201, answers.reference(call, name, sha))


def update_ref(call: Call) -> Answer:
    """Move a ref; without force only forward, which makes it a compare-and-swap."""
    name, sha = f"refs/{call.where['ref']}", call.text("sha")
    move_ref(call, name, sha, force=call.body.get("force") is True)
    return Answer(200, answers.reference(call, name, sha))


def move_ref(call: Call, name: str, sha: str, *, force: bool, expected: str | None = None) -> None:
    """Move a ref that exists, if it is where it was expected. Raises Refused."""
    git = call.forge.git
    now = git.ref(name)
    if now is None:
        raise Refused(422, "Reference does not exist")
    _known_commit(call, sha)
    if expected is not None and now != expected:
        raise Refused(422, f"{name} is at {now} but expected {expected}")
    if not force and not git.is_ancestor(now, sha):
        raise Refused(422, "Update is not a fast forward")
    keep_refs(call, name, now, sha)
    git.set_ref(name, sha, now)


def delete_ref(call: Call) -> Answer:
    """Remove a ref."""
    name = f"refs/{call.where['ref']}"
    now = call.forge.git.ref(name)
    if now is None:
        raise Refused(422, "Reference does not exist")
    keep_refs(call, name, now, None)
    call.forge.git.delete_ref(name)
    return Answer(204)


def _known_commit(call: Call, sha: str) -> None:
    if call.forge.git.kind(sha) != "commit":
        raise Refused(422, "Object does not exist")


# objects


def decoded(content: str) -> bytes:
    """The bytes of base64 text. Raises Refused."""
    try:
        return base64.b64decode(content, validate=False)
    except binascii.Error:
        raise Refused(422, "content is not valid Base64") from None


def create_blob(call: Call) -> Answer:
    """Store bytes, given as utf-8 or base64."""
    content = call.text("content")
    plain = decoded(content) if call.body.get("encoding") == "base64" else content.encode()
    sha = call.forge.git.write_blob(plain)
    return Answer(201, {"sha": sha, "url": answers.api(call, f"git/blobs/{sha}")})


def get_blob(call: Call) -> Answer:
    """A blob's bytes."""
    sha = call.where["sha"]
    if call.forge.git.kind(sha) != "blob":
        raise missing()
    return Answer(200, answers.blob(call, sha, call.forge.git.blob(sha)))


def create_tree(call: Call) -> Answer:
    """A tree from a base and changed entries; a null sha removes."""
    items, base = call.body.get("tree"), call.body.get("base_tree")
    if not isinstance(items, list) or not items:
        raise Refused(422, "Invalid tree info")
    if base is not None and call.forge.git.kind(str(base)) not in {"tree", "commit"}:
        raise Refused(404, "Not Found")
    lines = [_tree_line(call, base, item) for item in items]
    try:
        sha = call.forge.git.write_tree(base, lines)
    except GitRefused as error:
        raise Refused(422, f"Invalid tree info: {error}") from None
    return Answer(201, answers.tree(call, sha, call.forge.git.tree(sha)))


def _tree_line(call: Call, base: str | None, item: Any) -> tuple[str, str, str]:
    mode, path = item.get("mode", ""), item.get("path", "")
    if mode not in MODES or not isinstance(path, str):
        raise Refused(422, "Invalid tree info")
    if "\0" in path or _NOT_IN_PATHS & set(path.lower().split("/")):
        raise Refused(422, "tree.path contains a malformed path component")
    if "content" in item:
        return mode, call.forge.git.write_blob(str(item["content"]).encode()), path
    sha = item.get("sha")
    if sha is None:
        if base is None or call.forge.git.entry(base, path) is None:
            raise Refused(422, "GitRPC::BadObjectState")
        return "0", ZERO, path
    if mode != "160000" and call.forge.git.kind(str(sha)) != MODES[mode]:
        raise Refused(422, f"tree.sha {sha} is not a valid {MODES[mode]}")
    return mode, sha, path


def get_tree(call: Call) -> Answer:
    """A tree by its sha, a commit's sha or a branch; `recursive` lists what is below."""
    git, named = call.forge.git, call.where["sha"]
    sha = named if git.kind(named) == "tree" else git.resolve(named)
    if sha is None:
        raise missing()
    root = git.commit(sha).tree if git.kind(sha) == "commit" else sha
    return Answer(200, answers.tree(call, root, git.tree(root, recursive="recursive" in call.query)))


def create_commit(call: Call) -> Answer:
    """Store a commit; its author is who asks, now, unless the request says otherwise."""
    forge, tree, parents = call.forge, call.text("tree"), call.body.get("parents", [])
    if forge.git.kind(tree) != "tree":
        raise Refused(422, "Tree SHA does not exist")
    if any(forge.git.kind(str(sha)) != "commit" for sha in parents):
        raise Refused(422, "Parent SHA does not exist or is not a commit object")
    author = person(call, call.body.get("author"), forge.person(call.user))
    committer = person(call, call.body.get("committer"), author)
    sha = forge.git.write_commit(tree, parents, author, committer, call.text("message"))
    return Answer(201, answers.git_commit(call, forge.git.commit(sha)))


def person(call: Call, given: Thing | None, default: Person) -> Person:
    """Who the request says wrote it, else the default. Raises Refused."""
    if not given:
        return default
    try:
        date = datetime.fromisoformat(given["date"]) if "date" in given else call.forge.clock()
        return Person(str(given["name"]), str(given["email"]), date)
    except (KeyError, ValueError, TypeError):
        raise Refused(
            422, "Invalid request.\n\nauthor and committer have a name, an email and an ISO 8601 date"
        ) from None


def get_git_commit(call: Call) -> Answer:
    """A commit as a git object."""
    if call.forge.git.kind(call.where["sha"]) != "commit":
        raise missing()
    return Answer(200, answers.git_commit(call, call.forge.git.commit(call.where["sha"])))


# branches, history


def list_branches(call: Call) -> Answer:
    """Branches by name."""

    def short(pair: tuple[str, str]) -> Thing:
        target = {"sha": pair[1], "url": answers.api(call, f"commits/{pair[1]}")}
        return {"name": pair[0].removeprefix("refs/heads/"), "commit": target, "protected": False}

    return call.page(list(call.forge.git.refs("refs/heads/").items()), short)


def get_branch(call: Call) -> Answer:
    """A branch with its last commit."""
    name = call.where["branch"]
    sha = call.forge.git.ref(f"refs/heads/{name}")
    if sha is None:
        raise Refused(404, "Branch not found")
    url = answers.api(call, f"branches/{name}")
    checks = {"enforcement_level": "off", "contexts": [], "checks": []}
    return Answer(
        200,
        {
            "name": name,
            "commit": answers.commit(call, call.forge.git.commit(sha)),
            "_links": {"self": url, "html": answers.web(call, f"tree/{name}")},
            "protected": False,
            "protection": {"enabled": False, "required_status_checks": checks},
            "protection_url": f"{url}/protection",
        },
    )


def list_commits(call: Call) -> Answer:
    """History, newest first, of a branch or sha, and of one path."""
    git = call.forge.git
    sha = git.resolve(call.query.get("sha") or git.branch)
    if sha is None:
        raise empty_or_missing(call)
    return commits_page(call, git.history(sha, path=call.query.get("path", "")))


def commits_page(call: Call, shas: list[str]) -> Answer:
    """A page of commits by their shas."""
    return call.page(shas, lambda sha: answers.commit(call, call.forge.git.commit(sha)))


def get_commit(call: Call) -> Answer:
    """A commit with the files it changed."""
    made = named_commit(call)
    first = made.parents[0] if made.parents else call.forge.git.write_tree(None, ())
    changes = call.forge.git.changes(first, made.sha)
    files = [answers.changed_file(call, made.sha, change) for change in changes[:300]]
    added, removed = (sum(getattr(change, side) for change in changes) for side in ("additions", "deletions"))
    stats = {"total": added + removed, "additions": added, "deletions": removed}
    return Answer(200, answers.commit(call, made) | {"stats": stats, "files": files})


def named_commit(call: Call) -> Commit:
    """The commit that the path's `ref` names. Raises Refused."""
    git, ref = call.forge.git, call.where["ref"]
    sha = git.resolve(ref)
    if sha is None:
        raise Refused(422, f"No commit found for SHA: {ref}")
    return git.commit(sha)


def compare(call: Call) -> Answer:
    """What a head has that its base has not, from where they parted."""
    base_name, dots, head_name = call.where["basehead"].partition("...")
    git = call.forge.git
    base, head = git.resolve(base_name), git.resolve(head_name.rpartition(":")[2])
    fork = git.merge_base(base, head) if base and head else None
    if not (dots and base and head and fork):
        raise missing()
    ahead, behind = git.history(head, f"^{base}"), git.history(base, f"^{head}")
    url, page = (
        answers.api(call, f"compare/{base_name}...{head_name}"),
        answers.web(call, f"compare/{base}...{head}"),
    )
    files = [answers.changed_file(call, head, change) for change in git.changes(fork, head)[:300]]
    facts = {
        "url": url,
        "html_url": page,
        "permalink_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "base_commit": answers.commit(call, git.commit(base)),
        "merge_base_commit": answers.commit(call, git.commit(fork)),
        "status": _relation(len(ahead), len(behind)),
        "ahead_by": len(ahead),
        "behind_by": len(behind),
        "total_commits": len(ahead),
        "files": files,
    }
    return call.page(
        ahead[::-1], lambda sha: answers.commit(call, git.commit(sha)), lambda page: facts | {"commits": page}
    )


def _relation(ahead: int, behind: int) -> str:
    if ahead and behind:
        return "diverged"
    return "ahead" if ahead else "behind" if behind else "identical"


def empty_or_missing(call: Call) -> Refused:
    """What an absent revision is in a repository without commits, and in any other."""
    return missing() if call.forge.git.refs() else Refused(409, "Git Repository is empty.")


# GraphQL: the two questions REST has no answer to


def graphql(call: Call) -> Answer:
    """Who am I, for any kind of token; and moving refs only from where they are expected."""
    query = call.text("query")
    if re.search(r"\bupdateRefs\b", query):
        return _update_refs(call, call.body.get("variables", {}).get("input", {}))
    if re.search(r"\bviewer\b", query):
        viewer = {"login": call.user["login"], "databaseId": call.user["id"]}
        return Answer(200, {"data": {"viewer": viewer}})
    return _graphql_error("the sandbox answers viewer and updateRefs only")


def _update_refs(call: Call, given: Thing) -> Answer:
    if given.get("repositoryId") != answers.node("Repository", 1):
        return _graphql_error("Could not resolve to a node with the global id", "NOT_FOUND")
    updates = given.get("refUpdates", [])
    before = call.forge.git.refs()
    lost = [
        one["name"] for one in updates if one.get("beforeOid") not in {None, before.get(one["name"], ZERO)}
    ]
    if lost:
        return _graphql_error(f"{lost[0]} does not point at the expected oid", "UNPROCESSABLE")
    try:
        for one in updates:
            _move(call, one, before.get(one["name"]))
    except Refused as error:
        return _graphql_error(str(error), "UNPROCESSABLE")
    return Answer(200, {"data": {"updateRefs": {"clientMutationId": given.get("clientMutationId")}}})


def _move(call: Call, update: Thing, now: str | None) -> None:
    name, sha = update["name"], update["afterOid"]
    if sha == ZERO:
        keep_refs(call, name, now, None)
        call.forge.git.delete_ref(name)
    elif now is None:
        _known_commit(call, sha)
        keep_refs(call, name, None, sha)
        call.forge.git.set_ref(name, sha, ZERO)
    else:
        move_ref(call, name, sha, force=bool(update.get("force")), expected=now)


def _graphql_error(message: str, kind: str = "") -> Answer:
    return Answer(200, {"data": None, "errors": [{"message": message} | ({"type": kind} if kind else {})]})
