"""`ftv4 init`: a fresh repository, all of it or nothing."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ftv4.documents import Repository
from ftv4.errors import Ftv4Error
from ftv4.steps.init import Choices, lay_out, layout
from tests.conftest import ROOT

SOURCE = f"acme/ftv4@{'a' * 40}"


@pytest.fixture
def init(ftv4, tmp_path, monkeypatch):
    """`init("--force", …)` in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*flags, source=SOURCE):
        named = ["--ftv4", source] if source else []
        return ftv4("init", "fresh", *named, *flags)

    call.folder = tmp_path / "fresh"
    return call


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def git(folder, *arguments):
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True)


def test_a_fresh_repository_has_config_workflows_rulesets_and_templates(init):
    done = init("--owners", "@ada,@acme/ml", "--app-id", "77")
    made = files(init.folder)

    assert done.code == 0
    assert {"config/intelligence_v4.models.json", "config/waivers.json", "README.md"} <= made.keys()
    assert b"train_openai.jsonl" in made["train/finetune_runs/.gitignore"]
    assert {"train/datasets/.gitkeep", "evals/cases/.gitkeep", ".github/dependabot.yml"} <= made.keys()
    assert b"/config/ @ada @acme/ml\n" in made[".github/CODEOWNERS"]
    assert b"github.com/acme/ftv4" in made["README.md"]
    assert b"cooldown" in made[".github/dependabot.yml"]


def test_every_workflow_but_our_own_tests_comes_along_with_its_actions_pinned(init):
    init()
    ours = {path.name for path in (ROOT / ".github/workflows").glob("*.yml")} - {"ci.yml"}
    made = {path.name: path.read_text() for path in (init.folder / ".github/workflows").iterdir()}

    assert set(made) == ours
    for text in made.values():
        assert "./.github/actions" not in text
        assert "$/.github/actions" not in text
    assert f"uses: acme/ftv4/.github/actions/setup@{'a' * 40} # v" in made["finetune.yml"]


def test_the_ruleset_asks_for_the_verdict_from_one_source(init):
    """Threat 7: each status that main needs names the App it must come from."""
    for flags, source in (((), 15368), (("--app-id", "77", "--force"), 77)):
        init(*flags)
        ruleset = json.loads((init.folder / ".github/rulesets/main.json").read_bytes())
        rules = {rule["type"]: rule.get("parameters") for rule in ruleset["rules"]}

        assert rules["required_status_checks"]["required_status_checks"] == [
            {"context": "ftv4/verdict", "integration_id": source}
        ]
        assert {"deletion", "non_fast_forward", "pull_request"} <= rules.keys()
        assert ruleset["bypass_actors"] == []


def test_with_an_app_a_second_ruleset_lets_nobody_else_write_the_ledger(init):
    """Threat 13: and the first one, which nobody bypasses, keeps the App from rewriting it."""
    init("--app-id", "77")
    folder = init.folder / ".github/rulesets"
    kept, written = (
        json.loads((folder / f"{name}.json").read_bytes()) for name in ("ledger", "ledger-writers")
    )

    assert {rule["type"] for rule in written["rules"]} == {"creation", "update"}
    assert written["bypass_actors"] == [
        {"actor_id": 77, "actor_type": "Integration", "bypass_mode": "always"}
    ]
    assert {rule["type"] for rule in kept["rules"]} == {"deletion", "non_fast_forward"}
    assert kept["bypass_actors"] == []
    assert written["conditions"] == kept["conditions"]
    assert written["name"] != kept["name"]
    assert {written["target"], written["enforcement"]} == {"branch", "active"}


def test_without_an_app_nobody_is_kept_from_the_ledger(init):
    """A ruleset can't let the job's own token pass."""
    init()

    assert {path.name for path in (init.folder / ".github/rulesets").iterdir()} == {
        "main.json",
        "ledger.json",
    }


def test_what_is_there_already_stays_and_a_second_run_writes_nothing(init):
    init()
    before = files(init.folder)

    done = init("--format", "json")

    assert done.code == 0
    assert json.loads(done.out)["written"] == []
    assert set(json.loads(done.out)["unchanged"]) == before.keys()
    assert files(init.folder) == before


def test_files_that_say_something_else_are_all_named_and_nothing_is_written(init):
    init.folder.mkdir()
    (init.folder / "README.md").write_text("mine\n")
    (init.folder / "config").mkdir()
    (init.folder / "config" / "waivers.json").write_text("{}\n")

    done = init()

    assert done.code == 4
    assert "README.md" in done.err
    assert "config/waivers.json" in done.err
    assert set(files(init.folder)) == {"README.md", "config/waivers.json"}
    assert init("--force").code == 0
    assert (init.folder / "README.md").read_text() != "mine\n"


