"""`ftv4 ops`: status, doctor, clean-up."""

import click

from ftv4.actions import summarise
from ftv4.cli.options import boolean, format_option, now, print_json, repository
from ftv4.cli.reconcile import reconcile
from ftv4.cli.say import say


@click.group()
def ops() -> None:
    """Status, doctor, and clean-up."""


@ops.command()
@format_option
@click.pass_context
def status(ctx: click.Context, form: str) -> None:
    """Say where each stage stands: rows, reviews, jobs, evals, pins."""
    from ftv4.steps.ops import status_lines, status_of

    answer = status_of(repository(ctx, needed=True), now())
    if form == "json":
        print_json(answer)
        return
    for line in status_lines(answer):
        say(line)


@ops.command()
@boolean("--summary", default=False, help="Also write the report to the workflow run's summary page.")
@format_option
@click.pass_context
def doctor(ctx: click.Context, summary: bool, form: str) -> None:
    """Say what is missing in the repository's settings on the forge, and how to set it.

    Also which step of the token ladder is in force, and how long each pinned model still answers.
    Exits 4 when something is missing, 5 when the forge is away.
    """
    from ftv4.cli.settings import look_around
    from ftv4.steps.settings import examine
    from ftv4.steps.settings_report import QUESTIONS, settings_lines, settings_page

    where = repository(ctx, needed=True)
    answer = examine(look_around(where, now()), QUESTIONS)
    if summary:
        summarise(settings_page(where.template, answer))
    if form == "json":
        print_json(answer)
    else:
        for line in settings_lines(answer):
            say(line)
    if answer.missing:
        ctx.exit(4)


@ops.command("ft-doctor")
@boolean("--list", "list_jobs", default=True, help="List the provider's newest jobs.")
@click.option("--limit", type=click.IntRange(1, 100), default=20, show_default=True, help="Jobs to list.")
@click.option("--job-id", metavar="ftjob-…", help="Look at one job.")
@boolean("--events", default=False, help="With --job-id: its events too.")
@click.option("--provider", default="openai", show_default=True, help="A row of config/providers.json.")
@boolean("--json", "as_json", default=False, help="The Node tool's spelling of --format json.")
@boolean("--dry-run", default=True, help="Makes no difference: the doctor only looks.", expose=False)
@format_option
@click.pass_context
def ft_doctor(
    ctx: click.Context,
    list_jobs: bool,
    limit: int,
    job_id: str | None,
    events: bool,
    provider: str,
    as_json: bool,
    form: str,
) -> None:
    """Ask the provider what it knows: key, jobs, shutdown dates. Exits 5 when it can't be asked."""
    from ftv4.cli.clients import connect_provider
    from ftv4.steps.ops import doctor_lines, examine

    where = repository(ctx)
    answer = examine(
        where, provider, lambda: connect_provider(where, provider), now(),
        limit=limit if list_jobs else 0, job_id=job_id, events=events,
    )  # fmt: skip
    if as_json or form == "json":
        print_json(answer)
    else:
        for line in doctor_lines(answer):
            say(line)
    if answer.errors:
        ctx.exit(5)


@ops.command()
@boolean("--all", "everything", default=False, help="Remove every ship's folder, however young.")
@boolean("--dry-run", default=True, help="Only say what would go.")
@click.option("--keep-days", type=click.IntRange(1), default=14, show_default=True, help="Keep younger ones.")
@format_option
@click.pass_context
def clean(ctx: click.Context, everything: bool, dry_run: bool, keep_days: int, form: str) -> None:
    """Remove old folders of train/ops/synth_ship. Dry by default, unlike the Node tool."""
    from ftv4.steps.ops import clean_up

    answer = clean_up(repository(ctx), now(), everything=everything, keep_days=keep_days, dry_run=dry_run)
    if form == "json":
        print_json(answer)
        return
    verb = "would remove" if dry_run else "removed"
    for path in answer.removed:
        say(f"{verb} {path}")
    say(f"{verb} {len(answer.removed)}, kept {len(answer.kept)}")


ops.add_command(reconcile)
