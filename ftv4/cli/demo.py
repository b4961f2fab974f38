"""`ftv4 demo`: the whole journey on one machine, by the commands that people type."""

import io
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ftv4.actions import environment
from ftv4.cli.options import boolean, format_option, now, print_json, repository
from ftv4.cli.say import say
from ftv4.clients.git import Git
from ftv4.clock import stamp
from ftv4.documents import MODELS, Repository
from ftv4.errors import Ftv4Error, UsageError

if TYPE_CHECKING:
    from ftv4.clients.forge import Forge, PullRequest

STAGE = "synthesis_decision"
DATASET = "train/datasets/stage_synthesis.jsonl"
PACKS_PER_INDUSTRY = 12
SHOWN = 5
SEED = 2024
"""Not the seed of the shipped packs or of the eval cases: the demo makes data of its own."""


@dataclass
class Demo:
    """One demo: its repository, its services, and what came out so far."""

    files: Repository
    quiet: bool
    started: float = field(default_factory=time.monotonic)
    facts: dict[str, Any] = field(default_factory=dict)

    def say(self, line: str = "") -> None:
        """Narrate, unless only the facts are asked for."""
        if not self.quiet:
            say(line)

    def some(self, lines: list[str]) -> None:
        """Narrate the first few, and how many more there are."""
        for line in lines[:SHOWN]:
            self.say(f"  {line}")
        if len(lines) > SHOWN:
            self.say(f"  and {len(lines) - SHOWN} more")

    def run(self, *arguments: str, expect: int = 0) -> Any:
        """Run one ftv4 command on the demo's repository; give back its JSON answer.

        Raises Ftv4Error when its exit code is not the expected one.
        """
        from ftv4.cli import run

        self.say(f"  $ ftv4 {' '.join(arguments)}")
        answer, aside = io.StringIO(), io.StringIO()
        refusal = redirect_stderr(aside) if expect else nullcontext()  # an expected one is told below
        with redirect_stdout(answer), refusal:
            code = run(["--repo", str(self.files.root), *arguments, "--format", "json"])
        if code != expect:
            raise Ftv4Error(f"ftv4 {' '.join(arguments)} ended with {code}, not {expect}")
        return _json(answer.getvalue())


@click.command()
@click.option("--folder", metavar="DIR", help="Where to play.  [default: a fresh folder under demo/]")
@boolean("--serve", default=False, help="Leave the sandbox up afterwards, until Ctrl-C.")
@boolean("--spoil", default=False, help="Spoil the dataset, and watch the gate and the evals refuse.")
@format_option
@click.pass_context
def demo(ctx: click.Context, folder: str | None, serve: bool, spoil: bool, form: str) -> None:
    """Carry a model from data to a merged promotion, on this machine alone.

    Makes a repository of its own and a sandbox provider and forge on loopback, then runs the
    journey: packs, runs, curation, dataset PR, gate, fine-tune, evals, promotion PR, merge.
    No key is needed, and nothing leaves this machine.
    """
    play = Demo(_fresh(folder, repository(ctx)), quiet=form == "json")
    with ExitStack() as services:
        forge = services.enter_context(_services(play))
        (_spoiled_journey if spoil else _journey)(play, forge)
        play.facts["cases"] = len(play.files.files("evals/cases", "*.json"))
        play.facts["seconds"] = round(time.monotonic() - play.started, 1)
        if form == "json":
            print_json(play.facts)
        _where_to_look(play, serve)
        if serve:
            _until_stopped()


def _journey(play: Demo, forge: "Forge") -> None:
    _grow_dataset(play)
    _gate(play)
    pull = _dataset_pull(play, forge)
    _merge(play, forge, pull.number)
    model = _tune(play)
    _evaluate(play, model)
    answer = _promote(play, model)
    promotion = forge.pull(answer["pull_request"]["number"])
    _merge(play, forge, promotion.number)
    _served(play, model)
    play.facts |= {
        "stage": STAGE,
        "old_model_id": answer["old_model_id"],
        "new_model_id": answer["new_model_id"],
        "verdict": answer["verdict"],
        "pull_request": promotion.url,
        "merged": True,
    }


def _spoiled_journey(play: Demo, forge: "Forge") -> None:
    _grow_dataset(play)
    _spoil(play)
    _gate(play, expect=4)
    pull = _dataset_pull(play, forge)
    play.say("  somebody merges it all the same")
    _merge(play, forge, pull.number)
    model = _tune(play)
    answer = _promote(play, model, expect=4)
    _not_served(play, model)
    play.facts |= {
        "stage": STAGE,
        "old_model_id": answer["old_model_id"],
        "new_model_id": answer["new_model_id"],
        "verdict": answer["verdict"],
        "pull_request": None,
        "merged": False,
        "blocked_by": answer["blocked_by"],
    }


