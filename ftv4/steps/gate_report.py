"""Shows what the gates found to people: a line a finding, and a page of Markdown."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ftv4.contracts import Json
from ftv4.contracts.findings import (
    ChangeReport,
    Edit,
    Finding,
    Forecast,
    GateReport,
    Measure,
    RowChange,
    Setting,
    Shift,
)
from ftv4.contracts.policy import Policy
from ftv4.contracts.run import Estimate
from ftv4.encode import code_span, fit, for_log, for_markdown
from ftv4.gates.diversity import percent
from ftv4.guards.decision import STAGE as DECISION
from ftv4.render import Templates, render
from ftv4.steps.gate import UNKNOWN
from ftv4.steps.row_change import measures
from ftv4.steps.waivers import waivable

if TYPE_CHECKING:
    from rich.text import Text

SHOWN = 20
"""Findings of a file that people are shown; JSON has them all."""
INDUSTRIES = 12
"""Industries whose shift is shown."""


@dataclass(frozen=True)
class Answer:
    """What was judged: some files, or a change."""

    reports: Sequence[GateReport]
    change: ChangeReport | None = None

    @property
    def passed(self) -> bool:
        """Nothing is refused."""
        return all(report.passed for report in self.reports) and (self.change is None or self.change.passed)

    @property
    def findings(self) -> list[Finding]:
        """All of them, errors first, of what is new before what was there."""
        found = [*(self.change.findings if self.change else ())]
        found += [finding for report in self.reports for finding in report.findings]
        return sorted(found, key=_weight)

    @property
    def totals(self) -> str:
        """How many findings there are, however many are shown."""
        errors = sum(finding.severity == "error" for finding in self.findings)
        warnings = len(self.findings) - errors
        datasets = _count(len(self.reports), "dataset")
        return f"{_count(errors, 'error')}, {_count(warnings, 'warning')} in {datasets}"


def lines(answer: Answer) -> Iterator["Text"]:
    """A line a finding, then what it comes to; coloured where the terminal shows colours."""
    from rich.text import Text

    if answer.change:
        yield from _listed(answer.change.findings)
    for report in answer.reports:
        yield from _listed(report.findings)
        yield from map(Text, _said(report))
        yield Text(verdict(report), "green" if report.passed else "bold red")
    if answer.change:
        yield from map(Text, _settings(answer.change))
        told = f"{'passed' if answer.passed else 'refused'}: {answer.totals}; by the policy of "
        yield Text(told + answer.change.base[:12], "green" if answer.passed else "bold red")
        if not answer.reports:
            ends = f"between {answer.change.fork[:12]} and {answer.change.head[:12]}"
            yield Text(f"no dataset differs {ends}; what isn't committed yet is judged by `ftv4 gate FILE`")


def verdict(report: GateReport) -> str:
    """One line: passed or refused, how many rows, and the measures of diversity."""
    if not report.gates:
        return f"{for_log(report.file)}: refused: not a dataset"
    parts = [
        f"{for_log(report.file)}: {'passed' if report.passed else 'refused'}: "
        f"{report.accepted_rows} of {report.total_rows} rows accepted for {report.stage}",
        ", ".join(f"{count} {reason}" for reason, count in report.rejection_reasons.items()),
        ", ".join(f"{name} {value}" for name, value in _measured(report).items()),
    ]
    return "; ".join(part for part in parts if part)


def markdown(
    templates: Templates, answer: Answer, policy: Policy, budget: int, size: Callable[[str], int]
) -> str:
    """The page of a step summary or a comment, cut to its budget after a whole line.

    What strangers wrote stands in code spans. The totals come first, and count what is cut, too.
    """
    tree, more_of_tree = _shown(answer.change.findings if answer.change else ())
    facts = {
        "answer": answer,
        "tree": [_row_of(finding) for finding in tree],
        "more_of_tree": more_of_tree,
        "settings": (answer.change.settings if answer.change else ())[:SHOWN],
        "more_settings": _unshown_settings(answer.change),
        "reports": [_facts(report, policy) for report in answer.reports],
    }
    page = render(templates, "gate.md.j2", facts, {"code": for_markdown, "span": code_span})
    more = "and {} more lines of this page; `ftv4 gate --format json` has everything."
    return fit(page.splitlines(keepends=True), budget, more.format, size)


def as_json(answer: Answer) -> Json:
    """One report as it is; several as a list, with the verdict on all; a change as its own report."""
    if answer.change:
        return answer.change.model_dump(mode="json")
    plain = [report.model_dump(mode="json") for report in answer.reports]
    return plain[0] if len(plain) == 1 else {"passed": answer.passed, "reports": plain}


def where(finding: Finding) -> str:
    """`file:line`, as editors and terminals link it."""
    line = "" if finding.line is None else f":{finding.line}"
    return for_log(finding.file) + line


def problem_of(finding: Finding) -> str:
    """What is wrong, with the value where the sentence doesn't show it, and why it is waived."""
    said = finding.value.strip('"')
    # A word or a letter may stand in the sentence for another reason.
    shown = finding.value in finding.problem or (len(said) > 3 and said in finding.problem)
    value = "" if shown else f"; it says {finding.value}"
    waived = f"; waived: {finding.waived}" if finding.waived else ""
    return f"{finding.problem}{value}{waived}"


