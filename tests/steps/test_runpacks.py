from collections import Counter
from datetime import UTC, date, datetime

import pytest

from ftv4.errors import ContractError, GateError
from ftv4.pipeline.model import RuleModel
from ftv4.steps.packs import PackPlan, Template, write_packs
from ftv4.steps.runpacks import Plan, Runner, select
from ftv4.steps.store import load
from tests.pipeline.build import Scripted, away, data_pack, quotes

NOW = datetime(2026, 2, 9, 12, 30, tzinfo=UTC)


@pytest.fixture
def packed(repository):
    """A repository with one pack of each industry."""
    write_packs(repository, PackPlan(anchor=date(2026, 2, 9), packs_per_industry=1))
    return repository


def run(repository, models=lambda model, _: RuleModel(model), **plan):
    return Runner(repository, models, NOW).run(Plan(**plan))


def template(name, industry):
    return Template(name, data_pack(quotes=quotes(5)), industry, "mixed", None)


TEMPLATES = [template("a1", "a"), template("a2", "a"), template("a3", "a"), template("b1", "b")]


def chosen(**plan):
    return [each.id for each in select(TEMPLATES, Plan(**plan))]


# which packs run


def test_balanced_takes_industries_in_turn_and_each_ones_packs_in_turn():
    assert chosen(iterations=4) == ["a1", "b1", "a2", "b1", "a3", "b1", "a1", "b1"]


def test_weighted_takes_packs_in_turn():
    assert chosen(iterations=2, industry_mix="weighted") == ["a1", "a2", "a3", "b1"] * 2


@pytest.mark.parametrize("mix", ["balanced", "weighted"])
def test_a_minimum_of_runs_prolongs_the_turns(mix):
    assert len(chosen(iterations=1, minimum_runs=11, industry_mix=mix)) == 11
    assert len(chosen(iterations=9, minimum_runs=11, industry_mix=mix)) > 11


def test_a_seed_shuffles_and_stays():
    orders = {tuple(chosen(iterations=3, seed=seed)) for seed in range(20)}

    assert len(orders) > 1
    assert chosen(iterations=3, seed=7) == chosen(iterations=3, seed=7)
    assert all(Counter(each[0] for each in order) == {"a": 3, "b": 3} for order in orders)


def test_one_industry_alone_can_be_asked_for(packed):
    batch = run(packed, industry="Agency", iterations=2, ensure_diversity=False)

    assert batch.index.industries_used == ("agency",)
    assert batch.index.attempted_runs == 2


def test_a_data_pack_counts_as_the_industry_asked_for(packed):
    packed.write_contract("data/packs/mine.json", data_pack(quotes=quotes(5, 6)))

    with_them = run(packed, industry="hvac", iterations=1, ensure_diversity=False)

    assert with_them.index.templates_used == ("data_pack:mine.json",)
    assert load(packed).records[0].stage_records[0].model_config_.model_id == "deterministic:quant-hvac-v1"


def test_data_packs_can_be_left_out(packed):
    packed.write_contract("data/packs/mine.json", data_pack(quotes=quotes(5, 6)))

    assert "data_pack:mine.json" in run(packed, iterations=1).index.templates_used
    assert (
        "data_pack:mine.json" not in run(packed, iterations=1, include_data_packs=False).index.templates_used
    )


# what is refused before the first run


def test_too_few_industries_are_refused_before_the_first_run(packed):
    with pytest.raises(GateError, match="packs of 6 industries, not 7"):
        run(packed, min_industries=7)

    assert load(packed).records == []


def test_diversity_can_be_waived(packed):
    assert run(packed, min_industries=7, ensure_diversity=False, iterations=1).index.succeeded_runs == 6


def test_no_packs_at_all_are_refused(repository):
    with pytest.raises(GateError, match="no pack"):
        run(repository, ensure_diversity=False)


