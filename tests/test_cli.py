"""The command line as a whole: help, errors, exit codes, and what start-up costs."""

import subprocess
import sys
from dataclasses import fields

import click
import pytest

from ftv4.cli import COMMANDS, cli, run
from ftv4.cli.options import TEXT, Strict
from ftv4.steps.runpacks import Plan
from ftv4.steps.ship import Order
from tests.conftest import ROOT

HEAVY = ["openai", "github", "pydantic", "jinja2", "rich", "starlette", "scipy", "toktok_rs"]


def commands(group=cli, path=()):
    context = click.Context(cli)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = dict(commands())


@pytest.mark.parametrize("command", ALL.values(), ids=[" ".join(path) for path in ALL])
def test_E2_every_command_and_option_has_help(command):
    assert command.help
    assert [p.name for p in command.params if isinstance(p, click.Option) and not p.help] == []


@pytest.mark.parametrize("name", ["notes", "note", "reason", "reviewer", "client_id"])
def test_what_people_write_is_text_that_a_file_can_hold(name):
    options = [p for command in ALL.values() for p in command.params if p.name == name]

    assert options
    assert all(getattr(option.type, "func", None) is TEXT for option in options)


@pytest.mark.parametrize(("command", "order"), [(("synth", "ship"), Order), (("synth", "runpacks"), Plan)])
def test_defaults_are_those_of_the_step(command, order):
    own = {field.name: field.default for field in fields(order)}
    said = {p.name: p.to_info_dict().get("default") for p in ALL[command].params if p.name in own}
    said = {name: default for name, default in said.items() if default is not None}
    said["packs_dir"] = tuple(said["packs_dir"].split(","))

    assert said == {name: own[name] for name in said}


def test_help_lists_the_journey_in_order(ftv4, golden):
    golden("help.txt", ftv4("--help").out)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_the_list_is_the_command(name):
    assert cli.get_command(click.Context(cli), name).name == name


def test_help_imports_nothing_heavy():
    code = f"import sys, ftv4.cli as c; c.run(['--help']); print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.endswith("[]\n")


def test_E2_an_unknown_flag_is_refused(ftv4):
    done = ftv4("gate", "x.jsonl", "--polcy", "p")

    assert done.code == 2
    assert "No such option" in done.err


NEEDING = {
    " ".join(path): [p.opts[0] for p in command.params if isinstance(p, click.Option) and p.required]
    for path, command in ALL.items()
}


@pytest.mark.parametrize(
    ("path", "option"), [(path, option) for path, options in NEEDING.items() for option in options]
)
def test_an_option_that_the_help_requires_is_asked_for(ftv4, repository, path, option):
    given = [f"{other}=x" for other in NEEDING[path] if other not in (option, "--stage", "--side")]
    choices = {"--stage": "quant_signals", "--side": "output"}
    given += [f"{name}={choices[name]}" for name in NEEDING[path] if name in choices and name != option]
    done = ftv4(*path.split(" "), *given)

    assert (done.code, done.out) == (2, "")
    assert f"Missing option '{option}'" in done.err
    assert "\\u0009" not in done.err


def test_the_stage_is_required_wherever_it_has_no_default():
    stages = [p for command in ALL.values() for p in command.params if p.name == "stage"]

    assert any(p.required for p in stages)
    assert "--stage" in NEEDING["contracts schema"]


@pytest.mark.parametrize("word", ["ture", "yess", "", "2", "None"])
def test_E1_a_misspelled_boolean_is_refused(ftv4, repository, word):
    done = ftv4("ops", "clean", f"--dry_run={word}")

    assert done.code == 2
    assert "neither true nor false" in done.err


@pytest.mark.parametrize("word", sorted(Strict.yes | Strict.no))
def test_the_node_tools_ten_spellings_of_a_boolean_are_read(word):
    assert Strict().convert(word.upper(), None, None) is (word in Strict.yes)


