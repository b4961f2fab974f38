"""Asks what Actions may do, who has to approve a payment, where secrets are, and whether workflows run."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ftv4.documents import POLICY
from ftv4.encode import for_log, name_for_log
from ftv4.steps.settings import API, ENVIRONMENTS, Look, Told, told

if TYPE_CHECKING:
    from ftv4.clients.forge_settings import Environment

PROPOSALS = "ftv4/"
"""How the branches of our pull requests begin."""
RECONCILE = "reconcile.yml"
LONGEST_SILENCE = timedelta(hours=24)
PAID = "ftv4-paid"


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
    counts = look.files.policy().approval
    if open_ways and counts != "environment":
        return _without(counts, title)
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


def _without(counts: str, title: str) -> Told:
    """Where the policy asks for another approval than the environment's, or for none."""
    about, todo = f"{PAID}/approval", f"{POLICY}: approval"
    if counts == "none":
        return Told("warning", title, "it doesn't: by the policy whoever asks may pay", todo, about)
    return Told("ok", title, "by the policy, for a request that is merged", todo, about)


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
