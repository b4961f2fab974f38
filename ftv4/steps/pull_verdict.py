"""Judges the head of a pull request by the default branch's gates and policy, from git's objects alone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ftv4.clients.forge import Forge, PullRequest
from ftv4.clients.git import Git, Remote
from ftv4.contracts.findings import ChangeReport
from ftv4.contracts.pull_verdict import LONGEST_PAGE, PullVerdict, Touched
from ftv4.contracts.verification import Verification
from ftv4.documents import Repository
from ftv4.encode import clip, fit, for_log, utf16
from ftv4.errors import GateError, UsageError
from ftv4.render import render
from ftv4.steps.change import concerns, folded
from ftv4.steps.gate_report import Answer, advice_of, markdown, where
from ftv4.steps.handover import MORE
from ftv4.steps.judgement import Terms, judge_change
from ftv4.steps.settings_change import TOLD
from ftv4.steps.show import FILTERS
from ftv4.steps.verify import verify
from ftv4.steps.verify_ledger import Reading
from ftv4.steps.verify_report import markdown as verified

BASE, HEAD = "refs/ftv4/base", "refs/ftv4/head"
"""Where the commits to compare are kept in the checkout's git folder, beside its branches."""
DECIDING = (
    "config/", "evals/cases/", "evals/packs/", "templates/prompts/", ".github/workflows/", ".github/actions/",
)  # fmt: skip
"""Where lies by what changes are judged; that of the default branch judges, never the change's own."""
SHOWN = 30
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class Asked:
    """What the event asks to have judged: a commit, or a pull request by its number."""

    repository_id: int
    base: str
    """The default branch."""
    head: str | None = None
    pull: int | None = None
    queue: str | None = None
    """The branch of a merge queue that the commit is on."""

    def __post_init__(self) -> None:
        """Raises UsageError for what no event of the forge says."""
        if self.head is not None and not _SHA.fullmatch(self.head):
            raise UsageError(f"the event says no head_sha, but {for_log(self.head)}")
        queues = rf"gh-readonly-queue/{re.escape(self.base)}/pr-[0-9]{{1,10}}-[0-9a-f]{{40,64}}"
        if self.queue is not None and not re.fullmatch(queues, self.queue):
            raise UsageError(f"{for_log(self.queue)} is no branch of the merge queue for {self.base}")


@dataclass(frozen=True)
class Subject:
    """The commit to judge, and where it is to be had."""

    head: str
    ref: str
    pull: int | None


@dataclass(frozen=True)
class Nothing:
    """Why nothing is judged, and nothing reported: what came meanwhile has a run of its own."""

    why: str


def find(asked: Asked, forge: Forge) -> Subject | Nothing:
    """What to judge, by what the forge says now.

    Never by the pull requests that an event lists: for a fork it lists none. Raises GateError for a number
    that somebody gave and that is not open to the default branch, ServiceError as the forge does.
    """
    if asked.pull is not None:
        pull = forge.pull(asked.pull)
        if not _is_open(pull, asked.base):
            raise GateError(f"pull request {pull.number} is not open, or not to {asked.base}")
        return Subject(pull.head_sha, _ref(pull), pull.number)
    head = asked.head or ""
    if asked.queue is not None:
        return Subject(head, f"refs/heads/{asked.queue}", None)
    found = [
        one for one in forge.pulls(base=asked.base) if one.head_sha == head and _is_open(one, asked.base)
    ]
    if not found:
        return Nothing(f"no open pull request to {asked.base} has the head {head[:12]} now")
    return Subject(head, _ref(found[0]), found[0].number if len(found) == 1 else None)


def bring(git: Git, remote: Remote, subject: Subject, base: str) -> Nothing | None:
    """Fetch the default branch and the commit into the git folder; no file of the work tree is touched.

    Raises UsageError in a shallow checkout, where nobody can tell what a change is; ServiceError when
    the remote refuses or is away.
    """
    if git("rev-parse", "--is-shallow-repository") != "false":
        raise UsageError("this checkout is shallow", hint="check out with fetch-depth: 0")
    git.fetch(remote, f"+refs/heads/{base}:{BASE}", f"+{subject.ref}:{HEAD}")
    if git.commit(HEAD) != subject.head:
        return Nothing(f"{subject.head[:12]} is not the head any more")
    return None


def judge_pull(
    repository: Repository,
    asked: Asked,
    subject: Subject,
    terms: Terms,
    now: datetime,
    ledger: Reading | None = None,
) -> PullVerdict:
    """The verdict on what was brought: each dataset by the gates, who serves by the verifier.

    Raises what `ledger` does: without it a promotion has no verdict.
    """
    git = Git(repository.root)
    report = judge_change(repository, BASE, subject.head, (), terms)
    found = verify(git, report.base, report.head, now, ledger)
    errors, files = report.errors + found.errors, list(deciding(git, report))
    settings = len(report.settings) + report.more_settings
    return PullVerdict(
        repository_id=asked.repository_id,
        pull=subject.pull,
        base=report.base,
        head=report.head,
        touches=tuple(_touches(report, found, settings + len(files))),
        passed=not errors,
        errors=errors,
        warnings=report.warnings + found.warnings,
        settings=settings,
        deciding=len(files),
        first=_first(report, found),
        page=_page(repository, report, found, terms, files),
    )


def deciding(git: Git, report: ChangeReport) -> Iterator[str]:
    """Files of the change that later verdicts go by, but for those whose values the report tells."""
    for entry in git.changes(report.fork, report.head):
        name = entry.path.decode(errors="replace")
        if folded(name).startswith(DECIDING) and name not in TOLD and not concerns([name]):
            yield name


def _touches(report: ChangeReport, found: Verification, settings: int) -> Iterator[Touched]:
    if report.reports or report.findings:
        yield "datasets"
    if found.kind != "nothing":
        yield "promotion"
    if settings:
        yield "settings"


def _first(report: ChangeReport, found: Verification) -> str:
    """The first error of the page, so that nobody has to look for it."""
    every = [*found.findings, *report.findings, *(one for file in report.reports for one in file.findings)]
    for one in every:
        if one.severity == "error":
            place = f"{where(one)}: {for_log(one.pointer)}: " if one.pointer else f"{where(one)}: "
            plain = one.model_copy(update={"fix": one.fix.replace("`", "")})
            return clip(f"{place}{advice_of(plain)}", 1000)
    return ""


def _page(
    repository: Repository, report: ChangeReport, found: Verification, terms: Terms, files: list[str]
) -> str:
    """What there is to say: the shorter page first, so that the longer is what is cut."""
    pages = []
    if files:
        facts = {"files": files[:SHOWN], "count": len(files)}
        pages.append(render(repository.template, "deciding.md.j2", facts, FILTERS))
    if found.kind != "nothing":
        pages.append(verified(repository.template, found, LONGEST_PAGE, utf16, alone=False))
    if report.reports or report.findings or report.settings:
        answer = Answer(report.reports, report)
        pages.append(markdown(repository.template, answer, terms.policy, LONGEST_PAGE, utf16))
    return fit("\n".join(pages).splitlines(keepends=True), LONGEST_PAGE, MORE.format, utf16)


def _is_open(pull: PullRequest, base: str) -> bool:
    return (pull.state, pull.base) == ("open", base)


def _ref(pull: PullRequest) -> str:
    return f"refs/pull/{pull.number}/head"
