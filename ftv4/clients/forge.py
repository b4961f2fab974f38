"""The door to where the repository lives and pull requests are opened: GitHub, or the sandbox.

PyGithub stays inside: what comes out are our own words, `ServiceError`, and `GateError` where a
person's doing is not to be overwritten. By itself it repeats a POST whose answer was lost, which
does things twice; here only GET is repeated, and a lost answer is settled by looking.
"""

import base64
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from ftv4.clients.forge_comments import Comments, plain
from ftv4.clients.forge_errors import PULLS, Conflict, Exists, Missing, door
from ftv4.clients.forge_settings import ForgeSettings
from ftv4.clients.proposal import (
    CONTENT,
    TREE,
    Files,
    Proposal,
    check_not_declined,
    check_untouched,
    check_words,
    trailer,
)
from ftv4.clients.provider import AnswerLost
from ftv4.encode import for_log, line_for_log
from ftv4.errors import GateError, ServiceError, UsageError

if TYPE_CHECKING:
    from github import Github
    from github.Commit import Commit
    from github.GitCommit import GitCommit
    from github.GitTree import GitTree
    from github.InputGitTreeElement import InputGitTreeElement
    from github.PullRequest import PullRequest as Hosted
    from github.Repository import Repository

State = Literal["error", "failure", "pending", "success"]
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
SECONDS = 30
"""How long one answer may take."""
LONGEST_WAIT = 60
"""Seconds that a rate limit may make a GET wait; longer, and the run ends as retryable."""
LONGEST_DESCRIPTION = 140
CONTENTS, STATUSES = "contents: write", "statuses: write"


@dataclass(frozen=True)
class PullRequest:
    """A pull request as it was when we looked."""

    number: int
    url: str
    """Its web page."""
    branch: str
    head_sha: str
    base: str
    state: Literal["open", "closed"]
    merged: bool
    title: str = ""
    updated_at: datetime | None = field(default=None, compare=False)
    """When anything of it last changed, by the forge's clock: its head, a comment, a label."""


