"""What is proposed to the forge, and whether a person's doing stands against it.

A proposal is known again by its files: the commit says in trailers which files were meant and the
tree they gave, the pull request's body says, hidden, what it is about.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ftv4.encode import for_log, title_problem
from ftv4.errors import GateError, UsageError

if TYPE_CHECKING:
    from github.Commit import Commit
    from github.PullRequest import PullRequest as Hosted

Files = Mapping[str, bytes | None]
"""Whole contents by repository path; None removes the file."""

CONTENT, TREE = "Ftv4-Content", "Ftv4-Tree"
"""Trailers of our commits: which files were meant, and the tree that they gave. A commit with
another tree was changed by somebody, even if an amended message kept the trailers."""
_MARK = re.compile(r"<!-- ftv4:proposes ([0-9a-f]{64}) -->")


@dataclass(frozen=True)
class Proposal:
    """Files that a branch is to bring to its base, and the words they come with."""

    base: str
    branch: str
    title: str
    body: str
    message: str
    files: Files
    key: str = ""
    """What is proposed, where the files do not tell (a date in them makes each time another)."""

    @cached_property
    def digest(self) -> str:
        """Which files this is about, whatever it is called."""
        facts = (
            f"{path}\0{'-' if content is None else hashlib.sha256(content).hexdigest()}\n"
            for path, content in sorted(self.files.items())
        )
        return hashlib.sha256("".join(facts).encode()).hexdigest()

    @cached_property
    def identity(self) -> str:
        """By which a closed pull request is known again."""
        return hashlib.sha256(self.key.encode()).hexdigest() if self.key else self.digest

    @cached_property
    def marked_body(self) -> str:
        """The body with the identity, hidden."""
        return f"{self.body.strip()}\n\n<!-- ftv4:proposes {self.identity} -->\n"

    def is_of(self, pull: "Hosted") -> bool:
        """Whether a pull request was for the same."""
        return _MARK.findall(pull.body or "")[-1:] == [self.identity]


def check_words(title: str, message: str) -> None:
    """Raise UsageError unless title and commit message are plain words that make the forge do nothing."""
    for name, text in (("title", title), ("commit message", message)):
        if problem := title_problem(text):
            raise UsageError(f'the {name} "{for_log(text)}" {problem}')


def check_untouched(branch: str, head: "Commit | None", current: "Hosted | None") -> None:
    """Raise GateError when the branch ends in a commit that somebody else made or changed.

    The tree tells, not the author: a person's commit on top has no trailers, an amended or rebased
    one has another tree, and a bot's name can be anybody's.
    """
    if head is None or trailer(head, TREE) == head.commit.tree.sha:
        return
    which = f" of pull request {current.number}, {current.html_url}," if current else ""
    author = for_log(head.commit.author.name or "somebody")
    raise GateError(
        f"{branch}{which} has a commit that is not ours: {head.sha[:12]} by {author}; nothing was changed",
        hint="merge or close it as it is; or take the commit off, or delete the branch, and run again",
    )


def check_not_declined(proposal: Proposal, earlier: Sequence["Hosted"]) -> None:
    """Raise GateError when a person closed a pull request of the same unmerged."""
    declined = next((one for one in earlier if one.merged_at is None and proposal.is_of(one)), None)
    if declined is not None:
        raise GateError(
            f"pull request {declined.number} proposed the same and was closed unmerged: {declined.html_url}",
            hint="reopen it by hand if that was a mistake; something else gets a pull request of its own",
        )


def trailer(commit: "Commit", name: str) -> str | None:
    """What a commit's message says under a name of ours."""
    found = re.search(rf"^{name}: ([0-9a-f]+)$", commit.commit.message, re.MULTILINE)
    return found[1] if found else None
