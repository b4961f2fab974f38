"""Keeps the runs of a repository and its ledger together: what one runner records, all others see.

The ledger holds the same files as the work tree, under the same paths. Bringing it into the work
tree makes every step that reads runs see those of other runners; without a ledger, the work tree is
all there is, and the steps are the same.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath

from pydantic import BaseModel

from ftv4.canonical import digest
from ftv4.clients.ledger import Ledger, Moved, State
from ftv4.contracts.evaluation import EvalReport, KeptAnswers
from ftv4.contracts.ledger import LAST, Outcome
from ftv4.contracts.run import DEAD, JobRecord, RunManifest
from ftv4.documents import Repository, parse, to_json
from ftv4.encode import line_for_log
from ftv4.errors import ContractError, ServiceError
from ftv4.steps.runs import ANSWERS, JOB, MANIFEST, OUTCOME, RUNS, Run

EVALS = "evals"
TRIES = 20
"""How often somebody else may write first before we give up; each time another runner got on."""


class OtherJob(Moved):
    """The ledger has another job for this run by now, which lives or is the only one."""


class FolderTaken(ServiceError):
    """Another runner has given a run's folder to a run with another key."""

    def __init__(self, folder: str) -> None:
        super().__init__(f"{folder}: on the ledger this is another run", hint="run again", retryable=True)


