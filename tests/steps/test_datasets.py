import json
import shutil

import pytest

from ftv4.canonical import digest
from tests.conftest import ROOT
from tests.steps.records import DATASET, NOW, PACK, SYNTHESIS, item_id, items_of, persist, rows_of


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    monkeypatch.setenv("FTV4_NOW", NOW.isoformat())


@pytest.fixture
def reviewed(repository, ftv4):
    """Three runs: r1 approved, r2 rejected, r3 not looked at."""
    persist(repository, "r1", words={"decision_latency": "high"}, days_ago=1)
    persist(repository, "r2", words={"volatility": "high"}, days_ago=2)
    persist(repository, "r3", words={"seasonality": "strong"}, days_ago=3)
    ftv4("curate", "--stage", SYNTHESIS)
    ftv4("review", PACK, "--approve", item_id("r1"), "--reject", item_id("r2"), "--reviewer", "ann")
    return repository


def build(ftv4, *flags, stage=SYNTHESIS):
    return ftv4("datasets", "build", "--stage", stage, "--format", "json", *flags)


def told(done):
    return json.loads(done.out)


def change(repository, item, path=PACK, **members):
    """Change one item of a pack by hand."""
    pack = json.loads(repository.read_text(path))
    for each in pack["items"]:
        if each["id"] == item:
            each.update(members)
    repository.write(path, json.dumps(pack))


# rows


def test_only_what_was_approved_becomes_a_row(reviewed, ftv4):
    done = build(ftv4)

    assert done.code == 0
    assert told(done)["rows"] == {SYNTHESIS: 1}
    assert [row["id"] for row in rows_of(reviewed)] == [item_id("r1")]


def test_a_row_says_what_the_contract_of_datasets_says(reviewed, ftv4):
    build(ftv4)

    line = reviewed.read_bytes(DATASET)
    row = rows_of(reviewed)[0]
    assert list(row) == [
        "id", "created_at", "client_id", "industry", "input", "output", "grades", "model", "approved",
        "notes", "approval",
    ]  # fmt: skip
    assert row["model"] == {"model_id": "deterministic:core-v1", "prompt_version": "v1"}
    assert row["grades"] == {"schema": "pass", "doctrine": "pass", "drift": "pass", "decision": "pass"}
    assert (row["client_id"], row["industry"], row["approved"]) == ("w1", "hvac", True)
    assert line.endswith(b"}\n") and b'": ' not in line


@pytest.mark.parametrize(
    ("member", "said", "problem"),
    [("reviewed_at", "yesterday", "must be a time"), ("industry", "", "at least 1 character")],
)
def test_what_would_be_no_row_is_named_and_not_written(reviewed, ftv4, member, said, problem):
    change(reviewed, item_id("r1"), **{member: said})
    done = build(ftv4)

    assert told(done)["rows"] == {SYNTHESIS: 0}
    assert f"{item_id('r1')}: no row comes of it" in done.err
    assert f"/{member}: " in done.err and problem in done.err


def test_E9_an_approval_says_who_when_and_what(reviewed, ftv4):
    build(ftv4)

    row = rows_of(reviewed)[0]
    assert row["approval"] == {
        "reviewer": "ann",
        "reviewed_at": "2026-02-09T12:00:00.000Z",
        "output_sha256": digest(row["output"]),
    }


def test_all_rows_are_written_when_approval_is_waived(reviewed, ftv4):
    done = build(ftv4, "--approved_only=false")

    assert told(done)["rows"] == {SYNTHESIS: 3}
    rows = rows_of(reviewed)
    assert [(row["id"], row["approved"]) for row in rows] == [
        (item_id("r3"), False), (item_id("r2"), False), (item_id("r1"), True),
    ]  # fmt: skip
    assert [row["created_at"] for row in rows] == sorted(row["created_at"] for row in rows)


def test_the_window_is_the_days_asked_for(reviewed, ftv4):
    persist(reviewed, "old", days_ago=20)
    ftv4("curate", "--stage", SYNTHESIS, "--days", "30")
    ftv4("review", PACK, "--approve-all", "--reviewer", "ann")

    assert told(build(ftv4))["rows"] == {SYNTHESIS: 2}
    assert told(build(ftv4, "--days", "30"))["rows"] == {SYNTHESIS: 3}


def test_the_same_files_give_the_same_bytes(reviewed, ftv4):
    build(ftv4, "--approved-only=false")
    first = reviewed.read_bytes(DATASET)
    again = build(ftv4, "--approved-only=false")

    assert reviewed.read_bytes(DATASET) == first
    assert told(again)["counts"][SYNTHESIS]["unchanged"] == 3


