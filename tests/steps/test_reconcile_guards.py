"""What keeps rounds of reconcile from losing what was paid for, and from paying for what nobody asked."""

import json

import pytest

from ftv4.clients.git import Remote
from ftv4.clients.ledger import Ledger
from ftv4.clients.provider import NewJob
from tests.clients.test_ledger import plant
from tests.forge_sandbox import _server, empty_sandbox  # noqa: F401
from tests.provider_sandbox import SECONDS, _provider, sandbox  # noqa: F401
from tests.steps.test_finetune_paid import JOBS
from tests.steps.test_reconcile import STAGE, team  # noqa: F401

CHAT = "/chat"


def status(team, job_id):  # noqa: F811
    return team.provider.connect().job(job_id).status


def rewrite(team, change):  # noqa: F811
    """What whoever may push can do: change the ledger's files by a commit on top, as text."""
    with Ledger.opened(Remote(str(team.forge.git))) as ledger:
        before = ledger.read()
        news = {path: change(path, content.decode()).encode() for path, content in before.files.items()}
        ledger.write(before, news, "job", team.now)
    team.lose_checkout()


def cap(team, **caps):  # noqa: F811
    """As if main's policy said so."""
    path = "config/intelligence_v4.policy.json"
    policy = team.repository.read_json(path)
    team._commit(path, policy | {"caps": policy["caps"] | caps})


# the provider's own word


@pytest.mark.parametrize("named", ["gpt-4.1-2025-04-14", "None"])
def test_a_model_that_the_ledger_alone_names_is_asked_nothing(team, named):  # noqa: F811
    """Threat 25: whoever may push could have any model asked with the key of the evals."""
    run = team.launch()

    def forged(path, text):
        if not path.endswith("job.json"):
            return text
        job = json.loads(text)
        job["openai"] |= {"status": "succeeded", "fine_tuned_model": named}
        return json.dumps(job)

    rewrite(team, forged)

    (seen,) = team.round("--do", "evaluate")

    assert run["job_id"] in seen["alarms"][0]
    assert (seen["state"], seen["next"], seen["done"]) == ("ready", "evaluate", [])
    assert team.provider.asked("POST", CHAT) == []


def test_a_model_that_was_put_in_place_of_the_evaluated_one_is_not_proposed(team):  # noqa: F811
    """Threat 13: job and reports agree with each other, and the provider doesn't."""
    team.trained()
    (run,) = team.round("--do", "follow", "--do", "evaluate")
    other = f"{run['model_id'][:-8]}deadbeef"
    rewrite(team, lambda path, text: text.replace(run["model_id"].removeprefix("sandbox:"), other[8:]))

    (seen,) = team.round("--do", "propose")

    assert (seen["model_id"], seen["done"]) == (other, [])
    assert "doesn't say" in seen["alarms"][0]
    assert team.pulls() == []


def test_an_answer_that_the_ledger_leaves_out_is_not_asked_for_by_a_proposal(team):  # noqa: F811
    """Threat 25: no cap counts what a proposal asks."""
    team.trained()
    team.round("--do", "follow", "--do", "evaluate")
    asked = len(team.provider.asked("POST", CHAT))

    def cut_down(path, text):
        outcome = json.loads(text)
        return json.dumps(outcome | {"reports": {}}) if path.endswith("outcome.json") else text

    rewrite(team, cut_down)
    (run,) = team.round("--do", "propose")

    assert "run evaluate first" in run["alarms"][0]
    assert (team.pulls(), len(team.provider.asked("POST", CHAT))) == ([], asked)


@pytest.mark.parametrize(
    "other", [{"metadata": {}}, {"metadata": {"ftv4_run_key": "0" * 64}}, {"id": "ftjob-another"}]
)
def test_a_job_that_is_not_this_runs_vouches_for_nothing(team, other):  # noqa: F811
    """A model of the same account, trained by hand or by another run."""
    started = team.trained()
    team.round("--do", "follow")
    team.provider.fail("alter", "GET", f"{JOBS}/{started['job_id']}", fields=other)

    (run,) = team.round("--do", "evaluate")

    assert (len(run["alarms"]), team.provider.asked("POST", CHAT)) == (1, [])
    assert team.round("--do", "evaluate")[0]["state"] == "evaluated"


