import fcntl
import json
import os

import pytest

from ftv4.canonical import digest
from ftv4.documents import Repository
from ftv4.errors import ContractError, Ftv4Error
from ftv4.steps.review import Desk
from tests.steps.records import NOW, PACK, SYNTHESIS, item_id, items_of, persist, rows_of


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    monkeypatch.setenv("FTV4_NOW", NOW.isoformat())


@pytest.fixture
def pack(repository, ftv4):
    """A pack of three synthesis items: r1, r2, r3 from the oldest on."""
    for number, words in enumerate(({}, {"volatility": "high"}, {"decision_latency": "high"}), 1):
        persist(repository, f"r{number}", days_ago=5 - number, words=words)
    ftv4("curate", "--stage", SYNTHESIS)
    return repository


def review(ftv4, *flags, reviewer=("--reviewer", "ann")):
    return ftv4("review", PACK, *flags, *reviewer, "--format", "json")


def spoil(repository, item=None):
    """Make the stored output of an item fail doctrine."""
    text = json.loads(repository.read_text(PACK))
    for each in text["items"]:
        if each["id"] == (item or item_id("r1")):
            each["output"]["owner_choice_prompt"] = "Which dashboard do you want?"
    repository.write(PACK, json.dumps(text))


# by flags


def test_items_are_approved_rejected_and_noted_by_id(pack, ftv4):
    done = review(
        ftv4, "--approve", item_id("r1"), "--approve", item_id("r2"), "--reject", item_id("r3"),
        "--note", f"{item_id('r3')}=a=b",
    )  # fmt: skip

    assert done.code == 0
    assert json.loads(done.out) | {"failing": []} == {
        "pack": PACK, "items": 3, "approved": 2, "rejected": 1, "undecided": 0, "edited": 0, "failing": [],
    }  # fmt: skip
    item = items_of(pack)[item_id("r3")]
    assert (item["approved"], item["reviewer"], item["notes"]) == (False, "ann", "a=b")
    assert item["reviewed_at"] == "2026-02-09T12:00:00.000Z"


def test_E9_an_approval_keeps_the_digest_of_what_was_approved(pack, ftv4):
    review(ftv4, "--approve", item_id("r1"))

    item = items_of(pack)[item_id("r1")]
    assert item["output_sha256"] == digest(item["output"])


def test_approve_all_takes_what_passes_and_names_the_rest(pack, ftv4):
    spoil(pack)

    done = review(ftv4, "--approve-all")

    assert json.loads(done.out)["approved"] == 2
    assert json.loads(done.out)["failing"] == [item_id("r1")]


def test_even_failing_items_are_approved_when_that_is_said(pack, ftv4):
    spoil(pack)

    done = review(ftv4, "--approve-all", "--even-failing")

    assert json.loads(done.out)["approved"] == 3
    assert items_of(pack)[item_id("r1")]["grades"]["doctrine"] == "fail"


def test_approving_a_failing_item_by_id_decides_nothing(pack, ftv4):
    spoil(pack)

    done = review(ftv4, "--approve", item_id("r1"), "--approve", item_id("r2"))

    assert done.code == 4
    assert f"{item_id('r1')}: fails doctrine, drift" in done.err
    assert not any(item["approved"] for item in items_of(pack).values())


def test_approve_all_leaves_what_is_decided_alone(pack, ftv4):
    review(ftv4, "--reject", item_id("r1"))

    done = review(ftv4, "--approve-all", reviewer=("--reviewer", "ben"))

    assert (json.loads(done.out)["approved"], json.loads(done.out)["rejected"]) == (2, 1)


def test_the_synthetic_curator_rewrites_approves_and_says_so(pack, ftv4):
    done = review(ftv4, "--curator", "synthetic", reviewer=())

    assert json.loads(done.out)["approved"] == 3
    for item in items_of(pack).values():
        assert item["notes"].startswith("synthetic curator")
        assert item["reviewer"] == "synthetic-curator"
        assert item["edited_output"]["primary_constraint"] != item["output"]["primary_constraint"]
        assert item["output_sha256"] == digest(item["edited_output"])


def test_what_the_curator_approved_builds_into_rows(pack, ftv4):
    review(ftv4, "--curator", "synthetic", reviewer=())

    assert ftv4("datasets", "build", "--stage", SYNTHESIS).code == 0
    assert {row["approval"]["reviewer"] for row in rows_of(pack)} == {"synthetic-curator"}


# who


def test_E9_the_reviewer_is_gits_user_of_the_repository(pack, ftv4, monkeypatch):
    """E9: never USER or LOGNAME, which anybody can set."""
    from ftv4.clients.git import Git

    monkeypatch.setenv("USER", "mallory")
    Git(pack.root)("init", "--quiet")
    Git(pack.root)("config", "user.email", "ann@localhost")

    review(ftv4, "--approve", item_id("r1"), reviewer=())

    assert items_of(pack)[item_id("r1")]["reviewer"] == "ann@localhost"


