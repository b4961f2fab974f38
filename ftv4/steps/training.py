"""What a candidate was trained on: the dataset as the gates see it, and the run that used it."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ftv4.contracts.findings import GateReport, WaiverUse
from ftv4.contracts.policy import Policy
from ftv4.documents import Line, Repository
from ftv4.errors import ContractError
from ftv4.pipeline.messages import prompt_version
from ftv4.stages.stage import Stage
from ftv4.steps.details import detailed
from ftv4.steps.gate import judge
from ftv4.steps.runs import Run
from ftv4.steps.waivers import LAPSED, read_waivers, waive


@dataclass
class Rows:
    """Of what the accepted rows consist; grows row by row."""

    industries: Counter[str] = field(default_factory=Counter)
    reviewers: Counter[str] = field(default_factory=Counter)
    first: str | None = None
    """Earliest `created_at`."""
    last: str | None = None

    def add(self, line: Line) -> None:
        """Count one accepted row."""
        row: Any = line.value
        day = str(row.get("created_at", ""))
        self.first = min(self.first or day, day)
        self.last = max(self.last or day, day)
        self.industries[str(row.get("industry") or "unknown")] += 1
        approval = row.get("approval")
        reviewer = approval.get("reviewer") if isinstance(approval, dict) else None
        self.reviewers[str(reviewer or "not recorded")] += 1


@dataclass(frozen=True)
class Dataset:
    """A dataset, read once: what is accepted of it, and of what it consists."""

    report: GateReport
    rows: Rows
    waivers: tuple[WaiverUse, ...] = ()
    """What somebody answers for in it, until a day that has not passed."""
    lapsed: tuple[str, ...] = ()
    """Waivers of it that have ended, a sentence each."""

    @property
    def rejected(self) -> str:
        """Reasons and counts as one line; empty when every row is accepted."""
        return ", ".join(f"{reason} {count}" for reason, count in self.report.rejection_reasons.items())


def must_be_there(repository: Repository, dataset: str, stage: Stage) -> None:
    """Raise ContractError when there is no such dataset."""
    if not repository.has(dataset):
        raise ContractError(
            f"{repository.relative(dataset)}: no such dataset",
            hint=f"build it with `ftv4 datasets build --stage {stage.name}`, or name it with --dataset",
        )


def read_dataset(
    repository: Repository, path: str, stage: Stage, policy: Policy, approved_only: bool, *, today: date
) -> Dataset:
    """Judge a dataset by the acceptance that a fine-tune asks (weaknesses.md B4, B5).

    Where waivers name it, every gate is asked, to see which of them are used `today`.
    Raises ContractError when there is no such file: nothing excuses that.
    """
    must_be_there(repository, path, stage)
    rows = Rows()
    report = judge(
        repository,
        path,
        stage,
        policy,
        only=("acceptance",),
        approved_only=approved_only,
        on_accepted=rows.add,
    )
    waivers = read_waivers(repository)
    if all(waiver.file != report.file for waiver in waivers.waivers):
        return Dataset(report, rows)
    whole = judge(repository, path, stage, policy, approved_only=approved_only)
    waived = waive(detailed(repository, whole, policy.limits.line_bytes), waivers, today)
    lapsed = (finding.problem for finding in waived.findings if finding.rule == LAPSED)
    return Dataset(report, rows, waived.waivers, tuple(lapsed))


def trained(run: Run | None, model_id: str, data: Dataset) -> bool:
    """Whether a run says that the model was made from a dataset, byte for byte as it is now (B5)."""
    if run is None or run.model_id != model_id:
        return False
    return run.manifest.hashes.dataset_sha256 == data.report.dataset_sha256


def doubts(repository: Repository, run: Run | None, data: Dataset, stage: Stage, policy: Policy) -> list[str]:
    """What doesn't fit between a model's run and the repository as it is now."""
    if run is None:
        return ["no fine-tune run of this repository made this model: what it was trained on is not known"]
    lines = []
    if run.manifest.hashes.dataset_sha256 != data.report.dataset_sha256:
        lines.append(f"{data.report.file} is not what {run.folder} was trained on: it has changed since")
    told = prompt_version(stage, repository.template(stage.prompt), policy)
    if run.manifest.key_of.prompt_version != told:
        lines.append(f"the stage's instructions have changed since {run.folder} was trained on them")
    return lines
