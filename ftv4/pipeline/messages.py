"""What a model is told: the one rendering for training and for serving.

A model that was tuned on one text and asked with another can't be good at what it never saw
(weaknesses.md A6), so a training line is exactly the question a served model gets, plus the answer.
Shapes: contracts.md §9.2.
"""

import re
from functools import lru_cache
from typing import TypedDict

import orjson

from ftv4.canonical import canonical, sha256
from ftv4.contracts import Json
from ftv4.contracts.policy import Policy
from ftv4.errors import ContractError
from ftv4.stages.stage import Stage

FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,}).*?(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#{1,6})(?:\s+|$)")
BULLET = re.compile(r"^[-*+]\s+")
TEXT = 7
"""The level of a line of text: below every heading."""
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")


class Message(TypedDict):
    """One message of a conversation."""

    role: str
    content: str


def messages(stage: Stage, prompt: str, policy: Policy, stage_input: Json) -> list[Message]:
    """What a model is asked: the stage's instructions, then its input as canonical JSON.

    `prompt` is the text of the stage's prompt file. Raises ContractError when nothing is left of it.
    """
    return [
        {"role": "system", "content": system_prompt(stage, prompt, policy)},
        {"role": "user", "content": canonical(stage_input)},
    ]


def conversation(
    stage: Stage, prompt: str, policy: Policy, row: Json, answer: str | None = None
) -> list[Message]:
    """What a model is trained on: the question, then the row's output as the `answer`, its one text."""
    said: Message = {"role": "assistant", "content": canonical(row["output"]) if answer is None else answer}
    return [*messages(stage, prompt, policy, row["input"]), said]


def training_line(stage: Stage, prompt: str, policy: Policy, row: Json) -> bytes:
    """A row as one line of a training file, with its line feed."""
    return as_line(conversation(stage, prompt, policy, row))


def as_line(talk: list[Message]) -> bytes:
    """A conversation as one line of a training file, with its line feed."""
    return orjson.dumps({"messages": talk}, option=orjson.OPT_APPEND_NEWLINE)


def prompt_version(stage: Stage, prompt: str, policy: Policy) -> str:
    """Name the instructions by their content: a model is tuned for one version of them."""
    return f"prompt-{sha256(system_prompt(stage, prompt, policy))[:12]}"


def system_prompt(stage: Stage, prompt: str, policy: Policy) -> str:
    """The stage's instructions. Raises ContractError when nothing is left of the prompt file."""
    return _instructions(stage, prompt, policy.forbidden_vocabulary)


@lru_cache(maxsize=16)
def _instructions(stage: Stage, prompt: str, forbidden: tuple[str, ...]) -> str:
    text = plain(prompt)
    if not text:
        raise ContractError(
            f"templates/{stage.prompt}: nothing to tell the model is left once its markup is taken out",
            hint="restore the prompt file from git; a model is never trained on a placeholder",
        )
    return f"""\
Stage: {stage.name}
{text}
Rules for every answer:
1. Reply with a single JSON object: no words around it, and no keys beyond those of its schema.
2. The object must satisfy the output schema {stage.output_schema} in full.
3. Cite evidence only by bucket ids (bucket:…) that the input lists.
4. Never repeat raw rows, line items, names, contact details or any other identifier.
5. None of these words may occur anywhere in the answer: {", ".join(forbidden)}."""


def plain(markdown: str) -> str:
    """Take the markup out of a prompt file, contracts.md §9.2.

    Fenced blocks, ticks, heading hashes, bullets and link targets go, and so does a heading that
    has nothing under it once they are gone. One line a source line, trimmed, blank ones dropped.
    """
    kept: list[str] = []
    below = 0  # the level of what was kept last: 0 at the end, TEXT for a line of text
    for line in reversed(FENCE.sub("", markdown).splitlines()):
        heading = HEADING.match(line.strip())
        level = len(heading[1]) if heading else TEXT
        text = _inline(HEADING.sub("", line.strip()) if heading else BULLET.sub("", line.strip()))
        if text and (level == TEXT or level < below):
            kept.append(text)
            below = level
    return "\n".join(reversed(kept))


def _inline(text: str) -> str:
    return LINK.sub(r"\1", text).replace("`", "").strip()