def _grow_dataset(play: Demo) -> None:
    play.say("Data: synthetic businesses, run through the pipeline as it serves today")
    packs = play.run(
        "synth", "packs", "--packs-per-industry", str(PACKS_PER_INDUSTRY), "--seed", str(SEED),
        "--anchor-date", "2025-09-30", "--bent",
    )  # fmt: skip
    play.say(f"  {packs['total_generated']} packs for {len(packs['industries'])} industries")
    runs = play.run("synth", "runpacks", "--iterations", str(PACKS_PER_INDUSTRY), "--seed", str(SEED))
    play.say(f"  {runs['succeeded_runs']} of {runs['attempted_runs']} runs went through all five stages")
    play.say("Curation: a person reads each run's decision; here a synthetic curator stands in")
    pack = play.run("curate", "--stage", STAGE, "--out-file", "train/curation/review_packs/demo.json")
    reviewed = play.run("review", pack["out_file"], "--curator", "synthetic")
    play.say(f"  {reviewed['approved']} of {reviewed['items']} approved")
    built = play.run("datasets", "build", "--stage", STAGE)
    play.say(f"  {built['rows'][STAGE]} rows in {DATASET}")


def _gate(play: Demo, expect: int = 0) -> None:
    play.say("Gate: every question is asked of every row")
    report = play.run("gate", DATASET, expect=expect)
    play.some(
        [
            f"{finding['file']}{':' * bool(finding['line'])}{finding['line'] or ''}: {finding['problem']}"
            for finding in report["findings"]
        ]
    )
    verdict = "passed" if report["passed"] else "refused"
    play.say(f"  {verdict}; {report['accepted_rows']} of {report['total_rows']} rows accepted")
    play.facts["gate"] = "passed" if report["passed"] else "refused"


def _dataset_pull(play: Demo, forge: "Forge") -> "PullRequest":
    play.say("Dataset PR on the sandbox forge, with the gate's report as its comment and status")
    files: dict[str, bytes | None] = {DATASET: play.files.read_bytes(DATASET)}
    pull = forge.propose(
        base="main",
        branch="data/synthesis",
        title=f"Add rows for {STAGE}",
        body=f"Rows for `{STAGE}` from {PACKS_PER_INDUSTRY * 6} synthetic businesses.\n",
        message=f"Add rows for {STAGE}",
        files=files,
    )
    report = io.StringIO()
    with redirect_stdout(report):
        from ftv4.cli import run

        code = run(["--repo", str(play.files.root), "gate", DATASET, "--format", "markdown"])
    forge.comment(pull.number, "<!-- ftv4:gate -->", report.getvalue())
    passed = code == 0
    state: Literal["success", "failure"] = "success" if passed else "failure"
    forge.status(pull.head_sha, "ftv4/gate", state, "every gate passed" if passed else "a gate refuses")
    play.say(f"  {pull.url}  status ftv4/gate: {state}")
    play.facts["dataset_pull_request"] = pull.url
    return pull


def _tune(play: Demo) -> str:
    play.say("Fine-tune: first the plan, which calls nobody, then the paid run, on the sandbox provider")
    arguments = ("ft", "stage", "--stage", STAGE, "--suffix", "demo", "--provider", "sandbox")
    plan = play.run(*arguments)
    cost = plan["estimate"]["cost_usd"]
    play.say(
        f"  {plan['accepted_rows']} rows, {plan['estimate']['billable_tokens']:,} tokens, cost ${cost:.2f}"
    )
    done = play.run(*arguments, "--dry-run=false", "--poll-interval", "0.2")
    model = f"sandbox:{done['fine_tuned_model']}"
    play.say(f"  {done['job_id']} succeeded: {model}")
    return model


def _evaluate(play: Demo, model: str) -> None:
    play.say("Evals: the candidate and the pinned model answer the same cases")
    for name, chosen in (("pinned", ()), ("candidate", ("--model", model))):
        report = play.run("evals", "run", "--mode", "stage", "--stage", STAGE, *chosen)
        totals = report["totals"]
        agreement = [case["agreement"] for case in report["results"] if case["agreement"] is not None]
        mean = sum(agreement) / len(agreement) if agreement else 0
        play.say(f"  {name}: {totals['passed']} of {totals['fixtures']} pass, agreement with gold {mean:.2f}")


