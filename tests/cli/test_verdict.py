"""`ftv4 verdict`: one job judges a pull request with main's code, another reports what it is handed."""

import json
from pathlib import Path

import orjson
import pytest

from ftv4.contracts.pull_verdict import PullVerdict
from ftv4.encode import COMMENT
from ftv4.steps.handover import LARGEST, pack, unpack
from tests.conftest import ROOT
from tests.encode.runner import outputs
from tests.forge_sandbox import NAME, Checkout
from tests.gates.build import lines, varied
from tests.workflow_run import REPOSITORY_ID, WorkflowRun

SYNTHESIS = "train/datasets/stage_synthesis.jsonl"
POLICY = "config/intelligence_v4.policy.json"
MODELS = "config/intelligence_v4.models.json"
CONTEXT, MARKER = "ftv4/verdict", "<!-- ftv4:verdict -->"
BOT, STRANGER = "ftv4-bot", "mallory"


def rows(count, **last):
    """So many sound rows; members of the last one's output may be others."""
    made = [
        one | {"id": f"run:run-{number}/stage:synthesis_decision"} for number, one in enumerate(varied(count))
    ]
    made[-1]["output"] |= last
    return lines(*made)


GOOD, BAD = rows(43), rows(43, confidence="sure")


class Hosted:
    """A repository on the forge with sound data on main, and main's checkout, where the jobs run."""

    def __init__(self, sandbox, folder, setenv, ftv4):
        self.sandbox, self.ftv4 = sandbox, ftv4
        first = Checkout(folder / "first", "main", "Ada")
        first.folder.mkdir()
        first.run("init", "-q", "-b", "main")
        first.run("remote", "add", "origin", str(sandbox.git))
        config = {f"config/{path.name}": path.read_bytes() for path in sorted((ROOT / "config").iterdir())}
        first.push({**config, SYNTHESIS: rows(42)}, "Start")
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


@pytest.fixture
def hosted(empty_sandbox, tmp_path, monkeypatch, ftv4):
    made = Hosted(empty_sandbox, tmp_path, monkeypatch.setenv, ftv4)
    monkeypatch.chdir(made.checkout.folder)
    return made


def told(text):
    return PullVerdict.model_validate_json(json.dumps(text))


# judging


@pytest.mark.parametrize(
    ("files", "passed", "said"),
    [({SYNTHESIS: GOOD}, True, "passed: 0 errors"), ({SYNTHESIS: BAD}, False, "refused: 1 error,")],
)
def test_a_verdict_is_a_status_on_the_commit_and_a_comment(hosted, files, passed, said):
    head = hosted.open(files).head.sha
    verdict, done = hosted.both(head)
    (login, comment), *others = hosted.comments()
    ((context, state, description),) = hosted.statuses(head)

    assert done.code == 0, done.err
    assert (verdict.passed, verdict.touches, verdict.pull, verdict.head) == (passed, ("datasets",), 1, head)
    assert (context, state) == (CONTEXT, "success" if passed else "failure")
    assert description.startswith(said)
    assert (login, others) == (BOT, [])
    assert comment.startswith(f"{MARKER}\n")
    assert head in comment
    assert f"{hosted.sandbox.url}/{NAME}/actions/runs/99" in comment
    assert hosted.statuses(head)[0][2] in comment


def lenient():
    """Our policy, but for the rows it takes."""
    policy = json.loads((ROOT / POLICY).read_text())
    policy["training_diversity"]["min_total_rows"] = 0
    return orjson.dumps(policy)


def test_the_comment_and_the_summary_as_people_see_them(hosted, golden):
    head = hosted.open({SYNTHESIS: BAD, POLICY: lenient(), "ftv4/gates/rows.py": b"# passes\n"}).head.sha
    verdict, _ = hosted.both(head)
    (_, comment), *_ = hosted.comments()

    names = {verdict.head: "1" * 40, verdict.base: "2" * 40, hosted.sandbox.url: "https://forge.example"}
    for name, shown in names.items():
        comment = comment.replace(name, shown).replace(name[:12], shown[:12])
    golden("verdict_comment.md", comment)
    assert hosted.job.summary.read_text().endswith(verdict.page)


