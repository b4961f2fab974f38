"""What sandbox models answer: chat completions, responses, structured outputs."""

import json

import openai
import pytest

from ftv4.sandbox.provider import provider_app
from tests.sandbox.provider_server import BASE, SCHEMA, Clock, form, line, served, training


@pytest.fixture
def sandbox(tmp_path):
    clock = Clock()
    with served(provider_app(tmp_path, clock=clock), clock) as running:
        yield running


def colour(answer):
    return json.loads(answer.choices[0].message.content)["colour"]


def refusal(call):
    with pytest.raises(openai.BadRequestError) as caught:
        call()
    return caught.value


def test_a_tuned_model_answers_what_it_was_taught(sandbox):
    tuned = sandbox.tuned()

    assert colour(sandbox.ask(tuned, {"n": 90, "even": True})) == "green"
    assert colour(sandbox.ask(tuned, {"n": 91, "even": False})) == "red"


def test_a_model_knows_only_its_own_training_file(sandbox):
    good = sandbox.tuned()
    bad = sandbox.tuned(training().replace(b"green", b"blue"))

    assert colour(sandbox.ask(good, {"n": 90, "even": True})) == "green"
    assert colour(sandbox.ask(bad, {"n": 90, "even": True})) == "blue"


def test_an_answer_says_what_it_took(sandbox):
    answer = sandbox.ask(
        sandbox.tuned(), {"n": 90, "even": True}, temperature=0, seed=1, max_completion_tokens=50
    )

    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.refusal is None
    assert answer.usage.completion_tokens == 5
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 5


def test_the_same_question_gets_the_same_answer(sandbox):
    tuned = sandbox.tuned()

    assert sandbox.ask(tuned, {"n": 5}) == sandbox.ask(tuned, {"n": 5})


def test_an_answer_stops_at_the_token_limit(sandbox):
    answer = sandbox.ask(sandbox.tuned(), {"n": 90, "even": True}, max_tokens=2)

    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 2
    assert answer.choices[0].message.content == '{"colour'


def test_an_untuned_model_fills_the_shape_and_knows_nothing(sandbox):
    assert colour(sandbox.ask(BASE, {"n": 90, "even": True}, response_format=form(SCHEMA))) == "red"
    assert "untuned" in sandbox.ask(BASE, {}).choices[0].message.content
    assert sandbox.ask(BASE, {}, response_format={"type": "json_object"}).choices[0].message.content == "{}"


WHOLE = {
    "type": "object",
    "$defs": {"word": {"type": "string", "minLength": 9}},
    "properties": {
        "word": {"$ref": "#/$defs/word"},
        "words": {"type": "array", "items": {"$ref": "#/$defs/word"}, "minItems": 2, "maxItems": 3},
        "count": {"type": "integer", "minimum": 3},
        "flag": {"type": "boolean"},
        "maybe": {"anyOf": [{"type": "null"}, {"type": "number"}]},
        "kind": {"const": "k"},
        "type": {"type": ["string", "null"]},
    },
    "required": ["word", "words", "count", "flag", "maybe", "kind", "type"],
    "additionalProperties": False,
}


def test_an_untuned_model_keeps_to_a_schema_with_bounds(sandbox):
    answer = sandbox.ask(BASE, {}, response_format=form(WHOLE))

    assert json.loads(answer.choices[0].message.content) == {
        "word": "unknown..",
        "words": ["unknown.."] * 2,
        "count": 3,
        "flag": False,
        "maybe": None,
        "kind": "k",
        "type": None,
    }


def test_a_schema_shapes_what_was_taught(sandbox):
    tuned = sandbox.tuned(b"".join(line({"n": n}, {"colour": "pink", "more": 1}) for n in range(10)))
    free, shaped = sandbox.ask(tuned, {"n": 1}), sandbox.ask(tuned, {"n": 1}, response_format=form(SCHEMA))

    assert json.loads(free.choices[0].message.content) == {"colour": "pink", "more": 1}
    assert json.loads(shaped.choices[0].message.content) == {"colour": "red"}


def test_what_no_schema_knows_of_was_taught_as_text(sandbox):
    tuned = sandbox.tuned(training().replace(b'"{\\"colour\\": \\"green\\"}"', b'"It is green."'))

    assert sandbox.ask(tuned, {"n": 90, "even": True}).choices[0].message.content == "It is green."


