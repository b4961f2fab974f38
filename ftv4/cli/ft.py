"""`ftv4 ft`: plan a fine-tune (the default), buy it, follow it, list what there is."""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from ftv4.cli.clients import connect_approvals, connect_ledger, connect_provider, has_ledger
from ftv4.cli.narration import narrating
from ftv4.cli.options import (
    FILE,
    MODEL,
    SUFFIX,
    TEXT,
    boolean,
    dataset_named,
    format_option,
    ledger_option,
    like,
    now,
    print_json,
    repository,
    stage_option,
)
from ftv4.cli.progress import progress
from ftv4.cli.say import say
from ftv4.encode import for_log, name_for_log
from ftv4.errors import ServiceError, UsageError, alongside

if TYPE_CHECKING:
    from ftv4.clients.provider import Provider
    from ftv4.documents import Repository
    from ftv4.steps.finetune import Asked
    from ftv4.steps.follow import Polling
    from ftv4.steps.ledger import Books
    from ftv4.steps.runs import Run


def number(value: str) -> float:
    """Read a number above zero; not infinity, not NaN (weaknesses.md E2)."""
    with suppress(ValueError):
        if 0 < float(value) < 1e9:
            return float(value)
    raise click.BadParameter(f"{for_log(value)} is not a number above zero")


LABEL = "reading rows"
JOB_ID = r"ft[a-z]*-[A-Za-z0-9_-]+"
"""`ftjob-…`, and its like at other providers."""

ALONE = (
    "no ledger: only this clone is kept from buying this run again at the same moment; "
    "--ledger keeps all that name the same"
)
"""A line of each plan and purchase that other clones can't see."""
RUN_KEY = like(r"[0-9a-f]{64}", "a run key, as a plan shows it")

provider_option = click.option(
    "--provider",
    default="openai",
    show_default=True,
    metavar="NAME",
    help="Who trains: a row of config/providers.json.",
)
interval_option = click.option(
    "--poll-interval", type=number, default=30, show_default=True, help="Seconds between looks at the job."
)
timeout_option = click.option(
    "--poll-timeout", type=number, default=120, show_default=True, help="Minutes to follow the job for."
)


@click.group()
def ft() -> None:
    """Fine-tune a stage: dry by default, paid with --dry-run=false."""


@ft.command()
@stage_option()
@click.option("--suffix", type=SUFFIX, required=True, help="Goes into the tuned model's name.")
@click.option("--dataset", type=FILE, metavar="FILE", help="Rows to train on.  [default: the stage's]")
@click.option("--base-model", type=MODEL, metavar="ID", help="What to tune.  [default: the stage's]")
@provider_option
@boolean("--dry-run", default=True, help="Plan only: write the files, call nobody.")
@click.option(
    "--n-epochs", type=click.IntRange(1, 50), help="Passes over the data.  [default: the provider's]"
)
@click.option("--learning-rate-multiplier", type=number, help="[default: the provider's]")
@click.option("--seed", type=click.IntRange(0, 2147483647), help="For the provider's random numbers.")
@boolean("--approved-only", default=True, help="Train on approved rows alone.")
@click.option(
    "--min-rows", type=click.IntRange(min=1), help="Fewest rows to train on.  [default: the stage's]"
)
@click.option("--notes", type=TEXT, default="", help="Kept in the manifest.")
@boolean("--again", default=False, help="Pay once more, though this very run's job failed or was cancelled.")
@click.option(
    "--run-key", type=RUN_KEY, help="Buy nothing but the run with this key, which a plan has shown."
)
@boolean("--follow", default=True, help="Follow the job to its end.")
@interval_option
@timeout_option
@ledger_option
@boolean("--summary", default=False, help="Add a page on the run to the workflow run's summary, too.")
@format_option
@click.pass_context
def stage(ctx: click.Context, /, form: str, summary: bool, **given: Any) -> None:
    """Turn a stage's dataset into a fine-tune run.

    The plan (default) writes train/finetune_runs/<stage>/<stamp>/ with the training file and a
    manifest: rows, tokens, cost, run key. With --dry-run=false the file is uploaded, the job created
    and followed. The same run is not paid for twice: the second time links to the first job. Clones
    that ask at the same moment are kept from it by a common --ledger (in Actions there is one);
    without, the younger of their jobs is cancelled as soon as the other shows.
    """
    from ftv4.actions import output, summarise
    from ftv4.steps.run_page import run_markdown

    where = repository(ctx)
    given["dataset"] = dataset_named(ctx, where, given["dataset"])
    answer = _plan(where, given) if given["dry_run"] else _buy(where, given)
    if form == "json":
        print_json(answer)
    else:
        say("\n".join(_stage_lines(answer)))
        if answer["dry_run"] and not has_ledger(given["ledger"]):
            say(ALONE)
    output("run", answer["run_dir"].rpartition("/")[2])
    output("key", answer["run_key"])
    if summary:
        summarise(run_markdown(where.template, answer))


