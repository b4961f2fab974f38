"""Runs one workflow with act: no container, no network, the checkout's own ftv4; tells what happened.

act passes over the filters of `on`, permissions, environments, concurrency and timeouts, which
test_tree.py holds.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import ROOT
from tests.workflows import expected

HERE = Path(__file__).parent
STUBBED = {
    action: HERE / "stubs" / action.partition("@")[0]
    for action in (expected.CHECKOUT, expected.PYTHON, expected.UPLOAD, expected.APP)
}
SECONDS = 400
"""After which a run is given up; on a machine of its own none takes 10."""


@dataclass
class Happened:
    """One run of a workflow."""

    code: int
    jobs: dict[str, str] = field(default_factory=dict)
    """Job → success or failure, `<called workflow>/<job>` for one of those; none that was skipped."""
    steps: dict[tuple[str, str], str] = field(default_factory=dict)
    """(job, name of the step) → success, failure or skipped."""
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    """Job → what its steps set."""
    summaries: dict[str, str] = field(default_factory=dict)
    annotations: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """(level, message, where)"""
    log: str = ""
    """What the steps printed."""
    installed: list[str] = field(default_factory=list)
    """What pip was asked to install."""
    artifacts: dict[str, list[str]] = field(default_factory=dict)
    """Artifact → its files."""

    def line(self, told):
        """Take in one line of act's JSON."""
        job = told.get("job", "").partition("/")[2].strip()
        step = told.get("stepID") or []
        outer = len(step) == 1
        if told.get("jobResult"):
            self.jobs[job] = told["jobResult"]
        if told.get("stepResult") and told.get("stage") == "Main" and outer:
            self.steps[job, told["step"]] = told["stepResult"]
        command = told.get("command")
        if command == "set-output" and outer:
            self.outputs.setdefault(job, {})[told["name"]] = told["arg"]
        elif command == "summary" and outer:  # a composite action repeats those of its steps
            self.summaries[job] = self.summaries.get(job, "") + told["content"]
        elif command in ("error", "warning", "notice"):
            self.annotations.append((command, told["arg"], told["kvPairs"] or {}))
        if told.get("raw_output") or told.get("level") == "error":
            self.log += told["msg"].rstrip("\n") + "\n"


@contextmanager
def warm():
    """What starts the programs of runs; the socket where it is asked."""
    plain = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": ROOT}
    with tempfile.TemporaryDirectory(prefix="warm-") as folder:
        door = Path(folder) / "door"
        command = [sys.executable, HERE / "warm" / "server.py", door]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=plain) as server:
            assert server.stdout.readline() == b"ready\n"
            yield door


def act(checkout, scratch, workflow, event, payload, *, warm, environment, secrets, variables, actions):
    """Run a workflow of a checkout; `scratch` is an empty folder for what the run leaves.

    `actions` are those of other repositories, `owner/name@ref` → folder; the platform's own are stubs.
    """
    for name in ("home", "cache", "artifacts"):
        (scratch / name).mkdir(parents=True)
    (scratch / "event.json").write_text(json.dumps(payload))
    told = {
        "ARTIFACTS": scratch / "artifacts",
        "PIP_LOG": scratch / "pip",
        "PYTHON": sys.executable,
        "PYTHONPATH": ROOT,
        "TMPDIR": tempfile.gettempdir(),
        "WARM": warm,
        "GIT_CONFIG_GLOBAL": os.environ["GIT_CONFIG_GLOBAL"],
        **environment,
    }
    command = [
        Path(sys.executable).parent / "act", event, "--json", "--platform", "ubuntu-latest=-self-hosted",
        "--no-cache-server", "--action-offline-mode", "--directory", checkout,
        "--workflows", checkout / f".github/workflows/{workflow}.yml", "--eventpath", scratch / "event.json",
        *(f"--local-repository={name}={folder}" for name, folder in (STUBBED | actions).items()),
        *(f"--env={name}={value}" for name, value in told.items()),
        *(f"--secret={name}={value}" for name, value in secrets.items()),
        *(f"--var={name}={value}" for name, value in variables.items()),
    ]  # fmt: skip
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        stdin=subprocess.DEVNULL,
        env={
            "PATH": f"{HERE / 'bin'}:{os.environ['PATH']}",
            "HOME": str(scratch / "home"),
            "XDG_CACHE_HOME": str(scratch / "cache"),
            "LANG": "C.UTF-8",
        },
    )
    happened = read(done, scratch)
    assert happened.jobs, done.stdout + done.stderr  # act is content when it finds nothing to run
    return happened


def read(done, scratch):
    """What act said, and what the run left."""
    happened = Happened(done.returncode)
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            happened.line(json.loads(line))
    if (scratch / "pip").exists():
        happened.installed = (scratch / "pip").read_text().splitlines()
    for folder in sorted((scratch / "artifacts").iterdir()):
        happened.artifacts[folder.name] = sorted(path.name for path in folder.iterdir())
    return happened


JOB = re.compile(r"^(?=  [\w-]+:$)", re.MULTILINE)
ENVIRONMENT = re.compile(r"^    environment: (\S+)$", re.MULTILINE)
IDENTITY = r"""\g<0>
    env:
      ACTIONS_ID_TOKEN_REQUEST_URL: ${{ vars.OIDC_URL }}
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: ${{ vars.OIDC_%s }}"""


def for_act(text, home="./", at=""):
    """A workflow or action as act can read it, which knows neither `queue` nor `$/`, its own repository.

    Nor does it know `id-token: write`: the jobs that have it get what the platform gives them, others don't.
    """
    text = "".join(identified(job) if "id-token: write" in job else job for job in JOB.split(text))
    own = re.sub(r"(uses: )\$/(\S+)", rf"\g<1>{home}\g<2>{at}", text)
    return re.sub(r"^ +queue: max\n", "", own, flags=re.M)


def identified(job):
    """A job that is given what lets it say who it is, of its environment."""
    named = ENVIRONMENT.search(job)
    return ENVIRONMENT.sub(IDENTITY % variable(named[1]), job) if named else job


def variable(environment):
    return environment.replace("-", "_").upper()
