"""How much of what is planted each gate finds, and how many clean rows it suspects.

    python benchmarks/gate_efficacy.py [--seeds N] [--quick] [--format markdown|json]

Each seed plants every kind of defect in generated clean rows of each stage, in a row of its own. A defect
is found when one of its rules names its line (and, for copies, the line it is a copy of); defects of a whole
dataset, when their rule says so and names the source. The shipped eval cases' answers are planted among the
shipped rows, which the same voices wrote. Clean are the shipped rows, and generated ones of businesses that
no eval case is about; a row is flagged when a finding names it. Bars: 99 % of the kinds
with a structure, rare triggers in 95 of 100 datasets, 1 % of the shipped rows flagged by a gate.
Exit code 1 when a bar is missed.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from os import cpu_count
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

import orjson

from benchmarks.corpus import ROOT, Row, shipped
from benchmarks.kinds import KINDS
from benchmarks.planted_cases import FORMS, GATE, case_kinds, planted
from benchmarks.planted_whole import WHOLES, Whole
from benchmarks.planting import Field, Planted, apart, stages
from ftv4.contracts.findings import Finding, GateReport
from ftv4.contracts.policy import Policy
from ftv4.documents import Repository
from ftv4.gates import GATES
from ftv4.gates.question import HeldOut
from ftv4.stages.stage import Stage
from ftv4.steps.explain import pages
from ftv4.steps.gate import judge

RECALL, TRIGGERS, FALSE = 0.99, 0.95, 0.01
CLEAN = 400
"""Generated clean rows of each stage."""
AT_ONCE = 3
"""Datasets of each stage in which all cases are planted: 36 rows each."""


Try = tuple[str, str, bool, str]
"""Gate, kind, whether it was found, and where it was planted."""


class Kind(NamedTuple):
    """How many defects of a kind were planted, and found."""

    gate: str
    kind: str
    planted: int
    found: int
    bar: float
    """Share that must be found; 0: none need be."""

    @property
    def recall(self) -> float:
        return self.found / self.planted

    @property
    def missed(self) -> bool:
        """Whether the bar is missed. A single miss in few is within it only when more would be."""
        return self.recall < self.bar


class Alarm(NamedTuple):
    """Clean rows that a gate flags."""

    gate: str
    corpus: str
    rows: int
    errors: int
    warnings: int
    whole: int
    """Findings against the dataset as a whole."""

    @property
    def rate(self) -> float:
        return (self.errors + self.warnings) / self.rows

    @property
    def missed(self) -> bool:
        """Whether too many of the shipped rows are flagged; generated ones are only counted."""
        return self.corpus == "shipped" and (self.rate > FALSE or self.whole > 0)


class Table(NamedTuple):
    """Everything measured."""

    kinds: tuple[Kind, ...]
    alarms: tuple[Alarm, ...]

    @property
    def failures(self) -> list[str]:
        """Kinds and gates that miss their bar."""
        return [f"{kind.gate}: {kind.kind}" for kind in self.kinds if kind.missed] + [
            f"{alarm.gate}: clean {alarm.corpus} rows" for alarm in self.alarms if alarm.missed
        ]


def planted_in_rows(order: tuple[str, int], gates: Collection[str] = ()) -> list[Try]:
    """Plant every kind in rows of a stage; gate, kind, whether it was found, and where it was not."""
    field = Field(_stage(order[0]), order[1])
    field.sow(KINDS)
    return heard(field, judged(field.stage, field.lines(), gates, cases=field.held_out))


def heard(field: Field, report: GateReport) -> list[Try]:
    """What a report says of what is planted in a field."""
    return [
        (one.defect.gate, one.defect.kind, _says(one, report.findings), f"{field.stage.name}:{one.line}")
        for one in field.planted
    ]


def planted_in_whole(order: tuple[str, int, int], gates: Collection[str] = ()) -> list[Try]:
    """Plant one kind, by its place in the table, in a dataset of a stage."""
    stage, seed, whole = _stage(order[0]), order[1], WHOLES[order[2]]
    field = Field(stage, seed, whole.count)
    name = whole.plant(field)
    if name is None:
        return []
    asked = [gate for gate in {"acceptance", whole.gate} if not gates or gate in gates]
    report = judged(stage, field.lines(), asked, whole.policy)
    found = any(
        finding.rule == whole.rule and name.lower() in f"line {finding.line} {finding.problem}".lower()
        for finding in report.findings
    )
    return [(whole.gate, whole.kind, found, f"{stage.name} {seed}")]


def planted_from_cases(order: tuple[str, int, int, bool], gates: Collection[str] = ()) -> list[Try]:
    """Plant the answer of a shipped case, or of all, in one form, by its place in the table."""
    field = planted(_stage(order[0]), order[1], FORMS[order[2]], order[3])
    asked = [gate for gate in ("acceptance", GATE) if not gates or gate in gates]
    return heard(field, judged(field.stage, field.lines(), asked))


def alarms(stage: Stage, corpus: str, rows: Sequence[Row]) -> Iterator[Alarm]:
    """What every gate says of clean rows."""
    report = judged(stage, b"".join(orjson.dumps(row) + b"\n" for row in rows))
    gate_of = {page.rule: page.gate for page in pages(own_repository().policy())}
    named: dict[tuple[str, str], set[int]] = {}
    whole: Counter[str] = Counter()
    for finding in report.findings:
        lines = _lines(finding)
        named.setdefault((gate_of[finding.rule], finding.severity), set()).update(lines)
        whole[gate_of[finding.rule]] += not lines
    for gate in GATES:
        errors = named.get((gate, "error"), set())
        warnings = named.get((gate, "warning"), set()) - errors
        yield Alarm(gate, corpus, len(rows), len(errors), len(warnings), whole[gate])


def measured(seeds: int, clean: int = CLEAN, triggers: int | None = None) -> Table:
    """Plant with so many seeds, and look at so many generated clean rows of each stage."""
    names = [stage.name for stage in stages()]
    rows = [(name, seed) for seed in range(seeds) for name in names]
    wholes = [
        (name, seed, place)
        for place, whole in enumerate(WHOLES)
        for name in names
        for seed in range(triggers or seeds if whole.gate == "triggers" else seeds)
    ]
    cases = [
        (name, seed, form, many)
        for name, form, many in product(names, range(len(FORMS)), (False, True))
        for seed in range(min(seeds, AT_ONCE) if many else seeds)
    ]
    with ProcessPoolExecutor(cpu_count()) as pool:
        found = [one for many in pool.map(planted_in_rows, rows) for one in many]
        found += [one for many in pool.map(planted_in_whole, wholes, chunksize=4) for one in many]
        found += [one for many in pool.map(planted_from_cases, cases, chunksize=4) for one in many]
    return Table(tuple(counted(found)), tuple(_all_alarms(clean)))


def counted(found: Iterable[Try]) -> Iterator[Kind]:
    """Kinds, in the order of the gates, with what was planted and found."""
    planted: Counter[tuple[str, str]] = Counter()
    hits: Counter[tuple[str, str]] = Counter()
    for gate, kind, hit, _ in found:
        planted[gate, kind] += 1
        hits[gate, kind] += hit
    kinds = (*KINDS, *case_kinds())
    bars = {(one.gate, one.kind): RECALL * one.held if one.bar is None else one.bar for one in kinds}
    bars |= {(one.gate, one.kind): _bar(one) for one in WHOLES}
    order = list(GATES)
    for gate, kind in sorted(planted, key=lambda one: order.index(one[0])):
        yield Kind(gate, kind, planted[gate, kind], hits[gate, kind], bars[gate, kind])


def _bar(whole: Whole) -> float:
    return (TRIGGERS if whole.gate == "triggers" else RECALL) * whole.held


def _all_alarms(count: int) -> Iterator[Alarm]:
    for corpus in ("shipped", "generated"):
        found = [
            alarm
            for stage in stages()
            for alarm in alarms(
                stage, corpus, shipped(stage.name) if corpus == "shipped" else apart(stage.name, count, 4711)
            )
        ]
        for gate in GATES:
            numbers = [alarm[2:] for alarm in found if alarm.gate == gate]
            yield Alarm(gate, corpus, *map(sum, zip(*numbers, strict=True)))


def _says(planted: Planted, findings: Sequence[Finding]) -> bool:
    named = re.compile(rf"\b{planted.named}\b")
    return any(
        finding.line == planted.line
        and finding.rule in planted.defect.rules
        and named.search(finding.problem)
        for finding in findings
    )


_MORE = re.compile(r"(?:so do(?:es)? lines?|: lines) ([^a-z]*(?:\(similarity [0-9.]+\)[^a-z]*)*)")


def _lines(finding: Finding) -> set[int]:
    """The lines that a finding is about."""
    lines = set() if finding.line is None else {finding.line}
    for listed in _MORE.findall(finding.problem):
        lines.update(int(number) for number in re.findall(r"(?<![.0-9])[0-9]+(?![.0-9])", listed))
    return lines


def _stage(name: str) -> Stage:
    return next(stage for stage in stages() if stage.name == name)


_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []


def own_repository() -> Repository:
    """A repository of this process, with the shipped policy and cases."""
    if not _FOLDERS:
        _FOLDERS.append(tempfile.TemporaryDirectory())
        for part in ("config", "evals"):
            shutil.copytree(ROOT / part, Path(_FOLDERS[0].name) / part)
    return Repository(Path(_FOLDERS[0].name))


def judged(
    stage: Stage,
    lines: bytes,
    gates: Collection[str] = (),
    policy: Callable[[Policy], Policy] = lambda policy: policy,
    cases: tuple[HeldOut, ...] | None = None,
) -> GateReport:
    """What the gates, or some of them, say of a stage's dataset."""
    repository = own_repository()
    repository.write(stage.dataset, lines)
    return judge(repository, stage.dataset, stage, policy(repository.policy()), only=gates, cases=cases)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=20, help="datasets of each stage; default 20")
    parser.add_argument("--quick", action="store_true", help="two seeds, and few clean rows")
    parser.add_argument("--format", choices=["markdown", "json"], default="markdown")
    order = parser.parse_args()
    table = measured(2, 100) if order.quick else measured(order.seeds, CLEAN, max(20, order.seeds))
    print(as_json(table) if order.format == "json" else as_markdown(table))
    return 1 if table.failures else 0


