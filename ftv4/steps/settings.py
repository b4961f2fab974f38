"""Examines a repository's settings on the forge: what is missing, and how to set it.

Each question asks for a few facts and tells, for each thing that should be so, whether it is. Where the
token may not look, the question is `unseen`; where the forge is away, nothing is told at all.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from ftv4.clients.forge_errors import Forbidden, Missing
from ftv4.clock import iso
from ftv4.contracts.settings import Check, Level, Settings, State
from ftv4.documents import Repository
from ftv4.encode import for_log, name_for_log

if TYPE_CHECKING:
    from ftv4.clients.forge_settings import BranchRules, Environment, ForgeSettings, Hosted

VERDICT = "ftv4/verdict"
LEDGER = "ftv4-ledger"
APP_ID = "FTV4_APP_ID"
ACTIONS_APP = 15368
"""The id of the App that posts what a job's own token posts; any workflow of any branch is that App."""
PROPOSALS = "ftv4/"
"""How the branches of our pull requests begin."""
RECONCILE = "reconcile.yml"
LONGEST_SILENCE = timedelta(hours=24)
ENVIRONMENTS = ("ftv4-paid", "ftv4-watch", "ftv4-eval", "ftv4-bot")
PAID = ENVIRONMENTS[0]
ORDER: dict[State, int] = {"missing": 0, "warning": 1, "unseen": 2, "ok": 3}
API = "gh api repos/{owner}/{repo}"
CANNOT_STOP: dict[Level, tuple[str, ...]] = {
    "L0": (
        "whoever may push a branch can run a workflow there that posts ftv4/verdict too",
        "the runs of our own pull requests wait until somebody allows them, each time the branch moves",
        "long-lived provider keys in the environments can be copied by whoever changes main's workflows",
    ),
    "L1": (
        "whoever reads the App's private key acts as the App until the key is revoked",
        "long-lived provider keys in the environments can be copied by whoever changes main's workflows",
    ),
    "L2": ("an administrator of the repository, who can change every setting named here",),
}
LEVELS: dict[Level, str] = {
    "L0": "GITHUB_TOKEN only",
    "L1": "a GitHub App",
    "L2": "a GitHub App, and no secret that lives long",
}


@dataclass(frozen=True)
class Look:
    """All that the questions look at; what several ask for is read once."""

    files: Repository
    forge: "ForgeSettings"
    hosted: "Hosted"
    now: datetime
    given_app: str | None
    """What FTV4_APP_ID says in our environment."""
    listed: Callable[[str], Mapping[str, str | None] | None]
    """A provider's own list of models and their last days; None when it can't be asked."""

    @cached_property
    def rules(self) -> "BranchRules":
        """What holds for main."""
        return self.forge.branch_rules(self.hosted.default_branch)

    @cached_property
    def environments(self) -> "dict[str, Environment]":
        """The environments by name."""
        return self.forge.environments()

    @cached_property
    def app(self) -> str | None:
        """The App that the workflows become, as the repository's variable names it."""
        if self.given_app is None:
            try:
                return self.forge.variables().get(APP_ID)
            except (Forbidden, Missing):
                return None
        return self.given_app

    @cached_property
    def level(self) -> Level:
        """The step of the token ladder."""
        if self.app is None:
            return "L0"
        return "L1" if self.secrets is None or any(self.secrets.values()) else "L2"

    @cached_property
    def secrets(self) -> dict[str, tuple[str, ...]] | None:
        """Names of secrets by environment, the repository's own under ""; None when they can't be seen."""
        try:
            return {name: self.forge.secrets(name or None) for name in ("", *sorted(self.environments))}
        except (Forbidden, Missing):
            return None


@dataclass(frozen=True)
class Told:
    """An answer to a question, before it is a check."""

    state: State
    title: str
    found: str
    todo: str = ""
    about: str = ""


Question = Callable[[Look], Iterable[Told]]


