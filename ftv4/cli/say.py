"""The doors of the command line: what is printed passes here, or through `print_json`.

What lines quote of a stranger's obeys nobody and moves no cursor.
"""

from collections.abc import Iterable

import click

from ftv4.encode import line_for_log


def say(text: str, *, error: bool = False) -> None:
    """Print text of one or more lines, whose untrusted parts are encoded already or ought to be."""
    for line in text.removesuffix("\n").split("\n"):
        click.echo(line_for_log(line), err=error)


def say_page(page: str) -> None:
    """Print a page of Markdown, rendered from templates that encode what they quote."""
    click.echo(page, nl=False)


def command(lines: Iterable[str]) -> None:
    """Print workflow commands, which are meant to be obeyed; `encode.annotation` made them."""
    click.echo("\n".join(lines))
