"""Builders: guards for a policy that names only what matters."""

from pathlib import Path

from ftv4.contracts.policy import LeakScan, Policy
from ftv4.documents import POLICY, parse
from ftv4.guards import Guards

SHIPPED = parse(Policy, (Path(__file__).parents[2] / POLICY).read_bytes(), POLICY)


def guards(**members):
    """`guards(forbidden_vocabulary=("kpi",))`: the shipped policy, but for the members named."""
    return Guards.compile(SHIPPED.model_copy(update=members))


def scanning(raw_row_hint):
    """Guards whose leak scan reads field names this way."""
    return guards(leak_scan=LeakScan(raw_row_hint=raw_row_hint))


def codes(failures):
    """What the guards said, in order."""
    return [failure.code for failure in failures]