def test_C3_files_of_other_stages_stay_byte_for_byte(reviewed, ftv4):
    others = ["quant", "emyth", "competitive", "blueocean"]
    for name in others:
        reviewed.write(f"train/datasets/stage_{name}.jsonl", f"{name}, as somebody left it")

    build(ftv4)

    for name in others:
        assert reviewed.read_text(f"train/datasets/stage_{name}.jsonl") == f"{name}, as somebody left it"


def test_several_stages_are_built_at_once(reviewed, ftv4):
    done = build(ftv4, "--approved-only=false", stage="quant_signals,blue_ocean")

    assert told(done)["rows"] == {"quant_signals": 3, "blue_ocean": 3}
    assert "decision" not in rows_of(reviewed, "train/datasets/stage_quant.jsonl")[0]["grades"]


def test_nothing_approved_is_an_empty_file(repository, ftv4):
    assert told(build(ftv4))["rows"] == {SYNTHESIS: 0}
    assert repository.read_bytes(DATASET) == b""


# reviews


def test_A5_approvals_are_found_where_curate_and_the_node_tool_write_them(reviewed, ftv4):
    """A5: approving in the pack that was named is enough, in either folder."""
    reviewed.write("tmp/intelligence_v4/review/2026-02-09/review_pack.json", reviewed.read_bytes(PACK))
    reviewed.path(PACK).unlink()

    assert told(build(ftv4))["rows"] == {SYNTHESIS: 1}


def test_a_decision_stands_against_a_later_pack_that_only_asks(reviewed, ftv4):
    pack = json.loads(reviewed.read_text(PACK))
    for item in pack["items"]:
        item.update(approved=False, reviewed_at=None, reviewer=None, output_sha256=None)
    reviewed.write("train/curation/review_packs/z/review_pack.json", json.dumps(pack))

    assert told(build(ftv4))["rows"] == {SYNTHESIS: 1}


def test_of_two_decisions_the_later_one_counts(reviewed, ftv4, monkeypatch):
    shutil.copytree(reviewed.path("train/curation/review_packs/2026-02-09"), reviewed.path("elsewhere"))
    monkeypatch.setenv("FTV4_NOW", "2026-02-09T13:00:00Z")
    ftv4("review", "elsewhere/review_pack.json", "--reject", item_id("r1"), "--reviewer", "ben")

    done = build(ftv4, "--review-dir", "elsewhere", "--review-dir", "train/curation/review_packs")

    assert told(done)["rows"] == {SYNTHESIS: 0}


def test_the_later_decision_is_the_later_one_in_every_time_zone(reviewed, ftv4):
    """12:00 in UTC is later than 13:30 two hours east of it, though it doesn't read so."""
    shutil.copytree(reviewed.path("train/curation/review_packs/2026-02-09"), reviewed.path("elsewhere"))
    refused = {"approved": False, "reviewer": "ben", "reviewed_at": "2026-02-09T13:30:00+02:00"}
    change(reviewed, item_id("r1"), path="elsewhere/review_pack.json", **refused)

    done = build(ftv4, "--review-dir", "elsewhere", "--review-dir", "train/curation/review_packs")

    assert told(done)["rows"] == {SYNTHESIS: 1}


def test_an_approval_written_by_hand_counts_and_names_nobody(reviewed, ftv4):
    change(reviewed, item_id("r3"), approved=True)

    build(ftv4)

    assert [row.get("approval", {}).get("reviewer") for row in rows_of(reviewed)] == [None, "ann"]


def test_B7_an_edit_is_what_becomes_the_row_graded_anew(reviewed, ftv4):
    edited = items_of(reviewed)[item_id("r3")]["output"] | {"owner_choice_prompt": "Which week is yours?"}
    grades = {"schema": "fail", "doctrine": "fail", "drift": "fail"}
    change(reviewed, item_id("r3"), edited_output=edited, approved=True, grades=grades)

    build(ftv4)

    row = rows_of(reviewed)[0]
    assert row["output"] == edited
    assert set(row["grades"].values()) == {"pass"}


