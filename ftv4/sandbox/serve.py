"""Serves the sandbox's provider and forge on loopback, and says where they are."""

import errno
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ftv4.errors import Ftv4Error, UsageError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

HOST = "127.0.0.1"
KEY = "sandbox-key"
TOKEN = "sandbox-ftv4-bot"
START_SECONDS = 10.0
STOP_SECONDS = 2
THREAD = "ftv4-sandbox"


@dataclass(frozen=True)
class Urls:
    """Where the sandbox is, and what opens it."""

    provider: str
    """Base URL of the OpenAI API shape, `http://127.0.0.1:<port>/v1`."""
    forge: str
    """Base URL of GitHub's API shape; the web pages are below it too."""
    name: str
    """`owner/repo` on the forge."""
    repository: Path
    """The forge's bare git repository: clone it, push to it."""

    @property
    def web(self) -> str:
        """The repository's front page; with `.git` behind it, what git clones."""
        return f"{self.forge}/{self.name}"

    def seed(self, checkout: Path) -> None:
        """Make a checkout's HEAD the forge's main branch. Raises UsageError when it can't be."""
        from ftv4.sandbox.forge_git import push_head

        refused = push_head(checkout, self.repository)
        if refused:
            raise UsageError(f"{checkout}: HEAD was not pushed to the sandbox: {refused}")

    def environment(self) -> dict[str, str]:
        """The variables that lead ftv4 to this sandbox, past any proxy."""
        return {
            "FTV4_SANDBOX_URL": self.provider,
            "FTV4_SANDBOX_KEY": KEY,
            "GITHUB_API_URL": self.forge,
            "GITHUB_SERVER_URL": self.forge,
            "GITHUB_REPOSITORY": self.name,
            "GITHUB_TOKEN": TOKEN,
            "NO_PROXY": HOST,
            "no_proxy": HOST,
        }


@contextmanager
def serving(folder: Path, *, provider_port: int = 0, forge_port: int = 0) -> Iterator[Urls]:
    """Both services, over the state below `folder`, ready when this yields; port 0 is any free one.

    Raises UsageError for a port that is taken.
    """
    from ftv4.sandbox.forge import OWNER, REPOSITORY, forge_app
    from ftv4.sandbox.issuer import Issuer
    from ftv4.sandbox.provider import provider_app

    with ExitStack() as running:
        provider_socket = running.enter_context(listening("provider", provider_port))
        forge_socket = running.enter_context(listening("forge", forge_port))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / ".gitignore").write_text("*\n")  # in a checkout, its state is nobody's to commit
            issuer = Issuer()
            provider_ = provider_app(folder / "provider", issuer=issuer)
            forge_ = forge_app(folder / "forge", issuer=issuer)
        except OSError as error:
            raise Ftv4Error(f"{folder}: the sandbox can't keep its state there: {error.strerror}") from None
        provider = running.enter_context(served(provider_, provider_socket))
        forge = running.enter_context(served(forge_, forge_socket))
        name = f"{OWNER}/{REPOSITORY}"
        yield Urls(f"{provider}/v1", forge, name, (folder / "forge" / f"{REPOSITORY}.git").resolve())


def listening(name: str, port: int) -> socket.socket:
    """A loopback socket that waits for connections. Raises UsageError when the port is taken."""
    try:
        listener = socket.create_server((HOST, port))
        # asyncio does this only for sockets of its own; without it each answer waits 40 ms for an ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise
        taken = "is taken" if error.errno == errno.EADDRINUSE else "is not for us to open"
        hint = f"choose another with --{name}-port, or 0 for any free one"
        raise UsageError(f"{HOST}:{port} {taken}", hint=hint) from None


@contextmanager
def served(app: "ASGIApp", listener: socket.socket) -> Iterator[str]:
    """An app served by a thread on a listening socket; its URL."""
    import uvicorn

    ready = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready.set()

    config = uvicorn.Config(
        app, log_level="error", lifespan="off", ws="none", timeout_graceful_shutdown=STOP_SECONDS
    )
    server = Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name=THREAD, daemon=True)
    thread.start()
    try:
        if not ready.wait(START_SECONDS):
            raise Ftv4Error(f"the sandbox did not start within {START_SECONDS:.0f} s")
        yield f"http://{HOST}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(STOP_SECONDS + 1)
