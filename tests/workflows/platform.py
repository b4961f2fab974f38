"""A repository with our workflows on the sandbox's forge, and runs of them by what happens there."""

import json
import re
import shutil
import subprocess
from contextlib import ExitStack

import pytest

from ftv4.sandbox.forge import forge_app
from ftv4.sandbox.issuer import Issuer
from ftv4.sandbox.provider import provider_app
from ftv4.sandbox.provider.federation import IDENTITY_PROVIDER, SERVICE_ACCOUNT
from ftv4.sandbox.serve import HOST, listening, served
from tests.conftest import ROOT
from tests.forge_sandbox import NAME, Checkout
from tests.forge_sandbox import Sandbox as Forge
from tests.provider_sandbox import SECONDS
from tests.provider_sandbox import Sandbox as Provider
from tests.workflow_run import MAIN, REPOSITORY_ID
from tests.workflows import expected
from tests.workflows.driver import act, for_act, variable, warm

SECRETS = {"GITHUB_TOKEN": "sandbox-github-actions", "OPENAI_API_KEY": "any"}
APP = {"FTV4_APP_ID": "app"}
IDS = {"OPENAI_IDENTITY_PROVIDER_ID": IDENTITY_PROVIDER, "OPENAI_SERVICE_ACCOUNT_ID": SERVICE_ACCOUNT}
ENVIRONMENTS = sorted(set(expected.ENVIRONMENTS.values()))
STORED_NOWHERE = {"GITHUB_TOKEN": "sandbox-github-actions"}
"""The secrets at L2: the job's own token, which the platform makes."""
POLICY = """issuer: https://token.actions.githubusercontent.com
subject: repo:sandbox/models:environment:%s

permissions:
  contents: write
"""
READS_MAIN = re.compile(r"\.git/info/refs |/git-upload-pack ")
DATASET = "train/datasets/stage_quant.jsonl"


