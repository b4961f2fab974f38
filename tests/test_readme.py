"""The README names what there is, all of it, and nothing else."""

import re
import shlex

import click
import pytest

from ftv4.cli import COMMANDS, cli
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text("utf-8")
SHOWN = sorted(
    {line.removeprefix("$ ") for line in README.splitlines() if line.startswith("$ ftv4 ")}
    | set(re.findall(r"`(ftv4 [^`]+)`", README))
)


@pytest.mark.parametrize("line", SHOWN)
def test_a_command_that_is_named_is_there_with_its_options(line):
    command = cli
    words = shlex.split(line)[1:]
    context = click.Context(cli)
    while words and isinstance(command, click.Group) and (found := command.get_command(context, words[0])):
        command = found
        words.pop(0)

    assert command is not cli or words[0].startswith("--")
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_named(command):
    assert re.search(rf"ftv4 {command}\b", README)


def test_every_workflow_is_named_and_every_link_leads_somewhere():
    workflows = {path.stem for path in (ROOT / ".github" / "workflows").glob("*.yml")}
    table = README.split("| workflow |")[1].split("\n\n")[0]

    assert set(re.findall(r"`([a-z-]+)`", table.replace("`ftv4/verdict`", ""))) == workflows
    links = [link for link in re.findall(r"\]\(([^)#]+)", README) if "://" not in link]
    assert [link for link in links if not (ROOT / link).exists()] == []
