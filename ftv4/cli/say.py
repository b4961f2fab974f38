"""Prints lines for people: what they quote of a stranger's obeys nobody and moves no cursor."""

import click

from ftv4.encode import line_for_log


def say(text: str, *, error: bool = False) -> None:
    """Print text of one or more lines, whose untrusted parts are encoded already or ought to be."""
    for line in text.removesuffix("\n").split("\n"):
        click.echo(line_for_log(line), err=error)
