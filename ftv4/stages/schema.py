"""A stage's contracts as JSON Schema: whole, or in the subset that a fine-tuned model's decoder takes."""

from typing import Literal

from ftv4.contracts import Json
from ftv4.stages.stage import Stage

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NOISE = frozenset({"title", "default", "$defs"})
SPELLING = {"ge": "minimum", "le": "maximum"}
"""pydantic's own words for bounds on a number that passes through a function first."""
DECODED = frozenset({"type", "enum", "properties", "items", "required", "additionalProperties"})
"""All that the strict form may say; lengths, patterns and bounds make the call fail (facts/openai.md)."""


def json_schema(stage: Stage, side: Literal["input", "output"]) -> Json:
    """The whole contract, draft 2020-12, without references."""
    contract = stage.input if side == "input" else stage.output
    schema = contract.model_json_schema()
    name = stage.input_schema if side == "input" else stage.output_schema
    return {"$schema": DIALECT, "title": name, **_plain(schema, schema.get("$defs", {}))}


def strict_schema(stage: Stage, side: Literal["input", "output"]) -> Json:
    """The contract's keys, types and choices alone; an answer that fits is still to be validated.

    Every property is required, so an optional one may be null instead of absent. No output has one.
    """
    return _strict(json_schema(stage, side))


def _plain(node: Json, definitions: Json) -> Json:
    if "$ref" in node:
        node = definitions[node["$ref"].rpartition("/")[2]]
    plain: Json = {SPELLING.get(key, key): value for key, value in node.items() if key not in NOISE}
    if "properties" in node:
        plain["properties"] = {name: _plain(item, definitions) for name, item in node["properties"].items()}
    if "items" in node:
        plain["items"] = _plain(node["items"], definitions)
    return plain


def _strict(node: Json) -> Json:
    strict = {key: value for key, value in node.items() if key in DECODED}
    if "const" in node:
        strict["enum"] = [node["const"]]
    if "items" in node:
        strict["items"] = _strict(node["items"])
    if "properties" in node:
        required = node.get("required", [])
        strict["properties"] = {
            name: _strict(item) if name in required else _nullable(_strict(item))
            for name, item in node["properties"].items()
        }
        strict["required"] = list(node["properties"])
    return strict


def _nullable(node: Json) -> Json:
    return node | {"type": [node["type"], "null"]}
