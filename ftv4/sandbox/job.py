"""One job of a workflow of main's: what it runs, and what a runner lays out for it.

Workflows are read line by line, as ours are written: a job's name stands two spaces in, and one of its
steps runs ftv4, on one line.
"""

import json
import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from ftv4.errors import Ftv4Error, ServiceError, UsageError

MAIN = "refs/heads/main"
REPOSITORY_ID = 1
"""What the forge calls its repository."""
ACTOR = "ada"
SECONDS = 30
_JOB = re.compile(r"^  ([\w-]+):$", re.MULTILINE)
_RUN = re.compile(r"^ +run: ftv4 (.+)$", re.MULTILINE)
_ENVIRONMENT = re.compile(r"^    environment: (\S+)$", re.MULTILINE)
_IDENTITY = re.compile(r"^      id-token: write\b", re.MULTILINE)
_SAID = re.compile(r"^ +([A-Z][A-Z0-9_]+): ([\w.-]+)$", re.MULTILINE)
_HANDED = re.compile(r"^ +(\w+): \$\{\{ needs\.([\w-]+)\.outputs\.([\w-]+) \}\}$", re.MULTILINE)


@dataclass(frozen=True)
class Job:
    """One job's folder, below that of the sandbox. What it left is gone when it starts again."""

    workflows: Path
    workflow: str
    name: str

    @property
    def folder(self) -> Path:
        """Where all of it lies."""
        return self.workflows / self.workflow / self.name

    @property
    def checkout(self) -> Path:
        """Where main is checked out."""
        return self.folder / "checkout"

    @property
    def summary(self) -> str:
        """What it wrote for its page."""
        return (self.folder / "summary.md").read_text()

    def start(self, inputs: Mapping[str, str], repository: str) -> dict[str, str]:
        """Lay the folder out, for a form filled in so; the job's variables. Raises Ftv4Error."""
        about = {"id": REPOSITORY_ID, "full_name": repository, "default_branch": "main"}
        event = {"ref": MAIN, "repository": about, "inputs": dict(inputs)}
        files = {name: self.folder / name for name in ("event.json", "output", "summary.md")}
        try:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.checkout.mkdir(parents=True)
            for file in files.values():
                file.touch()
            files["event.json"].write_text(json.dumps(event))
        except OSError as error:
            raise Ftv4Error(f"{self.folder}: no place for a job: {error.strerror}") from None
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": ACTOR,
            "GITHUB_EVENT_NAME": "workflow_dispatch",
            "GITHUB_EVENT_PATH": str(files["event.json"].resolve()),
            "GITHUB_OUTPUT": str(files["output"].resolve()),
            "GITHUB_REF": MAIN,
            "GITHUB_REPOSITORY_ID": str(REPOSITORY_ID),
            "GITHUB_STEP_SUMMARY": str(files["summary.md"].resolve()),
            "GITHUB_WORKFLOW_REF": f"{repository}/.github/workflows/{self.workflow}.yml@{MAIN}",
        }

    def command(self) -> list[str]:
        """The arguments of the ftv4 that the job runs; variables in them are outputs of other jobs."""
        words, handed = shlex.split(_RUN.findall(self._text())[0]), self.handed()
        return [Template(word).safe_substitute(handed) for word in words]

    def handed(self) -> dict[str, str]:
        """Variables that the workflow says, or that are outputs of its other jobs, as they last ran."""
        outputs = {name: self._output(job, of) for name, job, of in _HANDED.findall(self._text())}
        return dict(_SAID.findall(self._text())) | outputs

    def identity(self, forge: str) -> dict[str, str]:
        """What lets the job say who it is, empty where it has no `id-token: write`. Raises ServiceError."""
        if not _IDENTITY.search(self._text()):
            return dict.fromkeys(("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"), "")
        environment = _ENVIRONMENT.search(self._text())
        told = _told(forge, "oidc", {"environment": environment[1] if environment else None})
        return {name: str(value) for name, value in told.items()}

    def _text(self) -> str:
        """The job in the checkout's workflow. Raises UsageError where main has no such job."""
        file = self.checkout / ".github" / "workflows" / f"{self.workflow}.yml"
        if not file.is_file():
            there = sorted(path.stem for path in file.parent.glob("*.yml"))
            raise UsageError(
                f"main has no workflow {self.workflow}", hint=f"it has {', '.join(there) or 'none'}"
            )
        _, *parts = _JOB.split(file.read_text().partition("\njobs:\n")[2])
        jobs = {name: text for name, text in zip(parts[::2], parts[1::2], strict=True) if _RUN.search(text)}
        if self.name not in jobs:
            hint = f"it has {', '.join(jobs) or 'none'}"
            raise UsageError(f"{self.workflow} has no job {self.name} that runs ftv4", hint=hint)
        return jobs[self.name]

    def _output(self, job: str, name: str) -> str:
        file = self.workflows / self.workflow / job / "output"
        lines = file.read_text().splitlines() if file.is_file() else []
        return dict(line.split("=", 1) for line in lines).get(name, "")


def record(forge: str, **run: str | int | None) -> int:
    """Tell the forge of a run: a new one, or by its `id` how it ended; its id. Raises ServiceError."""
    return int(_told(forge, "runs", run)["id"])


def _told(forge: str, what: str, facts: Mapping[str, str | int | None]) -> Any:
    asked = Request(f"{forge}/_sandbox/{what}", json.dumps(facts).encode(), method="POST")
    try:
        with urlopen(asked, timeout=SECONDS) as answer:
            return json.load(answer)
    except (URLError, TimeoutError) as error:
        raise ServiceError(f"{forge}: the sandbox doesn't answer: {error}") from None
