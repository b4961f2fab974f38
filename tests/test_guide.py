"""docs/operate.md, followed to the letter with the sandbox in GitHub's place; and what it has to name."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

GUIDE = ROOT / "docs/operate.md"
TEXT = GUIDE.read_text()
PROVIDERS = json.loads((ROOT / "config/providers.json").read_text())["providers"]
SETTINGS = (ROOT / "docs/settings.md").read_text()
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECOND = """
(cd "$CLONE" && exec {} --provider-port 0 --forge-port 0) > "$TERMINAL" 2>&1 &
trap "kill $!" EXIT
until grep -q Ctrl-C "$TERMINAL"; do kill -0 $!; sleep 0.05; done
eval "$(grep ^export "$TERMINAL")"
"""
DONE = "--- and the next block"
SECONDS = 300
LARGEST_PICTURE = 250_000
SAID = {"check": True, "capture_output": True, "text": True}


def blocks():
    """What is pasted into the first terminal, in order, each with what the guide says it prints.

    A block for the second terminal becomes what a person does: start it there, paste its exports here.
    """
    found = []
    for language, note, text in BLOCK.findall(TEXT):
        if language == "sh":
            found.append([SECOND.format(text.strip()) if "second terminal" in note else text, ""])
        elif language == "text":
            found[-1][1] = text
    return found


def pattern(shown):
    """What a block shows as an expression: `…` is anything, and any lines where it stands alone."""
    lines = ["(?:.*\n)*?" if line == "…" else _line(line) for line in shown.splitlines()]
    return re.compile("^" + "".join(lines), re.MULTILINE)


def _line(line):
    return re.escape(line).replace("…", ".*") + "\n"


@pytest.fixture
def clone(tmp_path):
    """A clone of ftv4 as `make demo` leaves it: the command is in .venv/bin."""
    folder = tmp_path / "ftv4"
    command = folder / ".venv/bin/ftv4"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m ftv4 "$@"\n')
    command.chmod(0o755)
    for name in ("evals", "train/datasets"):
        shutil.copytree(ROOT / name, folder / name)
    git = ["git", "-C", folder, "-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "ftv4"]):
        subprocess.run([*git, *words], check=True)
    return folder


@pytest.fixture
def followed(clone):
    """Every block pasted into one shell; what each of them printed, beside what the guide shows."""
    found = blocks()
    script = "set -eu -o pipefail\n" + "".join(f"{text}\necho '{DONE}'\n" for text, _ in found)
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "OPENAI_"))}
    shell = subprocess.run(
        ["bash", "-c", script], cwd=clone, env=ours | {"TERMINAL": str(clone.parent / "terminal")},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=SECONDS, check=False,
    )  # fmt: skip
    assert shell.returncode == 0, shell.stdout
    *said, _ = shell.stdout.split(f"{DONE}\n")
    return list(zip(said, (shown for _, shown in found), strict=True))


def test_who_follows_the_guide_alone_gets_a_merged_promotion(clone, followed):
    for printed, shown in followed:
        assert pattern(shown).search(printed), f"the guide says\n{shown}\nand it printed\n{printed}"

    main = ["git", "-C", clone.parent / "models/.sandbox/forge/models.git"]
    log = subprocess.run([*main, "log", "--format=%s", "--first-parent", "main"], **SAID).stdout
    models = subprocess.run([*main, "show", "main:config/intelligence_v4.models.json"], **SAID).stdout
    pinned = json.loads(models)["stages"]["synthesis_decision"]["model_id"]

    assert log.startswith("Merge pull request #2 from sandbox/ftv4/promote/")
    assert pinned.startswith("sandbox:ft:gpt-4.1-mini-2025-04-14:ftv4-sandbox:first:")


def test_a_folder_that_is_in_the_way_stops_it_before_it_touches_the_clone(clone):
    """Each line is pasted all the same, up to the first push."""
    models, there = clone.parent / "models", clone.parent / "origin.git"
    models.mkdir()
    git = ["git", "-C", clone]
    subprocess.run(["git", "init", "--quiet", "--bare", there], check=True)
    subprocess.run([*git, "remote", "add", "origin", there], check=True)
    before = subprocess.run([*git, "for-each-ref"], **SAID).stdout
    pasted = [text for text, _ in blocks() if "--provider-port" not in text]
    first = next(text for text in pasted if "git push" in text)
    script = "\n".join(pasted[: pasted.index(first) + 1])
    shell = subprocess.run(["bash", "-c", script], cwd=clone, capture_output=True, text=True, check=False)

    assert "stop here: move ../models away" in shell.stdout
    assert subprocess.run([*git, "for-each-ref"], **SAID).stdout == before
    assert subprocess.run(["git", "-C", there, "for-each-ref"], **SAID).stdout == ""
    assert not (clone / "config").exists()
    assert list(models.iterdir()) == []


# what it names


def test_every_name_that_workflows_use_stands_in_the_guide():
    workflows = {path.stem: path.read_text() for path in (ROOT / ".github/workflows").glob("*.yml")}
    names = set(workflows)
    for text in workflows.values():
        names |= set(re.findall(r"(?:secrets|vars)\.(\w+)", text))
        names |= set(re.findall(r"^ +environment: (\S+)$", text, re.MULTILINE))
        names |= set(re.findall(r"^      (\w+):\n        description:.*\n        type:", text, re.MULTILINE))

    assert {"ftv4-paid", "FTV4_APP_ID", "OPENAI_API_KEY", "dry_run", "pr"} <= names
    assert {name for name in names if f"`{name}`" not in TEXT} == set()


def test_every_key_that_a_job_reads_is_told_for_its_environment():
    """A job of an environment without its key ends with exit code 2, which nothing but the guide prevents."""
    told = {
        name: set(re.findall(r"`([A-Z0-9_]+)`", row))
        for name, row in re.findall(r"^\| `(ftv4-\w+)` (.*)$", SETTINGS, re.MULTILINE)
    }
    read = {name: set() for name in told}
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        for job in re.split(r"^  (?=\w+:$)", path.read_text(), flags=re.MULTILINE):
            for name in re.findall(r"^    environment: (\S+)$", job, re.MULTILINE):
                read[name] |= set(re.findall(r"secrets\.(\w+)", job))

    assert read["ftv4-paid"]
    assert {name: keys - told[name] for name, keys in read.items()} == {name: set() for name in told}


def test_every_variable_that_the_code_reads_stands_in_the_guide():
    code = "".join(path.read_text() for path in (ROOT / "ftv4").rglob("*.py"))
    names = set(re.findall(r'"((?:FTV4|GITHUB|OPENAI)_[A-Z_]+)"', code))
    names |= {row[key] for row in PROVIDERS.values() for key in ("api_key_env", "base_url_env") if key in row}

    assert "FTV4_NOW" in names
    assert {name for name in names if f"`{name}`" not in TEXT} == set()


def test_every_setting_that_the_doctor_asks_for_is_told():
    from ftv4.contracts.policy import Caps, PromotionPolicy
    from ftv4.steps.settings import ENVIRONMENTS
    from ftv4.steps.settings_report import QUESTIONS

    rulesets = {path.name for path in (ROOT / "templates/init/dot-github/rulesets").iterdir()}
    limits = {f"caps.{name}" for name in Caps.model_fields}
    limits |= {f"promotion.{name}" for name in PromotionPolicy.model_fields}

    assert {name for name, _, _ in QUESTIONS if f"`{name}`" not in SETTINGS} == set()
    assert {name for name in limits | set(ENVIRONMENTS) if f"`{name}`" not in TEXT} == set()
    assert {name for name in rulesets if f".github/rulesets/{name}`" not in TEXT} == set()


def test_what_the_sandbox_runs_of_workflows_is_all_that_they_run():
    """Each job of the journey is in the guide; of those left out it says why."""
    ran = set(re.findall(r"ftv4 sandbox job ([a-z]+ [a-z]+)", TEXT))
    jobs = {
        f"{path.stem} {name}"
        for path in (ROOT / ".github/workflows").glob("*.yml")
        for name, text in re.findall(
            r"^  (\w+):\n(    name:.*?)(?=^  \w|\Z)", path.read_text(), re.MULTILINE | re.DOTALL
        )
        if "run: ftv4 " in text
    }

    assert jobs - ran == {"doctor doctor", "promote named"}
    assert ran <= jobs


# what it shows


def test_its_pictures_are_there_and_small_and_shown():
    shown = set(re.findall(r"!\[[^\]]+\]\((pictures/[\w-]+\.png)\)", TEXT))
    there = {path.relative_to(GUIDE.parent).as_posix(): path for path in GUIDE.parent.glob("pictures/*")}

    assert shown == set(there)
    assert len(shown) >= 3
    for path in there.values():
        picture = path.read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) < LARGEST_PICTURE


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)]+)\)", TEXT))))
def test_its_links_lead_somewhere(link):
    path, _, place = link.partition("#")
    target = GUIDE.parent / path if path else GUIDE

    assert target.exists()
    headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE) if place else []
    slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert not place or place in slugs


def test_its_workflow_for_another_repository_is_one():
    import yaml

    (text,) = (text for language, _, text in BLOCK.findall(TEXT) if language == "yaml")
    workflow = yaml.safe_load(text.replace("COMMIT", "a" * 40))
    checkout, gate = workflow["jobs"]["gate"]["steps"]
    inputs = yaml.safe_load((ROOT / ".github/actions/gate/action.yml").read_text())["inputs"]

    assert checkout["uses"] in (ROOT / ".github/workflows/gate-preview.yml").read_text()
    assert set(gate["with"]) == set(inputs)
