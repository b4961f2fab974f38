"""Dataset → what every gate has to say about it: one pass, one row at a time in memory."""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from itertools import islice
from pathlib import Path, PurePosixPath

from ftv4.contracts.findings import Finding, GateReport
from ftv4.contracts.policy import Policy
from ftv4.documents import Line, Repository
from ftv4.encode import for_log
from ftv4.errors import ContractError, UsageError
from ftv4.gates import GATES
from ftv4.gates.acceptance import Acceptance
from ftv4.gates.ambiguity import ambiguity
from ftv4.gates.diversity import Variety
from ftv4.gates.question import Ask, Judged
from ftv4.guards import Guards
from ftv4.stages import STAGES
from ftv4.stages.stage import Stage

NOT_A_DATASET = "not_a_dataset"
"""Rule of the finding against a file that can't be read as JSON lines at all."""
UNKNOWN = "unknown"
"""The stage of a report where nobody says which."""
LOOKED_AT = 100
"""Rows looked at to learn the stage."""
MOST_FINDINGS = 10_000
"""Findings a report lists; how many more a hostile file makes is only counted."""

Progress = Callable[[int], object]
"""Called once a MiB, with how often it will be called in all."""


def judge(
    repository: Repository,
    dataset: str | Path,
    stage: Stage | None,
    policy: Policy,
    *,
    only: Collection[str] = (),
    approved_only: bool = True,
    min_rows: int | None = None,
    on_accepted: Callable[[Line], None] | None = None,
    progress: Progress | None = None,
) -> GateReport:
    """Ask every gate, or those of `only`. Without a stage, file name and rows say which it is.

    `on_accepted` gets each accepted row in passing. Raises ContractError when the file can't be read
    or isn't text, UsageError for a gate that doesn't exist.
    """
    gates = _asked(only)
    stage = stage or find_stage(repository, dataset)
    inquiry = _Inquiry(Ask(_name(repository, dataset), stage, policy, approved_only, min_rows), gates)
    sha256 = hashlib.sha256()
    seen = _telling(progress, repository.path(dataset), sha256.update) if progress else sha256.update
    for line in repository.lines(dataset, seen, policy.limits.line_bytes):
        if inquiry.see(line) and on_accepted:
            on_accepted(line)
    return inquiry.report(sha256.hexdigest())


def unreadable(repository: Repository, dataset: str | Path, error: ContractError) -> GateReport:
    """The report on a file that isn't a dataset."""
    file = _name(repository, dataset)
    line, _, problem = error.message.removeprefix(repository.relative(dataset)).rpartition(": ")
    finding = Finding(
        rule=NOT_A_DATASET,
        severity="error",
        file=file,
        line=int(line.strip(":")) if line.strip(":").isdecimal() else None,
        pointer="",
        problem=for_log(problem),
        fix=error.hint or "give a file with one JSON object a line",
    )
    return GateReport(
        file=file,
        stage=UNKNOWN,
        dataset_sha256="",
        passed=False,
        total_rows=0,
        accepted_rows=0,
        rejection_reasons={},
        findings=(finding,),
        diversity=None,
        gates=(),
    )


def find_stage(repository: Repository, dataset: str | Path) -> Stage | None:
    """The stage whose dataset has this file name, else the one that the first rows name."""
    name = PurePosixPath(dataset).name
    for stage in STAGES.values():
        if PurePosixPath(stage.dataset).name == name:
            return stage
    for line in islice(repository.lines(dataset), LOOKED_AT):
        given = line.value.get("input") if isinstance(line.value, dict) else None
        named = given.get("stage_name") if isinstance(given, dict) else None
        if isinstance(named, str) and named in STAGES:
            return STAGES[named]
    return None


class _Inquiry:
    """Every gate asked, at work on one dataset."""

    def __init__(self, ask: Ask, gates: Collection[str]) -> None:
        self._ask = ask
        self._questions = {name: GATES[name].start(ask) for name in gates}
        guards = Guards.compile(ask.policy)
        self._acceptance = Acceptance(ask.stage, guards, ask.approved_only) if ask.stage else None
        self._rows = self._accepted = self._unlisted = 0
        self._reasons: Counter[str] = Counter()
        self._findings: list[Finding] = []

    def see(self, line: Line) -> bool:
        """Show a line to every gate; give back whether it is accepted."""
        row = self._judged(line)
        self._rows += 1
        self._accepted += row.accepted
        if row.malformed is not None:
            self._reasons["malformed_line"] += 1
        elif row.rejection is not None:
            self._reasons[row.rejection.reason] += 1
        for question in self._questions.values():
            self._list(question.row(row))
        return row.accepted

    def report(self, sha256: str) -> GateReport:
        """Hear every gate's answer."""
        for question in self._questions.values():
            self._list(question.end())
        if self._unlisted:
            problem = f"{self._unlisted} more findings, not listed"
            self._findings.append(self._ask.finding("more_findings", problem, "mend the listed ones first"))
        diversity = self._questions.get("diversity")
        return GateReport(
            file=self._ask.file,
            stage=self._ask.stage.name if self._ask.stage else UNKNOWN,
            dataset_sha256=sha256,
            passed=not any(finding.severity == "error" for finding in self._findings),
            total_rows=self._rows,
            accepted_rows=self._accepted,
            rejection_reasons=dict(self._reasons),
            findings=tuple(self._findings),
            diversity=diversity.answer if isinstance(diversity, Variety) else None,
            gates=tuple(self._questions),
        )

    def _judged(self, line: Line) -> Judged:
        if line.malformed is not None:
            return Judged(line.number, None, line.malformed, None, False, raw=line.raw)
        rejection = self._acceptance.judge(line.value) if self._acceptance else None
        accepted = self._acceptance is not None and rejection is None
        odd = ambiguity(line.raw, line.value, self._ask.policy.limits.depth, accepted)
        return Judged(
            line.number,
            line.value,
            None,
            rejection or odd,
            accepted and odd is None,
            ambiguity=odd,
            raw=line.raw,
        )

    def _list(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            if len(self._findings) < MOST_FINDINGS:
                self._findings.append(finding)
            else:
                self._unlisted += 1


def _asked(only: Collection[str]) -> tuple[str, ...]:
    unknown = sorted(set(only) - set(GATES))
    if unknown:
        raise UsageError(f"no gate {', '.join(unknown)}; there are {', '.join(GATES)}")
    return tuple(name for name in GATES if not only or name in only)


def _name(repository: Repository, dataset: str | Path) -> str:
    """How a report names the file; bytes that aren't UTF-8 become `?`."""
    return repository.relative(dataset).encode(errors="replace").decode()


def _telling(progress: Progress, path: Path, update: Callable[[bytes], object]) -> Callable[[bytes], None]:
    total, read = path.stat().st_size >> 20, 0

    def seen(data: bytes) -> None:
        nonlocal read
        update(data)
        before, read = read, read + len(data)
        if read >> 20 > before >> 20:
            progress(total)

    return seen
