"""Lets findings that somebody answers for count as warnings; shows each use, and what no longer holds."""

from collections.abc import Collection, Iterator
from datetime import date
from functools import cache
from typing import NamedTuple

from ftv4.contracts.findings import Finding, GateReport, Severity, WaiverUse
from ftv4.contracts.jsonplaces import lines_of
from ftv4.contracts.waivers import Waiver, Waivers
from ftv4.documents import Repository, parse
from ftv4.encode import for_log
from ftv4.gates import GATES, ambiguity

WAIVERS = "config/waivers.json"
LAPSED = "waiver_expired"
SHOWN = 3
"""Rows of a waiver that a sentence names."""

NEVER = frozenset(
    {
        *("not_a_dataset", "stage_unknown", "malformed_line", "line_too_long", "missing_input_or_output"),
        *("input_schema_version_mismatch", "output_schema_version_mismatch"),
        *("input_schema_invalid", "output_schema_invalid", *ambiguity.FIXES),
        *("not_approved", "edited_after_approval", "approval_removed", "approval_reused", "row_invalid"),
        *("raw_leak_scan_failed", "personal_data", "secret"),
        "more_findings",
    }
)
"""Rules that nobody can answer for: contracts, approvals, personal data and secrets."""
OTHERS = frozenset({"too_few_accepted_rows", "rows_not_counted"})
"""Rules that can be waived and stand in no gate's table of fixes."""


class WaiverFile(NamedTuple):
    """The repository's waivers, and where each of them stands."""

    waivers: tuple[Waiver, ...] = ()
    lines: tuple[int, ...] = ()
    """Of each, from 1."""


def read_waivers(repository: Repository) -> WaiverFile:
    """The repository's waivers; none where there is no such file. Raises ContractError for a damaged one."""
    return held(repository.read_bytes(WAIVERS)) if repository.has(WAIVERS) else WaiverFile()


def held(text: bytes) -> WaiverFile:
    """The waivers that a file of them holds. Raises ContractError with every problem."""
    waivers = parse(Waivers, text, WAIVERS).waivers
    places = [f"/waivers/{number}" for number in range(len(waivers))]
    lines = lines_of(text.decode(), places)
    return WaiverFile(waivers, tuple(lines[place] for place in places))


def waive(report: GateReport, known: WaiverFile, today: date) -> GateReport:
    """The report with waived findings as warnings, the waivers used, and findings against those that fail."""
    findings = list(report.findings)
    uses, against = [], []
    for number, waiver in enumerate(known.waivers):
        if waiver.file != report.file:
            continue
        if any(_objection(waiver, today)):
            against.append(_against(known, number, today))
            continue
        matched = [place for place, finding in enumerate(findings) if _covers(waiver, finding)]
        for place in matched:
            findings[place] = findings[place].model_copy(update=dict(_waived(waiver)))
        if matched:
            uses.append(_use(waiver, [findings[place].row for place in matched]))
        against += _unused(known, number, {findings[place].row for place in matched})
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


def failing(known: WaiverFile, today: date) -> Iterator[tuple[Finding, Waiver]]:
    """The waivers that don't hold, whatever is found in their datasets, and what is against each."""
    for number, waiver in enumerate(known.waivers):
        if any(_objection(waiver, today)):
            yield _against(known, number, today), waiver


def rules() -> frozenset[str]:
    """Every rule that a gate can find broken."""
    return OTHERS | NEVER | {rule for gate in GATES.values() for rule in getattr(gate, "FIXES", {})}


@cache
def waivable() -> frozenset[str]:
    """Rules that somebody can answer for."""
    return rules() - NEVER


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
    "waiver_unused": "take away what isn't needed; those rows were mended, edited or removed",
}
"""Rule → what to do about it."""


def _against(known: WaiverFile, number: int, today: date) -> Finding:
    rule, problem = _objection(known.waivers[number], today)
    return _finding(known, number, rule, problem)


def _unused(known: WaiverFile, number: int, matched: Collection[str]) -> Iterator[Finding]:
    """What a waiver that holds is not needed for: all of it, or some of its rows."""
    waiver = known.waivers[number]
    dead = [place for place, row in enumerate(waiver.rows) if row not in matched]
    if not matched:
        problem = f"no finding of {waiver.rule} that it could be for"
        yield _finding(known, number, "waiver_unused", problem)
    elif dead:
        rows = ", ".join(waiver.rows[place][:12] for place in dead[:SHOWN])
        more = f" and {len(dead) - SHOWN} more" if len(dead) > SHOWN else ""
        problem = f"no finding of {waiver.rule} in {len(dead)} of its {len(waiver.rows)} rows: {rows}{more}"
        yield _finding(known, number, "waiver_unused", problem, f"/rows/{dead[0]}")


def _finding(known: WaiverFile, number: int, rule: str, problem: str, inside: str = "") -> Finding:
    severity: Severity = "warning" if rule == "waiver_unused" else "error"
    return Finding(
        rule=rule,
        severity=severity,
        file=WAIVERS,
        line=known.lines[number],
        pointer=f"/waivers/{number}{inside}",
        problem=f"{problem} ({_person(known.waivers[number])})",
        fix=FIXES[rule],
    )


def _person(waiver: Waiver) -> str:
    """Who answers, without what would mention somebody: `jo`, `jo at example.org`."""
    return waiver.owner.removeprefix("@").replace("@", " at ")


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
        owner=_person(waiver),
        reason=for_log(waiver.reason, 500),
        expires=waiver.expires,
        findings=len(rows),
        rows=tuple(dict.fromkeys(filter(None, rows))),
    )
