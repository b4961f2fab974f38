"""What the gates would say of a dataset if its unapproved rows were approved.

"Approve more rows" is bad advice where those that wait are copies of one another: whoever is to approve them
is told before, not after.
"""

from collections.abc import Iterator

from ftv4.contracts.findings import Finding, GateReport

IF_APPROVED = "if the unapproved rows were approved: "
"""How a finding begins that isn't so yet."""


def waiting(report: GateReport, needed: int | None) -> bool:
    """Whether fewer rows are accepted than are needed, and some for want of an approval alone."""
    return (
        needed is not None
        and report.accepted_rows < needed
        and report.rejection_reasons.get("not_approved", 0) > 0
    )


def foreseen(now: GateReport, then: GateReport) -> Iterator[Finding]:
    """What `then`, a report on all rows, finds and `now`, on the approved ones, doesn't: a warning a rule.

    Of a rule's findings the one about the whole dataset is told, else the first; the others are counted.
    """
    by_rule: dict[str, list[Finding]] = {}
    for finding in then.findings:
        by_rule.setdefault(finding.rule, []).append(finding)
    known = frozenset(now.findings)
    for rule, findings in by_rule.items():
        new = sorted((one for one in findings if one not in known), key=lambda one: one.line is not None)
        if new:
            more = f"; and {len(new) - 1:,} more of {rule}" if len(new) > 1 else ""
            problem = f"{IF_APPROVED}{new[0].problem}{more}"
            yield new[0].model_copy(update={"severity": "warning", "problem": problem})
