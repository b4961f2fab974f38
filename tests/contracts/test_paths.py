"""Paths in files lead nowhere else."""

import json

import pytest
from pydantic import TypeAdapter, ValidationError

from ftv4.contracts.evaluation import Case
from ftv4.contracts.paths import AnyPath, RepoPath
from ftv4.contracts.run import RunManifest
from ftv4.errors import ContractError
from tests.dataset_rows import rows, write_dataset
from tests.eval_cases import plant

OUTSIDE = ["", "/etc/passwd", "a/../../etc", "..", "a\0b"]


def fits(kind, path):
    try:
        return TypeAdapter(kind).validate_python(path) == path
    except ValidationError:
        return False


@pytest.mark.parametrize("path", [*OUTSIDE, "../rows.jsonl", "..\\rows.jsonl"])
def test_a_path_that_leads_out_of_the_repository_is_refused(path):
    assert not fits(RepoPath, path)


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_that_turns_back_on_its_way_is_refused_everywhere(path):
    assert not fits(AnyPath, path)


@pytest.mark.parametrize("path", ["train/a.jsonl", "../../elsewhere/rows.jsonl", "a..b/c"])
def test_what_a_command_line_named_may_be_outside(path):
    assert fits(AnyPath, path)
    assert fits(RepoPath, path) != path.startswith("../")


@pytest.mark.parametrize("pack", ["../../../etc", "/etc", "evals/../../secrets"])
def test_a_case_that_names_a_pack_outside_is_refused_by_name(repository, ftv4, pack):
    plant(repository)
    [name, *_] = map(repository.relative, repository.files("evals/cases", "*.json"))
    repository.write(name, json.dumps(repository.read_json(name) | {"pack": pack}))

    with pytest.raises(ContractError):
        repository.read(Case, name)
    done = ftv4("evals", "run")

    assert done.code == 3
    assert f"{name}#/pack: must " in done.err


def test_a_run_outside_the_repository_is_damaged(repository, ftv4):
    write_dataset(repository, rows(30))
    made = json.loads(
        ftv4("ft", "stage", "--stage", "quant_signals", "--suffix", "demo", "--format", "json").out
    )
    manifest = repository.read_json(made["run_manifest"]) | {"output_dir": "../../etc"}
    repository.write(made["run_manifest"], json.dumps(manifest))

    with pytest.raises(ContractError) as caught:
        repository.read(RunManifest, made["run_manifest"])

    assert "/output_dir: must not lead out" in caught.value.problems[0]
