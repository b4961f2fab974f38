"""A repository on the sandbox forge, pull requests to it, and the two jobs that give a verdict on one."""

from ftv4.contracts.pull_verdict import PullVerdict
from ftv4.steps.handover import pack, unpack
from tests.conftest import ROOT
from tests.encode.runner import outputs
from tests.forge_sandbox import NAME
from tests.gates.build import lines, varied
from tests.workflow_run import REPOSITORY_ID, WorkflowRun

SYNTHESIS = "train/datasets/stage_synthesis.jsonl"
CONTEXT, MARKER = "ftv4/verdict", "<!-- ftv4:verdict -->"
BOT, STRANGER = "ftv4-bot", "mallory"


def rows(count, **last):
    """So many sound rows; members of the last one's output may be others."""
    made = [
        one | {"id": f"run:run-{number}/stage:synthesis_decision"} for number, one in enumerate(varied(count))
    ]
    made[-1]["output"] |= last
    return lines(*made)


FIRST = rows(42)
GOOD, BAD = rows(43), rows(43, confidence="sure")


class Hosted:
    """A repository on the forge with sound data on main, and main's checkout, where the jobs run."""

    def __init__(self, sandbox, folder, setenv, ftv4):
        self.sandbox, self.ftv4 = sandbox, ftv4
        config = {f"config/{path.name}": path.read_bytes() for path in sorted((ROOT / "config").iterdir())}
        sandbox.start({**config, SYNTHESIS: FIRST})
        self.checkout = sandbox.checkout()
        self.job = WorkflowRun(folder / "runner", setenv)
        self.job.set(GITHUB_SERVER_URL=sandbox.url, GITHUB_API_URL=sandbox.url, GITHUB_REPOSITORY=NAME)
        self.job.set(GITHUB_TOKEN=f"sandbox-{BOT}", FTV4_NOW="2026-11-22T12:00:00+00:00")
        self.git = self.checkout.run

    def push(self, files, branch="topic", fork=None):
        """A person's commit on top of what the branch has, or main; its id."""
        person = self.sandbox.checkout(author=fork or "Ada")
        known = person.run("ls-remote", "origin", f"refs/heads/{branch}")
        if known and branch != "main":
            person.run("checkout", "-q", "-b", branch, f"origin/{branch}")
        return person.push(files, branch=f"refs/forks/{fork}/{branch}" if fork else branch)

    def open(self, files, branch="topic", fork=None, base="main"):
        """A pull request with these files."""
        self.push(files, branch, fork)
        login = fork or "ada"
        head = f"{fork}:{branch}" if fork else branch
        return self.sandbox.github(login).create_pull(base, head, title="Rows", body="")

    def pull(self, number=1):
        return self.sandbox.github().get_pull(number)

    def previewed(self, head, trigger="pull_request", branch="topic"):
        """The event of a finished gate-preview."""
        run = {"head_sha": head, "event": trigger, "head_branch": branch, "pull_requests": []}
        self.job.by("workflow_run", workflow_run=run)

    def judge(self, head, *arguments, **event):
        """Run the judging job; what it printed, and the word it hands over."""
        self.previewed(head, **event)
        return self.judged(*arguments)

    def judged(self, *arguments):
        self.job.output.write_text("")
        done = self.ftv4("verdict", "judge", *arguments)
        return done, outputs(self.job.output.read_text()).get("verdict")

    def report(self, word, *arguments):
        self.job.set(FTV4_VERDICT=word)
        return self.ftv4("verdict", "report", *arguments)

    def word(self, head, **others):
        """What a judging job might hand over about a commit, which the event is then about."""
        self.previewed(head)
        refused = {
            "touches": ("datasets",),
            "passed": False,
            "errors": 1,
            "warnings": 0,
            "settings": 0,
            "deciding": 0,
            "first": "x:1: wrong",
        }
        about = {"repository_id": REPOSITORY_ID, "pull": 1, "base": "0" * 40, "head": head, "page": "Rows.\n"}
        return pack(PullVerdict(**about | refused | others))

    def both(self, head):
        """Both jobs; the verdict, and how the second one ended."""
        done, word = self.judge(head)
        assert done.code == 0, done.err
        return unpack(word), self.report(word)

    def statuses(self, sha):
        found = self.sandbox.github().get_commit(sha).get_statuses()
        return [(one.context, one.state, one.description) for one in found]

    def comments(self, number=1):
        return [(one.user.login, one.body) for one in self.pull(number).get_issue_comments()]

    def writes(self):
        return [line for line in self.sandbox.asked() if not line.startswith("GET") and "graphql" not in line]
