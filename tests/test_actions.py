"""What is read from the platform, and the files it reads from us."""

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftv4 import actions
from ftv4.actions import environment, event, output, run_url, summarise, told
from ftv4.encode import SUMMARY
from ftv4.errors import ContractError, Ftv4Error, UsageError
from tests.encode.runner import outputs
from tests.workflow_run import WorkflowRun


@pytest.fixture
def step(tmp_path, monkeypatch):
    return WorkflowRun(tmp_path / "runner", monkeypatch.setenv)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "1", '{"a": 1, "a": 2}', '{"a": NaN}', "\udcff", "[" * 100_000]
)
def test_an_event_that_two_readers_could_read_differently_is_none(step, text):
    path = step.folder / "event.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    step.set(GITHUB_EVENT_PATH=path)

    with pytest.raises(UsageError, match="the event of GITHUB_EVENT_PATH"):
        event()


def test_an_event_longer_than_any_is_none(step, monkeypatch):
    step.by("push")
    monkeypatch.setattr(actions, "LARGEST_EVENT", 9)
    path = step.folder / "event.json"
    path.write_text("{}        ")

    with pytest.raises(UsageError, match="is no event"):
        event()


def test_an_event_that_is_no_json_is_shown_as_text(step):
    path = step.folder / "event.json"
    path.write_text('{"a": 1} ::error::##[x]')
    step.set(GITHUB_EVENT_PATH=path)

    with pytest.raises(UsageError) as refused:
        event()
    assert re.search(r"Extra data\\u003a line 1", refused.value.message)


def test_variables_are_set_for_a_while(monkeypatch):
    monkeypatch.setenv("FTV4_ONE", "before")
    with environment(FTV4_ONE="1", FTV4_TWO="2"):
        assert (os.environ["FTV4_ONE"], os.environ["FTV4_TWO"]) == ("1", "2")

    assert os.environ["FTV4_ONE"] == "before"
    assert "FTV4_TWO" not in os.environ


def test_an_event_that_is_not_there_is_none(step, tmp_path):
    step.set(GITHUB_EVENT_PATH=tmp_path / "no.json")

    with pytest.raises(UsageError, match="no such file"):
        event()


def test_a_member_is_of_the_kind_asked_for(step):
    step.by("push", after={"sha": "abc", "number": 7, "yes": True})
    found = event()

    assert told(found, "after", "sha", kind=str) == "abc"
    assert told(found, "after", "number", kind=int) == 7
    for name, kind in (("sha", int), ("number", str), ("yes", int), ("no", str)):
        with pytest.raises(UsageError, match=f"the event says no after.{name}"):
            told(found, "after", name, kind=kind)


def test_outputs_follow_each_other(step):
    assert output("evaluate", 2)
    assert output("state", "ready")
    assert output("none", "")

    assert outputs(step.output.read_text()) == {"evaluate": "2", "state": "ready", "none": ""}


@given(st.text() | st.sampled_from(["a\nb=c", "a\rb", "x<<EOF", "EOF\n", "$(id)", "::error::", "a=b"]))
def test_an_output_sets_itself_and_nothing_else(tmp_path_factory, value):
    """Threat 31, against a model of the runner's own reader."""
    with pytest.MonkeyPatch.context() as patch:
        step = WorkflowRun(tmp_path_factory.mktemp("runner"), patch.setenv)
        output("before", 1)
        try:
            output("value", value)
            expected = {"value": value}
        except ContractError:
            expected = {}
        output("after", 2)

        assert outputs(step.output.read_text()) == {"before": "1", **expected, "after": "2"}


def test_outside_a_workflow_nothing_is_written(monkeypatch):
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)

    assert not output("a", 1)
    assert not summarise("a")


def test_a_summary_is_added_to_and_never_more_than_the_platform_takes(step):
    summarise("# First\n")
    summarise("a line\n" * 200_000)
    page = step.summary.read_text()

    assert page.startswith("# First\na line\n")
    assert len(page.encode()) <= SUMMARY
    left_out = 200_001 - page.count("\n") + 2
    assert page.endswith(f"\nand {left_out} more lines, for which this page has no room.\n")
    with pytest.raises(Ftv4Error, match="full"):
        summarise("one more\n" * 10)


def test_a_file_that_cannot_be_written_is_an_error_of_ours(step, tmp_path):
    step.set(GITHUB_STEP_SUMMARY=tmp_path, GITHUB_OUTPUT=tmp_path)

    with pytest.raises(Ftv4Error, match="GITHUB_STEP_SUMMARY can't be written"):
        summarise("a\n")
    with pytest.raises(Ftv4Error, match="GITHUB_OUTPUT can't be written"):
        output("a", 1)


def test_the_run_has_a_page(step, monkeypatch):
    assert run_url() == "https://forge.example/sandbox/models/actions/runs/99"
    step.set(GITHUB_SERVER_URL="https://x) [y](https://z")
    assert run_url() is None
    step.set(GITHUB_SERVER_URL="https://forge.example")
    monkeypatch.delenv("GITHUB_RUN_ID")
    assert run_url() is None
