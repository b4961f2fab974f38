"""Judges datasets as they lie here, or what a change does to them, and says all there is to say."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ftv4.clients.git import Entry, Git
from ftv4.contracts.findings import ChangeReport, Finding, GateReport
from ftv4.contracts.policy import Policy
from ftv4.documents import Repository
from ftv4.encode import name_for_log
from ftv4.errors import ContractError, UsageError
from ftv4.gates import GATES
from ftv4.stages.stage import Stage
from ftv4.steps.config_check import check
from ftv4.steps.details import UNSEEN, detailed
from ftv4.steps.forecast import Forecaster
from ftv4.steps.gate import Progress, find_stage, judge, unread, unreadable
from ftv4.steps.row_change import Comparison
from ftv4.steps.row_sample import Sampling
from ftv4.steps.serve import provider_row
from ftv4.steps.settings_change import MOST, settings
from ftv4.steps.snapshot import DATASETS, Snapshot
from ftv4.steps.tree import CONFIG, finding, is_data, look, look_here, name_of
from ftv4.steps.unapproved import foreseen, waiting
from ftv4.steps.waivers import OTHERS, WAIVERS, WaiverFile, failing, read_waivers, waive
from ftv4.steps.workers import Workers

COMPARED = ("rows", "duplicates", "concentration", "diversity")
"""Gates that are asked about a dataset as it was before a change."""
_COMPARED_RULES = OTHERS.union(*(getattr(GATES[name], "FIXES", ()) for name in COMPARED))


class Judges(NamedTuple):
    """What a repository judges changes by."""

    policy: Policy
    waivers: WaiverFile
    findings: tuple[Finding, ...] = ()
    """What is to be said of them."""


@dataclass(frozen=True)
class Terms:
    """By what to judge, and what to say besides."""

    policy: Policy
    waivers: WaiverFile
    today: date
    stage: Stage | None = None
    """None: file names and rows say which."""
    only: Collection[str] = ()
    approved_only: bool = True
    min_rows: int | None = None
    provider: str | None = None
    """Whose prices the forecast has; None: no forecast."""
    workers: Workers | None = None
    """Who reads the rows; None: this machine's cores, where there are many rows."""
    findings: tuple[Finding, ...] = ()
    """What is to be said of a change before it is looked at."""


def judge_file(
    repository: Repository, file: str | Path, terms: Terms, progress: Progress | None = None
) -> GateReport:
    """Everything about one dataset. A file that can't be read is a report too, never an error.

    What a commit with the file would be refused for is refused here, too.
    """
    misplaced = look_here(repository, file)
    if misplaced:
        return waive(unread(*misplaced), terms.waivers, terms.today)
    try:
        _must_fit(repository, file, terms.policy)
        report = _judge(repository, file, terms, progress)
        report = detailed(repository, report, terms.policy.limits.line_bytes)
    except ContractError as error:
        report = unreadable(repository, file, error)
    return waive(report, terms.waivers, terms.today)


def judge_change(
    repository: Repository, base: str, head: str, files: Sequence[str], terms: Terms
) -> ChangeReport:
    """What the commits since `base` do to datasets: all that they touch, or those of `files`.

    Nothing but objects of the repository is read. Policy, waivers, prompts and eval cases are those of
    `base`, whatever the change does to them. Raises UsageError when a revision names no commit, and for a
    file that is no dataset before or after the change.
    """
    git = Git(repository.root)
    base, head = git.commit(base), git.commit(head)
    fork = git.fork(base, head)
    changes = list(git.changes(fork, head))
    standing = list(git.files(head, DATASETS))
    _must_be_there(files, (*changes, *standing))
    touched = look(git, changes, standing, terms.policy.limits)
    datasets = [entry for entry in touched.datasets if not files or name_of(entry.path) in files]
    now, then = (Snapshot(repository, data=commit, rest=base) for commit in (head, fork))
    reports = [
        _judge_entry(name_of(entry.path), now, then if int(entry.before, 16) else None, terms)
        for entry in datasets
    ]
    about = (*terms.findings, *touched.findings, *check(git, changes, terms.today, terms.provider))
    if reports and WAIVERS not in map(name_of, (entry.path for entry in changes)):
        about += tuple(_elsewhere(terms, {report.file for report in reports}))
    every = [*about, *(finding for report in reports for finding in report.findings)]
    errors = sum(finding.severity == "error" for finding in every)
    others = list(settings(git, changes))
    return ChangeReport(
        passed=not errors,
        base=base,
        fork=fork,
        head=head,
        errors=errors,
        warnings=len(every) - errors,
        findings=about,
        settings=tuple(others[:MOST]),
        more_settings=max(0, len(others) - MOST),
        reports=tuple(reports),
    )


def _must_be_there(files: Sequence[str], entries: Iterable[Entry]) -> None:
    """Raise UsageError for files that a change neither has nor takes away: none would be judged."""
    there = {name_of(entry.path) for entry in entries if is_data(entry.path)}
    if unknown := [name_for_log(file) for file in files if file not in there]:
        raise UsageError(
            f"no dataset {', '.join(unknown)} before or after the change",
            hint="without FILE, all datasets that it changes are judged",
        )


