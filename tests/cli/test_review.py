"""The terminal review: keys in, decisions on disk."""

import io
import os
import pty
import select
import stat
import subprocess
import sys
import termios
import threading

import pytest

from ftv4.steps.identity import identity
from tests.conftest import ROOT
from tests.steps.records import NOW, PACK, SYNTHESIS, item_id, items_of, persist

NEWEST_FIRST = [item_id("r3"), item_id("r2"), item_id("r1")]


@pytest.fixture
def pack(repository, ftv4, monkeypatch):
    """A pack of three synthesis items, r3 shown first."""
    monkeypatch.setenv("FTV4_NOW", NOW.isoformat())
    for number, words in enumerate(({}, {"volatility": "high"}, {"decision_latency": "high"}), 1):
        persist(repository, f"r{number}", days_ago=5 - number, words=words)
    ftv4("curate", "--stage", SYNTHESIS)
    return repository


@pytest.fixture
def keys(ftv4, monkeypatch):
    """Walk the pack with lines of input: `keys("a", "q")`."""

    def walk(*lines):
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        return ftv4("review", PACK, "--reviewer", "ann")

    return walk


@pytest.fixture
def editor(tmp_path, monkeypatch):
    """Let $EDITOR replace one text by another in whatever it opens, once a call in turn."""

    def replacing(*turns):
        script = tmp_path / "editor.py"
        script.write_text(
            f"#!{sys.executable}\n"
            "import os, pathlib, sys\n"
            f"turns = {list(turns)!r}\n"
            "path = pathlib.Path(sys.argv[1])\n"
            "count = pathlib.Path(__file__).with_suffix('.count')\n"
            "at = int(count.read_text()) if count.exists() else 0\n"
            "count.write_text(str(at + 1))\n"
            "old, new = turns[min(at, len(turns) - 1)]\n"
            "path.write_text(path.read_text().replace(old, new))\n"
            # click notices a change by the file's time, which may be too coarse to have moved
            "os.utime(path, (0, 0))\n"
        )
        script.chmod(script.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("EDITOR", str(script))
        monkeypatch.delenv("VISUAL", raising=False)

    return replacing


def states(repository):
    return [(items_of(repository)[key]["approved"], items_of(repository)[key]["reviewed_at"] is not None)
            for key in NEWEST_FIRST]  # fmt: skip


def test_keys_approve_reject_and_quit_and_a_summary_follows(pack, keys):
    done = keys("a", "r", "q")

    assert done.code == 0
    assert states(pack) == [(True, True), (False, True), (False, False)]
    assert done.out.endswith("1 approved, 1 rejected, 1 undecided; 0 edited\n")


def test_an_item_shows_its_id_its_signals_its_grades_and_its_output(pack, keys):
    shown = keys("q").out

    assert item_id("r3") in shown
    assert "bucket:decision_latency:high" in shown
    assert "grades: schema pass  doctrine pass  drift pass  decision pass" in shown
    assert '"primary_constraint":' in shown


def test_a_review_goes_on_where_it_stopped(pack, keys):
    keys("a", "q")

    assert item_id("r3") not in keys("q").out


def test_the_end_of_the_input_is_a_quit(pack, keys):
    done = keys("a")

    assert done.code == 0
    assert states(pack) == [(True, True), (False, False), (False, False)]


def test_skipping_leaves_an_item_undecided_and_back_returns_to_it(pack, keys):
    keys("s", "a", "b", "b", "r", "q")

    assert states(pack) == [(False, True), (True, True), (False, False)]


def test_a_key_that_means_nothing_asks_again(pack, keys):
    keys("x", "", "a", "q")

    assert states(pack)[0] == (True, True)


def test_a_note_is_kept_and_the_item_stays(pack, keys):
    keys("n", "path B is too mild", "a", "q")

    item = items_of(pack)[item_id("r3")]
    assert (item["notes"], item["approved"]) == ("path B is too mild", True)


def test_an_edit_is_graded_shown_and_kept_when_that_is_wanted(pack, keys, editor):
    editor(('"recommended_path": "C"', '"recommended_path": "A"'))

    done = keys("e", "y", "a", "q")

    item = items_of(pack)[item_id("r3")]
    assert item["edited_output"]["recommended_path"] == "A"
    assert item["output"]["recommended_path"] == "C"
    assert item["approved"]
    assert done.out.count("grades: ") >= 3


def test_B7_an_edit_that_does_not_fit_can_be_mended_and_never_kept(pack, keys, editor):
    editor(('"recommended_path": "C"', '"recommended_path": "Z"'), ('"Z"', '"B"'))

    done = keys("e", "y", "y", "q")

    assert "/recommended_path" in done.out
    assert items_of(pack)[item_id("r3")]["edited_output"]["recommended_path"] == "B"


@pytest.mark.parametrize("broken", ['"C', "[1]"])
def test_an_edit_that_is_not_json_is_given_up_without_a_trace(pack, keys, editor, broken):
    editor(('"recommended_path": "C"', f'"recommended_path": {broken}'))

    done = keys("e", "n", "q")

    assert "Not kept" in done.out
    assert items_of(pack)[item_id("r3")]["edited_output"] is None


def test_forbidden_words_are_named_and_approving_them_takes_a_second_word(pack, keys, editor):
    editor(('"owner_choice_prompt": "', '"owner_choice_prompt": "Which dashboard? '))

    refused = keys("e", "y", "a", "n", "q")

    assert "forbidden_vocabulary at /owner_choice_prompt (dashboard)" in refused.out
    assert "It fails doctrine" in refused.out
    assert states(pack)[0] == (False, False)


def test_control_characters_of_a_model_never_reach_the_terminal(pack, keys):
    text = pack.read_text(PACK).replace("Which", "\\u001b]0;owned\\u0007\\u202eWhich")
    pack.write(PACK, text.replace('"industry": "hvac"', '"industry": "\\u001b[31mhvac"'))

    shown = keys("q").out

    assert "\x1b" not in shown and "\u202e" not in shown
    assert "\\u001b" in shown


def test_on_a_terminal_one_key_is_enough_and_ctrl_c_loses_nothing(pack):
    """Driven through a pseudo-terminal: `a` approves without a newline, Ctrl-C stops."""
    master, slave = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(
        [sys.executable, "-m", "ftv4", "review", PACK, "--reviewer", "ann"],
        cwd=pack.root, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(slave)
        watchdog = threading.Timer(30, process.kill)
        watchdog.start()
        seen = _until(master, b" > ")
        _press(master, b"a")
        seen += _until(master, b" > ")
        _press(master, b"\x03")
        seen += _until(master, b"")
        code = process.wait()
        watchdog.cancel()
    os.close(master)

    assert code == 130
    assert b"\x1b[32mschema pass" in seen
    assert states(pack) == [(True, True), (False, False), (False, False)]


def _press(master, key):
    """Press a key once the program listens for single keys; what comes earlier is flushed away."""
    while termios.tcgetattr(master)[3] & termios.ICANON:
        select.select([], [], [], 0.01)
    os.write(master, key)


def _until(master, mark):
    """Read the terminal up to a mark; an empty mark means until it is closed."""
    seen = b""
    while not (mark and seen.endswith(mark)):
        try:
            chunk = os.read(master, 4096)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
    return seen


def test_where_neither_platform_nor_git_says_who_it_is_nobody_is(repository):
    assert identity(repository, None) is None