class Platform:
    """What runs a repository's workflows; `now` in commands is the machine's."""

    def __init__(self, forge, provider, folder, warm):
        self.forge = forge
        self.provider = provider
        self.folder = folder
        self.warm = warm
        self.runs = 0
        self.seen = 0, 0
        """Requests to provider and forge before the last run."""
        self.actions = {}
        """Actions of other repositories."""

    @property
    def main(self):
        """The commit main is at."""
        return self.git("rev-parse", "main")

    def git(self, *arguments):
        """Ask the forge's bare repository."""
        command = ["git", "-C", self.forge.git, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def files(self, ref):
        """Path → size of what a ref holds."""
        return self.git("ls-tree", "-r", "--name-only", ref).splitlines()

    def read(self, ref, path):
        return self.git("show", f"{ref}:{path}")

    def asked(self):
        """What the last run asked of provider and forge, reading main apart."""
        of_provider, of_forge = self.seen
        asked = self.provider.asked()[of_provider:] + self.forge.asked()[of_forge:]
        return [line for line in asked if not READS_MAIN.search(line)]

    # what happens

    def pull_request(self, pull, **more):
        """Somebody opened a pull request, or pushed to it."""
        about = {
            "number": pull.number,
            "title": pull.title,
            "base": {"ref": "main", "sha": self.main},
            "head": {"ref": pull.head.ref, "sha": pull.head.sha, "repo": {"id": 9, "fork": True}},
        }
        event = {"action": "synchronize", "number": pull.number, "pull_request": about | more}
        ref = f"refs/pull/{pull.number}/merge"
        return self.run("gate-preview", "pull_request", event, at=pull.head.sha, GITHUB_REF=ref)

    def merge_group(self, head):
        """The merge queue tries what main would become."""
        queue = f"refs/heads/gh-readonly-queue/main/pr-1-{head}"
        group = {"base_sha": self.main, "head_sha": head, "base_ref": MAIN, "head_ref": queue}
        return self.run("gate-preview", "merge_group", {"merge_group": group}, at=head, GITHUB_REF=queue)

    def previewed(self, head, event="pull_request", branch="topic", **more):
        """A run of gate-preview ended; verdict.yml follows it."""
        told = {"name": "gate-preview", "event": event, "head_sha": head, "head_branch": branch}
        about = {"conclusion": "success", "pull_requests": [], **told}
        return self.run("verdict", "workflow_run", {"action": "completed", "workflow_run": about}, **more)

    def dispatch(self, workflow, inputs=None, *, ref=MAIN, approved_by="grace", **more):
        """Ada filled in a workflow's form; the runner gets what is typed as text."""
        run = self.forge.started(f"{workflow}.yml")
        if (inputs or {}).get("dry_run") == "false" and approved_by:
            self.forge.review(run, approved_by)
        more["GITHUB_RUN_ID"] = run
        event = {"ref": ref, "inputs": inputs} if inputs is not None else {"ref": ref}
        return self.run(workflow, "workflow_dispatch", event, ref=ref, GITHUB_REF=ref, **more)

    def tick(self, workflow="reconcile", **more):
        """The clock starts a workflow, by an event that tells nothing of the repository."""
        event = {"schedule": "7,37 * * * *", "repository": None}
        return self.run(workflow, "schedule", event, **more)

    def push(self, workflow="reconcile", **more):
        """Something was merged to main."""
        return self.run(workflow, "push", {"ref": MAIN, "after": self.main}, **more)

    def run(
        self,
        workflow,
        event,
        payload,
        *,
        at="main",
        ref=MAIN,
        app=False,
        keyless=False,
        secrets=SECRETS,
        **environment,
    ):
        """Run a workflow as it is at a commit, with or without the App; `keyless` is L2."""
        self.runs += 1
        self.seen = len(self.provider.asked()), len(self.forge.asked())
        scratch = self.folder / f"run-{self.runs}"
        checkout = scratch / "checkout"
        subprocess.run(["git", "clone", "-q", "--no-checkout", self.forge.git, checkout], check=True)
        subprocess.run(["git", "-C", checkout, "fetch", "-q", "origin", "+refs/*:refs/there/*"], check=True)
        subprocess.run(["git", "-C", checkout, "checkout", "-q", "-B", "main", at], check=True)
        told = {
            "FTV4_SANDBOX_URL": f"{self.provider.url}/v1",
            "GITHUB_API_URL": self.forge.url,
            "GITHUB_SERVER_URL": self.forge.url,
            "GITHUB_REPOSITORY": NAME,
            "GITHUB_REPOSITORY_ID": REPOSITORY_ID,
            "GITHUB_REF": ref,
            "GITHUB_WORKFLOW_REF": f"{NAME}/.github/workflows/{workflow}.yml@{ref}",
            "GITHUB_ACTOR": "ada",
            "NO_PROXY": HOST,
            "no_proxy": HOST,
            **environment,
        }
        about = {"id": REPOSITORY_ID, "full_name": NAME, "default_branch": "main"}
        variables = self.identities() | (APP if app or keyless else {})
        if app:
            secrets = {**secrets, "FTV4_APP_KEY": "app-key"}
        if keyless:
            secrets, variables = STORED_NOWHERE, variables | IDS | {"FTV4_STS_URL": self.forge.url}
        return act(
            checkout, scratch / "act", workflow, event, {"repository": about, **payload},
            warm=self.warm, environment=told, secrets=secrets, variables=variables,
            actions=self.actions,
        )  # fmt: skip

    def identities(self):
        """What lets jobs of each environment say who they are."""
        made = {name: self.forge._own("oidc", "POST", {"environment": name}) for name in ENVIRONMENTS}
        tokens = {
            f"OIDC_{variable(name)}": one["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] for name, one in made.items()
        }
        return tokens | {"OIDC_URL": made[ENVIRONMENTS[0]]["ACTIONS_ID_TOKEN_REQUEST_URL"]}

    # what people do

    def propose(self, files, branch="topic", login="ada", title="Rows"):
        """A pull request with these files, from a fork unless it is ada's."""
        person = self.forge.checkout(author=login)
        ours = login == "ada"
        person.push(files, branch=branch if ours else f"refs/forks/{login}/{branch}")
        head = branch if ours else f"{login}:{branch}"
        return self.forge.github(login).create_pull("main", head, title=title, body="")

    def push_to(self, branch, files, pull):
        """The pull request, with one more commit of ada's."""
        self.forge.checkout(branch).push(files)
        return self.forge.github().get_pull(pull.number)


@pytest.fixture(scope="session")
def _seed(tmp_path_factory):
    """A repository as a team has it: our workflows, config, templates, one stage's rows, some eval cases."""
    folder = tmp_path_factory.mktemp("seed")
    for name in ("config", "templates", ".github"):
        shutil.copytree(ROOT / name, folder / name)
    for path in (folder / ".github").rglob("*.yml"):
        path.write_text(for_act(path.read_text()))
    providers = json.loads((folder / "config/providers.json").read_text())
    row = providers["providers"]["sandbox"] | {"api_key_env": "OPENAI_API_KEY"}
    row["workload_identity"] |= dict(zip(("identity_provider_env", "service_account_env"), IDS, strict=True))
    providers["providers"]["openai"] = row  # the sandbox in OpenAI's place: the key comes from the secret
    (folder / "config/providers.json").write_text(json.dumps(providers))
    for name in ENVIRONMENTS:
        policy = folder / f".github/chainguard/{name}.sts.yaml"
        policy.parent.mkdir(exist_ok=True)
        policy.write_text(POLICY % name)
    (folder / DATASET).parent.mkdir(parents=True)
    shutil.copy(ROOT / DATASET, folder / DATASET)
    shutil.copytree(ROOT / "evals", folder / "evals")
    first = Checkout(folder, "main", "Ada")
    first.run("init", "-q", "-b", "main")
    first.run("add", "-A")
    first.run("commit", "-q", "-m", "Start")
    return first


@pytest.fixture(scope="session")
def _addresses():
    """Where forge and provider are; behind each address, every test puts one of its own."""
    behind = {}

    def door(name):
        async def app(scope, receive, send):
            await behind[name](scope, receive, send)

        return app

    with ExitStack() as running:
        urls = {}
        for name in ("forge", "provider"):
            at = running.enter_context(listening(name, 0))
            urls[name] = running.enter_context(served(door(name), at))
        yield urls, behind


@pytest.fixture(scope="session")
def _warm():
    with warm() as door:
        yield door


@pytest.fixture
def platform(_seed, _addresses, _warm, tmp_path):
    urls, behind = _addresses
    forge, provider = Forge(urls["forge"], tmp_path / "forge"), Provider(urls["provider"])
    issuer = Issuer()
    behind["forge"] = forge_app(forge.folder, issuer=issuer)
    behind["provider"] = provider_app(
        tmp_path / "provider", clock=provider.now, training_seconds=SECONDS, issuer=issuer
    )
    _seed.run("push", "-q", str(forge.git), "HEAD:main")
    return Platform(forge, provider, tmp_path, _warm)