@pytest.mark.parametrize("place", ["README.md", ".github/rulesets/main.json"])
def test_a_disk_that_refuses_midway_leaves_everything_as_it_was(tmp_path, monkeypatch, place):
    (tmp_path / "README.md").write_text("mine\n")
    write = Repository.write

    def full(self, path, content):
        if path == place and content != b"mine\n":
            raise Ftv4Error("no space left")
        return write(self, path, content)

    monkeypatch.setattr(Repository, "write", full)
    with pytest.raises(Ftv4Error, match="no space"):
        lay_out(Repository(tmp_path), layout(Choices(SOURCE)), force=True)
    assert files(tmp_path) == {"README.md": b"mine\n"}


def test_nothing_is_written_through_a_link_that_leads_out(init, tmp_path):
    init.folder.mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (init.folder / "config").symlink_to(outside)

    done = init("--force")

    assert done.code == 3
    assert list(outside.iterdir()) == []
    assert files(init.folder) == {}


@pytest.mark.parametrize(
    "flags",
    [
        ("--ftv4", "acme/ftv4@v1"),
        ("--ftv4", f"acme/ftv4@{'a' * 40} # x"),
        ("--ftv4", f"acme/../x@{'a' * 40}"),
        ("--ftv4", SOURCE, "--owners", "ada"),
        ("--ftv4", SOURCE, "--owners", "@ada\n* @mallory"),
        ("--ftv4", SOURCE, "--app-id", "0"),
        ("--ftv4", SOURCE, "--force=perhaps"),
    ],
)
def test_what_would_end_up_in_a_workflow_or_in_codeowners_has_a_form(ftv4, tmp_path, flags):
    assert ftv4("init", tmp_path / "fresh", *flags).code == 2
    assert not (tmp_path / "fresh").exists()


def test_the_source_is_where_pip_installed_from_else_it_must_be_said(init, monkeypatch):
    from importlib import metadata

    class Installed:
        told = json.dumps({"url": "https://h.example/acme/ftv4.git", "vcs_info": {"commit_id": "b" * 40}})

        def read_text(self, name):
            return self.told

    monkeypatch.setattr(metadata, "distribution", lambda name: Installed())
    assert init(source=None).code == 0
    assert (
        f"acme/ftv4/.github/actions/setup@{'b' * 40}"
        in (init.folder / ".github/workflows/doctor.yml").read_text()
    )
    Installed.told = None
    assert init(source=None).code == 2


def test_the_gate_and_the_status_take_what_init_made(init, ftv4):
    init()
    git(init.folder.parent, "init", "-q", "-b", "main", "fresh")
    git(init.folder, "commit", "-q", "--allow-empty", "-m", "none")
    git(init.folder, "add", "-A")
    git(init.folder, "commit", "-q", "-m", "start")

    assert ftv4("--repo", init.folder, "ops", "status").code == 0
    assert ftv4("--repo", init.folder, "gate", "--base", "HEAD~1").code == 0


def tool(name):
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    return found or pytest.skip(f"{name} is not installed")


def test_auditors_of_workflows_and_schemas_have_nothing_to_say(init):
    """Threat 18 and the others that zizmor sees, in a repository that takes ftv4 from elsewhere."""
    init()
    github = init.folder / ".github"
    audit = ["--offline", "--strict-collection", "--persona", "auditor", "--no-progress", github]
    assert subprocess.run([tool("zizmor"), *audit], capture_output=True).returncode == 0
    check = tool("check-jsonschema")
    for schema, found in (
        ("vendor.github-workflows", sorted((github / "workflows").iterdir())),
        ("vendor.dependabot", [github / "dependabot.yml"]),
        ("vendor.github-issue-forms", [github / "ISSUE_TEMPLATE" / "wrong-answer.yml"]),
        ("vendor.github-issue-forms", [github / "ISSUE_TEMPLATE" / "fine-tune.yml"]),
    ):
        done = subprocess.run([check, "--builtin-schema", schema, *found], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_a_wheel_carries_all_that_init_writes(tmp_path, monkeypatch):
    import zipfile

    from ftv4.steps import init

    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "installed")
    ours = layout(Choices(SOURCE))
    monkeypatch.setattr(init, "shipped", lambda path: tmp_path / "installed" / "ftv4" / "defaults" / path)

    assert layout(Choices(SOURCE)) == ours