NOT_WHEN_TUNED = {
    "minLength": {"type": "string", "minLength": 1},
    "maxLength": {"type": "string", "maxLength": 5},
    "pattern": {"type": "string", "pattern": "^a"},
    "format": {"type": "string", "format": "date"},
    "minimum": {"type": "integer", "minimum": 0},
    "maximum": {"type": "number", "maximum": 0},
    "multipleOf": {"type": "integer", "multipleOf": 2},
    "minItems": {"type": "array", "items": {"type": "string"}, "minItems": 1},
    "maxItems": {"type": "array", "items": {"type": "string"}, "maxItems": 1},
    "patternProperties": {
        "type": "object",
        "properties": {},
        "additionalProperties": False,
        "patternProperties": {"^a": {"type": "string"}},
    },
}


def wrapped(part):
    return {
        "type": "object",
        "properties": {"list": {"type": "array", "items": part}},
        "required": ["list"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize("keyword", NOT_WHEN_TUNED)
def test_a_tuned_model_refuses_a_keyword_that_a_base_model_takes(sandbox, keyword):
    wanted = form(wrapped(NOT_WHEN_TUNED[keyword]))
    error = refusal(lambda: sandbox.ask(sandbox.tuned(), {}, response_format=wanted))

    assert f"'{keyword}' is not permitted" in error.message
    assert (error.param, error.code) == ("response_format", "invalid_json_schema")
    assert sandbox.ask(BASE, {}, response_format=wanted).choices


def test_a_reference_that_leads_nowhere_is_refused(sandbox):
    wanted = form(wrapped({"$ref": "#/$defs/lost"}))

    assert (
        "leads nowhere" in refusal(lambda: sandbox.ask(sandbox.tuned(), {}, response_format=wanted)).message
    )


BAD_SCHEMAS = {
    "'additionalProperties' is required": wrapped({"type": "object", "properties": {}}),
    "Missing 'colour'": wrapped({**SCHEMA, "required": []}),
    "'allOf' is not permitted": wrapped({"allOf": [SCHEMA]}),
    "'not' is not permitted": wrapped({"not": SCHEMA}),
    "must be a JSON Schema of 'type: \"object\"'": {"type": "array", "items": SCHEMA},
}


@pytest.mark.parametrize("problem", BAD_SCHEMAS)
def test_a_schema_that_is_not_strict_is_refused(sandbox, problem):
    error = refusal(lambda: sandbox.ask(BASE, {}, response_format=form(BAD_SCHEMAS[problem])))

    assert problem in error.message
    assert sandbox.ask(BASE, {}, response_format=form(BAD_SCHEMAS[problem], strict=False)).choices


def test_a_schema_nested_too_deeply_is_refused(sandbox):
    deep = {"type": "string"}
    for _ in range(6):
        deep = wrapped(deep)

    assert "deeper than 10" in refusal(lambda: sandbox.ask(BASE, {}, response_format=form(deep))).message


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"n": 2}, "n"),
        ({"temperature": 3}, "temperature"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"messages": []}, "messages"),
        ({"stream": True}, "stream"),
    ],
)
def test_what_the_sandbox_cannot_do_is_refused(sandbox, options, param):
    asked = {"model": BASE, "messages": [{"role": "user", "content": "x"}]} | options

    assert param in refusal(lambda: sandbox.sdk.chat.completions.create(**asked)).param


def test_an_unknown_model_is_not_found(sandbox):
    with pytest.raises(openai.NotFoundError) as caught:
        sandbox.ask(f"ft:{BASE}:nobody::12345678", {})

    assert caught.value.code == "model_not_found"


def test_responses_answer_like_chat(sandbox):
    tuned, asked = sandbox.tuned(), {"n": 90, "even": True}
    text = {"format": {"type": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True}}
    plain = sandbox.sdk.responses.create(model=tuned, input=json.dumps(asked), instructions="Say the colour.")
    listed = sandbox.sdk.responses.create(
        model=tuned, input=[{"role": "user", "content": json.dumps(asked)}], text=text, temperature=0
    )

    assert plain.output_text == listed.output_text == '{"colour":"green"}'
    assert plain.status == "completed"
    assert plain.usage.input_tokens > listed.usage.input_tokens


def test_a_response_cut_at_the_limit_is_incomplete(sandbox):
    wordy = b"".join(line({"n": n}, {"said": "word " * 50}) for n in range(10))
    answer = sandbox.sdk.responses.create(model=sandbox.tuned(wordy), input='{"n": 1}', max_output_tokens=16)

    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert answer.usage.output_tokens == 16


def test_a_response_refuses_the_same_schemas(sandbox):
    text = {
        "format": {"type": "json_schema", "name": "a", "schema": wrapped({"minLength": 1}), "strict": True}
    }
    tuned = sandbox.tuned()

    assert (
        "minLength"
        in refusal(lambda: sandbox.sdk.responses.create(model=tuned, input="x", text=text)).message
    )
