"""Buys the job of a run exactly once, whoever else asks for it at the same time.

The order is what makes it safe: look for a job of the same key or file, here, on the ledger and at the
provider; record that one is about to be asked for, which only one runner of a ledger can; look once more;
ask once; record what came. Without a ledger, look yet again for who asked at the same moment. When the
answer is lost the request is never sent again within the settle window, nor later while the provider's
list could not tell; what it then shows is adopted.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ftv4.clients.ledger import Ledger, Moved
from ftv4.clients.provider import AnswerLost, Missing, NewJob
from ftv4.clock import iso
from ftv4.contracts.providers import ProviderRow
from ftv4.contracts.run import Job
from ftv4.documents import Repository
from ftv4.encode import name_for_log
from ftv4.errors import ContractError, GateError, ServiceError, alongside
from ftv4.steps.approval import must_be_approved, must_be_planned
from ftv4.steps.caps import SETTLE, must_be_within
from ftv4.steps.finetune import Asked, prepare
from ftv4.steps.follow import AGAIN, Clock, Sleep, adopt, dead, gone, jobs_of, listed, lost, must_have_settled
from ftv4.steps.gate import Progress
from ftv4.steps.ledger import TRIES, Books, FolderTaken
from ftv4.steps.lifetime import lifetime
from ftv4.steps.runs import JOB, RUNS, Run, read_run, runs
from ftv4.steps.together import older_than_ours
from ftv4.steps.upload import uploaded

if TYPE_CHECKING:
    from ftv4.clients.forge_settings import Approvals
    from ftv4.clients.provider import Provider

LOOKS_AFTER_LOSS = (0.0, 1.0, 3.0)
"""Seconds to wait before each look for the job whose answer was lost."""
BLOCK = 1 << 20
MOST_ATTEMPTS = 2
"""Requests for one run's job; whoever wants another one has to say so."""


@dataclass(frozen=True)
class World:
    """What buying a job takes from outside."""

    clock: Clock
    sleep: Sleep
    warn: Callable[[str], None]
    """Hears what to know before money is spent."""
    ledger: Ledger | None = None
    """Through which runners share their runs; None where this work tree is the only one."""
    approvals: "Callable[[], Approvals] | None" = None
    """Asks who approved the workflow run that this is; None outside of one."""


@dataclass(frozen=True)
class Launched:
    """A run with a job; without one, its provider hasn't looked through its training file yet."""

    run: Run
    paid: bool
    """False: the job was there already, and was only linked to."""


def buy(
    repository: Repository,
    asked: Asked,
    provider: "Provider",
    world: World,
    *,
    again: bool = False,
    planned: str | None = None,
    progress: Progress | None = None,
) -> Launched:
    """Prepare a run and give it its job; what never reaches the provider leaves no folder.

    Raises what `prepare` and `launch` raise, and GateError when the run hasn't the key that was `planned`
    or isn't approved.
    """
    for _ in range(TRIES):
        with repository.locked(RUNS):
            Books(repository, world.ledger, world.clock).bring()
        run = prepare(repository, asked, world.clock(), progress)
        try:
            must_be_planned(run, planned)
            must_be_approved(repository, run, world.approvals)
            return launch(repository, run, provider, world, again=again)
        except FolderTaken:
            repository.remove_folder(run.folder)  # if it is another one, the next look says so
        except BaseException as error:
            with alongside(error):
                if not repository.has(f"{run.folder}/{JOB}"):
                    repository.remove_folder(run.folder)
            raise
    raise _busy(asked.stage.name)


def launch(
    repository: Repository, run: Run, provider: "Provider", world: World, *, again: bool = False
) -> Launched:
    """Give a prepared run its job: the one that its key already has, or a new one.

    When an earlier run has the key, `run`'s folder is taken away and the earlier one is given back.
    `again` pays although the job of the key failed, was cancelled or is gone, or may be one that
    can't be told from others. Raises GateError when the provider would refuse the run or a cap of the
    policy is reached, ContractError for a damaged run or ledger, and ServiceError when an earlier job
    ended badly or can't be recognised and `again` isn't said, or when the answer to a creation was
    lost and no job shows yet.
    """
    books = Books(repository, world.ledger, world.clock)
    with repository.locked(RUNS):
        for _ in range(TRIES):
            books.bring()
            try:
                return _launch(books, read_run(repository, run.folder), provider, world, again)
            except Moved:
                continue  # somebody wrote since we looked, maybe this very run: look again
    raise _busy(run.manifest.stage)


