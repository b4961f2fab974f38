"""Opens the doors to outside services; commands get their clients here and nowhere else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import click

from ftv4.actions import in_actions, run_id, variable
from ftv4.clients.cluster import cluster
from ftv4.clients.forge import Forge
from ftv4.clients.forge_settings import Approvals
from ftv4.clients.git import Git, GitError, Remote
from ftv4.clients.identity import Job, forge_token, take_back
from ftv4.clients.ledger import Ledger
from ftv4.clients.provider import Provider
from ftv4.documents import Repository
from ftv4.errors import UsageError
from ftv4.steps.approval import PAID
from ftv4.steps.serve import provider_row
from ftv4.steps.workers import Workers

API = "https://api.github.com"
SERVICE, IDENTITY = "FTV4_STS_URL", "FTV4_STS_IDENTITY"
"""Where the forge's token comes from instead of GITHUB_TOKEN, and the name of the trust policy it goes by."""


def connect_provider(repository: Repository, name: str) -> Provider:
    """The provider of a name in config/providers.json.

    Raises ContractError for a name that isn't there, and UsageError when nothing that opens it is set.
    """
    return Provider.connect(name, provider_row(repository, name), variable)


@contextmanager
def connect_cluster(address: str) -> Iterator[Workers]:
    """The cores of the Dask cluster at `dask://HOST:PORT`; raises what `clients.cluster` does."""
    with cluster(address) as found:
        yield Workers(*found)


def connect_forge() -> Forge:
    """The repository of GITHUB_REPOSITORY at GITHUB_API_URL. Raises UsageError for what isn't set."""
    name, token = _given("GITHUB_REPOSITORY", "GITHUB_TOKEN")
    return Forge.connect(variable("GITHUB_API_URL") or API, name, token)


def connect_approvals() -> Callable[[], Approvals] | None:
    """What asks the forge who approved this workflow run; None outside of one. Raises UsageError."""
    return partial(connect_forge().settings().approvals, run_id(), PAID) if in_actions() else None


def connect_remote() -> Remote:
    """The git repository of GITHUB_REPOSITORY at GITHUB_SERVER_URL, opened by GITHUB_TOKEN.

    Raises UsageError for what isn't set.
    """
    server, name, token = _given("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_TOKEN")
    return Remote(f"{server.rstrip('/')}/{name}.git", token)


def _given(*names: str) -> list[str]:
    """Variables that must be set. Raises UsageError that names all that aren't."""
    given = {name: (_token() if name == "GITHUB_TOKEN" else variable(name)) or "" for name in names}
    missing = [name for name, value in given.items() if not value]
    if missing:
        hint = "`ftv4 sandbox` prints all that a trial needs"
        raise UsageError(f"{' and '.join(missing)} not set", hint=hint)
    return list(given.values())


def has_ledger(named: str | None) -> bool:
    """Whether `connect_ledger` finds one; without, each clone knows of its own runs alone."""
    return named is not None or in_actions()


@contextmanager
def connect_ledger(files: Repository, named: str | None) -> Iterator[Ledger | None]:
    """The ledger that `--ledger` names: a URL, a folder, or a remote of the checkout's.

    In Actions it is the repository's own unless another is named; elsewhere there is none then.
    """
    if not has_ledger(named):
        yield None
        return
    with Ledger.opened(connect_remote() if named is None else _named(files, named)) as ledger:
        yield ledger


def _named(files: Repository, named: str) -> Remote:
    """A remote of the checkout's by its name, else a URL or folder; our token only for our own forge."""
    try:
        url = Git(files.root)("remote", "get-url", "--", named)
    except GitError:
        url = named
    server = variable("GITHUB_SERVER_URL")
    ours = server is not None and url.startswith(f"{server.rstrip('/')}/")
    return Remote(url, _token() if ours else None)


def _token() -> str | None:
    """GITHUB_TOKEN; where a token service is set, its token for this job, which ends with the command."""
    service = variable(SERVICE)
    if service is None:
        return variable("GITHUB_TOKEN")
    root = click.get_current_context().find_root()
    if SERVICE not in root.meta:
        token = root.meta[SERVICE] = _given_by(service)
        root.call_on_close(lambda: take_back(variable("GITHUB_API_URL") or API, token))
    return str(root.meta[SERVICE])


def _given_by(service: str) -> str:
    """A token of the service's. Raises UsageError where the job may not say who it is, and ServiceError."""
    repository, policy = _given("GITHUB_REPOSITORY", IDENTITY)
    job = Job.of(variable)
    if job is None:
        raise UsageError(
            f"{SERVICE} is set, and this job can't say who it is", hint="give the job `id-token: write`"
        )
    return forge_token(job, service, repository, policy)
