"""Files are written whole or not at all, and read with every problem named."""

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ftv4.contracts.policy import Policy
from ftv4.documents import MODELS, POLICY, TEMPORARY, Repository, find_repository, parse, to_json
from ftv4.errors import ContractError, Ftv4Error
from ftv4.render import render
from tests.conftest import ROOT


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


def test_an_error_of_the_reader_is_not_taken_for_one_of_the_writer(repository):
    with pytest.raises(TimeoutError), repository.writing("a.jsonl"):
        raise TimeoutError

    assert repository.files(".", "a.jsonl") == []


def test_D1_a_disk_that_fills_up_in_the_middle_of_a_stream_is_the_writers_error(repository):
    with pytest.raises(Ftv4Error, match="not written, nothing changed: file too large"):
        _write_too_much(repository)

    assert repository.files(".", "a.jsonl") == []


def _write_too_much(repository):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with repository.writing("a.jsonl") as stream:
            stream.write(bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)


def _enter(block):
    with block:
        pass


@pytest.mark.parametrize(
    "ask",
    [
        lambda repository: repository.new_folder("in", "s"),
        lambda repository: repository.new_file("in/r_{}.json", "s"),
        lambda repository: repository.empty_folder("in"),
        lambda repository: repository.write("in/a", "x"),
        lambda repository: _enter(repository.locked("in")),
        lambda repository: _enter(repository.building("in", "s")),
        lambda repository: repository.has("a" * 300),
    ],
)
def test_what_the_machine_refuses_is_said_and_is_no_defect(repository, ask):
    repository.write("in", "a file, where a folder is wanted")

    with pytest.raises(Ftv4Error, match=r"^(in|.*/in|a+).*: \S"):
        ask(repository)


def test_a_folder_that_does_not_go_is_an_error(repository, monkeypatch):
    repository.write("old/a", "x")
    _busy(monkeypatch)

    with pytest.raises(Ftv4Error, match="old: not removed: device or resource busy"):
        repository.remove_folder("old")


def test_what_is_left_of_a_failed_building_does_not_hide_why_it_failed(repository, monkeypatch):
    with pytest.raises(ContractError, match="no such dataset") as caught, repository.building("runs", "s"):
        _busy(monkeypatch)
        raise ContractError("no such dataset")

    assert caught.value.problems == ("runs/s: not removed: device or resource busy",)


def _busy(monkeypatch):
    def busy(*_, **__):
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(os, "rmdir", busy)


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
        "/shaming_phrases: Field required (line 1)",
        "/shaming_phases: Extra inputs are not permitted (line 21)",
    ]


def test_a_policy_that_is_gone_is_an_error_where_config_is(repository):
    repository.path(POLICY).unlink()

    with pytest.raises(ContractError, match="no such file"):
        repository.policy()


def test_outside_a_repository_the_packaged_policy_serves(tmp_path):
    assert Repository(tmp_path).policy().max_actions_30_days == 9


def test_a_template_that_the_repository_has_not_is_the_packaged_one(repository):
    """Prompts and pages alike: a repository replaces the files it has, and no others."""
    repository.write("templates/prompts/quant_signals.md", "Ours.")
    repository.write("templates/page.md.j2", "{% include 'prompts/quant_signals.md' %} {{ fact }}\n")

    assert repository.template("prompts/quant_signals.md") == "Ours."
    assert repository.template("prompts/blue_ocean.md") == Repository(ROOT).template("prompts/blue_ocean.md")
    assert render(repository.template, "page.md.j2", {"fact": "{{ 1 }}"}) == "Ours. {{ 1 }}\n"


def test_a_template_that_was_compiled_is_filled_as_it_is_now_by_the_filters_of_now(repository):
    def shown(text, **filters):
        repository.write("templates/page.md.j2", text)
        return render(repository.template, "page.md.j2", {"fact": "a"}, filters)

    assert shown("{{ fact | say }} {{ 'b' | say }}", say=str.upper) == "A B"
    assert shown("{{ fact | say }} {{ 'b' | say }}", say=str.lower) == "a b"
    assert shown("{{ fact | say }}!", say=str.lower) == "a!"


@pytest.mark.parametrize("page", ["{% include '../config/providers.json' %}", "{% include '/etc/passwd' %}"])
def test_a_template_includes_nothing_but_templates(repository, page):
    repository.write("templates/page.md.j2", page)

    with pytest.raises(ContractError, match=r"leads out of templates/|no such file"):
        render(repository.template, "page.md.j2", {})


@pytest.mark.parametrize(("line", "byte"), [(b"\xff", "0xff at byte 1"), (b'{"\0":1}', "0x00 at byte 3")])
def test_a_line_that_is_no_text_is_malformed_and_the_others_are_read(repository, line, byte):
    repository.write("rows.jsonl", b"{}\n" + line + b"\n{}\n")

    found = [(line.number, line.malformed) for line in repository.lines("rows.jsonl")]

    assert found == [(1, None), (2, f"not UTF-8 text: {byte}"), (3, None)]


def test_D4_two_folders_of_one_second_are_two_folders(repository):
    assert [repository.new_folder("runs", "s") for _ in range(3)] == ["runs/s", "runs/s-2", "runs/s-3"]
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


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["demo", "--folder", "/proc/zz"], 1),
        (["--repo", "a" * 300, "ops", "status"], 2),
        (["gate", "a" * 300], 1),
    ],
)
def test_a_folder_that_cannot_be_is_no_defect_of_ours(ftv4, repository, arguments, code):
    done = ftv4(*arguments)

    assert done.code == code
    assert "defect" not in done.err and "Traceback" not in done.err
