"""`ftv4 rollback`: let a model serve again that served before."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from ftv4.cli.options import TEXT, boolean, format_option, now, print_json, repository, stage_option
from ftv4.cli.say import say
from ftv4.encode import name_for_log
from ftv4.errors import UsageError

if TYPE_CHECKING:
    from ftv4.clients.provider import Provider
    from ftv4.documents import Repository
    from ftv4.steps.publish import Desk
    from ftv4.steps.rollback import Return


@click.command()
@stage_option()
@click.option("--to", required=True, metavar="MODEL", help="What served the stage before, or `previous`.")
@click.option(
    "--reason",
    type=TEXT,
    required=True,
    help="Why; it stays in models.json and stands on the pull request.",
)
@boolean("--dry-run", default=False, help="Say what would change; change nothing.")
@boolean("--open-pr", default=False, help="Change nothing here; open one pull request instead.")
@click.option(
    "--base", default="main", show_default=True, help="The branch whose past counts, and that --open-pr asks."
)
@format_option
@click.pass_context
def rollback(
    ctx: click.Context,
    stage: str,
    to: str,
    reason: str,
    dry_run: bool,
    open_pr: bool,
    base: str,
    form: str,
) -> None:
    """Bring a stage back to a model that served it before, as models.json had it then.

    Only a model that the branch's own history has pinned for the stage can come back, and only if it
    answers for as long as the policy asks. `previous` is what served before what serves now, and
    before that when it is asked again.
    """
    from ftv4.steps.rollback import check_reason, roll_back

    files = repository(ctx, needed=True)
    check_reason(reason)
    desk = _desk(files, dry_run, base, open_pr)
    found = roll_back(desk, stage, to, reason, lambda name: _connect(files, name), dry_run=dry_run)
    if form == "json":
        print_json(_answer(found, dry_run))
    else:
        say("\n".join(_lines(found, dry_run)))


def _desk(files: "Repository", dry_run: bool, base: str, open_pr: bool) -> "Desk":
    from ftv4.actions import actor
    from ftv4.documents import MODELS
    from ftv4.steps.promote import promoter
    from ftv4.steps.publish import Desk

    if dry_run and open_pr:
        raise UsageError("--dry-run opens no pull request", hint="leave out one of --dry-run and --open-pr")
    forge = None
    if open_pr:
        from ftv4.cli.clients import connect_forge

        forge = connect_forge()
    by = promoter(files, actor(), required=not dry_run)
    return Desk(files, files.read_bytes(MODELS), by, now(), forge, base)


def _connect(files: "Repository", name: str) -> "Provider | None":
    """The provider, where its key is set; the dated table answers where it isn't."""
    from ftv4.cli.clients import connect_provider

    with suppress(UsageError):
        return connect_provider(files, name)
    return None


def _answer(found: "Return", dry_run: bool) -> dict[str, Any]:
    pull = found.pull_request
    return {
        "stage": found.stage,
        "old_model_id": found.entry.old_model,
        "new_model_id": found.entry.new_model,
        "as_of_commit": found.to.commit,
        "dry_run": dry_run,
        "cleared_overrides": found.entry.cleared_overrides,
        "config_updated": not dry_run and pull is None,
        "pull_request": {"number": pull.number, "url": pull.url, "branch": pull.branch} if pull else None,
    }


def _lines(found: "Return", dry_run: bool) -> list[str]:
    old, new = name_for_log(found.entry.old_model), name_for_log(found.entry.new_model)
    lines = [f"{found.stage}: back to {new}, as of commit {found.to.commit[:12]}; now {old}"]
    for industry, model in found.entry.cleared_overrides.items():
        lines.append(f"  {name_for_log(industry)} loses its own model, {name_for_log(model)}")
    if dry_run:
        return [*lines, "a dry run; models.json would change so:", found.diff.rstrip()]
    if found.pull_request:
        return [*lines, f"pull request {found.pull_request.number}: {found.pull_request.url}"]
    return [*lines, "config/intelligence_v4.models.json names it now"]
