import dataclasses
import hashlib
import json

import pytest

from ftv4.contracts.jsontext import loads
from ftv4.documents import Repository
from ftv4.errors import ContractError
from ftv4.gates.acceptance import Acceptance
from ftv4.guards import Guards
from ftv4.pipeline.messages import conversation, messages, plain, prompt_version, training_line
from ftv4.stages import STAGES
from tests.conftest import ROOT, SHARED
from tests.stages.build import brief, run

STAGE = STAGES["emyth_owner_load"]
PROMPT = "# Role\n\nLook at `buckets` only.\n"
POLICY = Repository(ROOT).policy()


def row():
    inputs, outputs = run(brief())
    return {"input": inputs[STAGE.name], "output": outputs[STAGE.name]}


def test_A6_training_is_the_served_question_plus_the_answer():
    trained = json.loads(training_line(STAGE, PROMPT, POLICY, row()))["messages"]

    assert trained[:2] == messages(STAGE, PROMPT, POLICY, row()["input"])
    assert [message["role"] for message in trained] == ["system", "user", "assistant"]
    assert json.loads(trained[2]["content"]) == row()["output"]


def test_a_training_line_is_one_line_with_its_line_feed():
    line = training_line(STAGE, PROMPT, POLICY, row())

    assert line.endswith(b"]}\n")
    assert line.count(b"\n") == 1


def test_C11_keys_are_in_code_point_order_and_whole_numbers_have_no_fraction():
    payload = {"b": 90.0, "a": {"z": 9e1, "Z": "é"}, "A": [-0.0, 1.5]}

    asked = messages(STAGE, PROMPT, POLICY, payload)[1]["content"]

    assert asked == '{"A":[0,1.5],"a":{"Z":"é","z":90},"b":90}'


def test_the_system_message_names_the_stage_its_schema_and_the_forbidden_words():
    system = messages(STAGE, PROMPT, POLICY, {})[0]["content"].split("\n")

    assert system[:3] == ["Stage: emyth_owner_load", "Role", "Look at buckets only."]
    assert [line[:2] for line in system[4:]] == ["1.", "2.", "3.", "4.", "5."]
    assert "owner_load_v1" in system[5]
    assert ", ".join(POLICY.forbidden_vocabulary) in system[8]


@pytest.mark.parametrize("prompt", ["", " \n\n", "```\nonly an example\n```", "# Heading\n\n## Another\n"])
def test_D8_a_prompt_with_nothing_to_say_is_an_error_not_a_placeholder(prompt):
    with pytest.raises(ContractError, match=r"templates/prompts/emyth_owner_load\.md"):
        messages(STAGE, prompt, POLICY, {})


def test_D8_a_missing_prompt_file_is_an_error(repository):
    with pytest.raises(ContractError, match="no such file"):
        repository.template("prompts/nobody.md")


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_every_shipped_prompt_has_something_to_say(stage):
    text = plain(Repository(ROOT).template(stage.prompt))

    assert len(text) > 400
    assert "`" not in text
    assert not any(line.startswith(("#", "- ", "* ")) for line in text.splitlines())


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("## Task\nDo it.", "Task\nDo it."),
        ("- one\n* two\n  + three", "one\ntwo\nthree"),
        ("1. first\n2. second", "1. first\n2. second"),
        ("See [the list](docs/list.md) and ![a chart](x.png).", "See the list and a chart."),
        ("a\n\n\n   b   ", "a\nb"),
        ("a\n```json\n{}\n```\nb", "a\nb"),
        ("a\n~~~\n{}\n~~~\nb", "a\nb"),
        ("a\n  ```\n  {}\n  ```\nb", "a\nb"),
        ("a\n```\nnever closed", "a"),
        ("a\n````\n```\ninner\n```\n````\nb", "a\nb"),
        ("about a-b and 2 * 3", "about a-b and 2 * 3"),
        ("#no-heading", "#no-heading"),
        ("a\r\nb", "a\nb"),
    ],
)
def test_markup_is_taken_out(markdown, text):
    assert plain(markdown) == text


def test_a_heading_whose_body_was_only_a_block_goes_with_it():
    """The Node tool keeps it: contracts.md §9.2, quirk."""
    assert plain("Do it.\n## Minimal JSON Example\n```json\n{}\n```\n") == "Do it."
    assert plain("# A\n## B\n```\n{}\n```\n## C\ntext") == "A\nC\ntext"
    assert plain("# A\n## B\n```\n{}\n```\n# C\ntext") == "C\ntext"


def test_the_prompt_version_follows_prompt_and_policy():
    version = prompt_version(STAGE, PROMPT, POLICY)

    assert version == prompt_version(STAGE, PROMPT, POLICY)
    assert version != prompt_version(STAGE, PROMPT + "More.", POLICY)
    assert version != prompt_version(
        STAGE, PROMPT, POLICY.model_copy(update={"forbidden_vocabulary": ("kpi",)})
    )
    assert version != prompt_version(dataclasses.replace(STAGE, output_schema="v9"), PROMPT, POLICY)
    assert len(version) <= 40


def test_half_a_surrogate_pair_is_written_as_its_escape():
    payload = loads(b'{"note":"\\ud83d"}')

    assert messages(STAGE, PROMPT, POLICY, payload)[1]["content"] == '{"note":"\\ud83d"}'
    assert b"\\\\ud83d" in training_line(STAGE, PROMPT, POLICY, {"input": payload, "output": {}})


ORACLE = SHARED / "data" / "oracle" / "ft_stage"
OURS = {"stage_drift_failed", "decision_failed", "edited_after_approval"}
"""Reasons that the Node tool doesn't know (weaknesses.md B6, E9); it trains on such rows."""


def _oracle():
    cases = ORACLE / "cases.jsonl"
    lines = cases.read_text().splitlines() if cases.exists() else ()
    return [case for case in map(json.loads, lines) if case["ok"]]


@pytest.mark.parametrize("case", _oracle(), ids=lambda case: case["name"])
def test_user_and_assistant_texts_are_the_node_tools(case):
    stage = STAGES[case["stage"]]
    scan = POLICY.leak_scan.model_copy(update={"raw_row_hint": "any"})
    guards = Guards.compile(POLICY.model_copy(update={"leak_scan": scan}))
    acceptance = Acceptance(stage, guards, case["options"].get("approved_only", True))
    text = hashlib.sha256()
    accepted = 0
    for line in Repository(ORACLE).lines(case["dataset"]):
        rejections = acceptance.judge(line.value)
        if not rejections or rejections[0].reason in OURS:
            accepted += 1
            for message in conversation(stage, PROMPT, POLICY, line.value)[1:]:
                text.update(message["content"].encode() + b"\n")

    assert accepted == case["accepted_rows"]
    assert text.hexdigest() == case["user_assistant_sha256"]
