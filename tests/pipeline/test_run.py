import json

import pytest

from ftv4.canonical import canonical
from ftv4.documents import Repository
from ftv4.errors import ContractError
from ftv4.guards import Guards
from ftv4.pipeline.model import Ask, RuleModel
from ftv4.pipeline.run import json_object, route, run_pipeline, run_stage, share
from ftv4.stages import STAGES
from tests.conftest import ROOT
from tests.pipeline.build import NOW, Scripted, away, brief, data_pack, pin, quotes

GUARDS = Guards.compile(Repository(ROOT).policy())
QUANT = STAGES["quant_signals"]


def pipeline(*models, guards=GUARDS, pins=None, **changes):
    """Run the pipeline with the first model pinned everywhere."""
    by_id = {model.id: model for model in models}
    return run_pipeline(
        brief(**changes),
        pins or (lambda *_: pin(models[0].id)),
        lambda model_id, _: by_id[model_id],
        guards,
        NOW,
    )


def stage(pinned, *models, stage=QUANT, client_id="w1"):
    """Run one stage on a brief's input."""
    by_id = {model.id: model for model in models}
    stage_input = stage.make_input(brief(client_id=client_id), {})
    return run_stage(stage, stage_input, {}, pinned, lambda model_id, _: by_id[model_id], GUARDS, NOW)


def only_in(name, change):
    """A model that does as told in one stage and follows the rule in the others."""

    class OnlyIn(Scripted):
        def answer(self, ask):
            return Scripted(self.id, change if ask.stage.name == name else None).answer(ask)

    return OnlyIn("test:model")


# a run that comes through


def test_a_run_passes_all_stages_and_ends_with_the_decision():
    record = pipeline(Scripted("test:model"))

    assert record.status == "succeeded"
    assert [each.stage_name for each in record.stage_records] == list(STAGES)
    assert record.final_artifact == record.stage_records[-1].output_artifact.payload_json
    assert (record.run_id, record.workspace_id, record.error) == ("r1", "w1", None)


def test_a_run_is_the_same_whenever_it_is_run_again():
    assert pipeline(Scripted("test:model")) == pipeline(Scripted("test:model"))


def test_nobody_has_approved_or_graded_a_fresh_record():
    for each in pipeline(Scripted("test:model")).stage_records:
        assert (each.approved, each.notes, each.grades) == (False, "", None)
        assert each.output_artifact.guard_results.passed
        assert each.output_artifact.validation_results.ok


def test_the_pipeline_says_who_answered_and_does_not_take_the_models_word():
    claims = Scripted("test:model", {"model_id": "test:somebody-else", "prompt_version": "v99"})

    for each in pipeline(claims).stage_records:
        assert each.output_artifact.payload_json["model_id"] == "test:model"
        assert each.output_artifact.payload_json["prompt_version"] == "v1"


def test_each_stage_is_asked_with_the_outputs_of_those_before():
    model = Scripted("test:model")
    pipeline(model)

    assert [list(ask.earlier) for ask in model.asked][-1] == list(STAGES)[:4]
    assert model.asked[1].earlier["quant_signals"]["model_id"] == "test:model"


def test_the_industry_finds_its_pin():
    pinned = {"hvac": pin("test:hvac")}
    record = pipeline(Scripted("test:hvac"), pins=lambda _, industry: pinned[industry])

    assert record.stage_records[0].model_config_.model_id == "test:hvac"


def test_D7_every_payload_is_guarded_once():
    seen = []

    class Counting(Guards):
        def doctrine(self, payload, stage):
            seen.append(payload["schema_version"])
            return super().doctrine(payload, stage)

        def drift(self, payload, stage):
            seen.append(f"drift {stage}")
            return super().drift(payload, stage)

    pipeline(Scripted("test:model"), guards=Counting.compile(Repository(ROOT).policy()))

    assert len(seen) == len(set(seen)) == 15


# a run that stops

