"""What a training file must be before a job learns from it, and what it costs in tokens."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

Json = dict[str, Any]
MIN_EXAMPLES = 10
MAX_TOKENS = 65_536
"""Tokens of one example; what is longer is cut at its end by the real service."""
KEYS = frozenset({"messages", "tools", "parallel_tool_calls", "functions"})
ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


class Example(NamedTuple):
    """One conversation to learn from: what was said before, what was asked, what was answered."""

    system: str
    user: str
    assistant: str


class Training(NamedTuple):
    """A training file as read: its examples, or why it can't be used."""

    examples: tuple[Example, ...]
    problem: str | None
    tokens: int


def read_training(content: bytes) -> Training:
    """Read a JSONL training file: every line is checked, problems name the line."""
    examples, problems = [], []
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        found = _example(line)
        if isinstance(found, Example):
            examples.append(found)
        else:
            problems.append(f"Line {number}: {found}")
    if not problems and len(examples) < MIN_EXAMPLES:
        problems.append(
            f"Training file has {len(examples)} example(s), but must have at least {MIN_EXAMPLES} examples"
        )
    if problems:
        return Training((), "; ".join(problems[:5]), 0)
    return Training(tuple(examples), None, sum(_tokens(examples)))


def _example(line: bytes) -> Example | str:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return "invalid JSON"
    if not isinstance(value, dict) or not isinstance(value.get("messages"), list):
        return "expected an object with a list of 'messages'"
    if unknown := sorted(value.keys() - KEYS):
        return f"unexpected key '{unknown[0]}'"
    messages = value["messages"]
    return next(filter(None, map(_message_problem, messages)), None) or _conversation(messages)


def _message_problem(message: Any) -> str | None:
    if not isinstance(message, dict):
        return "a message is not an object"
    role = message.get("role")
    if role not in ROLES:
        return f"unknown role {role!r}"
    if not isinstance(message.get("content"), str):
        return f"the {role} message has no text content"
    if message.get("weight", 1) not in (0, 1):
        return "weight is neither 0 nor 1"
    return None


def _conversation(messages: Sequence[Json]) -> Example | str:
    if not messages or messages[-1]["role"] != "assistant" or messages[-1].get("weight") == 0:
        return "the last message is not from the assistant"
    users = [message["content"] for message in messages if message["role"] == "user"]
    if not users:
        return "no message is from the user"
    system = "\n".join(m["content"] for m in messages if m["role"] in ("system", "developer"))
    return Example(system, users[-1], messages[-1]["content"])


def _tokens(examples: Sequence[Example]) -> list[int]:
    """Tokens of each example as trained on: 3 a message and 3 an example beside the text's."""
    counts = count_tokens([text for example in examples for text in example])
    return [min(MAX_TOKENS, sum(counts[i : i + 3]) + 12) for i in range(0, len(counts), 3)]


def count_tokens(texts: Sequence[str]) -> list[int]:
    """Tokens of each text, as the 4o and 4.1 families count them."""
    import toktok

    return list(toktok.batch_count(list(texts), "o200k_base"))


def first_tokens(text: str, limit: int) -> str:
    """The text cut after so many tokens."""
    import toktok

    return str(toktok.truncate(text, limit, "o200k_base")[0])


def auto_epochs(examples: int) -> int:
    """Epochs when the job leaves them to the service: enough to see about a hundred examples."""
    if examples * 3 < 100:
        return min(25, 100 // examples)
    return max(1, 25_000 // examples) if examples * 3 > 25_000 else 3
