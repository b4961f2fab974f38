"""The architecture on one screen: what each part of `ftv4` may use of the others."""

import ast
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


def parts_imported(module):
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "ftv4":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ftv4."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (name.name.split(".")[1] for name in node.names if name.name.startswith("ftv4."))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_one_way(module):
    part = module.relative_to(PACKAGE).parts[0].removesuffix(".py")

    assert set(parts_imported(module)) - {part} <= MAY_USE[part]