def test_threat_2_what_a_pull_request_brings_of_gates_and_policy_has_no_say(hosted):
    ours = {
        POLICY: lenient(),
        "ftv4/gates/rows.py": b"def start(ask): raise SystemExit(0)\n",
        "ftv4/contracts/row.py": b"# anything goes\n",
        "templates/verdict.md.j2": b"all is well\n",
    }
    verdict, _ = hosted.both(hosted.open({SYNTHESIS: rows(3), **ours}).head.sha)

    assert not verdict.passed
    assert "Approved rows 3 below minimum 40." in verdict.page
    assert [name for name in ours if name not in verdict.page] == []


def test_threat_3_the_work_tree_and_the_branches_are_left_as_they_are(hosted):
    folder = hosted.checkout.folder
    head = hosted.open(
        {SYNTHESIS: BAD, "evil.py": b"raise SystemExit\n", ".gitattributes": b"* text\n"}
    ).head.sha

    def seen():
        files = {
            path: path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file() and ".git" not in path.parts
        }
        return (
            files,
            hosted.git("for-each-ref", "refs/heads", "refs/remotes", "refs/tags"),
            hosted.git("status"),
        )

    before = seen()
    done, word = hosted.judge(head)

    assert (done.code, unpack(word).passed) == (0, False)
    assert seen() == before
    assert hosted.git("cat-file", "-t", head) == "commit"


def test_no_token_is_left_on_disk(hosted):
    hosted.judge(hosted.open({SYNTHESIS: GOOD}).head.sha)

    assert [
        path
        for path in hosted.checkout.folder.rglob("*")
        if path.is_file() and b"sandbox-ftv4-bot" in path.read_bytes()
    ] == []


def test_a_pull_request_from_a_fork_is_judged_like_any_other(hosted):
    pull = hosted.open({SYNTHESIS: BAD}, fork=STRANGER)
    verdict, done = hosted.both(pull.head.sha)

    assert (pull.head.repo.full_name, pull.head.repo.fork, pull.head.label) == (
        "mallory/models", True, "mallory:topic",
    )  # fmt: skip
    assert (done.code, verdict.pull, verdict.passed) == (0, 1, False)
    assert hosted.statuses(pull.head.sha)[0][1] == "failure"


def test_a_pull_request_without_data_or_promotion_has_nothing_to_judge(hosted):
    head = hosted.open({"README.md": b"# Rows\n"}).head.sha
    verdict, done = hosted.both(head)

    assert (verdict.touches, verdict.passed, done.code) == ((), True, 0)
    assert hosted.statuses(head) == [(CONTEXT, "success", "nothing to judge")]
    assert hosted.comments() == []


def test_a_comment_is_brought_up_to_date_when_nothing_is_left_to_judge(hosted):
    hosted.both(hosted.open({SYNTHESIS: BAD}).head.sha)
    verdict, _ = hosted.both(hosted.push({SYNTHESIS: rows(42)}))

    assert verdict.touches == ()
    ((_, comment),) = hosted.comments()
    assert "nothing to judge" in comment


@pytest.mark.parametrize(
    "path", [MODELS, "train/promotion/reports/x/promotion_1.json", "evals/report_1.json"]
)
def test_a_promotion_that_nobody_verified_is_refused(hosted, path):
    verdict, _ = hosted.both(hosted.open({path: b"{}\n"}).head.sha)

    assert (verdict.passed, verdict.touches) == (False, ("promotion",))


def test_only_the_change_is_judged_though_main_went_on(hosted):
    head = hosted.open({"README.md": b"# Rows\n"}).head.sha
    hosted.push({SYNTHESIS: BAD}, "main")
    verdict, _ = hosted.both(head)

    assert (verdict.touches, verdict.passed) == ((), True)
    assert verdict.base == hosted.sandbox.github().get_branch("main").commit.sha


