"""The one door to a Dask cluster: its workers as an executor."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from ftv4.errors import ServiceError, UsageError

SCHEME = "dask://"
PATIENCE = 10
"""Seconds until a cluster counts as out of reach."""


@contextmanager
def cluster(address: str) -> Iterator[tuple[Executor, int]]:
    """The executor of the cluster at `dask://HOST:PORT`, and how many cores it has.

    Raises UsageError for another address, or without the `dask` extra; ServiceError when the cluster
    can't be reached, has other code than this process, or loses work.
    """
    host = address.removeprefix(SCHEME)
    if host == address or not host:
        raise UsageError("--executor: give dask://HOST:PORT")
    try:
        import distributed
    except ImportError:
        raise UsageError("--executor: Dask is not installed", hint='pip install "ftv4[dask]"') from None
    try:
        with distributed.Client(f"tcp://{host}", timeout=PATIENCE, set_as_default=False) as client:
            _must_be_ours(client.run(code))
            with client.get_executor(pure=False) as executor:
                yield executor, max(1, sum(client.ncores().values()))
    except (OSError, distributed.KilledWorker, distributed.CancelledError) as error:
        reason = type(error).__name__ if not str(error) else str(error)
        raise ServiceError(f"{address}: {reason}", hint="are its scheduler and workers running?") from None
    except ImportError:
        raise _foreign() from None


def code() -> str:
    """Names the code of this process: hex SHA-256 of the package's modules."""
    package = Path(__file__).parents[1]
    return sha256(b"\0".join(path.read_bytes() for path in sorted(package.rglob("*.py")))).hexdigest()


def _must_be_ours(found: dict[str, str]) -> None:
    if not found:
        raise ServiceError("the cluster has no workers", hint="start some: dask worker HOST:PORT")
    if set(found.values()) != {code()}:
        raise _foreign()


def _foreign() -> ServiceError:
    return ServiceError(
        "the cluster's workers have not the code of this process, and might judge otherwise",
        hint="install the same ftv4 there",
    )
