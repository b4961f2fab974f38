"""What the forge says about a repository's settings; nothing here changes any.

All is read by one requester and one way of paging, as PyGithub knows half of these addresses. Raises
`Forbidden` and `Missing` where the token may not see a setting, ServiceError where the forge is away.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ftv4.clients.forge_errors import Forbidden, Missing, door
from ftv4.contracts import Json

if TYPE_CHECKING:
    from github.Requester import Requester

PAGE, PAGES = 100, 20
ADMINISTRATION = "administration: read"
RESTRICTIONS = ("creation", "update")
"""Rules by which only those who may bypass them do a thing to a branch."""
METHODS = ("merge_commit", "squash_merge", "rebase_merge")


@dataclass(frozen=True)
class Hosted:
    """The repository itself."""

    name: str
    private: bool
    default_branch: str
    merge_methods: frozenset[str] | None
    """Of `METHODS`; None when the token may not see them."""


@dataclass(frozen=True)
class BranchRules:
    """What holds for a branch, by rulesets and branch protection together."""

    statuses: dict[str, int | None]
    """Status that a merge needs → id of the App it must come from."""
    reviews: int = 0
    owners: bool = False
    """A code owner has to approve."""
    stale_dismissed: bool = False
    last_push: bool = False
    """Somebody else than the last pusher has to approve."""
    no_rewrite: bool = False
    no_deletion: bool = False
    restricted: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Of `RESTRICTIONS`, those that hold → ids of their rulesets."""


@dataclass(frozen=True)
class Environment:
    """What protects a job of an environment, and its secrets."""

    name: str
    reviewers: int
    self_review: bool
    admins_bypass: bool | None
    """None when the forge doesn't say."""
    branches: tuple[str, ...] | None
    """Patterns of branches that may use it; None for any."""


@dataclass(frozen=True)
class Actions:
    """What Actions may do in the repository."""

    enabled: bool
    allowed: str
    """all, local_only or selected."""
    pinned: bool
    """Actions have to be named by a full commit id."""
    writes: bool
    """The token of a job that asks for nothing may write."""
    opens_pulls: bool


@dataclass(frozen=True)
class Run:
    """A run of a workflow."""

    workflow: str
    """Path of its file."""
    created_at: str
    status: str
    conclusion: str
    """Empty while it runs."""

    @property
    def waits(self) -> bool:
        """Whether somebody has to allow it first."""
        return "action_required" in (self.status, self.conclusion)


@dataclass(frozen=True)
class Approvals:
    """Whose doing a run of a workflow is; ids of accounts, as a name can pass to another."""

    asked_by: frozenset[int]
    """Who started it, and who started it again."""
    approved_by: frozenset[int]
    """Who let its job into an environment."""


