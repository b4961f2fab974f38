import json

import pytest

from ftv4.documents import Repository


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    monkeypatch.setenv("FTV4_NOW", "2026-02-09T12:30:00Z")


def forbid(repository: Repository, word):
    """Add a word to the policy that the built-in rules can't avoid."""
    policy = repository.read_json("config/intelligence_v4.policy.json")
    policy["forbidden_vocabulary"].append(word)
    repository.write("config/intelligence_v4.policy.json", json.dumps(policy))


# packs


def test_packs_are_written_where_runs_look_for_them(repository, ftv4):
    done = ftv4("synth", "packs", "--packs-per-industry", 1)

    assert done.code == 0
    assert done.out.splitlines()[0] == "train/packs/agency/agency_seed1234_01"
    assert done.out.splitlines()[-1] == "6 packs of 6 industries in train/packs"
    assert sorted(
        path.name for path in repository.path("train/packs/agency/agency_seed1234_01").iterdir()
    ) == [
        "estimates.csv",
        "invoices.csv",
        "pack.json",
    ]


def test_packs_answer_in_json_as_the_node_tool_does(repository, ftv4):
    done = ftv4(
        "synth", "packs", "--industries=agency,saas_micro", "--packs_per_industry=2", "--out_dir=made",
        "--anchor_date=2026-01-31", "--window_days=30", "--seed=7", "--format=json",
    )  # fmt: skip

    assert json.loads(done.out) == {
        "out_dir": "made",
        "industries": ["agency", "saas_micro"],
        "packs_per_industry": 2,
        "total_generated": 4,
        "generated": [
            f"made/{name}/{name}_seed7_0{number}" for name in ("agency", "saas_micro") for number in (1, 2)
        ],
    }
    assert repository.read_json("made/agency/agency_seed7_01/pack.json")["window_start"] == "2026-01-02"


def test_packs_end_today_when_nobody_says_otherwise(repository, ftv4):
    ftv4("synth", "packs", "--industries", "agency", "--packs-per-industry", 1)

    assert (
        repository.read_json("train/packs/agency/agency_seed1234_01/pack.json")["window_end"] == "2026-02-09"
    )


def test_the_same_packs_are_made_again_byte_for_byte(repository, ftv4):
    def made(out_dir):
        ftv4("synth", "packs", "--out-dir", out_dir)
        root = repository.path(out_dir)
        return {path.relative_to(root): path.read_bytes() for path in root.rglob("*.*")}

    assert made("one") == made("two")


@pytest.mark.parametrize(
    "flags, problem",
    [
        (["--industries", "agency,agecny"], "no such industry: agecny"),
        (["--industries", ","], "names nothing"),
        (["--seed", "abc"], "not a valid integer"),
        (["--packs-per-industry", "0"], "not in the range"),
        (["--window-days", "10"], "not in the range"),
        (["--anchor-date", "soon"], "does not match"),
        (["--indsutries", "agency"], "No such option"),
    ],
)
def test_E2_what_cannot_be_asked_is_a_usage_error(flags, problem, repository, ftv4):
    done = ftv4("synth", "packs", *flags)

    assert done.code == 2
    assert problem in done.err
    assert not repository.path("train").exists()


# runpacks


def test_runs_are_made_from_packs(repository, ftv4):
    ftv4("synth", "packs", "--packs-per-industry", 1)
    done = ftv4(
        "synth",
        "runpacks",
        "--iterations=1",
        "--industry_mix=balanced",
        "--min_industries=6",
        "--format=json",
    )

    answer = json.loads(done.out)
    assert (done.code, answer["attempted_runs"], answer["succeeded_runs"]) == (0, 6, 6)
    assert answer["run_ids_path"] == "train/ops/synth_ship/20260209T123000Z/run_ids.json"
    assert repository.read_json(answer["run_ids_path"]).keys() == answer.keys() - {"run_ids_path"}


def test_runs_are_listed_for_people(repository, ftv4):
    ftv4("synth", "packs", "--packs-per-industry", 1)
    lines = ftv4("synth", "runpacks", "--iterations", 1).out.splitlines()

    assert lines[0].startswith("succeeded  synth-20260209T123000Z-")
    assert lines[0].endswith("  synth agency/agency_seed1234_01")
    assert lines[-2] == "6 of 6 runs came through"


def test_no_run_that_came_through_is_no_success(repository, ftv4):
    ftv4("synth", "packs", "--packs-per-industry", 1)
    forbid(repository, "workload")
    done = ftv4("synth", "runpacks", "--iterations", 1)

    assert done.code == 4
    assert "failed" in done.out
    assert "no run came through" in done.err


def test_packs_that_are_too_much_alike_are_refused(repository, ftv4):
    ftv4("synth", "packs", "--industries", "agency")

    assert ftv4("synth", "runpacks").code == 4
    assert ftv4("synth", "runpacks", "--ensure_diversity=false", "--iterations", 1).code == 0


def test_a_misspelt_boolean_runs_nothing(repository, ftv4):
    assert ftv4("synth", "runpacks", "--ensure_diversity=flase").code == 2


# smoke


def test_smoke_passes_on_the_shipped_pins_and_keeps_nothing(repository, ftv4):
    done = ftv4("smoke")

    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()] == ["PASS"] * 6
    assert [path.name for path in repository.root.iterdir()] == ["config"]


def test_smoke_fails_where_the_pipeline_stops(repository, ftv4):
    forbid(repository, "workload")
    done = ftv4("smoke", "--format", "json")

    answer = json.loads(done.out)
    assert (done.code, answer["passed"]) == (4, False)
    assert answer["checks"][0]["detail"].startswith("quant_signals: ")


def test_smoke_names_the_rules_when_a_pin_names_none(repository, ftv4):
    models = repository.read_json("config/intelligence_v4.models.json")
    models["stages"]["quant_signals"]["model_id"] = "deterministic:quant-v9"
    repository.write("config/intelligence_v4.models.json", json.dumps(models))
    done = ftv4("smoke")

    assert done.code == 3
    assert "quant-v1" in done.err
