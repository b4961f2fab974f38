"""Whatever a stranger puts into arguments, rows or errors, what the command line prints obeys nobody."""

import ast
import json

import click
import pytest

from ftv4.cli import cli
from ftv4.clients.proposal import check_words
from ftv4.encode import title_problem
from ftv4.errors import ContractError, UsageError
from tests.conftest import ROOT
from tests.dataset_rows import row, write_dataset
from tests.encode.hostile import TO_FORGE, TO_RUNNER, texts
from tests.encode.page import READER, acts
from tests.encode.runner import Runner

WORST = Runner(any_name=True)
HOSTILE = "x ##[error]y\n::set-output name=passed::true\r##[group]z \u202e\x1b[2J `@octocat` fixes #1"
PROGRAMS = {"demo", "sandbox"}
"""They start servers; their arguments pass the same door."""


def leaves(command, path=()):
    """Every command with its path."""
    context = click.Context(command)
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name in command.list_commands(context):
        if name not in PROGRAMS:
            yield from leaves(command.get_command(context, name), (*path, name))


LEAVES = dict(leaves(cli))


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_no_argument_of_any_command_comes_back_as_a_command(path, repository, ftv4, monkeypatch):
    monkeypatch.setattr("ftv4.steps.ship_data.shipped_files", lambda repository: iter(()))  # takes long
    options = [
        option for option in LEAVES[path].params if isinstance(option, click.Option) and not option.is_flag
    ]
    for extra in [(HOSTILE,), *((option.opts[0], HOSTILE) for option in options)]:
        done = ftv4(*path, *extra)
        said = done.out + done.err
        assert not WORST.obeys(said)
        assert not set(said) & set("\r\x1b\u202e")


def test_nothing_a_stranger_types_is_a_command(repository, ftv4):
    for text in texts(1, 400, TO_RUNNER):
        done = ftv4("gate", text)
        assert done.code != 0 or text in ("-h", "--help")
        assert not WORST.obeys(done.out + done.err)


@pytest.mark.parametrize(
    "error", [RuntimeError(HOSTILE), ContractError(HOSTILE, problems=[HOSTILE], hint=HOSTILE)]
)
@pytest.mark.parametrize("traceback", ["", "1"])
def test_no_error_is_a_command_even_if_nobody_foresaw_it(error, traceback, ftv4, monkeypatch):
    def fail(**_):
        raise error

    monkeypatch.setenv("FTV4_TRACEBACK", traceback)
    monkeypatch.setattr(cli, "main", fail)
    done = ftv4()

    assert done.err.startswith("error: ")
    assert not WORST.obeys(done.err)


def spoiled(value, text):
    """A row with a stranger's text in every text, one at a time."""
    for key in list(value):
        inner = value[key]
        if isinstance(inner, str):
            yield {**value, key: text}
        elif isinstance(inner, dict):
            yield from ({**value, key: one} for one in spoiled(inner, text))
    yield {**value, text: text}


@pytest.fixture
def hostile_dataset(repository):
    values = [one for text in texts(2, 12, TO_FORGE) for one in spoiled(row(), text)]
    broken = [text.replace("\n", " ") for text in texts(3, 60, TO_RUNNER)]
    raw = [json.dumps(one) for one in values] + [text.encode("utf-8", "replace").decode() for text in broken]
    return write_dataset(repository, raw)


FORMATS = [
    form for option in LEAVES[("gate",)].params if option.name == "form" for form in option.type.choices
]


@pytest.mark.parametrize("form", FORMATS)
def test_no_row_comes_out_of_the_gate_as_a_command(form, hostile_dataset, ftv4):
    done = ftv4("gate", hostile_dataset, "--format", form)

    assert done.code == 4
    assert len(done.out) > 2000
    assert not (set(done.out) | set(done.err)) & set("\r\x1b\u202e\u2028")
    obeyed = {command.name for command in WORST.obeys(done.out + done.err)}
    assert obeyed <= ({"error", "warning", "notice"} if form == "github" else set())


def test_no_row_comes_out_of_the_gate_as_markup(hostile_dataset, ftv4):
    """Threats 33, 34, 35."""
    page = ftv4("gate", hostile_dataset, "--format", "markdown").out

    tokens = [inner for token in READER.parse(page) for inner in (token, *(token.children or ()))]
    kinds = {token.type.removesuffix("_open").removesuffix("_close") for token in tokens}
    assert kinds <= {
        "bullet_list", "code_inline", "heading", "inline", "list_item", "paragraph", "softbreak", "strong",
        "table", "tbody", "td", "text", "th", "thead", "tr",
    }  # fmt: skip
    assert not acts(page)


def test_no_stranger_names_a_commit():
    """Threats 35, 36: a title or commit message is plain words of our own."""
    for text in texts(4, 2000, TO_FORGE):
        if title_problem(text):
            with pytest.raises(UsageError):
                check_words(text, "Promote quant_signals")
            with pytest.raises(UsageError):
                check_words("Promote quant_signals", text)
        else:
            assert not acts(text)
            assert text.isascii()
            assert text.isprintable()


DOORS = {
    "say.py": "the door itself",
    "options.py": "print_json, the other one",
    "__init__.py": "errors, whose lines it encodes one by one",
    "contracts.py": "a line of JSON each, encoded",
    "walk.py": "the prompt, a constant",
}
"""Modules of the command line that print by themselves."""


@pytest.mark.parametrize("path", sorted((ROOT / "ftv4/cli").glob("*.py")), ids=lambda path: path.name)
def test_what_is_printed_passes_a_door(path):
    """Threats 28 to 30, 32. `say`, `say_page`, `command` or `print_json`; else a reason in DOORS."""
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    printed = {ast.unparse(call) for call in calls} & {
        "click.echo",
        "print",
        "click.secho",
        "sys.stdout.write",
    }

    assert bool(printed) == (path.name in DOORS)
