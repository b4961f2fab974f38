"""Shows what the gates found: a line a finding, a table on a terminal, a page of Markdown."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ftv4.contracts import Json
from ftv4.contracts.findings import Finding, GateReport
from ftv4.contracts.policy import TrainingDiversity
from ftv4.encode import code_span, for_log, for_markdown
from ftv4.gates.diversity import percent
from ftv4.render import render

if TYPE_CHECKING:
    from rich.table import Table

SHOWN = 20
"""Findings of a file that people are shown; JSON has them all."""


def lines(report: GateReport) -> Iterator[str]:
    """A line a finding, then what it comes to."""
    for finding in report.findings[:SHOWN]:
        yield f"{where(finding)}: {finding.rule}: {_problem(finding)} ({finding.fix})"
    yield from _more(report)
    yield verdict(report)


def table(report: GateReport) -> "Table | None":
    """The findings for a terminal; None when there are none."""
    from rich.table import Table
    from rich.text import Text

    if not report.findings:
        return None
    rows = Table("where", "rule", "problem", "what to do", box=None, pad_edge=False)
    for finding in report.findings[:SHOWN]:
        colour = "red" if finding.severity == "error" else "yellow"
        cells = (
            where(finding),
            Text(finding.rule, colour),
            Text(_problem(finding)),
            Text(finding.fix, "dim"),
        )
        rows.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells))
    rows.caption = next(_more(report), None)
    return rows


def verdict(report: GateReport) -> str:
    """One line: passed or refused, how many rows, and the measures of diversity."""
    word = "passed" if report.passed else "refused"
    parts = [
        f"{for_log(report.file)}: {word}: {report.accepted_rows} of {report.total_rows} rows accepted "
        f"for {report.stage}",
        ", ".join(f"{count} {reason}" for reason, count in report.rejection_reasons.items()),
    ]
    if report.diversity:
        seen = report.diversity.summary
        parts += [
            f"{seen.unique_industries} industries, the largest {percent(seen.top_industry_share)}",
            f"most frequent action {percent(seen.duplicate_actions_share)}, "
            f"constraint {percent(seen.same_constraint_prefix_share)}",
        ]
    return "; ".join(part for part in parts if part)


def markdown(root: Path, reports: Sequence[GateReport], limits: TrainingDiversity) -> str:
    """The page of a step summary or a comment; what strangers wrote stands in code spans."""
    facts = {
        "passed": all(report.passed for report in reports),
        "reports": [_facts(report, limits) for report in reports],
    }
    return render(root, "gate.md.j2", facts, {"code": for_markdown, "span": code_span})


def as_json(reports: Sequence[GateReport]) -> Json:
    """One report as it is; several as a list, with the verdict on all."""
    plain = [report.model_dump(mode="json") for report in reports]
    return plain[0] if len(plain) == 1 else {"passed": all(r.passed for r in reports), "reports": plain}


def where(finding: Finding) -> str:
    """`file:line`, as editors and terminals link it."""
    line = "" if finding.line is None else f":{finding.line}"
    return for_log(finding.file) + line


def _problem(finding: Finding) -> str:
    return f"{for_log(finding.pointer)}: {finding.problem}" if finding.pointer else finding.problem


def _more(report: GateReport) -> Iterator[str]:
    if len(report.findings) > SHOWN:
        yield f"and {len(report.findings) - SHOWN} more; --format json lists them all"


def _facts(report: GateReport, limits: TrainingDiversity) -> Json:
    return {
        "report": report,
        "findings": report.findings[:SHOWN],
        "more": max(0, len(report.findings) - SHOWN),
        "measures": _measures(report, limits),
    }


def _measures(report: GateReport, limits: TrainingDiversity) -> list[tuple[str, str, str]]:
    """Measure, value, limit."""
    if report.diversity is None:
        return []
    seen = report.diversity.summary
    shares = (
        ("largest industry", seen.top_industry_share, limits.max_industry_share),
        ("most frequent action", seen.duplicate_actions_share, limits.max_duplicate_actions_share),
        (
            "most frequent constraint",
            seen.same_constraint_prefix_share,
            limits.max_same_primary_constraint_prefix_share,
        ),
    )
    return [
        ("approved rows", str(seen.approved_rows), f"at least {limits.min_total_rows}"),
        ("industries", str(seen.unique_industries), f"at least {limits.min_industries}"),
        *((name, percent(share), f"at most {percent(limit)}") for name, share, limit in shares),
    ]