def test_a_job_that_the_provider_lost_or_cannot_tell_of_keeps_its_model_waiting(team):  # noqa: F811
    """Neither speaks against the model."""
    started = team.trained()
    team.round("--do", "follow")
    for told, code in ((404, 0), (401, 5)):
        team.provider.begin_faults()
        team.provider.fail("reject", "GET", f"{JOBS}/{started['job_id']}", status=told, times=9)
        (run,) = team.round("--do", "evaluate", code=code)
        assert (run["state"], run["next"]) == ("ready", "evaluate")
    assert team.provider.asked("POST", CHAT) == []


def test_more_evaluations_than_a_day_may_have_wait(team):  # noqa: F811
    """Threat 25: counted over the ledger, whoever started them."""
    cap(team, evaluations_a_day=1)
    team.launch(suffix=f"{team.suffix}b")
    team.later(minutes=1)
    team.trained()
    done = [run["state"] for run in team.round("--do", "follow", "--do", "evaluate")]
    assert done == ["evaluated", "ready"]
    asked = len(team.provider.asked("POST", CHAT))
    team.lose_checkout()
    team.later(hours=23)

    _, waits = team.round("--do", "evaluate")

    assert waits["notes"] == ["caps.evaluations_a_day: 1 within a day, 1 may be"]
    assert len(team.provider.asked("POST", CHAT)) == asked
    team.later(hours=1)
    assert team.round("--do", "evaluate")[1]["state"] == "evaluated"


def test_an_evaluation_that_got_too_few_answers_counts_too(team):  # noqa: F811
    """What was answered of it was paid for."""
    cap(team, evaluations_a_day=1)
    team.trained()
    team.provider.fail("reject", "POST", CHAT, status=400, times=1)
    (run,) = team.round()
    assert "in 1 of 3 evals" in run["done"][-1]
    asked = len(team.provider.asked("POST", CHAT))
    team.later(hours=1)

    (run,) = team.round()

    assert run["notes"] == ["caps.evaluations_a_day: 1 within a day, 1 may be"]
    assert len(team.provider.asked("POST", CHAT)) == asked


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("20261122T110000Z-0123456789ab-stage", True),
        ("20261122T110000Z", False),
        ("20261122T110000Z-0-stage", False),
        ("20261122T110000Z-0123456789ab-stage_2", False),
        ("20261121T110000Z-0123456789ab-stage", False),
        ("20261124T110000Z-0123456789ab-stage", False),
    ],
)
def test_only_reconciles_own_reports_of_a_day_around_now_count(team, name, counts):  # noqa: F811
    """A report made by hand is its maker's bill; one of days to come is of a clock that was wrong."""
    cap(team, evaluations_a_day=1)
    team.trained()
    team.round("--do", "follow")
    plant(team.forge.git, f"evals/report_{name}.json")

    (run,) = team.round("--do", "evaluate")

    assert run["state"] == ("ready" if counts else "evaluated")


# models that don't answer

GONE = "sandbox:ft:gpt-4.1-mini-2025-04-14:acme:gone:00000000"


def answered(team):  # noqa: F811
    """The questions that a model answered, which cost."""
    return [line for line in team.provider.asked("POST", CHAT) if line.endswith(" 200")]


def test_a_pinned_model_that_is_gone_costs_no_answer_until_another_is_pinned(team):  # noqa: F811
    team.pin(GONE)
    team.trained()

    (run,) = team.round("--do", "follow", "--do", "evaluate")

    assert (run["state"], run["next"]) == ("silent", None)
    assert "--force and a reason, or roll back" in run["alarms"][0]
    before = team.writes(), len(team.provider.asked("POST", CHAT))
    team.later(days=1)
    team.lose_checkout()
    assert team.round()[0]["alarms"] == []
    assert (team.writes(), len(team.provider.asked("POST", CHAT))) == before
    assert answered(team) == []

    team.pin("sandbox:gpt-4.1-mini-2025-04-14")
    assert team.round("--do", "evaluate")[0]["state"] in {"evaluated", "refused"}
    assert answered(team)