def examine(look: Look, questions: Iterable[tuple[str, str, Question]]) -> Settings:
    """Ask every question; most urgent first. Raises ServiceError when the forge is away."""
    checks = [check for name, title, question in questions for check in _asked(look, name, title, question)]
    counts = {state: sum(check.state == state for check in checks) for state in ORDER}
    known = f"{APP_ID} is set" if look.app else f"{APP_ID} is not set, or not to be seen"
    return Settings(
        generated_at=iso(look.now),
        repository=look.hosted.name,
        level=look.level,
        level_found=f"{LEVELS[look.level]}; {known}",
        cannot_stop=CANNOT_STOP[look.level],
        missing=counts["missing"],
        warnings=counts["warning"],
        unseen=counts["unseen"],
        checks=tuple(sorted(checks, key=lambda check: ORDER[check.state])),
    )


def _asked(look: Look, name: str, title: str, question: Question) -> Iterator[Check]:
    try:
        for told in list(question(look)):
            about = f"{name}/{told.about}" if told.about else name
            todo = "" if told.state == "ok" else told.todo
            yield Check(id=about, state=told.state, title=told.title, found=told.found, todo=todo)
    except (Forbidden, Missing) as error:
        todo = f"{error.hint}; or look there yourself, docs/settings.md says where"
        yield Check(id=name, state="unseen", title=title, found=error.message, todo=todo)


def told(
    right: bool, title: str, found: str, todo: str, *, about: str = "", state: State = "missing"
) -> Told:
    """`ok` when it is right, else `state`."""
    return Told("ok" if right else state, title, found, todo, about)


# branches


def verdict_required(look: Look) -> Iterator[Told]:
    """The verdict has to be there, and from the App that we are."""
    required = VERDICT in look.rules.statuses
    set_it = f"{API}/rulesets --method POST --input .github/rulesets/main.json"
    yield told(
        required,
        f"a merge into {look.hosted.default_branch} needs the status {VERDICT}",
        "required" if required else "not required, so nothing of ftv4 stands between a change and main",
        set_it,
    )
    if required:
        yield _source(look, look.rules.statuses[VERDICT])


def _source(look: Look, source: int | None) -> Told:
    expected = int(look.app) if look.app and look.app.isdecimal() else None
    by_actions = look.app is None
    right = source == (ACTIONS_APP if by_actions else expected or source)
    right = right and source is not None and (by_actions or source != ACTIONS_APP)
    wanted = f"App {ACTIONS_APP}, GitHub Actions" if by_actions else f"App {expected or 'of ' + APP_ID}"
    return told(
        right,
        f"{VERDICT} counts from one source only, {wanted}",
        f"from App {source}" if source else "any source, so anybody who may write can post it",
        "set its integration_id in .github/rulesets/main.json, merge that, and send the ruleset again",
        about="source",
    )


def reviews(look: Look) -> Iterator[Told]:
    """A person approves what main gets, and it is what they saw."""
    rules = look.rules
    lacking = [
        name
        for name, there in (
            ("an approval", rules.reviews > 0),
            ("a code owner's approval", rules.owners),
            ("approvals dismissed by a new push", rules.stale_dismissed),
            ("approval of the last push by somebody else", rules.last_push),
        )
        if not there
    ]
    yield told(
        not lacking,
        "a merge needs a person who approves the last state, and a code owner where one is named",
        "all asked for" if not lacking else f"not asked for: {', '.join(lacking)}",
        "Settings, Rules, Rulesets: Require a pull request before merging, as in .github/rulesets/main.json",
    )


def history(look: Look) -> Iterator[Told]:
    """Neither main nor the ledger can be rewritten or deleted."""
    main = look.hosted.default_branch
    for branch, rules, file in (
        (main, look.rules, "main"),
        (LEDGER, look.forge.branch_rules(LEDGER), "ledger"),
    ):
        kept = rules.no_rewrite and rules.no_deletion
        yield told(
            kept,
            f"{branch} is neither rewritten nor deleted",
            "kept" if kept else f"may be {' and '.join(_open(rules))}",
            f"{API}/rulesets --method POST --input .github/rulesets/{file}.json",
            about=file,
        )