@dataclass
class Books:
    """The runs of a repository, and the ledger through which they are shared, if there is one."""

    repository: Repository
    ledger: Ledger | None
    clock: Callable[[], datetime]
    state: State | None = None
    """The ledger as last read or written; None before that."""
    damaged: dict[str, list[str]] = field(default_factory=dict)
    """Folders of runs that were left out → what is wrong with their files."""

    def bring(self) -> None:
        """Read the ledger and put what it says of runs into the work tree.

        Where the work tree's own job.json says more (a job, a later attempt), that stays. Raises
        ContractError that names each file which doesn't say what it must, before any is written;
        FolderTaken where the work tree has another run in a run's place; ServiceError.
        """
        found, wrong = self._read()
        if wrong:
            raise damage(wrong)
        for path, content in found.items():
            self._take(path, content)

    def bring_sound(self) -> None:
        """The same of the runs whose files are sound, with the reports of models that may still be proposed;
        the others are in `damaged` then. Nobody may buy on that: a run that isn't seen is paid for again.
        """
        found, wrong = self._read()
        reports, wrong_reports = self._parsed(_needed(found))
        for path in wrong_reports:
            wrong |= {folder: wrong_reports[path] for folder in _naming(found, path)}
        self.damaged = wrong
        for path, content in {**found, **reports}.items():
            if str(PurePosixPath(path).parent) not in wrong:
                self._take(path, content)

    def _read(self) -> tuple[dict[str, "Content"], dict[str, list[str]]]:
        """The files of all runs, and by folder what is wrong with them."""
        self.state = self.ledger.read() if self.ledger else State(None, {})
        found, wrong = self._parsed(path for path in self.state.files if path.startswith(RUNS))
        folders: dict[str, list[str]] = {}
        for path, problems in wrong.items():
            folders.setdefault(str(PurePosixPath(path).parent), []).extend(problems)
        return found, folders

    def _parsed(self, paths: Iterable[str]) -> tuple[dict[str, "Content"], dict[str, list[str]]]:
        """Files as their contracts and true to their places; and by path what is wrong with the others."""
        state, wanted = self._state(), sorted(paths)
        odd = {path: [_ODD.format(path, state.odd[path])] for path in wanted if path in state.odd}
        found, wrong = _parsed({path: state.files.get(path, b"") for path in wanted if path not in odd})
        return found, odd | wrong

    def _take(self, path: str, content: "Content") -> None:
        ours = self.repository.read_bytes(path) if self.repository.has(path) else None
        if ours is None:
            self.repository.write(path, content.data)
            return
        if ours == content.data:
            return
        document = content.document
        if isinstance(document, RunManifest):
            if parse(RunManifest, ours, path).run_key != document.run_key:
                raise FolderTaken(str(PurePosixPath(path).parent))
        elif isinstance(document, JobRecord):
            if _further(parse(JobRecord, ours, path), document):
                return
        elif isinstance(document, EvalReport):
            raise ContractError(
                f"{path}: not what the ledger has under this name",
                hint="reports are never changed: give yours another name",
            )
        self.repository.write(path, content.data)

    def claim(self, run: Run, what: str = "attempt") -> None:
        """Record, on what was last read and nothing newer, that a run's job is asked for; or `what` else.

        Raises Moved when somebody wrote since: then nothing may be sent on what was read.
        """
        self._write(self.files_of(run), what, run)

    def keep(self, run: Run, what: str, instead: str | None = None) -> Run:
        """Record a run's files as they stand here, whoever writes at the same time; gives back the run as
        it is on record: where another job than `instead` got there first, that one stays.

        Raises ServiceError.
        """
        try:
            self.put(run, self.files_of(run), what, instead)
        except OtherJob:
            theirs = self._job(run)
            return run.with_job(self.repository, theirs) if theirs else run
        return run

    def put(self, run: Run, files: Mapping[str, bytes], what: str, instead: str | None = None) -> None:
        """Record files of a run; other runs' are not touched, so they go on top of what is newest.

        Raises Moved when somebody else has found out meanwhile what became of this run, OtherJob when it
        has another job than `instead` by now, and ServiceError.
        """
        known = self._outcome(run)
        for _ in range(TRIES):
            _must_not_hide(self._job(run), run, instead)
            try:
                return self._write(files, what, run)
            except Moved:
                self.state = None
                if self._outcome(run) != known:
                    raise
        raise ServiceError(f"ledger: {TRIES} others wrote first", hint="run again", retryable=True)

    def _job(self, run: Run) -> JobRecord | None:
        """The run's job.json on the ledger."""
        data = None if self.ledger is None else self._state().files.get(run.job_file)
        return parse(JobRecord, data, f"ledger: {run.job_file}") if data is not None else None

    def knows(self, run: Run) -> bool:
        """Whether a run is one of those that are shared and sound; without a ledger, every run is."""
        if self.ledger is None:
            return True
        return run.manifest_file in self._state().files and run.folder not in self.damaged

    def reports(self) -> list[str]:
        """The paths of all eval reports that are shared; without a ledger, of those that are here."""
        if self.ledger is None:
            return [self.repository.relative(path) for path in self.repository.files(EVALS, "report_*.json")]
        return [path for path in self._state().files if path.startswith(f"{EVALS}/")]

    def _outcome(self, run: Run) -> bytes | None:
        return None if self.ledger is None else self._state().files.get(f"{run.folder}/{OUTCOME}")

    def _state(self) -> State:
        if self.state is None and self.ledger is not None:
            self.state = self.ledger.read()
        return self.state or State(None, {})

    def _write(self, files: Mapping[str, bytes], what: str, run: Run) -> None:
        if self.ledger is None:
            return
        message = f"{what} {run.manifest.stage} {run.manifest.run_key[:12]}"
        self.state = self.ledger.write(self._state(), files, message, self.clock())

    def files_of(self, run: Run) -> dict[str, bytes]:
        """A run's manifest and job as the ledger keeps them."""
        files = {run.manifest_file: to_json(run.manifest).encode()}
        if run.job is not None:
            files[f"{run.folder}/{JOB}"] = to_json(run.job).encode()
        return files


@dataclass(frozen=True)
class Content:
    """A file of the ledger, read."""

    data: bytes
    document: BaseModel