@ft.command()
@click.argument("target", metavar="RUN_DIR|JOB_ID")
@click.option("--provider", metavar="NAME", help="Whose job it is.  [default: the run's, else openai]")
@interval_option
@timeout_option
@ledger_option
@format_option
@click.pass_context
def follow(
    ctx: click.Context,
    target: str,
    provider: str | None,
    poll_interval: float,
    poll_timeout: float,
    ledger: str | None,
    form: str,
) -> None:
    """Follow a job to its end, by its run's folder or by its id; keeps job.json up to date."""
    where = repository(ctx)
    with _books(where, ledger) as books:
        answer = _follow(books, target, provider, _polling(poll_interval, poll_timeout))
    if form == "json":
        print_json(answer)
    else:
        say(f"{name_for_log(answer['job_id'])} {answer['status']}: {name_for_log(answer['model_id'])}")


@ft.command(name="list")
@provider_option
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Newest first.")
@ledger_option
@format_option
@click.pass_context
def list_(ctx: click.Context, provider: str, limit: int, ledger: str | None, form: str) -> None:
    """List this repository's runs, joined with the provider's jobs."""
    from ftv4.steps.listing import list_runs, listing_lines

    where = repository(ctx)
    with _books(where, ledger):
        pass
    answer = list_runs(where, provider, lambda: connect_provider(where, provider), limit)
    if form == "json":
        print_json(answer)
    else:
        say("\n".join(listing_lines(answer)))


def _plan(where: "Repository", given: dict[str, Any]) -> dict[str, Any]:
    from ftv4.steps.finetune import prepare
    from ftv4.steps.lifetime import lifetime
    from ftv4.steps.serve import provider_row

    asked, moment = _asked(given), now()
    with progress(LABEL) as step:
        run = prepare(where, asked, moment, step)
    life = lifetime(provider_row(where, asked.provider), asked.config.base_model)
    return _answer(run, warnings=life.warnings(moment.date()))


def _buy(where: "Repository", given: dict[str, Any]) -> dict[str, Any]:
    from ftv4.steps.launch import World, buy
    from ftv4.steps.ledger import Books

    asked = _asked(given)
    provider = connect_provider(where, asked.provider)
    if not has_ledger(given["ledger"]):
        say(ALONE, error=True)
    with connect_ledger(where, given["ledger"]) as ledger:
        world = World(now, time.sleep, _warn, ledger, connect_approvals())
        with progress(LABEL) as step:
            bought = buy(
                where, asked, provider, world, again=given["again"], planned=given["run_key"], progress=step
            )
        run = bought.run
        if given["follow"] and run.job_id is not None:
            polling = _polling(given["poll_interval"], given["poll_timeout"])
            run = _followed(Books(where, ledger, now), run, provider, polling)
    return _answer(run, paid=bought.paid)


def _warn(warning: str) -> None:
    say(f"warning: {warning}", error=True)


@contextmanager
def _books(where: "Repository", ledger: str | None) -> Iterator["Books"]:
    """The runs, with those that the ledger knows if there is one."""
    from ftv4.steps.ledger import Books

    with connect_ledger(where, ledger) as door:
        books = Books(where, door, now)
        books.bring()
        yield books


def _followed(books: "Books", run: "Run", provider: "Provider", polling: "Polling") -> "Run":
    """Follow a run's job; how it ends is on the ledger, too, whatever that is."""
    from ftv4.steps.follow import follow_run
    from ftv4.steps.runs import read_run

    try:
        with narrating(run) as tell:
            run = follow_run(books.repository, run, provider, polling, now, tell)
    except ServiceError as error:
        with alongside(error):
            books.keep(read_run(books.repository, run.folder), "job")
        raise
    return books.keep(run, "job")


def _asked(given: dict[str, Any]) -> "Asked":
    from ftv4.contracts.run import TuningConfig
    from ftv4.stages import STAGES
    from ftv4.steps.finetune import Asked

    stage = STAGES[given["stage"]]
    chosen = {
        name: given[name] for name in ("suffix", "n_epochs", "learning_rate_multiplier", "seed", "notes")
    }
    return Asked(
        stage=stage,
        provider=given["provider"],
        dataset=given["dataset"] or stage.dataset,
        config=TuningConfig(base_model=given["base_model"] or stage.base_model, **chosen),
        approved_only=given["approved_only"],
        min_rows=given["min_rows"] or stage.min_rows,
        dry_run=given["dry_run"],
    )


