"""`ftv4 sandbox`: a provider and a forge on this machine, until stopped."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ftv4.actions import environment, needed
from ftv4.cli.options import TEXT, format_option, like
from ftv4.cli.say import say
from ftv4.encode import for_log
from ftv4.errors import UsageError

if TYPE_CHECKING:
    from ftv4.sandbox.serve import Urls

PORT = click.IntRange(0, 65535)
NAME = like(r"[a-z][a-z0-9-]{0,49}", "the name of a workflow or job")


@click.group(invoke_without_command=True)
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
@click.pass_context
def sandbox(
    ctx: click.Context, folder: Path, provider_port: int, forge_port: int, seed_from: Path | None, form: str
) -> None:
    """Serve a provider and a forge on this machine until stopped.

    Models learn and pull requests merge as they do with the real ones, without key or network.
    What it prints leads ftv4 there; the forge's URL, opened in a browser, shows its pull requests.
    """
    if ctx.invoked_subcommand:
        return
    from ftv4.sandbox.serve import serving

    with _stopping() as stopped, serving(folder, provider_port=provider_port, forge_port=forge_port) as urls:
        if seed_from is not None:
            urls.seed(seed_from)
        say(_as_json(urls) if form == "json" else _as_text(urls))
        stopped.wait()


def _filled(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    wrong = [one for one in value if "=" not in one]
    if wrong:
        raise click.BadParameter(f"{for_log(wrong[0])} is not NAME=VALUE", ctx, param)
    return {name: text for name, _, text in (one.partition("=") for one in value)}


@sandbox.command()
@click.argument("workflow", type=NAME)
@click.argument("name", metavar="JOB", type=NAME)
@click.option(
    "--input",
    "inputs",
    metavar="NAME=VALUE",
    type=TEXT,
    multiple=True,
    callback=_filled,
    help="What the workflow's form says; may be said more than once.",
)
@click.option("--run", "of", type=click.IntRange(min=1), help="The run it is a job of.  [default: a new one]")
@click.pass_context
def job(ctx: click.Context, workflow: str, name: str, inputs: dict[str, str], of: int | None) -> None:
    """Run what a JOB of a WORKFLOW on the sandbox's main runs, as if dispatched by somebody.

    In a checkout of its own, with the variables and the event that Actions would give it. Its summary
    is a page of the forge. What stands around the command (needs, if) is left out, and nothing waits for
    an environment; but who let the --run into it, `ft stage` asks here as well.
    """
    from ftv4.cli import run
    from ftv4.clients.git import Git, Remote
    from ftv4.sandbox.job import ACTOR, MAIN, Job, record
    from ftv4.sandbox.serve import HOST

    forge, repository = needed("GITHUB_API_URL"), needed("GITHUB_REPOSITORY")
    if not forge.startswith(f"http://{HOST}:"):
        raise UsageError("GITHUB_API_URL is no sandbox's", hint="set what `ftv4 sandbox` prints")
    work = Job((ctx.parent or ctx).params["folder"] / "jobs", workflow, name)
    variables = work.start(inputs, repository)
    git = Git(work.checkout, alone=True)
    git("init", "--quiet", "--initial-branch", "main")
    git.fetch(
        Remote(f"{forge}/{repository}.git", needed("GITHUB_TOKEN")), f"+{MAIN}:refs/remotes/origin/main"
    )
    git("reset", "--quiet", "--hard", "origin/main")
    command, handed = work.command(), work.handed() | work.identity(forge)
    begun = {"event": "workflow_dispatch", "status": "in_progress", "conclusion": None}
    about = {"id": of} if of else {"workflow": f"{workflow}.yml", "actor": ACTOR}
    number = record(forge, job=name, **about, **begun)
    with environment(**variables, **handed, GITHUB_RUN_ID=str(number)):
        code = run(["--repo", str(work.checkout), *command])
    ended = "failure" if code else "success"
    record(forge, id=number, status="completed", conclusion=ended, summary=work.summary)
    say(f"{workflow}/{name}: {ended}, {forge}/{repository}/actions/runs/{number}")
    ctx.exit(code)


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