@pytest.mark.parametrize("folder", ["evals/packs", "train/../evals/packs", "./evals/packs/agency"])
def test_A7_evaluation_packs_never_become_training_runs(folder, packed):
    write_packs(
        packed, PackPlan(anchor=date(2026, 2, 9), out_dir="evals/packs", packs_per_industry=1, seed=5)
    )

    with pytest.raises(ContractError, match="evaluation packs"):
        run(packed, packs_dir=(folder,))


def test_A7_a_copy_of_an_evaluation_pack_is_refused_by_its_id(packed):
    write_packs(packed, PackPlan(anchor=date(2026, 2, 9), out_dir="evals/packs", packs_per_industry=1))

    with pytest.raises(ContractError) as refused:
        run(packed)

    assert len(refused.value.problems) == 6
    assert load(packed).records == []


def test_C1_every_pack_that_cannot_be_read_is_named(packed):
    packed.path("train/packs/agency/agency_seed1234_01/invoices.csv").unlink()
    packed.write("train/packs/saas_micro/saas_micro_seed1234_01/invoices.csv", "InvoiceID,Total\n1,2,3\n")
    packed.write("train/packs/odd/pack.json", '{"industry": "florist"}')
    packed.write("data/packs/torn.json", "{")

    with pytest.raises(ContractError) as refused:
        run(packed)

    shown = "\n".join(refused.value.problems)
    assert "agency_seed1234_01: a pack needs two of" in shown
    assert "saas_micro_seed1234_01/invoices.csv: not CSV: line 2 has 3 cells" in shown
    assert "train/packs/odd/pack.json#/industry" in shown
    assert "data/packs/torn.json:1: not JSON" in shown
    assert load(packed).records == []


# what is kept


def test_each_run_is_recorded_and_listed(packed):
    batch = run(packed, iterations=2, client_id="acme")

    assert (batch.index.attempted_runs, batch.index.succeeded_runs) == (12, 12)
    assert {record.run_id for record in load(packed, workspace="acme").records} == set(batch.index.run_ids)
    assert batch.index_path == "train/ops/synth_ship/20260209T123000Z/run_ids.json"
    assert batch.index.runs[0].template_id == "synth:agency/agency_seed1234_01"


def test_the_pack_says_industry_and_role(packed):
    run(packed, iterations=1)
    inputs = [record.stage_records[1].input_artifact.payload_json for record in load(packed).records]

    assert {each["industry"]: each["context"]["owner_context"]["owner_role_bucket"] for each in inputs} == {
        "agency": "entrepreneur",
        "saas_micro": "mixed",
        "professional_services": "manager",
        "ecommerce_ops": "mixed",
        "logistics_dispatch": "manager",
        "home_services_generic": "technician",
    }


def test_a_run_that_stops_is_recorded_with_its_reason(packed):
    batch = run(packed, models=lambda model, _: Scripted(model, away()), iterations=1)

    assert (batch.index.succeeded_runs, batch.index.run_ids) == (0, ())
    assert batch.index.failed_runs[0].reason == "quant_signals: no route to host"
    assert {record.status for record in load(packed).records} == {"failed"}


def test_the_same_plan_at_the_same_moment_gives_the_same_bytes(packed):
    first = run(packed, iterations=1, seed=3, output_dir="out")
    files = {path.name: path.read_bytes() for path in packed.files("train/ops/runs", "*.json")}
    second = run(packed, iterations=1, seed=3, output_dir="out")

    assert second == first
    assert {path.name: path.read_bytes() for path in packed.files("train/ops/runs", "*.json")} == files


def test_D4_two_batches_of_one_second_share_nothing(packed):
    first, second = run(packed, iterations=1), run(packed, iterations=1)

    assert first.index_path != second.index_path
    assert set(first.index.run_ids).isdisjoint(second.index.run_ids)


def test_every_run_is_announced_before_it_starts(packed):
    totals = []
    Runner(packed, lambda model, _: RuleModel(model), NOW, totals.append).run(Plan(iterations=2))

    assert totals == [12] * 12
