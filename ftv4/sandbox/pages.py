"""The forge's web pages: the repository, its pull requests, and each pull request to be read."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftv4.sandbox import forge_issues, forge_pulls, forge_runs
from ftv4.sandbox.forge_api import Forge, email, missing
from ftv4.sandbox.forge_git import Change, Commit, Entry, Person
from ftv4.sandbox.forge_store import Thing
from ftv4.sandbox.markdown import to_html

if TYPE_CHECKING:
    from jinja2 import Environment

Page = Callable[[Forge, Mapping[str, Any], Mapping[str, str]], str]
"""A page of a forge, from the variable parts of its path and from its query. Raises Refused."""

LONG_LINE = 240
"""Characters of a diff's line that show at first: a dataset's row has thousands."""
MOST_LINES = 2000
"""Lines of one file's diff that a page holds."""
OPEN_LINES = 400
"""A file with more changed lines than this is folded."""
LARGEST_SHOWN = 1 << 20
"""Bytes of a file that a page shows."""
LATEST = 20
"""Commits that the front page lists."""
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True)
class Line:
    """One line of a diff."""

    kind: str
    """hunk, add, del or same."""
    old: int | None
    new: int | None
    text: str

    @property
    def is_long(self) -> bool:
        """Whether it is folded."""
        return len(self.text) > LONG_LINE


@dataclass(frozen=True)
class Diff:
    """One file's change as a page shows it."""

    change: Change
    lines: list[Line]
    cut: int
    """Lines left out."""

    @property
    def is_open(self) -> bool:
        """Whether it shows at first."""
        return len(self.lines) <= OPEN_LINES


def diff(change: Change) -> Diff:
    """Number a patch's lines."""
    lines, old, new = [], 0, 0
    for text in (change.patch or "").split("\n"):
        hunk, mark = _HUNK.match(text), text[:1]
        if hunk:
            old, new = int(hunk[1]), int(hunk[2])
            lines.append(Line("hunk", None, None, text))
        elif mark == "+":
            lines.append(Line("add", None, new, text[1:]))
        elif mark == "-":
            lines.append(Line("del", old, None, text[1:]))
        elif mark == " ":
            lines.append(Line("same", old, new, text[1:]))
        old, new = old + (mark in "- " and not hunk), new + (mark in "+ " and not hunk)
    return Diff(change, lines[:MOST_LINES], max(len(lines) - MOST_LINES, 0))


# pages


def pull_page(forge: Forge, where: Mapping[str, Any], query: Mapping[str, str]) -> str:
    """One pull request: what it says, what it changes, what was said of it, how it stands."""
    one = forge_pulls.pull(forge, where["number"])
    files = [diff(change) for change in forge_pulls.changes(forge, one)]
    checks = _checks(forge, one["head_sha"])
    conflicts = forge_pulls.conflicts(forge, one) if one["state"] == "open" else ()
    return _render(
        forge,
        "pull.html",
        pull=one,
        state=_state(one),
        files=files,
        added=sum(file.change.additions for file in files),
        removed=sum(file.change.deletions for file in files),
        commits=forge_pulls.commits(forge, one),
        labels=forge_pulls.labels(forge, one),
        conversation=_conversation(forge, one),
        checks=checks,
        fate=_fate(one, checks, conflicts),
        conflicts=conflicts,
    )


def pulls_page(forge: Forge, where: Mapping[str, Any], query: Mapping[str, str]) -> str:
    """The pull requests, open or closed."""
    shown = "closed" if query.get("state") == "closed" else "open"
    found = [
        {**one, "label": _state(one), "tags": forge_pulls.labels(forge, one)}
        for one in reversed(forge_pulls.pulls(forge))
    ]
    counts = {state: sum(one["state"] == state for one in found) for state in ("open", "closed")}
    wanted = [one for one in found if one["state"] == shown]
    return _render(forge, "pulls.html", pulls=wanted, shown=shown, counts=counts)


def front_page(forge: Forge, where: Mapping[str, Any], query: Mapping[str, str]) -> str:
    """The repository: its files, its README, its latest commits."""
    sha = forge.git.resolve(forge.git.branch)
    if sha is None:
        return _render(forge, "empty.html")
    return _folder(forge, forge.git.branch, sha, "")


def tree_page(forge: Forge, where: Mapping[str, Any], query: Mapping[str, str]) -> str:
    """A folder or file at a branch or commit."""
    ref, sha, path = _at(forge, where["path"])
    found = forge.git.entry(sha, path) if path else Entry("040000", "tree", sha, None, "")
    if found is None:
        raise missing()
    return _folder(forge, ref, sha, path) if found.kind == "tree" else _file(forge, ref, found)


def _at(forge: Forge, rest: str) -> tuple[str, str, str]:
    """Split `<ref>/<path>`, where the ref itself may have slashes."""
    parts = rest.strip("/").split("/")
    for count in range(1, len(parts) + 1):
        ref = "/".join(parts[:count])
        sha = forge.git.resolve(ref)
        if sha:
            return ref, sha, "/".join(parts[count:])
    raise missing()


def _folder(forge: Forge, ref: str, sha: str, path: str) -> str:
    entries = sorted(forge.git.tree(sha, path=path), key=lambda entry: (entry.kind != "tree", entry.path))
    readme = next((entry for entry in entries if entry.path.lower().endswith("readme.md")), None)
    text = forge.git.blob(readme.sha).decode(errors="replace") if readme else ""
    commits = [] if path else forge.git.commits(forge.git.history(f"--max-count={LATEST}", sha))
    branches = [name.removeprefix("refs/heads/") for name in forge.git.refs("refs/heads/")]
    facts = {"entries": entries, "readme": text, "commits": commits, "branches": branches}
    return _render(forge, "folder.html", ref=ref, path=path, **facts)