def _launch(books: Books, run: Run, provider: "Provider", world: World, again: bool) -> Launched:
    """One try at it. Raises Moved when another runner got in between, before anything was sent."""
    repository = books.repository
    earlier = _earlier(repository, run)
    shown = listed(provider, earlier or run)
    jobs = _jobs(repository, provider, run, earlier, shown, again)
    alive = [job for job in jobs if not dead(job)]
    if alive:
        return _link(books, run, earlier or _brought_meanwhile(books, run), alive, world)
    if jobs and not again:
        raise gone(provider.name, jobs[0])
    _must_be_taken(repository, run, provider.row)
    _must_be_open(provider, run, world)
    run = _this_or(repository, run, earlier if earlier and earlier.job_id is None else None)
    must_have_settled(run, world.clock())
    if not again:
        _recognisable(run, shown)
        _not_too_often(run)
    must_be_within(repository.policy().caps, run, runs(repository), world.clock())
    run, ready = uploaded(repository, run, provider, world.clock, world.sleep, again=again)
    if not ready:
        books.claim(run, "file")
        return Launched(run, paid=False)
    return _create(books, run, provider, world, known={job.id for job in jobs})


def _brought_meanwhile(books: Books, run: Run) -> Run | None:
    """The run of a job that shows and was not known: another runner bought it meanwhile."""
    books.bring()
    return _earlier(books.repository, run)


def _link(books: Books, run: Run, earlier: Run | None, alive: list[Job], world: World) -> Launched:
    """The oldest job of the key; that there is another one is worth a warning."""
    job = alive[-1]
    if len(alive) > 1:
        others = ", ".join(name_for_log(other.id) for other in alive[:-1])
        world.warn(f"this run has other jobs too, which may cost money: {others}")
    run = _this_or(books.repository, run, earlier if earlier and earlier.job_id in {None, job.id} else None)
    return _kept(books, adopt(books.repository, run, job, world.clock()), world, paid=False)


def _kept(books: Books, run: Run, world: World, *, paid: bool) -> Launched:
    """A run with its job, on the ledger too; a ledger that is away costs no job its run."""
    try:
        kept = books.keep(run, "job")
    except (ContractError, ServiceError) as error:
        world.warn(f"{run.folder}: the ledger doesn't name its job yet; reconcile will: {error.message}")
        return Launched(run, paid)
    if kept.job_id != run.job_id:
        stray = name_for_log(run.job_id or "")
        world.warn(f"{run.folder}: another job of it showed meanwhile; {stray} is one too many, and may cost")
    return Launched(kept, paid)


def _earlier(repository: Repository, run: Run) -> Run | None:
    """The run of the same key that got furthest with the provider; the newest where several did.

    It is `run` itself where another runner, in the same second, has asked for its job.
    """
    key = run.manifest.run_key
    same = [other for other in runs(repository, run.manifest.stage) if other.manifest.run_key == key]
    there = [other for other in same if other.folder != run.folder or other.job_id or _attempted(other)]
    return max(
        (other for other in there if other.job is not None),
        key=lambda other: (other.job_id is not None, _attempted(other) or "", other.manifest.generated_at),
        default=None,
    )


def _attempted(run: Run) -> str | None:
    return run.job.attempted_at if run.job else None


def _jobs(
    repository: Repository,
    provider: "Provider",
    run: Run,
    earlier: Run | None,
    shown: list[Job],
    again: bool,
) -> list[Job]:
    """Every job of the run, newest first: by the provider's list, and by our own job.json.

    Raises Missing when the provider has lost the job that job.json names, unless `again` is said.
    """
    jobs = jobs_of(repository, earlier or run, shown)
    ours = earlier.job_id if earlier else None
    if ours is None or ours in {job.id for job in jobs}:
        return jobs
    try:
        return [provider.job(ours), *jobs]
    except Missing as error:
        if again:
            return jobs
        raise Missing(f"{error.message} ({earlier and earlier.folder})", hint=AGAIN) from None


def _this_or(repository: Repository, run: Run, earlier: Run | None) -> Run:
    """The earlier run in place of this one, whose folder goes; else this one."""
    if earlier is None or earlier.folder == run.folder:
        return earlier or run
    if not repository.has(earlier.training_file):
        # Another runner's, whose files stayed with it but for those on the ledger. Same key, same bytes.
        with repository.open(run.training_file) as ours, repository.writing(earlier.training_file) as theirs:
            theirs.writelines(iter(lambda: ours.read(BLOCK), b""))
    repository.remove_folder(run.folder)
    return earlier


def _not_too_often(run: Run) -> None:
    """Raise ServiceError when a run's job was asked for in vain as often as is sensible."""
    attempts = run.job.attempts if run.job else ()
    if len(attempts) >= MOST_ATTEMPTS:
        raise ServiceError(
            f"{run.folder}: its job was asked for {len(attempts)} times, and no job came of it",
            problems=[f"asked for at {at}" for at in attempts],
            hint=f"look at the provider's own page; {AGAIN}",
        )


def _recognisable(run: Run, shown: list[Job]) -> None:
    """Raise ServiceError when a lost job may be among those shown, and nothing would tell."""
    attempted = _attempted(run)
    if attempted is None or not shown or any(job.run_key for job in shown):
        return
    raise ServiceError(
        f"{run.folder}: the job may exist or not: its answer was lost at {attempted}, and of the "
        f"{len(shown)} jobs that {run.manifest.provider} shows none has a run key",
        problems=[f"file {run.job.openai.file_id if run.job else '-'}"],
        hint=f"look for it in the provider's own list; if there is none, {AGAIN}",
    )


