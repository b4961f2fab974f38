"""Tells a round of reconcile: a line a run, as text, as a page, and as JSON."""

from collections.abc import Iterable, Sequence

from ftv4.contracts import Json
from ftv4.encode import for_log
from ftv4.render import Templates, render
from ftv4.steps.reconcile import Entry, state_of
from ftv4.steps.show import FILTERS

NEXT = {
    "follow": "its job is followed",
    "evaluate": "its model is evaluated",
    "propose": "its model is proposed",
}
FINISHED = {
    "proposed": "a person merges or closes pull request {0}",
    "missing": "nothing by itself: `--again` looks once more",
    "silent": "nothing until models.json is another: the pinned model doesn't answer; promote by hand with "
    "--force and a reason, or roll back",
    "refused": "nothing by itself: {1}",
    "closed": "nothing: pull request {0} was closed",
    "merged": "nothing: pull request {0} was merged",
    "serving": "nothing: it serves",
}
_WAITS = "pull request {}: waits for a verdict"
SHOWN = 200
"""Runs on a page; those with nothing to tell are left out first."""


def reconcile_page(
    templates: Templates, entries: Sequence[Entry], damage: Sequence[str] = (), unjudged: Sequence[int] = ()
) -> str:
    """A round as a page of Markdown; `damage` is what is wrong on the ledger."""
    told = [one for one in entries if one.next or one.done or one.alarms or one.error]
    rest = [one for one in entries if one not in told]
    shown = (told + rest[::-1])[:SHOWN]
    facts: Json = {
        "runs": f"{len(entries)} run{'s' if len(entries) != 1 else ''}",
        "rows": [_row(one) for one in entries if one in shown],
        "more": [one for one in entries if one not in shown],
        "alarms": [*damage, *(f"{one.run.folder}: {alarm}" for one in entries for alarm in one.alarms)],
        "unjudged": [_WAITS.format(number) for number in unjudged],
        "errors": [f"{one.run.folder}: {one.error.message}" for one in entries if one.error],
    }
    return render(templates, "reconcile.md.j2", facts, FILTERS)


def reconcile_lines(
    entries: Iterable[Entry], damage: Sequence[str] = (), unjudged: Sequence[int] = ()
) -> list[str]:
    """A round as people read it on a terminal."""
    lines = [f"look: {problem}" for problem in damage]
    lines += [_WAITS.format(number) for number in unjudged]
    for one in entries:
        row = _row(one)
        lines.append(f"{one.run.folder}  {row['key']}  {row['state']}  next: {row['next']}")
        lines += [f"  done: {done}" for done in one.done]
        lines += [f"  look: {alarm}" for alarm in one.alarms]
        lines += [f"  note: {note}" for note in one.notes]
        lines += [f"  error: {one.error.message}"] if one.error else []
    return lines or ["no run reached a provider yet"]


def reconcile_answer(entries: Iterable[Entry]) -> list[Json]:
    """A round as JSON."""
    return [
        {
            "run_dir": one.run.folder,
            "stage": one.run.manifest.stage,
            "run_key": one.run.manifest.run_key,
            "job_id": one.run.job_id,
            "model_id": one.run.model_id,
            "state": state_of(one),
            "pull_request": one.outcome.pull_request if one.outcome else None,
            "reasons": list(one.outcome.reasons) if one.outcome else [],
            "done": one.done,
            "alarms": one.alarms,
            "notes": one.notes,
            "error": one.error.message if one.error else None,
            "next": one.next,
        }
        for one in entries
    ]


def _row(entry: Entry) -> Json:
    run = entry.run
    return {
        "stage": run.manifest.stage,
        "run": run.folder.rpartition("/")[2],
        "key": run.manifest.run_key[:12],
        "state": state_of(entry),
        "done": "; ".join(entry.done),
        "next": _next(entry),
    }


def _next(entry: Entry) -> str:
    """What happens to it, or why nothing does."""
    waits = f" ({'; '.join(entry.notes)})" if entry.notes else ""
    if entry.next is not None:
        return NEXT[entry.next] + waits
    outcome = entry.outcome
    if outcome is None or outcome.state not in FINISHED:
        error = entry.run.job.openai.error if entry.run.job else None
        return f"nothing: {for_log(error)}" if error else "nothing"
    why = outcome.reasons[0] if outcome.reasons else "its report says why"
    if outcome.state == "refused" and outcome.pull_request:
        why = f"close pull request {outcome.pull_request}, which is stale; {why}"
    return FINISHED[outcome.state].format(outcome.pull_request or "-", why) + waits
