"""How fast and how big the gate is on a large dataset, beside merely parsing it.

    python benchmarks/gate_speed.py [MEGABYTES]

Bar (design §9): at least 13,500 synthesis rows a second of 7.7 KB each, memory flat in their number.
The rows are the shipped synthesis dataset's, over and over, each with a run id of its own.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import orjson

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "train" / "datasets" / "stage_synthesis.jsonl"
PARSE = "import orjson, sys\nfor line in open(sys.argv[1], 'rb'): orjson.loads(line)"
START = "import ftv4.cli.gate, ftv4.steps.gate, ftv4.steps.gate_report"


class Run(NamedTuple):
    seconds: float
    megabytes: float


def write_dataset(path: Path, megabytes: int) -> int:
    """Fill a dataset; give back its rows."""
    rows = [orjson.loads(line) for line in SHIPPED.read_bytes().splitlines()]
    written = number = 0
    with path.open("wb") as stream:
        while written < megabytes << 20:
            row = rows[number % len(rows)]
            row["input"]["run_id"] = f"bench-{number}"
            number += 1
            written += stream.write(orjson.dumps(row) + b"\n")
    return number


def run(*arguments: str) -> Run:
    """A Python process from start to end: its time and its largest memory."""
    start = time.perf_counter()
    null = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    pid = os.posix_spawn(sys.executable, [sys.executable, *arguments], os.environ, file_actions=null)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"{arguments} ended with {os.waitstatus_to_exitcode(status)}")
    return Run(time.perf_counter() - start, usage.ru_maxrss / 1024)


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / SHIPPED.name
        for size in (max(1, megabytes // 10), megabytes):
            rows = write_dataset(path, size)
            print(f"{size} MB, {rows} rows of {path.stat().st_size // rows} bytes")
            idle = run("-c", START)
            floor = run("-c", PARSE, str(path))
            shown(rows, "parse with orjson", floor, floor.seconds)
            for name, more in (
                ("acceptance", ["--only=acceptance"]),
                ("every gate", ["--only=acceptance", "--only=rows", "--only=diversity"]),
            ):
                took = run("-m", "ftv4", "gate", str(path), *more)
                shown(rows, name, took, floor.seconds)
            print(f"  of which start-up {idle.seconds:.2f} s")


def shown(rows: int, name: str, took: Run, floor: float) -> None:
    print(
        f"  {name:18} {rows / took.seconds:9,.0f} rows/s  {took.seconds:6.2f} s  "
        f"{took.seconds / floor:5.1f} x parsing  {took.megabytes:5.0f} MB peak"
    )


if __name__ == "__main__":
    main()