def _promote(play: Demo, model: str, expect: int = 0) -> Any:
    play.say("Promotion: hard guards, then candidate against pinned, case by case")
    answer = play.run("promote", "--stage", STAGE, "--model", model, "--open-pr", expect=expect)
    play.say(f"  verdict {answer['verdict']}")
    play.some([f"blocked by {reason}" for reason in answer["blocked_by"]])
    return answer


def _merge(play: Demo, forge: "Forge", number: int) -> None:
    pull = forge.pull(number)
    forge.merge(number, expect_sha=pull.head_sha)
    _pull_main(play.files)
    play.say(f"  merged {pull.url}")


def _pull_main(files: Repository) -> None:
    """Take main from the forge; what the demo wrote locally is what main now says."""
    git = Git(files.root)
    git("fetch", "--quiet", "origin", "main")
    git("reset", "--quiet", "--hard", "origin/main")


def _served(play: Demo, model: str) -> None:
    play.say("Serving: the pipeline asks whoever main pins")
    _must(_pinned(play) == model, f"main pins {_pinned(play)}, not {model}")
    play.run("smoke")
    play.say(f"  {STAGE} is answered by {model}")


def _not_served(play: Demo, model: str) -> None:
    _must(_pinned(play) != model, f"main pins {model}, which the evals refused")
    play.say(f"  {STAGE} is still answered by {_pinned(play)}")


def _pinned(play: Demo) -> str:
    return play.files.models().pin(STAGE, "unknown").model_id


def _spoil(play: Demo) -> None:
    play.say("Spoiled: somebody pastes the first row's output into every row")
    import orjson

    rows = [line.value for line in play.files.lines(DATASET)]
    spoiled = [row | {"output": rows[0]["output"], "approval": rows[0]["approval"]} for row in rows]
    play.files.write(DATASET, b"".join(orjson.dumps(row) + b"\n" for row in spoiled))


@contextmanager
def _services(play: Demo) -> Iterator["Forge"]:
    """A repository of the demo's own, and a sandbox that knows it."""
    from ftv4.cli.clients import connect_forge
    from ftv4.sandbox.serve import serving

    _plant(play.files)
    git = Git(play.files.root)
    with serving(play.files.path(".sandbox")) as urls, environment(**urls.environment()):
        git("remote", "add", "origin", str(urls.repository))
        git("push", "--quiet", "origin", "HEAD:refs/heads/main")
        play.say(f"Sandbox: provider {urls.provider}, forge {urls.forge}")
        yield connect_forge()


def _plant(target: Repository) -> None:
    """The repository as a team starts it: config, eval cases, no dataset yet."""
    from ftv4.documents import shipped

    for name in ("config", "evals"):
        source = Repository(shipped(name))
        for path in source.files(".", "**/*.json") + source.files(".", "**/*.csv"):
            target.write(f"{name}/{source.relative(path)}", source.read_bytes(path))
    target.write(".gitignore", ".sandbox/\n")
    git = Git(target.root)
    git("init", "--quiet", "--initial-branch", "main")
    git("config", "user.name", "demo")
    git("config", "user.email", "demo@localhost")
    git("add", ".")
    git("commit", "--quiet", "-m", "Start: rules serve every stage")


def _fresh(folder: str | None, around: Repository) -> Repository:
    if folder is None:
        return Repository(around.path(around.new_folder("demo", stamp(now()))))
    chosen = Repository(Path(folder))
    if not chosen.empty_folder("."):
        raise UsageError(f"{folder}: not empty", hint="name a folder that does not exist yet")
    return chosen


def _where_to_look(play: Demo, serve: bool) -> None:
    play.say()
    play.say(f"Done in {play.facts['seconds']} s. Look at:")
    play.say(f"  {play.files.path(MODELS)}")
    reports = play.files.files("train/promotion/reports", "**/*.json")
    for path in reports + play.files.files("train/model_cards", "**/*.md"):
        play.say(f"  {path}")
    state = "" if serve else "  (with --serve the pages stay up)"
    for name in ("dataset_pull_request", "pull_request"):
        if play.facts.get(name):
            play.say(f"  {play.facts[name]}{state}")


def _until_stopped() -> None:
    say("The sandbox is up; Ctrl-C stops it.", error=True)
    while True:
        time.sleep(3600)


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Ftv4Error(otherwise)


def _json(text: str) -> Any:
    import orjson

    return orjson.loads(text) if text.strip() else None
