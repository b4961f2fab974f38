"""Lays out a fresh repository: config, folders, workflows, rulesets, templates; all of it or nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import orjson

from ftv4.contracts.settings import Laid
from ftv4.contracts.waivers import Waivers
from ftv4.documents import Repository, shipped, to_json
from ftv4.encode import name_for_log
from ftv4.errors import ContractError, GateError, alongside

LAYOUT, WORKFLOWS, CONFIG = "templates/init", ".github/workflows", "config"
RULESET, LEDGER = ".github/rulesets/main.json", ".github/rulesets/ledger.json"
WRITERS = ".github/rulesets/ledger-writers.json"
"""Who bypasses a ruleset bypasses all of it, so what holds for the App as well has a ruleset of its own."""
OWN = frozenset({"ci.yml"})
"""Workflows that test ftv4 itself."""
NOBODY = "@YOUR-TEAM"
HOME = "https://github.com/FTV4"
ACTION = re.compile(r"(uses: +)[.$]/(\.github/actions/[\w-]+)(?=\s*$)", re.MULTILINE)
"""A composite action of this repository: in another one, it is named in full."""


@dataclass(frozen=True)
class Choices:
    """What a team says about its repository."""

    ftv4: str
    """`OWNER/REPO@SHA`: where ftv4's actions come from."""
    owners: tuple[str, ...] = ()
    """Code owners, each with its `@`."""
    app_id: int | None = None
    """The App whose verdict counts, and that alone writes the ledger."""
    version: str = ""
    """What the pinned commit is called."""

    @property
    def home(self) -> str:
        """`OWNER/REPO`"""
        return self.ftv4.partition("@")[0]

    @property
    def commit(self) -> str:
        """The commit that the actions are pinned to."""
        return self.ftv4.partition("@")[2]


Files = dict[str, bytes]


def layout(choices: Choices) -> Files:
    """Every file of a fresh repository, by its path; the same choices give the same bytes."""
    files = {_path(path): content for path, content in _shipped(LAYOUT).items()}
    files |= {f"{CONFIG}/{path}": content for path, content in _shipped(CONFIG).items()}
    files.setdefault("config/waivers.json", to_json(Waivers()).encode())
    for path, content in _shipped(WORKFLOWS).items():
        if path not in OWN:
            files[f"{WORKFLOWS}/{path}"] = _abroad(content.decode(), choices).encode()
    owners = " ".join(choices.owners) or NOBODY
    files[".github/CODEOWNERS"] = files[".github/CODEOWNERS"].replace(NOBODY.encode(), owners.encode())
    files["README.md"] = files["README.md"].replace(
        HOME.encode(), f"https://github.com/{choices.home}".encode()
    )
    if choices.app_id is not None:
        files[RULESET] = _from_app(files[RULESET], choices.app_id)
        files[WRITERS] = _by_app(files[LEDGER], choices.app_id)
    return dict(sorted(files.items()))


def lay_out(repository: Repository, files: Mapping[str, bytes], *, force: bool) -> Laid:
    """Write what isn't there yet, all of it or nothing.

    Raises GateError that names each file that says something else (unless forced), ContractError where
    a path leads out of the repository or is no file.
    """
    before = {path: _there(repository, path) for path in files}
    other = [path for path, content in before.items() if content not in (None, files[path])]
    if other and not force:
        raise GateError(
            f"{len(other)} of the files are there and say something else; nothing was written",
            problems=[name_for_log(path) for path in other],
            hint="move them away, or overwrite them with --force",
        )
    fresh = [path for path, content in before.items() if content != files[path]]
    try:
        for path in fresh:
            repository.write(path, files[path])
    except BaseException as error:
        with alongside(error):
            _undo(repository, {path: before[path] for path in fresh})
        raise
    return Laid(written=tuple(fresh), unchanged=tuple(path for path in files if path not in fresh))


def _there(repository: Repository, path: str) -> bytes | None:
    if not repository.path(path).resolve().is_relative_to(repository.root):
        raise ContractError(f"{path}: leads out of the repository; nothing was written", hint="is it a link?")
    return repository.read_bytes(path) if repository.has(path) else None


def _undo(repository: Repository, before: Mapping[str, bytes | None]) -> None:
    for path, content in before.items():
        if content is None:
            repository.remove_file(path)
        else:
            repository.write(path, content)


def _shipped(folder: str) -> Files:
    """Files that come with the package, by their path below a folder."""
    source = Repository(shipped(folder))
    paths = (source.relative(path) for path in source.files(".", "**/*"))
    return {path: source.read_bytes(path) for path in paths}


def _path(path: str) -> str:
    """`dot-github/x` is `.github/x`: hidden names don't travel well in a package."""
    parts = PurePosixPath(path).parts
    return "/".join(f".{part[4:]}" if part.startswith("dot-") else part for part in parts)


def _abroad(workflow: str, choices: Choices) -> str:
    named = rf"\g<1>{choices.home}/\g<2>@{choices.commit} # v{choices.version}"
    return ACTION.sub(named, workflow)


def _from_app(ruleset: bytes, app_id: int) -> bytes:
    document = orjson.loads(ruleset)
    for rule in document["rules"]:
        for check in rule.get("parameters", {}).get("required_status_checks", []):
            check["integration_id"] = app_id
    return _pretty(document)


def _by_app(ledger: bytes, app_id: int) -> bytes:
    """The ruleset by which nobody else makes or moves the branch that `ledger` keeps."""
    passing = {"actor_id": app_id, "actor_type": "Integration", "bypass_mode": "always"}
    rules = [{"type": "creation"}, {"type": "update"}]
    named = {"name": "ftv4: ledger writers", "bypass_actors": [passing], "rules": rules}
    return _pretty(orjson.loads(ledger) | named)


def _pretty(document: object) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
