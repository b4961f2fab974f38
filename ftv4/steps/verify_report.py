"""Shows what a verification found: a line a finding for people, a page, annotations."""

from collections.abc import Callable, Mapping

from ftv4.contracts.verification import OnLedger, Verification
from ftv4.encode import fit
from ftv4.render import Templates, render
from ftv4.steps.gate_report import problem_of, where
from ftv4.steps.show import FILTERS

SHOWN = 30
SAID = {
    "nothing": "touches nothing that says who serves",
    "records": "adds records; who serves stays as it is",
    "start": "the first models.json",
    "promotion": "a promotion",
    "rollback": "a rollback",
    "revert": "the undoing of a commit",
    "edit": "a change of models.json by hand",
}
ANSWERED: Mapping[OnLedger | None, str] = {
    "run and answers": "run and answers are those that the ledger holds",
    "answers": "the answers are those that the ledger holds; which run made the model, it doesn't say",
    "missing": "that the model gave these answers, nobody but the author says",
    "other": "they are not what the ledger holds",
    None: "whether the ledger holds them was not looked up",
}
"""What is known of where a promotion's answers came from."""


def lines(found: Verification) -> list[str]:
    """A line a finding, then what it comes to."""
    told = [
        f"{where(one)}: {one.rule}: {one.pointer + ': ' if one.pointer else ''}{problem_of(one)} ({one.fix})"
        for one in found.findings[:SHOWN]
    ]
    if len(found.findings) > SHOWN:
        told.append(f"and {len(found.findings) - SHOWN} more; --format json lists them all")
    moved = f": {found.stage} from {found.old_model_id} to {found.new_model_id}" if found.stage else ""
    outcome = "verified" if found.passed else "refused"
    return [*told, f"{outcome}: {SAID[found.kind]}{moved}; {totals(found)}; by {found.base[:12]}"]


def totals(found: Verification) -> str:
    """How many findings there are."""
    errors, warnings = found.errors, found.warnings
    return f"{errors} error{'' if errors == 1 else 's'}, {warnings} warning{'' if warnings == 1 else 's'}"


def markdown(
    templates: Templates, found: Verification, budget: int, size: Callable[[str], int], *, alone: bool = True
) -> str:
    """The page of a step summary or a comment, cut to its budget after a whole line.

    `alone`: with the totals, and who judged, which a verdict on a pull request says itself.
    """
    facts = {
        "found": found,
        "said": SAID[found.kind],
        "totals": totals(found) if alone else "",
        "answered": ANSWERED[found.ledger],
        "findings": [{"of": one, "problem": problem_of(one)} for one in found.findings[:SHOWN]],
        "warnings": found.weighed.warnings[:SHOWN] if found.weighed else (),
        "more": max(0, len(found.findings) - SHOWN),
    }
    page = render(templates, "verify.md.j2", facts, FILTERS)
    more = "and {} more lines of this page; `ftv4 verify --format json` has everything."
    return fit(page.splitlines(keepends=True), budget, more.format, size)
