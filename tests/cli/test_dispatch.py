"""`ftv4 dispatch`: what a person typed into a form reaches a command as data, from main alone (threat 23)."""

from itertools import product

import pytest

from ftv4.cli import cli
from ftv4.cli.dispatch import NEVER_TYPED, with_inputs
from ftv4.encode import for_log
from ftv4.errors import UsageError
from tests.encode.runner import Runner
from tests.workflow_run import MAIN, REPOSITORY, REPOSITORY_ID, WorkflowRun


def options_of(*words):
    """Every option of a command."""
    command = cli
    for word in words:
        command = command.get_command(None, word)
    return {option for one in command.params for option in one.opts}


ELSEWHERE = "refs/heads/feature"


@pytest.fixture
def step(tmp_path, monkeypatch, repository):
    return WorkflowRun(tmp_path / "runner", monkeypatch.setenv)


def test_an_input_is_the_option_of_its_name():
    assert with_inputs(("ft", "stage"), {"dry_run": "false", "stage": "blue_ocean"}) == [
        "ft", "stage", "--dry-run=false", "--stage=blue_ocean",
    ]  # fmt: skip


def test_the_command_runs_and_its_exit_code_is_ours(step, ftv4, repository):
    step.dispatched(keep_days="3", dry_run="true")
    done = ftv4("dispatch", "ops", "clean", "--format=json")

    assert (done.code, '"dry_run": true' in done.out) == (0, True)
    step.dispatched(min_rows="3")
    assert ftv4("dispatch", "gate", "not_here.jsonl").code == ftv4("gate", "not_here.jsonl").code == 3


def test_an_option_on_the_command_line_wins():
    for given in ("--dry-run=true", "--dry_run=true"):
        assert with_inputs(("ft", "stage", given), {"dry_run": "false"}) == ["ft", "stage", given]


@pytest.mark.parametrize(
    ("value", "option"),
    [
        ("", []),
        (None, []),
        (False, ["--x=false"]),
        (True, ["--x=true"]),
        (0, ["--x=0"]),
        ("a b", ["--x=a b"]),
    ],
)
def test_an_input_that_was_left_empty_is_left_out(value, option):
    assert with_inputs(("c",), {"x": value}) == ["c", *option]


@pytest.mark.parametrize("option", sorted(NEVER_TYPED))
def test_no_form_says_where_state_is_or_vouches_for_itself(option):
    for command in (("ft", "stage"), ("ft", "stage", f"{option}=0")):
        for name in (option[2:], option[2:].replace("-", "_")):
            with pytest.raises(UsageError, match=f"no form may say {option}"):
                with_inputs(command, {name: "0" * 64})


def test_a_form_that_names_another_ledger_is_refused(step, ftv4, repository, tmp_path):
    step.dispatched(stage="blue_ocean", suffix="s", dry_run="false", ledger=str(tmp_path / "mine.git"))
    done = ftv4("dispatch", "ft", "stage", "--follow=false")

    assert (done.code, "no form may say --ledger" in done.err) == (2, True)


def test_options_that_no_form_may_say_are_options_still():
    said = {
        option
        for command in (("ft", "stage"), ("promote",), ("rollback",), ("ops", "reconcile"))
        for option in options_of(*command)
    }

    assert said >= NEVER_TYPED


@pytest.mark.parametrize("inputs", [{"x": []}, {"x": {}}, {"x": 1.5}, {"a b": "1"}, {"-x": "1"}, {"": "1"}])
def test_an_input_that_can_be_no_option_is_refused(inputs):
    with pytest.raises(UsageError):
        with_inputs(("c",), inputs)


@pytest.mark.parametrize(
    "value",
    [
        "$(touch pwned)",
        "`touch pwned`",
        "; touch pwned",
        "x\n--dry-run=false",
        "--dry-run=false",
        "::error::x",
    ],
)
@pytest.mark.parametrize("name", ["stage", "dry_run", "keep_days", "suffix", "no_such_option"])
def test_what_a_shell_would_obey_is_refused_and_obeyed_by_nobody(step, ftv4, repository, name, value):
    step.dispatched(**{name: value})
    before = sorted(repository.root.rglob("*"))
    done = ftv4("dispatch", *(("ops", "clean") if name == "keep_days" else ("ft", "stage")))

    assert done.code == 2
    assert "\n--dry" not in done.err
    assert Runner().obeys(done.err) == []
    assert sorted(repository.root.rglob("*")) == before


