"""What the models know: training files as read, and what was learned from them, each read once."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from ftv4.sandbox.learner import Learned, learn
from ftv4.sandbox.provider.store import Store
from ftv4.sandbox.provider.training import Training, read_training

Json = dict[str, Any]
T = TypeVar("T")
KEPT = 32
"""Training files held in memory; others are read again when they are asked for."""


class Step(NamedTuple):
    """One training step: how well its examples were answered from the others seen by then."""

    number: int
    epoch: int
    loss: float
    accuracy: float


class Minds:
    """Training files by SHA-256, and the models learned from them. Safe to use from many threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.RLock()
        self._trainings: OrderedDict[str, Training] = OrderedDict()
        self._learned: OrderedDict[str, Learned] = OrderedDict()

    def training(self, name: str) -> Training:
        """A training file as read."""
        return self._once(self._trainings, name, lambda: read_training(self._store.content(name)))

    def learned(self, name: str) -> Learned:
        """The model that a training file makes."""
        examples = self.training(name).examples
        return self._once(self._learned, name, lambda: learn([(e.user, e.assistant) for e in examples]))

    def lesson(self, name: str, job: Json) -> tuple[Step, ...]:
        """The steps of a finished job; none before it is done."""
        if job["status"] != "succeeded":
            return ()
        hyperparameters = job["hyperparameters"]
        return _steps(self.learned(name), hyperparameters["n_epochs"], hyperparameters["batch_size"])

    def _once(self, kept: OrderedDict[str, T], name: str, make: Callable[[], T]) -> T:
        with self._lock:
            if name not in kept:
                kept[name] = make()
                while len(kept) > KEPT:
                    kept.popitem(last=False)
            return kept[name]


def _steps(learned: Learned, epochs: int, batch: int) -> tuple[Step, ...]:
    steps: list[Step] = []
    for epoch in range(1, epochs + 1):
        scores = learned.first_scores if epoch == 1 else learned.scores
        for start in range(0, len(scores), batch):
            part = scores[start : start + batch]
            accuracy = sum(part) / len(part)
            steps.append(Step(len(steps) + 1, epoch, round(1 - accuracy, 4), round(accuracy, 4)))
    return tuple(steps)
