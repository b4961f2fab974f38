"""Which lines of the workflows, guards and encoder calls can go without a test turning red.

    python benchmarks/mutate_workflows.py [--kinds workflows templates guards encoders] [--only TEXT]
        [--seconds 20] [--folder PATH]

Works in a copy. Workflows and templates are changed as text and held against the rules of tests/workflows
and tests/encode; guards and encoder calls of the code behind them are switched off one by one, and the tests
that would notice are run (switches.py). Prints a Markdown table, and what survived. By hand: it takes
the better part of an hour.
"""

import argparse
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from switches import ROOT, Copy

GUARDED = (
    *("actions.py", "cli/dispatch.py", "cli/verdict.py", "cli/reconcile.py", "cli/clients.py"),
    *("clients/ledger.py", "clients/git.py", "clients/forge*.py", "clients/proposal.py"),
    *(
        "steps/pull_*.py",
        "steps/handover.py",
        "steps/change.py",
        "steps/snapshot.py",
        "steps/promotion_rules.py",
    ),
    *("steps/verify*.py", "steps/launch.py", "steps/caps.py", "steps/ledger.py", "steps/reconcile*.py"),
    *("steps/rollback.py", "steps/past.py"),
)
ENCODED = (
    *GUARDED,
    *("cli/say.py", "cli/options.py", "cli/ft.py", "cli/rollback.py", "cli/history.py", "cli/__init__.py"),
    *("clients/provider.py", "steps/follow.py", "steps/show.py", "steps/differences.py", "steps/pinned.py"),
    *("steps/settings*.py", "steps/ruleset_files.py", "steps/run*.py", "steps/gate_report.py"),
    *("steps/logbook.py", "steps/weigh.py", "steps/candidate.py", "steps/serve.py", "render.py"),
)
TESTS = [
    *("tests/test_actions.py", "tests/encode/test_doors.py", "tests/encode/test_secrets.py", "tests/clients"),
    *(f"tests/steps/test_{name}.py" for name in ("handover", "launch_ledger", "finetune", "finetune_paid")),
    *(
        f"tests/steps/test_{name}.py"
        for name in ("lifetime", "ops", "reconcile", "reconcile_rounds", "runpacks")
    ),
    *(
        f"tests/cli/test_{name}.py"
        for name in ("dispatch", "verdict", "verdict_event", "verdict_report", "verify")
    ),
    *(
        f"tests/cli/test_{name}.py"
        for name in ("verify_models", "rollback", "history", "promote", "ops_doctor")
    ),
    *(f"tests/cli/test_{name}.py" for name in ("evals", "ft", "ft_summary", "gate_sarif", "init", "naming")),
]
"""Where guards and encoders are looked at; no run of act, as one takes seconds and there are hundreds."""
FILTER = r"(?<=[\w)\]]) *\| *(?:code|person|line|span)(?:\([^()]*\))?(?=[^{}\n]*\}\})"
LINE = re.MULTILINE
BLOCK = r"^( *)%s:\n(?:\1 +.*\n)+"
WORKFLOWS = [
    ("permission deleted", r"^ +(?:permission-)?[a-z-]+: (?:read|write)\b.*\n", ""),
    ("permission raised", r"^( +(?:permission-)?[a-z-]+: )read\b", r"\1write"),
    ("permission added", r"^    permissions:\n", r"\g<0>      id-token: write # to be somebody\n"),
    ("permission added", r"^ +permission-contents: \w+\n", r"\g<0>          permission-actions: write\n"),
    ("permissions of a job deleted", BLOCK % "permissions", ""),
    ("permissions on top", r"^permissions: \{\}\n", ""),
    ("permissions on top", r"^permissions: \{\}\n", "permissions: write-all\n"),
    ("reason deleted", r"(?<=read|rite) # .*", ""),
    ("pin made a tag", r"@[0-9a-f]{40} # (v[\d.]+)", r"@\1 # \1"),
    ("pin moved", r"@[0-9a-f]{40}", f"@{'0' * 40}"),
    ("version deleted", r"(@[0-9a-f]{40}) # v.*", r"\1"),
    ("`if` deleted", r"^ +if: .*\n", ""),
    ("`if` always", r"^( +if: ).*", r"\1always()"),
    ("`needs` deleted", r"^ +needs: .*\n", ""),
    ("environment deleted", r"^ +environment: .*\n", ""),
    ("environment another", r"^( +environment: ).*", r"\1production"),
    ("concurrency deleted", BLOCK % "concurrency", ""),
    ("concurrency deleted", r"^ +(?:group|cancel-in-progress|queue): .*\n", ""),
    ("timeout deleted", r"^ +timeout-minutes: .*\n", ""),
    ("timeout raised", r"(timeout-minutes: ).*", r"\g<1>360"),
    ("credentials kept", r"^ +persist-credentials: false\n", ""),
    ("credentials kept", r"persist-credentials: false", "persist-credentials: true"),
    ("variable deleted", r"^ +[A-Z][A-Z0-9_]+: .*\n", ""),
    ("variable added", r"^( +)env:\n", r"\g<0>\1  MORE: ${{ github.event.x }}\n"),
    ("variables deleted", BLOCK % "env", ""),
    (
        "secret for every step",
        r"^( +)runs-on: .*\n",
        r"\g<0>\1env:\n\1  KEY: ${{ secrets.OPENAI_API_KEY }}\n",
    ),
    ("secret for every job", r"^jobs:\n", "env:\n  KEY: ${{ secrets.OPENAI_API_KEY }}\njobs:\n"),
    ("secret elsewhere", r"secrets\.OPENAI_API_KEY", "vars.OPENAI_API_KEY"),
    ("secret elsewhere", r"secrets\.FTV4_APP_KEY", "secrets.OTHER"),
    ("secrets inherited", BLOCK % "secrets", r"\1secrets: inherit\n"),
    *(
        ("trigger added", r"^on:\n", f"on:\n  {name}:\n")
        for name in ("pull_request_target", "issue_comment", "repository_dispatch", "workflow_call")
    ),
    ("trigger filtered", r"^  (pull_request|merge_group):\n", r"\g<0>    paths: [train/**]\n"),
    ("trigger deleted", r"^  (?:pull_request|merge_group|push|schedule|workflow_\w+):.*\n(?:    .*\n)*", ""),
    ("expression in a script", r"^( +run: .*)", r"\1 ${{ github.event.pull_request.title }}"),
    ("second command", r"^( +run: .*)", r"\1 && make"),
    ("option of a script deleted", r"(?<= )--[a-z-]+(?:=\S+)?", ""),
    ("quotes deleted", r'"(\$\w+)"', r"\1"),
    ("checkout of a change", r"^( +)persist-credentials: false\n", r"\g<0>\1ref: refs/pull/1/merge\n"),
    ("history deleted", r"^ +fetch-depth: .*\n", ""),
    ("cache", r"^( +)python-version: .*\n", r"\g<0>\1cache: pip\n"),
    ("artifact taken", r"actions/upload-artifact", "actions/download-artifact"),
    ("step deleted", r"^( +)- name: .*\n(?:\1  .*\n)+", ""),
    ("failure passed over", r"^( +)(?:- )?runs-on: .*\n", r"\g<0>\1continue-on-error: true\n"),
    ("another machine", r"ubuntu-latest", "self-hosted"),
    ("line deleted", r"^ *(?!- name|name|#|description| *$)\S.*\n", ""),
]
"""Kind, what it takes the place of, and what with; each match is a mutant."""
SPARE = {
    ("clients/forge.py", "head is not None"): "a forge closes a pull request whose branch goes",
    ("clients/forge.py", "found.encoding == 'base64'"): "saves a call",
    ("clients/forge_settings.py", "one['name'] in names"): "saves calls",
    ("steps/change.py", "self.sizes[blob] <= LARGEST"): "verify refuses what is larger before it reads",
    ("steps/change.py", "name.startswith(PATHS)"): "saves reading what nobody asks for",
    ("steps/change.py", "entry is None"): "asked only of a change of models.json",
    ("steps/snapshot.py", "text is not None"): "what is not there is looked for once more, and refused then",
    ("steps/snapshot.py", "for folder in self._folders"): "saves asking git",
    (
        "steps/launch.py",
        "other.folder != run.folder",
    ): "the next lines ask for a job, which the new run lacks",
    ("steps/verify.py", "name == MODELS"): "models.json is never final",
}
"""Places that may go, by module and how the text ends: why no test can see it."""

