"""`ftv4 init`: lay out a fresh repository."""

import json
from pathlib import Path

import click

from ftv4 import __version__
from ftv4.cli.options import FILE, boolean, format_option, like, names, print_json
from ftv4.cli.say import say
from ftv4.errors import UsageError

SOURCE = like(
    r"[A-Za-z0-9][\w.-]{0,99}/[A-Za-z0-9][\w.-]{0,99}@[0-9a-f]{40}", "OWNER/REPO@ and a full commit id"
)
OWNER = like(r"@[A-Za-z0-9][\w-]{0,99}(/[A-Za-z0-9][\w.-]{0,99})?", "@login or @organisation/team")


def _owners(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    return tuple(map(OWNER, names(ctx, param, value) or ()))


@click.command()
@click.argument("directory", metavar="[DIR]", type=FILE, default=".")
@click.option(
    "--ftv4",
    "source",
    metavar="OWNER/REPO@SHA",
    type=SOURCE,
    help="Where the workflows take ftv4 from.  [default: where this ftv4 was installed from]",
)
@click.option("--owners", metavar="@A,…", callback=_owners, help="Code owners of what decides who serves.")
@click.option(
    "--app-id",
    type=click.IntRange(1),
    help="The GitHub App whose verdict counts, and that alone writes the ledger.",
)
@boolean("--force", default=False, help="Overwrite files that say something else.")
@format_option
def init(
    directory: str, source: str | None, owners: tuple[str, ...], app_id: int | None, force: bool, form: str
) -> None:
    """Write config, workflows, rulesets and templates into a fresh repository.

    All of it or nothing; what is there already and says the same stays. Files that say something else
    are named, and nothing is written (exit code 4), unless --force.
    """
    from ftv4.documents import Repository
    from ftv4.steps.init import NOBODY, Choices, lay_out, layout

    choices = Choices(source or _installed_from(), owners, app_id, __version__)
    answer = lay_out(Repository(Path(directory)), layout(choices), force=force)
    if form == "json":
        print_json(answer)
        return
    for path in answer.written:
        say(f"wrote {path}")
    say(f"{len(answer.written)} files written, {len(answer.unchanged)} were there already")
    if not owners:
        say(f"next: put people for {NOBODY} into .github/CODEOWNERS")
    say("next: commit, push to main, then run ftv4 ops doctor until nothing is missing")


def _installed_from() -> str:
    """The repository and commit that pip installed this ftv4 from, as it keeps it (PEP 610)."""
    from importlib.metadata import PackageNotFoundError, distribution
    from urllib.parse import urlsplit

    try:
        source = distribution("ftv4")
        told = json.loads(source.read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        told = {}
    commit = told.get("vcs_info", {}).get("commit_id", "")
    name = urlsplit(told.get("url", "")).path.strip("/").removesuffix(".git")
    if not commit or name.count("/") != 1:
        hint = "--ftv4=OWNER/REPO@SHA, with the commit of the ftv4 to use"
        raise UsageError("this ftv4 doesn't know which repository its actions are in", hint=hint)
    return SOURCE(f"{name}@{commit}")
