"""The hook that `.pre-commit-hooks.yaml` defines, called as pre-commit calls it."""

import re
import shlex
import subprocess
import sys

from tests.conftest import ROOT
from tests.gates.build import lines, row, varied

HOOK = dict(re.findall(r"^[- ] (\w+): (.+)$", (ROOT / ".pre-commit-hooks.yaml").read_text(), re.MULTILINE))
GOOD, BAD = "train/datasets/stage_synthesis.jsonl", "train/datasets/stage_quant.jsonl"


def hooked(repository, *files):
    """Run the hook's entry on the files it is for, in a process of its own."""
    wanted = [file for file in files if re.search(HOOK["files"], file)]
    program, *arguments = shlex.split(HOOK["entry"])
    command = [sys.executable, "-m", program, *arguments, *wanted]
    return subprocess.run(
        command, cwd=repository.root, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )


def test_a_commit_with_sound_datasets_passes(repository):
    repository.write(GOOD, lines(*varied(42)))

    assert hooked(repository, GOOD, "README.md").returncode == 0


def test_a_commit_with_a_refused_dataset_is_stopped_and_told_why(repository):
    repository.write(GOOD, lines(*varied(42)))
    repository.write(BAD, lines(row(), b"{"))
    done = hooked(repository, GOOD, BAD)

    assert done.returncode == 4
    assert f"{BAD}:2: malformed_line: " in done.stdout


def test_the_hook_is_for_datasets_alone():
    assert (HOOK["id"], HOOK["language"]) == ("ftv4-gate", "python")
    assert not re.search(HOOK["files"], "evals/train/datasets/x.jsonl")
