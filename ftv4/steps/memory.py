"""Remembers what models answered, so that an evaluation that was cut short asks only what is missing.

An answer is remembered with a digest of all that was asked, and for one evaluation alone: another model,
case, prompt, contract or parameter is another question. What went wrong is never remembered.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from ftv4.canonical import digest
from ftv4.clock import iso
from ftv4.contracts.evaluation import KeptAnswer
from ftv4.errors import ServiceError
from ftv4.pipeline.model import RULE, Answer, Ask, Model
from ftv4.pipeline.run import Models
from ftv4.steps.cases import Asked


class Memory:
    """The answers of one evaluation, those that it got before it was cut short among them.

    Safe to use from several threads. Rules are asked again: they cost nothing.
    """

    def __init__(self, clock: Callable[[], datetime], known: Iterable[KeptAnswer] = ()) -> None:
        self._clock = clock
        self._known = {one.question: one for one in known}
        self._asked: set[str] = set()
        self._lock = Lock()
        self.news = 0
        """Answers that weren't known before."""
        self.first_error: dict[str, str] = {}
        """Model id → why it first gave no answer."""

    def models(self, mode: str, asked: Asked, told: Mapping[str, str], models: Models) -> Models:
        """The models that answer a case, each asked only what isn't known; `told` is stage → version of
        its instructions.
        """
        about = [mode, asked.case.case_id, asked.sha256]

        def remembering(model_id: str, stage: str) -> Model:
            model = models(model_id, stage)
            return model if model_id.startswith(RULE) else _Remembering(model, [*about, told[stage]], self)

        return remembering

    def kept(self) -> tuple[KeptAnswer, ...]:
        """All that is known by now, in an order that doesn't depend on who answered first."""
        with self._lock:
            return tuple(sorted(self._known.values(), key=lambda one: (one.at, one.question)))

    def answered(self, model_id: str) -> int:
        """How many of the questions that a model was asked are answered."""
        return sum(one.model_id == model_id and one.question in self._asked for one in self.kept())

    def recall(self, question: str) -> Answer | None:
        """The answer to a question, by its digest."""
        with self._lock:
            self._asked.add(question)
            known = self._known.get(question)
        if known is None:
            return None
        return Answer(known.answer, known.seconds, known.prompt_tokens, known.completion_tokens)

    def heard(self, question: str, model_id: str, said: Answer) -> None:
        """Remember an answer, unless a file couldn't hold it as it came."""
        if any("\ud800" <= letter <= "\udfff" for letter in said.text):
            return
        kept = KeptAnswer(
            question=question,
            at=iso(self._clock()),
            model_id=model_id,
            answer=said.text,
            seconds=said.seconds,
            prompt_tokens=said.prompt_tokens,
            completion_tokens=said.completion_tokens,
        )
        with self._lock:
            self._known[question] = kept
            self.news += 1

    def failed(self, model_id: str, error: ServiceError) -> None:
        """Keep in mind why a model gave no answer."""
        with self._lock:
            self.first_error.setdefault(model_id, error.message)


@dataclass(frozen=True)
class _Remembering:
    """A model that is asked only what isn't known."""

    model: Model
    about: list[str]
    memory: Memory

    @property
    def id(self) -> str:
        return self.model.id

    def answer(self, ask: Ask) -> Answer:
        question = self._question(ask)
        known = self.memory.recall(question)
        if known is not None:
            return known
        try:
            said = self.model.answer(ask)
        except ServiceError as error:
            self.memory.failed(self.id, error)
            raise
        self.memory.heard(question, self.id, said)
        return said

    def _question(self, ask: Ask) -> str:
        stage, pin = ask.stage, ask.pin
        shapes = [stage.name, stage.input_schema, stage.output_schema]
        return digest([*self.about, self.id, shapes, [pin.temperature, pin.max_tokens], ask.input])