# which pull request


def test_threat_5_a_head_that_no_open_pull_request_has_is_not_judged(hosted):
    pull = hosted.open({SYNTHESIS: BAD})
    moved = pull.head.sha
    hosted.push({SYNTHESIS: GOOD})
    other = hosted.open({SYNTHESIS: BAD}, "other")
    other.edit(state="closed")
    hosted.sandbox.github().create_git_ref("refs/heads/next", other.base.sha)
    elsewhere = hosted.open({SYNTHESIS: BAD, "a": b"1"}, "third", base="next")
    before = hosted.writes()

    for head in (moved, other.head.sha, elsewhere.head.sha, "0" * 40):
        done, word = hosted.judge(head)
        assert (done.code, word) == (0, None)
        assert f"no open pull request to main has the head {head[:12]}" in done.out
    assert hosted.writes() == before


def test_a_head_of_two_pull_requests_gets_its_status_and_no_comment(hosted):
    head = hosted.open({SYNTHESIS: BAD}).head.sha
    hosted.sandbox.github().create_git_ref("refs/heads/same", head)
    hosted.sandbox.github().create_pull("main", "same", title="Again")
    verdict, done = hosted.both(head)

    assert (verdict.pull, done.code) == (None, 0)
    assert hosted.statuses(head)[0][1] == "failure"
    assert hosted.comments(1) == hosted.comments(2) == []


def test_a_head_that_moves_while_it_is_fetched_is_not_judged(hosted, monkeypatch):
    from ftv4.clients.git import Git

    head, fetch = hosted.open({SYNTHESIS: GOOD}).head.sha, Git.fetch

    def late(self, *arguments):
        hosted.push({SYNTHESIS: BAD})
        hosted.pull()  # with this the forge follows the branch
        fetch(self, *arguments)

    monkeypatch.setattr(Git, "fetch", late)
    done, word = hosted.judge(head)

    assert (done.code, word) == (0, None)
    assert f"{head[:12]} is not the head any more" in done.out


def test_the_event_lists_no_pull_request_that_is_believed(hosted):
    victim = hosted.open({"README.md": b"# Rows\n"}, "victim")
    head = hosted.open({SYNTHESIS: BAD}, fork=STRANGER).head.sha
    run = {"head_sha": head, "event": "pull_request", "head_branch": "victim"}
    run["pull_requests"] = [{"number": victim.number, "head": {"sha": head}}]
    hosted.job.by("workflow_run", workflow_run=run)
    _, word = hosted.judged()

    assert unpack(word).pull == 2


def test_a_merge_queue_is_judged_and_has_no_comment(hosted):
    head = hosted.open({SYNTHESIS: BAD}).head.sha
    branch = f"gh-readonly-queue/main/pr-1-{'0' * 40}"
    hosted.sandbox.github().create_git_ref(f"refs/heads/{branch}", head)
    _, word = hosted.judge(head, trigger="merge_group", branch=branch)

    assert unpack(word).pull is None
    assert hosted.report(word).code == 0
    assert hosted.statuses(head)[0][1] == "failure"
    assert hosted.comments() == []


@pytest.mark.parametrize("branch", ["main", "gh-readonly-queue/next/pr-1-" + "0" * 40, "../x", "a:b", ""])
def test_a_branch_that_is_no_merge_queues_is_refused(hosted, branch):
    done, word = hosted.judge("0" * 40, trigger="merge_group", branch=branch)

    assert (done.code, word) == (2, None)
    assert "no branch of the merge queue" in done.err


@pytest.mark.parametrize("pr", ["1", 1])
def test_a_pull_request_is_judged_by_its_number(hosted, pr):
    hosted.open({SYNTHESIS: BAD})
    hosted.job.dispatched(pr=pr)
    _, word = hosted.judged()

    assert (unpack(word).pull, unpack(word).passed) == (1, False)
    assert hosted.report(word).code == 0


