"""Runs one small business through the pipeline as it is pinned, and checks what comes out.

Nothing is kept: the business lives in this module, its record only in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ftv4.contracts import Json
from ftv4.contracts.pack import DataPack, Invoice, PackJob, Quote
from ftv4.contracts.record import RunRecord
from ftv4.documents import Repository
from ftv4.encode import for_log
from ftv4.guards import Guards
from ftv4.pipeline.brief import make_brief
from ftv4.pipeline.run import Models, run_pipeline

STAGE = "synthesis_decision"


@dataclass(frozen=True)
class Check:
    """One thing that must hold."""

    name: str
    passed: bool
    detail: str = ""
    """What was seen instead."""


@dataclass(frozen=True)
class Smoke:
    """What came out of the pipeline."""

    passed: bool
    models: dict[str, str]
    """Stage → the model that answered it."""
    checks: tuple[Check, ...]

    def lines(self) -> Iterator[str]:
        """What the command prints for people."""
        for check in self.checks:
            seen = f": {for_log(check.detail)}" if check.detail else ""
            yield f"{'PASS' if check.passed else 'FAIL'}  {check.name}{seen}"


def smoke_test(repository: Repository, models: Models, now: datetime) -> Smoke:
    """Ask the pinned models about the propane business; the checks stop where the pipeline stops."""
    guards = Guards.compile(repository.policy())
    brief = make_brief(
        propane_pack(),
        client_id="smoke",
        run_id="smoke",
        industry="propane",
        role="mixed",
        mode="last_90_days",
    )
    record = run_pipeline(brief, repository.models().pin, models, guards, now)
    checks = (_succeeded(record), *_checks(record.final_artifact, guards))
    served = {stage.stage_name: stage.model_config_.model_id for stage in record.stage_records}
    return Smoke(all(check.passed for check in checks), served, checks)


def _succeeded(record: RunRecord) -> Check:
    error = record.error
    return Check(
        "all five stages answer", error is None, f"{error.stage_failed}: {error.reason}" if error else ""
    )


def _checks(decision: Json | None, guards: Guards) -> Iterator[Check]:
    if decision is None:
        return
    paths, chosen = sorted(decision["paths"]), decision["recommended_path"]
    actions = len(decision["first_30_days"])
    said = {failure.code: failure.message for failure in guards.doctrine(decision, STAGE)}
    words, feed = said.get("forbidden_vocabulary", ""), said.get("infinite_feed_language", "")
    yield _check("the paths are A, B and C", paths == ["A", "B", "C"], ", ".join(paths))
    yield _check("one of them is recommended", chosen in paths, chosen)
    yield _check("the first 30 days have 5 to 9 actions", 5 <= actions <= 9, str(actions))
    yield _check("no forbidden word", not words, words)
    yield _check("nobody is sent to check daily or weekly", not feed, feed)


def _check(name: str, passed: bool, otherwise: str) -> Check:
    return Check(name, passed, "" if passed else otherwise)


_FIRST = datetime(2026, 1, 5, tzinfo=UTC)
_DELIVERIES = (
    (0, 2, 840.0),
    (3, 4, 415.5),
    (9, 21, 1260.0),
    (14, None, 390.0),
    (20, 33, 2150.0),
    (27, 29, 505.25),
    (34, None, 720.0),
    (41, 55, 980.0),
    (48, 52, 1310.0),
    (56, 70, 460.75),
)
"""Day quoted, day approved (None: not), and the amount; day 0 is 5 January 2026."""


def propane_pack() -> DataPack:
    """A small propane dealer's winter."""
    done = [(number, day, total) for number, (_, day, total) in enumerate(_DELIVERIES, 1) if day is not None]
    return DataPack(
        version="data_pack_v0",
        source_tool="smoke",
        created_at=_day(90),
        quotes=tuple(
            Quote(
                id=f"Q{number}",
                status="sent" if approved is None else "approved",
                created_at=_day(quoted),
                approved_at=None if approved is None else _day(approved),
                total=total,
            )
            for number, (quoted, approved, total) in enumerate(_DELIVERIES, 1)
        ),
        invoices=tuple(
            Invoice(
                id=f"I{number}",
                status="open",
                issued_at=_day(day + 2),
                total=total,
                related_quote_id=f"Q{number}",
            )
            for number, day, total in done
        ),
        jobs=tuple(
            PackJob(
                id=f"J{number}",
                status="completed" if number % 3 else "scheduled",
                scheduled_at=_day(day + 1),
                completed_at=_day(day + 1) if number % 3 else None,
            )
            for number, day, _ in done
        ),
    )


def _day(number: int) -> str:
    return f"{_FIRST + timedelta(days=number):%Y-%m-%dT00:00:00.000Z}"
