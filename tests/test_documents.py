"""Files are written whole or not at all, and read with every problem named."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ftv4.contracts.policy import Policy
from ftv4.documents import MODELS, POLICY, TEMPORARY, Repository, find_repository, parse, to_json
from ftv4.errors import ContractError, Ftv4Error


def test_a_file_is_what_was_written(repository):
    assert repository.write("a/b.json", "{}\n") == "a/b.json"

    assert repository.read_bytes("a/b.json") == b"{}\n"


def test_D1_a_full_disk_leaves_the_old_bytes_and_no_debris(repository, monkeypatch):
    repository.write("a.json", "old")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Ftv4Error, match="not written, nothing changed: no space left on device"):
        repository.write("a.json", "new")

    assert repository.read_text("a.json") == "old"
    assert not list(repository.root.glob(f"{TEMPORARY}*"))


def test_D1_an_error_in_the_middle_of_a_stream_leaves_the_old_bytes(repository):
    repository.write("a.jsonl", "old")
    with pytest.raises(ZeroDivisionError), repository.writing("a.jsonl") as stream:
        stream.write(b"half")
        _ = 1 / 0

    assert repository.read_text("a.jsonl") == "old"


WRITER = """
import sys
from pathlib import Path
from ftv4.documents import Repository
repository, n = Repository(Path(sys.argv[1])), 0
print("ready", flush=True)
while True:
    n = 1 - n
    repository.write("a.json", str(n) * 200_000)
"""


def test_D1_a_killed_writer_never_leaves_a_torn_file(tmp_path):
    for _ in range(8):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        process.stdout.readline()
        while not (tmp_path / "a.json").exists():
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()

        text = (tmp_path / "a.json").read_text()
        assert text in ("0" * 200_000, "1" * 200_000)
    assert Repository(tmp_path).files(".", "*") == [tmp_path / "a.json"]


@pytest.mark.parametrize("config", [POLICY, MODELS])
def test_D2_half_a_config_is_an_error_and_never_the_defaults(repository, config):
    whole = repository.read_text(config)
    repository.path(config).write_text(whole[: len(whole) // 2])

    with pytest.raises(ContractError, match="not JSON"):
        repository.policy() if config == POLICY else repository.models()


def test_a_policy_with_a_typo_names_the_key(repository):
    repository.write(POLICY, repository.read_text(POLICY).replace("shaming_phrases", "shaming_phases"))

    with pytest.raises(ContractError) as caught:
        repository.policy()

    assert [line.split("#")[1] for line in caught.value.problems] == [
        "/shaming_phrases: Field required",
        "/shaming_phases: Extra inputs are not permitted",
    ]


def test_a_policy_that_is_gone_is_an_error_where_config_is(repository):
    repository.path(POLICY).unlink()

    with pytest.raises(ContractError, match="no such file"):
        repository.policy()


def test_outside_a_repository_the_packaged_policy_serves(tmp_path):
    assert Repository(tmp_path).policy().max_actions_30_days == 9


def test_D4_two_folders_of_one_second_are_two_folders(repository):
    assert [repository.new_folder("runs", "s").name for _ in range(3)] == ["s", "s-2", "s-3"]
    assert [repository.new_file("r_{}.json", "s") for _ in range(2)] == ["r_s.json", "r_s-2.json"]


def test_D5_paths_in_files_are_relative(repository):
    assert repository.relative(repository.root / "a" / "b") == "a/b"
    assert repository.relative(repository.root.parent / "x") == "../x"


def test_D8_the_repository_is_found_from_below(repository):
    below = repository.path("train/deep")
    below.mkdir(parents=True)

    assert find_repository(below).root == repository.root


def test_what_is_written_is_read_back_the_same(repository):
    policy = repository.policy()

    assert parse(Policy, to_json(policy), "x") == policy


def test_permissions_survive_a_rewrite(repository):
    repository.write("a.sh", "1")
    repository.path("a.sh").chmod(0o755)
    repository.write("a.sh", "2")

    assert Path("a.sh").stat().st_mode & 0o777 == 0o755