def advice_of(finding: Finding) -> str:
    """The same as a sentence, and what to do about it."""
    problem = problem_of(finding)
    stop = "" if problem.endswith((".", '."')) else "."
    return f"{problem}{stop} What to do: {finding.fix}"


def forecast_text(forecast: Forecast) -> str:
    """Tokens, cost and duration of a fine-tune, and what they rest on, in one sentence."""
    expected = forecast.estimate
    return (
        f"a fine-tune of {for_log(forecast.base_model)} at {for_log(forecast.provider)}, by estimate: "
        f"{_count(forecast.examples, 'example')}, {expected.billable_tokens:,} tokens in "
        f"{_count(expected.epochs, 'epoch')}, {_cost(expected)}, {_duration(forecast)}"
    )


def _cost(expected: Estimate) -> str:
    if expected.cost_usd is None:
        return "no price known"
    return f"{expected.cost_usd:,.2f} USD ({for_log(expected.price_source or 'nobody says whose price')})"


def _duration(forecast: Forecast) -> str:
    if forecast.seconds is None:
        return "how long is not known until a job of this repository has finished"
    rests = f"median of {_count(forecast.finished_jobs, 'finished job')}"
    return f"about {_count(max(1, round(forecast.seconds / 60)), 'minute')} ({rests})"


def _weight(finding: Finding) -> tuple[bool, bool, bool]:
    # What is said of all rows explains what is said of each.
    return finding.severity != "error", finding.new is False, finding.line is not None


def _line(finding: Finding) -> "Text":
    from rich.text import Text

    colour = "red" if finding.severity == "error" else "yellow"
    place, fix = (f"{where(finding)}: ", "bold"), (f" ({finding.fix})", "dim")
    pointer = f"{for_log(finding.pointer)}: " if finding.pointer else ""
    row = f" [{_waived_by(finding)}]" if finding.rule in waivable() else ""
    return Text.assemble(
        place, (finding.rule, colour), f": {pointer}{problem_of(finding)}", fix, (row, "dim")
    )


def _waived_by(finding: Finding) -> str:
    """What a waiver of it says."""
    return f"row {finding.row}" if finding.row else "the whole file: a waiver without rows"


def _settings(change: ChangeReport) -> Iterator[str]:
    """What the change does to policy, waivers and providers, a line each."""
    for one in change.settings[:SHOWN]:
        yield f"{for_log(one.file)}: {for_log(one.pointer)}: {_from_to(one)}; this verdict is by the base's"
    if left := _unshown_settings(change):
        yield f"and {left} more values of policy, waivers and providers"


def _from_to(one: Edit | Setting) -> str:
    return f"{one.before or 'nothing'} -> {one.after or 'nothing'}"


def _unshown_settings(change: ChangeReport | None) -> int:
    return max(0, len(change.settings) + change.more_settings - SHOWN) if change else 0


def _listed(findings: Sequence[Finding]) -> Iterator["Text"]:
    from rich.text import Text

    shown, more = _shown(findings)
    yield from map(_line, shown)
    if more:
        yield Text(f"and {more}; --format json lists them all")


def spread(findings: Sequence[Finding], most: int) -> tuple[list[Finding], Counter[str]]:
    """So many findings by weight, each rule at least once while there is room; the rest by rule."""
    ordered = sorted(findings, key=_weight)
    first = {finding.rule: place for place, finding in reversed([*enumerate(ordered)])}
    places = sorted(range(len(ordered)), key=lambda place: first[ordered[place].rule] != place)
    shown = set(places[:most])
    left = Counter(finding.rule for place, finding in enumerate(ordered) if place not in shown)
    return [ordered[place] for place in sorted(shown)], left


def _shown(findings: Sequence[Finding]) -> tuple[list[Finding], str]:
    """As many as people are shown; how many more, of which rules."""
    shown, left = spread(findings, SHOWN)
    rules = ", ".join(f"{count:,} {rule}" for rule, count in left.most_common())
    return shown, f"{left.total():,} more: {rules}" if left else ""


