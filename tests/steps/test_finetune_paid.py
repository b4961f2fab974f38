"""Paying once: what a live run sends, adopts, and leaves behind when things go wrong."""

import json
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zlib import crc32

import pytest

from ftv4.clients.provider import NewJob
from ftv4.contracts.run import JobRecord, TuningConfig
from ftv4.errors import ContractError, GateError, ServiceError
from ftv4.stages import STAGES
from ftv4.steps import launch
from ftv4.steps.finetune import Asked
from ftv4.steps.follow import Polling, find_job, follow_run
from ftv4.steps.launch import SETTLE, World, buy
from ftv4.steps.runs import of_job, of_model, read_run, runs
from tests.dataset_rows import rows, write_dataset
from tests.provider_sandbox import SECONDS, _provider, eventually, sandbox  # noqa: F401

JOBS = "/fine_tuning/jobs"
FILES = "/files"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LOST = [
    {"kind": "accept_then_drop"},
    {"kind": "malformed"},
    {"kind": "alter", "fields": {"id": ""}},
]
"""Faults after which the job exists and we don't know its id."""


class Operator:
    """Somebody at the keyboard: one repository, one provider, a clock that stands still."""

    def __init__(self, repository, sandbox, suffix):  # noqa: F811
        self.repository = repository
        self.sandbox = sandbox
        self.suffix = suffix
        self.time = NOON
        self.slept = []
        self.patient = False
        """Let sleeping take as long as the sandbox needs to make a job."""
        self.heard = []
        write_dataset(repository, rows(30))

    def buy(self, **members):
        world = World(self.clock, self.sleep, self.heard.append)
        return buy(self.repository, self.asked(), self.sandbox.connect(), world, **members)

    def asked(self):
        return Asked(
            stage=STAGES["quant_signals"],
            provider="sandbox",
            dataset="train/datasets/stage_quant.jsonl",
            config=TuningConfig(base_model="gpt-4o-mini-2024-07-18", suffix=self.suffix),
            approved_only=True,
            min_rows=10,
            dry_run=False,
        )

    def clock(self):
        return self.time

    def sleep(self, seconds):
        self.slept.append(seconds)
        if self.patient:
            eventually(self.sandbox.jobs_made)

    def runs(self):
        return runs(self.repository)

    def follow(self, run, timeout=100, on_look=lambda job: None):
        def sleep(seconds):
            self.slept.append(seconds)
            self.sandbox.ahead += seconds

        polling = Polling(interval=10, timeout=timeout, sleep=sleep)
        return follow_run(
            self.repository, run, self.sandbox.connect(), polling, self.clock, lambda job, _: on_look(job)
        )


@pytest.fixture
def operator(repository, sandbox, request):  # noqa: F811
    return Operator(repository, sandbox, suffix=f"t{crc32(request.node.name.encode()):x}")


# buying and following


def test_a_run_is_uploaded_created_and_written_down(operator):
    bought = operator.buy()

    assert bought.paid
    record = operator.repository.read(JobRecord, f"{bought.run.folder}/job.json")
    assert record == bought.run.job
    assert record.openai.status == "validating_files"
    assert record.run_key == bought.run.manifest.run_key
    assert operator.sandbox.asked("POST") == [f"POST {FILES} 200", f"POST {JOBS} 200"]


def test_a_job_is_followed_to_its_model(operator):
    statuses = []

    run = operator.follow(operator.buy().run, on_look=lambda job: statuses.append(job.status))

    assert list(dict.fromkeys(statuses)) == ["validating_files", "queued", "running", "succeeded"]
    assert run.model_id.startswith("sandbox:ft:gpt-4o-mini-2024-07-18:")
    assert read_run(operator.repository, run.folder) == run
    assert run.job.openai.trained_tokens == run.manifest.estimate.billable_tokens


def test_B5_a_model_leads_back_to_its_run_and_dataset(operator):
    run = operator.follow(operator.buy().run)

    assert of_model(operator.repository, run.model_id) == run
    assert of_job(operator.repository, run.job_id) == run
    assert of_model(operator.repository, "sandbox:somebody-elses") is None


def test_a_failed_job_says_why_and_stays_on_record(operator):
    operator.sandbox.fail("fail_job", "POST", JOBS, code="user_error", message="bad\n::error::rows")
    run = operator.buy().run

    with pytest.raises(ServiceError, match="failed") as failed:
        operator.follow(run)

    assert "::" not in failed.value.message
    assert read_run(operator.repository, run.folder).status == "failed"


