"""The printed schema says what the contract says; its strict form only what a decoder takes."""

import pytest
from jsonschema import Draft202012Validator

from ftv4.stages import STAGES
from ftv4.stages.schema import json_schema, strict_schema
from tests.stages.bounds import BOUNDS, newline_ends

CONTRACTS = pytest.mark.parametrize(("stage", "side"), BOUNDS, ids=map("-".join, BOUNDS))
REFUSED = {
    *("minLength", "maxLength", "pattern", "format", "minimum", "maximum", "multipleOf"),
    *("patternProperties", "minItems", "maxItems", "uniqueItems"),
}
"""facts/openai.md: structured output of a fine-tuned model refuses a schema with any of these."""


def nodes(schema, depth=1):
    yield schema, depth
    for item in schema.get("properties", {}).values():
        yield from nodes(item, depth + 1)
    if "items" in schema:
        yield from nodes(schema["items"], depth)


@CONTRACTS
def test_the_schema_judges_every_edge_as_the_contract_does(stage, side):
    schema = json_schema(STAGES[stage], side)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)

    # Python's `$` also matches before a final newline; JSON Schema's doesn't, and nor do we.
    wrong = [
        what
        for what, value, fits in BOUNDS[stage, side].edges()
        if validator.is_valid(value) != fits and not newline_ends(value)
    ]

    assert wrong == []


@CONTRACTS
def test_the_strict_form_says_nothing_that_a_fine_tuned_model_refuses(stage, side):
    strict = strict_schema(STAGES[stage], side)
    Draft202012Validator.check_schema(strict)
    found = list(nodes(strict))

    assert [
        key for node, _ in found for key in node if key in REFUSED or key in {"$ref", "anyOf", "const"}
    ] == []
    assert all(
        node["required"] == list(node["properties"]) and node["additionalProperties"] is False
        for node, _ in found
        if "properties" in node
    )
    assert max(depth for _, depth in found) <= 10
    assert len(found) <= 5000


@CONTRACTS
def test_the_strict_form_takes_what_the_contract_takes(stage, side):
    validator = Draft202012Validator(strict_schema(STAGES[stage], side))

    assert validator.is_valid(BOUNDS[stage, side].sample())


@pytest.mark.parametrize("stage", STAGES.values(), ids=list(STAGES))
def test_no_answer_may_hold_null(stage):
    assert not any(isinstance(node["type"], list) for node, _ in nodes(strict_schema(stage, "output")))


def test_an_optional_member_may_be_null_in_the_strict_form():
    strict = strict_schema(STAGES["emyth_owner_load"], "input")

    assert strict["properties"]["context"]["properties"]["owner_context"]["type"] == ["object", "null"]


def test_members_that_are_named_like_keywords_stay():
    path = json_schema(STAGES["synthesis_decision"], "output")["properties"]["paths"]["properties"]["A"]

    assert path["properties"]["title"] == {"type": "string", "minLength": 4, "maxLength": 90}
