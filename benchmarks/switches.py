"""A copy of the project in which every guard and every call of the encoder can be switched off.

One copy serves for all: each place gets a switch, a first run notes which tests would see it thrown, and then
only those run, once for each place, in a process of its own that has imported everything already.
"""

import ast
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARTS = ("ftv4", "tests", "config", "templates", "evals", "train", "docs", "benchmarks", ".github")
ENCODERS = {
    *("for_log", "name_for_log", "line_for_log", "json_for_log"),
    *("for_markdown", "person_for_markdown", "code_span"),
}
TOO_LONG = 99
SWITCH = '''
"""The switches; `_active` is the one that is thrown, 0 for none."""

import os
from functools import wraps
from pathlib import Path

HERE = Path(__file__).parent
ACTIVE, MAIN, SEEN = int((HERE / "_active").read_text()), 0, set()


def seen(number):
    """Note, while none is thrown, that a test would notice this one."""
    if ACTIVE == 0:
        test = os.environ.get("PYTEST_CURRENT_TEST") or (HERE / "_test").read_text()
        SEEN.add((number, test.rpartition(" (")[0] or test))
        if os.getpid() != MAIN:
            write()


def write():
    file = os.open(HERE / "_seen", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(file, "".join(f"{number} {test}\\n" for number, test in SEEN).encode())
    os.close(file)
    SEEN.clear()


def gate(number, value, forced):
    if bool(value) != forced:
        seen(number)
        if ACTIVE == number:
            return forced
    return value


def encoder(number, function):
    @wraps(function)
    def encoded(text, *more, **named):
        made = function(text, *more, **named)
        if made != text:
            seen(number)
            if ACTIVE == number:
                return text
        return made

    return encoded
'''


@dataclass(frozen=True)
class Place:
    """Something that can be switched off."""

    kind: str
    module: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.text}"


def written(node: ast.AST) -> str:
    """A piece of the source on one line."""
    return " ".join(ast.unparse(node).split())


class Switches(ast.NodeTransformer):
    """Puts a switch at each guard, or at each encoder, of a module."""

    def __init__(self, module: str, kinds: set[str], places: list[Place]) -> None:
        self.module, self.kinds, self.places = module, kinds, places

    def switched(self, kind: str, node: ast.expr, call: str, text: str, *more: ast.expr) -> ast.expr:
        self.places.append(Place(kind, self.module, node.lineno, text))
        arguments = [ast.Constant(len(self.places)), self.generic_visit(node), *more]
        return ast.Call(ast.Attribute(ast.Name("_switch", ast.Load()), call, ast.Load()), arguments, [])

    def condition(self, node: ast.expr, kind: str, without: bool) -> ast.expr:
        if "guards" not in self.kinds or ast.unparse(node) == "TYPE_CHECKING":
            return self.visit(node)
        text = written(node)
        return self.switched(kind, self.operands(node), "gate", text, ast.Constant(without))

    def operands(self, node: ast.expr) -> ast.expr:
        value = isinstance(node, ast.BoolOp) and any(isinstance(one, ast.Constant) for one in node.values)
        if "guards" in self.kinds and isinstance(node, ast.BoolOp) and not value:
            without, kind = isinstance(node.op, ast.And), "operand of a guard"
            parts = [self.condition(one, kind, without) for one in node.values]
            return ast.copy_location(ast.BoolOp(node.op, parts), node)
        return node

    def visit_If(self, node: ast.If) -> ast.If:
        node.test = self.condition(node.test, "guard: `if`", without=False)
        node.body = [self.visit(one) for one in node.body]
        node.orelse = [self.visit(one) for one in node.orelse]
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.comprehension:
        node.iter = self.visit(node.iter)
        node.ifs = [self.condition(one, "guard: filter", without=True) for one in node.ifs]
        return node

    def visit_Return(self, node: ast.Return) -> ast.Return:
        if node.value is not None:
            node.value = self.visit(self.operands(node.value))
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        known = isinstance(node.func, ast.Attribute) and ast.unparse(node.func).startswith("_switch.")
        return node if known else self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if "encoders" in self.kinds and node.id in ENCODERS and isinstance(node.ctx, ast.Load):
            return self.switched("encoder", node, "encoder", node.id)
        return node


class Chosen:
    """For pytest: these tests, in this order."""

    def __init__(self, tests: list[str]) -> None:
        self.order = {test: place for place, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list) -> None:
        items[:] = [one for one in items if one.nodeid in self.order]
        items.sort(key=lambda one: self.order[one.nodeid])


