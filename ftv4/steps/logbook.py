"""The manifest of a ship as it grows: written anew after each step, so a kill leaves the truth."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Literal

from ftv4.clock import iso
from ftv4.contracts import Json
from ftv4.contracts.ops import (
    LogLine,
    OpsDataset,
    OpsEvals,
    OpsFineTune,
    OpsManifest,
    OpsPromotion,
    PinnedModel,
)
from ftv4.documents import Repository
from ftv4.encode import for_log
from ftv4.errors import Ftv4Error
from ftv4.stages import STAGES

STAGE = STAGES["synthesis_decision"]
"""The stage that is shipped."""
Status = Literal["completed", "awaiting_approval", "candidate_ready"]


class Logbook:
    """`ops_manifest.json` of one ship, contracts.md §11.4."""

    def __init__(
        self,
        repository: Repository,
        path: str,
        clock: Callable[[], datetime],
        say: Callable[[str], None],
        args: Json,
    ) -> None:
        self.path = path
        self._repository, self._clock, self._say = repository, clock, say
        self.manifest = _blank(args, self._pinned(), clock())
        repository.write_contract(path, self.manifest)

    def note(self, level: Literal["info", "warn", "error"], message: str, **changes: Any) -> None:
        """Log a line, take over what a step brought, and write the manifest."""
        line = LogLine(at=iso(self._clock()), level=level, message=message)
        self.manifest = self.manifest.model_copy(update={"logs": (*self.manifest.logs, line), **changes})
        self._repository.write_contract(self.path, self.manifest)
        self._say(message)

    def warn(self, problems: Iterable[str]) -> None:
        """Log what a step couldn't read."""
        for problem in problems:
            self.note("warn", problem)

    def end(self, status: Status, next_action: str) -> None:
        """Close the ship: where it stands, and what a person does next."""
        pinned = self.manifest.pinned_model.model_copy(update={"after": self._pinned()})
        self.note("info", status, status=status, next_action=next_action, pinned_model=pinned)

    def fail(self, error: BaseException) -> None:
        """Close the ship that a step ended."""
        known = _known(error)
        lines = (known.message, *known.problems)
        self.note("error", lines[0], status="failed", errors=lines, next_action=known.hint)

    def _pinned(self) -> str:
        return self._repository.models().pin(STAGE.name, "unknown").model_id


def _known(error: BaseException) -> Ftv4Error:
    """What ended a ship, as a line for its manifest."""
    if isinstance(error, Ftv4Error):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Ftv4Error("stopped by the operator", hint="ship again")
    said = f"unexpected: {type(error).__name__}: {for_log(str(error))}"
    return Ftv4Error(said, hint="this is a defect of ftv4; FTV4_TRACEBACK=1 shows where")


def _blank(args: Json, pinned: str, now: datetime) -> OpsManifest:
    return OpsManifest(
        version="synth_ship_v1",
        generated_at=iso(now),
        status="running",
        args=args,
        run_ids_index_path=None,
        review_pack_path=None,
        dataset=OpsDataset(path=args["dataset"], row_count=0, sha256=None),
        fine_tune=OpsFineTune(
            attempted=False,
            dry_run=args["dry_run"],
            run_dir=None,
            training_file_path=None,
            run_manifest_path=None,
            job_id=None,
        ),
        evals=OpsEvals(attempted=False, passed=None, report_path=None, totals=None),
        promotion=OpsPromotion(
            attempted=False,
            promoted=False,
            report_path=None,
            model_card_path=None,
            old_model_id=pinned,
            new_model_id=None,
        ),
        pinned_model=PinnedModel(before=pinned, after=pinned),
        next_action="",
        logs=(),
        errors=(),
    )