def test_both_spellings_of_a_flag_are_one(ftv4, repository):
    assert ftv4("ops", "clean", "--dry_run=true", "--keep_days=3").code == 0
    assert ftv4("ops", "clean", "--dry-run", "--keep-days", "3").code == 0


def test_E4_flags_do_not_come_from_the_environment(ftv4, repository, monkeypatch):
    monkeypatch.setenv("npm_config_dry_run", "ture")
    monkeypatch.setenv("npm_config_keep_days", "abc")

    assert ftv4("ops", "clean").code == 0


@pytest.mark.parametrize("stage", ["toString", "constructor", "__proto__", "synthesis", "../x"])
def test_E5_an_unknown_stage_is_refused_by_name(ftv4, repository, stage):
    done = ftv4("contracts", "schema", "--stage", stage, "--side", "input")

    assert done.code == 2
    assert "synthesis" in done.err


def test_an_unforeseen_error_shows_no_traceback(monkeypatch, capsys):
    def broken(*_, **__):
        raise RuntimeError("boom")

    monkeypatch.setattr(cli, "main", broken)

    assert run([]) == 1
    assert capsys.readouterr().err.startswith("error: unexpected: RuntimeError: boom\nhint: ")


def test_ctrl_c_exits_130_without_a_traceback(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", interrupted)

    assert run([]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_reader_that_leaves_early_is_no_error():
    command = f"{sys.executable} -m ftv4 --help | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT)

    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_leaves_in_the_middle_ends_us_as_a_shell_expects():
    schema = f"{sys.executable} -m ftv4 contracts schema --stage blue_ocean --side output"
    command = f"{schema} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT)

    assert (done.returncode, done.stderr) == (141, "")


def test_a_full_disk_behind_stdout_is_said_in_one_line():
    command = f"{sys.executable} -m ftv4 contracts schema --stage blue_ocean --side output >/dev/full"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT)

    assert done.returncode == 1
    assert done.stderr.startswith("error: this machine refuses: no space left on device")
    assert "Traceback" not in done.stderr


def test_E3_a_value_may_hold_equals_signs(ftv4, repository):
    done = ftv4("contracts", "validate", "--stage", "blue_ocean", "--side", "output", "a=b=c.jsonl")

    assert "a=b=c.jsonl" in done.err


NODE_FLAGS = {
    "ft stage": "stage suffix dataset base_model dry_run n_epochs learning_rate_multiplier seed "
    "approved_only min_rows notes",
    "datasets build": "workspace_id days limit out_dir review_dir approved_only approved stages stage",
    "curate": "workspace_id days limit out_dir out_file stages stage",
    "evals run": "mode stage fixture",
    "promote": "stage model dataset dry_run notes force approved_only base_model",
    "card build": "stage model base_model dataset run_manifest notes promotion_status promotion_report "
    "eval_summary eval_passed",
    "synth packs": "out_dir industries packs_per_industry seed window_days anchor_date",
    "synth runpacks": "packs_dir iterations minimum_runs client_id industry seed output_dir "
    "include_data_packs industry_mix min_industries ensure_diversity",
    "synth ship": "dry_run days base_model suffix auto_promote approved_only skip_runpacks packs_dir "
    "iterations target_runs client_id industry seed dataset min_rows force notes poll_job "
    "poll_interval_seconds poll_timeout_minutes live_min_rows max_homogeneity_share industry_mix "
    "min_industries ensure_diversity",
    "ops ft-doctor": "list limit job_id events json dry_run",
    "ops clean": "all dry_run keep_days",
}


@pytest.mark.parametrize("name", NODE_FLAGS)
def test_a_command_has_every_flag_of_its_node_script(name):
    flags = {flag.lstrip("-") for option in ALL[tuple(name.split())].params for flag in option.opts}

    assert {flag.replace("_", "-") for flag in NODE_FLAGS[name].split()} <= {
        f.replace("_", "-") for f in flags
    }
