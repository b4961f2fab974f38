"""`ftv4 ft stage --summary`: the page that a person reads before approving what it costs."""

import re

import pytest

from tests.dataset_rows import rows, write_dataset
from tests.provider_sandbox import _provider, sandbox  # noqa: F401

STAGE = ("ft", "stage", "--stage", "quant_signals", "--suffix", "page")

OUTPUTS = re.compile(r"run=20261122T090000Z\nkey=[0-9a-f]{64}\n")


@pytest.fixture
def page(repository, ftv4, tmp_path, monkeypatch):
    """Plan or buy a run; give back the summary and the outputs of the step."""
    write_dataset(repository, rows(30))
    for name in ("SUMMARY", "OUTPUT"):
        target = "GITHUB_STEP_SUMMARY" if name == "SUMMARY" else "GITHUB_OUTPUT"
        monkeypatch.setenv(target, str(tmp_path / name))
    monkeypatch.setenv("FTV4_NOW", "2026-11-22T09:00:00Z")

    def make(*arguments):
        assert ftv4(*STAGE, "--summary=true", *arguments).code == 0
        return (tmp_path / "SUMMARY").read_text(), (tmp_path / "OUTPUT").read_text()

    return make


def test_a_plan_says_what_it_would_cost(page, golden):
    summary, outputs = page()

    golden("run_plan.md", summary)
    assert OUTPUTS.fullmatch(outputs)


def test_a_paid_run_names_its_job(page, golden, sandbox):  # noqa: F811
    sandbox.hurry = True
    summary, outputs = page("--provider=sandbox", "--dry-run=false", "--poll-interval=0.01")

    golden("run_paid.md", re.sub(r"(ftjob-|:)[A-Za-z0-9]{8,}", r"\1X", summary))
    assert OUTPUTS.fullmatch(outputs)


def test_a_page_is_written_only_where_it_is_asked_for(repository, ftv4, tmp_path, monkeypatch):
    write_dataset(repository, rows(30))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "page"))

    assert ftv4(*STAGE).code == 0
    assert not (tmp_path / "page").exists()
