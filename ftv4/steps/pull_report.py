"""Reports a verdict on a pull request: one status on the judged commit, one comment for life."""

from functools import partial

from ftv4.clients.forge import Forge, State
from ftv4.contracts.pull_verdict import PullVerdict
from ftv4.encode import COMMENT, fit, utf16
from ftv4.errors import ContractError, ServiceError
from ftv4.render import Templates, render
from ftv4.steps.handover import MORE
from ftv4.steps.pull_verdict import Asked
from ftv4.steps.show import FILTERS

CONTEXT = "ftv4/verdict"
"""The status's name, which the ruleset of the default branch requires."""
MARKER = "<!-- ftv4:verdict -->"


def check_is_for(verdict: PullVerdict, asked: Asked) -> None:
    """Raise ContractError unless the verdict is about what this run's event is about."""
    wrong = {
        "repository": verdict.repository_id != asked.repository_id,
        "commit": asked.head is not None and verdict.head != asked.head,
        "pull request": asked.pull is not None and verdict.pull != asked.pull,
        "merge queue": asked.queue is not None and verdict.pull is not None,
    }
    others = [name for name, holds in wrong.items() if holds]
    if others:
        raise ContractError(
            f"the verdict is about another {' and '.join(others)} than this run; nothing was written"
        )


def in_words(verdict: PullVerdict) -> str:
    """The verdict in one line, of our own words and numbers alone."""
    if not verdict.touches:
        return "nothing to judge"
    told = "passed" if verdict.passed else "refused"
    if verdict.touches != ("settings",):
        told += f": {_count(verdict.errors, 'error')}, {_count(verdict.warnings, 'warning')}"
    sets = _count(verdict.settings, "value") + " of the configuration" if verdict.settings else ""
    files = _count(verdict.deciding, "file") + " that later verdicts go by" if verdict.deciding else ""
    changes = " and ".join(filter(None, (sets, files)))
    return f"{told}; changes {changes}" if changes else told


def page(templates: Templates, verdict: PullVerdict, run: str | None = None, *, stale: bool = False) -> str:
    """What people read: the verdict first, then what it rests on."""
    facts = {"verdict": verdict, "told": in_words(verdict), "run": run, "stale": stale}
    return render(templates, "verdict.md.j2", facts, FILTERS) + f"\n{verdict.page}"


def report(templates: Templates, verdict: PullVerdict, forge: Forge, run: str | None) -> list[str]:
    """Set the status and write the comment, each whatever becomes of the other; what was done, a line each.

    Raises ServiceError that tells what was not done.
    """
    done: list[str] = []
    refused: list[ServiceError] = []
    status, comment = partial(_status, verdict, forge, run), partial(_comment, templates, verdict, forge, run)
    for act in (status, comment):
        try:
            done.append(act())
        except ServiceError as error:
            refused.append(error)
    if refused:
        raise ServiceError(
            f"the verdict on {verdict.head[:12]} was not reported in full",
            problems=[f"{error.message}; {error.hint}" for error in refused] + done,
            hint="run the workflow again when this is mended",
            retryable=any(error.retryable for error in refused),
        )
    return done


def _status(verdict: PullVerdict, forge: Forge, run: str | None) -> str:
    state: State = "success" if verdict.passed else "failure"
    forge.status(verdict.head, CONTEXT, state, in_words(verdict), run)
    return f"status {CONTEXT} of {verdict.head[:12]}: {state}"


def _comment(templates: Templates, verdict: PullVerdict, forge: Forge, run: str | None) -> str:
    """Write or rewrite our comment, where there is one conversation for it and something to tell.

    A verdict on a commit that isn't the head any more says so, and never takes the place of the head's own.
    """
    if verdict.pull is None:
        return "no comment: no single pull request has this head"
    pull = forge.pull(verdict.pull)
    if pull.state != "open":
        return f"no comment: pull request {pull.number} was closed meanwhile"
    stale = pull.head_sha != verdict.head
    if stale and forge.has_status(pull.head_sha, CONTEXT):
        return f"no comment: pull request {pull.number} has a newer verdict"
    if not verdict.touches and not forge.has_comment(pull.number, MARKER):
        return "no comment: nothing to judge"
    lines = page(templates, verdict, run, stale=stale).splitlines(keepends=True)
    text = fit(lines, COMMENT - len(MARKER) - 1, MORE.format, utf16)
    return f"comment {forge.comment(pull.number, MARKER, text)}"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
