"""Reconcile over real services: a ledger in git, the sandbox's provider and forge over HTTP."""

import json
import subprocess
from datetime import datetime, timedelta

import pytest

from ftv4.canonical import digest
from ftv4.cli.reconcile import reconcile
from ftv4.clients.git import Git, Remote
from ftv4.clients.ledger import REF, Ledger, Moved
from ftv4.clients.provider import NewJob
from ftv4.contracts.run import JobRecord, RunManifest
from ftv4.documents import MODELS, POLICY, to_json
from ftv4.stages import STAGES
from ftv4.steps import reconcile_model
from ftv4.steps.ledger import TRIES
from ftv4.steps.reconcile import Round
from ftv4.steps.unjudged import LOOKS
from tests.eval_cases import plant
from tests.forge_sandbox import NAME, _server, empty_sandbox  # noqa: F401
from tests.git_tree import files_of, once
from tests.provider_sandbox import SECONDS, _provider, sandbox  # noqa: F401
from tests.steps.test_finetune_paid import JOBS

STAGE = "synthesis_decision"
NOON = datetime.fromisoformat("2026-11-22T12:00:00+00:00")


class Team:
    """One repository with its ledger, provider and forge, and a clock in our hands."""

    def __init__(self, repository, ftv4, provider, forge, monkeypatch):
        self.repository = repository
        self.provider = provider
        self.forge = forge
        self._ftv4 = ftv4
        self._set = monkeypatch.setenv
        self.suffix = provider.fresh()
        self.at(NOON)

    def at(self, time):
        self.now = time
        self._set("FTV4_NOW", time.isoformat())

    def later(self, **passed):
        self.at(self.now + timedelta(**passed))

    def launch(self, *flags, suffix=None, code=0):
        asked = ("--suffix", suffix or self.suffix, "--provider", "sandbox", "--dry-run=false")
        done = self._ftv4("ft", "stage", "--stage", STAGE, *asked, "--follow=false", *flags, *self._json)
        assert done.code == code, done.err
        self.err = done.err
        return json.loads(done.out) if done.out else None

    def trained(self):
        """A run whose job has succeeded at the provider, which nobody has looked at."""
        run = self.launch()
        self.provider.ahead += SECONDS
        return run

    def round(self, *flags, code=0):
        """One round; its answer, a run a line."""
        done = self._ftv4("ops", "reconcile", *self._json, *flags)
        assert done.code == code, done.err
        self.err = done.err
        return json.loads(done.out)["runs"] if done.out else []

    def head(self):
        return Git(self.forge.git)("rev-parse", REF)

    def ledger(self):
        with Ledger.opened(Remote(str(self.forge.git))) as ledger:
            return ledger.read().files

    def lose_checkout(self):
        """As after a job in Actions: only what is on main and on the ledger is left."""
        folder = self.repository.root
        subprocess.run(["git", "-C", folder, "fetch", "-q", "origin"], check=True)
        subprocess.run(["git", "-C", folder, "reset", "-q", "--hard", "origin/main"], check=True)
        subprocess.run(["git", "-C", folder, "clean", "-qfdx", "-e", "/forge", "-e", "/GITHUB_*"], check=True)

    # the forge

    def pulls(self):
        return self.forge.forge().pulls(state="all")

    def pull(self, number):
        pull = self.forge.github().get_pull(number)
        pull.files = [file.filename for file in pull.get_files()]
        return pull

    def verified(self, number):
        """Whether all that a pull request says can be derived from git alone."""
        Git(self.repository.root).fetch(Remote(str(self.forge.git)), "+refs/heads/*:refs/remotes/origin/*")
        head = self.pull(number).head.sha
        return self._ftv4("verify", "--base", "origin/main", "--head", head).code == 0

    def merge(self, number):
        forge = self.forge.forge("ada")
        forge.merge(number, expect_sha=forge.pull(number).head_sha)

    def close(self, number):
        self.forge.github().get_pull(number).edit(state="closed")

    def move_main(self):
        """Another stage is asked otherwise from now on."""
        self._change_pin("quant_signals", max_tokens=1300)

    def pin(self, model):
        self._change_pin(STAGE, model_id=model)

    def _change_pin(self, stage, **members):
        config = self.repository.read_json(MODELS)
        config["stages"][stage] |= members
        self._commit(MODELS, config)

    def shut_down(self, day):
        """The base model's day, in this checkout alone."""
        table = self.repository.read_json("config/providers.json")
        for facts in table["providers"]["sandbox"]["base_models"].values():
            facts["shutdown_date"] = day
        self.repository.write("config/providers.json", json.dumps(table))

    def rename_provider(self, folder):
        """As if a run were another team's, whose provider isn't in our table."""
        path = f"{folder}/run_manifest.json"
        manifest = self.repository.read(RunManifest, path)
        key = manifest.key_of.model_copy(update={"provider": "theirs"})
        theirs = {"provider": "theirs", "key_of": key, "run_key": digest(key.model_dump())}
        job = self.repository.read(JobRecord, f"{folder}/job.json")
        job = job.model_copy(update={"provider": "theirs", "run_key": theirs["run_key"]})
        files = {path: manifest.model_copy(update=theirs), f"{folder}/job.json": job}
        with Ledger.opened(Remote(str(self.forge.git))) as ledger:
            news = {name: to_json(file).encode() for name, file in files.items()}
            ledger.write(ledger.read(), news, "job", self.now)
        self.lose_checkout()

    def _commit(self, path, value):
        git = Git(self.repository.root)
        self.repository.write(path, json.dumps(value))
        git("commit", "-q", "-m", "move", path)
        git("push", "-q", "origin", "main")

    def writes(self):
        """All that anybody wrote so far: the ledger's commit, and what the forge was asked to change."""
        return self.head(), [line for line in self.forge.asked() if not line.startswith("GET")]

    @property
    def _json(self):
        return ("--ledger", str(self.forge.git), "--format", "json")