def test_in_a_workflow_run_the_reviewer_is_who_started_it(pack, ftv4, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_ACTOR", "ann")

    review(ftv4, "--approve", item_id("r1"), reviewer=())

    assert items_of(pack)[item_id("r1")]["reviewer"] == "ann"


def test_nobody_reviews_without_a_name(pack, ftv4, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")

    done = review(ftv4, "--approve-all", reviewer=())

    assert done.code == 2
    assert "--reviewer" in done.err
    assert not any(item["approved"] for item in items_of(pack).values())


# what is refused


@pytest.mark.parametrize(
    "flags", [["--approve", "run:nobody/stage:blue_ocean"], ["--note", "no sign"], ["--curator", "human"]]
)
def test_a_wrong_flag_decides_nothing(pack, ftv4, flags):
    before = pack.read_bytes(PACK)

    assert review(ftv4, "--approve", item_id("r1"), *flags).code == 2
    assert pack.read_bytes(PACK) == before


def test_an_item_that_is_both_approved_and_rejected_is_neither(pack, ftv4):
    before = pack.read_bytes(PACK)

    done = review(ftv4, "--approve", item_id("r1"), "--reject", item_id("r1"))

    assert done.code == 2
    assert item_id("r1") in done.err
    assert pack.read_bytes(PACK) == before


def test_D1_all_that_the_flags_say_is_one_write(pack, ftv4, monkeypatch):
    """D1: a disk that is full a moment later finds nothing half decided."""
    writes = []
    write = Repository.write
    monkeypatch.setattr(Repository, "write", lambda *given: writes.append(given[1]) or write(*given))

    review(ftv4, "--approve", item_id("r1"), "--curator", "synthetic", "--approve-all")

    assert writes == [PACK]


def test_a_pack_that_is_not_one_is_refused(repository, ftv4):
    repository.write("pack.json", '{"items": 1}')

    assert ftv4("review", "pack.json").code == 3
    assert ftv4("review", "missing.json").code == 3


def test_without_a_pack_the_newest_open_one_is_taken(pack, ftv4):
    ftv4("review", PACK, "--approve-all", "--reviewer", "ann")
    persist(pack, "r9")
    ftv4("curate", "--stage", SYNTHESIS, "--out-file", "train/curation/review_packs/b/open.json")
    ftv4("review", "--approve-all", "--reviewer", "ann")

    assert all(
        item["approved"] for item in items_of(pack, "train/curation/review_packs/b/open.json").values()
    )


def test_a_damaged_pack_beside_it_is_named_and_the_other_is_taken(pack, ftv4):
    pack.write("train/curation/review_packs/a.json", '{"items": ')

    done = ftv4("review", "--approve-all", "--reviewer", "ann")

    assert done.code == 0
    assert "left out: train/curation/review_packs/a.json" in done.err
    assert all(item["approved"] for item in items_of(pack).values())


def test_no_pack_at_all_is_a_usage_error(repository, ftv4):
    done = ftv4("review")

    assert done.code == 2
    assert "ftv4 curate" in done.err


# the desk


def test_an_edit_opens_the_decision_again(pack):
    desk = Desk(pack, PACK)
    desk.approve(0, "ann", NOW)

    desk.edit(0, desk.items[0].output | {"owner_choice_prompt": "Which week is yours?"})

    assert not desk.items[0].decided
    assert desk.items[0].output_sha256 is None


def test_B7_an_edit_that_does_not_fit_its_contract_is_refused(pack):
    desk = Desk(pack, PACK)

    with pytest.raises(ContractError) as refused:
        desk.edit(0, desk.items[0].output | {"first_30_days": ["one", "two"]})

    assert any("/first_30_days" in problem for problem in refused.value.problems)


def test_editing_back_to_the_stored_output_is_no_edit(pack):
    desk = Desk(pack, PACK)
    output = desk.items[0].output

    desk.edit(0, output | {"owner_choice_prompt": "Which week is yours?"})
    desk.edit(0, dict(output))

    assert desk.items[0].edited_output is None


def test_D1_each_decision_is_on_disk_whole_before_the_next(pack, monkeypatch):
    """D1: when the disk fills up, the pack is as the last decision left it."""
    desk = Desk(pack, PACK)
    desk.approve(0, "ann", NOW)
    before = pack.read_bytes(PACK)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Ftv4Error, match="not written"):
        desk.approve(1, "ann", NOW)

    assert pack.read_bytes(PACK) == before
    assert json.loads(before)["items"][0]["approved"]


def test_D3_a_pack_that_somebody_else_changed_meanwhile_is_not_overwritten(pack):
    """D3: of two reviewers at one pack, neither loses a decision unknowingly."""
    mine, theirs = Desk(pack, PACK), Desk(pack, PACK)
    theirs.approve(0, "ben", NOW)

    with pytest.raises(Ftv4Error, match="changed by somebody else"):
        mine.reject(1, "ann", NOW)

    states = [item["reviewer"] for item in json.loads(pack.read_text(PACK))["items"]]
    assert states == ["ben", None, None]


@pytest.mark.parametrize(
    "command",
    [
        ("review", PACK, "--approve", item_id("r1"), "--reviewer", "ann"),
        ("curate", "--stage", SYNTHESIS),
        ("datasets", "build", "--stage", SYNTHESIS),
    ],
    ids=lambda command: command[0],
)
def test_D3_who_reads_a_file_and_then_writes_it_keeps_others_out_meanwhile(pack, ftv4, monkeypatch, command):
    """D3: two sittings at one file can't both write what they have read."""
    free = []
    write = Repository.write

    def writing(repository, path, content):
        free.append(_is_free(repository.path(path).parent))
        return write(repository, path, content)

    monkeypatch.setattr(Repository, "write", writing)

    assert ftv4(*command).code == 0
    assert free == [False]


def _is_free(folder):
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def test_what_is_broken_off_in_one_go_is_not_written_at_all(pack):
    desk, before = Desk(pack, PACK), pack.read_bytes(PACK)

    with pytest.raises(KeyboardInterrupt), desk.in_one_go():
        with desk.in_one_go():
            desk.approve(0, "ann", NOW)
        raise KeyboardInterrupt

    assert pack.read_bytes(PACK) == before
    assert not desk.items[0].decided
