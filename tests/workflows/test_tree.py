"""The trees of our workflows against what docs/security.md promises (threats 1, 3, 4, 16 to 26)."""

import re

import pytest
import yaml

from tests.conftest import ROOT
from tests.workflows import expected, rules
from tests.workflows.tree import Tree

OURS = Tree.of()


def broken_by(tree):
    """The rules that a tree breaks; a tree that is none breaks them all."""
    try:
        return {name for name, rule in RULES.items() if any(True for _ in rule(tree))}
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):
        return {"unreadable"}


HELPERS = {"differing", "_undescribed"}
RULES = {
    name: rule
    for name, rule in vars(rules).items()
    if callable(rule) and getattr(rule, "__module__", "") == rules.__name__ and name not in HELPERS
}


def held(rule):
    assert list(rule(OURS)) == []


def test_no_script_holds_an_expression():
    held(rules.scripts_without_expressions)


def test_each_script_is_one_command_of_ours():
    held(rules.scripts_of_one_command)


def test_no_job_with_rights_lays_out_a_change():
    held(rules.no_change_checked_out)


def test_no_artifact_crosses_from_a_change():
    held(rules.nothing_handed_over)


def test_each_job_has_the_rights_it_needs_and_no_other():
    held(rules.permissions_least)


def test_each_right_says_what_it_is_for():
    held(rules.permissions_explained)


def test_secrets_are_read_in_environments_alone():
    held(rules.secrets_in_environments)


def test_jobs_say_who_they_are_in_environments_alone():
    held(rules.identities_in_environments)


def test_each_job_runs_in_the_environment_that_guards_it():
    held(rules.environments_named)


def test_each_action_is_pinned_with_its_version_and_from_an_owner_we_chose():
    held(rules.actions_pinned)


def test_nothing_is_taken_from_a_cache():
    held(rules.no_cache)


def test_packages_are_installed_by_their_hashes():
    held(rules.installs_locked)


def test_the_apps_token_may_do_what_its_job_does_and_no_more():
    held(rules.app_narrowed)


def test_no_checkout_leaves_a_token():
    held(rules.no_credentials_kept)


def test_nobody_is_trusted_by_name():
    held(rules.nobody_trusted_by_name)


def test_jobs_run_on_the_conditions_written_down():
    held(rules.conditions_known)


def test_commands_are_told_what_they_need_and_no_more():
    held(rules.variables_known)


def test_workflows_start_by_what_is_written_down():
    held(rules.triggers_known)


def test_what_must_wait_waits_and_no_request_is_lost():
    held(rules.concurrency_known)


def test_every_job_ends_and_has_a_name():
    held(rules.jobs_bounded)


def test_jobs_use_what_is_written_down_in_this_order():
    held(rules.steps_in_order)


def test_actions_are_told_what_is_written_down():
    held(rules.actions_told)


def test_people_may_type_what_is_written_down():
    held(rules.inputs_known)


def test_called_workflows_get_the_secrets_they_name():
    held(rules.calls_known)


def test_a_job_runs_once_unless_that_is_written_down():
    held(rules.repeated_known)


def test_outputs_are_read_of_steps_that_are_there():
    held(rules.outputs_there)


def test_there_is_no_other_workflow():
    held(rules.files_known)


def test_the_guide_asks_for_trust_policies_with_the_rights_of_their_jobs():
    """A token service gives what its policy says: one right too few, and a job is red."""
    text = (ROOT / "docs/settings.md").read_text().partition("| permissions | policies |")[2]
    rows = [line.split("|")[1:3] for line in text.split("\n\n")[0].splitlines()[2:]]
    asked = {name: set(re.findall(r"`([a-z_]+: \w+)`", may)) for may, told in rows for name in _names(told)}
    needed = {}
    for key, may in expected.APP_MAY.items():
        rights = {f"{name.replace('-', '_')}: {level}" for name, level in may.items()}
        needed.setdefault(expected.ENVIRONMENTS[key], set()).update(rights)

    assert asked == needed


def _names(told):
    return re.findall(r"`([\w-]+)`", told)


# the rules are no decoration


def worth_a_rule(line):
    """A line that does something: not a name, a description, a comment of its own, or nothing at all."""
    told = line.strip()
    return bool(told) and not told.removeprefix("- ").startswith(("#", "description:", "name:"))


def without(path, number, line):
    lines = OURS.texts[path].splitlines(keepends=True)
    return OURS.with_text(path, "".join([*lines[:number], line, *lines[number + 1 :]]))


