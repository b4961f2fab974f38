"""A promotion as commits, made once, and whatever somebody might make of it."""

import atexit
import json
import os
import shutil
import subprocess
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from ftv4.cli import run
from ftv4.clients.git import Git
from ftv4.contracts.run import JobIds, JobRecord, RunManifest
from ftv4.documents import MODELS, Repository
from ftv4.steps.verify import verify
from tests.conftest import ROOT
from tests.eval_cases import expert, plant, provider
from tests.git_tree import WHO

STAGE = "synthesis_decision"
BASE_MODEL = "gpt-4.1-mini-2025-04-14"
GOOD = f"sandbox:ft:{BASE_MODEL}:acme::good"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TRAINED, WEIGHED = "2026-11-21T12:00:00+00:00", "2026-11-22T12:00:00+00:00"


class Bench:
    """A repository whose main has a trained model, and a branch that promotes it."""

    def __init__(self, root):
        self.root = root
        self.git = Git(root)
        self.base = self.run("rev-parse", "main")
        self.head = self.run("rev-parse", "promotion")
        changed = self.run("diff", "--name-only", "main", "promotion").splitlines()
        self.report = next(path for path in changed if "promotion_2" in path)
        self.card = next(path for path in changed if path.endswith(".md"))
        self.evals = {
            arm: next(path for path in changed if f"-{arm}.json" in path)
            for arm in ("pipeline", "stage", "pinned")
        }
        self.folder = self.document(self.report)["dataset"]["run_manifest_path"].rpartition("/")[0]
        self.manifest, self.job = f"{self.folder}/run_manifest.json", f"{self.folder}/job.json"

    def run(self, *arguments, stdin=None, **environment):
        """Run git; give back what it prints."""
        command = ["git", "-C", str(self.root), *arguments]
        done = subprocess.run(
            command, input=stdin, capture_output=True, check=True, env=os.environ | WHO | environment
        )
        return done.stdout.decode().strip()

    def bytes(self, path, commit=None):
        """A file of a commit, by default of the promotion."""
        command = ["git", "-C", str(self.root), "show", f"{commit or self.head}:{path}"]
        return subprocess.run(command, capture_output=True, check=True).stdout

    def document(self, path, commit=None):
        """The same as JSON."""
        return json.loads(self.bytes(path, commit))

    def commit(self, files, onto=None, parents=None):
        """A commit with these files put over another's: None takes one out; may be (mode, bytes), or JSON."""
        onto = onto or self.head
        index = {"GIT_INDEX_FILE": str(self.root / ".git" / "index-of-test")}
        self.run("read-tree", onto, **index)
        lines = b"".join(self._entry(path, content) for path, content in files.items())
        self.run("update-index", "-z", "--index-info", stdin=lines, **index)
        tree = self.run("write-tree", **index)
        marked = [word for parent in parents or [onto] for word in ("-p", parent)]
        return self.run("commit-tree", tree, "-m", "x", *marked)

    def _entry(self, path, content):
        if content is None:
            return b"0 %040d\t%b\0" % (0, path.encode())
        mode, data = content if isinstance(content, tuple) else ("100644", content)
        if mode == "160000":
            return f"{mode} {data.decode()}\t".encode() + path.encode() + b"\0"
        blob = self.run(
            "hash-object", "-w", "--stdin", stdin=data if isinstance(data, bytes) else written(data)
        )
        return f"{mode} {blob}\t".encode() + path.encode() + b"\0"

    def verify(self, head=None, base=None, now=NOW):
        """What the verifier says."""
        return verify(self.git, base or self.base, head or self.head, now)

    def edited(self, path, change, commit=None):
        """The promotion with one document changed."""
        document = self.document(path)
        change(document)
        return self.commit({path: document}, commit)


def written(document):
    """JSON as ftv4 writes it."""
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def against(found):
    """The errors: rule, file, pointer."""
    return {(one.rule, one.file, one.pointer) for one in found.findings if one.severity == "error"}


def setting(pointer, value):
    """A change of a document: one member set."""

    def change(document):
        *way, last = pointer.split("/")[1:]
        for step in way:
            document = document[int(step) if isinstance(document, list) else step]
        document[int(last) if isinstance(document, list) else last] = value

    return change


@pytest.fixture(scope="module")
def bench():
    """The promotion, made once by the commands that people use; tests add commits to it and no more."""
    return _made()


@cache
def _made():
    root = Path(tempfile.mkdtemp(prefix="ftv4-bench-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    with pytest.MonkeyPatch.context() as patch:
        shutil.copytree(ROOT / "config", root / "config")
        patch.chdir(root)
        repository = Repository(root)
        plant(repository)
        git = Git(root)
        git("init", "-q", "-b", "main")
        for name, value in (("user.email", "ada@example.org"), ("user.name", "Ada")):
            git("config", name, value)
        patch.setenv("FTV4_NOW", TRAINED)
        _train(repository)
        _commit(git, "train")
        git("checkout", "-q", "-b", "promotion")
        patch.setenv("FTV4_NOW", WEIGHED)
        with provider(patch, {GOOD.removeprefix("sandbox:"): expert(STAGE)}):
            assert run(["promote", "--stage", STAGE, "--model", GOOD, "--notes", "For spring."]) == 0
        _commit(git, "promote")
    return Bench(root)


def _train(repository):
    """A paid run and its job, as `ft stage` leaves them."""
    assert run(["ft", "stage", "--stage", STAGE, "--suffix", "demo", "--provider", "sandbox"]) == 0
    (path,) = repository.files("train/finetune_runs", "*/*/run_manifest.json")
    manifest = repository.read(RunManifest, path).model_copy(update={"dry_run": False})
    repository.write_contract(path, manifest)
    ids = JobIds(
        file_id="file-1", job_id="ftjob-1", status="succeeded", base_model=BASE_MODEL,
        fine_tuned_model=GOOD.removeprefix("sandbox:"),
    )  # fmt: skip
    job = JobRecord(
        created_at="2026-11-21T12:00:00.000Z", updated_at="2026-11-21T13:00:00.000Z", stage=STAGE,
        provider="sandbox", run_key=manifest.run_key, dataset_path=manifest.dataset_path,
        training_file_path=f"{manifest.output_dir}/train_openai.jsonl", openai=ids,
    )  # fmt: skip
    repository.write_contract(path.parent / "job.json", job)


def _commit(git, message):
    git("add", ".")
    git("commit", "-q", "-m", message)


__all__ = ["MODELS", "Bench", "against", "bench", "setting", "written"]
