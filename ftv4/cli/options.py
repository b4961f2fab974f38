"""The options that commands share, the repository they work on, and how they answer."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
from click.core import ParameterSource

from ftv4.clock import moment
from ftv4.contracts.run import SUFFIX as SUFFIX_FORM
from ftv4.disk import os_errors_as
from ftv4.documents import Repository, find_repository
from ftv4.encode import for_log, json_for_log, name_for_log
from ftv4.errors import ContractError, UsageError

F = TypeVar("F", bound=Callable[..., Any])


class Strict(click.ParamType[bool]):
    """A boolean said in full: `ture` is an error, not the default (weaknesses.md E1)."""

    name = "true|false"
    yes = frozenset({"1", "true", "yes", "y", "on"})
    no = frozenset({"0", "false", "no", "n", "off"})

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        """Read the Node tool's ten spellings; refuse everything else."""
        if isinstance(value, bool):
            return value
        word = str(value).strip().lower()
        if word in self.yes or word in self.no:
            return word in self.yes
        self.fail(f"{value!r} is neither true nor false", param, ctx)


class OneStage(click.Choice[str]):
    """A stage, taken with `-` as well, shown as files write it."""

    def normalize_choice(self, choice: object, ctx: click.Context | None) -> str:
        """`blue-ocean` is `blue_ocean`."""
        return str(choice).replace("-", "_")


class StageList(click.ParamType[tuple[str, ...]]):
    """Stage names, separated by commas."""

    name = "stage,…"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Split and check; names keep the pipeline's order."""
        from ftv4.stages import STAGES

        if isinstance(value, tuple):
            return value
        asked = {part.strip().replace("-", "_") for part in str(value).split(",") if part.strip()}
        unknown = sorted(asked - set(STAGES))
        if unknown:
            self.fail(f"no stage {', '.join(unknown)}; there are {', '.join(STAGES)}", param, ctx)
        return tuple(name for name in STAGES if name in asked)


def like(pattern: str, form: str) -> Callable[[str], str]:
    """A reader of text that has a certain form."""

    def text(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise click.BadParameter(f"{for_log(value)} is not {form}")
        return value

    return text


SUFFIX = like(SUFFIX_FORM, "1 to 64 letters, digits, dots, - or _")
MODEL = like(r"[A-Za-z0-9][A-Za-z0-9_./:-]{0,190}", "a model's name")
TEXT = like(r"[^\ud800-\udfff]{0,4000}", "4000 characters of UTF-8 text or less")
FILE = like(r"[^\0\ud800-\udfff]{1,4000}", "a name in UTF-8")
"""A file or folder: files and answers name it again, and they are UTF-8."""


def boolean(*names: str, default: bool, help: str, expose: bool = True) -> Callable[[F], F]:
    """A boolean option: `--flag=true`, `--flag false`, or `--flag` alone for true."""
    return click.option(
        *names,
        type=Strict(),
        default=default,
        is_flag=False,
        flag_value=True,
        show_default=True,
        help=help,
        expose_value=expose,
    )


def stage_option(required: bool = True, default: str | None = None) -> Callable[[F], F]:
    """`--stage`, one of the five."""
    from ftv4.contracts.models import StageName

    choices = OneStage(get_args(StageName))
    # click takes None that is said for a default, and asks for nothing then.
    wanted: dict[str, Any] = {"required": required} if default is None else {"default": default}
    return click.option("--stage", type=choices, help="The stage.", **wanted)


def existing(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Folders that must be there if they were named: a wrong name is not the same as nothing in it."""
    if ctx.get_parameter_source(param.name or "") is ParameterSource.DEFAULT:
        return value
    files = repository(ctx)
    for folder in (value,) if isinstance(value, str) else value:
        if not files.has_folder(folder):
            raise ContractError(f"{param.opts[0]} {name_for_log(folder)}: no such folder")
    return value


def existing_packs(ctx: click.Context, param: click.Parameter, value: str) -> Any:
    """Names of folders, separated by commas, all of which are there."""
    return existing(ctx, param, names(ctx, param, value))


def names(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """Names separated by commas, each once; nothing at all is refused."""
    if value is None:
        return None
    found = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    if not found:
        raise click.BadParameter("names nothing", ctx, param)
    return found


packs_dir_option = click.option(
    "--packs-dir",
    metavar="NAME,…",
    type=TEXT,
    callback=existing_packs,
    default="train/packs",
    show_default=True,
    help="Folders of packs, with commas.",
)
format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to answer.",
)
ledger_option = click.option(
    "--ledger",
    metavar="REMOTE",
    type=FILE,
    help="Share runs through a git remote, URL or folder.  [default: in Actions the repository's own]",
)


def repository(ctx: click.Context, *, needed: bool = False) -> Repository:
    """The repository that `--repo` names, or the one around the current folder.

    `needed`: raise UsageError where there is none, for what reads its config or makes folders in it.
    """
    found = _chosen(ctx.find_root().obj)
    if needed and not found.has("config"):
        raise UsageError("no ftv4 repository here", hint="cd into it, or name it: ftv4 --repo DIR …")
    return found


def _chosen(folder: str | None) -> Repository:
    if folder is None:
        return find_repository()
    with os_errors_as(f"--repo {folder}", UsageError):
        if Path(folder).is_dir():
            return Repository(Path(folder))
    raise UsageError(f"--repo {folder}: no such folder")


def located(ctx: click.Context, files: Repository, name: str) -> Path:
    """A file as the shell means it, else as the repository does; with `--repo`, the other way round."""
    here, there = Path.cwd() / name, files.path(name)
    first, second = (there, here) if ctx.find_root().obj else (here, there)
    return second if files.has(second) and not files.has(first) else first


def dataset_named(ctx: click.Context, files: Repository, name: str | None) -> str | None:
    """The repository path of a dataset to be read, `located`; None where none is named.

    Raises ContractError for a folder, and for what never ends: a pipe, a device.
    """
    if name is None:
        return None
    path = files.relative(located(ctx, files, name))
    if files.has_folder(path):
        raise ContractError(f"{name_for_log(path)}: a folder, not a dataset", hint="name one file in it")
    if files.has(path):
        files.size(path)
    return path


def now() -> datetime:
    """The one place where commands read the clock; `FTV4_NOW` (ISO 8601) stops it."""
    from ftv4.actions import variable

    fixed = variable("FTV4_NOW")
    if fixed is None:
        return datetime.now(UTC)
    stopped = moment(fixed)
    if stopped is None:
        raise UsageError(f"FTV4_NOW={for_log(fixed)}: not an ISO 8601 time")
    return stopped


def print_json(value: Any) -> None:
    """Print one JSON document: indented, keys in the contract's order."""
    import orjson
    from pydantic import BaseModel

    plain = value.model_dump(mode="json", by_alias=True) if isinstance(value, BaseModel) else value
    try:
        document = orjson.dumps(plain, option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONEncodeError:  # half a character, or a number of more than 64 bits
        document = json.dumps(plain, indent=2)
    click.echo(json_for_log(document))
