"""`ftv4 ft` from the outside: what it prints, where, and with which exit code."""

import json
import subprocess

import pytest

from ftv4.clients.provider import Provider
from tests.dataset_rows import rows, write_dataset
from tests.provider_sandbox import _provider, sandbox  # noqa: F401

LIVE = (
    "ft", "stage", "--stage", "quant_signals", "--provider", "sandbox", "--dry-run=false",
    "--poll-interval", "0.01",
)  # fmt: skip
JOBS = "/fine_tuning/jobs"


@pytest.fixture
def dataset(repository):
    return write_dataset(repository, rows(30))


def test_a_live_run_ends_with_a_model_and_says_what_is_next(dataset, ftv4, sandbox):  # noqa: F811
    sandbox.hurry = True

    done = ftv4(*LIVE, "--suffix", "live")

    assert done.code == 0
    assert "30 of 30 rows accepted, 30 needed" in done.out
    assert (
        "next: ftv4 evals run --mode stage --stage quant_signals --model sandbox:ft:gpt-4o-mini" in done.out
    )
    assert done.err.splitlines()[-1].endswith("succeeded")


def test_json_is_alone_on_stdout(dataset, ftv4, sandbox):  # noqa: F811
    sandbox.hurry = True

    answer = json.loads(ftv4(*LIVE, "--suffix", "json", "--format", "json").out)

    assert (answer["dry_run"], answer["paid"], answer["status"]) == (False, True, "succeeded")
    assert answer["fine_tuned_model"].startswith("ft:gpt-4o-mini-2024-07-18:")
    assert answer["model_id"] == f"sandbox:{answer['fine_tuned_model']}"


def test_E7_the_second_time_links_to_the_first(dataset, ftv4, sandbox):  # noqa: F811
    sandbox.hurry = True
    first = json.loads(ftv4(*LIVE, "--suffix", "twice", "--format", "json").out)

    second = ftv4(*LIVE, "--suffix", "twice")

    assert second.code == 0
    assert f"{first['job_id']} succeeded (paid for before: linked to its job)" in second.out
    assert sandbox.jobs_made() == 1


def test_a_plan_says_whom_it_keeps_from_buying_twice(dataset, ftv4, sandbox, tmp_path):  # noqa: F811
    """Without a ledger this clone alone; a page of JSON stays JSON."""
    asked = ("ft", "stage", "--stage", "quant_signals", "--provider", "sandbox", "--suffix", "alone")
    ledger = ("--ledger", str(tmp_path / "ledger.git"))
    subprocess.run(["git", "init", "-q", "--bare", ledger[1]], check=True)
    said = "no ledger: only this clone is kept from buying this run again"

    assert said in ftv4(*asked).out
    assert said not in ftv4(*asked, *ledger).out
    assert json.loads(ftv4(*asked, "--format", "json").out)["dry_run"]
    paid = (*LIVE, "--suffix", "alone", "--follow=false")
    assert said not in ftv4(*paid, *ledger).err
    assert said in ftv4(*paid).err


def test_another_run_than_was_planned_is_not_bought(dataset, ftv4, sandbox, repository):  # noqa: F811
    asked = (*LIVE, "--suffix", "planned", "--follow=false", "--format", "json")
    key = json.loads(ftv4(*asked, "--dry-run").out)["run_key"]
    before = sorted(repository.root.rglob("*"))

    refused = ftv4(*asked, "--run-key", key, "--seed", "7")

    assert (refused.code, sandbox.asked("POST")) == (4, [])
    assert "plan again" in refused.err
    assert sorted(repository.root.rglob("*")) == before
    assert ftv4(*asked, "--run-key", "").code == 2
    assert json.loads(ftv4(*asked, "--run-key", key).out)["paid"]


def test_without_following_it_says_how_to_follow(dataset, ftv4, sandbox):  # noqa: F811
    done = ftv4(*LIVE, "--suffix", "leave", "--follow=false")
    folder = done.out.splitlines()[-1].rpartition(" ")[2]

    assert done.code == 0
    assert done.out.splitlines()[-1].startswith("next: ftv4 ft follow train/finetune_runs/quant_signals/")

    sandbox.hurry = True
    followed = ftv4("ft", "follow", folder, "--poll-interval", "0.01", "--format", "json")
    answer = json.loads(followed.out)
    by_id = ftv4("ft", "follow", answer["job_id"])
    assert answer["status"] == "succeeded"
    assert f"succeeded: {answer['model_id']}" in by_id.out