def test_a_pinned_model_that_does_not_answer_is_asked_three_times_an_hour_apart(team):  # noqa: F811
    """Fault row 26: it may be a bad day, and then the next round goes on."""
    started = team.trained()
    team.pin("sandbox:gpt-4.1-mini-2025-04-14")
    team.round("--do", "follow")
    team.provider.fail("reject", "POST", CHAT, status=400, times=9999)
    written = []
    for minutes, code in ((0, 5), (30, 5), (30, 5), (60, 0), (60, 0)):
        team.later(minutes=minutes)
        before = team.head()
        (run,) = team.round("--do", "evaluate", code=code)
        written.append(team.head() != before)
        team.lose_checkout()

    assert (run["state"], run["next"]) == ("silent", None)
    assert written == [True, False, True, True, False]
    assert answered(team) == []
    team.provider.begin_faults()
    again = ("--again", started["run_dir"], "--do", "evaluate")
    assert team.round(*again)[0]["state"] in {"evaluated", "refused"}


def test_a_rule_that_there_is_not_is_pinned_in_vain_and_no_provider_is_asked_about_it(team):  # noqa: F811
    team.trained()
    team.round("--do", "follow")
    team.pin("deterministic:nope")

    (run,) = team.round("--do", "evaluate", code=5)

    assert (run["state"], run["next"]) == ("silent", "evaluate")
    assert run["error"].endswith("no such rule")


def test_the_silence_of_the_pinned_model_is_not_counted_against_the_candidate(team):  # noqa: F811
    rule = team.repository.models().stages[STAGE].model_id
    team.trained()
    team.pin("sandbox:gpt-4.1-mini-2025-04-14")
    team.provider.fail("reject", "POST", CHAT, status=400, times=9999)
    for _ in range(2):
        (run,) = team.round("--do", "follow", "--do", "evaluate", code=5)
        assert run["state"] == "silent"
        team.later(hours=1)
    team.pin(rule)

    (run,) = team.round("--do", "evaluate", code=5)

    assert (run["state"], run["done"][-1][-15:]) == ("ready", "in 1 of 3 evals")


def test_a_model_that_answers_nothing_is_refused_after_three_evals(team):  # noqa: F811
    """What is asked around it costs, so that it doesn't go on for ever."""
    team.trained()
    team.provider.fail("reject", "POST", CHAT, status=404, code="model_not_found", times=9999)
    for code, state in ((5, "ready"), (5, "ready"), (0, "refused")):
        (run,) = team.round(code=code)
        assert run["state"] == state
    assert "HTTP 404" in run["reasons"][0]


def test_a_job_that_succeeded_without_a_model_is_an_alarm_from_the_second_hour_on(team):  # noqa: F811
    """Fault row 18: it is followed on, for the model may show, but not in silence."""
    started = team.launch()
    job = team.provider.raw(f"{JOBS}/{started['job_id']}") | {"status": "succeeded"}
    page = {"object": "list", "has_more": False, "data": [job]}
    team.provider.fail("alter", "GET", JOBS, fields=page, times=9)
    alarms = []
    for minutes in (0, 59, 1, 600):
        team.later(minutes=minutes)
        alarms += [run["alarms"] for run in team.round()]
        team.lose_checkout()

    assert [len(some) for some in alarms] == [0, 0, 1, 1]
    assert "names no model" in alarms[-1][0]


# a ledger that is damaged


def cut(team, path):  # noqa: F811
    rewrite(team, lambda name, text: text[:-9] if name == path else text)


def linked(team, path):  # noqa: F811
    """A link to a file that would do in its place."""
    whole = team.ledger()[path]
    (team.forge.folder / "whole.json").write_bytes(whole)
    plant(team.forge.git, path, str(team.forge.folder / "whole.json").encode(), "120000")
    team.lose_checkout()


