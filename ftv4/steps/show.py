"""Shows eval reports and comparisons: lines, Markdown, and JSON without raw answers."""

from collections.abc import Callable, Iterable
from statistics import median
from typing import Any

from ftv4.contracts import Json
from ftv4.contracts.evaluation import CasePair, Comparison, EvalReport
from ftv4.encode import code_span, for_markdown, person_for_markdown
from ftv4.render import Templates, render
from ftv4.steps.compare import newly_failing, newly_fixed, served_by
from ftv4.steps.evals import agreement_of

FILTERS: dict[str, Callable[..., str]] = {
    "code": for_markdown,
    "line": code_span,
    "person": person_for_markdown,
}
"""`code` for what a stranger wrote, `person` for who it is, `line` for our own lines, in which that is
encoded already."""
SHOWN = 30
"""Cases listed in a page that people read; the file has them all."""


def report_json(report: EvalReport) -> Any:
    """A report without the raw answers, which are strangers' text and stay in the file."""
    return report.model_dump(mode="json", exclude={"results": {"__all__": {"answers"}}})


def report_lines(report: EvalReport) -> str:
    """A line a case, what is wrong below it, and the totals."""
    lines = []
    for result in report.results:
        lines.append(f"[{_word(result.passed)}] {result.fixture_id}  agreement {number(result.agreement)}")
        lines += [f"       {error}" for error in result.errors]
    totals = report.totals
    lines.append(
        f"{totals.fixtures} cases, {totals.passed} passed, {totals.failed} failed; "
        f"mean agreement with gold {number(agreement_of(report))}"
    )
    return "\n".join([*lines, f"report {report.report_path}"]) + "\n"


def report_markdown(templates: Templates, report: EvalReport) -> str:
    """A report as a page of Markdown."""
    facts = {
        "report": report,
        "model": served_by(report),
        "numbers": numbers(report),
        "failed": [result for result in report.results if not result.passed][:SHOWN],
    }
    return render(templates, "evals.md.j2", facts, FILTERS)


def numbers(report: EvalReport) -> Json:
    """The figures of a report that people compare."""
    answers = [
        answer
        for result in report.results
        for answer in result.answers
        if report.stage in (None, answer.stage) and answer.answer is not None
    ]
    guards = ("schema", "doctrine", "stage_drift", "decision", "grounding")
    return {
        "passed": f"{report.totals.passed} of {report.totals.fixtures}",
        "guards": {
            name: sum(getattr(result, f"{name}_passed") for result in report.results) for name in guards
        },
        "agreement": number(agreement_of(report)),
        "seconds": number(median(answer.seconds for answer in answers)) if answers else "-",
    }


def comparison_lines(comparison: Comparison) -> str:
    """A line a case, and the verdict with its reasons."""
    width = max((len(pair.fixture_id) for pair in comparison.pairs), default=0)
    lines = [
        f"A  {comparison.a_model or 'the pins'}  {comparison.a}",
        f"B  {comparison.b_model or 'the pins'}  {comparison.b}",
    ]
    lines += [f"{pair.outcome:<4}  {pair.fixture_id:<{width}}  {_both(pair)}" for pair in comparison.pairs]
    for name, pairs in (
        ("newly failing", newly_failing(comparison)),
        ("newly fixed", newly_fixed(comparison)),
    ):
        if pairs:
            lines.append(f"{name}: {_names(pairs)}")
    if comparison.verdict != "INVALID":
        lines.append(f"{comparison.wins} wins, {comparison.losses} losses, {comparison.ties} ties for B")
    return "\n".join([*lines, comparison.verdict, *(f"  {reason}" for reason in comparison.why)]) + "\n"


def comparison_markdown(templates: Templates, comparison: Comparison) -> str:
    """A comparison as a page of Markdown."""
    facts = {
        "comparison": comparison,
        "newly_failing": newly_failing(comparison)[:SHOWN],
        "newly_fixed": newly_fixed(comparison)[:SHOWN],
        "changed": [pair for pair in comparison.pairs if pair.outcome != "tie"][:SHOWN],
        "number": number,
    }
    return render(templates, "compare.md.j2", facts, FILTERS)


def number(value: float | None) -> str:
    """Two decimals, or a dash."""
    return "-" if value is None else f"{value:.2f}"


def _both(pair: CasePair) -> str:
    sides = ((pair.a_passed, pair.a_agreement), (pair.b_passed, pair.b_agreement))
    return " -> ".join(f"{_word(passed)} {number(agreement)}" for passed, agreement in sides)


def _word(passed: bool) -> str:
    return "PASS" if passed else "FAIL"


def _names(pairs: Iterable[CasePair]) -> str:
    return ", ".join(pair.fixture_id for pair in pairs)
