"""The command line: arguments in, one step, rendering and exit code out.

Commands are found in a table and imported when they are called, so that `--help` costs what
click costs. Flags are spelled with `-` or `_`; a boolean takes `true` or `false`, and anything
else is refused rather than guessed.
"""

import io
import sys
from importlib import import_module
from typing import Any

import click

from ftv4 import __version__
from ftv4.cli.say import say
from ftv4.encode import line_for_log
from ftv4.errors import Ftv4Error

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init:init", "Lay out a fresh repository."),
    "demo": ("demo:demo", "Carry a model from data to a merged promotion, on this machine alone."),
    "contracts": ("contracts:contracts", "Check payloads against a stage's contract, or print its schema."),
    "synth": ("synth:synth", "Make synthetic packs and runs; ship a model in one command."),
    "curate": ("curate:curate", "Write a review pack from run records."),
    "review": ("review:review", "Walk a review pack: approve, reject, edit, note."),
    "datasets": ("datasets:datasets", "Build datasets from run records and reviews."),
    "gate": ("gate:gate", "Ask every gate about a dataset."),
    "explain": ("explain:explain", "Tell what a rule wants, why, and what to do."),
    "ft": ("ft:ft", "Fine-tune a stage: dry by default, paid with --dry-run=false."),
    "evals": ("evals:evals", "Ask a model the eval cases, and compare two reports."),
    "promote": ("promote:promote", "Propose a candidate to serve a stage."),
    "verify": ("verify:verify", "Derive again what a change says about models, and compare."),
    "rollback": ("rollback:rollback", "Let a model serve again that served before."),
    "history": ("history:history", "Tell who served when, and why."),
    "card": ("card:card", "Write a model card."),
    "ops": ("ops:ops", "Status, doctor, and clean-up."),
    "smoke": ("smoke:smoke", "Run one business through the pipeline and check what comes out."),
    "verdict": ("verdict:verdict", "Judge a pull request in Actions, and report it."),
    "dispatch": ("dispatch:dispatch", "Run a command with the inputs of a dispatched workflow."),
    "sandbox": ("sandbox:sandbox", "Serve a provider and a forge on this machine until stopped."),
}
"""Command → `<module of ftv4.cli>:<object>` and its one line of help, in the order of the journey."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The table's order, which is the journey's."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and give back one command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(f"ftv4.cli.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _dashes(name: str) -> str:
    return name.replace("_", "-")


@click.group(
    cls=LazyGroup,
    context_settings={
        "token_normalize_func": _dashes,
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
)
@click.option("--repo", metavar="DIR", help="The repository.  [default: the one around this folder]")
@click.version_option(__version__, prog_name="ftv4")
@click.pass_context
def cli(ctx: click.Context, repo: str | None) -> None:
    """GitOps for fine-tuned models: from dataset rows to a reviewed promotion.

    Exit codes: 0 ok, 1 unexpected, 2 usage, 3 a file doesn't say what it must, 4 a gate refuses,
    5 a provider or forge refuses or is away, 130 stopped by Ctrl-C.
    """
    ctx.obj = repo


def main(arguments: list[str] | None = None) -> None:
    """Run a command line and exit with its code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run a command line; give back its exit code. No exception leaves, no traceback is shown."""
    try:
        result: Any = cli.main(args=arguments, prog_name="ftv4", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("\nstopped; files are as the last finished step left them", error=True)
        return 130
    except click.ClickException as error:
        page = io.StringIO()
        error.show(file=page)
        say(page.getvalue().expandtabs(2), error=True)
        return error.exit_code
    except (BrokenPipeError, SystemExit):
        return _reader_left()
    except Exception as error:  # noqa: BLE001  the last door: what leaves here would be a traceback
        return _show(error)
    return result if isinstance(result, int) else 0


def _show(error: Exception) -> int:
    known = _refused(error) if isinstance(error, OSError) else error if isinstance(error, Ftv4Error) else None
    message = known.message if known else f"unexpected: {type(error).__name__}: {error}"
    click.echo(line_for_log(f"error: {message}"), err=True)
    for line in known.problems if known else ():
        click.echo(line_for_log(f"  {line}"), err=True)
    if known and known.hint:
        click.echo(line_for_log(f"hint: {known.hint}"), err=True)
    if known is None:
        _show_unexpected()
        return 1
    return known.exit_code


def _refused(error: OSError) -> Ftv4Error:
    """What the machine refuses outside the repository's files, such as a full disk behind stdout."""
    return Ftv4Error(f"this machine refuses: {(error.strerror or str(error)).lower()}")


def _show_unexpected() -> None:
    """Offer the traceback to whoever mends ftv4; show it only on request."""
    import traceback

    from ftv4.actions import variable

    if variable("FTV4_TRACEBACK"):
        say(traceback.format_exc(), error=True)
    else:
        click.echo("hint: this is a defect of ftv4; FTV4_TRACEBACK=1 shows where", err=True)


def _reader_left() -> int:
    """The reader of our output left (`| head`): say nothing more to it, and end as a shell expects.

    Not 0: what was not said to the end may have been a refusal. (Click turns a lost reader into
    SystemExit; nothing else raises that.)
    """
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 128 + 13