class ForgeSettings:
    """The settings of one repository."""

    def __init__(self, requester: "Requester", name: str) -> None:
        self._requester = requester
        self.name = name

    def hosted(self) -> Hosted:
        """The repository; Missing when the token may not see it at all."""
        with door(f"read the repository {self.name}", "metadata: read"):
            found = self._get("")
            switches = [f"allow_{method}" for method in METHODS]
            seen = all(switch in found for switch in switches)
            allowed = frozenset(
                method for method, switch in zip(METHODS, switches, strict=True) if found.get(switch)
            )
            return Hosted(
                found["full_name"], found["private"], found["default_branch"], allowed if seen else None
            )

    # branches

    def branch_rules(self, branch: str) -> BranchRules:
        """The rules that hold for a branch, which need not exist."""
        with door(f"read the rules of {branch}", "metadata: read"):
            rules = _by_rulesets(self._all(f"/rules/branches/{_part(branch)}"))
        with suppress(Missing, Forbidden), door(f"read the protection of {branch}", ADMINISTRATION):
            return _together(rules, _by_protection(self._get(f"/branches/{_part(branch)}/protection")))
        return rules

    def rulesets(self) -> dict[str, Json]:
        """The repository's own rulesets, whole, by name."""
        with door("read the rulesets", "metadata: read"):
            listed = self._all("/rulesets")
            own = [one for one in listed if one.get("source_type", "Repository") == "Repository"]
            return {one["name"]: self._get(f"/rulesets/{one['id']}") for one in own}

    def bypass_actors(self, ruleset: int) -> tuple[Json, ...] | None:
        """Who may bypass a ruleset; None when the forge doesn't tell."""
        with door("read a ruleset", "administration: write"):
            actors = self._get(f"/rulesets/{ruleset}").get("bypass_actors")
            return None if actors is None else tuple(actors)

    def owner_errors(self) -> tuple[str, ...] | None:
        """What is wrong with CODEOWNERS, by line; None when there is no such file."""
        with suppress(Missing), door("read the errors of CODEOWNERS", "contents: read"):
            found = self._get("/codeowners/errors")["errors"]
            return tuple(f"line {one['line']}, {one['kind']}" for one in found)
        return None

    # Actions

    def actions(self) -> Actions:
        """What Actions may do."""
        with door("read the permissions of Actions", ADMINISTRATION):
            may, token = self._get("/actions/permissions"), self._get("/actions/permissions/workflow")
            return Actions(
                enabled=may["enabled"],
                allowed=may.get("allowed_actions", "all"),
                pinned=may.get("sha_pinning_required", False),
                writes=token["default_workflow_permissions"] != "read",
                opens_pulls=token["can_approve_pull_request_reviews"],
            )

    def environments(self, names: Collection[str]) -> dict[str, Environment]:
        """Those environments of these names that there are."""
        with door("read the environments", "actions: read"):
            found = self._all("/environments", "environments")
            return {one["name"]: self._environment(one) for one in found if one["name"] in names}

    def _environment(self, found: Json) -> Environment:
        rules = {rule["type"]: rule for rule in found.get("protection_rules", [])}
        review, policy = rules.get("required_reviewers", {}), found.get("deployment_branch_policy")
        branches: tuple[str, ...] | None = None
        if policy is not None:
            branches = ("every protected branch",)
            if policy["custom_branch_policies"]:
                path = f"/environments/{_part(found['name'])}/deployment-branch-policies"
                branches = tuple(one["name"] for one in self._all(path, "branch_policies"))
        return Environment(
            name=found["name"],
            reviewers=len(review.get("reviewers", [])),
            self_review=not review.get("prevent_self_review", False),
            admins_bypass=found.get("can_admins_bypass"),
            branches=branches,
        )

    def variables(self, environment: str | None = None) -> dict[str, str]:
        """An environment's variables, or the repository's own."""
        path = f"/environments/{_part(environment)}/variables" if environment else "/actions/variables"
        with door("read the variables", "actions variables: read, environments: read"):
            return {one["name"]: one["value"] for one in self._all(path, "variables")}

    def secrets(self, environment: str | None = None) -> tuple[str, ...]:
        """The names of an environment's secrets, or of the repository's own."""
        path = f"/environments/{_part(environment)}/secrets" if environment else "/actions/secrets"
        with door("read the names of the secrets", "secrets: read, environments: read"):
            return tuple(one["name"] for one in self._all(path, "secrets"))

    def workflows(self) -> dict[str, str]:
        """The state of each workflow, by the path of its file."""
        with door("read the workflows", "actions: read"):
            return {one["path"]: one["state"] for one in self._all("/actions/workflows", "workflows")}

    def last_run(self, workflow: str) -> Run | None:
        """The newest run of a workflow, by its file's name; None when there is none."""
        with suppress(Missing), door(f"read the runs of {workflow}", "actions: read"):
            found = self._get(f"/actions/workflows/{workflow}/runs", per_page=1)
            return next(map(_run, found["workflow_runs"]), None)
        return None

    def last_proposal(self, prefix: str) -> tuple[int, str] | None:
        """Number and head of the newest pull request whose branch starts so."""
        with door("list the pull requests", "pull-requests: read"):
            found = self._get("/pulls", state="all", sort="created", direction="desc", per_page=PAGE)
            ours = (one for one in found if one["head"]["ref"].startswith(prefix))
            return next(((one["number"], one["head"]["sha"]) for one in ours), None)

    def runs_of(self, head_sha: str) -> tuple[Run, ...]:
        """The runs for a commit."""
        with door("read the runs of a commit", "actions: read"):
            return tuple(map(_run, self._get("/actions/runs", head_sha=head_sha)["workflow_runs"]))

    def approvals(self, run: int, environment: str) -> Approvals:
        """Who asked for a run, and who approved what it does in an environment."""
        with door(f"read who approved run {run}", "actions: read"):
            about = self._get(f"/actions/runs/{run}")
            told = self._get(f"/actions/runs/{run}/approvals")
            return Approvals(
                frozenset(about[who]["id"] for who in ("actor", "triggering_actor")),
                frozenset(one["user"]["id"] for one in told if _approves(one, environment)),
            )

    # asking

    def _get(self, path: str, **query: Any) -> Any:
        _, found = self._requester.requestJsonAndCheck("GET", f"/repos/{self.name}{path}", parameters=query)
        return found

    def _all(self, path: str, key: str = "") -> list[Json]:
        """Every page of a list, which some answers hold under a key."""
        whole: list[Json] = []
        for page in range(1, PAGES + 1):
            found = self._get(path, per_page=PAGE, page=page)
            part = found[key] if key else found
            whole += part
            if len(part) < PAGE:
                return whole
        raise LookupError(f"{path} has no end")


