"""Lets findings that somebody answers for count as warnings; shows each use, and what no longer holds."""

from collections.abc import Iterator
from datetime import date

from ftv4.contracts.findings import Finding, GateReport, Severity, WaiverUse
from ftv4.contracts.waivers import Waiver, Waivers
from ftv4.documents import Repository
from ftv4.encode import for_log
from ftv4.gates import GATES, ambiguity

WAIVERS = "config/waivers.json"
LAPSED = "waiver_expired"

NEVER = frozenset(
    {
        *("not_a_dataset", "stage_unknown", "malformed_line", "missing_input_or_output"),
        *("input_schema_version_mismatch", "output_schema_version_mismatch"),
        *("input_schema_invalid", "output_schema_invalid", *ambiguity.FIXES),
        *("not_approved", "edited_after_approval"),
        *("raw_leak_scan_failed", "personal_data", "secret"),
        *("more_findings", "more_rows"),
    }
)
"""Rules that nobody can answer for: contracts, approvals, personal data and secrets."""
OTHERS = frozenset({"too_few_accepted_rows", "rows_not_counted"})
"""Rules that can be waived and stand in no gate's table of fixes."""


def read_waivers(repository: Repository) -> Waivers:
    """The repository's waivers; none where there is no such file. Raises ContractError for a damaged one."""
    return repository.read(Waivers, WAIVERS) if repository.has(WAIVERS) else Waivers()


def waive(report: GateReport, waivers: Waivers, today: date) -> GateReport:
    """The report with waived findings as warnings, the waivers used, and findings against those that fail."""
    findings = list(report.findings)
    uses, against = [], []
    for number, waiver in enumerate(waivers.waivers):
        if waiver.file != report.file:
            continue
        rule, problem = _objection(waiver, today)
        matched = [place for place, finding in enumerate(findings) if _covers(waiver, finding)]
        if not rule and matched:
            for place in matched:
                findings[place] = findings[place].model_copy(update=dict(_waived(waiver)))
            uses.append(_use(waiver, [findings[place].row for place in matched]))
        elif not rule:
            rule, problem = "waiver_unused", f"no finding of {waiver.rule} that it could be for"
        if rule:
            against.append(_finding(number, rule, f"{problem} ({waiver.owner})"))
    if not (uses or against):
        return report
    every = (*findings, *against)
    return report.model_copy(
        update={
            "findings": every,
            "waivers": tuple(uses),
            "passed": not any(finding.severity == "error" for finding in every),
        }
    )


def rules() -> frozenset[str]:
    """Every rule that a gate can find broken."""
    return OTHERS | NEVER | {rule for gate in GATES.values() for rule in getattr(gate, "FIXES", {})}


def _objection(waiver: Waiver, today: date) -> tuple[str, str]:
    """Why a waiver doesn't hold: rule and problem; both empty when it does."""
    if waiver.rule in NEVER:
        return "waiver_refused", f"{waiver.rule} can't be waived"
    if waiver.rule not in rules():
        return "waiver_unknown_rule", f"no gate has a rule {waiver.rule}"
    if date.fromisoformat(waiver.expires) < today:
        return LAPSED, f"the waiver of {waiver.rule} ended on {waiver.expires}"
    return "", ""


FIXES = {
    "waiver_refused": "mend the rows, and take the waiver away",
    "waiver_unknown_rule": "correct the rule's name, or take the waiver away",
    LAPSED: "mend the rows, or have the waiver prolonged in a reviewed change",
    "waiver_unused": "take it away; its rows were mended, edited or removed",
}
"""Rule → what to do about it."""


def _finding(number: int, rule: str, problem: str) -> Finding:
    severity: Severity = "warning" if rule == "waiver_unused" else "error"
    return Finding(
        rule=rule,
        severity=severity,
        file=WAIVERS,
        line=None,
        pointer=f"/waivers/{number}",
        problem=problem,
        fix=FIXES[rule],
    )


def _covers(waiver: Waiver, finding: Finding) -> bool:
    if finding.rule != waiver.rule:
        return False
    return finding.row in waiver.rows if waiver.rows else finding.line is None


def _waived(waiver: Waiver) -> Iterator[tuple[str, str]]:
    yield "severity", "warning"
    yield "waived", for_log(waiver.reason, 500)


def _use(waiver: Waiver, rows: list[str]) -> WaiverUse:
    return WaiverUse(
        rule=waiver.rule,
        owner=waiver.owner,
        reason=for_log(waiver.reason, 500),
        expires=waiver.expires,
        findings=len(rows),
        rows=tuple(dict.fromkeys(filter(None, rows))),
    )