def _open(rules: "BranchRules") -> Iterator[str]:
    if not rules.no_rewrite:
        yield "rewritten by a forced push"
    if not rules.no_deletion:
        yield "deleted"


def code_owners(look: Look) -> Iterator[Told]:
    """CODEOWNERS is there and names people."""
    errors = look.forge.owner_errors()
    if errors is None:
        found = "there is no CODEOWNERS file on the default branch"
    else:
        found = "valid" if not errors else f"names nobody who may review: {for_log('; '.join(errors))}"
    yield told(
        errors == (),
        "CODEOWNERS names people or teams who may write",
        found,
        "mend .github/CODEOWNERS by a pull request; owners need write access",
    )


# Actions


def environments(look: Look) -> Iterator[Told]:
    """Each environment is for main alone, and the one that pays asks a person."""
    for name in ENVIRONMENTS:
        yield from _environment(look, name, look.environments.get(name))


def _environment(look: Look, name: str, found: "Environment | None") -> Iterator[Told]:
    page, path = f"Settings, Environments, {name}", f"{API}/environments/{name}"
    main = look.hosted.default_branch
    custom = (
        "-F deployment_branch_policy[protected_branches]=false "
        "-F deployment_branch_policy[custom_branch_policies]=true"
    )
    if found is None:
        do = f"{path} --method PUT {custom}; then {path}/deployment-branch-policies -f name={main}"
        yield told(False, f"the environment {name} exists", "there is none", do, about=name)
        return
    branches = found.branches
    shown = "any branch" if branches is None else for_log(", ".join(branches)) or "no branch"
    yield told(
        branches == (main,),
        f"{name} is for {main} alone",
        f"for {shown}",
        f"{page}: Deployment branches and tags, Selected branches, {main}",
        about=name,
    )
    if name == PAID:
        yield _approval(look, found, page)


def _approval(look: Look, found: "Environment", page: str) -> Told:
    """Money is spent by two people: one asks, another approves."""
    open_ways = [
        way
        for way, there in (
            ("nobody has to approve", found.reviewers == 0),
            ("whoever asks may approve", found.reviewers > 0 and found.self_review),
            ("administrators may pass by", found.admins_bypass is True),
        )
        if there
    ]
    plan = " (a private repository has no required reviewers below Enterprise)" if look.hosted.private else ""
    todo = f"{page}: Required reviewers, Prevent self-review; no Allow administrators to bypass{plan}"
    title = "a paid run waits for the approval of somebody else"
    if not open_ways and found.admins_bypass is None:
        return Told(
            "unseen", title, "whether administrators may pass by isn't told", todo, f"{PAID}/approval"
        )
    return told(
        not open_ways,
        title,
        "it does" if not open_ways else ", ".join(open_ways),
        todo,
        about=f"{PAID}/approval",
    )


def secrets(look: Look) -> Iterator[Told]:
    """No secret is in reach of a workflow that runs for a pull request."""
    own = look.forge.secrets()
    yield told(
        not own,
        "secrets live in environments alone",
        "none outside" if not own else f"every workflow can read {', '.join(map(name_for_log, own))}",
        "Settings, Secrets and variables, Actions: move them to the environments that need them",
    )


def actions(look: Look) -> Iterator[Told]:
    """What Actions may do: run, only pinned actions, with a token that reads."""
    may, page = look.forge.actions(), "Settings, Actions, General"
    path = f"{API}/actions/permissions"
    yield told(
        may.enabled, "Actions is on", "on" if may.enabled else "off", f"{path} --method PUT -F enabled=true"
    )
    yield told(
        may.pinned,
        "actions have to be named by a full commit id",
        "required" if may.pinned else "a tag or a branch would do, and can be moved",
        f"{path} --method PUT -F enabled=true -F sha_pinning_required=true -f allowed_actions={may.allowed}",
        about="pinned",
    )
    yield told(
        may.allowed != "all",
        "only chosen actions may run",
        may.allowed,
        f"{page}: Allow OWNER, and select non-OWNER, actions: those of GitHub and the repository of ftv4",
        about="allowed",
        state="warning",
    )
    yield told(
        not may.writes,
        "a job that asks for no permission gets a token that reads",
        "it may write" if may.writes else "it reads",
        f"{path}/workflow --method PUT -f default_workflow_permissions=read",
        about="token",
    )
    yield _opens_pulls(look, may.opens_pulls, f"{path}/workflow --method PUT")