@pytest.mark.parametrize(
    ("edit", "grade"),
    [
        ({"recommended_path": "Z"}, "schema, drift, decision"),
        ({"owner_choice_prompt": "Shall the dashboard decide?"}, "doctrine, drift"),
    ],
)
def test_B7_an_approved_edit_that_fails_is_named_and_no_row(reviewed, ftv4, edit, grade):
    output = items_of(reviewed)[item_id("r3")]["output"] | edit
    change(reviewed, item_id("r3"), edited_output=output, approved=True)

    done = build(ftv4)

    assert done.code == 3
    assert f"{item_id('r3')}: approved, but fails {grade}" in done.err
    assert [row["id"] for row in rows_of(reviewed)] == [item_id("r1")]


def test_E9_what_was_changed_after_its_approval_is_no_row(reviewed, ftv4):
    output = items_of(reviewed)[item_id("r1")]["output"] | {"owner_choice_prompt": "Slipped in later?"}
    change(reviewed, item_id("r1"), edited_output=output)

    done = build(ftv4)

    assert done.code == 3
    assert f"{item_id('r1')}: edited after its approval" in done.err
    assert rows_of(reviewed) == []


def test_B7_a_review_of_another_output_than_the_run_has_is_no_row(reviewed, ftv4):
    """B7: `output` of a pack never silently takes the run's place; edits are `edited_output`."""
    output = items_of(reviewed)[item_id("r1")]["output"] | {"owner_choice_prompt": "Not what ran?"}
    change(reviewed, item_id("r1"), output=output, output_sha256=digest(output))

    done = build(ftv4)

    assert done.code == 3
    assert "the review is of another input or output than the run's" in done.err
    assert rows_of(reviewed) == []


def test_C1_malformed_packs_and_records_are_named_and_the_rest_is_built(reviewed, ftv4):
    reviewed.write("train/curation/review_packs/bad.json", '{"items": [{"id": 3}]}')
    reviewed.write("train/ops/runs/bad.json", "null")

    done = build(ftv4)

    assert done.code == 3
    assert "train/curation/review_packs/bad.json#/items/0/id" in done.err
    assert "train/ops/runs/bad.json" in done.err
    assert len(rows_of(reviewed)) == 1


# what the file held before


def test_rows_whose_runs_are_gone_stay_as_they_are(reviewed, ftv4):
    build(ftv4)
    kept = reviewed.read_bytes(DATASET)
    reviewed.path("train/ops/runs/r1.json").unlink()

    done = build(ftv4)

    assert reviewed.read_bytes(DATASET) == kept
    assert told(done)["counts"][SYNTHESIS]["kept"] == 1


def test_rows_are_let_go_when_that_is_asked(reviewed, ftv4):
    build(ftv4)
    reviewed.path("train/ops/runs/r1.json").unlink()

    done = build(ftv4, "--keep-existing=false")

    assert told(done)["counts"][SYNTHESIS]["removed"] == 1
    assert rows_of(reviewed) == []


def test_a_row_that_is_rejected_later_leaves_the_dataset(reviewed, ftv4):
    build(ftv4)
    ftv4("review", PACK, "--reject", item_id("r1"), "--reviewer", "ann")

    done = build(ftv4)

    assert told(done)["counts"][SYNTHESIS]["removed"] == 1
    assert rows_of(reviewed) == []


def test_C1_a_dataset_with_a_line_that_is_no_row_is_left_alone(reviewed, ftv4):
    reviewed.write(DATASET, '{"id": "a"}\nnull\nhalf a line')

    done = build(ftv4)

    assert done.code == 3
    assert f"{DATASET}:2" in done.err and f"{DATASET}:3" in done.err
    assert reviewed.read_text(DATASET) == '{"id": "a"}\nnull\nhalf a line'


def test_B3_rows_that_say_the_same_are_one(repository, ftv4):
    """B3: run ids, clients and who answered don't make two rows out of one."""
    persist(repository, "r1", days_ago=2)
    persist(repository, "r2", days_ago=1, client_id="w2")
    ftv4("curate", "--stage", SYNTHESIS)
    ftv4("review", PACK, "--approve-all", "--reviewer", "ann")

    done = build(ftv4)

    assert told(done)["counts"][SYNTHESIS]["duplicates"] == 1
    assert [row["id"] for row in rows_of(repository)] == [item_id("r1")]


def test_A7_eval_cases_never_become_rows(reviewed, ftv4):
    shutil.copytree(ROOT / "evals/cases", reviewed.path("evals/cases"))
    persist(reviewed, "e1", client_id="eval-fixture")

    done = build(ftv4, "--approved-only=false")

    assert told(done)["held_out"] == 1
    assert item_id("e1") not in [row["id"] for row in rows_of(reviewed)]
