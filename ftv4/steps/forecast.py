"""Dataset → what a fine-tune on it would be; the figures of a dry `ftv4 ft stage`, from the same code."""

from datetime import datetime
from functools import partial
from io import BytesIO
from statistics import median

from ftv4.contracts.findings import Forecast
from ftv4.contracts.policy import Policy
from ftv4.documents import Repository
from ftv4.stages.stage import Stage
from ftv4.steps.finetune import Example, Examples, as_examples, estimate
from ftv4.steps.runs import survey
from ftv4.steps.serve import provider_row


class _Nowhere(BytesIO):
    """A stream that keeps nothing: examples are counted, not written."""

    def write(self, data: object, /) -> int:
        return 0


class Forecaster:
    """Counts accepted rows as they pass."""

    def __init__(self, repository: Repository, stage: Stage, policy: Policy, provider: str) -> None:
        row = provider_row(repository, provider)
        self._stage, self._provider = stage, provider
        self._facts = row.base_models.get(stage.base_model)
        words = (stage, repository.template(stage.prompt), policy)
        self.extract = partial(as_examples, stage.name, *words[1:])
        """What `add` wants of rows."""
        self._examples = Examples(_Nowhere(), words, bom=False, limit=None)
        self._repository = repository

    def add(self, example: Example) -> None:
        """Count an accepted row."""
        self._examples.add(example)

    def answer(self) -> Forecast | None:
        """What a fine-tune on the rows seen would be; None when there were none."""
        if not self._examples.rows:
            return None
        expected = estimate(self._examples, self._facts, None)
        paces = seconds_per_token(self._repository, self._provider, self._stage.base_model)
        return Forecast(
            provider=self._provider,
            base_model=self._stage.base_model,
            examples=self._examples.rows,
            estimate=expected,
            seconds=round(median(paces) * expected.billable_tokens, 1) if paces else None,
            finished_jobs=len(paces),
        )


def seconds_per_token(repository: Repository, provider: str, base_model: str) -> list[float]:
    """Of each of this repository's finished jobs, from being asked for to being seen done.

    Providers publish no speed of training, and queues differ: what was seen here is all that there is.
    """
    return [
        (_time(job.updated_at) - _time(job.attempted_at or job.created_at)) / job.openai.trained_tokens
        for run in survey(repository)[0]
        if (job := run.job) is not None
        and (job.provider, job.openai.base_model, job.openai.status) == (provider, base_model, "succeeded")
        and job.openai.trained_tokens
    ]


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
