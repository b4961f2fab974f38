"""The architecture on one screen: what each part of `ftv4` may use of the others."""

import ast
from importlib.util import resolve_name
from pathlib import Path

import pytest

BASE = {"errors", "canonical", "clock", "encode", "contracts"}
MAY_USE = {
    "errors": set(),
    "canonical": set(),
    "clock": set(),
    "encode": set(),
    "contracts": set(),
    "stages": BASE,
    "guards": BASE,
    "gates": BASE | {"stages", "guards"},
    "graders": BASE | {"stages", "guards"},
    "pipeline": BASE | {"stages", "guards"},
    "synth": BASE | {"stages"},
    "disk": {"errors"},
    "documents": BASE | {"disk"},
    "render": BASE,
    "clients": BASE,
    "actions": BASE,
    "steps": BASE
    | {"stages", "guards", "gates", "graders", "pipeline", "synth", "documents", "render", "clients"},
    "sandbox": BASE,
}
PACKAGE = Path(__file__).parents[1] / "ftv4"
EDGE = {"__init__", "__main__", "cli"}
MODULES = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if path.relative_to(PACKAGE).parts[0].removesuffix(".py") not in EDGE
)


def modules_imported(code, package):
    """Full names of what is imported; of `from a import b` both a and a.b, either may be the module."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            named = resolve_name("." * node.level + (node.module or ""), package)
            yield from (f"{named}.{alias.name}" for alias in node.names)


def parts_imported(code, package):
    names = [name.split(".") for name in modules_imported(code, package)]
    return {parts[1] for parts in names if parts[0] == "ftv4" and len(parts) > 1}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_one_way(module):
    part = module.relative_to(PACKAGE).parts[0].removesuffix(".py")
    package = ".".join(["ftv4", *module.relative_to(PACKAGE).parts[:-1]])

    assert parts_imported(module.read_text(), package) - {part} <= MAY_USE[part]


@pytest.mark.parametrize(
    "code",
    [
        "import ftv4.gates.form",
        "from ftv4.gates import form",
        "from ftv4 import gates",
        "from .. import gates",
        "from ..gates import form",
        "from ..gates.form import start",
    ],
)
def test_every_way_to_import_is_seen(code):
    assert parts_imported(code, "ftv4.steps") == {"gates"}


OF_PATHS = {
    "exists", "glob", "is_dir", "is_file", "is_symlink", "iterdir", "lstat", "mkdir", "rename", "rglob",
    "rmdir", "stat", "touch", "unlink", "write_bytes", "write_text",
}  # fmt: skip
"""What a path can do and a Repository can't."""
OF_BOTH = {"open", "read_bytes", "read_text"}
REPOSITORIES = {"repository", "_repository", "files", "where", "repo", "source", "super()"}
"""What a Repository is called where one of `OF_BOTH` is asked of it."""
SHELL = {"cli/options.py"}
"""Where a path is still what somebody typed."""


def paths_opened(code):
    """Calls by which a module would open files of the repository past `ftv4.documents`."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name, owner = node.func.attr, ast.unparse(node.func.value)
            by_repository = owner.split(".")[-1] in REPOSITORIES
            if name in OF_PATHS or (name in OF_BOTH and not by_repository and owner != "os"):
                yield f"{owner}.{name}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
            yield "open"


@pytest.mark.parametrize(
    "module",
    [path for part in ("steps", "cli") for path in sorted((PACKAGE / part).rglob("*.py"))],
    ids=lambda path: path.relative_to(PACKAGE).as_posix(),
)
def test_files_are_opened_by_documents_alone(module):
    if module.relative_to(PACKAGE).as_posix() not in SHELL:
        assert list(paths_opened(module.read_text())) == []


@pytest.mark.parametrize(
    ("code", "opened"),
    [
        ("repository.path(x).open()", ["repository.path(x).open"]),
        ("(folder / name).read_bytes()", ["folder / name.read_bytes"]),
        ("open(x)", ["open"]),
        ("self._repository.read_bytes(x)", []),
        ("repository.path(x).stat().st_size", ["repository.path(x).stat"]),
    ],
)
def test_what_opens_a_file_is_told_from_what_asks_the_repository(code, opened):
    assert list(paths_opened(code)) == opened