class Forge:
    """One hosted repository. Every verb may be repeated: what is so already isn't done again."""

    def __init__(self, github: "Github", repository: str) -> None:
        self._github = github
        self._name = repository
        self._owner = repository.split("/")[0]
        self._repository: Repository = github.get_repo(repository)
        self._comments = Comments(github, self._repository)

    @classmethod
    def connect(cls, api_url: str, repository: str, token: str) -> "Forge":
        """The repository `owner/name` behind an API; nothing is asked yet. Raises UsageError."""
        host = urlsplit(api_url).hostname or ""
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
            raise UsageError(f"GITHUB_REPOSITORY is {for_log(repository)}, not of the form owner/name")
        if not api_url.startswith("https://") and host not in LOOPBACK:
            raise UsageError(f"GITHUB_API_URL is {line_for_log(api_url)}: a token is sent over https only")
        return cls(_github(api_url, token, local=host in LOOPBACK), repository)

    # proposing

    def propose(
        self,
        *,
        base: str,
        branch: str,
        title: str,
        body: str,
        message: str,
        files: Files,
        labels: Sequence[str] = (),
        expect: Files | None = None,
        key: str = "",
    ) -> PullRequest:
        """One commit, one branch, one pull request: opened, or the open one brought up to date.

        With the same files again nothing is pushed. `expect` is what the base must still hold for the
        files to be right, `key` what is proposed where the files don't tell. Raises GateError when
        the base holds something else, or has the files already (where a merged pull request brought
        them, that one is given back), when a person pushed to the branch, or closed a pull request
        of the same unmerged; ServiceError when the forge refuses or is away. At most 8 calls of the
        API where nothing is lost on the way, and one for each file expected.
        """
        check_words(title, message)
        wanted = Proposal(base, branch, title, body, message, files, key)
        earlier = self._pulls_of(branch, base)
        current = next((one for one in earlier if one.state == "open"), None)
        head = self._head(branch)
        check_untouched(branch, head, current)
        if current is None:
            check_not_declined(wanted, earlier)
        if current is not None and head is not None and trailer(head, CONTENT) == wanted.digest:
            sha: str | None = head.sha
        else:
            onto = self._base(base)
            self._check_expected(expect or {}, base, onto.sha)
            sha = self._push(wanted, onto, head, earlier)
        if sha is None:
            return _merged_before(wanted, earlier)
        pull = self._open(wanted) if current is None else self._refresh(current, wanted)
        self._add_labels(pull, labels)
        return _seen(pull, sha)

    def _pulls_of(self, branch: str, base: str) -> list["Hosted"]:
        with door(f"list the pull requests of {branch}", PULLS):
            return list(self._repository.get_pulls(state="all", base=base, head=f"{self._owner}:{branch}"))

    def _head(self, branch: str) -> "Commit | None":
        with suppress(Missing), door(f"look at {branch}", CONTENTS):
            return self._repository.get_branch(branch).commit
        return None

    def _check_expected(self, expect: Files, base: str, sha: str) -> None:
        """Compare with the very commit that ours will stand on: what comes later, a merge sees."""
        other = [path for path, content in expect.items() if self._content(path, sha) != content]
        if other:
            raise GateError(
                f"{base} has another {', '.join(other)} than this was made from",
                hint=f"bring the checkout up to date with {base}, and run again",
            )

    def _content(self, path: str, ref: str) -> bytes | None:
        with suppress(Missing):
            return self.read(path, ref)
        return None

    def _push(
        self, wanted: Proposal, onto: "Commit", head: "Commit | None", earlier: list["Hosted"]
    ) -> str | None:
        """Put the branch at one commit on top of the base; None when the base has these files."""
        tree = self._tree(wanted.files, onto.commit.tree)
        if tree.sha == onto.commit.tree.sha:
            return None
        if head is not None and (head.commit.tree.sha, _parents(head)) == (tree.sha, [onto.sha]):
            return head.sha  # pushed by a run that was cut short
        message = f"{wanted.message}\n\n{CONTENT}: {wanted.digest}\n{TREE}: {tree.sha}\n"
        with door(f"commit to {wanted.branch}", CONTENTS):
            sha = self._repository.create_git_commit(message, tree, [self._git_commit(onto.sha)]).sha
        try:
            self._point(wanted.branch, sha, head, earlier)
        except AnswerLost:
            now = self._head(wanted.branch)
            if now is None or now.sha != sha:
                raise
        return sha

    def _git_commit(self, sha: str) -> "GitCommit":
        """A commit to be named as a parent; PyGithub would ask the forge for it first."""
        from github.GitCommit import GitCommit

        return GitCommit(self._github.requester, {}, {"sha": sha})

    def _base(self, base: str) -> "Commit":
        found = self._head(base)
        if found is None:
            raise Missing(
                f"the forge has no branch {base}", hint="push one first; is GITHUB_REPOSITORY right?"
            )
        return found

    def _tree(self, files: Files, onto: "GitTree") -> "GitTree":
        with door("store the files", CONTENTS):
            entries = [self._entry(path, content) for path, content in sorted(files.items())]
            return self._repository.create_git_tree(entries, onto)

    def _entry(self, path: str, content: bytes | None) -> "InputGitTreeElement":
        from github import InputGitTreeElement

        if content is None:
            return InputGitTreeElement(path, "100644", "blob", sha=None)
        with suppress(UnicodeDecodeError):
            if b"\0" not in content:
                return InputGitTreeElement(path, "100644", "blob", content=content.decode())
        blob = self._repository.create_git_blob(base64.b64encode(content).decode(), "base64")
        return InputGitTreeElement(path, "100644", "blob", sha=blob.sha)

    def _point(self, branch: str, sha: str, head: "Commit | None", earlier: list["Hosted"]) -> None:
        """Move the branch to a commit, if it is still where we saw it.

        REST moves a branch sideways only by force, over whatever came meanwhile; GraphQL compares.
        """
        with door(f"push {branch}", CONTENTS):
            if head is None:
                self._repository.create_git_ref(f"refs/heads/{branch}", sha)
                return
            known = earlier[0].base.repo if earlier else self._repository
            move = {"name": f"refs/heads/{branch}", "beforeOid": head.sha, "afterOid": sha, "force": True}
            change = {"repositoryId": known.node_id, "refUpdates": [move]}
            self._github.requester.graphql_named_mutation("updateRefs", change, "clientMutationId")

    def _open(self, wanted: Proposal) -> "Hosted":
        try:
            with door(f"open a pull request for {wanted.branch}", PULLS):
                return self._repository.create_pull(
                    wanted.base, wanted.branch, title=wanted.title, body=wanted.marked_body
                )
        except (AnswerLost, Exists):
            found = [one for one in self._pulls_of(wanted.branch, wanted.base) if one.state == "open"]
            if not found:
                raise
            return self._refresh(found[0], wanted)

    def _refresh(self, pull: "Hosted", wanted: Proposal) -> "Hosted":
        if (pull.title, plain(pull.body)) != (wanted.title, plain(wanted.marked_body)):
            with door(f"edit pull request {pull.number}", PULLS):
                pull.edit(title=wanted.title, body=wanted.marked_body)
        return pull

    def _add_labels(self, pull: "Hosted", labels: Sequence[str]) -> None:
        missing = [name for name in labels if name not in {label.name for label in pull.labels}]
        if missing:
            with door(f"label pull request {pull.number}", PULLS):
                pull.add_to_labels(*missing)

    # looking

    def settings(self) -> ForgeSettings:
        """The repository's settings, to be read."""
        return ForgeSettings(self._github.requester, self._name)

    def pull(self, number: int) -> PullRequest:
        """One pull request. Raises ServiceError."""
        with door(f"read pull request {number}", "pull-requests: read"):
            found = self._repository.get_pull(number)
            return _seen(found, found.head.sha)

    def pulls(
        self,
        head: str | None = None,
        state: Literal["open", "closed", "all"] = "open",
        base: str | None = None,
    ) -> list[PullRequest]:
        """Pull requests, newest first; `head` and `base` are branches."""
        from github.GithubObject import NotSet

        with door("list the pull requests", "pull-requests: read"):
            by = f"{self._owner}:{head}" if head else NotSet
            found = self._repository.get_pulls(state=state, head=by, base=base or NotSet)
            return [_seen(one, one.head.sha) for one in found]

    def has_status(self, sha: str, context: str) -> bool:
        """Whether a commit has a status of this name. Raises ServiceError."""
        with door("read the statuses", "statuses: read"):
            found = self._repository.get_commit(sha).get_statuses()
            return any(one.context == context for one in found)

    def has_comment(self, number: int, marker: str) -> bool:
        """Whether our comment of a kind is there. Raises ServiceError."""
        return bool(self._comments.own(number, marker))

    def read(self, path: str, ref: str) -> bytes:
        """A file's bytes at a branch, tag or commit. Raises ServiceError."""
        with door(f"read {for_log(path)} at {for_log(ref)}", "contents: read"):
            found = self._repository.get_contents(path, ref=ref)
            if isinstance(found, list):
                raise ServiceError(f"{for_log(path)} at {for_log(ref)} is a folder")
            if found.encoding == "base64":
                return found.decoded_content
            # files over 1 MB come only as blobs
            return base64.b64decode(self._repository.get_git_blob(found.sha).content)

    # doing

    def merge(self, number: int, *, expect_sha: str) -> str:
        """Merge, if the head is still what was judged; give back the merge commit. Raises ServiceError."""
        try:
            with door(f"merge pull request {number}", CONTENTS):
                return self._repository.get_pull(number).merge(sha=expect_sha).sha
        except (AnswerLost, Conflict):
            with door(f"read pull request {number}", "pull-requests: read"):
                now = self._repository.get_pull(number)
                if now.merged and now.head.sha == expect_sha:
                    return now.merge_commit_sha
            raise

    def comment(self, number: int, marker: str, body: str) -> str:
        """Our one comment of a kind, written or rewritten; give back its URL. Raises ServiceError."""
        return self._comments.write(number, marker, body)

    def status(self, sha: str, context: str, state: State, description: str, url: str | None = None) -> None:
        """Set a commit's status; the description is cut to what the forge takes. Raises ServiceError."""
        from github.GithubObject import NotSet

        text = description[:LONGEST_DESCRIPTION]
        with door(f"set the status {context}", STATUSES):
            commit = self._repository.get_commit(sha)
            commit.create_status(state, url if url else NotSet, text, context)

    def label(self, number: int, *names: str) -> None:
        """Put labels on a pull request. Raises ServiceError."""
        with door(f"label pull request {number}", PULLS):
            self._repository.get_issue(number).add_to_labels(*names)