def test_following_ends_at_the_timeout_and_can_go_on(operator):
    run = operator.buy().run

    with pytest.raises(ServiceError, match="still") as late:
        operator.follow(run, timeout=20)

    assert late.value.retryable
    assert "ft follow" in late.value.hint
    assert operator.follow(run).status == "succeeded"


def test_a_success_without_a_model_is_not_the_end(operator):
    run = operator.buy().run
    operator.sandbox.ahead = SECONDS
    operator.sandbox.fail("alter", "GET", JOBS, fields={"fine_tuned_model": None}, times=2)

    assert operator.follow(run).model_id is not None
    assert len(operator.sandbox.asked("GET", f"{JOBS}/")) == 3


@pytest.mark.parametrize("fault", [{"kind": "alter", "fields": {"status": "dreaming"}}])
def test_an_unknown_status_is_followed_as_an_open_one(operator, fault):
    run = operator.buy().run
    operator.sandbox.fail(method="GET", path=f"{JOBS}/", **fault)

    assert operator.follow(run).status == "succeeded"


def test_following_survives_a_spell_of_bad_connection(operator):
    run = operator.buy().run
    operator.sandbox.fail("alter", "GET", f"{JOBS}/", fields={"id": None}, times=3)

    assert operator.follow(run).status == "succeeded"


def test_ctrl_c_while_following_leaves_the_job_on_record(operator):
    run = operator.buy().run

    def interrupt(job):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        operator.follow(run, on_look=interrupt)

    assert operator.follow(read_run(operator.repository, run.folder)).status == "succeeded"
    assert operator.sandbox.jobs_made() == 1


# the same run again


def test_E7_the_same_run_again_is_linked_not_paid_for(operator):
    first = operator.buy()
    operator.time += timedelta(days=1)

    second = operator.buy()

    assert not second.paid
    assert second.run.folder == first.run.folder
    assert len(operator.runs()) == 1
    assert operator.sandbox.jobs_made() == 1
    assert len(operator.sandbox.asked("POST", FILES)) == 1


def test_E7_a_job_made_elsewhere_is_adopted_by_its_key(operator):
    """Another checkout paid: the provider's list alone knows."""
    elsewhere = operator.buy().run
    operator.repository.remove_folder(elsewhere.folder)

    here = operator.buy()

    assert not here.paid
    assert here.run.job_id == elsewhere.job_id
    assert read_run(operator.repository, here.run.folder).job.openai.file_id == elsewhere.job.openai.file_id
    assert operator.sandbox.jobs_made() == 1


def test_E7_a_provider_that_forgets_metadata_is_asked_by_our_own_record(operator):
    first = operator.buy().run
    operator.sandbox.fail("alter", "GET", JOBS, fields={"data": []})

    assert operator.buy().run.job_id == first.job_id
    assert operator.sandbox.jobs_made() == 1


def test_a_second_job_of_the_same_run_is_warned_about(operator):
    """As when a request that was given up for lost lands after all: the older job counts."""
    first = operator.buy().run
    copy = operator.sandbox.connect().create_job(
        NewJob(
            "gpt-4o-mini-2024-07-18", first.job.openai.file_id, "x", first.manifest.run_key, "quant_signals"
        )
    )

    assert operator.buy().run.job_id == first.job_id
    assert copy.id in operator.heard[-1]