def _part(name: str) -> str:
    """A name as one part of an address."""
    return quote(name, safe="")


def _run(found: Json) -> Run:
    path = found["path"].partition("@")[0]
    return Run(path, found["created_at"], found["status"] or "", found["conclusion"] or "")


def _approves(told: Json, environment: str) -> bool:
    names = (one["name"] for one in told["environments"])
    return told["state"] == "approved" and environment in names


def _by_rulesets(rules: Sequence[Json]) -> BranchRules:
    kinds = {rule["type"] for rule in rules}
    checks = [rule["parameters"] for rule in rules if rule["type"] == "required_status_checks"]
    asked = [one for check in checks for one in check["required_status_checks"]]
    reviews = [rule["parameters"] for rule in rules if rule["type"] == "pull_request"]

    def any_has(name: str) -> bool:
        return any(one[name] for one in reviews)

    return BranchRules(
        statuses={one["context"]: one.get("integration_id") for one in asked},
        reviews=max((one["required_approving_review_count"] for one in reviews), default=0),
        owners=any_has("require_code_owner_review"),
        stale_dismissed=any_has("dismiss_stale_reviews_on_push"),
        last_push=any_has("require_last_push_approval"),
        no_rewrite="non_fast_forward" in kinds,
        no_deletion="deletion" in kinds,
        restricted={
            kind: tuple(rule["ruleset_id"] for rule in rules if rule["type"] == kind)
            for kind in RESTRICTIONS
            if kind in kinds
        },
    )


def _by_protection(found: Json) -> BranchRules:
    """Branch protection of the classic kind; one that administrators are free of protects nothing."""
    if not found.get("enforce_admins", {}).get("enabled"):
        return BranchRules({})
    checks = found.get("required_status_checks", {}).get("checks", [])
    review = found.get("required_pull_request_reviews", {})
    return BranchRules(
        statuses={one["context"]: one.get("app_id") for one in checks},
        reviews=review.get("required_approving_review_count", 0),
        owners=review.get("require_code_owner_reviews", False),
        stale_dismissed=review.get("dismiss_stale_reviews", False),
        last_push=review.get("require_last_push_approval", False),
        no_rewrite=not found.get("allow_force_pushes", {}).get("enabled", False),
        no_deletion=not found.get("allow_deletions", {}).get("enabled", False),
    )


def _together(one: BranchRules, other: BranchRules) -> BranchRules:
    apps = {
        name: one.statuses.get(name) or other.statuses.get(name) for name in one.statuses | other.statuses
    }
    return BranchRules(
        statuses=apps,
        reviews=max(one.reviews, other.reviews),
        owners=one.owners or other.owners,
        stale_dismissed=one.stale_dismissed or other.stale_dismissed,
        last_push=one.last_push or other.last_push,
        no_rewrite=one.no_rewrite or other.no_rewrite,
        no_deletion=one.no_deletion or other.no_deletion,
        restricted=one.restricted | other.restricted,
    )
