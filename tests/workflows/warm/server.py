"""Runs Python programs that needn't import what others wrote: it is there before they begin.

A run of act starts up to a dozen `ftv4`, each of which would take longest to import the SDKs. Of ours the
contracts and stages are there, which do nothing but state shapes; commands and steps are imported anew in
each, as on a runner. Who starts whole processes is tests/test_guide.py.
"""

import ast
import gc
import importlib
import os
import pkgutil
import runpy
import select
import socket
import sys
from contextlib import suppress

LIBRARIES = (
    "click", "pydantic", "orjson", "jinja2.sandbox", "jwt", "requests", "rich.console", "rich.progress",
    "numpy", "rensa", "ahocorasick_rs", "confusable_homoglyphs.confusables", "markdown_it",
    "github.PullRequest", "github.InputGitTreeElement",
    "openai.resources.chat", "openai.resources.files",
    "openai.resources.fine_tuning", "openai.resources.models",
)  # fmt: skip


def prepare():
    """Take in what programs use; no thread may be left, as no copy of this process would have it."""
    for name in LIBRARIES:
        importlib.import_module(name)
    for shapes in map(importlib.import_module, ("ftv4.contracts", "ftv4.stages")):
        for module in pkgutil.iter_modules(shapes.__path__, f"{shapes.__name__}."):
            importlib.import_module(module.name)
    toktok = importlib.import_module("toktok")
    toktok.batch_count(["vocabulary"], "o200k_base", threads=1)
    gc.collect()
    gc.freeze()


def serve(listener):
    """A copy of this process for each that asks, until whoever started it is gone: stdin ends."""
    while 0 not in select.select([listener, 0], [], [])[0]:
        asking, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            return answer(asking)
        asking.close()
        reap(os.WNOHANG)
    reap(0)


def reap(how):
    """Let go of copies that have ended, or of all: what they took counts as this process's."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, how)[0]:
            pass


def answer(asking):
    """Be the program in one copy, and tell its exit code from another."""
    _, files, _, _ = socket.recv_fds(asking, 1, 3)
    told = asking.makefile("rb").read()
    program = os.fork()
    if program == 0:
        asking.close()
        return be(*ast.literal_eval(told.decode()), files)
    for file in files:
        os.close(file)
    code = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
    asking.send(bytes([code if code >= 0 else 128 - code]))
    os._exit(0)


def be(folder, environment, arguments, files):
    """What `python -m` with these arguments does; it ends as that does."""
    for place, file in enumerate(files):
        os.dup2(file, place)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0] = folder  # PYTHONPATH is the same here
    sys.argv = list(arguments)
    runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(sys.argv[1])
        prepare()
        door.listen()
        print("ready", flush=True)
        serve(door)