def test_E7_operators_at_the_same_time_pay_once(operator, monkeypatch):
    """The second waits at the stage's lock, and then finds the first one's job."""
    looked = threading.Barrier(2)

    def look_and_wait_for_the_other(*arguments):
        found = look(*arguments)
        with suppress(threading.BrokenBarrierError):
            looked.wait(0.3)
        return found

    look = launch._jobs
    monkeypatch.setattr(launch, "_jobs", look_and_wait_for_the_other)
    bought = []
    threads = [threading.Thread(target=lambda: bought.append(operator.buy())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(one.paid for one in bought) == [False, True]
    assert operator.sandbox.jobs_made() == 1
    assert len(operator.runs()) == 1


def test_a_failed_run_is_paid_for_again_only_when_that_is_said(operator):
    operator.sandbox.fail("fail_job", "POST", JOBS)
    first = operator.buy().run
    operator.sandbox.ahead = SECONDS

    with pytest.raises(ServiceError, match="failed") as refused:
        operator.buy()
    assert "--again" in refused.value.hint
    assert [run.folder for run in operator.runs()] == [first.folder]

    again = operator.buy(again=True)

    assert again.paid
    assert again.run.folder != first.folder
    assert operator.sandbox.jobs_made() == 2
    assert operator.buy().run.job_id == again.run.job_id


def test_a_vanished_job_is_paid_for_again_only_when_that_is_said(operator):
    first = operator.buy().run
    operator.sandbox.fail("reject", "GET", f"{JOBS}/{first.job_id}", status=404, times=9)
    operator.sandbox.fail("alter", "GET", JOBS, fields={"data": []}, times=9)

    with pytest.raises(ServiceError, match=first.job_id) as vanished:
        operator.buy()
    assert "--again" in vanished.value.hint
    assert operator.sandbox.jobs_made() == 1

    assert operator.buy(again=True).paid
    assert operator.sandbox.jobs_made() == 2


def test_E7_a_run_that_has_its_job_is_linked_even_when_no_new_ones_are_taken(operator):
    first = operator.buy().run
    listed = {"data": [{"id": "gpt-4o-mini-2024-07-18", "object": "model", "shutdown_date": "2026-11-22"}]}
    operator.sandbox.fail("alter", "GET", "/models", fields=listed)

    assert operator.buy().run.job_id == first.job_id


# lost answers


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault["kind"])
def test_a_job_whose_answer_was_lost_is_found_and_adopted(operator, fault):
    operator.sandbox.fail(method="POST", path=JOBS, **fault)
    operator.patient = True

    bought = operator.buy()

    assert bought.run.job_id is not None
    assert operator.sandbox.jobs_made() == 1
    assert len(operator.sandbox.asked("POST", JOBS)) == 1


@pytest.mark.parametrize("fault", LOST, ids=lambda fault: fault["kind"])
def test_a_lost_job_that_shows_late_is_adopted_by_the_next_run(operator, fault):
    operator.sandbox.fail(method="POST", path=JOBS, **fault)
    operator.sandbox.fail("stale_list", "GET", JOBS, times=5)

    with pytest.raises(ServiceError, match="may exist or not") as lost:
        operator.buy()
    assert "ft follow" in lost.value.hint
    [waiting] = operator.runs()
    assert (waiting.job_id, waiting.status) == (None, "file_uploaded")

    eventually(operator.sandbox.jobs_made)
    again = operator.buy()

    assert not again.paid
    assert again.run.folder == waiting.folder
    assert operator.sandbox.jobs_made() == 1
    assert operator.follow(again.run).status == "succeeded"


def test_an_old_failed_job_is_not_taken_for_the_lost_one(operator):
    operator.sandbox.fail("fail_job", "POST", JOBS)
    operator.buy()
    operator.sandbox.ahead = SECONDS
    operator.sandbox.fail("reject", "POST", JOBS, status=500)

    with pytest.raises(ServiceError, match="may exist or not"):
        operator.buy(again=True)


def test_follow_adopts_a_job_whose_answer_was_lost(operator):
    operator.sandbox.fail("malformed", "POST", JOBS)
    operator.sandbox.fail("stale_list", "GET", JOBS, times=5)
    with pytest.raises(ServiceError):
        operator.buy()

    run = operator.follow(operator.runs()[0])

    assert run.status == "succeeded"
    assert operator.sandbox.jobs_made() == 1


@pytest.mark.parametrize("status", [500, 503, 408])
def test_inside_the_settle_window_nothing_is_sent_again(operator, status):
    operator.sandbox.fail("reject", "POST", JOBS, status=status)
    with pytest.raises(ServiceError):
        operator.buy()
    operator.time += SETTLE - timedelta(seconds=1)

    with pytest.raises(ServiceError, match="may exist or not") as waiting:
        operator.buy()

    assert waiting.value.retryable
    assert len(operator.sandbox.asked("POST", JOBS)) == 1
    assert len(operator.runs()) == 1


def test_after_the_settle_window_the_same_folder_and_file_are_used(operator):
    operator.sandbox.fail("reject", "POST", JOBS, status=500)
    with pytest.raises(ServiceError):
        operator.buy()
    [waiting] = operator.runs()
    operator.time += SETTLE

    bought = operator.buy()

    assert bought.paid
    assert bought.run.folder == waiting.folder
    assert len(operator.sandbox.asked("POST", FILES)) == 1
    assert operator.sandbox.jobs_made() == 1


def lose_the_answer(operator, **fault):
    """A run whose job was asked for half an hour ago, and the answer never came."""
    operator.sandbox.fail("stale_list", "GET", JOBS, times=5)
    operator.sandbox.fail(method="POST", path=JOBS, **(fault or LOST[0]))
    with pytest.raises(ServiceError, match="may exist or not"):
        operator.buy()
    operator.time += SETTLE
    return operator.runs()[0]


def list_without_keys(operator, *jobs):
    """A provider that gives back no metadata, as some do."""
    bare = [job | {"object": "fine_tuning.job", "created_at": 1, "model": "m"} for job in jobs]
    operator.sandbox.fail("alter", "GET", JOBS, fields={"data": bare}, times=9)


def test_E7_a_lost_job_without_its_key_is_recognised_by_its_file(operator):
    lost = lose_the_answer(operator)
    file = lost.job.openai.file_id
    list_without_keys(operator, {"id": "ftjob-1", "status": "running", "training_file": file})

    bought = operator.buy()

    assert (bought.paid, bought.run.job_id) == (False, "ftjob-1")
    assert len(operator.sandbox.asked("POST", JOBS)) == 1


def test_E7_a_job_with_another_key_is_not_ours_though_it_has_our_file(operator):
    file = lose_the_answer(operator, kind="reject", status=500).job.openai.file_id
    operator.sandbox.connect().create_job(NewJob("gpt-4o-mini-2024-07-18", file, "x", "other", "s"))

    assert operator.buy().paid


def test_E7_where_no_job_shows_a_key_a_lost_request_is_sent_again_only_when_that_is_said(operator):
    lose_the_answer(operator)
    list_without_keys(operator, {"id": "ftjob-1", "status": "running", "training_file": None})

    with pytest.raises(ServiceError, match="none has a run key") as unsure:
        operator.buy()

    assert "--again" in unsure.value.hint
    assert len(operator.sandbox.asked("POST", JOBS)) == 1
    assert operator.buy(again=True).paid


@pytest.mark.parametrize(("status", "code"), [(429, "insufficient_quota"), (403, "closed"), (400, "bad")])
def test_a_refused_request_may_be_sent_again_at_once(operator, status, code):
    operator.sandbox.fail("reject", "POST", JOBS, status=status, code=code)
    with pytest.raises(ServiceError, match=f"HTTP {status}"):
        operator.buy()

    assert operator.buy().paid
    assert operator.sandbox.jobs_made() == 1
    assert len(operator.sandbox.asked("POST", FILES)) == 1


def test_a_crash_between_request_and_record_is_adopted(operator, monkeypatch):
    """As after kill -9: the request was sent, and nothing ran afterwards."""

    def killed(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr("ftv4.steps.launch.adopt", killed)
        with pytest.raises(KeyboardInterrupt):
            operator.buy()

    again = operator.buy()

    assert not again.paid
    assert again.run.job_id is not None
    assert operator.sandbox.jobs_made() == 1


def test_E6_a_crash_after_the_upload_leaves_its_id_on_record(operator, monkeypatch):
    def killed(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr("ftv4.steps.launch._create", lambda *arguments, **members: killed())
        with pytest.raises(KeyboardInterrupt):
            operator.buy()
    [uploaded] = operator.runs()

    bought = operator.buy()

    assert bought.run.job.openai.file_id == uploaded.job.openai.file_id
    assert len(operator.sandbox.asked("POST", FILES)) == 1


def throw_away(operator):
    """As a provider does that keeps files for a while."""
    for run in operator.runs():
        operator.sandbox.connect().delete_file(run.job.openai.file_id)


def test_a_file_that_the_provider_threw_away_is_uploaded_anew(operator):
    operator.sandbox.fail("reject", "POST", JOBS, status=429)
    with pytest.raises(ServiceError):
        operator.buy()
    throw_away(operator)

    assert operator.buy().paid
    assert len(operator.sandbox.asked("POST", FILES)) == 2


def test_a_file_that_is_uploaded_anew_hides_no_request_of_before(operator):
    """A job is asked for twice at most."""
    operator.sandbox.fail("drop", "POST", JOBS)
    with pytest.raises(ServiceError):
        operator.buy()
    throw_away(operator)
    operator.time += SETTLE

    assert len(operator.buy().run.job.attempts) == 2


def test_threat_51_bytes_that_were_not_judged_are_not_uploaded(operator):
    operator.sandbox.fail("reject", "POST", JOBS, status=429)
    with pytest.raises(ServiceError):
        operator.buy()
    throw_away(operator)
    [run] = operator.runs()
    operator.repository.write(run.training_file, operator.repository.read_bytes(run.training_file) + b"{}\n")

    with pytest.raises(GateError, match="not the bytes that were judged"):
        operator.buy()
    assert len(operator.sandbox.asked("POST", FILES)) == 1


def test_inside_the_settle_window_nothing_is_uploaded_either(operator):
    operator.sandbox.fail("reject", "POST", JOBS, status=500)
    with pytest.raises(ServiceError):
        operator.buy()
    operator.sandbox.fail("reject", "GET", FILES, status=404)

    with pytest.raises(ServiceError, match="may exist or not"):
        operator.buy()

    assert len(operator.sandbox.asked("POST")) == 2


def test_find_job_says_when_there_is_none(operator):
    operator.sandbox.fail("reject", "POST", JOBS, status=500)
    with pytest.raises(ServiceError):
        operator.buy()

    with pytest.raises(ServiceError, match="shows no job"):
        find_job(operator.repository, operator.runs()[0], operator.sandbox.connect(), NOON)


def test_a_lost_job_that_failed_is_put_on_record_and_said(operator):
    lost = lose_the_answer(operator)
    error = {"code": "user_error", "message": "bad rows", "param": None}
    file = lost.job.openai.file_id
    list_without_keys(operator, {"id": "j", "status": "failed", "training_file": file, "error": error})

    with pytest.raises(ServiceError, match="failed: bad rows") as failed:
        operator.follow(lost)

    assert "--again" in failed.value.hint
    assert read_run(operator.repository, lost.folder).status == "failed"


# before money is spent


def test_an_upload_that_fails_leaves_no_folder(operator):
    operator.sandbox.fail("reject", "POST", FILES, status=400)

    with pytest.raises(ServiceError):
        operator.buy()

    assert operator.runs() == []
    assert len(operator.sandbox.asked("POST", FILES)) == 1


def test_a_damaged_record_stops_a_paid_run(operator):
    run = operator.buy().run
    operator.repository.write(f"{run.folder}/job.json", '{"created_at":')

    with pytest.raises(Exception, match="1 damaged run"):
        operator.buy()

    assert operator.sandbox.jobs_made() == 1


@pytest.mark.parametrize("time", ["yesterday", "2026-11-22T12:00:00", "2026-11-22T12:00:00+02:00"])
def test_a_time_that_is_none_is_a_damaged_record(operator, time):
    run = operator.buy().run
    record = operator.repository.read_json(f"{run.folder}/job.json")
    operator.repository.write(f"{run.folder}/job.json", json.dumps(record | {"attempted_at": time}))

    with pytest.raises(ContractError, match="1 damaged run"):
        operator.buy()


def test_runs_of_the_node_tool_are_left_out(operator):
    """They have absolute paths and no key; nothing of ours could be the same run."""
    operator.repository.write(
        "train/finetune_runs/quant_signals/20260101T000000Z/run_manifest.json",
        json.dumps({"stage": "quant_signals", "dataset_path": "C:\\rows.jsonl", "dry_run": True}),
    )

    assert operator.buy().paid
    assert len(operator.runs()) == 1


def providers_with(repository, **members):
    providers = repository.read_json("config/providers.json")
    providers["providers"]["sandbox"] |= members
    repository.write("config/providers.json", json.dumps(providers))
    return repository.providers().providers["sandbox"]


def test_E7_a_base_model_that_is_trained_no_more_is_refused(operator, monkeypatch):
    facts = {"no_new_jobs_after": "2026-11-21", "source": "a notice", "as_of": "2026-11-01"}
    row = providers_with(operator.repository, base_models={"gpt-4o-mini-2024-07-18": facts})
    provider = operator.sandbox.connect()
    provider.row = row
    monkeypatch.setattr(operator.sandbox, "connect", lambda: provider)

    with pytest.raises(GateError, match="after 2026-11-21"):
        operator.buy()

    assert operator.sandbox.asked("POST") == []
    assert operator.runs() == []


@pytest.mark.parametrize(
    ("day", "ends"), [("2026-11-22", "refused"), ("2027-02-19", "warned"), ("2027-02-20", "")]
)
def test_the_providers_own_shutdown_date_is_believed_first(operator, day, ends):
    listed = {"data": [{"id": "gpt-4o-mini-2024-07-18", "object": "model", "shutdown_date": day}]}
    operator.sandbox.fail("alter", "GET", "/models", fields=listed)

    if ends == "refused":
        with pytest.raises(GateError, match="is shut down"):
            operator.buy()
        assert operator.sandbox.jobs_made() == 0
    else:
        operator.buy()
        assert any(day in warning for warning in operator.heard) is bool(ends)


def test_E7_a_file_the_provider_would_refuse_is_not_sent(operator, monkeypatch):
    row = providers_with(operator.repository, min_examples=31, file_size_limit=100)
    provider = operator.sandbox.connect()
    provider.row = row
    monkeypatch.setattr(operator.sandbox, "connect", lambda: provider)

    with pytest.raises(GateError) as refused:
        operator.buy()

    assert len(refused.value.problems) == 2
    assert operator.sandbox.asked("POST") == []
    assert operator.runs() == []
