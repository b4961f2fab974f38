"""`ftv4 sandbox job`: what a job of a workflow on the sandbox's main runs, as Actions would run it."""

from urllib.request import urlopen

import pytest

from tests.conftest import ROOT
from tests.forge_sandbox import NAME
from tests.hosted import BAD, CONTEXT

WORKFLOWS = ".github/workflows"
ASKED = ("--input", "stage=synthesis_decision", "--input", "suffix=a b; $(touch owned)")


@pytest.fixture
def job(hosted, ftv4):
    """`job("finetune", "plan", "--input", "stage=…")` on a main with our workflows."""
    hosted.push(
        {f"{WORKFLOWS}/{path.name}": path.read_bytes() for path in (ROOT / WORKFLOWS).iterdir()}, "main"
    )
    return lambda *words: ftv4("sandbox", "--folder", hosted.job.folder, "job", *words)


def runs(hosted):
    """The forge's runs, newest first."""
    return list(hosted.sandbox.github().get_workflow_runs())


def described(hosted):
    """What the API says of its runs."""
    return hosted.sandbox.github().requester.requestJson("GET", f"/repos/{NAME}/actions/runs")[2]


def test_a_job_runs_its_own_line_of_main_and_shows_its_summary(job, hosted):
    done = job("finetune", "plan", "--input", "stage=synthesis_decision", "--input", "suffix=first")
    (run,) = runs(hosted)

    assert done.code == 0, done.err
    assert "nothing was sent" in done.out
    assert done.out.splitlines()[-1] == f"finetune/plan: success, {run.html_url}"
    assert (run.name, run.event, run.status, run.conclusion) == (
        "finetune", "workflow_dispatch", "completed", "success",
    )  # fmt: skip
    assert "Fine-tune plan" in urlopen(run.html_url).read().decode()
    assert "Fine-tune plan" not in described(hosted)


def test_what_one_job_hands_over_the_next_one_gets(job, hosted):
    pull = hosted.open({"train/datasets/stage_synthesis.jsonl": BAD})
    judged, reported = (job("verdict", name, "--input", "pr=1") for name in ("judge", "report"))

    assert (judged.code, reported.code) == (0, 0), judged.err + reported.err
    (status,) = pull.base.repo.get_commit(pull.head.sha).get_statuses()
    assert (status.context, status.state) == (CONTEXT, "failure")
    assert status.target_url == runs(hosted)[0].html_url


SEES = """on: workflow_dispatch
jobs:
  known:
    environment: ftv4-watch
    permissions:
      id-token: write # to be known
    steps:
      - env:
          FTV4_STS_IDENTITY: ftv4-watch
        run: ftv4 ops doctor
  unknown:
    steps:
      - env:
          FTV4_STS_IDENTITY: ftv4-watch
        run: ftv4 ops doctor
"""
TRUST = b"subject: repo:sandbox/models:environment:ftv4-watch\n"


@pytest.mark.parametrize(("name", "code"), [("known", 4), ("unknown", 2)])
def test_a_job_can_say_who_it_is_where_it_has_the_right_and_nowhere_else(job, hosted, name, code):
    """The token service's token opens the forge to the one; what the terminal holds, to neither."""
    hosted.push(
        {f"{WORKFLOWS}/sees.yml": SEES.encode(), ".github/chainguard/ftv4-watch.sts.yaml": TRUST}, "main"
    )
    mine = hosted.sandbox._own("oidc", "POST", {"environment": "ftv4-watch"})
    hosted.job.set(FTV4_STS_URL=hosted.sandbox.url, **mine)
    done = job("sees", name)

    assert done.code == code, done.err
    assert ("DELETE /installation/token 204" in hosted.sandbox.asked()) == (name == "known")


def test_a_job_that_fails_says_so_by_its_code_and_on_the_forge(job, hosted, tmp_path):
    done = job("finetune", "plan", *ASKED)

    assert done.code == 2
    assert "finetune/plan: failure" in done.out
    assert [run.conclusion for run in runs(hosted)] == ["failure"]
    assert not list(tmp_path.rglob("owned"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("finetun", "plan"), "main has no workflow finetun"),
        (("finetune", "plans"), "finetune has no job plans that runs ftv4\nhint: it has plan, launch"),
        (("reconcile", "evaluate"), "reconcile has no job evaluate that runs ftv4\nhint: it has follow"),
        (("../finetune", "plan"), "is not the name of a workflow or job"),
        (("finetune", "plan", "--input", "stage"), "stage is not NAME=VALUE"),
    ],
)
def test_what_is_no_job_is_refused_by_name(job, hosted, words, told):
    done = job(*words)

    assert (done.code, runs(hosted)) == (2, [])
    assert told in done.err


def test_it_is_for_the_sandbox_alone(job, hosted):
    hosted.job.set(GITHUB_API_URL="https://api.github.com")
    done = job("reconcile", "follow")

    assert done.code == 2
    assert "GITHUB_API_URL is no sandbox's" in done.err


def test_a_sandbox_that_is_down(job, hosted, monkeypatch):
    for name in ("GITHUB_API_URL", "GITHUB_SERVER_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert job("reconcile", "follow").code == 5


def test_a_run_that_nobody_began_cannot_go_on(hosted):
    with pytest.raises(Exception, match="404"):
        hosted.sandbox._own("runs", "POST", {"id": 12345, "conclusion": "success"})


def test_a_run_without_a_summary_has_a_page(job, hosted):
    ran = hosted.sandbox._own("runs", "POST", {"workflow": "reconcile.yml", "conclusion": None})

    page = urlopen(f"{hosted.sandbox.url}/{NAME}/actions/runs/{ran['id']}").read().decode()
    assert "is running" in page
    assert "No summary" in page
