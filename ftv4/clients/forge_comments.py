"""Our comments on pull requests: one of a kind, for life.

Ours is the one that starts with the marker (an HTML comment) and that we wrote: anybody can copy a
marker, so the author's id counts as well.
"""

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from ftv4.clients.forge_errors import PULLS, Missing, door
from ftv4.clients.provider import AnswerLost

if TYPE_CHECKING:
    from github import Github
    from github.IssueComment import IssueComment
    from github.Repository import Repository


class Comments:
    """The comments of one repository's pull requests."""

    def __init__(self, github: "Github", repository: "Repository") -> None:
        self._github = github
        self._repository = repository

    def write(self, number: int, marker: str, body: str) -> str:
        """Write or rewrite our comment; give back its URL. Raises ServiceError.

        The oldest stays: two runs that wrote one at the same time agree which.
        """
        text = body if body.startswith(marker) else f"{marker}\n{body}"
        own, *others = self.own(number, marker) or self._first(number, marker, text)
        for other in others:
            with suppress(Missing), door(f"take back a second comment on pull request {number}", PULLS):
                other.delete()
        if plain(own.body) != plain(text):
            with door(f"edit the comment on pull request {number}", PULLS):
                own.edit(text)
        return own.html_url

    def own(self, number: int, marker: str) -> "list[IssueComment]":
        """Our comments of this kind, the oldest first. Raises ServiceError."""
        with door(f"read the comments of pull request {number}", PULLS):
            found = self._repository.get_issue(number).get_comments()
            return [one for one in found if one.body.startswith(marker) and one.user.id == self._own_id]

    def _first(self, number: int, marker: str, text: str) -> "list[IssueComment]":
        """Write a comment where there was none; what is there then, also by a run that did the same."""
        try:
            with door(f"comment on pull request {number}", PULLS):
                made = [self._repository.get_issue(number).create_comment(text)]
        except AnswerLost:
            found = self.own(number, marker)
            if not found:
                raise
            return found
        return self.own(number, marker) or made

    @cached_property
    def _own_id(self) -> int:
        """The id of the account behind the token; GraphQL, as REST does not tell an App or a job its own."""
        _, answer = self._github.requester.graphql_query("query { viewer { databaseId } }", {})
        number: int = answer["data"]["viewer"]["databaseId"]
        return number


def plain(text: str | None) -> str:
    """A body without what a forge may change about it."""
    return (text or "").replace("\r\n", "\n").strip()
