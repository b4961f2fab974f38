"""Shows what the gates found to machines: annotations of a workflow run, and SARIF."""

from collections.abc import Iterator
from urllib.parse import quote

from ftv4.canonical import digest
from ftv4.contracts import Json
from ftv4.contracts.findings import Finding
from ftv4.encode import annotation, for_log
from ftv4.steps.gate_report import Answer, problem_of

ANNOTATIONS = 9
"""Of one kind in one step; the platform shows ten and drops the rest without a word."""
RESULTS = 5_000
"""Results of a SARIF run that code scanning shows."""
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def annotations(answer: Answer) -> Iterator[str]:
    """Workflow commands: the gravest findings of each kind, then a notice with the true totals."""
    left = {"error": ANNOTATIONS, "warning": ANNOTATIONS}
    for finding in answer.findings:
        if left[finding.severity]:
            left[finding.severity] -= 1
            yield annotation(
                finding.severity,
                f"{_sentence(finding)}. What to do: {finding.fix}",
                file=finding.file,
                line=finding.line or "",
                title=finding.rule,
            )
    shown = 2 * ANNOTATIONS - sum(left.values())
    told = f"{'passed' if answer.passed else 'refused'}: {answer.totals}; {shown} shown here"
    yield annotation("notice", told, title="ftv4 gate")


def sarif(answer: Answer, version: str) -> Json:
    """A SARIF 2.1.0 log with one run; what it leaves out for its length it says in a notification."""
    findings = answer.findings
    rules = sorted({finding.rule for finding in findings})
    left_out = len(findings) - RESULTS
    told = f"{answer.totals}{f'; {left_out} not listed' if left_out > 0 else ''}"
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "ftv4",
                        "semanticVersion": version,
                        "rules": [_rule(rule, findings) for rule in rules],
                    }
                },
                "columnKind": "utf16CodeUnits",
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "toolExecutionNotifications": [{"level": "note", "message": {"text": told}}],
                    }
                ],
                "results": [_result(finding, rules.index(finding.rule)) for finding in findings[:RESULTS]],
            }
        ],
    }


def _rule(rule: str, findings: list[Finding]) -> Json:
    first = next(finding for finding in findings if finding.rule == rule)
    return {
        "id": rule,
        "shortDescription": {"text": rule.replace("_", " ")},
        "help": {"text": f"What to do: {first.fix}"},
    }


def _result(finding: Finding, rule: int) -> Json:
    region = {} if finding.line is None else {"region": {"startLine": finding.line}}
    result: Json = {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": finding.severity,
        "message": {"text": f"{_sentence(finding)}. What to do: {finding.fix}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(finding.file, errors="replace")},
                    **region,
                }
            }
        ],
        # The line is left out, so that a finding stays itself when rows above it come or go.
        "partialFingerprints": {"ftv4/v1": _fingerprint(finding)},
        "properties": {"pointer": for_log(finding.pointer), "row": finding.row},
    }
    if finding.new is not None:
        result["baselineState"] = "new" if finding.new else "unchanged"
    if finding.waived:
        result["suppressions"] = [{"kind": "external", "justification": finding.waived}]
    return result


def _fingerprint(finding: Finding) -> str:
    return digest([finding.rule, finding.file, finding.pointer, finding.row or finding.problem])


def _sentence(finding: Finding) -> str:
    pointer = f"{for_log(finding.pointer)}: " if finding.pointer else ""
    return f"{pointer}{problem_of(finding)}"
