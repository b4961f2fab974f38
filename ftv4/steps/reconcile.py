"""Brings every run one step further: its job followed, its model evaluated, the model proposed.

Level-triggered: what there is to do is read anew each time, from the ledger, the provider and the
forge, so a round that was lost, late, doubled or killed changes nothing but when things happen. A
round with nothing to do writes nothing. What one run runs into doesn't keep others from theirs.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from ftv4.canonical import sha256
from ftv4.clients.ledger import Moved
from ftv4.contracts.ledger import LAST, Outcome
from ftv4.contracts.run import DEAD
from ftv4.documents import Repository, to_json
from ftv4.encode import name_for_log
from ftv4.errors import Ftv4Error, ServiceError, UsageError
from ftv4.pipeline.run import Models
from ftv4.steps.evals import Evaluation, read_report
from ftv4.steps.ledger import Books
from ftv4.steps.runs import OUTCOME, Run, runs

if TYPE_CHECKING:
    from ftv4.clients.forge import Forge
    from ftv4.clients.provider import Provider

Thing = Literal["follow", "evaluate", "propose"]
THINGS: tuple[Thing, ...] = ("follow", "evaluate", "propose")
"""In the order in which a run has them done."""


@dataclass(frozen=True)
class Doors:
    """What a round asks, each connected when it is first needed."""

    provider: Callable[[str], "Provider"]
    forge: Callable[[], "Forge"]
    asking: Callable[[], tuple[Evaluation, Models]]
    """The eval cases of the checkout and who answers them."""
    before: bytes
    """models.json of the checkout."""
    base: str = "main"
    """The branch that proposals ask to merge into."""


@dataclass
class Entry:
    """A run in a round."""

    run: Run
    outcome: Outcome | None
    done: list[str] = field(default_factory=list)
    """What this round changed; sentences of ours."""
    alarms: list[str] = field(default_factory=list)
    """What a person has to look at."""
    notes: list[str] = field(default_factory=list)
    """Why it waits."""
    error: Ftv4Error | None = None
    next: Thing | None = None


class Round:
    """One round over all runs."""

    def __init__(self, books: Books, doors: Doors, clock: Callable[[], datetime], limit: int) -> None:
        self.books = books
        self.doors = doors
        self.clock = clock
        self.limit = limit
        """Most changes in this round; what is left is the next one's."""
        self.repository: Repository = books.repository
        self.entries: list[Entry] = []

    def load(self, again: str | None) -> None:
        """Read all runs, oldest first. `again` names one that is to be looked at though it was done with.

        Runs that are damaged on the ledger are left out, and alarms. Raises ContractError for a run that is
        damaged here, and UsageError for no such run.
        """
        self.books.bring_sound()
        found = [run for run in reversed(runs(self.repository)) if self.books.knows(run)]
        self.entries = [Entry(run, self._outcome(run)) for run in found if not run.manifest.dry_run]
        if again is not None:
            _reopen(self.entries, self.repository.relative(again))

    def go(self, things: Iterable[Thing], work: Mapping[Thing, Callable[["Round", Entry], None]]) -> None:
        """Do each thing for every run that waits for it."""
        for thing in (one for one in THINGS if one in things):
            for entry in self.entries:
                if self._wants(entry, thing):
                    self._carefully(entry, work[thing])
        for entry in self.entries:
            entry.next = self.next_of(entry)

    def next_of(self, entry: Entry) -> Thing | None:
        """What a run waits for; None when nothing more is done by itself."""
        run, outcome = entry.run, entry.outcome
        if outcome is not None and outcome.state in LAST:
            return None
        if run.model_id is None:
            asked = run.job is not None and (run.job_id or run.job.attempted_at)
            return "follow" if asked and run.status not in DEAD else None
        if outcome is None or outcome.state == "open":
            return "evaluate"
        if outcome.state == "silent":
            return None if outcome.reasons and self._same_models(outcome) else "evaluate"
        if outcome.state == "proposed" and self._stands(outcome):
            return None
        return "propose" if self._holds(outcome) else "evaluate"

    def record(
        self, entry: Entry, outcome: Outcome, what: str, beside: Mapping[str, str] | None = None
    ) -> None:
        """Put on record what became of a run, and files that belong to that. Raises what `keep` raises."""
        self.keep(entry, {**(beside or {}), f"{entry.run.folder}/{OUTCOME}": to_json(outcome)}, what)
        entry.outcome = outcome

    def keep(self, entry: Entry, files: Mapping[str, str], what: str) -> None:
        """Put files of a run on record: on the ledger first, which others read.

        Raises Moved when somebody else has found out meanwhile what became of the run, and ServiceError.
        """
        news = {path: text.encode() for path, text in files.items()}
        self.books.put(entry.run, self.books.files_of(entry.run) | news, what)
        for path, content in news.items():
            self.repository.write(path, content)

    def spent(self) -> int:
        """Changes made so far."""
        return sum(len(entry.done) for entry in self.entries)

    def _wants(self, entry: Entry, thing: Thing) -> bool:
        if entry.error is not None:
            return False
        if self.next_of(entry) != thing and not (thing == "follow" and is_proposed(entry)):
            return False
        if self.spent() < self.limit:
            return True
        entry.notes.append("left for the next round")
        return False

    def _carefully(self, entry: Entry, work: Callable[["Round", Entry], None]) -> None:
        try:
            work(self, entry)
        except Moved:
            entry.notes.append("another runner is at it")
        except Ftv4Error as error:
            entry.error = error

    def _outcome(self, run: Run) -> Outcome | None:
        path = f"{run.folder}/{OUTCOME}"
        return self.repository.read(Outcome, path) if self.repository.has(path) else None

    def _stands(self, outcome: Outcome) -> bool:
        """Whether an open pull request is still about the models.json that there is, and young enough."""
        return self._same_models(outcome) and not self._too_old(outcome)

    def _same_models(self, outcome: Outcome) -> bool:
        return outcome.models_sha256 == sha256(self.doors.before)

    def _holds(self, outcome: Outcome) -> bool:
        """Whether its eval reports still answer what would be asked today."""
        if self._too_old(outcome) or not all(map(self.repository.has, outcome.reports.values())):
            return False
        evaluation, _ = self.doors.asking()
        reports = [read_report(self.repository, path) for path in outcome.reports.values()]
        return not any(evaluation.differing(report) for report in reports)

    def _too_old(self, outcome: Outcome) -> bool:
        limit = timedelta(days=self.repository.policy().promotion.max_age_days)
        return self.clock() - since(outcome) >= limit