@pytest.mark.parametrize("damage", [cut, linked])
@pytest.mark.parametrize("file", ["run_manifest.json", "outcome.json", "report"])
def test_a_damaged_file_keeps_only_its_own_run_waiting_and_is_named(team, file, damage):  # noqa: F811
    """Nothing is bought meanwhile: a run that can't be read would be paid for again."""
    broken = team.launch(suffix=f"{team.suffix}b")["run_dir"]
    team.provider.ahead += SECONDS
    team.round("--do", "follow", "--do", "evaluate")
    team.later(minutes=1)
    sound = team.launch()["run_dir"]
    team.provider.ahead += SECONDS
    path = next(path for path in team.ledger() if path in {f"{broken}/{file}"} or f"evals/{file}" in path)
    damage(team, path)

    done = team._ftv4("ops", "reconcile", *team._json)

    assert done.code == 3
    (run,) = json.loads(done.out)["runs"]
    assert (run["run_dir"], run["state"]) == (sound, "proposed")
    assert f"ledger: {path}" in json.loads(done.out)["damaged"][0]
    assert ("one of mode 120000" in json.loads(done.out)["damaged"][0]) == (damage is linked)
    assert f"  ledger: {path}" in done.err
    assert team.repository.files(broken, "*") == []
    team.launch(suffix=f"{team.suffix}c", code=0 if file == "report" else 3)


def test_beside_a_run_that_cannot_be_read_no_job_is_taken_for_anybodys(team):  # noqa: F811
    """It may be that run's: it is neither adopted nor cancelled until the ledger is mended."""
    first = team.launch()
    other = team.launch(suffix=f"{team.suffix}b")["run_dir"]
    late = second_job(team, team.provider.connect().job(first["job_id"]))

    def damaged(path, text):
        return "{" if path.startswith(other) else text

    rewrite(team, damaged)
    (run,) = team.round("--do", "follow", code=3)

    assert (run["job_id"], run["alarms"]) == (first["job_id"], [])
    assert status(team, late.id) == "validating_files"
    team.provider.connect().cancel(first["job_id"])
    (run,) = team.round("--do", "follow", code=3)
    assert (run["job_id"], run["next"]) == (first["job_id"], "follow")


def test_beside_a_run_that_cannot_be_read_no_lost_job_is_adopted(team):  # noqa: F811
    other = team.launch(suffix=f"{team.suffix}b")["run_dir"]
    team.later(minutes=1)
    team.provider.fail("accept_then_drop", "POST", JOBS)
    team.provider.fail("stale_list", "GET", JOBS, times=99)
    team.launch(code=5)
    team.provider.begin_faults()
    whole = team.ledger()
    rewrite(team, lambda path, text: "{" if path.startswith(other) else text)

    (run,) = team.round("--do", "follow", code=3)

    assert (run["job_id"], run["done"]) == (None, [])
    assert "no job is taken for its own until that is mended" in run["notes"][0]
    rewrite(team, lambda path, text: whole[path].decode())
    found = {run["job_id"] for run in team.round("--do", "follow")}
    assert found == {job.id for job in team.provider.connect().jobs()[:2]}


def test_a_run_that_is_damaged_on_the_ledger_waits_though_it_is_whole_here(team):  # noqa: F811
    path = f"{team.trained()['run_dir']}/job.json"
    plant(team.forge.git, path, b"{")

    assert team.round(code=3) == []
    assert team.repository.has(path)


def test_a_damaged_report_of_a_model_that_is_settled_keeps_nothing_waiting(team):  # noqa: F811
    team.trained()
    team.shut_down("2026-11-30")
    assert team.round()[0]["state"] == "refused"
    rewrite(team, lambda path, text: "{" if path.startswith("evals/") else text)

    assert team.round()[0]["state"] == "refused"


# two jobs of one run


@pytest.fixture
def before_write(monkeypatch):
    """Have something happen once, before the n-th write to the ledger from now on."""

    def arrange(number, happens):
        write, left = Ledger.write, [number]

        def late(ledger, *arguments):
            left[0] -= 1
            if left[0] == 0:
                monkeypatch.setattr(Ledger, "write", write)
                happens()
            return write(ledger, *arguments)

        monkeypatch.setattr(Ledger, "write", late)

    return arrange


def second_job(team, job):  # noqa: F811
    """Another one of the same run, as of a request that arrives late."""
    copy = NewJob(job.base_model, job.training_file, team.suffix, job.run_key, STAGE)
    return team.provider.connect().create_job(copy)


