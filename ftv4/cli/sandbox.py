"""`ftv4 sandbox`: a provider and a forge on this machine, until stopped."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftv4.cli.options import format_option
from ftv4.cli.say import say

if TYPE_CHECKING:
    from ftv4.sandbox.serve import Urls

PORT = click.IntRange(0, 65535)


@click.command()
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".sandbox"),
    show_default=True,
    help="Where its state is kept.",
)
@click.option(
    "--provider-port",
    type=PORT,
    default=4010,
    show_default=True,
    help="Port of the provider; 0 is any free one.",
)
@click.option(
    "--forge-port", type=PORT, default=4020, show_default=True, help="Port of the forge; 0 is any free one."
)
@click.option(
    "--seed-from",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Push this checkout's HEAD as the forge's main branch.",
)
@format_option
def sandbox(folder: Path, provider_port: int, forge_port: int, seed_from: Path | None, form: str) -> None:
    """Serve a provider and a forge on this machine until stopped.

    Models learn and pull requests merge as they do with the real ones, without key or network.
    What it prints leads ftv4 there; the forge's URL, opened in a browser, shows its pull requests.
    """
    from ftv4.sandbox.serve import serving

    with _stopping() as stopped, serving(folder, provider_port=provider_port, forge_port=forge_port) as urls:
        if seed_from is not None:
            urls.seed(seed_from)
        say(_as_json(urls) if form == "json" else _as_text(urls))
        stopped.wait()


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets: being stopped is how this command ends well."""
    stopped = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: stopped.set()) for number in signals]
    try:
        yield stopped
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _as_json(urls: "Urls") -> str:
    import orjson

    facts = {
        "provider": urls.provider,
        "forge": urls.forge,
        "web": urls.web,
        "repository": str(urls.repository),
    }
    return orjson.dumps(facts | {"environment": urls.environment()}).decode()


def _as_text(urls: "Urls") -> str:
    places = {"provider": urls.provider, "pull requests": f"{urls.web}/pulls", "git": f"{urls.web}.git"}
    lines = [f"# {name:<13} {url}" for name, url in places.items()]
    lines += [_export(name, value) for name, value in urls.environment().items()]
    return "\n".join([*lines, "# Ctrl-C stops it"])


def _export(name: str, value: str) -> str:
    """A shell's line; hosts that are to be reached without a proxy already stay so."""
    kept = f"${{{name}:+,${name}}}" if name.lower() == "no_proxy" else ""
    return f'export {name}="{value}{kept}"'