def terms_of(repository: Repository, base: str, head: str, provider: str | None) -> Judges:
    """The policy and the waivers that judge a change: those of `base`, whatever the change does to them.

    The `provider` whose prices forecasts have is in `base`, too.

    Where these are damaged it is those of `head`, of a change without datasets alone: they judge nothing
    then, and nothing else could mend them. Raises UsageError when a revision names no commit, and
    ContractError.
    """
    git = Git(repository.root)
    base, head = git.commit(base), git.commit(head)
    try:
        return Judges(*_read_judges(repository, base, provider))
    except ContractError as error:
        changed = git.changes(git.fork(base, head), head)
        if any(is_data(entry.path) for entry in changed):
            raise ContractError(
                f"{base[:12]}, the base of the change: {error.message}",
                problems=error.problems,
                hint="mend that in a change of its own, without datasets",
                line=error.line,
            ) from None
        text = f"damaged in the base: {error.message}; this change has no datasets to be judged by it"
        return Judges(*_read_judges(repository, head, provider), (finding("base_damaged", CONFIG, text),))


def _read_judges(repository: Repository, commit: str, provider: str | None) -> tuple[Policy, WaiverFile]:
    snapshot = Snapshot(repository, data=commit, rest=commit)
    if provider is not None:
        provider_row(snapshot, provider)
    return snapshot.policy(), read_waivers(snapshot)


def _judge(
    repository: Repository, file: str | Path, terms: Terms, progress: Progress | None = None
) -> GateReport:
    stage = terms.stage or find_stage(repository, file)
    forecaster = None
    if terms.provider is not None and stage is not None:
        forecaster = Forecaster(repository, stage, terms.policy, terms.provider)
    ask = partial(
        judge,
        repository,
        file,
        stage,
        terms.policy,
        only=terms.only,
        min_rows=terms.min_rows,
        today=terms.today,
        workers=terms.workers,
    )
    report = ask(
        approved_only=terms.approved_only,
        on_accepted=forecaster.add if forecaster else None,
        extract=forecaster.extract if forecaster else None,
        progress=progress,
    )
    needed = terms.min_rows if terms.min_rows is not None else stage.min_rows if stage else None
    if waiting(report, needed):
        report = _and(report, foreseen(report, ask(approved_only=False)))
    forecast = forecaster.answer() if forecaster else None
    return report.model_copy(update={"needed_rows": needed, "forecast": forecast})


def _judge_entry(file: str, now: Snapshot, then: Snapshot | None, terms: Terms) -> GateReport:
    try:
        terms = replace(terms, stage=terms.stage or find_stage(now, file))
        report = _judge(now, file, terms)
    except ContractError as error:
        return waive(unreadable(now, file, error), terms.waivers, terms.today)
    comparison = Comparison({finding.line for finding in report.findings if finding.rule in UNSEEN})
    before = _before(then, file, comparison, terms) if then else None
    for line in now.lines(file, longest=terms.policy.limits.line_bytes):
        comparison.after(line)
    report = _and(report, comparison.unapproved(file))
    report = detailed(now, report, terms.policy.limits.line_bytes)
    shown = Sampling(file, now, then, terms.policy).of(comparison)
    change = comparison.answer(before, report, terms.policy).model_copy(update=shown)
    findings = tuple(_marked(finding, comparison, before) for finding in report.findings)
    report = report.model_copy(update={"change": change, "findings": findings})
    return waive(report, terms.waivers, terms.today)


def _before(then: Snapshot, file: str, comparison: Comparison, terms: Terms) -> GateReport | None:
    """The report on a dataset as it was, which shows `comparison` its rows; None when it wasn't one."""
    try:
        for line in then.lines(file, longest=terms.policy.limits.line_bytes):
            comparison.before(line)
        return judge(
            then,
            file,
            terms.stage,
            terms.policy,
            only=COMPARED,
            approved_only=terms.approved_only,
            min_rows=terms.min_rows,
            workers=terms.workers,
        )
    except ContractError:
        return None


def _and(report: GateReport, further: Iterable[Finding]) -> GateReport:
    """The report with further findings."""
    every = (*report.findings, *further)
    passed = not any(finding.severity == "error" for finding in every)
    return report.model_copy(update={"findings": every, "passed": passed})


def _marked(finding: Finding, comparison: Comparison, before: GateReport | None) -> Finding:
    """The finding, with whether the change brings it: its row, or, of the whole dataset, its rule."""
    if finding.line is not None:
        return finding.model_copy(update={"new": comparison.is_new(finding.line)})
    if finding.rule not in _COMPARED_RULES:
        return finding
    known = {one.rule for one in before.findings if one.line is None} if before else set()
    return finding.model_copy(update={"new": finding.rule not in known})


def _elsewhere(terms: Terms, judged: Collection[str]) -> Iterator[Finding]:
    """What is against waivers of datasets that aren't judged now: a warning, to be heard before it counts."""
    for against, waiver in failing(terms.waivers, terms.today):
        if waiver.file not in judged:
            yield against.model_copy(update={"severity": "warning"})


def _must_fit(repository: Repository, file: str | Path, policy: Policy) -> None:
    limit = policy.limits.file_bytes
    if repository.has(file) and (size := repository.size(file)) > limit:
        raise ContractError(
            f"{repository.relative(file)}: {size} bytes; the policy reads {limit}",
            hint="split the dataset, or raise limits.file_bytes in the policy",
        )