def test_of_two_jobs_one_lives_though_the_first_shows_only_when_the_second_is_bought(
    team,  # noqa: F811
    before_write,
):
    """Fault row 10: reconcile adopts the first one between the second request and its record."""
    team.provider.fail("accept_then_drop", "POST", JOBS)
    team.provider.fail("stale_list", "GET", JOBS, times=99)
    team.launch(code=5)
    team.lose_checkout()
    team.later(minutes=31)
    clone = team.forge.checkout().folder

    def meanwhile():
        team.provider.begin_faults()
        team._ftv4("--repo", clone, "ops", "reconcile", "--do", "follow", *team._json)

    before_write(2, meanwhile)
    launched = team.launch()
    team.lose_checkout()

    second, first = team.provider.connect().jobs()[:2]
    assert launched["job_id"] == first.id
    assert f"{second.id} is one too many" in team.err
    (run,) = team.round("--do", "follow")
    assert (run["job_id"], run["next"]) == (first.id, "follow")
    assert (status(team, first.id), status(team, second.id)) == ("validating_files", "cancelled")


def test_of_two_jobs_that_a_lost_answer_may_mean_the_one_that_lives_is_adopted(team):  # noqa: F811
    team.provider.fail("accept_then_drop", "POST", JOBS)
    team.provider.fail("stale_list", "GET", JOBS, times=99)
    team.launch(code=5)
    team.provider.begin_faults()
    ended = team.provider.connect().jobs()[0]
    lives = second_job(team, ended)
    team.provider.connect().cancel(ended.id)

    (run,) = team.round("--do", "follow")

    assert (run["job_id"], run["alarms"]) == (lives.id, [])


def test_a_job_without_a_key_on_the_same_file_is_nobodys_to_cancel(team):  # noqa: F811
    """Somebody may train on it by hand."""
    launched = team.launch()
    by_hand = second_job(team, team.provider.connect().job(launched["job_id"]))
    shown = [team.provider.raw(f"{JOBS}/{one}") for one in (by_hand.id, launched["job_id"])]
    page = {"object": "list", "has_more": False, "data": [shown[0] | {"metadata": {}}, shown[1]]}
    team.provider.fail("alter", "GET", JOBS, fields=page)

    (run,) = team.round("--do", "follow")

    assert (run["job_id"], run["alarms"]) == (launched["job_id"], [])
    assert status(team, by_hand.id) == "validating_files"


def test_nor_is_it_adopted_where_no_job_has_a_key_and_the_runs_own_has_ended(team):  # noqa: F811
    launched = team.launch()
    by_hand = second_job(team, team.provider.connect().job(launched["job_id"]))
    team.provider.connect().cancel(launched["job_id"])
    shown = [team.provider.raw(f"{JOBS}/{one}") for one in (by_hand.id, launched["job_id"])]
    page = {"object": "list", "has_more": False, "data": [one | {"metadata": {}} for one in shown]}
    team.provider.fail("alter", "GET", JOBS, fields=page)

    (run,) = team.round("--do", "follow")

    assert (run["job_id"], run["state"], run["alarms"]) == (launched["job_id"], "cancelled", [])


def test_when_both_jobs_of_a_run_were_cancelled_it_keeps_its_own(team):  # noqa: F811
    launched = team.launch()
    late = second_job(team, team.provider.connect().job(launched["job_id"]))
    for job in (launched["job_id"], late.id):
        team.provider.connect().cancel(job)

    (run,) = team.round("--do", "follow")

    assert (run["job_id"], run["state"], run["alarms"]) == (launched["job_id"], "cancelled", [])


def bought_once_more(team):  # noqa: F811
    """A run whose job was cancelled, which the ledger doesn't know, and the run that took its place."""
    old = team.launch()
    team.provider.connect().cancel(old["job_id"])
    team.later(minutes=1)
    new = team.launch("--again")
    rewrite(team, lambda path, text: text.replace('"status": "cancelled"', '"status": "running"'))
    return old, new


def test_a_job_that_another_run_has_is_no_second_one(team):  # noqa: F811
    """Where it got lost that the first had ended."""
    old, new = bought_once_more(team)

    found = {run["run_dir"]: (run["job_id"], run["alarms"]) for run in team.round("--do", "follow")}

    assert found == {run["run_dir"]: (run["job_id"], []) for run in (old, new)}


