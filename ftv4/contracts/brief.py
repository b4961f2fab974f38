"""A brief: all that the stages ever learn about a business, as buckets (contracts.md §13)."""

from typing import Annotated, Literal

from ftv4.contracts import Contract, Items, Whole

WindowMode = Literal["last_90_days", "last_100_closed_estimates"]


class Bucket(Contract):
    """One measure of a business, as a word."""

    id: str
    label: str
    value: str
    direction: Literal["up", "down", "flat", "mixed", "unknown"]
    confidence: Literal["low", "medium", "high"]
    evidence_ref: str
    """`bucket:<id>:<value>`"""


class Brief(Contract):
    """One business in one window: what a pack says, without a name, a date of a row, or an amount."""

    client_id: str
    run_id: str
    industry: str
    role: str
    window_mode: WindowMode
    window_start: str
    window_end: str
    row_limit: Whole
    notes: Annotated[tuple[str, ...], Items]
    buckets: Annotated[tuple[Bucket, ...], Items]
    """The six of contracts.md §13, in its order."""
    throughput: str
    service_mix: str
    team_size: str
    invoice_count: str
    estimate_count: str
    job_count: str
    customer_count: str
    saw_quotes: bool
    saw_invoices: bool
    saw_jobs: bool
    saw_customers: bool

    def value(self, bucket_id: str) -> str:
        """A bucket's word; `unknown` when there is no such bucket."""
        return next((bucket.value for bucket in self.buckets if bucket.id == bucket_id), "unknown")