def test_a_closed_pull_request_or_one_to_another_base_is_not_judged_by_number(hosted):
    hosted.open({SYNTHESIS: BAD}).edit(state="closed")
    hosted.sandbox.github().create_git_ref("refs/heads/next", hosted.pull().base.sha)
    hosted.open({SYNTHESIS: BAD, "a": b"1"}, "third", base="next")

    for number in (1, 2):
        hosted.job.dispatched(pr=str(number))
        done, word = hosted.judged()
        assert (done.code, word) == (4, None)


@pytest.mark.parametrize(
    "pr", ["", "0", "-1", "1; id", "$(id)", "1\n2", "1e3", "9" * 10, "\uff11", None, 1.5]
)
def test_what_is_no_number_is_refused(hosted, pr):
    hosted.job.dispatched(pr=pr)
    done, word = hosted.judged()

    assert (done.code, word) == (2, None)
    assert "not the number of a pull request" in done.err


# the event


@pytest.mark.parametrize("field", ["head_sha", "event", "head_branch"])
@pytest.mark.parametrize("command", ["judge", "report"])
def test_an_event_without_its_fields_is_refused_by_the_fields_name(hosted, command, field):
    run = {"head_sha": "0" * 40, "event": "merge_group", "head_branch": "x"}
    hosted.job.by("workflow_run", workflow_run={name: run[name] for name in run if name != field})
    hosted.job.set(FTV4_VERDICT="x")
    done = hosted.ftv4("verdict", command)

    assert done.code == 2 or (command, done.code) == ("report", 3)
    assert f"the event says no workflow_run.{field}" in done.err
    assert hosted.sandbox.asked() == []


@pytest.mark.parametrize(
    "run",
    [
        {"head_sha": "main", "event": "pull_request"},
        {"head_sha": "--upload-pack=x", "event": "pull_request"},
        {"head_sha": "0" * 39, "event": "pull_request"},
        {"head_sha": "0" * 40, "event": "push"},
        {"head_sha": 7, "event": "pull_request"},
    ],
)
def test_an_event_that_names_no_commit_of_a_pull_request_is_refused(hosted, run):
    hosted.job.by("workflow_run", workflow_run=run)
    done, word = hosted.judged()

    assert (done.code, word) == (2, None)


@pytest.mark.parametrize("kind", ["pull_request", "pull_request_target", "push", "schedule", "issue_comment"])
@pytest.mark.parametrize("command", ["judge", "report"])
def test_no_other_event_is_judged_or_reported(hosted, command, kind):
    hosted.previewed("0" * 40)
    hosted.job.set(GITHUB_EVENT_NAME=kind, FTV4_VERDICT="x")

    assert hosted.ftv4("verdict", command).code == 4
    assert hosted.sandbox.asked() == []


@pytest.mark.parametrize("command", ["judge", "report"])
def test_no_other_branchs_workflow_judges_or_reports(hosted, command):
    hosted.previewed("0" * 40)
    hosted.job.set(
        GITHUB_WORKFLOW_REF=f"{NAME}/.github/workflows/verdict.yml@refs/heads/evil", FTV4_VERDICT="x"
    )

    assert hosted.ftv4("verdict", command).code == 4


def test_a_shallow_checkout_is_refused(hosted, monkeypatch, tmp_path):
    head = hosted.open({SYNTHESIS: GOOD}).head.sha
    hosted.push({"README.md": b"# Rows\n"}, "main")
    hosted.git("clone", "-q", "--depth=1", f"file://{hosted.sandbox.git}", str(tmp_path / "shallow"))
    monkeypatch.chdir(tmp_path / "shallow")
    done, word = hosted.judge(head)

    assert (done.code, word) == (2, None)
    assert "fetch-depth: 0" in done.err


# reporting


