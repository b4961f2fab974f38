"""Rule → what it wants, why, an example, and what to do: a page for each rule that a finding can name."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import reduce
from typing import Any

from ftv4.contracts.findings import Page
from ftv4.contracts.policy import Policy
from ftv4.encode import for_log
from ftv4.errors import UsageError
from ftv4.gates import GATES
from ftv4.gates.pages import written
from ftv4.steps import promotion_rules, row_change, tree, waivers

OTHERS: Mapping[str, Mapping[str, str]] = {
    "file": {},
    "change": {**tree.FIXES, **row_change.FIXES},
    "waivers": waivers.FIXES,
    "promotion": promotion_rules.FIXES,
}
"""Rules that no gate asks for, with their fixes: of a file as a whole, of a change's files, of waivers, of
promotions."""


def page(rule: str, policy: Policy) -> Page:
    """A rule's page, with the policy's numbers. Raises UsageError for an unknown rule, with the nearest."""
    for found in pages(policy):
        if found.rule == rule:
            return found
    near = get_close_matches(rule, [found.rule for found in pages(policy)], cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "ftv4 explain lists them all"
    raise UsageError(f"no rule {for_log(rule)}", hint=hint)


def pages(policy: Policy) -> Iterator[Page]:
    """Every rule's page, in the order in which gates are asked and find."""
    plain = policy.model_dump(mode="json")
    for gate in (*GATES, *OTHERS):
        fixes = OTHERS[gate] if gate in OTHERS else getattr(GATES[gate], "FIXES", {})
        for rule, text in written(gate).items():
            limits = {path: _value(plain, path) for path in text.pop("policy", ())}
            told = {"rule": rule, "gate": gate, "severity": "error", "fix": fixes.get(rule), "policy": limits}
            yield Page.model_validate(told | text)


def _value(policy: Any, path: str) -> Any:
    return reduce(lambda value, name: value[name], path.split("."), policy)