def test_two_runs_whose_jobs_both_live_cancel_neither(team):  # noqa: F811
    """The first was taken for cancelled when it was bought once more, and goes on after all."""
    old, new = bought_once_more(team)
    jobs = [team.provider.raw(f"{JOBS}/{run['job_id']}") for run in (new, old)]
    alive = {"object": "list", "has_more": False, "data": [job | {"status": "running"} for job in jobs]}
    team.provider.fail("alter", "GET", JOBS, fields=alive)

    found = {
        run["run_dir"]: (run["job_id"], run["state"], run["alarms"]) for run in team.round("--do=follow")
    }

    assert found == {run["run_dir"]: (run["job_id"], "running", []) for run in (old, new)}
    assert team.provider.raw(f"{JOBS}/{new['job_id']}")["status"] != "cancelled"


def test_a_second_job_that_cannot_be_cancelled_is_an_alarm_until_it_can(team):  # noqa: F811
    launched = team.launch()
    late = second_job(team, team.provider.connect().job(launched["job_id"]))
    team.provider.fail("reject", "POST", f"{JOBS}/{late.id}/cancel", status=403)

    (run,) = team.round("--do", "follow")

    assert f"a second job, {late.id}, could not be cancelled" in run["alarms"][0]
    team.round("--do", "follow")
    assert status(team, late.id) == "cancelled"


def test_where_another_runner_records_another_job_meanwhile_that_one_stands(team, before_write):  # noqa: F811
    """Neither is cancelled on what was read before: the next round sees both."""
    team.provider.fail("accept_then_drop", "POST", JOBS)
    team.provider.fail("stale_list", "GET", JOBS, times=99)
    team.launch(code=5)
    team.lose_checkout()
    team.provider.begin_faults()
    first = team.provider.connect().jobs()[0]
    second = second_job(team, first)

    def meanwhile():
        path = next(path for path in team.ledger() if path.endswith("job.json"))
        record = json.loads(team.ledger()[path])
        record["openai"] |= {"job_id": second.id, "status": "queued"}
        plant(team.forge.git, path, json.dumps(record).encode())

    before_write(1, meanwhile)
    (run,) = team.round("--do", "follow")

    assert (run["job_id"], run["done"], run["alarms"]) == (second.id, [], [])
    assert run["notes"] == ["another runner is at it"]
    assert {status(team, job.id) for job in (first, second)} == {"validating_files"}


def test_when_a_runs_job_was_cancelled_its_second_one_is_adopted_rather_than_cancelled_too(team):  # noqa: F811
    launched = team.launch()
    own = team.provider.connect().job(launched["job_id"])
    late = second_job(team, own)
    team.provider.connect().cancel(own.id)
    team.lose_checkout()

    (run,) = team.round("--do", "follow")

    assert (run["job_id"], run["next"]) == (late.id, "follow")
    assert "a second one goes on" in run["alarms"][0]
    assert status(team, late.id) == "validating_files"
    before = team.writes()
    team.lose_checkout()
    assert team.round("--do", "follow")[0]["alarms"] == []
    assert team.writes() == before


def test_a_job_that_is_bought_once_more_is_the_new_runs(team, before_write):  # noqa: F811
    """A round between the request of `--again` and its record takes it for nobody else's."""
    old = team.launch()
    team.provider.connect().cancel(old["job_id"])
    team.later(minutes=1)
    clone = team.forge.checkout().folder
    before_write(2, lambda: team._ftv4("--repo", clone, "ops", "reconcile", "--do", "follow", *team._json))

    new = team.launch("--again")

    team.lose_checkout()
    states = {run["run_dir"]: (run["job_id"], run["state"]) for run in team.round("--do", "follow")}
    assert states == {
        old["run_dir"]: (old["job_id"], "cancelled"),
        new["run_dir"]: (new["job_id"], "validating_files"),
    }


def test_a_request_of_again_that_was_lost_is_not_answered_by_the_first_runs_job(team):  # noqa: F811
    """That one ended: the run would end with it, and what was asked for would be nobody's."""
    old = team.launch()
    team.provider.connect().cancel(old["job_id"])
    team.later(minutes=1)
    team.provider.fail("drop", "POST", JOBS)
    team.launch("--again", code=5)
    team.lose_checkout()

    runs = {run["run_dir"]: run for run in team.round("--do", "follow")}

    assert runs.pop(old["run_dir"])["state"] == "cancelled"
    (new,) = runs.values()
    assert (new["job_id"], new["state"], new["done"]) == (None, "asked for", [])
    assert "the answer was lost, or is on its way" in new["notes"][0]