def _follow(books: "Books", target: str, provider: str | None, polling: "Polling") -> dict[str, Any]:
    from ftv4.steps.follow import follow
    from ftv4.steps.runs import of_job, run_at

    where = books.repository
    run = run_at(where, target) if "/" in target or where.has_folder(target) else of_job(where, target)
    if run is None:
        if not re.fullmatch(JOB_ID, target):
            raise UsageError(
                f"{name_for_log(target)}: neither a run's folder nor a job's id",
                hint="`ftv4 ft list` shows both",
            )
        stranger = connect_provider(where, provider or "openai")
        with narrating(None) as tell:
            job = follow(stranger, target, polling, tell)
        return {
            "run_dir": None,
            "job_id": job.id,
            "provider": stranger.name,
            "status": job.status,
            "fine_tuned_model": job.model,
            "model_id": f"{stranger.name}:{job.model}",
        }
    if provider is not None and provider != run.manifest.provider:
        raise UsageError(
            f"--provider {for_log(provider)}: {run.folder} is a run at {run.manifest.provider}",
            hint="leave --provider out: the run knows",
        )
    theirs = connect_provider(where, run.manifest.provider)
    return _answer(_followed(books, run, theirs, polling))


def _polling(interval: float, minutes: float) -> "Polling":
    from ftv4.steps.follow import Polling

    return Polling(interval, minutes * 60, time.sleep, log=sys.stderr.isatty())


def _answer(run: "Run", *, warnings: tuple[str, ...] = (), paid: bool = False) -> dict[str, Any]:
    """What `ft stage` prints: the Node tool's keys (contracts.md §16) first, then ours."""
    manifest = run.manifest
    return {
        "stage": manifest.stage,
        "dry_run": manifest.dry_run,
        "total_rows": manifest.total_rows,
        "accepted_rows": manifest.accepted_rows,
        "rejected_rows": manifest.rejected_rows,
        "dataset_path": manifest.dataset_path,
        "training_file_path": run.training_file,
        "run_manifest": run.manifest_file,
        "job_id": run.job_id,
        "provider": manifest.provider,
        "base_model": manifest.config.base_model,
        "minimum_rows_required": manifest.minimum_rows_required,
        "rejection_reasons": manifest.rejection_reasons,
        "run_dir": run.folder,
        "run_key": manifest.run_key,
        "estimate": manifest.estimate.model_dump(),
        "status": "waiting_file" if run.status == "file_uploaded" and run.job_id is None else run.status,
        "paid": paid,
        "fine_tuned_model": run.job.openai.fine_tuned_model if run.job else None,
        "model_id": run.model_id,
        "warnings": list(warnings),
    }


def _stage_lines(answer: dict[str, Any]) -> Iterator[str]:
    """The answer as people read it."""
    from ftv4.steps.runs import JOB, MANIFEST, TRAINING

    estimate = answer["estimate"]
    yield (
        f"{answer['stage']}: {answer['accepted_rows']} of {answer['total_rows']} rows accepted, "
        f"{answer['minimum_rows_required']} needed"
    )
    yield from (f"  {count} rejected: {reason}" for reason, count in answer["rejection_reasons"].items())
    cost = estimate["cost_usd"]
    yield (
        f"{answer['base_model']} at {answer['provider']}: {estimate['epochs']} epochs of "
        f"{estimate['tokens_per_epoch']:,} tokens, "
        + ("price unknown" if cost is None else f"about ${cost:,.2f} ({estimate['price_source']})")
    )
    yield f"longest example {estimate['longest_example_tokens']:,} tokens; run key {answer['run_key'][:12]}"
    files = (TRAINING, MANIFEST) if answer["dry_run"] else (TRAINING, MANIFEST, JOB)
    yield f"in {answer['run_dir']}: {', '.join(files)}"
    yield from (f"warning: {warning}" for warning in answer["warnings"])
    if answer["dry_run"]:
        yield "nothing was sent; --dry-run=false trains it"
        return
    if answer["job_id"] is None:
        yield f"{answer['status']}: {answer['provider']} hasn't looked through it yet; no job was asked for"
        yield "next: the same `ftv4 ft stage` again, later"
        return
    yield f"{name_for_log(answer['job_id'])} {answer['status']}" + (
        "" if answer["paid"] else " (paid for before: linked to its job)"
    )
    if answer["model_id"]:
        model = name_for_log(answer["model_id"])
        yield f"next: ftv4 evals run --mode stage --stage {answer['stage']} --model {model}"
    else:
        yield f"next: ftv4 ft follow {answer['run_dir']}"