Mutant = tuple[str, str, str]
"""Kind, where, and the text of the whole file."""


def mutants_of(text: str, rules: list[tuple[str, str, str]]) -> Iterator[Mutant]:
    """Every match of every rule, changed alone."""
    for kind, pattern, instead in rules:
        for found in re.finditer(pattern, text, LINE):
            new = text[: found.start()] + found.expand(instead) + text[found.end() :]
            if new != text:
                line = text.count("\n", 0, found.start() + len(found[0]) - len(found[0].lstrip())) + 1
                yield kind, f"{line}: {' '.join(found[0].split())[:70]}", new


def workflows() -> Iterator[tuple[str, str, bool]]:
    """Kind, where, and whether a rule sees it."""
    from tests.workflows.test_tree import OURS, broken_by

    for path, text in OURS.texts.items():
        for kind, where, new in mutants_of(text, [] if "dependabot" in path else WORKFLOWS):
            yield kind, f"{path}:{where}", bool(broken_by(OURS.with_text(path, new)))


def templates() -> Iterator[tuple[str, str, bool]]:
    """Kind, where, and whether the look at templates sees it."""
    from tests.encode.test_templates import OURS, TEMPLATES, unfiltered

    for path in sorted(TEMPLATES.rglob("*.j2")):
        text, known = path.read_text(), set(OURS[path.name].split())
        for kind, where, new in mutants_of(text, [("filter of a template", FILTER, "")]):
            yield kind, f"{path.name}:{where}", bool(set(unfiltered(new)) - known)


