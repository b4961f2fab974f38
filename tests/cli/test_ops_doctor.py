"""`ftv4 ops doctor`: what a repository's settings lack, seen through the API, and how to set it."""

import json
import shutil
import subprocess
from urllib.request import Request, urlopen

import pytest

from ftv4.documents import MODELS, POLICY, PROVIDERS, Repository
from ftv4.sandbox.forge import forge_app
from ftv4.steps.init import Choices, lay_out, layout
from ftv4.steps.settings_branches import OWNED
from tests.forge_sandbox import NAME, Sandbox, _server

__all__ = ["_server"]
NOW = "2026-11-22T12:00:00+00:00"
MINI = "gpt-4.1-mini-2025-04-14"
CHOICES = Choices(f"acme/ftv4@{'a' * 40}", ("@ada",), version="0.1.0")
ENVIRONMENTS = ("ftv4-paid", "ftv4-watch", "ftv4-eval", "ftv4-bot")
CUSTOM = {"protected_branches": False, "custom_branch_policies": True}


class Place:
    """A repository as `ftv4 init` makes it, on the sandbox forge, and the calls that set it up."""

    def __init__(self, sandbox, folder, ftv4):
        self.sandbox, self.folder, self.ftv4 = sandbox, folder, ftv4

    def ask(self, method, path, body=None):
        requester = self.sandbox.github("ada").requester
        status, _, answer = requester.requestJson(method, f"/repos/{NAME}{path}", input=body)
        assert status < 300, f"{method} {path}: {status} {answer}"
        return json.loads(answer) if answer else None

    def push(self):
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "--allow-empty", "-m", "change")
        git(self.folder, "push", "-q", str(self.sandbox.git), "HEAD:main")

    def change(self, path, edit):
        document = json.loads((self.folder / path).read_bytes())
        edit(document)
        (self.folder / path).write_text(json.dumps(document, indent=2))

    def ruleset(self, name):
        return json.loads((self.folder / f".github/rulesets/{name}.json").read_bytes())

    def ruleset_id(self, name):
        wanted = f"ftv4: {name.replace('-', ' ')}"
        return next(one["id"] for one in self.ask("GET", "/rulesets") if one["name"] == wanted)

    def edit_ruleset(self, name, edit):
        """Change it at the forge alone."""
        document = self.ruleset(name)
        edit(document)
        self.ask("PUT", f"/rulesets/{self.ruleset_id(name)}", document)

    def ran(self, **run):
        body = json.dumps({"workflow": "reconcile.yml", "created_at": "2026-11-22T11:37:00Z"} | run)
        with urlopen(Request(f"{self.sandbox.url}/_sandbox/runs", body.encode(), method="POST")):
            pass

    def environment(self, name, **settings):
        self.ask("PUT", f"/environments/{name}", {"deployment_branch_policy": CUSTOM} | settings)

    def set_up(self):
        """Everything that docs/settings.md asks of a repository without an App."""
        for name in ("main", "ledger"):
            self.ask("POST", "/rulesets", self.ruleset(name))

        for name in ENVIRONMENTS:
            self.environment(name, **(self.approval() if name == "ftv4-paid" else {}))
            self.ask("POST", f"/environments/{name}/deployment-branch-policies", {"name": "main"})
        pinned = {"enabled": True, "allowed_actions": "selected", "sha_pinning_required": True}
        self.ask("PUT", "/actions/permissions", pinned)
        self.ask("PUT", "/actions/permissions/workflow", {"can_approve_pull_request_reviews": True})
        self.ran()

    def approval(self, **other):
        reviewers = [{"type": "User", "id": self.user()}]
        return {"reviewers": reviewers, "prevent_self_review": True, "can_admins_bypass": False} | other

    def user(self):
        _, _, answer = self.sandbox.github("ada").requester.requestJson("GET", "/user")
        return json.loads(answer)["id"]

    def doctor(self, *flags):
        """Exit code and the report."""
        done = self.ftv4("ops", "doctor", "--format", "json", *flags)
        return done.code, json.loads(done.out)

    def states(self):
        return states(self.doctor()[1])

    def not_fine(self):
        return not_fine(self.doctor()[1])