def _create(books: Books, run: Run, provider: "Provider", world: World, known: set[str]) -> Launched:
    """The paid request: recorded, looked for once more, sent once, recorded."""
    repository, attempted = books.repository, world.clock()
    run = _claimed(books, run, attempted)
    late = _new_jobs(repository, run, provider, known)
    if late:
        return _kept(books, adopt(repository, run, late[-1], world.clock()), world, paid=False)
    if world.clock() - attempted > SETTLE / 2:
        raise lost(run, "this machine slept over it, and others may ask by now", attempted + SETTLE)
    with _told(run, world, attempted + SETTLE):
        try:
            job = provider.create_job(_new_job(run))
        except AnswerLost as error:
            found = _look_for(repository, provider, run, world.sleep, known)
            if found is None:
                raise lost(run, error.message, attempted + SETTLE) from None
            job = found
        except ServiceError:
            _take_back(books, run)
            raise
        return _bought(books, run, job, provider, world)


def _bought(books: Books, run: Run, job: Job, provider: "Provider", world: World) -> Launched:
    """The job on record; without a ledger, the older one in its place that somebody else bought meanwhile."""
    run = adopt(books.repository, run, job, world.clock())
    if books.ledger is None:
        older = older_than_ours(books.repository, run, job, provider, world.sleep, world.warn)
        if older is not None:
            return Launched(adopt(books.repository, run, older, world.clock()), paid=False)
    return _kept(books, run, world, paid=True)


@contextmanager
def _told(run: Run, world: World, until: datetime) -> Iterator[None]:
    """Whoever stops us while the paid request is on its way hears what it may have bought."""
    try:
        yield
    except KeyboardInterrupt:
        world.warn(
            f"a job may have been bought for {run.folder}: the same command again links it, "
            f"and buys no other before {iso(until)}"
        )
        raise


def _claimed(books: Books, run: Run, at: datetime) -> Run:
    """The run with its attempt on record, here and then on the ledger.

    Raises Moved, or ServiceError where the ledger is away; then nothing is sent and it is off the
    record here. (Should it be on the ledger all the same, the window passes once for nothing.)
    """
    claimed = run.attempted(books.repository, iso(at))
    try:
        books.claim(claimed)
    except ServiceError:
        if run.job is not None:
            run.with_job(books.repository, run.job)
        raise
    return claimed


def _take_back(books: Books, run: Run) -> None:
    """Refused for certain: nothing to wait for the next time, wherever that is."""
    refused = run.attempted(books.repository, None)
    with suppress(ServiceError):
        books.keep(refused, "refused")


def _new_jobs(repository: Repository, run: Run, provider: "Provider", known: set[str]) -> list[Job]:
    return [job for job in jobs_of(repository, run, listed(provider, run)) if job.id not in known]


def _new_job(run: Run) -> NewJob:
    config = run.manifest.config
    return NewJob(
        base_model=config.base_model,
        training_file=run.job.openai.file_id if run.job else "",
        suffix=config.suffix,
        run_key=run.manifest.run_key,
        stage=run.manifest.stage,
        n_epochs=config.n_epochs,
        learning_rate_multiplier=config.learning_rate_multiplier,
        seed=config.seed,
    )


def _look_for(
    repository: Repository, provider: "Provider", run: Run, sleep: Sleep, known: set[str]
) -> Job | None:
    """The job that came of a request whose answer was lost, if the provider shows it by now."""
    for pause in LOOKS_AFTER_LOSS:
        sleep(pause)
        with suppress(ServiceError):
            new = _new_jobs(repository, run, provider, known)
            if new:
                return new[-1]
    return None


def _busy(stage: str) -> ServiceError:
    return ServiceError(
        f"{stage}: {TRIES} other runners wrote first; nothing was sent", hint="run again", retryable=True
    )


def _must_be_open(provider: "Provider", run: Run, world: World) -> None:
    """Raise GateError when the provider trains the base model no more; warn when its end is near."""
    today = world.clock().date()
    life = lifetime(provider.row, run.manifest.config.base_model, provider.models())
    closed = life.closed(today)
    if closed:
        raise GateError(
            f"{provider.name}: {closed}; nothing was sent",
            hint="take a base model that is still trained (--base-model), or another provider (--provider)",
        )
    for warning in life.warnings(today):
        world.warn(warning)


def _must_be_taken(repository: Repository, run: Run, row: ProviderRow) -> None:
    """Raise GateError when the provider would refuse the training file."""
    name, rows = run.manifest.provider, run.manifest.accepted_rows
    size = repository.size(run.training_file)
    problems = [f"{rows} examples; {name} wants {row.min_examples}"] if rows < row.min_examples else []
    if size > row.file_size_limit:
        problems.append(f"{size:,} bytes; {name} takes {row.file_size_limit:,}")
    if problems:
        raise GateError(f"{run.training_file}: would be refused, so nothing was sent", problems=problems)