def test_a_strangers_job_can_be_followed_by_id(repository, dataset, ftv4, sandbox):  # noqa: F811
    sandbox.hurry = True
    made = json.loads(ftv4(*LIVE, "--suffix", "stranger", "--format", "json").out)
    repository.remove_folder(made["run_dir"])

    answer = json.loads(ftv4("ft", "follow", made["job_id"], "--provider", "sandbox", "--format", "json").out)

    assert (answer["run_dir"], answer["model_id"]) == (None, made["model_id"])


def test_following_a_run_at_another_provider_than_is_said_is_refused(dataset, ftv4, sandbox):  # noqa: F811
    made = json.loads(ftv4(*LIVE, "--suffix", "other", "--follow=false", "--format", "json").out)

    for target in (made["run_dir"], made["job_id"]):
        done = ftv4("ft", "follow", target, "--provider", "openai")
        assert (done.code, "is a run at sandbox" in done.err) == (2, True)


def test_ctrl_c_while_following_says_how_to_come_back(dataset, ftv4, sandbox, monkeypatch):  # noqa: F811
    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr("ftv4.cli.ft.time.sleep", interrupt)

    done = ftv4(*LIVE, "--suffix", "stopped")

    assert done.code == 130
    assert "the job goes on without us: `ftv4 ft follow train/finetune_runs/quant_signals/" in done.err


def test_ctrl_c_while_the_job_is_asked_for_says_that_it_may_be_bought(dataset, ftv4, sandbox, monkeypatch):  # noqa: F811
    """As when the answer takes long: the job exists, and nobody here knows its id."""
    create_job = Provider.create_job

    def interrupted(provider, job):
        create_job(provider, job)
        raise KeyboardInterrupt

    with monkeypatch.context() as slow:
        slow.setattr(Provider, "create_job", interrupted)
        done = ftv4(*LIVE, "--suffix", "halted", "--follow=false")

    assert done.code == 130
    assert "a job may have been bought for train/finetune_runs/quant_signals/" in done.err
    assert "the same command again links it, and buys no other before 2" in done.err
    again = ftv4(*LIVE, "--suffix", "halted", "--follow=false")
    assert (again.code, "linked to its job" in again.out) == (0, True)
    assert sandbox.jobs_made() == 1


def test_ctrl_c_before_the_job_is_asked_for_says_nothing_of_a_job(dataset, ftv4, sandbox, monkeypatch):  # noqa: F811
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(Provider, "upload", interrupted)

    done = ftv4(*LIVE, "--suffix", "early")

    assert (done.code, "may have been bought" in done.err) == (130, False)


def test_a_live_run_without_a_key_is_refused_before_anything_else(repository, dataset, ftv4):
    done = ftv4("ft", "stage", "--stage", "quant_signals", "--suffix", "t", "--dry_run=false")

    assert done.code == 2
    assert "OPENAI_API_KEY isn't set" in done.err
    assert not repository.path("train/finetune_runs").exists()


def test_no_quota_is_a_service_error_that_says_so(dataset, ftv4, sandbox):  # noqa: F811
    sandbox.fail("reject", "POST", JOBS, status=429, code="insufficient_quota")

    done = ftv4(*LIVE, "--suffix", "poor")

    assert done.code == 5
    assert "the account has no credit left" in done.err


def test_a_lost_answer_says_what_is_known(dataset, ftv4, sandbox, monkeypatch):  # noqa: F811
    monkeypatch.setattr("ftv4.cli.ft.time.sleep", lambda seconds: None)
    sandbox.fail("reject", "POST", JOBS, status=502)

    done = ftv4(*LIVE, "--suffix", "lost")

    assert done.code == 5
    assert "the job may exist or not" in done.err
    assert "not sent again before" in done.err
    assert "ft follow" in done.err


