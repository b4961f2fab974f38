"""The door to whoever trains and serves models behind the OpenAI API shape.

The SDK stays inside: what comes out are our own words and `ServiceError`. The SDK repeats a POST
whose answer it did not get, and an accepted one is paid for, so `create_job` is sent once and
never again (with its defaults, up to three accepted POSTs for one call).
"""

import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from ftv4.clients.key import SANDBOX, Key, key_of
from ftv4.clients.provider_objects import RUN_KEY, STAGE, StoredFile, file_of, job_of, time_of
from ftv4.contracts import Json
from ftv4.contracts.providers import ProviderRow
from ftv4.contracts.run import Job, JobEvent
from ftv4.encode import for_log, name_for_log
from ftv4.errors import ServiceError, UsageError

if TYPE_CHECKING:
    from ssl import SSLContext

    from openai import OpenAI

ASKING_SECONDS = 60.0
UPLOAD_SECONDS = 600.0
RETRIES = 2
"""Of requests that cost nothing when they are carried out twice, and of questions to a model."""
NEVER = 0
PAGE = 100
"""Jobs asked for at a time."""
FILES_PAGE = 1000
Thing = TypeVar("Thing", Job, StoredFile)


class AnswerLost(ServiceError):
    """No usable answer came: the request may have been carried out, or not."""


class Missing(ServiceError):
    """The provider doesn't have what was asked for."""


@dataclass(frozen=True)
class NewJob:
    """A fine-tuning job to be asked for."""

    base_model: str
    training_file: str
    suffix: str
    run_key: str
    stage: str
    n_epochs: int | None = None
    learning_rate_multiplier: float | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Completion:
    """A model's answer, and what it took."""

    text: str
    finish_reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float