def _github(api_url: str, token: str, *, local: bool) -> "Github":
    """PyGithub with sane habits: only what changes nothing is repeated, and nothing waits for an hour."""
    from github import Auth, Github, GithubRetry

    retry = GithubRetry(
        total=3,
        backoff_factor=0.05 if local else 1,
        allowed_methods={"GET"},
        max_rate_limit_wait=LONGEST_WAIT,
    )
    return Github(
        auth=Auth.Token(token),
        base_url=api_url.rstrip("/"),
        timeout=SECONDS,
        retry=retry,
        per_page=100,
        lazy=True,
        user_agent="ftv4",
        seconds_between_requests=0 if local else 0.25,
        seconds_between_writes=0 if local else 1,
    )


def _merged_before(wanted: Proposal, earlier: list["Hosted"]) -> PullRequest:
    merged = next((one for one in earlier if one.merged_at is not None and wanted.is_of(one)), None)
    if merged is None:
        raise GateError(
            f"nothing to propose: {wanted.base} has these files already", hint="is the checkout up to date?"
        )
    return _seen(merged, merged.head.sha)


def _parents(commit: "Commit") -> list[str]:
    return [parent.sha for parent in commit.parents]


def _seen(pull: "Hosted", head_sha: str) -> PullRequest:
    return PullRequest(
        number=pull.number,
        url=pull.html_url,
        branch=pull.head.ref,
        head_sha=head_sha,
        base=pull.base.ref,
        state="open" if pull.state == "open" else "closed",
        merged=pull.merged_at is not None,
        updated_at=pull.updated_at,
        title=pull.title,
    )
