"""Puts answers that a workflow asked for outside of a round on the ledger, before they are proposed by."""

from datetime import datetime

from ftv4.clients.ledger import Ledger, Moved
from ftv4.errors import ServiceError
from ftv4.steps.ledger import TRIES
from ftv4.steps.publish import Files


def record_answers(ledger: Ledger, stage: str, now: datetime, reports: Files) -> None:
    """Add eval reports, whoever writes at the same time; what is there stays. Raises ServiceError."""
    for _ in range(TRIES):
        state = ledger.read()
        others = [path for path, content in reports.items() if state.files.get(path, content) != content]
        if others:
            raise ServiceError(f"{others[0]}: the ledger has another one", hint="run again", retryable=True)
        try:
            ledger.write(state, reports, f"answers {stage}", now)
            return
        except Moved:
            continue
    raise ServiceError(f"ledger: {TRIES} others wrote first", hint="run again", retryable=True)