def states(report):
    return {check["id"]: check["state"] for check in report["checks"]}


def not_fine(report):
    return {name: state for name, state in states(report).items() if state != "ok"}


def git(folder, *arguments):
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def built(_server, tmp_path_factory):
    """A repository and its forge, as `ftv4 init` leaves them and set up: made once, copied for each test."""
    root = tmp_path_factory.mktemp("built")
    lay_out(Repository(root / "work"), layout(CHOICES), force=False)
    git(root, "init", "-q", "-b", "main", "work")
    place = opened(_server, root, None)
    place.user()
    place.push()
    shutil.copytree(root / "forge", root / "fresh")
    place.set_up()
    return root


def opened(server, root, ftv4):
    """The place whose forge is in `root/forge`, served."""
    url, behind = server
    sandbox = Sandbox(url, root / "forge")
    behind["app"] = forge_app(sandbox.folder, clock=sandbox.now)
    return Place(sandbox, root / "work", ftv4)


@pytest.fixture
def copied(built, _server, ftv4, tmp_path, monkeypatch):
    """`copied("fresh")` or `copied("forge")`: a place of the test's own, and the current folder."""

    def copy(which):
        shutil.copytree(built / which, tmp_path / "forge")
        shutil.copytree(built / "work", tmp_path / "work")
        place = opened(_server, tmp_path, ftv4)
        for name, value in {
            "GITHUB_API_URL": place.sandbox.url,
            "GITHUB_REPOSITORY": NAME,
            "GITHUB_TOKEN": "sandbox-ftv4-bot",
            "FTV4_NOW": NOW,
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("FTV4_APP_ID", raising=False)
        monkeypatch.chdir(place.folder)
        return place

    return copy


@pytest.fixture
def fresh(copied):
    """What `ftv4 init` wrote, on main; no setting was touched."""
    return copied("fresh")


@pytest.fixture
def place(copied):
    """The same, set up."""
    return copied("forge")


def test_a_fresh_repository_lacks_what_the_guide_sets(fresh):
    code, report = fresh.doctor()
    missing = [check["id"] for check in report["checks"] if check["state"] == "missing"]

    assert code == 4
    assert report["missing"] == len(missing)
    assert missing == [
        "verdict",
        *(f"environments/{name}" for name in ENVIRONMENTS),
        "reviews",
        "history/main",
        "history/ledger",
        "rulesets/ledger",
        "rulesets/main",
        "actions/pinned",
        "actions/pulls",
        "reconcile",
    ]
    assert all(check["todo"] for check in report["checks"] if check["state"] != "ok")


def test_when_all_is_set_nothing_is_missing(place):
    code, report = place.doctor()

    assert (code, not_fine(report)) == (0, {})
    assert (report["level"], report["repository"]) == ("L0", NAME)
    assert "writers" not in states(report)
    assert any("on the ledger" in one for one in report["cannot_stop"])


def rule(document, kind):
    return next(one for one in document["rules"] if one["type"] == kind)["parameters"]


def without_verdict(place):
    place.edit_ruleset("main", lambda one: one["rules"].pop())


def any_source(place):
    def edit(document):
        rule(document, "required_status_checks")["required_status_checks"] = [{"context": "ftv4/verdict"}]

    place.edit_ruleset("main", edit)


def other_source(place):
    def edit(document):
        checks = rule(document, "required_status_checks")["required_status_checks"]
        checks[0]["integration_id"] = 4

    place.edit_ruleset("main", edit)


def no_code_owners_asked(place):
    place.edit_ruleset("main", lambda one: rule(one, "pull_request").update(require_code_owner_review=False))


def rewritable(place):
    place.edit_ruleset("main", lambda one: one.update(rules=one["rules"][:1] + one["rules"][2:]))


def ledger_off(place):
    place.ask("PUT", f"/rulesets/{place.ruleset_id('ledger')}", {"enforcement": "evaluate"})


def bypassed(place):
    actor = {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}
    place.edit_ruleset("main", lambda one: one.update(bypass_actors=[actor]))


def nobody_owns(place):
    (place.folder / ".github/CODEOWNERS").write_text("/config/ @YOUR-TEAM\n")
    place.push()


def no_owners(place):
    (place.folder / ".github/CODEOWNERS").unlink()
    place.push()


def owners_of_less(place):
    (place.folder / ".github/CODEOWNERS").write_text("/config/ @ada\n/.github/ @ada # all\n/train/ # @ada\n")
    place.push()


def any_branch(place):
    place.environment("ftv4-bot", deployment_branch_policy=None)


def further_branch(place):
    place.ask("POST", "/environments/ftv4-eval/deployment-branch-policies", {"name": "b/*"})


def protected_branches(place):
    policy = {"protected_branches": True, "custom_branch_policies": False}
    place.environment("ftv4-watch", deployment_branch_policy=policy)


def environment_gone(place):
    place.ask("DELETE", "/environments/ftv4-paid")


def no_reviewer(place):
    place.environment("ftv4-paid", **place.approval(reviewers=[]))


def self_review(place):
    place.environment("ftv4-paid", **place.approval(prevent_self_review=False))


def administrators_pass(place):
    place.environment("ftv4-paid", **place.approval(can_admins_bypass=True))


def secret_outside(place):
    place.ask("PUT", "/actions/secrets/OPENAI_API_KEY", {"encrypted_value": "x", "key_id": "1"})


def unpinned(place):
    place.ask("PUT", "/actions/permissions", {"enabled": True, "sha_pinning_required": False})


def any_action(place):
    place.ask("PUT", "/actions/permissions", {"enabled": True, "allowed_actions": "all"})


def writing_token(place):
    place.ask("PUT", "/actions/permissions/workflow", {"default_workflow_permissions": "write"})


def no_pulls(place):
    place.ask("PUT", "/actions/permissions/workflow", {"can_approve_pull_request_reviews": False})


def squash_only(place):
    place.ask("PATCH", "", {"allow_merge_commit": False})


def switched_off(place):
    place.ask("PUT", "/actions/workflows/verdict.yml/disable")


def not_on_main(place):
    (place.folder / ".github/workflows/own.yml").write_text("name: own\non: push\njobs: {}\n")


@pytest.mark.parametrize(
    ("broken", "seen"),
    [
        (without_verdict, {"verdict": "missing", "rulesets/main": "missing"}),
        (any_source, {"verdict/source": "missing", "rulesets/main": "missing"}),
        (other_source, {"verdict/source": "missing", "rulesets/main": "missing"}),
        (no_code_owners_asked, {"reviews": "missing", "rulesets/main": "missing"}),
        (rewritable, {"history/main": "missing", "rulesets/main": "missing"}),
        (ledger_off, {"history/ledger": "missing", "rulesets/ledger": "missing"}),
        (bypassed, {"rulesets/main": "missing"}),
        (nobody_owns, {"code_owners": "missing", "code_owners/paths": "missing"}),
        (owners_of_less, {"code_owners/paths": "missing"}),
        (no_owners, {"code_owners": "missing"}),
        (any_branch, {"environments/ftv4-bot": "missing"}),
        (further_branch, {"environments/ftv4-eval": "missing"}),
        (protected_branches, {"environments/ftv4-watch": "missing"}),
        (environment_gone, {"environments/ftv4-paid": "missing"}),
        (no_reviewer, {"environments/ftv4-paid/approval": "missing"}),
        (self_review, {"environments/ftv4-paid/approval": "missing"}),
        (administrators_pass, {"environments/ftv4-paid/approval": "missing"}),
        (secret_outside, {"secrets": "missing"}),
        (unpinned, {"actions/pinned": "missing"}),
        (any_action, {"actions/allowed": "warning"}),
        (writing_token, {"actions/token": "missing"}),
        (no_pulls, {"actions/pulls": "missing"}),
        (squash_only, {"merge_methods": "missing"}),
        (switched_off, {"workflows": "missing"}),
        (not_on_main, {"workflows": "missing"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_setting_that_is_wrong_is_seen_alone(place, broken, seen):
    """Threats 7, 17, 18, 24: the settings a team has to keep, each taken away."""
    broken(place)

    code, report = place.doctor()

    assert (code, not_fine(report)) == (4 if "missing" in seen.values() else 0, seen)


@pytest.mark.parametrize(
    ("counts", "seen"), [("merged_request", {}), ("none", {"environments/ftv4-paid/approval": "warning"})]
)
def test_who_needs_no_reviewer_is_not_told_to_have_one(place, counts, seen):
    no_reviewer(place)
    place.change(POLICY, lambda policy: policy.update(approval=counts))
    place.push()

    assert place.not_fine() == seen


ALL = "".join(f"{folder} @ada\n" for folder in OWNED)


@pytest.mark.parametrize(
    ("owners", "lacking"),
    [
        (ALL, []),
        ("* @ada\n", []),
        ("** @ada\n", []),
        (ALL.replace("/ @", " @"), []),
        (ALL.replace("/config/", "config/"), []),
        (ALL.replace("/config/", "/con"), ["/config/"]),
        (ALL.replace("/config/", "/config/*"), ["/config/"]),
        (ALL.replace("/config/", "/config/**"), []),
        (ALL.replace("/config/", "/configs/"), ["/config/"]),
        (ALL.replace("/config/", "/x/config/"), ["/config/"]),
        (ALL.replace("/train/promotion/", "/train/**/promotion/"), []),
        (ALL.replace("/evals/ @ada\n", ""), ["/evals/"]),
        (ALL + "/templates/\n", ["/templates/"]),
        (ALL + "*\n/train/ @ada\n", ["/.github/", "/config/", "/evals/", "/templates/"]),
        (ALL + "* @ada # and nobody else\n", []),
        (ALL + "/config/ # nobody\n/config/ @ada\n", []),
        (ALL + "/config/providers.json\n", ["config/providers.json"]),
        (ALL + "providers.json\n*.yml @ada\n", ["config/providers.json"]),
        (ALL + "/config/p?oviders.*\n", ["config/providers.json"]),
        (ALL + "/config/providers.json/\n", []),
        (ALL + "workflows/\n", [".github/workflows/doctor.yml"]),
        (ALL + "/workflows/\n", []),
        (ALL + "/train/finetune_runs/ ada\n", ["/train/finetune_runs/"]),
    ],
)
def test_the_last_line_that_matches_says_who_owns_a_path(place, owners, lacking):
    (place.folder / ".github/CODEOWNERS").write_text(owners)

    _, report = place.doctor()
    (check,) = [one for one in report["checks"] if one["id"] == "code_owners/paths"]

    assert check["state"] == ("missing" if lacking else "ok")
    assert not lacking or check["found"] == f"nobody owns {', '.join(lacking)}"


def test_what_init_gives_owners_is_what_the_doctor_asks_for_and_the_cards():
    lines = layout(CHOICES)[".github/CODEOWNERS"].decode().splitlines()

    assert {line.split()[0] for line in lines if line.startswith("/")} == {*OWNED, "/train/model_cards/"}


@pytest.mark.parametrize(
    ("run", "state"),
    [
        ({"created_at": "2026-11-21T12:00:01Z"}, "ok"),
        ({"created_at": "2026-11-21T11:59:59Z"}, "missing"),
        ({"conclusion": "failure"}, "warning"),
        ({"status": "in_progress", "conclusion": None}, "ok"),
    ],
)
def test_a_reconcile_that_is_late_or_failed_is_said(fresh, run, state):
    """Fault 22: a schedule may be switched off, and drops ticks."""
    fresh.ran(**run)

    assert fresh.states()["reconcile"] == state


def test_a_reconcile_that_is_no_workflow_never_ran(place):
    (place.folder / ".github/workflows/reconcile.yml").unlink()
    place.push()

    assert place.not_fine() == {"reconcile": "missing"}


@pytest.mark.parametrize(
    ("conclusions", "state"),
    [([], "warning"), (["success"], "ok"), (["success", "action_required"], "warning")],
)
def test_whether_runs_of_our_pull_requests_wait_is_observed(place, conclusions, state):
    files = {"config/x.json": b"1"}
    branch = {"base": "main", "branch": "ftv4/promote/blue_ocean/1"}
    pull = place.sandbox.forge().propose(**branch, title="T", body="B", message="M", files=files)
    theirs = branch | {"branch": "topic"}
    place.sandbox.forge("ada").propose(**theirs, title="T", body="B", message="M", files={"a": b"1"})
    for conclusion in conclusions:
        place.ran(workflow="gate-preview.yml", head_sha=pull.head_sha, conclusion=conclusion)

    assert place.states()["runs_allowed"] == state


# the token ladder


FORGED = "whoever may push a branch can run a workflow there that posts ftv4/verdict too"
WRITTEN = "whoever may write can put made-up answers on the ledger, where reconcile takes them up"
MADE_UP = "made-up runs and answers in a pull request: a warning, unless promotion.require_ledger is set"
APP = 2
"""The id of the sandbox's own app, `ftv4-bot`."""
SOURCE = ("--ftv4", f"acme/ftv4@{'a' * 40}", "--owners=@ada")


@pytest.fixture
def with_app(place, monkeypatch):
    """The same, moved up to an App as docs/settings.md says."""
    monkeypatch.setenv("FTV4_APP_ID", str(APP))
    place.ask("PUT", "/environments/ftv4-bot/secrets/FTV4_APP_KEY", {"encrypted_value": "x", "key_id": "1"})
    place.ftv4("init", place.folder, *SOURCE, f"--app-id={APP}", "--force")
    place.edit_ruleset("main", lambda one: None)
    place.ask("POST", "/rulesets", place.ruleset("ledger-writers"))
    no_pulls(place)
    return place


def test_with_an_app_its_id_has_to_be_the_source(place, monkeypatch):
    monkeypatch.setenv("FTV4_APP_ID", str(APP))
    place.ask("PUT", "/environments/ftv4-bot/secrets/FTV4_APP_KEY", {"encrypted_value": "x", "key_id": "1"})

    assert place.doctor()[1]["level"] == "L1"
    assert place.not_fine() == {"verdict/source": "missing", "writers": "missing", "actions/pulls": "warning"}


def test_a_repository_that_has_moved_up_to_an_app_lacks_nothing(with_app):
    code, report = with_app.doctor()

    assert (code, not_fine(report), report["level"]) == (0, {}, "L1")
    assert not {FORGED, WRITTEN} & set(report["cannot_stop"])


def test_an_app_that_no_ruleset_names_stops_nothing_that_it_is_there_for(place, monkeypatch):
    monkeypatch.setenv("FTV4_APP_ID", str(APP))

    _, report = place.doctor()

    assert {FORGED, WRITTEN} <= set(report["cannot_stop"])


def test_made_up_answers_are_stopped_where_the_policy_asks_for_the_ledger(with_app):
    assert MADE_UP in with_app.doctor()[1]["cannot_stop"]
    policy = with_app.folder / "config" / "intelligence_v4.policy.json"
    document = json.loads(policy.read_text())
    document.setdefault("promotion", {})["require_ledger"] = True
    policy.write_text(json.dumps(document))

    assert MADE_UP not in with_app.doctor()[1]["cannot_stop"]


def test_nobody_but_the_app_gets_past_what_the_doctor_asked_for(with_app):
    """Threat 13: runs and answers that somebody pushes to the ledger are refused."""
    url = f"{with_app.sandbox.url}/{NAME}.git".replace("://", "://x:sandbox-{}@")

    def push(login, what):
        git(with_app.folder, "push", "-q", url.format(login), f"{what}:refs/heads/ftv4-ledger")

    with pytest.raises(subprocess.CalledProcessError) as error:
        push("ada", "HEAD")
    assert b"creations being restricted" in error.value.stderr
    push("ftv4-bot", "HEAD")
    with pytest.raises(subprocess.CalledProcessError) as error:
        push("ftv4-bot", "")
    assert b"Cannot delete" in error.value.stderr


ROLE = {"actor_id": APP, "actor_type": "RepositoryRole", "bypass_mode": "always"}


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (lambda one: one["bypass_actors"].append(ROLE), "RepositoryRole 2"),
        (lambda one: one.update(bypass_actors=[]), "nobody"),
        (lambda one: one.update(rules=one["rules"][:1]), "whoever may write"),
        (lambda one: one.update(rules=one["rules"][1:]), "whoever may write"),
        (lambda one: one.update(enforcement="evaluate"), "whoever may write"),
    ],
    ids=["another", "nobody", "who creates", "who updates", "not enforced"],
)
def test_a_ledger_that_others_may_write_is_missing_its_ruleset(with_app, edit, found):
    with_app.edit_ruleset("ledger-writers", edit)

    _, report = with_app.doctor()
    (check,) = [one for one in report["checks"] if one["id"] == "writers"]

    assert not_fine(report) == {"writers": "missing", "rulesets/ledger-writers": "missing"}
    assert found in check["found"]


def test_an_other_app_is_not_the_one(with_app, monkeypatch):
    monkeypatch.setenv("FTV4_APP_ID", "77")

    assert with_app.states()["writers"] == "missing"
    monkeypatch.setenv("FTV4_APP_ID", "Iv23liABC")
    assert with_app.states()["writers"] == "ok"


def test_who_bypasses_is_unseen_where_the_forge_doesnt_tell(with_app):
    """It tells those who may change the ruleset, and no others."""
    with_app.edit_ruleset("ledger-writers", lambda one: one.update(bypass_actors=None))

    assert with_app.not_fine() == {"writers": "unseen"}


def test_the_repositorys_variable_tells_of_the_app_as_well(place):
    place.ask("POST", "/actions/variables", {"name": "FTV4_APP_ID", "value": "77"})

    assert place.states()["verdict/source"] == "missing"


def test_an_app_named_by_its_client_id_is_any_app_but_actions(place, monkeypatch):
    monkeypatch.setenv("FTV4_APP_ID", "Iv23liABC")

    assert place.states()["verdict/source"] == "missing"
    other_source(place)
    assert place.states()["verdict/source"] == "ok"


KEYLESS = ("FTV4_STS_URL", "OPENAI_IDENTITY_PROVIDER_ID", "OPENAI_SERVICE_ACCOUNT_ID")


@pytest.fixture
def keyless(place, monkeypatch):
    """No secret anywhere, and what stands in for each: accounts may differ by environment."""
    monkeypatch.setenv("FTV4_APP_ID", "77")
    stand_in(place, ENVIRONMENTS)
    return place


def stand_in(place, environments):
    for name in KEYLESS[:2]:
        place.ask("POST", "/actions/variables", {"name": name, "value": "x"})
    for name in environments:
        place.ask("POST", f"/environments/{name}/variables", {"name": KEYLESS[2], "value": name})


def test_without_any_secret_and_by_identity_the_highest_level_is_in_force(keyless):
    _, report = keyless.doctor()

    assert report["level"] == "L2"
    assert any("token service" in one for one in report["cannot_stop"])
    assert not any("keys" in one for one in report["cannot_stop"])


def test_a_key_that_is_stored_all_the_same_is_not_the_highest_level(keyless):
    key = {"encrypted_value": "x", "key_id": "1"}
    keyless.ask("PUT", "/environments/ftv4-eval/secrets/OPENAI_API_KEY", key)

    assert keyless.doctor()[1]["level"] == "L1"


@pytest.mark.parametrize("seen", [KEYLESS[:2], KEYLESS[1:], ()])
def test_without_any_secret_or_what_stands_in_for_it_the_doctor_says_what_is_lacking(
    place, monkeypatch, seen
):
    monkeypatch.setenv("FTV4_APP_ID", "77")
    for name in seen:
        place.ask("POST", "/actions/variables", {"name": name, "value": "x"})

    _, report = place.doctor()
    lacking = [name for name in KEYLESS if name not in seen]

    assert report["level"] == "L1"
    assert report["level_found"].endswith(f"; no secret is stored, but {', '.join(lacking)} not set either")


def test_what_stands_in_for_a_key_has_to_be_in_every_environment(place, monkeypatch):
    monkeypatch.setenv("FTV4_APP_ID", "77")
    stand_in(place, ENVIRONMENTS[1:])

    assert KEYLESS[2] in place.doctor()[1]["level_found"]


def test_variables_that_cannot_be_seen_are_taken_to_be_lacking(keyless):
    forbid(keyless, "/variables$")

    assert keyless.doctor()[1]["level"] == "L1"


def test_secrets_that_cannot_be_seen_are_taken_to_be_there(place, monkeypatch):
    monkeypatch.setenv("FTV4_APP_ID", "77")
    forbid(place, "/secrets$")

    _, report = place.doctor()

    assert report["level"] == "L1"


# what the token may not see, and a forge that is unwell


def forbid(place, path, status=403):
    place.sandbox.fail("reject", path=path, status=status, message="Resource not accessible", times=50)


@pytest.mark.parametrize("status", [403, 404])
def test_what_a_jobs_token_may_not_see_is_said_and_is_not_missing(place, status):
    forbid(place, "/actions/permissions|/secrets$|/variables$|/protection$", status)

    code, report = place.doctor()

    assert (code, not_fine(report)) == (0, {"actions": "unseen", "secrets": "unseen"})
    assert "docs/settings.md" in next(one["todo"] for one in report["checks"] if one["state"] == "unseen")


def test_what_the_plan_does_not_have_is_missing_and_not_merely_unseen(place):
    told = "Upgrade to GitHub Pro or make this repository public to enable this feature."
    place.sandbox.fail("reject", path="/rules/branches/main", status=403, message=told, times=50)

    assert place.not_fine() == {"verdict": "missing", "reviews": "missing", "history": "missing"}


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reject", "path": "/rules/", "status": 502, "times": 50},
        {"kind": "drop", "path": "/environments", "times": 50},
        {"kind": "reject", "path": "/repos", "status": 401, "times": 50},
        {"kind": "reject", "path": f"/repos/{NAME}$", "status": 404, "times": 50},
        {"kind": "malformed", "path": "/rulesets", "times": 50},
        {"kind": "reject", "path": "/rulesets", "code": "rate_limit", "times": 50},
    ],
    ids=["502", "dropped", "401", "no repository", "malformed", "rate limit"],
)
def test_a_forge_that_is_away_ends_the_examination(place, fault):
    place.sandbox.fail(**fault)

    done = place.ftv4("ops", "doctor")

    assert (done.code, done.out) == (5, "")
    assert "Traceback" not in done.err


def test_without_a_token_nobody_is_asked(fresh, monkeypatch):
    monkeypatch.delenv("GITHUB_TOKEN")

    assert fresh.ftv4("ops", "doctor").code == 2


# drift


def test_a_ruleset_is_compared_member_by_member(place):
    def edit(document):
        document["conditions"]["ref_name"]["exclude"] = ["refs/heads/x"]
        rule(document, "pull_request")["required_approving_review_count"] = 2
        document["rules"].append({"type": "required_signatures"})

    place.edit_ruleset("main", edit)
    _, report = place.doctor()
    found = next(one for one in report["checks"] if one["id"] == "rulesets/main")

    for part in ("conditions", "rules/required_signatures", "required_approving_review_count"):
        assert part in found["found"]
    assert f"rulesets/{place.ruleset_id('main')} --method PUT" in found["todo"]


def test_a_ruleset_file_that_is_none_is_said(place):
    (place.folder / ".github/rulesets/main.json").write_text("[]")

    assert place.ftv4("ops", "doctor").code == 3


# models


def pin(place, model_id):
    place.change(MODELS, lambda config: config["stages"]["blue_ocean"].update(model_id=model_id))


@pytest.mark.parametrize(
    ("today", "state", "told"),
    [
        ("2026-10-01", "ok", "105 days"),
        ("2026-10-16", "warning", "less than 90"),
        ("2026-11-22", "warning", "less than 60"),
        ("2026-12-15", "warning", "less than 30"),
        ("2026-12-16", "missing", "29 days"),
        ("2027-01-13", "missing", "1 days"),
        ("2027-01-14", "missing", "dark since"),
        ("2028-02-29", "missing", "dark since"),
    ],
)
def test_a_pinned_model_that_goes_dark_is_told_early_and_then_loudly(place, monkeypatch, today, state, told):
    """Threat 15, the reconciler's part: 90, 60, 30 days, then less than the policy wants."""
    pin(place, f"openai:ft:{MINI}:acme::abc")
    monkeypatch.setenv("FTV4_NOW", f"{today}T12:00:00+00:00")

    _, report = place.doctor()
    (check,) = [one for one in report["checks"] if one["id"].startswith("models/")]

    assert check["state"] == state
    assert told in check["found"]


def test_a_week_before_the_end_is_told_where_the_policy_allows_it(place, monkeypatch):
    pin(place, f"openai:{MINI}")
    policy = "config/intelligence_v4.policy.json"
    place.change(policy, lambda one: one.setdefault("promotion", {}).update(min_days_left=0))
    monkeypatch.setenv("FTV4_NOW", "2027-01-08T12:00:00+00:00")

    assert [one["found"] for one in place.doctor()[1]["checks"] if "less than 7" in one["found"]]


def test_the_providers_own_list_is_believed_where_its_key_is_set(place, monkeypatch):
    from tests.eval_cases import provider

    pin(place, "sandbox:tuned")
    with provider(monkeypatch, {"tuned": None}, {"tuned": "2026-12-01"}):
        (check,) = [one for one in place.doctor()[1]["checks"] if one["id"].startswith("models/")]

    assert (check["state"], "2026-12-01" in check["found"]) == ("missing", True)


def test_where_the_provider_refuses_the_key_the_dated_table_answers(place, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-no")
    place.sandbox.fail("reject", path="/v1/models", status=401)
    nowhere = {"base_url": f"{place.sandbox.url}/v1"}
    place.change(PROVIDERS, lambda one: one["providers"]["openai"].update(nowhere))
    pin(place, f"openai:{MINI}")

    (check,) = [one for one in place.doctor()[1]["checks"] if one["id"].startswith("models/")]

    assert (check["state"], "2027-01-14" in check["found"]) == ("warning", True)


def test_a_pin_of_a_provider_that_nobody_knows_is_missing(place):
    pin(place, "elsewhere:model")

    assert place.not_fine() == {"models/elsewhere:model": "missing"}


def test_an_industrys_own_pin_counts_as_well(place):
    override = {"agency": {"blue_ocean": {"model_id": f"openai:{MINI}"}}}
    place.change(MODELS, lambda config: config["industry_overrides"].update(override))

    assert "models/openai:gpt-4.1-mini-2025-04-14" in place.states()


# told


def test_the_report_is_short_and_begins_with_what_is_missing(fresh):
    done = fresh.ftv4("ops", "doctor")
    lines = done.out.splitlines()
    kinds = [line.split()[0] for line in lines if line.startswith(("MISSING", "warning", "can't", "ok"))]

    assert done.code == 4
    assert "L0" in lines[1]
    assert kinds == sorted(kinds, key=["MISSING", "warning", "can't", "ok"].index)
    assert any("gh api repos/{owner}/{repo}/rulesets --method POST" in line for line in lines)


def test_the_summary_page(fresh, monkeypatch, tmp_path, golden):
    forbid(fresh, "/secrets$")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    pin(fresh, f"openai:ft:{MINI}:acme::abc")

    fresh.ftv4("ops", "doctor", "--summary")

    golden("doctor.md", (tmp_path / "summary.md").read_text())


def test_what_a_stranger_named_is_quoted(place, monkeypatch, tmp_path):
    """Threats 28 and 33: names of secrets and branches are text."""
    place.ask("POST", "/environments/ftv4-eval/deployment-branch-policies", {"name": "::x::`@all`"})
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))

    done = place.ftv4("ops", "doctor", "--summary")

    assert "::x" not in done.out
    assert "@all" not in (tmp_path / "summary.md").read_text()