PATHS = [path for path in OURS.texts if not path.endswith("dependabot.yml")]


@pytest.mark.parametrize("path", PATHS)
def test_no_line_can_go_unnoticed(path):
    lines = enumerate(OURS.texts[path].splitlines())
    unnoticed = [
        line for number, line in lines if worth_a_rule(line) and not broken_by(without(path, number, ""))
    ]

    assert unnoticed == []


def test_a_key_that_stands_twice_is_seen():
    twice = OURS.texts[PATHS[0]].replace("name: ", "name: other\nname: ", 1)

    assert broken_by(OURS.with_text(PATHS[0], twice)) == {"unreadable"}


@pytest.mark.parametrize("path", PATHS)
def test_no_version_or_reason_can_go_unnoticed(path):
    lines = enumerate(OURS.texts[path].splitlines())
    unnoticed = [
        line
        for number, line in lines
        if worth_a_rule(line)
        and " # " in line
        and "zizmor" not in line  # without it, zizmor complains
        and not broken_by(without(path, number, line.partition(" # ")[0] + "\n"))
    ]

    assert unnoticed == []


@pytest.mark.parametrize(
    ("rule", "path", "old", "new"),
    [
        (
            "scripts_without_expressions",
            "verdict",
            "run: ftv4 verdict judge",
            "run: echo ${{ github.event.x }}",
        ),
        ("scripts_of_one_command", "gate", '"$BASE"', "$BASE"),
        ("scripts_of_one_command", "verdict", "verdict judge", "verdict judge && make"),
        (
            "no_change_checked_out",
            "verdict",
            "fetch-depth: 0",
            "ref: ${{ github.event.workflow_run.head_sha }}",
        ),
        ("no_change_checked_out", "verdict", "workflow_run:", "pull_request_target:"),
        ("nothing_handed_over", "verdict", "actions/setup", "actions/download-artifact"),
        ("permissions_least", "verdict", "contents: read", "contents: write"),
        ("permissions_least", "finetune", "permissions: {}", "permissions: read-all"),
        ("secrets_in_environments", "finetune", "    environment: ftv4-paid\n", ""),
        ("secrets_in_environments", "gate-preview", "fetch-depth: 0", "token: ${{ secrets.X }}"),
        (
            "identities_in_environments",
            "verdict",
            "      pull-requests: read #",
            "      id-token: write # x y\n      pull-requests: read #",
        ),
        ("environments_named", "finetune", "environment: ftv4-paid", "environment: ftv4-watch"),
        ("actions_pinned", "doctor", "3d3c42e5aac5ba805825da76410c181273ba90b1", "v7"),
        ("actions_pinned", "doctor", "uses: actions/", "uses: someone/"),
        ("no_cache", "ci", 'python-version: "3.11"', "cache: pip"),
        ("installs_locked", "setup", " --require-hashes", ""),
        ("installs_locked", "ci", "run: make check", "run: pip install build"),
        ("app_narrowed", "verdict", "permission-statuses: write", "permission-contents: write"),
        ("app_narrowed", "verdict", "permission-statuses: write", "skip-token-revoke: true"),
        ("no_credentials_kept", "rollback", "persist-credentials: false", "persist-credentials: true"),
        ("nobody_trusted_by_name", "finetune", "inputs.dry_run == false", "github.actor == 'bot'"),
        ("conditions_known", "finetune", "inputs.dry_run == false", "always()"),
        ("concurrency_known", "finetune", "      queue: max\n", ""),
        ("concurrency_known", "rollback", "cancel-in-progress: false", "cancel-in-progress: true"),
        ("triggers_known", "gate-preview", "  pull_request:\n", "  pull_request:\n    paths: [train/**]\n"),
        ("jobs_bounded", "finetune", "timeout-minutes: 15", "timeout-minutes: 360"),
        ("jobs_bounded", "finetune", "ubuntu-latest", "self-hosted"),
        ("inputs_known", "finetune", "default: true", "default: false"),
        ("outputs_there", "verdict", "id: judge", "id: judges"),
    ],
)
def test_a_rule_sees_what_it_is_for(rule, path, old, new):
    path = next(one for one in PATHS if one.endswith((f"/{path}.yml", f"/{path}/action.yml")))
    text = OURS.texts[path]

    assert old in text
    assert rule in broken_by(OURS.with_text(path, text.replace(old, new, 1)))
