"""A team's repository, laid out by `ftv4 init`, whose workflows take ftv4 from another one."""

import shutil

import pytest

from tests.conftest import ROOT
from tests.forge_sandbox import Checkout
from tests.workflows.driver import for_act
from tests.workflows.platform import DATASET
from tests.workflows.test_gate_preview import ROWS
from tests.workflows.test_verdict import BAD, said

HOME, COMMIT = "acme/ftv4", "a" * 40


@pytest.fixture
def team(platform, ftv4, tmp_path):
    """The forge holds what init wrote, and one dataset; ftv4's actions are at HOME."""
    folder = tmp_path / "team"
    assert ftv4("init", folder, "--ftv4", f"{HOME}@{COMMIT}").code == 0
    shutil.copytree(ROOT / ".github/actions", tmp_path / "home/.github/actions")
    for path in (*folder.rglob(".github/workflows/*.yml"), *(tmp_path / "home").rglob("*.yml")):
        ours = path.is_relative_to(folder)
        text = path.read_text()
        path.write_text(for_act(text) if ours else for_act(text, f"{HOME}/", f"@{COMMIT}"))
    platform.actions[f"{HOME}@{COMMIT}"] = tmp_path / "home"
    (folder / DATASET).write_bytes(b"".join(ROWS))
    person = Checkout(folder, "main", "Ada")
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "Lay out"]):
        person.run(*command)
    person.run("push", "-q", "--force", str(platform.forge.git), "HEAD:main")
    return platform


def test_its_changes_are_previewed_and_judged_by_ftv4_from_there(team):
    pull = team.propose({DATASET: BAD}, login="mallory")
    preview, verdict = team.pull_request(pull), team.previewed(pull.head.sha)
    statuses, comments = said(team, pull)

    assert preview.jobs == {"gate preview": "failure"}
    assert preview.summaries["gate preview"].startswith("## Dataset gate: refused")
    assert verdict.jobs == {"judge": "success", "report": "success"}
    assert ([state for _, _, state in statuses], len(comments)) == (["failure"], 1)
    locked, ours = preview.installed
    assert locked.endswith(f"{COMMIT}/.github/actions/setup/../../../requirements.txt")
    assert ours.endswith(f"{COMMIT}/.github/actions/setup/../../..")