class Provider:
    """One provider of `config/providers.json`. Safe to use from several threads."""

    def __init__(self, name: str, row: ProviderRow, client: "OpenAI", key: Key) -> None:
        self.name = name
        self.row = row
        self._client = client
        self._key = key
        weakref.finalize(self, client.close)

    @classmethod
    def connect(cls, name: str, row: ProviderRow, variable: Callable[[str], str | None]) -> "Provider":
        """Open the door; sends nothing yet.

        With a key where one is set, else by the identity of the workflow's job. `variable` reads the
        environment, with empty values as absent. Raises UsageError that names the variables that are missing.
        """
        from openai import DefaultHttpxClient, OpenAI

        address = row.base_url or variable(row.base_url_env or "")
        if address is None:
            raise UsageError(
                f"provider {name}: {row.base_url_env} isn't set", hint=SANDBOX if name == "sandbox" else ""
            )
        key = key_of(name, row, address, variable)
        # A proxy of this machine's network has no business between two programs of this machine.
        here = urlsplit(address).hostname in {"127.0.0.1", "localhost", "::1"}
        client = OpenAI(
            base_url=address,
            api_key=key,
            max_retries=RETRIES,
            timeout=ASKING_SECONDS,
            default_headers=_account(row, variable),
            http_client=DefaultHttpxClient(trust_env=not here, verify=_authorities(address, here)),
        )
        return cls(name, row, client, key)

    @property
    def stored_key(self) -> bool:
        """Whether somebody stored the key, and it was not made for this job."""
        return self._key.stored

    # training

    def upload(self, path: Path, name: str) -> StoredFile:
        """Upload a training file under a name, once: who didn't get an answer can look for the name first.

        Raises AnswerLost when it may be there all the same.
        """
        with self._asking("upload the training file"):
            client = self._client.with_options(timeout=UPLOAD_SECONDS, max_retries=NEVER)
            return file_of(client.files.create(file=(name, path), purpose="fine-tune"))

    def file(self, file_id: str) -> StoredFile:
        """An uploaded file as it stands. Raises Missing when it isn't there any more."""
        with self._asking(f"look for the training file {name_for_log(file_id)}"):
            return file_of(self._client.files.retrieve(file_id))

    def files(self) -> list[StoredFile]:
        """Every training file, newest first.

        Raises ServiceError when the list can't be read to its end, and Missing where there is none.
        """
        with self._asking("list the training files"):
            pages = self._client.files.list(purpose="fine-tune", limit=FILES_PAGE)
            return self._distinct(map(file_of, pages), "files")

    def delete_file(self, file_id: str) -> None:
        """Delete an uploaded file; what was trained on it stays."""
        with suppress(Missing), self._asking(f"delete the training file {name_for_log(file_id)}"):
            self._client.files.delete(file_id)

    def create_job(self, job: NewJob) -> Job:
        """Ask for a paid job, once. Raises AnswerLost when it may exist all the same."""
        hyperparameters = _given(n_epochs=job.n_epochs, learning_rate_multiplier=job.learning_rate_multiplier)
        supervised = {"hyperparameters": hyperparameters} if hyperparameters else {}
        body: Json = {
            "model": job.base_model,
            "training_file": job.training_file,
            "suffix": job.suffix,
            "method": {"type": "supervised", "supervised": supervised},
            "metadata": {RUN_KEY: job.run_key, STAGE: job.stage},
            **_given(seed=job.seed),
        }
        with self._asking("create the fine-tuning job"):
            made = self._client.with_options(max_retries=NEVER).fine_tuning.jobs.create(
                **body, extra_body=self.row.extra_body or None
            )
            return job_of(made)

    def jobs(self, limit: int | None = None, run_key: str | None = None) -> list[Job]:
        """Jobs, newest first: all of them or the first `limit`; of one run, if its key is given.

        Raises ServiceError when the list can't be read to its end: half a list decides nothing.
        """
        page = min(limit or PAGE, PAGE)
        chosen: Json = {"metadata": {RUN_KEY: run_key}} if run_key else {}
        with self._asking("list the fine-tuning jobs"):
            pages = self._client.fine_tuning.jobs.list(limit=page, **chosen)
            found = self._distinct(map(job_of, islice(pages, limit)), "jobs")
        # Not every provider knows the filter; those that don't send everything.
        return [job for job in found if run_key in (None, job.run_key)]

    def job(self, job_id: str) -> Job:
        """A job as it stands."""
        with self._asking(f"look at job {name_for_log(job_id)}"):
            return job_of(self._client.fine_tuning.jobs.retrieve(job_id))

    def events(self, job_id: str, limit: int = 20) -> list[JobEvent]:
        """The last lines of a job's log, oldest first."""
        with self._asking(f"read the log of job {name_for_log(job_id)}"):
            page = self._client.fine_tuning.jobs.list_events(job_id, limit=limit)
            lines = list(page.data or ())[:limit]
        return [
            JobEvent(at=time_of(one.created_at) or "", level=one.level or "info", message=one.message or "")
            for one in reversed(lines)
        ]

    def cancel(self, job_id: str) -> Job:
        """Stop a job; what it trained until then may be billed."""
        with self._asking(f"cancel job {name_for_log(job_id)}"):
            return job_of(self._client.fine_tuning.jobs.cancel(job_id))

    # serving

    def models(self) -> dict[str, str | None]:
        """Every model the key may use → the day it shuts down (YYYY-MM-DD), if that is known.

        Empty where the provider has no such list.
        """
        with suppress(Missing), self._asking("list the models"):
            return {model.id: model.shutdown_date or None for model in self._client.models.list()}
        return {}

    def complete(
        self,
        model: str,
        messages: Sequence[Any],
        schema: Json | None,
        max_tokens: int,
        temperature: float,
        seed: int | None = None,
    ) -> Completion:
        """Ask a model once. `schema` is a strict JSON schema: `{"name": …, "schema": …}`, or None.

        Raises ServiceError also when the model declines, or its answer was cut short.
        """
        shape = {"type": "json_schema", "json_schema": {**schema, "strict": True}} if schema else None
        body = _given(response_format=shape, seed=seed)
        began = time.perf_counter()
        with self._asking(f"ask {name_for_log(model)}"):
            answer = self._client.chat.completions.create(
                model=model,
                messages=list(messages),
                max_completion_tokens=max_tokens,
                temperature=temperature,
                **body,
            )
            choice = answer.choices[0]
        text = self._said(model, choice)
        usage = answer.usage
        return Completion(
            text=text,
            finish_reason=choice.finish_reason,
            prompt_tokens=usage.prompt_tokens if usage else None,
            completion_tokens=usage.completion_tokens if usage else None,
            seconds=time.perf_counter() - began,
        )

    def _said(self, model: str, choice: Any) -> str:
        """The text of an answer that is one."""
        who, why = f"{self.name}: {name_for_log(model)}", choice.finish_reason
        refusal = getattr(choice.message, "refusal", None)
        if refusal:
            raise ServiceError(f"{who} declined to answer: {for_log(refusal)}")
        if why == "length":
            raise ServiceError(f"{who}: its answer was cut at max_tokens", hint="raise max_tokens of the pin")
        if why == "content_filter":
            raise ServiceError(f"{who}: the provider's content filter stopped the answer")
        if not choice.message.content:
            raise ServiceError(f"{who}: an empty answer", retryable=True)
        return str(choice.message.content)

    def _distinct(self, things: Iterable[Thing], what: str) -> list[Thing]:
        """All of a list. Raises ServiceError when it goes round in circles."""
        found: dict[str, Thing] = {}
        for thing in things:
            if thing.id in found:
                raise ServiceError(f"{self.name}: its list of {what} repeats itself", retryable=True)
            found[thing.id] = thing
        return list(found.values())

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        """Turn whatever the SDK raises, or an answer in no known shape, into a ServiceError."""
        import openai

        try:
            yield
        except openai.APIStatusError as error:
            renewed = error.status_code == 401 and self._key.renews()
            raise _refusal(self.name, what, error, self._key.hide, renewed) from None
        except openai.APIConnectionError as error:
            late = isinstance(error, openai.APITimeoutError)
            reason = (
                "no answer in time"
                if late
                else f"no connection: {for_log(self._key.hide(str(error.__cause__ or error)))}"
            )
            raise AnswerLost(
                f"{self.name}: could not {what}: {reason}",
                hint=f"is {self._client.base_url} reachable from here?",
                retryable=True,
            ) from None
        except (openai.OpenAIError, ValueError, AttributeError, TypeError, LookupError) as error:
            raise AnswerLost(
                f"{self.name}: could not {what}: an answer in no known shape: "
                f"{for_log(self._key.hide(str(error)))}",
                retryable=True,
            ) from None