@dataclass
class Copy:
    """The project in a folder of its own, with its switches."""

    folder: Path
    places: list[Place] = field(default_factory=list)
    tests: dict[int, list[str]] = field(default_factory=dict)
    """Number of a place → the tests that would see it switched off, the quickest first."""
    seconds: dict[str, float] = field(default_factory=dict)
    red: set[str] = field(default_factory=set)
    """Tests that fail in the copy with nothing switched off, as they look at the source; left out."""

    @property
    def times(self) -> Path:
        return self.folder / "_times"

    def lay_out(self, modules: dict[str, set[str]]) -> None:
        for part in PARTS:
            skip = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, self.folder / part, ignore=skip, dirs_exist_ok=True)
        for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile"):
            shutil.copy(ROOT / name, self.folder)
        for path in ROOT.glob("requirements*.txt"):
            shutil.copy(path, self.folder)
        (self.package / "_switch.py").write_text(SWITCH)
        self.throw(0)
        for module, kinds in modules.items():
            path = self.package / module
            tree = Switches(module, kinds, self.places).visit(ast.parse(path.read_text()))
            tree.body.insert(1, ast.parse("from ftv4 import _switch").body[0])
            path.write_text(ast.unparse(ast.fix_missing_locations(tree)))

    @property
    def package(self) -> Path:
        return self.folder / "ftv4"

    def throw(self, number: int) -> None:
        (self.package / "_active").write_text(str(number))

    def warm(self, folders: list[str]) -> None:
        """Import, here, all that the tests import."""
        import pytest

        os.chdir(self.folder)
        sys.path.insert(0, str(self.folder))
        kept = self.folder / "tmp"  # what a process leaves that is ended goes with the copy
        kept.mkdir(exist_ok=True)
        tempfile.tempdir = os.environ["TMPDIR"] = str(kept)
        with quiet():
            pytest.main(["--collect-only", "-p", "no:cacheprovider", *folders])

    def look(self, folders: list[str]) -> None:
        """Run the tests once, and note what each would see."""
        if not self.times.exists():
            forked(lambda: self._recorded(folders), 3600)
        for line in self.times.read_text().splitlines():
            outcome, seconds, test = line.split(" ", 2)
            self.seconds[test] = self.seconds.get(test, 0) + float(seconds)
            self.red |= {test} if outcome == "failed" else set()
        found = defaultdict(set)
        for line in (self.package / "_seen").read_text().splitlines():
            number, test = line.split(" ", 1)
            found[int(number)] |= {test} if test in self.seconds and test not in self.red else set()
        self.tests = {number: sorted(tests, key=self.seconds.__getitem__) for number, tests in found.items()}

    def killed(self, number: int, seconds: float) -> bool:
        """Whether a test turns red when this is switched off; tests for that many seconds are tried."""
        by_file, spent = defaultdict(list), 0.0
        for test in self.tests.get(number, ()):
            by_file[test.partition("::")[0]].append(test)
        name = Path(self.places[number - 1].module).stem.partition("_")[0]
        own = [test for file in [*by_file] if f"test_{name}" in file for test in by_file.pop(file)]
        chosen: list[str] = []
        for test in filter(None, chain(own, *zip_longest(*by_file.values()))):
            spent += self.seconds[test] + 0.05
            if not chosen or spent < seconds:
                chosen.append(test)
        if not chosen:
            return False
        self.throw(number)
        files = sorted({test.partition("::")[0] for test in chosen})
        code = forked(lambda: self._run(number, ["-x", *files], Chosen(chosen)), 60 + 5 * spent)
        self.throw(0)
        if code not in (0, 1, TOO_LONG):
            raise RuntimeError(f"{self.places[number - 1]}: pytest ended with {code}")
        return code != 0

    def _run(self, number: int, arguments: list[str], *plugins: object) -> int:
        import pytest

        switch = __import__("ftv4._switch", fromlist=["ACTIVE"])
        switch.ACTIVE, switch.MAIN = number, os.getpid()
        code = int(pytest.main(["-p", "no:cacheprovider", *arguments], list(plugins)))
        if number == 0:
            switch.write()
        return code

    def _recorded(self, folders: list[str]) -> int:
        times = self.times.open("w")

        class Recorder:
            def pytest_runtest_logstart(recorder, nodeid: str) -> None:
                (self.package / "_test").write_text(nodeid)

            def pytest_runtest_logreport(recorder, report) -> None:
                times.write(f"{report.outcome} {report.duration} {report.nodeid}\n")
                times.flush()

        return self._run(0, folders, Recorder())


@contextlib.contextmanager
def quiet():
    """Nothing is printed, by anybody."""
    kept, nowhere = (os.dup(1), os.dup(2)), os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    try:
        yield
    finally:
        for number, old in enumerate(kept, 1):
            os.dup2(old, number)


def forked(work, seconds: float) -> int:
    """Do the work in a process of its own; its answer, or TOO_LONG."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.setsid()
        code = 98
        with contextlib.suppress(BaseException), quiet():
            code = work()
        os._exit(code)
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return TOO_LONG
