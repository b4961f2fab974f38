"""What holds for every workflow here; each rule yields what breaks it (docs/security.md has the threats)."""

import re
import shlex

from tests.workflows import expected
from tests.workflows.tree import ACTIONS, HERE, UNTRUSTED, strings

PINNED = re.compile(r"(?P<owner>[\w.-]+)/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
OWNERS = {"actions"}
LONGEST_MINUTES = 60
OF_A_HEAD = ("refs/pull", "allow-unsafe-pr-checkout", "gh pr checkout", "worktree", "head_ref", "head.ref")
OF_AN_ACTOR = ("github.actor", "triggering_actor", "sender.login", "user.login", "github.actor_id")


def differing(kind, seen, wanted):
    """Where two tables differ; `...` is anything."""
    for key in sorted({*seen, *wanted}, key=str):
        ours, theirs = seen.get(key), wanted.get(key)
        if isinstance(theirs, dict) and isinstance(ours, dict) and ... in theirs.values():
            ours = {name: ... if theirs.get(name) is ... else value for name, value in ours.items()}
        if ours != theirs:
            yield f"{kind} {key}: {ours}, not {theirs}"


def scripts_without_expressions(tree):
    """Row 1: what a stranger wrote reaches no shell, and no program's text."""
    for where, step in tree.steps:
        for name in ("run", "script"):
            for script in (step.get(name), step.get("with", {}).get(name)):
                if script is not None and "${{" in script:
                    yield f"{where}: an expression in {script!r}"


def scripts_of_one_command(tree):
    """Every script is one command of ours, as it is written down; its variables come quoted."""
    seen = {}
    for where, step in tree.steps:
        if "run" in step:
            seen.setdefault(where, []).append(step["run"])
            if re.search(r"\$\w", re.sub(r'"[^"]*"', "", step["run"])):
                yield f"{where}: an unquoted variable"
            if set(shlex.split(step["run"])) & {"&&", "||", ";", "|", "eval", "curl"} or "\n" in step["run"]:
                yield f"{where}: more than one command"
    yield from differing("runs", seen, expected.RUNS)


def no_change_checked_out(tree):
    """Row 3: where a job has rights, the files of a pull request are never laid out."""
    for (workflow, job), given in tree.privileged.items():
        main = {"ref": expected.NEWEST.get(f"{workflow}.{job}")}
        for step in given.get("steps", ()):
            if str(step.get("uses")).startswith("actions/checkout@") and (
                {"ref", "repository", "path", "submodules", "lfs", "ssh-key", "token"}
                & {name for name, told in step["with"].items() if main.get(name) != told}
            ):
                yield f"{workflow}.{job}: checks out something else than main"
        yield from (
            f"{workflow}.{job}: {text!r}"
            for text in strings(given)
            if any(word in text for word in OF_A_HEAD)
        )
    for name, workflow in tree.workflows.items():
        if "pull_request_target" in workflow["on"]:
            yield f"{name}: pull_request_target"


def nothing_handed_over(tree):
    """Row 4: no job takes an artifact; of one that sees a stranger's bytes, one output is read."""
    for where, step in tree.steps:
        if "download" in str(step.get("uses")) or "run-id" in step.get("with", {}):
            yield f"{where}: takes an artifact"
    for name in UNTRUSTED:
        for where, step in tree.steps:
            if where.startswith(f"{name}.") and "upload" in str(step.get("uses")):
                yield f"{where}: leaves an artifact"
    yield from differing(
        "outputs",
        {key: job["outputs"] for key, job in tree.jobs.items() if "outputs" in job},
        expected.OUTPUTS,
    )


def permissions_least(tree):
    """Row 16: none on top, and for each job exactly those written down."""
    for name, workflow in tree.workflows.items():
        if workflow.get("permissions") != {}:
            yield f"{name}: permissions on top"
    seen = {key: job.get("permissions") for key, job in tree.jobs.items()}
    yield from differing("permissions", seen, expected.PERMISSIONS)


def permissions_explained(tree):
    """Row 16: each right says on its line what it is for."""
    for path, text in tree.texts.items():
        yield from (
            f"{path}: {line.strip()}"
            for line in text.splitlines()
            if re.match(r" +[a-z-]+: (read|write)( |$)", line)
            and not line.strip().startswith("permission-")
            and not re.search(r" # \w+ \w+", line)
        )


def secrets_in_environments(tree):
    """Row 17: a secret is read in a job with an environment; a workflow that pull requests start has none."""
    seen = {name: set() for name in tree.workflows}
    for (workflow, job), given in tree.jobs.items():
        used = {name for text in strings(given) for name in re.findall(r"secrets\.(\w+)", text)}
        seen[workflow] |= used
        if used and "environment" not in given and "uses" not in given:
            yield f"{workflow}.{job}: {used} outside an environment"
        if given.get("secrets") == "inherit":
            yield f"{workflow}.{job}: hands over every secret"
    yield from differing("secrets", {name: used for name, used in seen.items() if used}, expected.SECRETS)
    yield from (f"{name}: secrets" for name in UNTRUSTED & set(seen) if seen[name])
    for name, action in tree.actions.items():
        yield from (f"{name}: {text}" for text in strings(action) if "secrets." in text)


def identities_in_environments(tree):
    """Row 17: a job says who it is only where main alone enters, or hands that on to such a job."""
    for key, job in tree.jobs.items():
        if "id-token" in job.get("permissions", {}) and not {"environment", "uses"} & set(job):
            yield f"{key}: says who it is outside an environment"


def environments_named(tree):
    """Rows 17, 23, 24: where approval and the branch rule are asked for."""
    seen = {key: job["environment"] for key, job in tree.jobs.items() if "environment" in job}
    yield from differing("environment", seen, expected.ENVIRONMENTS)


def actions_pinned(tree):
    """Row 18: others' actions by commit, with the version beside it, from owners we chose."""
    for path, text in tree.texts.items():
        for used in re.findall(r"^ *(?:- )?uses: (.*)$", text, re.M):
            found = PINNED.fullmatch(used)
            if not used.startswith("$/.github/") and (not found or found["owner"] not in OWNERS):
                yield f"{path}: {used}"


def no_cache(tree):
    """Row 19: nothing that another run left is put to use."""
    for where, step in tree.steps:
        if "cache" in str(step.get("uses")) or any("cache" in name for name in step.get("with", {})):
            yield f"{where}: a cache"


def installs_locked(tree):
    """Row 20: packages by their hashes alone, and nothing else is installed."""
    for where, step in tree.steps:
        run = step.get("run", "")
        if "install" not in run:
            continue
        locked = "--require-hashes" in run and "--only-binary=:all:" in run
        ours = {"--no-index", "--no-deps", "--no-build-isolation"} <= set(run.split())
        if where != "setup" or not (locked or ours):
            yield f"{where}: {run}"


def app_narrowed(tree):
    """Row 21: the App's token has the rights written down, for this repository, and is taken back."""
    seen = {}
    for key, job in tree.jobs.items():
        for step in job.get("steps", ()):
            if not str(step.get("uses")).startswith("actions/create-github-app-token@"):
                continue
            given = dict(step["with"])
            if (given.pop("client-id", None), given.pop("private-key", None)) != (
                "${{ vars.FTV4_APP_ID }}",
                "${{ secrets.FTV4_APP_KEY }}",
            ):
                yield f"{key}: not our App"
            if (step.get("id"), step.get("if")) != ("app", expected.APP_MADE):
                yield f"{key}: the App where there may be none"
            seen[key] = {name.removeprefix("permission-"): may for name, may in given.items()}
    yield from differing("the App's permissions", seen, expected.APP_MAY)


def no_credentials_kept(tree):
    """Row 22: a checkout leaves no token on the disk, and takes the history only where it is read."""
    for where, step in tree.steps:
        if str(step.get("uses")).startswith("actions/checkout@"):
            wanted = {"persist-credentials": "false"}
            if where in expected.FULL_HISTORY:
                wanted["fetch-depth"] = "0"
            if where in expected.NEWEST:
                wanted["ref"] = expected.NEWEST[where]
            yield from differing(f"{where} checkout", step.get("with", {}), wanted)


def nobody_trusted_by_name(tree):
    """Row 26: who started a run decides nothing."""
    for path, document in tree.documents.items():
        yield from (
            f"{path}: {text!r}" for text in strings(document) if any(word in text for word in OF_AN_ACTOR)
        )


def conditions_known(tree):
    """Jobs run when they should: each `if` and `needs` is written down, and no failure is passed over."""
    jobs = {key: job for key, job in tree.jobs.items()}
    yield from differing(
        "if", {key: job["if"] for key, job in jobs.items() if "if" in job}, expected.CONDITIONS
    )
    yield from differing(
        "needs", {key: job["needs"] for key, job in jobs.items() if "needs" in job}, expected.NEEDS
    )
    for where, step in tree.steps:
        if "continue-on-error" in step or ("if" in step and step.get("id") != "app"):
            yield f"{where}: a step that may fail or be left out"
    yield from (f"{key}: may fail" for key, job in jobs.items() if "continue-on-error" in job)


def variables_known(tree):
    """What a command is told, and no more: the variables of each are written down."""
    seen = {}
    for where, step in tree.steps:
        if "run" in step and "env" in step:
            seen[where] = step["env"]
        elif "env" in step:
            yield f"{where}: variables for somebody else's action"
    yield from differing("env", seen, expected.ENV)
    for name, workflow in tree.workflows.items():
        holders = [workflow, *workflow["jobs"].values()]
        if any("env" in holder or "defaults" in holder for holder in holders):
            yield f"{name}: variables for every step"


def triggers_known(tree):
    """A required check has no filter, and every workflow starts by what is written down alone."""
    yield from differing("on", {name: one["on"] for name, one in tree.workflows.items()}, expected.TRIGGERS)


def concurrency_known(tree):
    """Nothing that pays or proposes is cancelled or dropped; what is superseded goes."""
    seen = {name: one["concurrency"] for name, one in tree.workflows.items() if "concurrency" in one}
    seen |= {".".join(key): job["concurrency"] for key, job in tree.jobs.items() if "concurrency" in job}
    yield from differing("concurrency", seen, expected.CONCURRENCY)


def jobs_bounded(tree):
    """Every job ends, has a name, and runs on the platform's own machines."""
    for key, job in tree.jobs.items():
        if "name" not in job or any("name" not in step for step in job.get("steps", ())):
            yield f"{key}: without a name"
        if "uses" in job:
            continue
        if not 0 < int(job.get("timeout-minutes", 0)) <= LONGEST_MINUTES:
            yield f"{key}: without an end"
        if job.get("runs-on") != "ubuntu-latest":
            yield f"{key}: runs on {job.get('runs-on')}"


def steps_in_order(tree):
    """What each job uses, in this order: main, ftv4, the App; then the command; then what it leaves."""
    setup = [expected.CHECKOUT, expected.SETUP]
    leaves = {("finetune", "plan"), ("finetune", "launch")}
    for key, job in tree.jobs.items():
        wanted = {
            "ci": [expected.CHECKOUT, expected.PYTHON, "run"],
            "gate-preview": [expected.CHECKOUT, expected.GATE],
        }.get(key[0]) or [*setup, *([expected.APP] if key in expected.APP_MAY else []), "run"]
        seen = [step.get("uses", "run") for step in job.get("steps", ())]
        if "steps" in job and seen != wanted + ([expected.UPLOAD] if key in leaves else []):
            yield f"{key}: {seen}"
    used = {
        name: [step.get("uses", "run") for step in action["runs"]["steps"]]
        for name, action in tree.actions.items()
    }
    wanted = {"setup": [expected.PYTHON, "run", "run", "run"], "gate": [expected.SETUP, "run"]}
    yield from differing("action", used, wanted)


def actions_told(tree):
    """What actions of others and of ours are told is written down; ours are composed of shell commands."""
    given = {(where, step.get("uses")): step["with"] for where, step in tree.steps if "with" in step}
    own = ("actions/checkout@", "actions/create-github-app-token@")
    yield from differing(
        "with", {key: told for key, told in given.items() if not key[1].startswith(own)}, expected.WITH
    )
    for name, action in tree.actions.items():
        if action["runs"].get("using") != "composite":
            yield f"{name}: not composite"
        shells = [step.get("shell") for step in action["runs"]["steps"] if "run" in step]
        if set(shells) != {"bash"}:
            yield f"{name}: runs by {shells}"
    inputs = tree.actions["gate"]["inputs"]
    yield from differing(
        "input", {key: one.get("required") for key, one in inputs.items()}, {"base": "true", "head": "true"}
    )


def inputs_known(tree):
    """What a person may type is written down, with its type and what it is by default."""
    seen = {
        name: _undescribed(one["on"]["workflow_dispatch"]["inputs"])
        for name, one in tree.workflows.items()
        if one["on"].get("workflow_dispatch")
    }
    yield from differing("inputs", seen, expected.INPUTS)


def _undescribed(inputs):
    return {
        field: {key: value for key, value in told.items() if key != "description"}
        for field, told in inputs.items()
    }


def calls_known(tree):
    """A called workflow gets the secrets and inputs it asks for, and gives the outputs written down."""
    calls = {key: job for key, job in tree.jobs.items() if "uses" in job}
    used = {key: f"$/.github/workflows/{name}.yml" for key, name in expected.CALLS.items()}
    yield from differing("calls", {key: job["uses"] for key, job in calls.items()}, used)
    told = {key: job["with"] for key, job in calls.items() if "with" in job}
    yield from differing("told", told, expected.TOLD)
    for key, name in expected.CALLS.items():
        handed = {one: f"${{{{ secrets.{one} }}}}" for one in expected.CALLED[name]["secrets"]}
        yield from differing(f"{key} secrets", tree.jobs[key].get("secrets", {}), handed)
    for name, wanted in expected.CALLED.items():
        call = tree.workflows[name]["on"]["workflow_call"]
        asked = {secret: one.get("required") for secret, one in call.get("secrets", {}).items()}
        yield from differing(f"{name} secrets", asked, dict.fromkeys(wanted["secrets"], "false"))
        given = {output: one.get("value") for output, one in call.get("outputs", {}).items()}
        yield from differing(f"{name} outputs", given, wanted.get("outputs", {}))
        yield from differing(f"{name} asks", _undescribed(call.get("inputs", {})), wanted.get("inputs", {}))


def repeated_known(tree):
    """A job runs once, but where it is written down for what it runs."""
    seen = {key: job["strategy"] for key, job in tree.jobs.items() if "strategy" in job}
    yield from differing("strategy", seen, expected.EACH)


def outputs_there(tree):
    """Whoever reads what a step or a job says names one that is there."""
    for key, job in tree.jobs.items():
        ids = {step["id"] for step in job.get("steps", ()) if "id" in step}
        needs = {job["needs"]} if isinstance(job.get("needs"), str) else set(job.get("needs", ()))
        for text in strings(job):
            for kind, name in re.findall(r"\b(steps|needs)\.(\w+)\.outputs", text):
                if name not in (ids if kind == "steps" else needs):
                    yield f"{key}: {text!r} reads what is not there"


def files_known(tree):
    """No workflow or action that nobody thought of."""
    names = {key[0] for key in expected.PERMISSIONS}
    wanted = {f"{HERE}{name}.yml" for name in names}
    wanted |= {f"{ACTIONS}{name}/action.yml" for name in ("setup", "gate")} | {".github/dependabot.yml"}
    yield from (f"{path}" for path in sorted(set(tree.texts) ^ wanted))
