import json
import shutil

import pytest

from tests.conftest import ROOT, SHARED
from tests.steps.records import NOW, PACK, SYNTHESIS, item_id, items_of, pack_of, persist


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    monkeypatch.setenv("FTV4_NOW", NOW.isoformat())


@pytest.fixture
def runs(repository):
    """Two runs, the second younger."""
    persist(repository, "r1", days_ago=2)
    persist(repository, "r2", days_ago=1, words={"volatility": "high"})
    return repository


def told(done):
    return json.loads(done.out)


def test_a_pack_holds_an_item_for_each_stage_of_each_run_newest_first(runs, ftv4):
    done = ftv4("curate", "--format", "json")

    assert done.code == 0
    assert told(done)["out_file"] == PACK
    assert (told(done)["runs_scanned"], told(done)["items_written"]) == (2, 10)
    pack = pack_of(runs)
    assert [item["run_id"] for item in pack["items"]] == ["r2"] * 5 + ["r1"] * 5
    assert pack["window_days"] == 7


def test_an_item_is_what_the_run_holds_graded_and_undecided(runs, ftv4):
    ftv4("curate", "--stage", SYNTHESIS)

    item = items_of(runs)[item_id("r1")]
    assert item["input"]["run_id"] == "r1"
    assert item["output"]["stage_name"] == SYNTHESIS
    assert item["grades"] == {"schema": "pass", "doctrine": "pass", "drift": "pass", "decision": "pass"}
    assert (item["approved"], item["reviewed_at"]) == (False, None)


def test_flags_choose_stages_days_and_client(runs, ftv4):
    persist(runs, "other", client_id="w2")
    persist(runs, "old", days_ago=30)

    narrow = ftv4("curate", "--stages=blue_ocean,quant_signals", "--workspace_id=w2", "--out-file", "a.json")
    wide = ftv4("curate", "--days", "40", "--stage", SYNTHESIS, "--out-file", "b.json")

    assert (narrow.code, wide.code) == (0, 0)
    assert set(items_of(runs, "a.json")) == {
        item_id("other", "quant_signals"),
        item_id("other", "blue_ocean"),
    }
    assert {item["run_id"] for item in items_of(runs, "b.json").values()} == {"r1", "r2", "other", "old"}


def test_C4_the_limit_counts_runs_that_are_asked_for(runs, ftv4):
    """C4: neither other clients' runs nor older ones use it up, and the newest come first."""
    for number in range(5):
        persist(runs, f"a{number}", client_id="someone-else", days_ago=0)
        persist(runs, f"b{number}", client_id="w1", days_ago=100)

    done = ftv4("curate", "--workspace-id", "w1", "--limit", "1", "--format", "json")

    assert told(done)["runs_scanned"] == 1
    assert {item["run_id"] for item in items_of(runs).values()} == {"r2"}


def test_A5_decisions_survive_another_curation_of_the_same_day(runs, ftv4):
    ftv4("curate", "--stage", SYNTHESIS)
    ftv4("review", PACK, "--approve", item_id("r1"), "--reject", item_id("r2"), "--reviewer", "ann")
    before = items_of(runs)
    persist(runs, "r3")

    done = ftv4("curate", "--stage", SYNTHESIS, "--format", "json")

    assert (told(done)["items_new"], told(done)["items_written"]) == (1, 3)
    after = items_of(runs)
    assert {key: after[key] for key in before} == before


def test_A5_a_curation_of_another_client_adds_and_takes_nothing_away(runs, ftv4):
    ftv4("curate", "--stage", SYNTHESIS)
    ftv4("review", PACK, "--approve-all", "--reviewer", "ann")

    done = ftv4("curate", "--workspace-id", "nobody", "--format", "json")

    assert (told(done)["kept"], told(done)["items_written"]) == (2, 2)
    assert all(item["approved"] for item in items_of(runs).values())


def test_an_edit_or_a_note_without_a_decision_is_kept_too(runs, ftv4):
    ftv4("curate", "--stage", SYNTHESIS)
    ftv4("review", PACK, "--note", f"{item_id('r1')}=look at path B")

    ftv4("curate", "--stage", SYNTHESIS)

    assert items_of(runs)[item_id("r1")]["notes"] == "look at path B"