SAID = {
    "GITHUB_EVENT_NAME": "push",
    "GITHUB_REF": ELSEWHERE,
    "GITHUB_WORKFLOW_REF": f"{REPOSITORY}/.github/workflows/some.yml@{ELSEWHERE}",
    "GITHUB_REPOSITORY": "sandbox/fork",
    "GITHUB_REPOSITORY_ID": REPOSITORY_ID + 1,
}


@pytest.mark.parametrize("right", list(product((True, False), repeat=6)))
def test_only_the_default_branchs_own_workflow_runs_anything(step, ftv4, right):
    step.dispatched()
    if not right[0]:
        step.by("workflow_dispatch", ref=ELSEWHERE, inputs={})
    step.set(
        **{name: value for (name, value), holds in zip(SAID.items(), right[1:], strict=True) if not holds}
    )
    done = ftv4("dispatch", "ops", "clean")

    assert done.code == (0 if all(right) else 4)
    assert bool(done.out) == all(right)
    wrong = dict(zip(("the event's ref", *SAID), right, strict=True))
    assert {name: f"  {name} is " not in done.err for name in wrong} == wrong


@pytest.mark.parametrize(
    "workflow",
    [
        f"{REPOSITORY}/.github/workflows/some.yml@refs/tags/main",
        f"{REPOSITORY}/.github/workflows/some.yml@refs/heads/evil@{MAIN}",
        f"{REPOSITORY}/elsewhere/some.yml@{MAIN}",
        f"other/{REPOSITORY}/.github/workflows/some.yml@{MAIN}",
        MAIN,
    ],
)
def test_a_workflow_that_only_looks_like_mains_is_refused(step, ftv4, workflow):
    step.dispatched().set(GITHUB_WORKFLOW_REF=workflow)

    assert ftv4("dispatch", "ops", "clean").code == 4


@pytest.mark.parametrize(
    "ref", ["refs/tags/main", "refs/heads/main2", "main", "refs/pull/1/merge", "refs/heads/Main"]
)
def test_a_dispatch_from_a_branch_or_tag_is_refused(step, ftv4, ref):
    step.by("workflow_dispatch", ref=ref, inputs={}).set(GITHUB_REF=ref)
    done = ftv4("dispatch", "ops", "clean")

    assert (done.code, done.out) == (4, "")
    assert "start it from main" in done.err


def test_a_hostile_ref_is_shown_and_obeyed_by_nobody(step, ftv4):
    hostile = "refs/heads/a::error::b##[group]\u202e"
    step.by("workflow_dispatch", ref=hostile, inputs={})
    step.set(GITHUB_EVENT_NAME=hostile, GITHUB_REF=hostile, GITHUB_WORKFLOW_REF=hostile)
    done = ftv4("dispatch", "ops", "clean")

    assert done.code == 4
    assert done.err.count(for_log(hostile)) == 4
    assert Runner().obeys(done.err) == []


def test_a_hostile_name_is_shown_and_obeyed_by_nobody(step, ftv4):
    step.dispatched(**{"::error::##[x]": "1"})
    done = ftv4("dispatch", "ops", "clean")

    assert done.code == 2
    assert for_log("::error::##[x]") in done.err


@pytest.mark.parametrize("name", [*SAID, "GITHUB_EVENT_PATH"])
def test_what_the_platform_did_not_tell_is_named(step, ftv4, monkeypatch, name):
    step.dispatched()
    monkeypatch.delenv(name)
    done = ftv4("dispatch", "ops", "clean")

    assert done.code == 2
    assert name in done.err


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"repository": None}, "repository.default_branch"),
        ({"repository": {"default_branch": "main", "full_name": REPOSITORY}}, "repository.id"),
        ({"repository": {"default_branch": "main", "id": REPOSITORY_ID}}, "repository.full_name"),
        ({"repository": {"default_branch": "main", "id": True, "full_name": REPOSITORY}}, "repository.id"),
        ({"inputs": ["dry_run"]}, "inputs"),
    ],
)
def test_an_event_without_its_fields_is_refused_by_the_fields_name(step, ftv4, event, field):
    step.by("workflow_dispatch", **event)
    done = ftv4("dispatch", "ops", "clean")

    assert done.code == 2
    assert f"the event says no {field}" in done.err
