"""Shows what the gates found to machines: annotations of a workflow run, and SARIF."""

from collections.abc import Iterable, Iterator
from urllib.parse import quote

from ftv4.canonical import digest
from ftv4.contracts import Json
from ftv4.contracts.findings import Finding, Page
from ftv4.contracts.policy import Policy
from ftv4.encode import annotation, for_log, for_markdown
from ftv4.steps.explain import pages
from ftv4.steps.gate_report import Answer, advice_of, spread

ANNOTATIONS = 9
"""Of one kind in one step; the platform shows ten and drops the rest without a word."""
RESULTS = 5_000
"""Results of a SARIF run that code scanning shows."""
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def annotations(answer: Answer) -> Iterator[str]:
    """Workflow commands: the gravest findings of each kind, then a notice with the true totals."""
    told = f"{'passed' if answer.passed else 'refused'}: {answer.totals}"
    yield from annotate(answer.findings, told, "ftv4 gate")


def annotate(findings: Iterable[Finding], told: str, title: str) -> Iterator[str]:
    """Workflow commands for findings, as many as are shown, then a notice with what they come to."""
    every, count = list(findings), 0
    for severity in ("error", "warning"):
        shown, _ = spread([finding for finding in every if finding.severity == severity], ANNOTATIONS)
        count += len(shown)
        yield from map(_annotation, shown)
    yield annotation("notice", f"{told}; {count} shown here", title=title)


def _annotation(finding: Finding) -> str:
    return annotation(
        finding.severity,
        _sentence(finding),
        file=finding.file,
        line=finding.line or "",
        title=finding.rule,
    )


def sarif(answer: Answer, version: str, policy: Policy) -> Json:
    """A SARIF 2.1.0 log with one run; what it leaves out for its length it says in a notification.

    Rules are described as `ftv4 explain` does it, with the policy's numbers.
    """
    findings = answer.findings
    rules = sorted({finding.rule for finding in findings})
    told = {page.rule: page for page in pages(policy)}
    left_out = len(findings) - RESULTS
    totals = f"{answer.totals}{f'; {left_out} not listed' if left_out > 0 else ''}"
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "ftv4",
                        "semanticVersion": version,
                        "rules": [rule_of(told[rule]) for rule in rules],
                    }
                },
                "columnKind": "utf16CodeUnits",
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "toolExecutionNotifications": [{"level": "note", "message": {"text": totals}}],
                    }
                ],
                "results": [_result(finding, rules.index(finding.rule)) for finding in findings[:RESULTS]],
            }
        ],
    }


def rule_of(page: Page) -> Json:
    """How SARIF describes a rule: what it wants, why, what to do, an example, and the policy's numbers."""
    numbers = {name: value for name, value in page.policy.items() if not isinstance(value, list | dict)}
    limits = "".join(f"\n\nPolicy: {for_markdown(f'{name} = {value}')}" for name, value in numbers.items())
    examples = f"Bad: {for_markdown(page.bad)}\n\nGood: {for_markdown(page.good)}"
    return {
        "id": page.rule,
        "shortDescription": {"text": page.rule.replace("_", " ")},
        "fullDescription": {"text": page.wants},
        "defaultConfiguration": {"level": page.severity},
        "help": {
            "text": f"{page.why} What to do: {page.fix}",
            "markdown": f"{page.why}\n\n**What to do:** {page.fix}\n\n{examples}{limits}",
        },
        "properties": {"tags": [page.gate], "policy": page.policy},
    }


def _result(finding: Finding, rule: int) -> Json:
    region = {} if finding.line is None else {"region": {"startLine": finding.line}}
    result: Json = {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": finding.severity,
        "message": {"text": _sentence(finding)},
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
    return f"{pointer}{advice_of(finding)}"
