"""Where the encoder is called: a call that goes, anywhere, has to go from the list here, too."""

import ast

from tests.conftest import ROOT

MEASURES = {"utf8", "utf16"}
PACKAGE = ROOT / "ftv4"


def calls(tree):
    """Each use of the encoder, as it is written; of one that isn't called there, the expression it is in."""
    found = [
        node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "ftv4.encode"
    ]
    names = {one.name for node in found for one in node.names} - MEASURES
    above = {inner: outer for outer in ast.walk(tree) for inner in ast.iter_child_nodes(outer)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in names and isinstance(node.ctx, ast.Load):
            yield " ".join(ast.unparse(above[node]).split())


def test_no_call_of_the_encoder_goes_unnoticed(golden):
    """What each keeps out the tests beside this one show; this one, that none is forgotten."""
    found = [
        f"{path.relative_to(PACKAGE).as_posix()}: {call}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if path != PACKAGE / "encode.py"
        for call in sorted(calls(ast.parse(path.read_text())))
    ]

    golden("encoder_calls.txt", "\n".join(found) + "\n")
