"""What the platform tells a job of a workflow: variables, and files to read and to write."""

import json

REPOSITORY, REPOSITORY_ID = "sandbox/models", 4711
MAIN = "refs/heads/main"


class WorkflowRun:
    """One step of a run of the default branch's workflow, until a test says otherwise."""

    def __init__(self, folder, setenv):
        self._setenv = setenv
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.summary, self.output = folder / "summary.md", folder / "output"
        self.set(
            GITHUB_ACTIONS="true",
            GITHUB_SERVER_URL="https://forge.example",
            GITHUB_REPOSITORY=REPOSITORY,
            GITHUB_REPOSITORY_ID=REPOSITORY_ID,
            GITHUB_RUN_ID=99,
            GITHUB_REF=MAIN,
            GITHUB_WORKFLOW_REF=f"{REPOSITORY}/.github/workflows/some.yml@{MAIN}",
            GITHUB_STEP_SUMMARY=self.summary,
            GITHUB_OUTPUT=self.output,
        )

    def set(self, **variables):
        for name, value in variables.items():
            self._setenv(name, str(value))

    def by(self, kind, **event):
        """Start it by an event of a kind; a member that is None is left out."""
        about = {"id": REPOSITORY_ID, "full_name": REPOSITORY, "default_branch": "main"}
        told = {"repository": about, **event}
        text = json.dumps({name: value for name, value in told.items() if value is not None})
        path = self.folder / "event.json"
        path.write_text(text)
        self.set(GITHUB_EVENT_NAME=kind, GITHUB_EVENT_PATH=path)
        return self

    def dispatched(self, **inputs):
        """Start it by somebody who filled in the form."""
        return self.by("workflow_dispatch", ref=MAIN, inputs=inputs)
