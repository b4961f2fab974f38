"""docs/files.md names every shape there is, and nothing that isn't there."""

import importlib
import pkgutil
import re
from typing import get_args

import pytest

import ftv4.contracts
from ftv4.contracts import Contract
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "files.md").read_text()
LISTED = set(re.findall(r"\[(\w+)\]\(\.\./(ftv4/\S+?\.py)\)", PAGE))
MODULES = [
    importlib.import_module(f"ftv4.contracts.{module.name}")
    for module in pkgutil.iter_modules(ftv4.contracts.__path__)
]
SHAPES = {
    shape
    for module in MODULES
    for shape in vars(module).values()
    if isinstance(shape, type) and issubclass(shape, Contract) and shape.__module__ == module.__name__
}


def parts(annotation):
    """The contracts inside a type, and inside those."""
    if isinstance(annotation, type) and issubclass(annotation, Contract):
        yield annotation
        for field in annotation.model_fields.values():
            yield from parts(field.annotation)
    for argument in get_args(annotation):
        yield from parts(argument)


def test_every_shape_is_on_the_page_or_part_of_one_that_is():
    named = {name for name, _ in LISTED}
    found = {part for shape in SHAPES if shape.__name__ in named for part in parts(shape)}

    assert sorted(shape.__name__ for shape in SHAPES - found) == []


@pytest.mark.parametrize(("name", "path"), sorted(LISTED))
def test_every_link_leads_to_what_it_names(name, path):
    text = (ROOT / path).read_text()

    assert re.search(rf"^class {name}\(Contract\)|^def {name}\(", text, re.MULTILINE) or name in path
