"""The forge's contents API: files read, written and deleted one commit each."""

from ftv4.sandbox import forge_answers as answers
from ftv4.sandbox.forge_api import Answer, Call, Refused, missing
from ftv4.sandbox.forge_git import ZERO, Entry
from ftv4.sandbox.forge_objects import decoded, empty_or_missing, person
from ftv4.sandbox.forge_rules import keep_refs
from ftv4.sandbox.forge_store import Thing

LARGEST_CONTENT = 1 << 20
"""Bytes of a file that the contents API still sends along."""


def get_content(call: Call) -> Answer:
    """A file with its bytes in base64, or a folder's list."""
    git, path = call.forge.git, call.where.get("path", "").strip("/")
    ref = call.query.get("ref") or git.branch
    sha = git.resolve(ref)
    if sha is None:
        raise Refused(404, f"No commit found for the ref {ref}") if git.refs() else empty_or_missing(call)
    found = git.entry(sha, path) if path else Entry("040000", "tree", sha, None, "")
    if found is None:
        raise missing()
    if found.kind == "tree":
        return Answer(200, [answers.content(call, ref, entry) for entry in git.tree(sha, path=path)])
    body = git.blob(found.sha) if found.kind == "blob" else b""
    return Answer(200, answers.content(call, ref, found) | _inline(body))


def _inline(body: bytes) -> Thing:
    if len(body) > LARGEST_CONTENT:
        return {"content": "", "encoding": "none"}
    return {"content": answers.wrapped(body), "encoding": "base64"}


def put_content(call: Call) -> Answer:
    """Create a file, or replace the one whose blob the request names; one commit on the branch."""
    path = call.where["path"].strip("/")
    old = _expected(call, path, must_exist=False)
    sha = call.forge.git.write_blob(decoded(call.text("content")))
    made = _commit(call, (old.mode if old else "100644", sha, path))
    entry = call.forge.git.entry(made, path)
    content = answers.content(call, made, entry) if entry else None
    return Answer(200 if old else 201, {"content": content, "commit": _git_commit(call, made)})


def delete_content(call: Call) -> Answer:
    """Delete the file whose blob the request names; one commit on the branch."""
    path = call.where["path"].strip("/")
    _expected(call, path, must_exist=True)
    made = _commit(call, ("0", ZERO, path))
    return Answer(200, {"content": None, "commit": _git_commit(call, made)})


def _expected(call: Call, path: str, *, must_exist: bool) -> Entry | None:
    """What stands at the path on the branch. Raises Refused when it isn't what the request names."""
    head = _head(call)
    found = call.forge.git.entry(head, path)
    said = call.body.get("sha")
    if found is None and must_exist:
        raise missing()
    if found is not None and said is None:
        raise Refused(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if said is not None and (found is None or said != found.sha):
        raise Refused(409, f"{path} does not match {said}")
    return found


def _head(call: Call) -> str:
    branch = call.body.get("branch") or call.forge.git.branch
    sha = call.forge.git.ref(f"refs/heads/{branch}")
    if sha is None:
        raise Refused(404, f"Branch {branch} not found")
    return sha


def _commit(call: Call, line: tuple[str, str, str]) -> str:
    """Commit one change of the branch's tree, and move the branch. Raises Refused."""
    forge, head = call.forge, _head(call)
    author = person(call, call.body.get("author"), forge.person(call.user))
    committer = person(call, call.body.get("committer"), author)
    tree = forge.git.write_tree(head, [line])
    made = forge.git.write_commit(tree, [head], author, committer, call.text("message"))
    branch = call.body.get("branch") or forge.git.branch
    keep_refs(call, f"refs/heads/{branch}", head, made)
    forge.git.set_ref(f"refs/heads/{branch}", made, head)
    return made


def _git_commit(call: Call, sha: str) -> Thing:
    return answers.git_commit(call, call.forge.git.commit(sha))