def is_proposed(entry: Entry) -> bool:
    """Whether a pull request is open as far as we know."""
    return entry.outcome is not None and entry.outcome.state == "proposed"


def since(outcome: Outcome) -> datetime:
    """The time of what an outcome rests on."""
    return datetime.fromisoformat(outcome.updated_at)


def waiting(entries: Iterable[Entry], thing: Thing) -> int:
    """How many runs wait for a thing."""
    return sum(entry.next == thing for entry in entries)


def state_of(entry: Entry) -> str:
    """Where a run stands, in a word or two."""
    if entry.outcome is not None and entry.outcome.state != "open":
        return entry.outcome.state
    run = entry.run
    if run.job_id is None:
        return "asked for" if run.job and run.job.attempted_at else "not asked for"
    return "ready" if run.model_id else run.status


def trouble(entries: Iterable[Entry]) -> Ftv4Error | None:
    """What kept runs from their next thing, as one error; a service that was away before all else."""
    failed = [(entry, entry.error) for entry in entries if entry.error is not None]
    if not failed:
        return None
    kind = next((type(error) for _, error in failed if not isinstance(error, ServiceError)), ServiceError)
    if any(isinstance(error, ServiceError) for _, error in failed):
        kind = ServiceError
    many = f"{len(failed)} runs" if len(failed) > 1 else "a run"
    return kind(
        f"{many} could not be brought further",
        problems=[f"{entry.run.folder}: {error.message}" for entry, error in failed],
        hint="the next round tries again",
    )


def _reopen(entries: Iterable[Entry], folder: str) -> None:
    entry = next((one for one in entries if one.run.folder == folder), None)
    if entry is None:
        raise UsageError(f"--again {name_for_log(folder)}: no such run here", hint="name its folder")
    if entry.outcome is None or entry.outcome.state not in {"refused", "missing", "silent"}:
        raise UsageError(
            f"--again {name_for_log(folder)}: it is {state_of(entry)}",
            hint="only what was refused, is missing or is silent can be asked once more",
        )
    entry.outcome = entry.outcome.model_copy(update={"state": "open", "missed_at": ()})