def test_a_second_report_changes_nothing_but_the_text(hosted):
    head = hosted.open({SYNTHESIS: BAD}).head.sha
    hosted.both(head)
    hosted.both(head)
    second = hosted.push({SYNTHESIS: GOOD})
    hosted.both(second)

    ((login, comment),) = hosted.comments()
    assert login == BOT
    assert second in comment
    assert head not in comment


def test_threat_37_somebody_elses_comment_with_our_marker_is_left_alone(hosted):
    head = hosted.open({SYNTHESIS: BAD}).head.sha
    spoof = f"{MARKER}\n## ✅ Verdict: passed"
    hosted.sandbox.github(STRANGER).get_pull(1).create_issue_comment(spoof)
    hosted.both(head)

    theirs, ours = hosted.comments()
    assert theirs == (STRANGER, spoof)
    assert ours[0] == BOT
    assert "refused" in ours[1]


@pytest.mark.parametrize("kind", ["drop", "accept_then_drop", "malformed"])
def test_threat_38_whatever_answers_are_lost_there_is_one_comment(hosted, kind):
    head = hosted.open({SYNTHESIS: BAD}).head.sha
    _, word = hosted.judge(head)
    for path in ("/comments$", "/statuses/", "/graphql$"):
        hosted.sandbox.fail(kind, "POST", path)
        hosted.report(word)
    done = hosted.report(word)

    assert done.code == 0, done.err
    assert len(hosted.comments()) == 1
    assert {state for _, state, _ in hosted.statuses(head)} == {"failure"}


def test_threat_6_a_head_that_moved_is_not_vouched_for(hosted):
    head = hosted.open({SYNTHESIS: GOOD}).head.sha
    _, word = hosted.judge(head)
    moved = hosted.push({SYNTHESIS: BAD})
    hosted.previewed(head)
    done = hosted.report(word)

    assert done.code == 0
    assert hosted.statuses(head)[0][1] == "success"
    assert hosted.statuses(moved) == []
    ((_, comment),) = hosted.comments()
    assert "This is not the newest commit" in comment


def test_a_late_report_does_not_take_the_place_of_a_newer_one(hosted):
    head = hosted.open({SYNTHESIS: GOOD}).head.sha
    _, word = hosted.judge(head)
    hosted.both(hosted.push({SYNTHESIS: BAD}))
    before = hosted.comments()
    hosted.previewed(head)
    done = hosted.report(word)

    assert (done.code, hosted.statuses(head)[0][1]) == (0, "success")
    assert hosted.comments() == before


def test_a_pull_request_that_was_closed_meanwhile_gets_no_comment(hosted):
    pull = hosted.open({SYNTHESIS: BAD})
    _, word = hosted.judge(pull.head.sha)
    pull.edit(state="closed")
    done = hosted.report(word)

    assert done.code == 0
    assert "closed meanwhile" in done.out
    assert hosted.comments() == []


# refusals of the forge


@pytest.mark.parametrize("status", [403, 404, 422, 502])
@pytest.mark.parametrize(
    ("path", "permission"),
    [("/statuses/", "statuses: write"), ("/issues/1/comments", "pull-requests: write")],
)
def test_a_refusal_of_one_does_not_keep_the_other_from_being_written(hosted, status, path, permission):
    head = hosted.open({SYNTHESIS: BAD}).head.sha
    _, word = hosted.judge(head)
    hosted.sandbox.fail("reject", "POST", path, status=status, times=9)
    done = hosted.report(word)

    assert done.code == 5
    assert f"the forge answered {status}" in done.err
    assert (permission in done.err) == (status == 403)
    assert bool(hosted.statuses(head)) == (path != "/statuses/")
    assert bool(hosted.comments()) == (path == "/statuses/")
    assert "Traceback" not in done.err