def _said(report: GateReport) -> Iterator[str]:
    """What a report says besides findings, a line each."""
    file = for_log(report.file)
    if report.change:
        change = report.change
        yield f"{file}: {change.added} rows added, {change.removed} removed, {change.edited} edited"
        yield from (f"{file}:{line}" for line in _row_lines(change))
        for shift in _moved(change.reviewers)[:INDUSTRIES]:
            yield f"{file}: approved by {shift.name}, as the rows say: {shift.before}, now {shift.after}"
        for measure in change.measures:
            row = _measure(measure)
            yield f"{file}: {row['name']} {row['before']}, now {row['after'].strip('*')}; {row['limit']}"
    for used in report.waivers:
        waived = _count(used.findings, "finding")
        yield f"{file}: {waived} of {used.rule} waived by {used.owner} until {used.expires}: {used.reason}"
    if report.forecast:
        yield f"{file}: stage {report.stage}: eligible rows {_eligible(report)}"
        yield f"{file}: {forecast_text(report.forecast)}"


def _row_lines(change: RowChange) -> Iterator[str]:
    """Some of the rows that a change edits, adds and removes, as `line: what`."""
    rows = _of_rows(change)
    for row in rows["edited"]:
        for edit in row.edits:
            yield f"{row.line}: edited: {row.id}: {edit.pointer}: {_from_to(edit)}"
        if row.more_edits:
            yield f"{row.line}: edited: {row.id}: and {row.more_edits} more members"
    yield from (f"{row.line}: new: {row.id}: {row.text}" for row in rows["added"])
    yield from (f"{row.line}: removed, where it stood: {row.id}" for row in rows["gone"])
    if rows["sampled"]:
        yield f" new and edited rows shown: {rows['sampled']}"
    if rows["more_gone"]:
        yield f" removed rows not shown: {rows['more_gone']:,}"


def _eligible(report: GateReport) -> str:
    """`38 of 40` while rows are missing, `108 (40 needed)` after."""
    accepted, needed = report.accepted_rows, report.needed_rows
    if needed is None:
        return f"{accepted:,}"
    return f"{accepted:,} of {needed:,}" if accepted < needed else f"{accepted:,} ({needed:,} needed)"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _facts(report: GateReport, policy: Policy) -> Json:
    measured = report.change.measures if report.change else tuple(measures(None, report, policy))
    shown, more = _shown(report.findings)
    return {
        "report": report,
        "eligible": _eligible(report),
        "findings": [_row_of(finding, report.file) for finding in shown],
        "waivable": {(one.rule, one.line): one for one in shown if _needs_waiver(one)}.values(),
        "more": more,
        "measures": [_measure(measure) for measure in measured],
        "industries": report.change.industries[:INDUSTRIES] if report.change else (),
        "more_industries": max(0, len(report.change.industries) - INDUSTRIES) if report.change else 0,
        "reviewers": _moved(report.change.reviewers)[:INDUSTRIES] if report.change else (),
        "forecast": forecast_text(report.forecast) if report.forecast else "",
    } | _of_rows(report.change)


def _row_of(finding: Finding, file: str = "") -> Json:
    """A finding as a line of a table; it says its file where that isn't the table's own."""
    place = "" if finding.file == file else where(finding)
    return {"of": finding, "problem": problem_of(finding), "file": place}


def _needs_waiver(finding: Finding) -> bool:
    return finding.severity == "error" and finding.rule in waivable()


def _of_rows(change: RowChange | None) -> Json:
    """The rows of a change that are shown, and how many there are besides."""
    sample, gone = (change.sample, change.gone) if change else ((), ())
    every = change.added + change.edited if change else 0
    return {
        "edited": [row for row in sample if row.was],
        "added": [row for row in sample if not row.was],
        "sampled": f"{len(sample)} of {every:,}" if len(sample) < every else "",
        "gone": gone,
        "more_gone": change.removed - len(gone) if change else 0,
    }


def _moved(shifts: Sequence[Shift]) -> list[Shift]:
    return [one for one in shifts if one.before != one.after]


def _measured(report: GateReport) -> dict[str, str]:
    """What diversity measured, by name; of actions and constraints only where a stage decides."""
    if report.diversity is None:
        return {}
    seen = report.diversity.summary
    shown = {
        "approved rows": str(seen.approved_rows),
        "industries": str(seen.unique_industries),
        "largest industry": percent(seen.top_industry_share),
    }
    if report.stage not in (DECISION, UNKNOWN):
        return shown
    return shown | {
        "most frequent action": percent(seen.duplicate_actions_share),
        "most frequent constraint": percent(seen.same_constraint_prefix_share),
    }


def _measure(measure: Measure) -> dict[str, str]:
    form = (lambda number: f"{number:,.0f}") if measure.at_least else percent
    return {
        "name": measure.name,
        "before": "-" if measure.before is None else form(measure.before),
        "after": form(measure.after) if measure.passed else f"**{form(measure.after)}**",
        "limit": f"at {'least' if measure.at_least else 'most'} {form(measure.limit)}",
    }