REFUSED = {
    "nobody answers": (away(), "STAGE_EXECUTION_FAILED"),
    "prose": ("Certainly! Here it is.", "MODEL_OUTPUT_NOT_JSON"),
    "a list": ("[]", "MODEL_OUTPUT_NOT_JSON"),
    "the same key twice": ('{"paths": 1, "paths": 2}', "MODEL_OUTPUT_NOT_JSON"),
    "a number that is none": ('{"confidence": NaN}', "MODEL_OUTPUT_NOT_JSON"),
    "half a character": ('{"confidence": "\\ud83d"}', "MODEL_OUTPUT_NOT_JSON"),
    "a pit": ('{"a":' * 5000 + "1" + "}" * 5000, "MODEL_OUTPUT_NOT_JSON"),
    "another shape": ({"signals": []}, "SCHEMA_VALIDATION_FAILED"),
    "a forbidden word": (
        {"why_it_feels_heavy": "You lack a KPI for what you carry."},
        "DOCTRINE_GUARD_FAILED",
    ),
    "another stage's words": (
        {"relief_without_expansion": ["Hire a helper soon.", "Buy a better tool."]},
        "DOCTRINE_GUARD_FAILED",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_first_failing_stage_stops_the_run_and_says_why(case):
    change, code = REFUSED[case]
    record = pipeline(only_in("emyth_owner_load", change))

    assert (record.status, record.final_artifact) == ("failed", None)
    assert [each.stage_name for each in record.stage_records] == ["quant_signals", "emyth_owner_load"]
    assert record.stage_records[0].output_artifact is not None
    assert record.stage_records[1].input_artifact is not None
    assert record.stage_records[1].output_artifact is None
    assert (record.error.stage_failed, record.error.code) == ("emyth_owner_load", code)
    assert record.error.reason
    assert record.error.next_action


def test_a_broken_contract_is_told_problem_by_problem():
    error = pipeline(only_in("emyth_owner_load", {"owner_load_drivers": [], "extra": 1})).error

    assert [line.split(" ")[0] for line in error.validation_errors] == ["/owner_load_drivers", "/extra"]


def test_a_guards_objections_are_told_even_beside_a_broken_contract():
    error = pipeline(only_in("emyth_owner_load", {"extra": "a dashboard"})).error

    assert error.code == "SCHEMA_VALIDATION_FAILED"
    assert [failure.code for failure in error.guard_failures] == ["forbidden_vocabulary"]


def test_a_stage_that_cannot_be_asked_asks_nobody():
    model = Scripted("test:model")
    record = pipeline(model, industry="x")

    assert model.asked == []
    assert record.error.code == "STAGE_INPUT_INVALID"
    assert record.error.validation_errors[0].startswith("/industry ")


def test_an_input_with_a_forbidden_word_asks_nobody():
    model = Scripted("test:model")
    record = pipeline(model, client_id="kpi")

    assert model.asked == []
    assert record.error.code == "DOCTRINE_GUARD_FAILED"
    assert "input" in record.error.reason


def test_an_unknown_rule_is_the_configs_fault_and_names_those_there_are():
    with pytest.raises(ContractError) as refused:
        pipeline(RuleModel("deterministic:quant-v9"))

    assert "deterministic:quant-v1" in refused.value.hint


# who is asked


def test_A9_a_canary_gets_its_share_of_clients_and_the_others_the_model_before():
    canary = pin(
        "test:new",
        rollout={"strategy": "canary", "canary_percent": 20},
        fallback={"enabled": True, "model_id": "test:old"},
    )
    first = [route(canary, "quant_signals", f"client-{number}")[0] for number in range(1000)]

    assert 150 < first.count("test:new") < 250
    assert set(first) == {"test:new", "test:old"}


@pytest.mark.parametrize("percent, asked", [(0, "test:old"), (100, "test:new")])
def test_A9_none_is_none_and_all_is_all(percent, asked):
    canary = pin(
        "test:new",
        rollout={"strategy": "canary", "canary_percent": percent},
        fallback={"enabled": True, "model_id": "test:old"},
    )

    assert {route(canary, "quant_signals", f"client-{number}")[0] for number in range(200)} == {asked}


def test_A9_a_client_keeps_its_place_and_has_another_in_another_stage():
    assert share("quant_signals", "w1") == share("quant_signals", "w1")
    assert len({share(name, "w1") for name in STAGES}) > 1


def test_A9_outside_the_canary_the_model_before_answers_and_signs():
    canary = pin(
        "test:new",
        rollout={"strategy": "canary", "canary_percent": 0},
        fallback={"enabled": True, "model_id": "test:old"},
    )
    new = Scripted("test:new")
    outcome = stage(canary, new, Scripted("test:old"))

    assert new.asked == []
    assert outcome.output["model_id"] == outcome.record.model_config_.model_id == "test:old"
    assert outcome.record.notes == ""


@pytest.mark.parametrize("change", [away(), "no JSON", {"signals": []}])
def test_A9_the_fallback_answers_when_the_model_fails_and_the_record_says_so(change):
    pinned = pin("test:new", fallback={"enabled": True, "model_id": "test:old"})
    outcome = stage(pinned, Scripted("test:new", change), Scripted("test:old"))

    assert outcome.output["model_id"] == "test:old"
    assert outcome.record.model_config_.model_id == "test:old"
    assert outcome.record.notes.startswith("test:old was asked because test:new failed: ")


def test_A9_a_fallback_that_is_not_enabled_is_not_asked():
    old = Scripted("test:old")
    pinned = pin("test:new", fallback={"enabled": False, "model_id": "test:old"})
    outcome = stage(pinned, Scripted("test:new", away()), old)

    assert (outcome.output, old.asked) == (None, [])


def test_when_both_fail_the_last_says_why():
    pinned = pin("test:new", fallback={"enabled": True, "model_id": "test:old"})
    outcome = stage(pinned, Scripted("test:new", away("first")), Scripted("test:old", away("second")))

    assert (outcome.output, outcome.error.reason) == (None, "second")


def test_a_refused_answer_is_kept_as_it_came():
    outcome = stage(pin("test:new"), Scripted("test:new", "prose"))

    assert (outcome.answer.text, outcome.output) == ("prose", None)


# answers


def test_a_rule_answers_in_canonical_json():
    ask = Ask(QUANT, QUANT.make_input(brief(), {}), {}, pin())
    text = RuleModel("deterministic:core-v1").answer(ask).text

    assert text == canonical(json.loads(text))


@pytest.mark.parametrize(
    "text, problem", [("", "not JSON"), ("null", "not an object"), ('{"a":{"b":1,"b":1}}', "twice")]
)
def test_an_answer_is_one_json_object(text, problem):
    with pytest.raises(ValueError, match=problem):
        json_object(text)


def test_a_window_of_closed_estimates_comes_through_too():
    pack = data_pack(quotes=quotes(5, 6, status="approved"), customers=[{}])

    assert pipeline(Scripted("test:model"), pack=pack, mode="last_100_closed_estimates").status == "succeeded"
