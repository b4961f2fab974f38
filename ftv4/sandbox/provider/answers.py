"""Chat completions and responses: a question in, what the model learned to answer out."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import orjson
from pydantic import BaseModel, ConfigDict, Field

from ftv4.canonical import sha256
from ftv4.sandbox.provider.minds import Minds
from ftv4.sandbox.provider.models import Clock, Models
from ftv4.sandbox.provider.schemas import check_schema, fit
from ftv4.sandbox.provider.training import count_tokens, first_tokens
from ftv4.sandbox.provider.wire import Refusal

Json = dict[str, Any]
Ids = Callable[[], int]
UNTUNED = "This is an untuned sandbox model. It knows nothing; tune it on examples and it answers like them."
MAX_OUTPUT = 32_768


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Message(_Open):
    """One message of a conversation; content is text, or parts that hold text."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Json]


class ChatRequest(_Open):
    """The body of `POST /chat/completions`, as far as the sandbox heeds it."""

    model: str
    messages: Annotated[list[Message], Field(min_length=1)]
    response_format: Json | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2, strict=False)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1, strict=False)] | None = None
    seed: int | None = None
    n: Literal[1] | None = None
    stream: Literal[False] | None = None
    tools: Annotated[list[Json], Field(max_length=0)] | None = None


class ResponseRequest(_Open):
    """The body of `POST /responses`, as far as the sandbox heeds it."""

    model: str
    input: str | list[Message]
    instructions: str | None = None
    text: Json | None = None
    max_output_tokens: Annotated[int, Field(ge=16)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2, strict=False)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1, strict=False)] | None = None
    metadata: dict[str, str] | None = None
    stream: Literal[False] | None = None
    tools: Annotated[list[Json], Field(max_length=0)] | None = None


class Said(NamedTuple):
    """An answer, whether it was cut at the token limit, and what it took."""

    text: str
    cut: bool
    prompt_tokens: int
    completion_tokens: int


class Answers:
    """Asks the model named in a request."""

    def __init__(self, models: Models, minds: Minds, clock: Clock) -> None:
        self._models = models
        self._minds = minds
        self._clock = clock

    def chat(self, request: ChatRequest) -> Json:
        """`POST /chat/completions`."""
        form = _chat_format(request.response_format or {})
        limit = request.max_completion_tokens or request.max_tokens or MAX_OUTPUT
        said = self._say(request.model, [(m.role, _text(m.content)) for m in request.messages], form, limit)
        return {
            "id": f"chatcmpl-{_mark(request)}",
            "object": "chat.completion",
            "created": int(self._clock()),
            "model": request.model,
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "length" if said.cut else "stop",
                    "logprobs": None,
                    "message": {
                        "role": "assistant",
                        "content": said.text,
                        "refusal": None,
                        "annotations": [],
                    },
                }
            ],
            "usage": {
                "prompt_tokens": said.prompt_tokens,
                "completion_tokens": said.completion_tokens,
                "total_tokens": said.prompt_tokens + said.completion_tokens,
            },
            "system_fingerprint": "fp_sandbox",
        }

    def respond(self, request: ResponseRequest) -> Json:
        """`POST /responses`."""
        form = (request.text or {}).get("format") or {}
        messages = [("system", request.instructions)] if request.instructions else []
        messages += (
            [("user", request.input)]
            if isinstance(request.input, str)
            else [(m.role, _text(m.content)) for m in request.input]
        )
        said = self._say(request.model, messages, form, request.max_output_tokens or MAX_OUTPUT)
        return _response(request, said, int(self._clock()))

    def _say(self, model: str, messages: Sequence[tuple[str, str]], form: Json, limit: int) -> Said:
        self._models.get(model)
        training = self._models.training(model)
        schema = form.get("schema") if form.get("type") == "json_schema" else None
        if schema is not None:
            check_schema(schema, strict=bool(form.get("strict")), tuned=training is not None)
        elif form.get("type") not in (None, "text", "json_object"):
            raise Refusal(400, f"Unknown response format: {form.get('type')!r}.", param="response_format")
        question = next((text for role, text in reversed(messages) if role == "user"), "")
        text = self._minds.learned(training).answer(question) if training else _generic(form)
        if schema is not None:
            text = _dumped(fit(_loaded(text), schema))
        tokens = count_tokens([text for _, text in messages] + [text])
        cut, spent = tokens[-1] > limit, min(tokens[-1], limit)
        return Said(
            first_tokens(text, limit) if cut else text, cut, sum(tokens[:-1]) + 3 * len(messages), spent
        )


def _generic(form: Json) -> str:
    return UNTUNED if form.get("type") in (None, "text") else "{}"


def _chat_format(form: Json) -> Json:
    """`{type, json_schema: {schema, strict}}` as the flat form that responses use."""
    return {"type": form.get("type"), **(form.get("json_schema") or {})} if form else {}


def _text(content: str | list[Json]) -> str:
    return content if isinstance(content, str) else "\n".join(str(part.get("text", "")) for part in content)


def _loaded(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _dumped(value: Any) -> str:
    return orjson.dumps(value).decode()


def _mark(request: BaseModel) -> str:
    return sha256(request.model_dump_json())[:24]


def _response(request: ResponseRequest, said: Said, now: int) -> Json:
    status = "incomplete" if said.cut else "completed"
    return {
        "id": f"resp_{_mark(request)}",
        "object": "response",
        "created_at": now,
        "completed_at": None if said.cut else now,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if said.cut else None,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "metadata": request.metadata or {},
        "model": request.model,
        "output": [
            {
                "id": f"msg_{_mark(request)}",
                "type": "message",
                "role": "assistant",
                "status": status,
                "content": [{"type": "output_text", "text": said.text, "annotations": [], "logprobs": []}],
            }
        ],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "temperature": 1.0 if request.temperature is None else request.temperature,
        "text": request.text or {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0 if request.top_p is None else request.top_p,
        "truncation": "disabled",
        "usage": {
            "input_tokens": said.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": said.completion_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": said.prompt_tokens + said.completion_tokens,
        },
    }