def _needed(found: Mapping[str, "Content"]) -> list[str]:
    """The eval reports of models that may still be proposed; the others are history."""
    outcomes = [one.document for one in found.values() if isinstance(one.document, Outcome)]
    return sorted(path for one in outcomes if one.state not in LAST for path in one.reports.values())


_ODD = "ledger: {}: no plain file, but one of mode {}; it isn't read"
_CONTRACTS: dict[str, type[BaseModel]] = {
    MANIFEST: RunManifest,
    JOB: JobRecord,
    OUTCOME: Outcome,
    ANSWERS: KeptAnswers,
}


def _naming(found: Mapping[str, "Content"], report: str) -> list[str]:
    """The folders of runs whose outcome rests on a report."""
    return [
        str(PurePosixPath(path).parent)
        for path, one in found.items()
        if isinstance(one.document, Outcome) and report in one.document.reports.values()
    ]


def _parsed(files: Mapping[str, bytes]) -> tuple[dict[str, Content], dict[str, list[str]]]:
    """Every file as its contract and true to its place; and by path what is wrong with the others."""
    found: dict[str, Content] = {}
    wrong: dict[str, list[str]] = {}
    for path, data in sorted(files.items()):
        contract = _CONTRACTS.get(PurePosixPath(path).name, EvalReport)
        try:
            found[path] = Content(data, parse(contract, data, f"ledger: {path}"))
        except ContractError as error:
            wrong[path] = list(error.problems or (error.message,))
    for path in found:
        if misplaced := [f"ledger: {path}: {why}" for why in _misplaced(path, found)]:
            wrong[path] = misplaced
    return found, wrong


def damage(wrong: Mapping[str, Iterable[str]]) -> ContractError:
    """What is wrong with a ledger, as one error."""
    problems = [line_for_log(problem) for some in wrong.values() for problem in some]
    return ContractError(
        f"the ledger is damaged: {len(problems)} problem{'s' if len(problems) > 1 else ''}",
        problems=problems,
        hint="mend it by a commit on the ledger's branch; until then nothing is bought",
    )


def _misplaced(path: str, found: Mapping[str, Content]) -> list[str]:
    """What a file says that its place, or the file beside it, contradicts."""
    document, place = found[path].document, PurePosixPath(path)
    if isinstance(document, RunManifest):
        return _untrue(document, str(place.parent), place.parts[2])
    if isinstance(document, JobRecord | Outcome | KeptAnswers):
        beside = found.get(f"{place.parent}/{MANIFEST}")
        manifest = beside.document if beside else None
        if not isinstance(manifest, RunManifest) or manifest.run_key != document.run_key:
            return [f"is of another run than {MANIFEST} beside it"]
    return []


def _untrue(manifest: RunManifest, folder: str, stage: str) -> list[str]:
    problems = []
    if (manifest.output_dir, manifest.stage, manifest.key_of.stage) != (folder, stage, stage):
        problems.append("says that it is somewhere else")
    if manifest.run_key != digest(manifest.key_of.model_dump()):
        problems.append("its run_key isn't that of its key_of")
    return problems


def _must_not_hide(theirs: JobRecord | None, run: Run, instead: str | None) -> None:
    """Raise OtherJob when to write a run down would hide a job: only a dead one gives way, to a job."""
    if theirs is None or theirs.openai.job_id in {None, run.job_id, instead}:
        return
    if run.job_id is None or theirs.openai.status not in DEAD:
        raise OtherJob(f"ledger: {run.folder} has another job by now", hint="run again", retryable=True)


def _further(ours: JobRecord, theirs: JobRecord) -> bool:
    """Whether our job.json knows of a job or an attempt that theirs doesn't."""
    if (ours.openai.job_id is None) != (theirs.openai.job_id is None):
        return ours.openai.job_id is not None
    if ours.openai.job_id is None:
        return (ours.attempted_at or "") > (theirs.attempted_at or "")
    return ours.openai.job_id == theirs.openai.job_id and ours.updated_at > theirs.updated_at
