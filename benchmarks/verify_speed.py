"""How long `ftv4 verify` takes for one promotion: the shipped cases and rows, a rule as the candidate.

    python benchmarks/verify_speed.py

makes a repository in a temporary folder, promotes there, and verifies the commit; prints seconds and the
processor's seconds, of the best of three runs in processes of their own. The bar: 3 seconds.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOW = {"FTV4_NOW": "2026-11-22T12:00:00+00:00", "PYTHONPATH": str(ROOT)}
STAGE, MODEL = "synthesis_decision", "deterministic:core-v1"


def main() -> None:
    """Promote, verify, print."""
    with tempfile.TemporaryDirectory(prefix="ftv4-bench-") as name:
        folder = Path(name)
        for part in ("config", "templates", "evals/cases", "evals/packs", "train/datasets"):
            shutil.copytree(ROOT / part, folder / part)
        git(folder, "init", "-q", "-b", "main")
        commit(folder)
        ftv4(folder, "promote", "--stage", STAGE, "--model", MODEL, "--force", "--reason", "a benchmark")
        commit(folder)
        wall, processor = min(measured(folder) for _ in range(3))
    print(f"verify of one promotion, 36 cases: {wall:.2f} s, {processor:.2f} s of processor time")


def measured(folder: Path) -> tuple[float, float]:
    """Seconds, and the processor's, of one verification."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    ftv4(folder, "verify", "--base", "HEAD~1")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
    return time.perf_counter() - started, spent


def ftv4(folder: Path, *arguments: str) -> None:
    """Run a command of ours."""
    command = [sys.executable, "-m", "ftv4", *arguments]
    subprocess.run(command, cwd=folder, env=os.environ | NOW, check=True, stdout=subprocess.DEVNULL)


def git(folder: Path, *arguments: str) -> None:
    """Run git as somebody."""
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True)


def commit(folder: Path) -> None:
    """Commit everything."""
    git(folder, "config", "user.email", "ada@example.org")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "x")


if __name__ == "__main__":
    main()
