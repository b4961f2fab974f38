"""`ftv4 dispatch`: another command, with what somebody typed into the form of a dispatched workflow."""

import re
from typing import Any

import click

from ftv4.actions import told, trusted_event
from ftv4.contracts import Json
from ftv4.encode import for_log
from ftv4.errors import UsageError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,99}")
NEVER_TYPED = frozenset({"--base", "--eval-report", "--ledger", "--run-key", "--run-manifest"})
"""Where state is, and what vouches for something: the workflow says it, or one job tells another."""


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="COMMAND [OPTION…]")
@click.pass_context
def dispatch(ctx: click.Context, command: tuple[str, ...]) -> Any:
    """Run COMMAND with each input of the dispatched workflow as the option of that name.

    Inputs are read from the event's file, so that they pass through no shell; an empty one is left
    out, and an OPTION given here wins over the input. Refuses to run for anything but a
    workflow_dispatch of the default branch's own workflow.
    """
    from ftv4.cli import cli

    event = trusted_event("workflow_dispatch")
    inputs = told(event, "inputs", kind=dict) if event.get("inputs") is not None else {}
    repo = ctx.find_root().obj
    where = ["--repo", repo] if repo else []
    return cli.main(args=[*where, *with_inputs(command, inputs)], prog_name="ftv4", standalone_mode=False)


def with_inputs(command: tuple[str, ...], inputs: Json) -> list[str]:
    """The command line with the inputs as options. Raises UsageError for an input that can't be one."""
    words = next((place for place, word in enumerate(command) if word.startswith("-")), len(command))
    given = {_option(word.partition("=")[0]) for word in command[words:]}
    options = {_option(f"--{name}"): _text(name, value) for name, value in inputs.items()}
    if not NEVER_TYPED.isdisjoint(options):
        raise UsageError(f"no form may say {' or '.join(sorted(NEVER_TYPED & set(options)))}")
    asked = [f"{name}={text}" for name, text in options.items() if text and name not in given]
    return [*command[:words], *asked, *command[words:]]


def _option(name: str) -> str:
    return name.replace("_", "-")


def _text(name: str, value: object) -> str:
    if not _NAME.fullmatch(name):
        raise UsageError(f"input {for_log(name)}: no option can have this name")
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or isinstance(value, str | int):
        return "" if value is None else str(value)
    raise UsageError(f"input {name}: neither text nor number")