def _file(forge: Forge, ref: str, entry: Entry) -> str:
    body = forge.git.blob(entry.sha) if entry.kind == "blob" and (entry.size or 0) <= LARGEST_SHOWN else b"\0"
    text = None if b"\0" in body else body.decode(errors="replace")
    return _render(forge, "file.html", ref=ref, path=entry.path, entry=entry, text=text)


def commit_page(forge: Forge, where: Mapping[str, Any], query: Mapping[str, str]) -> str:
    """One commit and what it changes."""
    sha = forge.git.resolve(where["sha"])
    if sha is None:
        raise missing()
    commit = forge.git.commit(sha)
    first = commit.parents[0] if commit.parents else forge.git.write_tree(None, ())
    files = [diff(change) for change in forge.git.changes(first, sha)]
    return _render(forge, "commit.html", commit=commit, files=files)


def run_page(forge: Forge, where: Mapping[str, Any], query: Mapping[str, str]) -> str:
    """One run of a workflow: how it ended, and the summary it wrote."""
    one = {"job": "", "summary": ""} | forge_runs.run(forge, where["number"])
    name = one["path"].rpartition("/")[2].removesuffix(".yml")
    return _render(forge, "run.html", run=one, name=name, outcome=_outcome(one))


PAGES: dict[str, Page] = {
    "": front_page,
    "/pulls": pulls_page,
    "/pull/{number:int}": pull_page,
    "/tree/{path:path}": tree_page,
    "/blob/{path:path}": tree_page,
    "/commit/{sha}": commit_page,
    "/actions/runs/{number:int}": run_page,
}
"""Path below the repository → page."""


# facts of a page


def _state(one: Thing) -> str:
    if one["merged_at"]:
        return "merged"
    return "draft" if one["draft"] and one["state"] == "open" else str(one["state"])


def _fate(one: Thing, checks: Sequence[Thing], conflicts: Sequence[str]) -> str:
    """What stands against merging: merged, draft, failure, pending, or success for nothing."""
    state = _state(one)
    if state in {"merged", "draft"}:
        return state
    if state == "closed" or conflicts:
        return "failure"
    return forge_issues.combined([check["state"] for check in checks]) if checks else "success"


def _conversation(forge: Forge, one: Thing) -> list[Thing]:
    """Comments and reviews, in the order they were made."""
    comments = [
        {**thing, "at": thing["created_at"], "did": "commented"}
        for thing in forge.store.of("comment", one["number"])
    ]
    reviews = [
        {**thing, "at": thing["submitted_at"], "did": _REVIEWED[thing["state"]]}
        for thing in forge.store.of("review", one["number"])
    ]
    return sorted([*comments, *reviews], key=lambda thing: (str(thing["at"]), int(thing["id"])))


_REVIEWED = {"APPROVED": "approved", "CHANGES_REQUESTED": "asked for changes", "COMMENTED": "reviewed"}
_OUTCOMES = {"success": "success", "neutral": "success", "skipped": "success"}


def _checks(forge: Forge, sha: str) -> list[Thing]:
    """Statuses and check runs alike: name, state, words, more words, link."""
    statuses = [
        {"name": one["context"], "state": one["state"], "title": one["description"], "text": None}
        | {"url": one["target_url"]}
        for one in forge_issues.statuses(forge, sha)
    ]
    runs = [
        {"name": one["name"], "state": _outcome(one), "url": one["details_url"], **_output(one)}
        for one in forge_issues.checks(forge, sha)
    ]
    return [*statuses, *runs]


def _outcome(check: Thing) -> str:
    return "pending" if check["conclusion"] is None else _OUTCOMES.get(check["conclusion"], "failure")


def _output(check: Thing) -> Thing:
    output = check["output"] or {}
    return {"title": output.get("title") or check["status"], "text": output.get("summary")}


# rendering


def _render(forge: Forge, template: str, **facts: Any) -> str:
    open_pulls = sum(one["state"] == "open" for one in forge_pulls.pulls(forge))
    here = f"/{forge.full_name}"
    names: dict[str, str] = {email(one): one["login"] for one in forge.store.of("user")}

    def login(person: Person) -> str:
        return names.get(person.email, person.name)

    page = _environment().get_template(template)
    html: str = page.render(forge=forge, here=here, open_pulls=open_pulls, login=login, **facts)
    return html


@cache
def _environment() -> "Environment":
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = {
        "markdown": _markdown,
        "when": _when,
        "title_of": _title_of,
        "rest_of": _rest_of,
        "safe_url": _safe_url,
    }
    environment.filters.update(filters)
    return environment


def _markdown(text: str | None) -> Any:
    from markupsafe import Markup

    return Markup(to_html(text or ""))


def _when(moment: str) -> str:
    return moment.replace("T", " ")[:16] + " UTC"


def _title_of(commit: Commit) -> str:
    return commit.message.partition("\n")[0]


def _rest_of(commit: Commit) -> str:
    return commit.message.partition("\n")[2].strip()


def _safe_url(url: str | None) -> str | None:
    """A link that a status brought, if it is one to follow."""
    return url if url and url.startswith(("http://", "https://")) else None