def test_what_was_decided_in_another_pack_is_not_asked_again(runs, ftv4):
    ftv4("curate", "--stage", SYNTHESIS)
    ftv4("review", PACK, "--approve", item_id("r1"), "--reviewer", "ann")

    done = ftv4(
        "curate",
        "--stage",
        SYNTHESIS,
        "--out-file",
        "train/curation/review_packs/next.json",
        "--format",
        "json",
    )

    assert told(done)["decided_elsewhere"] == 1
    assert set(items_of(runs, "train/curation/review_packs/next.json")) == {item_id("r2")}


def test_C1_malformed_records_are_named_and_the_others_written(runs, ftv4):
    runs.write("train/ops/runs/broken.json", '{"run_id": "broken"')
    runs.write("train/ops/runs/odd.json", '{"run_id": "odd", "stage_records": 7}')

    done = ftv4("curate")

    assert done.code == 3
    assert "train/ops/runs/broken.json:1" in done.err
    assert "train/ops/runs/odd.json#/stage_records" in done.err
    assert len(items_of(runs)) == 10


def test_a_pack_that_cannot_be_read_is_never_replaced(runs, ftv4):
    runs.write(PACK, "{half")

    done = ftv4("curate")

    assert done.code == 3
    assert runs.read_text(PACK) == "{half"


def test_A7_runs_of_evaluations_are_left_out(runs, ftv4):
    """A7: by their workspace, and by being what an eval case asks, under whatever name."""
    persist(runs, "e1", client_id="eval-fixture")
    case = json.loads((ROOT / "evals/cases/agency_eval_01.json").read_text())
    shutil.copytree(ROOT / "evals/cases", runs.path("evals/cases"))
    record = json.loads(runs.read_text("train/ops/runs/r1.json")) | {"run_id": "copied"}
    for stage in record["stage_records"]:
        gold = case["gold"][stage["stage_name"]]
        stage["input_artifact"]["payload_json"] = gold["input"] | {"run_id": "copied", "client_id": "w1"}
        stage["output_artifact"]["payload_json"] = gold["output"]
    runs.write("train/ops/runs/copied.json", json.dumps(record))

    done = ftv4("curate", "--format", "json")

    assert told(done)["held_out"] == 10
    assert {item["run_id"] for item in items_of(runs).values()} == {"r1", "r2"}


def test_records_of_the_node_tool_are_read_from_any_folder(repository, ftv4):
    record = json.loads(persist(repository, "n1").model_dump_json(by_alias=True))
    del record["error"]
    for stage in record["stage_records"]:
        del stage["grades"]
    repository.write("tmp/intelligence_v4/n1.json", json.dumps(record))
    repository.write("tmp/intelligence_v4/eval_summary.json", "{}")
    repository.path("train/ops/runs/n1.json").unlink()

    done = ftv4("curate", "--runs-dir", "tmp/intelligence_v4", "--format", "json")

    assert done.code == 0
    assert told(done)["items_written"] == 5


def test_A5_a_pack_that_the_build_would_not_find_says_so(runs, ftv4):
    assert "--review-dir" in ftv4("curate", "--out-file", "elsewhere/pack.json").out
    assert "--review-dir" not in ftv4("curate").out


@pytest.mark.parametrize("flags", [["--days", "0"], ["--days=abc"], ["--stage", "toString"], ["--dayz", "3"]])
def test_a_wrong_flag_is_refused(repository, ftv4, flags):
    assert ftv4("curate", *flags).code == 2


@pytest.mark.skipif(not SHARED.exists(), reason="the recorded rows are not here")
def test_the_recorded_rows_of_the_node_tool_would_be_curated_cleanly():
    """The curator is valid and clean on inputs that the Node tool derived from real businesses."""
    import gzip

    from ftv4.documents import Repository
    from ftv4.guards import Guards
    from ftv4.stages import STAGES
    from ftv4.steps.items import grades_of, passes
    from ftv4.synth.curator import curate

    guards = Guards.compile(Repository(ROOT).policy())
    for stage in STAGES.values():
        name = stage.dataset.removeprefix("train/datasets/")
        with gzip.open(SHARED / "data" / "rows" / f"{name}.gz") as lines:
            for line in list(lines)[::20]:
                row = json.loads(line)
                output = curate(stage, row["input"], row["output"])
                assert passes(grades_of(stage, row["input"], output, guards))
