"""Shows what the gates found: a line a finding, and a page of Markdown."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ftv4.contracts import Json
from ftv4.contracts.findings import Finding, GateReport
from ftv4.contracts.policy import TrainingDiversity
from ftv4.encode import code_span, for_log, for_markdown
from ftv4.gates.diversity import percent
from ftv4.guards.decision import STAGE as DECISION
from ftv4.render import render
from ftv4.steps.gate import UNKNOWN

if TYPE_CHECKING:
    from rich.text import Text

SHOWN = 20
"""Findings of a file that people are shown; JSON has them all."""


def lines(report: GateReport) -> Iterator["Text"]:
    """A line a finding, then what it comes to; coloured where the terminal shows colours."""
    from rich.text import Text

    for finding in report.findings[:SHOWN]:
        colour = "red" if finding.severity == "error" else "yellow"
        place, fix = (f"{where(finding)}: ", "bold"), (f" ({finding.fix})", "dim")
        yield Text.assemble(place, (finding.rule, colour), f": {_problem(finding)}", fix)
    if len(report.findings) > SHOWN:
        yield Text(f"and {len(report.findings) - SHOWN} more; --format json lists them all")
    yield Text(verdict(report), "green" if report.passed else "bold red")


def verdict(report: GateReport) -> str:
    """One line: passed or refused, how many rows, and the measures of diversity."""
    if not report.gates:
        return f"{for_log(report.file)}: refused: not a dataset"
    parts = [
        f"{for_log(report.file)}: {'passed' if report.passed else 'refused'}: "
        f"{report.accepted_rows} of {report.total_rows} rows accepted for {report.stage}",
        ", ".join(f"{count} {reason}" for reason, count in report.rejection_reasons.items()),
        ", ".join(f"{name} {value}" for name, value in _measures(report).items()),
    ]
    return "; ".join(part for part in parts if part)


def markdown(root: Path, reports: Sequence[GateReport], limits: TrainingDiversity) -> str:
    """The page of a step summary or a comment; what strangers wrote stands in code spans."""
    facts = {
        "passed": all(report.passed for report in reports),
        "reports": [_facts(report) for report in reports],
        "limits": _limits(limits),
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


def _facts(report: GateReport) -> Json:
    return {
        "report": report,
        "findings": report.findings[:SHOWN],
        "more": max(0, len(report.findings) - SHOWN),
        "measures": _measures(report),
    }


def _measures(report: GateReport) -> dict[str, str]:
    """What diversity measured, by name; of actions and constraints only where a stage decides."""
    if report.diversity is None:
        return {}
    seen = report.diversity.summary
    measures = {
        "approved rows": str(seen.approved_rows),
        "industries": str(seen.unique_industries),
        "largest industry": percent(seen.top_industry_share),
    }
    if report.stage not in (DECISION, UNKNOWN):
        return measures
    return measures | {
        "most frequent action": percent(seen.duplicate_actions_share),
        "most frequent constraint": percent(seen.same_constraint_prefix_share),
    }


def _limits(limits: TrainingDiversity) -> dict[str, str]:
    """What the policy asks of each measure."""
    return {
        "approved rows": f"at least {limits.min_total_rows}",
        "industries": f"at least {limits.min_industries}",
        "largest industry": f"at most {percent(limits.max_industry_share)}",
        "most frequent action": f"at most {percent(limits.max_duplicate_actions_share)}",
        "most frequent constraint": f"at most {percent(limits.max_same_primary_constraint_prefix_share)}",
    }