@pytest.fixture
def team(repository, ftv4, sandbox, empty_sandbox, monkeypatch):  # noqa: F811
    plant(repository)
    git, forge = Git(repository.root), str(empty_sandbox.git)

    def start():
        git("init", "-q", "-b", "main")
        repository.write(".git/info/exclude", "/forge\n/GITHUB_*\n")
        git("config", "user.email", "ada@example.org")
        git("config", "user.name", "Ada")
        git("add", ".")
        git("commit", "-q", "-m", "start")
        git("remote", "add", "origin", forge)
        git("push", "-q", "origin", "main")

    once(("team", files_of(repository.root)), start, repository.path(".git"), empty_sandbox.git)
    git("remote", "set-url", "origin", forge)
    known = {"GITHUB_API_URL": empty_sandbox.url, "GITHUB_SERVER_URL": empty_sandbox.url}
    for name, value in (known | {"GITHUB_REPOSITORY": NAME, "GITHUB_TOKEN": "sandbox-ftv4-bot"}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("ftv4.steps.launch.LOOKS_AFTER_LOSS", (0.0, 0.0, 0.0))
    return Team(repository, ftv4, sandbox, empty_sandbox, monkeypatch)


# from a job to a merge


def test_a_run_is_brought_from_its_job_to_a_merge_by_rounds_that_share_nothing_but_the_ledger(team):
    """Threat 60, I1 to I5: each job of a workflow has a fresh checkout; a round more does nothing."""
    started = team.trained()
    for thing, state in (("follow", "ready"), ("evaluate", "evaluated"), ("propose", "proposed")):
        team.lose_checkout()
        (run,) = team.round("--do", thing)
        assert (run["state"], run["run_dir"], len(run["done"])) == (state, started["run_dir"], 1)
    number = run["pull_request"]
    assert team.verified(number)
    brought = set(team.pull(number).files)
    assert {f"{started['run_dir']}/{name}" for name in ("run_manifest.json", "job.json")} < brought
    assert {path for path in team.ledger() if path.startswith("evals/")} < brought

    before = team.writes()
    team.lose_checkout()
    (run,) = team.round()
    assert (run["done"], run["next"]) == ([], None)
    assert team.writes() == before

    team.merge(number)
    team.lose_checkout()
    (run,) = team.round()
    assert run["state"] == "merged"
    assert team.repository.models().pin(STAGE, "").model_id == run["model_id"]
    before = team.writes()
    team.lose_checkout()
    assert team.round()[0]["done"] == []
    assert team.writes() == before
    assert team.provider.jobs_made() == 1


def test_in_actions_the_repositorys_own_ledger_is_used_and_what_waits_is_an_output(
    team, monkeypatch, tmp_path, ftv4
):
    """Over HTTP, with the token: and it is in nothing that we print or keep."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_RUN_ID", "1")
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.setenv(name, str(tmp_path / name))
    policy = team.repository.path(POLICY)
    policy.write_text(json.dumps(json.loads(policy.read_text()) | {"approval": "none"}))
    asked = ("--stage", STAGE, "--suffix", team.suffix, "--provider", "sandbox")
    done = ftv4("ft", "stage", *asked, "--dry-run=false", "--follow=false")
    assert done.code == 0, done.err
    team.provider.ahead += SECONDS
    team.lose_checkout()

    done = ftv4("ops", "reconcile", "--do", "follow", "--summary")
    assert ftv4("ops", "reconcile", "--do", "follow").code == 0

    assert done.code == 0, done.err
    outputs = (tmp_path / "GITHUB_OUTPUT").read_text()
    assert "evaluate=1\n" in outputs
    assert "propose=0\n" in outputs
    page = (tmp_path / "GITHUB_STEP_SUMMARY").read_text()
    assert page.count("its model is evaluated") == 1
    assert "sandbox-ftv4-bot" not in done.out + done.err + page + outputs


def test_a_person_may_propose_a_run_that_only_the_ledger_knows(team, ftv4):
    team.trained()
    (run,) = team.round("--do", "follow")
    team.lose_checkout()
    asked = ("--stage", STAGE, "--model", run["model_id"], "--open-pr")

    done = ftv4("promote", *asked, "--ledger", team.forge.git)

    assert done.code == 0, done.err
    (pull,) = team.pulls()
    assert f"{run['run_dir']}/job.json" in team.pull(pull.number).files


def test_what_is_only_planned_or_not_shared_is_nobodys_to_bring_further(team, ftv4):
    asked = ("ft", "stage", "--stage", STAGE, "--provider", "sandbox", "--follow=false")
    assert ftv4(*asked, "--suffix", "a", "--dry-run").code == 0
    assert json.loads(ftv4("ops", "reconcile", "--format", "json").out)["runs"] == []
    assert ftv4(*asked, "--suffix", team.suffix, "--dry-run=false").code == 0
    assert team.round() == []


# what a person did


def test_a_closed_pull_request_is_the_last_word_on_a_model(team):
    """Fault row 32: not even when models.json is another by then, and nobody had seen it closed."""
    team.trained()
    number = team.round()[0]["pull_request"]
    team.close(number)

    (run,) = team.round("--do", "propose")
    assert run["done"] == []
    (run,) = team.round()
    assert run["state"] == "closed"
    before = team.writes()
    team.move_main()

    assert team.round()[0]["done"] == []
    assert team.writes() == before
    assert len(team.pulls()) == 1


def test_a_pull_request_that_is_not_on_record_is_adopted_with_what_became_of_it(team, monkeypatch):
    """Fault rows 23 and 31: killed after the pull request was opened, before that was recorded."""
    team.trained()
    team.round("--do", "follow", "--do", "evaluate")

    def killed(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr(Round, "record", killed)
        team.round("--do", "propose", code=130)
    head = team.pulls()[0].head_sha
    team.lose_checkout()
    (run,) = team.round()
    assert (run["state"], run["pull_request"]) == ("proposed", team.pulls()[0].number)
    assert [pull.head_sha for pull in team.pulls()] == [head]


def test_when_main_moved_the_pin_both_are_asked_anew_and_the_same_pull_request_is_brought_up_to_date(team):
    """Fault row 36."""
    team.trained()
    first = team.round()[0]
    head = team.pulls()[0].head_sha
    team.move_main()
    team.later(hours=1)

    (run,) = team.round()

    assert [done.split(":")[0] for done in run["done"]] == [
        "evaluated", f"pull request {first['pull_request']} was brought up to date"
    ]  # fmt: skip
    (pull,) = team.pulls()
    assert pull.head_sha != head
    assert team.verified(pull.number)
    before = team.writes()
    assert team.round()[0]["done"] == []
    assert team.writes() == before


def test_a_branch_that_a_person_pushed_to_is_left_alone_and_that_is_said(team):
    """Fault row 33."""
    team.trained()
    team.round()
    (pull,) = team.pulls()
    head = team.forge.checkout(pull.branch).push({"notes.md": b"hm"}, "A thought")
    team.move_main()
    team.later(hours=1)

    (run,) = team.round()

    assert "not ours" in run["alarms"][-1]
    assert team.pulls()[0].head_sha == head
    before = team.writes()
    assert team.round()[0]["done"] == []
    assert team.writes() == before


@pytest.mark.parametrize("settle", ["merge", "close"])
def test_what_a_person_settled_is_asked_nothing_more_where_no_ledger_says_so(team, ftv4, settle):
    """By hand, in a clone that hasn't main's newest: the answers would be paid for a second time."""
    team.trained()
    (run,) = team.round("--do", "follow")
    assert ftv4("promote", "--stage", STAGE, "--model", run["model_id"], "--open-pr").code == 0
    getattr(team, settle)(1)
    asked = len(team.provider.asked("POST"))

    done = ftv4("ops", "reconcile", "--format", "json")

    (run,) = json.loads(done.out)["runs"]
    assert run["done"] == [f"it is {settle.rstrip('e')}ed, by pull request 1"]
    assert len(team.provider.asked("POST")) == asked


# what speaks against a model


def test_a_refused_model_is_kept_with_its_reasons_and_asked_again_only_when_that_is_said(team):
    run_dir = team.trained()["run_dir"]
    team.shut_down("2026-11-30")

    (run,) = team.round()

    assert run["state"] == "refused"
    assert "stops answering" in " ".join(run["reasons"])
    assert team.pulls() == []
    before, asked = team.writes(), len(team.provider.asked("POST"))
    team.lose_checkout()
    assert team.round()[0]["done"] == []
    assert (team.writes(), len(team.provider.asked("POST"))) == (before, asked)
    team.later(hours=1)
    assert team.round("--again", run_dir)[0]["state"] == "proposed"
    team.round("--again", run_dir, code=2)


def test_a_model_that_serves_already_is_not_asked(team):
    team.trained()
    (run,) = team.round("--do", "follow")
    team.pin(run["model_id"])

    (run,) = team.round()

    assert run["state"] == "serving"
    assert team.provider.asked("POST", "/chat") == []


def test_a_model_that_was_proposed_and_serves_by_other_means_keeps_its_pull_request(team):
    team.trained()
    (run,) = team.round()
    team.pin(run["model_id"])
    asked = len(team.provider.asked("POST"))

    (run,) = team.round()

    assert (run["state"], run["pull_request"]) == ("serving", 1)
    assert len(team.provider.asked("POST")) == asked


def test_what_speaks_against_a_model_after_its_evaluation_is_kept_and_nothing_proposed(team, monkeypatch):
    """The first of it: what a dataset has against it may be a page."""
    monkeypatch.setattr(reconcile_model, "REASONS", 1)
    team.trained()
    team.round("--do", "follow", "--do", "evaluate")
    asked = len(team.provider.asked("POST"))
    team.shut_down("2026-11-30")
    dataset = STAGES[STAGE].dataset
    team.repository.write(dataset, team.repository.read_bytes(dataset).splitlines(keepends=True)[0])

    (run,) = team.round("--do", "propose")

    assert (run["state"], run["next"]) == ("refused", None)
    assert run["done"][0].startswith("not proposed: ")
    assert len(run["reasons"]) == 1
    assert (team.pulls(), len(team.provider.asked("POST"))) == ([], asked)


def test_answers_that_did_not_come_do_not_speak_against_a_model_at_once(team):
    """Fault row 26: a bad day of the provider is counted, and three of them are enough."""
    team.trained()
    for tries in (1, 2, 3):
        team.provider.fail("reject", "POST", "/chat", status=400, times=1)
        (run,) = team.round()
        assert run["state"] == ("ready" if tries < 3 else "refused")
        team.later(hours=1)


# jobs


def test_a_job_that_failed_is_put_on_record_and_that_is_all(team):
    """Fault row 20."""
    team.provider.fail("fail_job", "POST", JOBS, code="user_error", message="bad\n::error::rows")
    team.trained()

    (run,) = team.round()

    assert (run["state"], run["next"]) == ("failed", None)
    assert "::" not in run["done"][0]
    before = team.writes()
    team.lose_checkout()
    assert team.round()[0]["done"] == []
    assert team.writes() == before


def test_a_job_that_vanished_is_missing_after_three_looks_an_hour_apart_and_is_not_paid_for_again(team):
    """Fault row 19."""
    started = team.launch()
    lost = {"status": 404, "times": 9}
    states = []
    for minutes in (0, 10, 50, 5, 55, 0):
        team.later(minutes=minutes)
        team.provider.begin_faults()
        team.provider.fail("reject", "GET", f"{JOBS}/{started['job_id']}", **lost)
        team.provider.fail("stale_list", "GET", JOBS, times=9)
        states.append(team.round()[0]["state"])

    assert states == ["validating_files"] * 4 + ["missing"] * 2
    assert team.provider.jobs_made() == 1
    (run,) = team.round("--again", started["run_dir"])
    assert run["done"] == ["looked for its job in vain, 1 of 3 times"]
    team.provider.begin_faults()
    (run,) = team.round()
    assert (run["state"], run["next"]) == ("validating_files", "follow")
    assert run["done"] == ["the provider has its job again"]
    team.later(hours=1)
    team.provider.fail("reject", "GET", f"{JOBS}/{started['job_id']}", **lost)
    team.provider.fail("stale_list", "GET", JOBS, times=9)
    assert team.round()[0]["done"] == ["looked for its job in vain, 1 of 3 times"]


@pytest.mark.parametrize("told", [{"status": "enchanted"}, {"status": "succeeded", "fine_tuned_model": None}])
def test_a_job_in_a_state_that_means_nothing_is_waited_for(team, told):
    """Fault rows 17 and 18: never evaluated, never proposed."""
    started = team.launch()
    job = team.provider.raw(f"{JOBS}/{started['job_id']}")
    page = {"object": "list", "has_more": False, "data": [job | told]}
    team.provider.fail("alter", "GET", JOBS, fields=page)

    (run,) = team.round()

    assert run["next"] == "follow"
    assert bool(run["alarms"]) == (told["status"] == "enchanted")


def test_a_job_whose_answer_was_lost_is_adopted_and_a_second_one_is_cancelled(team):
    """Fault rows 7, 9 and 10: the request arrived late, when somebody had asked once more."""
    team.provider.fail("accept_then_drop", "POST", JOBS)
    team.provider.fail("stale_list", "GET", JOBS, times=5)
    team.launch(code=5)
    job = team.provider.connect().jobs()[0]
    copy = NewJob(job.base_model, job.training_file, team.suffix, job.run_key, STAGE)
    late = team.provider.connect().create_job(copy)
    team.lose_checkout()

    (run,) = team.round("--do", "follow")

    assert run["job_id"] == job.id
    assert any(late.id in alarm for alarm in run["alarms"])
    assert team.provider.connect().job(late.id).status == "cancelled"
    assert team.provider.connect().job(job.id).status != "cancelled"
    before = team.writes()
    assert team.round("--do", "follow")[0]["alarms"] == []
    assert team.writes() == before


# services that are away


def test_a_service_that_is_away_keeps_only_what_needs_it_waiting(team, monkeypatch):
    """Fault rows 16 and 42: named, exit 5, and the next round finishes."""
    team.trained()
    team.provider.fail("reject", "GET", JOBS, status=503, times=9)
    (run,) = team.round(code=5)
    assert "503" in run["error"]
    assert run["next"] == "follow"

    team.provider.begin_faults()
    team.forge.fail("reject", status=503, times=99)
    (run,) = team.round(code=5)
    assert (run["state"], run["next"]) == ("evaluated", "propose")
    assert "forge" in team.err

    team.forge.clear()
    (run,) = team.round()
    assert (run["state"], len(team.pulls())) == ("proposed", 1)


def test_a_list_of_jobs_that_is_refused_is_asked_for_once_however_many_runs_wait_for_it(team):
    for name in "bc":
        team.launch(suffix=f"{team.suffix}{name}")
        team.later(minutes=1)
    team.provider.fail("reject", "GET", JOBS, status=403, times=9)
    asked = len(team.provider.asked("GET", JOBS))

    errors = [run["error"] for run in team.round("--do", "follow", code=5)]

    assert (len(errors), all("403" in error for error in errors)) == (2, True)
    assert len(team.provider.asked("GET", JOBS)) == asked + 1


def test_a_ledger_that_others_always_write_first_is_given_up_until_the_next_round(team, monkeypatch):
    team.trained()
    tries = []

    def late(*arguments):
        tries.append(arguments)
        assert len(tries) <= TRIES
        raise Moved("ledger: another runner wrote first")

    monkeypatch.setattr(Ledger, "write", late)

    (run,) = team.round("--do", "follow", code=5)

    assert (run["error"], run["next"]) == (f"ledger: {TRIES} others wrote first", "evaluate")


def test_a_proposal_that_cannot_be_looked_at_is_not_evaluated_anew(team):
    """It may be merged, and the answers would be paid for once more."""
    team.trained()
    team.round()
    team.move_main()
    team.later(hours=1)
    asked = len(team.provider.asked("POST"))
    team.forge.fail("reject", status=503, times=99)

    (run,) = team.round(code=5)

    assert (run["state"], run["done"]) == ("proposed", [])
    assert len(team.provider.asked("POST")) == asked


def test_what_one_run_runs_into_keeps_no_other_from_its_next_thing(team):
    first = team.launch(suffix=f"{team.suffix}b")
    team.later(minutes=1)
    team.trained()
    team.rename_provider(first["run_dir"])
    team.provider.fail("reject", "GET", JOBS, status=503, times=9)
    broken, away = team.round("--do", "follow", code=5)  # the service first: that one will pass
    assert ("no provider" in broken["error"], "503" in away["error"]) == (True, True)
    team.provider.begin_faults()

    broken, other = team.round("--do", "follow", code=3)

    assert "no provider" in broken["error"]
    assert other["state"] == "ready"


def test_the_rounds_of_half_an_hour_make_200_calls_of_the_forge_at_most(team):
    """The bar's number (§3), for a token that has 1,000 an hour: by what each thing of a round costs."""

    def calls(*flags, code=0):
        before = len(team.forge.asked())
        team.round(*flags, code=code)
        return len([line for line in team.forge.asked()[before:] if ".git/" not in line])

    for name in "bc":
        team.launch(suffix=f"{team.suffix}{name}")
        team.later(minutes=1)
    team.provider.ahead += SECONDS
    follow, evaluate, propose = calls("--do=follow"), calls("--do=evaluate"), calls("--do=propose")
    stands, both = calls("--do=follow"), {pull.number for pull in team.pulls()}
    team.forge.fail("reject", path="/pulls", status=403, times=9)
    refused = calls("--do=follow", code=5)
    team.forge.clear()
    for number in both:
        team.close(number)
    closed = calls("--do=follow")
    (most,) = [option.default for option in reconcile.params if option.name == "limit"]

    assert (follow, evaluate, stands, refused, closed - stands) == (0, 0, 1, 1, 2)
    assert propose % 2 == 0
    assert most * propose // 2 + stands + most + 1 + LOOKS <= 200


def test_more_changes_than_are_allowed_are_left_for_the_next_round(team):
    for name in "bcd":
        team.launch(suffix=f"{team.suffix}{name}")
        team.later(minutes=1)
    team.provider.ahead += SECONDS

    done = [len(run["done"]) for run in team.round("--do", "follow", "--limit", "2")]
    assert done == [1, 1, 0]
    done = [len(run["done"]) for run in team.round("--do", "follow", "--limit", "2")]
    assert done == [0, 0, 1]