def test_to_follow_a_lost_answer_says_when_to_look_again_and_not_to_buy(dataset, ftv4, sandbox, monkeypatch):  # noqa: F811
    monkeypatch.setattr("ftv4.cli.ft.time.sleep", lambda seconds: None)
    monkeypatch.setenv("FTV4_NOW", "2026-11-22T12:00:00Z")
    sandbox.fail("drop", "POST", JOBS)
    lost = ftv4(*LIVE, "--suffix", "circle")
    folder = lost.err.partition("`ftv4 ft follow ")[2].partition("`")[0]

    done = ftv4("ft", "follow", folder)

    assert done.code == 5
    assert f"{folder}: the job may exist or not: it was asked for at 2026-11-22T12:00:00.000Z" in done.err
    assert "the request is not sent again before 2026-11-22T12:30:00.000Z" in done.err
    assert "asks for one" not in done.err
    monkeypatch.setenv("FTV4_NOW", "2026-11-22T12:30:00Z")
    later = ftv4("ft", "follow", folder)
    assert (later.code, "it was asked for at 2026-11-22T12:00:00.000Z" in later.err) == (5, True)
    assert "looks once more, and asks for one if none shows" in later.err


def test_a_shutdown_is_said_before_money_is_spent(dataset, ftv4, sandbox):  # noqa: F811
    listed = [{"id": "gpt-4o-mini-2024-07-18", "object": "model", "shutdown_date": "2027-01-14"}]
    sandbox.fail("alter", "GET", "/models", fields={"data": listed})

    done = ftv4(*LIVE, "--suffix", "warned", "--follow=false")

    assert "warning: gpt-4o-mini-2024-07-18, and every model tuned from it, stops answering" in done.err


# list


def test_list_joins_our_runs_with_the_providers_jobs(repository, dataset, ftv4, sandbox):  # noqa: F811
    gone = json.loads(ftv4(*LIVE, "--suffix", "gone", "--follow=false", "--format", "json").out)
    repository.remove_folder(gone["run_dir"])
    ours = json.loads(ftv4(*LIVE, "--suffix", "ours", "--follow=false", "--format", "json").out)
    ftv4("ft", "stage", "--stage", "quant_signals", "--suffix", "dry")
    sandbox.ahead = 60

    answer = json.loads(ftv4("ft", "list", "--provider", "sandbox", "--format", "json").out)

    shown = {run["job_id"]: run for run in answer["runs"]}
    assert shown[ours["job_id"]]["status"] == "succeeded"
    assert shown[ours["job_id"]]["run_dir"] == ours["run_dir"]
    assert shown[gone["job_id"]]["run_dir"] is None
    assert shown[None]["status"] == "dry_run"
    assert ftv4("ft", "list", "--provider", "sandbox").out.count("\n") == len(answer["runs"])


def test_list_without_a_key_shows_ours_and_says_so(dataset, ftv4):
    ftv4("ft", "stage", "--stage", "quant_signals", "--suffix", "dry")

    done = ftv4("ft", "list")

    assert done.code == 0
    assert "dry_run" in done.out
    assert "OPENAI_API_KEY isn't set" in done.out


def test_C4_list_sorts_before_it_limits(dataset, ftv4, monkeypatch):
    for hour in (12, 10, 11):
        monkeypatch.setenv("FTV4_NOW", f"2026-11-22T{hour}:00:00Z")
        ftv4("ft", "stage", "--stage", "quant_signals", "--suffix", f"at{hour}")

    answer = json.loads(ftv4("ft", "list", "--limit", "2", "--format", "json").out)

    assert [run["created_at"][11:13] for run in answer["runs"]] == ["12", "11"]


def test_C1_list_names_a_damaged_run(repository, dataset, ftv4):
    ftv4("ft", "stage", "--stage", "quant_signals", "--suffix", "dry")
    [manifest] = repository.files("train/finetune_runs", "*/*/run_manifest.json")
    manifest.write_text('{"half":')

    done = ftv4("ft", "list")

    assert "damaged: train/finetune_runs/quant_signals/" in done.out
    assert json.loads(ftv4("ft", "list", "--format", "json").out)["damaged"]


def test_an_unknown_run_or_provider_is_an_error(dataset, ftv4, sandbox):  # noqa: F811
    assert ftv4("ft", "follow", "train/finetune_runs/quant_signals/nowhere").code == 2
    assert ftv4("ft", "follow", "ftjob-nobody", "--provider", "sandbox").code == 5
    assert ftv4("ft", "list", "--provider", "nobody").code == 3


def test_following_a_dry_run_is_an_error(dataset, ftv4, sandbox):  # noqa: F811
    plan = ftv4(
        "ft", "stage", "--stage", "quant_signals", "--suffix", "d", "--provider", "sandbox", "--format=json"
    )

    done = ftv4("ft", "follow", json.loads(plan.out)["run_dir"])

    assert (done.code, "a dry run has no job" in done.err) == (2, True)