def _authorities(address: str, here: bool) -> "SSLContext | bool":
    """Whose certificates count: none for a program of this machine that speaks no TLS (they take 20 ms)."""
    from ssl import PROTOCOL_TLS_CLIENT, SSLContext

    return SSLContext(PROTOCOL_TLS_CLIENT) if here and urlsplit(address).scheme == "http" else True


def _account(row: ProviderRow, variable: Callable[[str], str | None]) -> dict[str, Any]:
    """Whose account is charged: only OpenAI knows these, and an empty one must not be sent.

    Said here because the SDK reads the variables itself, and sends an empty one as an empty header.
    """
    from openai import Omit

    own = row.api_key_env == "OPENAI_API_KEY"
    project = variable("OPENAI_PROJECT_ID") or variable("OPENAI_PROJECT")
    return {
        "OpenAI-Organization": (own and variable("OPENAI_ORG_ID")) or Omit(),
        "OpenAI-Project": (own and project) or Omit(),
    }


def _refusal(name: str, what: str, error: Any, tidy: Callable[[str], str], renewed: bool) -> ServiceError:
    """An HTTP error in our words: is it worth another try, may it have been carried out, what to do."""
    status, code, reason = int(error.status_code), tidy(str(error.code or "")), tidy(_reason(error))
    unsure = status in {408, 409} or status >= 500
    number = f" (request {for_log(tidy(error.request_id))})" if error.request_id else ""
    kind = AnswerLost if unsure else Missing if status == 404 else ServiceError
    return kind(
        f"{name}: could not {what}: HTTP {status} {for_log(code)}: {for_log(reason)}{number}",
        hint=_hint(status, code, reason),
        retryable=unsure or renewed or (status == 429 and code != "insufficient_quota"),
    )


def _reason(error: Any) -> str:
    """The provider's own sentence, without the SDK's wrapping."""
    body = error.body
    return str(body["message"]) if isinstance(body, dict) and body.get("message") else str(error.message)


def _hint(status: int, code: str, reason: str) -> str:
    if "fine-tuning" in reason.lower() and status in {400, 403}:
        return "if the provider takes no more jobs, name another with --provider (config/providers.json)"
    if status == 429:
        spent = code == "insufficient_quota"
        return "the account has no credit left: top it up" if spent else "too many requests: try again later"
    return {
        401: "the key is not accepted: is it this provider's, and still valid?",
        403: "the key may not do this: ask for the permission, or take another key",
        404: "the provider doesn't have it: check the id, and whether the model is shut down",
    }.get(status, "")


def _given(**members: Any) -> Json:
    """The members that were given."""
    return {name: value for name, value in members.items() if value is not None}