def code(
    copy: Copy, tests: list[str], only: list[str], first: int, seconds: float
) -> Iterator[tuple[str, str, bool]]:
    """Kind, where, and whether a test turns red."""
    copy.warm(tests)
    copy.look(tests)
    print(f"{len(copy.seconds)} tests, {len(copy.red)} of them left out: {sorted(copy.red)}", file=sys.stderr)
    for number, place in enumerate(copy.places, 1):
        if number >= first and any(text in str(place) for text in only):
            unseen = "" if copy.tests.get(number) else " (no test comes here)"
            yield place.kind, f"{place}{unseen}", copy.killed(number, seconds)


def modules(kinds: set[str]) -> dict[str, set[str]]:
    """Module → what of it gets switches."""
    found: dict[str, set[str]] = {}
    for kind, patterns in (("guards", GUARDED), ("encoders", ENCODED)):
        for pattern in patterns if kind in kinds else ():
            for path in sorted((ROOT / "ftv4").glob(pattern)):
                found.setdefault(path.relative_to(ROOT / "ftv4").as_posix(), set()).add(kind)
    return found


def main() -> int:
    """Make every mutant, and tell of each kind how many were noticed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kinds = ["workflows", "templates", "guards", "encoders"]
    parser.add_argument("--kinds", nargs="+", choices=kinds, default=kinds)
    parser.add_argument(
        "--only", nargs="+", default=[""], help="places with one of these texts, as `launch.py:8`"
    )
    parser.add_argument("--seconds", type=float, default=20, help="of tests that are tried at a place")
    parser.add_argument("--tests", nargs="+", default=TESTS, help="where guards and calls are looked at")
    parser.add_argument("--first", type=int, default=1, help="number of the guard or call to go on from")
    parser.add_argument("--folder", type=Path, help="of an earlier run, whose notes are taken as they are")
    given = parser.parse_args()
    made, killed, left = Counter(), Counter(), []
    with tempfile.TemporaryDirectory(prefix="ftv4-mutants-") as name:
        copy = Copy((given.folder or Path(name)).absolute())
        copy.lay_out(modules(set(given.kinds)))
        sys.path.insert(0, str(copy.folder))
        sources = {"workflows": workflows, "templates": templates}
        found = [source() for kind, source in sources.items() if kind in given.kinds]
        found += [code(copy, given.tests, given.only, given.first, given.seconds)] if copy.places else []
        for kind, where, seen in (one for source in found for one in source):
            made[kind] += 1
            killed[kind] += seen
            if not seen:
                why = next(
                    (why for (file, text), why in SPARE.items() if file in where and text in where), ""
                )
                left.append(f"* {kind}: `{where}`{why and ': ' + why}")
                print(left[-1], file=sys.stderr, flush=True)
    print("| kind | mutants | killed |\n|---|---|---|")
    for kind in made:
        print(f"| {kind} | {made[kind]} | {killed[kind]} |")
    print(f"| all | {made.total()} | {killed.total()} |\n", *left, sep="\n")
    return int(any(line.endswith("`") for line in left))


if __name__ == "__main__":
    raise SystemExit(main())
