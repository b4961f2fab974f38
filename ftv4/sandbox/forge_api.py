"""How the sandbox forge is asked and answers: a call, a refusal in GitHub's words, pages of a list."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from ftv4.sandbox.forge_git import BareRepository, Commit, Person
from ftv4.sandbox.forge_store import Store, Thing
from ftv4.sandbox.issuer import Issuer

T = TypeVar("T")
DOCUMENTATION = "https://docs.github.com/rest"
LONGEST_BODY = 65_536
"""Characters of a pull request's or a comment's body, as GitHub allows."""


class Refused(Exception):
    """The forge's no: a status, and GitHub's error body."""

    def __init__(self, status: int, message: str, errors: Sequence[Thing | str] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.body: Thing = {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}
        if errors:
            self.body["errors"] = list(errors)


def missing() -> Refused:
    """404, for what isn't there."""
    return Refused(404, "Not Found")


def invalid(resource: str, field: str, code: str = "invalid", message: str = "") -> Refused:
    """422 in the form of a failed validation."""
    error = {"resource": resource, "code": code, "field": field} | ({"message": message} if message else {})
    return Refused(422, "Validation Failed", [error])


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Forge:
    """One hosted repository: its name, its git, its records, its clock."""

    owner: str
    name: str
    git: BareRepository
    store: Store
    clock: Callable[[], datetime]
    issuer: Issuer = field(default_factory=Issuer)
    """Signs who a job is; whoever is to believe it has the same one."""

    @property
    def full_name(self) -> str:
        """`owner/name`"""
        return f"{self.owner}/{self.name}"

    def now(self) -> str:
        """The time as GitHub writes it."""
        return iso(self.clock())

    def user(self, login: str) -> Thing:
        """The person with this login, known from now on."""
        known = self.store.of("user", login)
        return (
            known[0] if known else self.store.add("user", login, {"login": login, "created_at": self.now()})
        )

    def person(self, user: Thing) -> Person:
        """A user as the author of a commit made now."""
        return Person(user["login"], email(user), self.clock())

    def commit(self, sha: str) -> Commit:
        """A commit by its full sha; 422 when there is none, as GitHub says it."""
        if self.git.kind(sha) != "commit":
            raise Refused(422, f"No commit found for SHA: {sha}")
        return self.git.commit(sha)


@dataclass(frozen=True)
class Call:
    """One request: who asks what of which forge."""

    forge: Forge
    root: str
    """Scheme, host and port that the client used; every URL of the answer has them."""
    path: str
    where: dict[str, Any]
    """The variable parts of the path."""
    query: dict[str, str]
    body: Thing
    user: Thing

    def text(self, key: str, default: str | None = None) -> str:
        """A string of the body; required unless there is a default."""
        value = self.body.get(key, default)
        if value is None:
            value = default
        if not isinstance(value, str):
            raise Refused(422, f'Invalid request.\n\n"{key}" wasn\'t supplied.')
        return value

    def number(self, key: str) -> int:
        """A whole number in the path."""
        return int(self.where[key])

    def page(
        self, items: Sequence[T], shape: Callable[[T], Any], wrap: Callable[[list[Any]], Any] = list
    ) -> Answer:
        """One page of a list, with the Link header that leads to the others."""
        size = min(max(self._count("per_page", 30), 1), 100)
        page, last = max(self._count("page", 1), 1), max(-(-len(items) // size), 1)
        links = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        shown = {name: to for name, to in links.items() if 1 <= to <= last and to != page}
        link = ", ".join(f'<{self._page(to)}>; rel="{name}"' for name, to in shown.items())
        body = wrap([shape(item) for item in items[(page - 1) * size : page * size]])
        return Answer(200, body, {"Link": link} if link else {})

    def _page(self, number: int) -> str:
        return f"{self.root}{self.path}?{urlencode(self.query | {'page': str(number)})}"

    def _count(self, key: str, default: int) -> int:
        given = self.query.get(key, "")
        return int(given) if re.fullmatch(r"\d{1,9}", given) else default


Endpoint = Callable[[Call], Answer]


def iso(moment: datetime) -> str:
    """`2026-11-22T09:30:00Z`"""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def email(user: Thing) -> str:
    """The address that ties a commit to its author's account."""
    return f"{user['id']}+{user['login']}@users.noreply.localhost"


def bounded(text: str, field_name: str) -> str:
    """A body that GitHub would take."""
    if len(text) > LONGEST_BODY:
        raise invalid(
            "Issue", field_name, "custom", f"{field_name} is too long (maximum is {LONGEST_BODY} characters)"
        )
    return text
