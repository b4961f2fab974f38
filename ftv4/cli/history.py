"""`ftv4 history`: who served when, from the branch's own history."""

from typing import TYPE_CHECKING

import click

from ftv4.cli.options import format_option, print_json, repository, stage_option
from ftv4.cli.say import say
from ftv4.encode import name_for_log

if TYPE_CHECKING:
    from ftv4.contracts.history import Served


@click.command()
@stage_option(required=False)
@click.option(
    "--rev", default="HEAD", show_default=True, metavar="REV", help="The branch or commit whose past is told."
)
@format_option
@click.pass_context
def history(ctx: click.Context, stage: str | None, rev: str, form: str) -> None:
    """Tell which model served each stage when, newest first: by whom, why, and with which report.

    What counts is models.json along the first parents of REV: what was merged, when it was merged. A
    change with no record of why is called an edit.
    """
    from ftv4.clients.git import Git
    from ftv4.contracts.history import History
    from ftv4.steps.past import served, stages_of, states

    git = Git(repository(ctx).root)
    commit = git.commit(rev)
    past = states(git, commit)
    found = tuple(one for name in stages_of(stage) for one in served(past, name))
    if form == "json":
        print_json(History(commit=commit, served=found))
        return
    for one in found:
        say("\n".join(_lines(one)))


def _lines(one: "Served") -> list[str]:
    until = one.until or "now"
    lines = [
        f"{one.stage:<18} {one.since[:16]} to {until[:16]:<16}  {name_for_log(one.model_id)}",
        f"  {_HOW[one.how]} by {one.by}, commit {one.commit[:12]}",
    ]
    lines += [f"  because {one.reason}"] if one.reason else []
    lines += [f"  report {name_for_log(one.report_path)}"] if one.report_path else []
    return lines + [
        f"  but {name_for_log(industry)}: {name_for_log(model)}" for industry, model in one.overrides.items()
    ]


_HOW = {
    "start": "from the start,",
    "promotion": "promoted",
    "rollback": "rolled back",
    "revert": "reverted",
    "edit": "edited by hand, with no record of why,",
}
