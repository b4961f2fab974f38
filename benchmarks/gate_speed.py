"""How fast and how big the gate is on a large dataset, beside merely parsing it.

    python benchmarks/gate_speed.py [--rows N] [--executor dask://HOST:PORT] [--only training|gate]

Bars (design §9), in processes timed from start to end. Acceptance and the training file, 20,000 synthesis
rows of 7.7 KB: 13,500 rows a second and 4 times the time of parsing. The whole gate, 100,000 rows: 3 times
the time of parsing per core used, and 600 MB. Memory is the largest of each process, added up.

The rows are the shipped synthesis dataset's, over and over, each with a run id of its own and an answer in
which every third word is another one, of the same length, that the dataset has: nothing is a copy, and
hardly a sentence of an answer comes twice.
"""

import argparse
import os
import random
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

sys.path.insert(0, str(Path(__file__).parents[1]))

from ftv4.canonical import digest

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "train" / "datasets" / "stage_synthesis.jsonl"
PARSE = "import orjson, sys\nfor line in open(sys.argv[1], 'rb'): orjson.loads(line)"
START = "import ftv4.cli.gate, ftv4.steps.judgement, ftv4.steps.gate_report"
FINETUNE = ["ft", "stage", "--stage=synthesis_decision", "--suffix=bench"]
WORD = r"\b[a-z]{3,}\b"
REFUSED = 4
"""Exit code of a gate that finds something, which is not this benchmark's business."""


class Run(NamedTuple):
    seconds: float
    cpu: float
    """Seconds of all cores together."""
    megabytes: float


def write_dataset(path: Path, count: int) -> None:
    """Fill a dataset."""
    rows = [orjson.loads(line) for line in SHIPPED.read_bytes().splitlines()]
    words = _by_length(re.findall(WORD, " ".join(text for row in rows for text in _free(row["output"]))))
    chance = random.Random(7)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        for number in range(count):
            row = dict(rows[number % len(rows)])
            row["id"] = f"run:bench-{number}/stage:{row['input']['stage_name']}"
            row["input"] = {**row["input"], "run_id": f"bench-{number}"}
            row["output"] = _reworded(row["output"], words, chance)
            row["approval"] = {**row["approval"], "output_sha256": digest(row["output"])}
            stream.write(orjson.dumps(row) + b"\n")


def _by_length(found: list[str]) -> dict[int, list[str]]:
    words: dict[int, list[str]] = {}
    for word in sorted(set(found)):
        words.setdefault(len(word), []).append(word)
    return words


def _free(value: Any) -> Iterator[str]:
    """The sentences of an output."""
    if isinstance(value, str) and " " in value:
        yield value
    elif isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _free(item) if key != "data_limits" else ()


def _reworded(value: Any, words: dict[int, list[str]], chance: random.Random) -> Any:
    if isinstance(value, dict):
        return {
            key: item if key == "data_limits" else _reworded(item, words, chance)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_reworded(item, words, chance) for item in value]
    if not isinstance(value, str) or " " not in value:
        return value

    def other(word: re.Match[str]) -> str:
        return chance.choice(words[len(word[0])]) if chance.random() < 1 / 3 else word[0]

    return re.sub(WORD, other, value)


def memory(pid: int) -> dict[int, int]:
    """KB that a process and those it started have had at most."""
    found = {}
    for one in (pid, *_below(pid)):
        try:
            status = Path(f"/proc/{one}/status").read_text()
        except OSError:
            continue
        found[one] = next((int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line), 0)
    return found


def _below(pid: int) -> list[int]:
    children = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children += [int(child) for child in task.read_text().split()]
        except OSError:
            continue
    return children + [further for child in children for further in _below(child)]


def run(folder: Path, *arguments: str) -> Run:
    """A Python process from start to end."""
    peaks: dict[int, int] = {}
    ended = threading.Event()
    start, null = (
        time.perf_counter(),
        [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)],
    )
    os.chdir(folder)
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    pid = os.posix_spawn(sys.executable, [sys.executable, *arguments], environment, file_actions=null)

    def look() -> None:
        while not ended.wait(0.1):
            for one, peak in memory(pid).items():
                peaks[one] = max(peak, peaks.get(one, 0))

    watcher = threading.Thread(target=look)
    watcher.start()
    _, status, usage = os.wait4(pid, 0)
    seconds = time.perf_counter() - start
    ended.set()
    watcher.join()
    if os.waitstatus_to_exitcode(status) not in (0, REFUSED):
        raise SystemExit(f"{arguments} ended with {os.waitstatus_to_exitcode(status)}")
    peaks[pid] = max(usage.ru_maxrss, peaks.get(pid, 0)) if len(peaks) < 2 else peaks[pid]
    return Run(seconds, usage.ru_utime + usage.ru_stime, sum(peaks.values()) / 1024)


class Measured(NamedTuple):
    """A command beside the floor, on one file."""

    name: str
    rows: int
    megabytes: float
    """Of the file."""
    floor: Run
    took: Run

    def line(self) -> str:
        """As a line of the table."""
        took, floor = self.took, self.floor
        return (
            f"| {self.name} | {self.rows:,} | {self.megabytes:,.0f} MB | {floor.seconds:.2f} s "
            f"| {took.seconds:.2f} s | {self.rows / took.seconds:,.0f} | {took.seconds / floor.seconds:.1f} "
            f"| {took.cpu / took.seconds:.1f} | {took.cpu / floor.cpu:.1f} | {took.megabytes:.0f} MB |"
        )


HEADER = (
    "| | rows | file | parsing it | time | rows/s | times parsing | cores | CPU times parsing | memory |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def measure(folder: Path, rows: int, name: str, *arguments: str) -> Measured:
    """Write so many rows; measure what parsing and a command take on them, parsing before and after."""
    path = folder / "train" / "datasets" / SHIPPED.name
    write_dataset(path, rows)
    before = run(folder, "-c", PARSE, str(path))
    took = run(folder, "-m", "ftv4", *arguments)
    floor = min(before, run(folder, "-c", PARSE, str(path)))
    return Measured(name, rows, path.stat().st_size / 1e6, floor, took)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, help="so many instead of 20,000 and 100,000")
    parser.add_argument("--executor", help="a Dask cluster to read the rows of the gate")
    parser.add_argument("--only", choices=["training", "gate"], help="measure this alone")
    order = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("config", "templates", "evals"):
            shutil.copytree(ROOT / part, folder / part) if (ROOT / part).is_dir() else None
        print(f"{os.cpu_count()} cores; start-up alone {run(folder, '-c', START).seconds:.2f} s\n\n{HEADER}")
        if order.only != "gate":
            print(measure(folder, order.rows or 20_000, "training file", *FINETUNE).line(), flush=True)
        if order.only != "training":
            more = [f"--executor={order.executor}"] if order.executor else []
            path = f"train/datasets/{SHIPPED.name}"
            gate = measure(folder, order.rows or 100_000, "the whole gate", "gate", path, *more)
            print(gate.line(), flush=True)


if __name__ == "__main__":
    main()
