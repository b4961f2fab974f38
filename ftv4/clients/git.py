"""The door to git: the command, run on one repository folder."""

import subprocess
from pathlib import Path

from ftv4.errors import Ftv4Error


class GitError(Ftv4Error):
    """git refused; the message is its last line."""


class Git:
    """git on one folder. Commands run without a terminal and without the user's hooks or pager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str, stdin: bytes | None = None) -> str:
        """Run a git command; give back its output without the last newline. Raises GitError."""
        return self.raw(*arguments, stdin=stdin).decode(errors="replace").rstrip("\n")

    def raw(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        """Run a git command; give back its output as bytes. Raises GitError."""
        command = ["git", "-c", "core.hooksPath=/dev/null", "-C", str(self.folder), *arguments]
        try:
            done = subprocess.run(command, input=stdin, capture_output=True, check=False)  # noqa: S603
        except FileNotFoundError:
            raise GitError("git is not installed", hint="install git and run again") from None
        if done.returncode:
            reason = done.stderr.decode(errors="replace").strip().splitlines()
            raise GitError(f"git {arguments[0]}: {reason[-1] if reason else f'exit {done.returncode}'}")
        return done.stdout