@pytest.mark.parametrize("status", [403, 404, 502])
def test_a_forge_that_refuses_to_be_read_ends_the_judging_with_5(hosted, status):
    head = hosted.open({SYNTHESIS: BAD}).head.sha
    hosted.sandbox.fail("reject", "GET", "/pulls$", status=status, times=9)
    done, word = hosted.judge(head)

    assert (done.code, word) == (5, None)
    assert ("pull-requests: read" in done.err) == (status == 403)


@pytest.mark.parametrize("status", [403, 404, 502])
def test_a_remote_that_refuses_ends_the_judging_with_5(hosted, status):
    head = hosted.open({SYNTHESIS: BAD}).head.sha
    hosted.sandbox.fail("reject", "*", "/info/refs", status=status, times=9)
    done, word = hosted.judge(head)

    assert (done.code, word) == (5, None)
    assert "sandbox-ftv4-bot" not in done.err


def test_a_token_that_opens_nothing_is_told_so(hosted):
    head = hosted.open({SYNTHESIS: BAD}).head.sha
    _, word = hosted.judge(head)
    hosted.job.set(GITHUB_TOKEN="ghs_none")

    assert hosted.report(word).code == 5
    assert hosted.judge(head)[0].code == 5


# what is handed over


@pytest.fixture
def about(hosted):
    """A verdict that the forge would take; members may be others."""
    head = hosted.open({SYNTHESIS: GOOD}).head.sha
    _, word = hosted.judge(head)
    plain = unpack(word).model_dump(mode="json")
    hosted.before = hosted.writes()
    return lambda **others: told(plain | others)


@pytest.mark.parametrize(
    "others",
    [
        {"head": "0" * 40},
        {"repository_id": REPOSITORY_ID + 1},
    ],
    ids=str,
)
def test_a_verdict_on_something_else_than_this_run_is_not_written(hosted, about, others):
    done = hosted.report(pack(about(**others)))

    assert done.code == 3
    assert "about another" in done.err
    assert hosted.writes() == hosted.before


def test_a_verdict_on_another_pull_request_than_was_asked_for_is_not_written(hosted, about):
    hosted.job.dispatched(pr="2")
    assert hosted.report(pack(about())).code == 3
    hosted.previewed("0" * 40, "merge_group", f"gh-readonly-queue/main/pr-1-{'0' * 40}")
    assert hosted.report(pack(about(head="0" * 40))).code == 3

    assert hosted.writes() == hosted.before


def test_no_verdict_at_all_is_refused(hosted, monkeypatch):
    hosted.previewed("0" * 40)
    monkeypatch.delenv("FTV4_VERDICT", raising=False)
    done = hosted.ftv4("verdict", "report")

    assert done.code == 2
    assert "FTV4_VERDICT is not set" in done.err


def test_json_says_the_same(hosted):
    head = hosted.open({SYNTHESIS: BAD}).head.sha
    done, word = hosted.judge(head, "--format", "json")
    answer = json.loads(done.out)

    assert told(answer["verdict"]) == unpack(word)
    assert json.loads(hosted.report(word, "--format", "json").out)["done"][0].endswith("failure")
    assert json.loads(hosted.judge("0" * 40, "--format", "json")[0].out)["verdict"] is None


def test_a_large_report_is_cut_and_counted(hosted):
    made = orjson.loads(b"[" + b",".join(BAD.splitlines()) + b"]")
    for number, one in enumerate(made):
        one["output"] |= {"confidence": f"{number} " + "\u202e|`@x <b> ::error:: " * 20, "why": "x" * 300}
    files = {f"train/datasets/part_{number}.jsonl": lines(*made) for number in range(12)}
    head = hosted.open(files).head.sha
    verdict, done = hosted.both(head)
    ((_, comment),) = hosted.comments()

    assert done.code == 0, done.err
    assert len(comment) <= COMMENT
    assert "more lines of this page" in comment
    assert verdict.errors >= 12 * 43
    assert len(pack(verdict)) <= LARGEST
    assert Path(hosted.job.summary).read_text().count("\n") > 100