def _opens_pulls(look: Look, allowed: bool, call: str) -> Told:
    """The job's own token has to be allowed to open pull requests; with an App nobody else needs to."""
    need = look.level == "L0"
    return told(
        allowed == need,
        f"Actions may {'' if need else 'not '}create pull requests",
        "it may" if allowed else "it may not, so every promotion ends in 403" if need else "it may not",
        f"{call} -F can_approve_pull_request_reviews={'true' if need else 'false'}",
        about="pulls",
        state="missing" if need else "warning",
    )


def merge_methods(look: Look) -> Iterator[Told]:
    """Promotions are merged, not squashed: the commit is what was judged."""
    methods = look.hosted.merge_methods
    if methods is None:
        title = "how pull requests may be merged"
        yield Told("unseen", title, "the token may not see it", "Settings, General, Pull Requests")
        return
    yield told(
        "merge_commit" in methods,
        "pull requests may be merged with a merge commit",
        f"allowed: {', '.join(sorted(methods)) or 'nothing'}",
        f"{API} --method PATCH -F allow_merge_commit=true",
    )


def workflows(look: Look) -> Iterator[Told]:
    """Every workflow file runs; the forge switches one off after 60 idle days, its other triggers too."""
    states = look.forge.workflows()
    mine = [look.files.relative(path) for path in look.files.files(".github/workflows", "*.y*ml")]
    off = {path: states.get(path, "not on the default branch") for path in mine or states}
    off = {path: state for path, state in off.items() if state != "active"}
    names = [f"{name_for_log(path.rpartition('/')[2])} is {name_for_log(off[path])}" for path in sorted(off)]
    first = next(iter(sorted(off)), "").rpartition("/")[2]
    yield told(
        not off and bool(states),
        "every workflow is on",
        ", ".join(names) if off else "on" if states else "there is no workflow",
        f"{API}/actions/workflows/{first or 'NAME.yml'}/enable --method PUT, or push the file to main",
    )


def reconciled(look: Look) -> Iterator[Told]:
    """Reconcile runs; a schedule is a hint, and stops by itself."""
    run = look.forge.last_run(RECONCILE)
    age = look.now - datetime.fromisoformat(run.created_at) if run else None
    failed = run is not None and run.conclusion in ("failure", "timed_out", "startup_failure")
    late = age is None or age > LONGEST_SILENCE
    when = f"it ran {age.total_seconds() / 3600:.0f} hours ago" if age is not None else "it never ran"
    yield told(
        not late and not failed,
        "reconcile ran in the last 24 hours",
        when + (" and failed" if failed else ""),
        "gh workflow run reconcile.yml, and see why the last one didn't",
        state="missing" if late else "warning",
    )


def allowed_runs(look: Look) -> Iterator[Told]:
    """Whether runs for our pull requests wait for somebody: observed, since it has changed before."""
    title, last = "the runs of our pull requests start by themselves", look.forge.last_proposal(PROPOSALS)
    if last is None:
        yield Told("ok", title, "we have opened none yet, so there is nothing to observe")
        return
    number, head = last
    runs = look.forge.runs_of(head)
    waiting = sum(run.waits for run in runs)
    found = f"of pull request {number}, {waiting} of {len(runs)} runs wait to be allowed"
    yield told(
        not waiting and bool(runs),
        title,
        found if runs else f"pull request {number} started no run at all",
        f"on pull request {number}: Approve workflows to run; a GitHub App's pull requests don't wait",
        state="warning",
    )
