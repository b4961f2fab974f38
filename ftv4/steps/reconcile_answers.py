"""Keeps what models answer in an evaluation on the ledger while it goes on, for the round that finishes it.

What is kept is a claim of the ledger's, as its eval reports are: it is graded anew, and never weighed before
nothing is missing.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Lock

from ftv4.clients.ledger import Moved
from ftv4.contracts.evaluation import KeptAnswer, KeptAnswers
from ftv4.documents import to_json
from ftv4.errors import Ftv4Error, ServiceError
from ftv4.steps.evals import Evaluation
from ftv4.steps.memory import Memory
from ftv4.steps.reconcile import Entry, Round
from ftv4.steps.runs import ANSWERS

EVERY = timedelta(seconds=20)
"""Between two writes: what a runner that is killed may lose."""
GOOD_FOR = timedelta(days=3)
"""How long an answer is taken up again: longer than the day for which a cap may keep its run waiting."""
MOST = 4 << 20
"""Characters of a run's answers on the ledger, the newest first; an evaluation has some 100,000."""


class Kept:
    """The answers to what is asked of a run's model, and beside it."""

    def __init__(self, round_: Round, entry: Entry) -> None:
        self._round, self._entry = round_, entry
        self._path = f"{entry.run.folder}/{ANSWERS}"
        self._lock = Lock()
        self._written = round_.clock()
        self._moved: Moved | None = None
        self.memory = Memory(round_.clock, self._good())

    def listening(self, evaluation: Evaluation) -> Evaluation:
        """The evaluation, which asks only what isn't known and keeps what it hears every so often."""

        def on_case(total: int) -> None:
            evaluation.on_case(total)
            with self._lock, suppress(ServiceError):
                if self._round.clock() - self._written >= EVERY:
                    self._save()

        return replace(evaluation, memory=self.memory, on_case=on_case)

    @contextmanager
    def saved(self) -> Iterator[None]:
        """Keep what was heard whatever ends the block, unless another runner has settled the matter."""
        try:
            yield
        except Moved:
            raise
        except BaseException:
            with suppress(Ftv4Error):
                self._save()
            raise

    def files(self, *, done: bool = False) -> dict[str, str]:
        """The file of the answers, where there is one to write; without answers once an eval is `done`.

        Raises Moved when another runner has found out meanwhile what became of the run.
        """
        if self._moved is not None:
            raise self._moved
        answers = () if done else _newest(self.memory.kept())
        if not answers and not self._round.repository.has(self._path):
            return {}
        key = self._entry.run.manifest.run_key
        return {self._path: to_json(KeptAnswers(run_key=key, answers=answers))}

    def how_far(self, model_id: str, questions: int) -> str:
        """How many of its questions a model has answered."""
        return f"it answered {self.memory.answered(model_id)} of {questions} questions"

    def why(self, model_id: str) -> str | None:
        """Why a model first gave no answer."""
        return self.memory.first_error.get(model_id)

    def _save(self) -> None:
        """Raises ServiceError, and keeps in mind when another runner was first."""
        self._written = self._round.clock()
        try:
            self._round.keep(self._entry, self.files(), "answers")
        except Moved as error:
            self._moved = error
            raise

    def _good(self) -> list[KeptAnswer]:
        """What an earlier round kept, and is not too old."""
        files, now = self._round.repository, self._round.clock()
        if not files.has(self._path):
            return []
        kept = files.read(KeptAnswers, self._path).answers
        return [one for one in kept if now - datetime.fromisoformat(one.at) < GOOD_FOR]


def _newest(answers: tuple[KeptAnswer, ...]) -> tuple[KeptAnswer, ...]:
    """As many as may be kept."""
    size, kept = 0, []
    for one in reversed(answers):
        size += len(one.answer)
        if size > MOST:
            break
        kept.append(one)
    return tuple(reversed(kept))
