"""The data that ships is what the code makes, passes its own gates, and teaches what it is for."""

import json
import shutil
from collections import Counter

import pytest

from ftv4.canonical import canonical
from ftv4.documents import Repository
from ftv4.graders import HARD, grade
from ftv4.graders.agreement import agreement
from ftv4.graders.subject import Subject
from ftv4.guards import Guards
from ftv4.guards.citations import citations
from ftv4.stages import STAGES
from ftv4.steps.items import content_digest
from ftv4.steps.ship_data import shipped_files
from ftv4.synth.packs import PROFILES
from tests.conftest import ROOT

REPOSITORY = Repository(ROOT)
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def made():
    """Every shipped file, made anew."""
    return dict(shipped_files(REPOSITORY))


@pytest.fixture(scope="module")
def cases():
    return [REPOSITORY.read_json(path) for path in REPOSITORY.files("evals/cases", "*.json")]


def rows_of(stage):
    return [json.loads(line) for line in REPOSITORY.read_bytes(stage.dataset).splitlines()]


def gold_inputs(cases, stage):
    return [case["gold"][stage.name]["input"] for case in cases]


# made by one command


def test_everything_is_regenerated_byte_for_byte(made):
    changed = [path for path, content in made.items() if REPOSITORY.read_bytes(path) != content]

    assert changed == [], "run `make data` and look at the difference"


def test_nothing_else_stands_beside_it(made):
    folders = ("train/packs", "train/datasets", "evals/packs", "evals/cases")
    found = {REPOSITORY.relative(path) for folder in folders for path in REPOSITORY.files(folder, "**/*")}

    assert found == set(made)


def test_it_is_small_enough_to_ship(made):
    assert sum(map(len, made.values())) < 8 * MEGABYTE


def test_it_is_never_written_over_rows_that_a_person_approved(repository, ftv4):
    row = rows_of(STAGES["blue_ocean"])[0]
    row["approval"]["reviewer"] = "ann@localhost"
    repository.write(STAGES["blue_ocean"].dataset, json.dumps(row) + "\n")

    done = ftv4("synth", "data")

    assert done.code == 4
    assert "train/datasets/stage_blueocean.jsonl:1" in done.err
    assert not repository.path("train/packs").exists()


def test_a_difference_is_named_by_check(repository, ftv4, made, monkeypatch):
    for folder in ("train", "evals"):
        shutil.copytree(ROOT / folder, repository.path(folder))
    path = "evals/cases/agency_eval_01.json"
    repository.write(path, repository.read_text(path) + "\n")

    # It is the same repository but for that: to make everything again takes long.
    monkeypatch.setattr("ftv4.steps.ship_data.shipped_files", lambda repository: iter(made.items()))
    done = ftv4("synth", "data", "--check")

    assert done.code == 4
    assert done.err.count("evals/cases/") == 1
    assert path in done.err


# fit to be trained on


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_each_dataset_passes_every_gate(stage, ftv4):
    done = ftv4("gate", ROOT / stage.dataset, "--format", "json")

    report = json.loads(done.out)
    assert (done.code, report["passed"]) == (0, True)
    assert report["accepted_rows"] == report["total_rows"] >= 60


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_each_dataset_is_of_six_industries_in_equal_parts(stage):
    industries = Counter(row["industry"] for row in rows_of(stage))

    assert set(industries) == set(PROFILES)
    assert len(set(industries.values())) == 1


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_B3_no_two_rows_have_the_same_input_or_the_same_output(stage):
    rows = rows_of(stage)

    assert len({content_digest(row["input"]) for row in rows}) == len(rows)
    assert len({canonical(row["output"]) for row in rows}) == len(rows)


def test_actions_and_constraints_are_far_from_the_diversity_gates_limits(ftv4):
    done = ftv4("gate", ROOT / STAGES["synthesis_decision"].dataset, "--format", "json")

    summary = json.loads(done.out)["diversity"]["summary"]
    assert summary["duplicate_actions_share"] < 0.05
    assert summary["same_constraint_prefix_share"] < 0.1
    assert summary["top_industry_share"] < 0.2


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_every_row_says_that_nobody_real_stands_behind_it(stage):
    """B9: no business name either, and ids that nobody has."""
    for row in rows_of(stage):
        assert row["notes"].startswith("synthetic curator")
        assert row["approval"]["reviewer"] == "synthetic-curator"
        assert row["input"]["client_id"].startswith("client-")
        assert {ref for ref, _ in citations(row["output"])} <= set(row["input"]["evidence_index"]["refs"])


def test_all_three_paths_are_recommended_about_equally_often():
    paths = Counter(row["output"]["recommended_path"] for row in rows_of(STAGES["synthesis_decision"]))

    assert set(paths) == {"A", "B", "C"}
    assert min(paths.values()) > 0.2 * paths.total()


# held out


def test_A7_eval_cases_are_of_other_packs_seeds_and_situations(cases):
    """A7: not one eval input is a training input, nor has the same six signals in the same industry."""
    seeds = {json.loads(path.read_text())["seed"] for path in REPOSITORY.files("train/packs", "**/pack.json")}
    assert all(REPOSITORY.read_json(f"{case['pack']}/pack.json")["seed"] not in seeds for case in cases)
    for stage in STAGES.values():
        trained = {content_digest(row["input"]) for row in rows_of(stage)}
        assert not trained & {content_digest(given) for given in gold_inputs(cases, stage)}
    stage = STAGES["synthesis_decision"]
    signals = {_signals(row["input"]) for row in rows_of(stage)}
    assert not signals & {_signals(given) for given in gold_inputs(cases, stage)}


def _signals(given):
    return given["industry"], tuple(given["evidence_index"]["refs"])


def test_there_are_four_cases_or_more_of_each_industry(cases):
    industries = Counter(case["industry"] for case in cases)

    assert set(industries) == set(PROFILES)
    assert min(industries.values()) >= 4
    assert len(cases) >= 24


def test_gold_passes_every_hard_grader(cases):
    guards = Guards.compile(REPOSITORY.policy())
    for case in cases:
        for name, gold in case["gold"].items():
            subject = Subject(STAGES[name], gold["input"], gold["output"], gold["output"], guards)
            failed = [score for score in grade(subject) if score.grader in HARD and score.passed is False]
            assert failed == []


# teaches


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_a_model_that_learns_from_the_rows_alone_answers_held_out_cases_well(stage, cases):
    from ftv4.sandbox.learner import learn

    model = learn([(canonical(row["input"]), canonical(row["output"])) for row in rows_of(stage)])
    guards = Guards.compile(REPOSITORY.policy())
    scores, same_path = [], 0
    for case in cases:
        gold = case["gold"][stage.name]
        answer = json.loads(model.answer(canonical(gold["input"])))
        graded = grade(Subject(stage, gold["input"], answer, gold["output"], guards))
        assert [score.grader for score in graded if score.passed is False] == []
        scores.append(agreement(stage, answer, gold["output"]))
        same_path += answer.get("recommended_path") == gold["output"].get("recommended_path")

    assert same_path >= 0.85 * len(cases)
    assert sum(scores) / len(scores) > 0.7
