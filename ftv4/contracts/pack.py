"""Data packs: a business's records, and the synthetic packs they come in, contracts.md §12."""

from typing import Annotated, Literal

from pydantic import Field

from ftv4.contracts import Contract, Items, Whole

Status = Literal[
    "draft",
    "sent",
    "approved",
    "rejected",
    "open",
    "paid",
    "void",
    "overdue",
    "scheduled",
    "in_progress",
    "completed",
    "canceled",
    "other",
]
Money = Annotated[float, Field(strict=False, allow_inf_nan=False)]


class Customer(Contract):
    """A buyer. All members are optional, here and below."""

    id: str | None = None
    name: str | None = None
    status: Status | None = None
    created_at: str | None = None
    city: str | None = None
    state: str | None = None


class Quote(Contract):
    """An estimate given to a buyer."""

    id: str | None = None
    status: Status | None = None
    created_at: str | None = None
    approved_at: str | None = None
    total: Money | None = None


class Invoice(Contract):
    """A bill."""

    id: str | None = None
    status: Status | None = None
    issued_at: str | None = None
    paid_at: str | None = None
    total: Money | None = None
    related_quote_id: str | None = None


class PackJob(Contract):
    """A piece of scheduled work (not a fine-tuning job)."""

    id: str | None = None
    status: Status | None = None
    scheduled_at: str | None = None
    completed_at: str | None = None
    total: Money | None = None
    related_quote_id: str | None = None


class DataPack(Contract):
    """`data_pack_v0`: what the quant buckets are computed from."""

    version: Literal["data_pack_v0"]
    source_tool: str
    created_at: str
    customers: Annotated[tuple[Customer, ...], Items] | None = None
    quotes: Annotated[tuple[Quote, ...], Items] | None = None
    invoices: Annotated[tuple[Invoice, ...], Items] | None = None
    jobs: Annotated[tuple[PackJob, ...], Items] | None = None


PackIndustry = Literal[
    "agency",
    "saas_micro",
    "professional_services",
    "ecommerce_ops",
    "logistics_dispatch",
    "home_services_generic",
]


class SynthPack(Contract):
    """`pack.json` of a synthetic pack folder."""

    pack_id: str
    industry: PackIndustry
    seed: Whole
    window_start: str
    window_end: str
    notes: Annotated[tuple[str, ...], Items]
    expected_patterns: Annotated[tuple[str, ...], Items] | None = None
    emyth_role: str | None = None
    business_name: str | None = None