def as_json(table: Table) -> str:
    """The table for programs."""
    kinds = [kind._asdict() | {"recall": kind.recall} for kind in table.kinds]
    alarms = [alarm._asdict() | {"rate": alarm.rate} for alarm in table.alarms]
    return json.dumps({"kinds": kinds, "alarms": alarms, "failures": table.failures}, indent=2)


def as_markdown(table: Table) -> str:
    """The table for people: each gate in a line, then each kind."""
    lines = [
        "| gate | planted | found | recall | shipped rows flagged | false alarms | generated rows flagged |",
        "|---|--:|--:|--:|--:|--:|--:|",
        *(_gate_line(gate, table) for gate in GATES),
        "",
        "| gate | kind | planted | found | recall | bar |",
        "|---|---|--:|--:|--:|--:|",
        *(
            f"| {kind.gate} | {kind.kind} | {kind.planted} | {kind.found} | {kind.recall:.1%} "
            f"| {f'{kind.bar:.0%}' if kind.bar else ''}{' MISSED' if kind.missed else ''} |"
            for kind in table.kinds
        ),
        *(["", f"missed: {', '.join(table.failures)}"] if table.failures else []),
    ]
    return "\n".join(lines)


def _gate_line(gate: str, table: Table) -> str:
    own = [kind for kind in table.kinds if kind.gate == gate]
    planted, found = sum(kind.planted for kind in own), sum(kind.found for kind in own)
    ours, made = [alarm for alarm in table.alarms if alarm.gate == gate]
    recall = f"{found / planted:.1%}" if planted else ""
    return (
        f"| {gate} | {planted} | {found} | {recall} | {_flagged(ours)} | {ours.rate:.1%} | {_flagged(made)} |"
    )


def _flagged(alarm: Alarm) -> str:
    return f"{alarm.errors} errors, {alarm.warnings} warnings of {alarm.rows}"


if __name__ == "__main__":
    sys.exit(main())
