"""Dataset → what every gate has to say about it: one pass, one row at a time in memory."""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from ftv4.contracts.findings import Finding, GateReport
from ftv4.contracts.policy import Policy
from ftv4.documents import Repository
from ftv4.encode import for_log
from ftv4.errors import ContractError, UsageError
from ftv4.gates import GATES
from ftv4.gates.diversity import Variety
from ftv4.gates.question import Ask, HeldOut, Measuring
from ftv4.stages import STAGES
from ftv4.stages.stage import Stage
from ftv4.steps.cases import held_out
from ftv4.steps.judging import Broken, Extract, Judgement, Order, judge_stretch, must_be_rows, whole
from ftv4.steps.workers import Workers, in_order, other_cores, processes

NOT_A_DATASET = "not_a_dataset"
"""Rule of the finding against a file that can't be read as JSON lines at all."""
UNKNOWN = "unknown"
"""The stage of a report where nobody says which."""
COMPARES = "contamination"
"""The gate that asks for the eval cases."""
LOOKED_AT = 100
"""Rows looked at to learn the stage."""
MOST_FINDINGS = 10_000
"""Findings a report lists; how many more a hostile file makes is only counted."""
LARGE = 8 << 20
"""Bytes from which on a dataset is worth starting further processes for."""

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
    cases: tuple[HeldOut, ...] | None = None,
    today: date | None = None,
    on_accepted: Callable[[Any], object] | None = None,
    extract: Extract | None = None,
    progress: Progress | None = None,
    workers: Workers | None = None,
) -> GateReport:
    """Ask every gate, or those of `only`. Without a stage, file name and rows say which it is.

    A large dataset is read by all cores, or by the `workers` given; the report is the same. Of each accepted
    row `on_accepted` gets, in order, what `extract` makes of them where they are read: it can be pickled.
    Without `extract` it gets the row as it is. Without `cases` the repository's are taken; without
    `today` no date is in the future.

    Raises ContractError when the file can't be read or isn't text, UsageError for a gate that doesn't
    exist, GateError for a broken eval case, and Ftv4Error when a worker is gone.
    """
    gates = _asked(only)
    stage = stage or find_stage(repository, dataset)
    if cases is None:
        cases = held_out(repository, stage) if stage and COMPARES in gates else ()
    ask = Ask(_name(repository, dataset), stage, policy, approved_only, min_rows, cases, today)
    order = Order(
        *(ask.file, stage.name if stage else None, policy, approved_only, min_rows, cases, today),
        gates=gates,
        extract=(extract or whole) if on_accepted else None,
    ).packed()
    inquiry, sha256 = _Inquiry(ask, gates), hashlib.sha256()
    size = repository.size(dataset)
    seen = _telling(progress, size, sha256.update) if progress else sha256.update
    with _working(workers, size) as working:
        stretches = repository.stretches(dataset, seen, policy.limits.line_bytes)
        for judgement in in_order(partial(judge_stretch, order), stretches, working):
            inquiry.add(judgement)
            for extracted in judgement.extracts:
                on_accepted(extracted) if on_accepted else None
        return inquiry.report(sha256.hexdigest())


def unreadable(repository: Repository, dataset: str | Path, error: ContractError) -> GateReport:
    """The report on a file that isn't a dataset."""
    return unread(
        Finding(
            rule=NOT_A_DATASET,
            severity="error",
            file=_name(repository, dataset),
            line=error.line,
            pointer="",
            problem=for_log(error.message.rpartition(": ")[2]),
            fix=error.hint or "give a file with one JSON object a line",
        )
    )


def unread(*findings: Finding) -> GateReport:
    """The report on a file that no row was read of, for what these say; at least one."""
    return GateReport(
        file=findings[0].file,
        stage=UNKNOWN,
        dataset_sha256="",
        passed=False,
        total_rows=0,
        accepted_rows=0,
        rejection_reasons={},
        findings=findings,
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
        self._in_order = tuple(self._questions.values())
        self._rows = self._accepted = self._unlisted = 0
        self._broken = Broken()
        self._no_text: int | None = None
        self._reasons: Counter[str] = Counter()
        self._findings: list[Finding] = []

    def add(self, judgement: Judgement) -> None:
        """Show the next rows to the gates."""
        self._rows += judgement.rows
        self._accepted += judgement.accepted
        self._reasons.update(judgement.reasons)
        self._broken = self._broken.and_(judgement.broken)
        self._no_text = self._no_text or judgement.no_text
        must_be_rows(self._broken, self._ask.file)
        if self._rows > self._ask.policy.limits.rows:
            raise ContractError(
                f"{self._ask.file}: more than {self._ask.policy.limits.rows:,} rows",
                hint="split the dataset, or raise limits.rows in the policy",
            )
        for place, read in judgement.reads:
            self._list(self._in_order[place].row(read))

    def report(self, sha256: str) -> GateReport:
        """Hear every gate's answer. Raises ContractError where no line is JSON, and one isn't even text."""
        if self._no_text and self._reasons["malformed_line"] == self._rows:
            raise ContractError(
                f"{self._ask.file}:{self._no_text}: not UTF-8 text",
                hint="a dataset has one JSON object a line, in UTF-8",
                line=self._no_text,
            )
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
            approved_only=self._ask.approved_only,
            extra={
                name: question.measured()
                for name, question in self._questions.items()
                if isinstance(question, Measuring)
            },
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


@contextmanager
def _working(workers: Workers | None, size: int) -> Iterator[Workers | None]:
    """The workers given; else the other cores, where the dataset is large enough to start them for."""
    if workers is not None:
        yield workers
        return
    with processes(other_cores() if size >= LARGE else 0) as found:
        yield found


def _telling(progress: Progress, size: int, update: Callable[[bytes], object]) -> Callable[[bytes], None]:
    total, read = size >> 20, 0

    def seen(data: bytes) -> None:
        nonlocal read
        update(data)
        before, read = read, read + len(data)
        if read >> 20 > before >> 20:
            progress(total)

    return seen
