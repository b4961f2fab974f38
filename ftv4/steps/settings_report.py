"""What the doctor asks, in the order of what it costs to be without; and how it tells the answer."""

from collections.abc import Iterator

from ftv4.contracts.settings import Check, Settings
from ftv4.encode import SUMMARY, fit, utf8
from ftv4.render import Templates, render
from ftv4.steps import settings_actions as actions
from ftv4.steps import settings_branches as branches
from ftv4.steps.pinned import pinned_models
from ftv4.steps.ruleset_files import as_code
from ftv4.steps.settings import Question
from ftv4.steps.show import FILTERS

QUESTIONS: tuple[tuple[str, str, Question], ...] = (
    ("verdict", "the verdict is required of a merge", branches.verdict_required),
    ("environments", "environments are for main alone, and paying needs approval", actions.environments),
    ("secrets", "secrets live in environments alone", actions.secrets),
    ("reviews", "a merge needs a person's approval", branches.reviews),
    ("code_owners", "CODEOWNERS names people", branches.code_owners),
    ("history", "main and the ledger are kept", branches.history),
    ("writers", "the App alone writes the ledger", branches.writers),
    ("rulesets", "the forge holds what the ruleset files say", as_code),
    ("actions", "what Actions may do", actions.actions),
    ("models", "pinned models answer long enough", pinned_models),
    ("reconcile", "reconcile runs", actions.reconciled),
    ("workflows", "every workflow is on", actions.workflows),
    ("merge_methods", "how pull requests may be merged", branches.merge_methods),
    ("runs_allowed", "runs of our pull requests start by themselves", actions.allowed_runs),
)
"""Id, what should be so, and who asks."""
MORE = "and {} more lines; `ftv4 ops doctor` lists them all"
WORDS = {"missing": "MISSING", "warning": "warning", "unseen": "can't see", "ok": "ok"}


def settings_lines(settings: Settings) -> Iterator[str]:
    """The report as people read it: what is to do first, each with how."""
    yield f"{settings.repository}: {_count(settings)}"
    yield f"token level {settings.level}: {settings.level_found}"
    yield from (f"  cannot stop: {one}" for one in settings.cannot_stop)
    for check in settings.checks:
        yield f"{WORDS[check.state]:<9} {check.title}: {check.found}"
        if check.todo:
            yield f"{'':<9} -> {check.todo}"


def _count(settings: Settings) -> str:
    fine = sum(check.state == "ok" for check in settings.checks)
    return (
        f"{settings.missing} missing, {settings.warnings} to look at, "
        f"{settings.unseen} not to be seen with this token, {fine} fine"
    )


def settings_page(templates: Templates, settings: Settings) -> str:
    """The same as a page for a run's summary."""

    def of_state(*states: str) -> list[Check]:
        return [check for check in settings.checks if check.state in states]

    facts = {
        "settings": settings,
        "count": _count(settings),
        "todo": of_state("missing", "warning", "unseen"),
        "fine": of_state("ok"),
        "words": WORDS,
    }
    page = render(templates, "doctor.md.j2", facts, FILTERS)
    return fit(page.splitlines(keepends=True), SUMMARY, MORE.format, utf8)
