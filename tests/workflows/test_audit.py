"""What auditors made by others say of our workflows; `make check` runs this file alone, too."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ftv4.cli import cli
from ftv4.cli.options import Strict
from tests.conftest import ROOT
from tests.workflows import expected
from tests.workflows.tree import Tree

TREE = Tree.of()
BIN = Path(sys.executable).parent
LOCKS = ("requirements.txt", "requirements-dev.txt")


def said(*command):
    """What a program of ours says, as (exit code, both its outputs)."""
    done = subprocess.run([BIN / command[0], *command[1:]], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def audited(folder, *options):
    auditor = ("zizmor", "--offline", "--strict-collection", "--persona=auditor", "--no-config")
    return said(*auditor, *options, "--quiet", "--format=json", str(folder))


def test_zizmor_as_an_auditor_finds_nothing():
    assert audited(ROOT / ".github") == (0, "[]")


def test_zizmor_is_told_to_pass_over_one_thing_that_is_explained():
    code, answer = audited(ROOT / ".github", "--no-ignores")
    found = [
        (one["ident"], Path(one["locations"][0]["symbolic"]["key"]["Local"]["verbatim_path"]).name)
        for one in json.loads(answer)
    ]

    assert (code, found) == (14, [("dangerous-triggers", "verdict.yml")])
    (line,) = [line for line in TREE.texts[".github/workflows/verdict.yml"].splitlines() if "zizmor" in line]
    assert "the change is read as bytes, never checked out" in line


@pytest.mark.parametrize(
    ("path", "old", "new", "audit"),
    [
        (
            ".github/workflows/doctor.yml",
            "persist-credentials: false",
            "persist-credentials: true",
            "artipacked",
        ),
        (
            ".github/workflows/doctor.yml",
            " # to see when reconcile ran last, and how the environments are protected",
            "",
            "undocumented-permissions",
        ),
        (".github/workflows/doctor.yml", "    environment: ftv4-watch\n", "", "secrets-outside-env"),
        (
            ".github/workflows/verdict.yml",
            "          permission-statuses: write\n          permission-pull-requests: write\n",
            "",
            "github-app",
        ),
        (
            ".github/workflows/verdict.yml",
            "ftv4 verdict judge",
            "echo ${{ github.event.x }}",
            "template-injection",
        ),
        (".github/dependabot.yml", "    cooldown:\n      default-days: 7\n", "", "dependabot-cooldown"),
    ],
)
def test_zizmor_would_find_it(tmp_path, path, old, new, audit):
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    text = TREE.texts[path]
    assert old in text
    (tmp_path / path).write_text(text.replace(old, new, 1))
    code, answer = audited(tmp_path / ".github")

    assert code > 0
    assert audit in {one["ident"] for one in json.loads(answer)}


SCHEMAS = {
    "vendor.github-workflows": "workflows",
    "vendor.github-actions": "actions",
    "vendor.dependabot": "dependabot",
}


@pytest.mark.parametrize(("schema", "where"), SCHEMAS.items())
def test_each_file_is_of_the_published_form(schema, where):
    paths = [path for path in TREE.texts if path.startswith(f".github/{where}")]

    assert paths
    assert said("check-jsonschema", "--builtin-schema", schema, *(str(ROOT / path) for path in paths))[0] == 0


def test_a_file_of_another_form_is_seen(tmp_path):
    text = TREE.texts[".github/workflows/doctor.yml"].replace("runs-on:", "run-on:")
    (tmp_path / "doctor.yml").write_text(text)

    assert (
        said("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(tmp_path / "doctor.yml"))[
            0
        ]
        == 1
    )


def test_no_script_has_a_fault_of_the_shell(tmp_path):
    scripts = [step["run"] for _, step in TREE.steps if "run" in step]
    for number, script in enumerate([*scripts, "echo $UNQUOTED"]):
        (tmp_path / f"{number}.sh").write_text(f"{script}\n")
    check = ("shellcheck", "--shell=bash", "--format=json")
    _, answer = said(*check, *map(str, sorted(tmp_path.iterdir())))

    assert {Path(one["file"]).name for one in json.loads(answer)} == {f"{len(scripts)}.sh"}


# the form that a person fills in, beside the command that gets it

COMMANDS = {"finetune": ("ft", "stage"), "promote": ("promote",), "rollback": ("rollback",)}


def options_of(words):
    command, context = cli, click.Context(cli)
    for word in words:
        command = command.get_command(context, word)
    return {option.name: option for option in command.params if isinstance(option, click.Option)}


def kind_of(option):
    if isinstance(option.type, Strict):
        return "boolean"
    if isinstance(option.type, click.Choice):
        return "choice"
    numeric = isinstance(option.type, click.IntRange) or "number" in option.type.name
    return "number" if numeric else "string"


@pytest.mark.parametrize(("workflow", "words"), COMMANDS.items())
def test_an_input_is_an_option_with_the_same_type_and_default(workflow, words):
    options = options_of(words)
    for name, told in expected.INPUTS[workflow].items():
        option = options[name]
        default = option.to_info_dict()["default"]
        said = str(default).lower() if isinstance(default, bool) else default or ""

        assert (name, told["type"]) == (name, kind_of(option))
        assert (name, told.get("options", [])) == (name, list(getattr(option.type, "choices", [])))
        assert (name, "required" in told) == (name, option.required)
        assert option.required or (name, told.get("default", "")) == (name, said)


def test_every_option_that_decides_a_fine_tune_is_on_its_form():
    beside = {"follow", "poll_interval", "poll_timeout", "form", "summary", "ledger", "help", "run_key"}

    assert set(options_of(("ft", "stage"))) - beside == set(expected.INPUTS["finetune"])


# what is installed


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_a_hash_for_every_package_and_names_no_registry(name):
    lines = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
    packages = [line.split() for line in lines if line.strip()]

    assert len(packages) > 20
    for package, *rest in packages:
        hashes = [word for word in rest if re.fullmatch("--hash=sha256:[0-9a-f]{64}", word)]
        condition = rest[: len(rest) - len(hashes)]
        assert re.fullmatch(r"[a-z0-9-]+==[a-z0-9.]+", package)
        assert hashes == rest[len(condition) :] != []
        assert condition[:1] in ([], [";"])


def test_make_installs_by_hashes_too():
    """What ci.yml installs: the locks, and ours without any other package."""
    made = (ROOT / "Makefile").read_text().splitlines()
    installs = [line.split(" install ")[1].split() for line in made if "pip install" in line]

    assert len(installs) == 3
    for words in installs:
        locked = "--require-hashes" in words and words[-1] in LOCKS
        assert locked or {"--no-deps", "--no-build-isolation", "-e", "."} <= set(words)
