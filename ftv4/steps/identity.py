"""Says who acts: on whose word a row is approved, or a model promoted."""

from ftv4.clients.git import Git, GitError
from ftv4.documents import Repository


def identity(repository: Repository, actor: str | None) -> str | None:
    """The platform's actor, else the checkout's git identity; None when neither says.

    Never a variable that anybody can set (weaknesses.md E9).
    """
    if actor:
        return actor
    try:
        return Git(repository.root)("config", "user.email") or None
    except GitError:
        return None
