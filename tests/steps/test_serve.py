import json

import pytest

from ftv4.contracts.models import Pin
from ftv4.errors import ContractError, ServiceError, UsageError
from ftv4.pipeline.messages import messages
from ftv4.pipeline.model import Ask, RuleModel
from ftv4.stages import STAGES
from ftv4.stages.schema import strict_schema
from ftv4.steps.serve import model_for
from tests.dataset_rows import row, rows, write_dataset
from tests.provider_sandbox import _provider, sandbox  # noqa: F401

STAGE = STAGES["quant_signals"]


def pin(model_id):
    return Pin(model_id=model_id, schema_version=STAGE.output_schema, max_tokens=900, temperature=0.5)


def ask(model_id, number=0):
    return Ask(STAGE, row(number)["input"], {}, pin(model_id))


def nobody(name):
    raise AssertionError(f"asked for {name}")


@pytest.mark.parametrize(
    "model_id", ["../../x", "openai", "openai:", ":x", "openai:a b", "openai:x\n", "", "a:b/c"]
)
def test_a_model_id_in_no_known_shape_is_an_error(repository, model_id):
    with pytest.raises(ContractError, match="not <provider>:<model>"):
        model_for(model_id, STAGE, repository, repository.policy(), nobody)


def test_A2_a_tuned_models_bare_id_is_told_to_name_its_provider(repository):
    with pytest.raises(ContractError, match="there are openai, sandbox") as refused:
        model_for("ft:gpt-4.1-mini-2025-04-14:acme::abc", STAGE, repository, repository.policy(), nobody)

    assert "openai:ft:gpt-4.1-mini-2025-04-14:acme::abc" in refused.value.hint


def test_a_rule_needs_no_provider(repository):
    model = model_for("deterministic:quant-v1", STAGE, repository, repository.policy(), nobody)

    assert isinstance(model, RuleModel)
    assert json.loads(model.answer(ask(model.id)).text)["stage_name"] == "quant_signals"


def test_a_missing_key_shows_when_the_model_is_looked_for(repository):
    from ftv4.cli.clients import connect_provider

    with pytest.raises(UsageError, match="OPENAI_API_KEY"):
        model_for(
            "openai:x", STAGE, repository, repository.policy(), lambda n: connect_provider(repository, n)
        )


class Heard:
    """A provider that keeps the question."""

    def complete(self, model, messages, **members):
        self.model, self.messages, self.members = model, messages, members
        raise ServiceError("enough")


def test_A6_a_served_model_is_asked_in_the_words_it_was_trained_on(repository):
    heard = Heard()
    model = model_for("openai:ft:a:b", STAGE, repository, repository.policy(), lambda name: heard)

    with pytest.raises(ServiceError):
        model.answer(ask(model.id))

    prompt = repository.template(STAGE.prompt)
    assert heard.model == "ft:a:b"
    assert heard.messages == messages(STAGE, prompt, repository.policy(), ask(model.id).input)
    assert heard.members == {
        "schema": {"name": STAGE.output_schema, "schema": strict_schema(STAGE, "output")},
        "max_tokens": 900,
        "temperature": 0.5,
    }


def test_A6_a_model_tuned_here_knows_the_questions_it_is_asked(repository, ftv4, sandbox):  # noqa: F811
    """The whole way: dataset, training file, job, chat answer, on the sandbox."""
    from ftv4.cli.clients import connect_provider

    write_dataset(repository, rows(27))
    sandbox.hurry = True
    tuned = json.loads(
        ftv4(
            "ft", "stage", "--stage", "quant_signals", "--suffix", "served", "--provider", "sandbox",
            "--min-rows", "10", "--dry-run=false", "--poll-interval", "0.01", "--format", "json",
        ).out
    )  # fmt: skip
    model = model_for(
        tuned["model_id"], STAGE, repository, repository.policy(), lambda n: connect_provider(repository, n)
    )

    for number in (0, 13, 26):
        answer = model.answer(ask(model.id, number))
        assert json.loads(answer.text) == row(number)["output"]
        assert answer.prompt_tokens > 0
