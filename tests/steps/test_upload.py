"""Training files on their way to a provider: sent once if that can be, waited for, and swept when unused."""

import socket
import struct
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from ftv4.clients.provider import NewJob
from ftv4.errors import GateError, ServiceError
from ftv4.steps.upload import LOOKS, OURS, name_of
from tests.dataset_rows import rows, write_dataset
from tests.forge_sandbox import _server, empty_sandbox  # noqa: F401
from tests.provider_sandbox import _provider, eventually, sandbox  # noqa: F401
from tests.steps.test_finetune_paid import FILES, JOBS, operator  # noqa: F401
from tests.steps.test_launch_ledger import bare, before_writing, recorded, runner  # noqa: F401
from tests.steps.test_reconcile import NOON, team  # noqa: F401
from tests.steps.test_reconcile_guards import rewrite

KIB = 1024
LOOKED_AT = f"{FILES}/file-"
"""One file, not the list."""


def stored(operator, run):  # noqa: F811
    """The files of a run that the provider has."""
    return [file for file in operator.sandbox.connect().files() if file.name == name_of(run)]


def bought_with_one_file(operator):  # noqa: F811
    run = operator.buy().run
    (file,) = stored(operator, run)
    assert run.job.openai.file_id == file.id
    assert operator.sandbox.jobs_made() == 1
    return run


# an answer that was lost


@pytest.mark.parametrize("kind", ["accept_then_drop", "malformed"])
def test_a_file_whose_upload_got_no_answer_is_looked_for_and_not_sent_again(operator, kind):  # noqa: F811
    """Fault row 1."""
    operator.sandbox.fail(kind, "POST", FILES, times=2)
    operator.sleep = lambda _: eventually(lambda: operator.sandbox.asked("POST", FILES))

    bought_with_one_file(operator)

    assert eventually(lambda: len(operator.sandbox.asked("POST", FILES))) == 1


def test_a_file_that_a_lost_launch_left_is_taken_up_by_the_next(operator):  # noqa: F811
    """Fault row 1: whoever launches it, from whichever checkout."""
    operator.sandbox.fail("accept_then_drop", "POST", FILES, times=9)
    operator.sandbox.fail("reject", "GET", FILES, status=403, times=9)
    with pytest.raises(ServiceError):
        operator.buy()
    assert operator.runs() == []
    assert eventually(lambda: len(operator.sandbox.asked("POST", FILES)) == 3)
    operator.sandbox.begin_faults()

    run = operator.buy().run

    assert len(operator.sandbox.asked("POST", FILES)) == 3
    assert run.job.openai.file_id == stored(operator, run)[0].id
    assert operator.sandbox.jobs_made() == 1


@pytest.mark.parametrize(
    ("change", "passed"),
    [
        ({"filename": "ftv4-quant_signals-0000000000000000.jsonl"}, {}),
        ({"bytes": 5}, {}),
        ({"created_at": None}, {}),
        ({}, {"hours": 24}),
    ],
    ids=["another name", "half a file", "of no known age", "too old"],
)
def test_only_the_whole_file_of_the_very_run_is_taken_up(operator, change, passed):  # noqa: F811
    operator.sandbox.fail("reject", "POST", JOBS, status=429, code="insufficient_quota")
    with pytest.raises(ServiceError):
        operator.buy()
    [run] = operator.runs()
    (file,) = operator.sandbox.raw(f"{FILES}?purpose=fine-tune")["data"][:1]
    operator.repository.remove_folder(run.folder)
    page = {"object": "list", "has_more": False, "data": [file | change]}
    operator.sandbox.fail("alter", "GET", FILES, fields=page)
    if passed:
        operator.time = datetime.fromtimestamp(file["created_at"], UTC) + timedelta(**passed)

    operator.buy()

    assert len(operator.sandbox.asked("POST", FILES)) == 2


def test_a_provider_without_a_list_of_files_gets_the_file_anew(operator):  # noqa: F811
    operator.sandbox.fail("reject", "GET", FILES, status=404, times=9)
    operator.sandbox.fail("reject", "POST", FILES, status=503)

    assert operator.buy().paid
    assert len(operator.sandbox.asked("POST", FILES)) == 2


# an upload that goes wrong


@pytest.mark.parametrize(
    "fault",
    [{"kind": "drop"}, *({"kind": "reject", "status": status} for status in (408, 429, 500, 502, 503))],
    ids=str,
)
def test_an_upload_that_went_wrong_is_sent_again(operator, fault):  # noqa: F811
    """Fault row 2: nobody bills files."""
    operator.sandbox.fail(method="POST", path=FILES, times=2, **fault)

    bought_with_one_file(operator)

    assert len(operator.sandbox.asked("POST", FILES)) == 3


class Cut:
    """A line to a server that breaks once, so many bytes into an upload."""

    def __init__(self, url, after):
        self.there = urlsplit(url)
        self.left = after
        self.breaks = 0
        self.uploads = False
        self._door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with suppress(OSError):
            while True:
                near, _ = self._door.accept()
                far = socket.create_connection((self.there.hostname, self.there.port))
                threading.Thread(target=self._carry, args=(far, near, False), daemon=True).start()
                threading.Thread(target=self._carry, args=(near, far, True), daemon=True).start()

    def _carry(self, source, target, out):
        with suppress(OSError), source, target:
            for data in iter(lambda: source.recv(64 * KIB), b""):
                target.sendall(data[: self._whole(data, out)])
                if self.breaks and self.left == 0:
                    self.left = None
                    reset = struct.pack("ii", 1, 0)
                    for end in (source, target):
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                    return

    def _whole(self, data, out):
        """How much of what came is carried on."""
        self.uploads = self.uploads or (out and data.startswith(b"POST /v1/files "))
        if not out or not self.uploads or self.breaks:
            return len(data)
        carried = min(len(data), self.left)
        self.left -= carried
        self.breaks += self.left == 0
        return carried

    def close(self):
        self._door.close()


@pytest.mark.parametrize("kib", [0, 64, 128, 192, 256])
def test_a_line_that_breaks_at_any_point_of_an_upload_leaves_one_file(operator, monkeypatch, kib):  # noqa: F811
    """Fault row 2: at every 64 KiB of the body."""
    write_dataset(operator.repository, rows(150))
    line = Cut(operator.sandbox.url, kib * KIB)
    known = operator.sandbox.variables | {"FTV4_SANDBOX_URL": f"{line.url}/v1"}
    monkeypatch.setattr(type(operator.sandbox), "variables", property(lambda _: known))

    run = bought_with_one_file(operator)

    line.close()
    assert operator.repository.size(run.training_file) > 256 * KIB
    assert line.breaks == 1


# a file that the provider looks through


def test_a_file_that_is_looked_through_for_a_moment_is_waited_for(operator):  # noqa: F811
    operator.sandbox.fail("alter", "POST", FILES, fields={"status": "uploaded"})
    operator.sandbox.fail("alter", "GET", LOOKED_AT, fields={"status": "uploaded"})

    assert operator.buy().paid
    assert operator.slept == list(LOOKS[:2])


def test_a_file_that_is_looked_through_for_hours_keeps_its_job_waiting(operator):  # noqa: F811
    """Fault row 3: no job, nothing asked for, nothing sent twice."""
    operator.sandbox.fail("alter", "POST", FILES, fields={"status": "uploaded"})
    operator.sandbox.fail("alter", "GET", LOOKED_AT, fields={"status": "uploaded"}, times=2 * len(LOOKS) + 1)

    for hours in (0, 3):
        operator.time = NOON + timedelta(hours=hours)
        waits = operator.buy()
        assert (waits.paid, waits.run.job_id, waits.run.job.attempts) == (False, None, ())
    assert operator.sandbox.asked("POST", JOBS) == []
    operator.time += timedelta(hours=3)

    assert operator.buy().run.folder == waits.run.folder
    assert operator.sandbox.asked("POST") == [f"POST {FILES} 200", f"POST {JOBS} 200"]


def test_that_a_file_is_waited_for_is_said_and_is_no_error(team, dated, monkeypatch):  # noqa: F811
    """Fault row 3: `waiting_file`, exit 0; the ledger has the file, and reconcile lets both be."""
    monkeypatch.setattr("ftv4.steps.upload.LOOKS", (0.0,))
    team.provider.fail("alter", "POST", FILES, fields={"status": "uploaded"})
    team.provider.fail("alter", "GET", LOOKED_AT, fields={"status": "uploaded"})

    answer = team.launch("--follow=true")

    assert (answer["status"], answer["job_id"], answer["paid"]) == ("waiting_file", None, False)
    team.lose_checkout()
    team.later(hours=25)
    (run,) = team.round()
    assert (run["state"], run["next"], run["done"], run["alarms"]) == ("not asked for", None, [], [])
    assert team.launch()["paid"]
    assert len(team.provider.asked("POST", FILES)) == 1


def test_a_runner_whose_file_is_not_ready_hides_nobodys_request(runner, sandbox, before_writing, recorded):  # noqa: F811
    """I1: another one has asked for the job meanwhile, and its answer was lost."""
    ours, other = runner(), runner()

    def asks():
        sandbox.begin_faults()
        sandbox.fail("drop", "POST", JOBS)
        with pytest.raises(ServiceError):
            other.buy()
        sandbox.fail("alter", "GET", LOOKED_AT, fields={"status": "uploaded"}, times=9)

    sandbox.fail("alter", "POST", FILES, fields={"status": "uploaded"})
    sandbox.fail("alter", "GET", LOOKED_AT, fields={"status": "uploaded"}, times=len(LOOKS))
    before_writing(asks)

    with pytest.raises(ServiceError, match="may exist or not"):
        ours.buy()

    (record,) = recorded().values()
    assert len(record["attempts"]) == 1
    assert len(sandbox.asked("POST", JOBS)) == 1


ERROR = {"status": "error", "status_details": "line 3: bad\n::error::rows"}


def test_a_file_that_the_provider_refuses_is_the_end_of_its_run(operator):  # noqa: F811
    """Fault row 4: `invalid_file`, with the reason, and the same the next time, without a second upload."""
    operator.sandbox.fail("alter", "POST", FILES, fields=ERROR)
    operator.sandbox.fail("alter", "GET", LOOKED_AT, fields=ERROR, times=2)

    for _ in range(2):
        with pytest.raises(GateError, match=r"invalid_file.*line 3\\u003a bad") as refused:
            operator.buy()
        assert "\n" not in refused.value.message
        assert "::error" not in refused.value.message
    assert operator.sandbox.asked("POST") == [f"POST {FILES} 200"]

    [run] = operator.runs()
    (listed,) = [one for one in operator.sandbox.raw(FILES)["data"] if one["filename"] == name_of(run)]
    page = {"object": "list", "has_more": False, "data": [listed | ERROR]}
    operator.sandbox.fail("alter", "GET", FILES, fields=page, nth=2)  # after the look at the file itself
    assert operator.buy(again=True).paid
    assert len(operator.sandbox.asked("POST", FILES)) == 2


def test_a_refused_file_is_known_in_a_fresh_checkout(operator):  # noqa: F811
    operator.sandbox.fail("alter", "POST", FILES, fields=ERROR)
    with pytest.raises(GateError, match="invalid_file"):
        operator.buy()
    [run] = operator.runs()
    file = operator.sandbox.raw(f"{FILES}/{run.job.openai.file_id}") | ERROR
    operator.repository.remove_folder(run.folder)
    page = {"object": "list", "has_more": False, "data": [file]}
    operator.sandbox.fail("alter", "GET", FILES, fields=page)

    with pytest.raises(GateError, match="invalid_file"):
        operator.buy()

    assert operator.sandbox.asked("POST") == [f"POST {FILES} 200"]


# what nobody uses


def orphan(team, **change):  # noqa: F811
    """A file at the provider that a launch left behind; `change` is of its name."""
    name = f"ftv4-synthesis_decision-{'a' * 16}-{'b' * 64}.jsonl"
    for old, new in change.items():
        name = name.replace(old, new)
    path = team.repository.path("left.jsonl")
    path.write_bytes(b"{}\n")
    return team.provider.connect().upload(path, name).id


def ids(team):  # noqa: F811
    return {file.id for file in team.provider.connect().files()}


@pytest.fixture
def dated(team):  # noqa: F811
    """The provider's clock shows the team's time."""

    def set_clock():
        team.provider.ahead += team.now.timestamp() - team.provider.now()

    set_clock()
    return set_clock


def test_uploads_that_nothing_uses_are_deleted_after_a_day_and_nothing_else_is(team, dated):  # noqa: F811
    """Fault row 1: what a launch left whose answers were lost."""
    before = ids(team)
    theirs = {orphan(team, ftv4="mine"), orphan(team, jsonl="jsonl.old")}
    used = orphan(team, a="c")
    job = NewJob("gpt-4.1-mini-2025-04-14", used, suffix="x", run_key="0" * 64, stage="synthesis_decision")
    team.provider.connect().create_job(job)
    left = {orphan(team), orphan(team)}
    run = team.launch()
    (ours,) = ids(team) - before - left - theirs - {used}
    team.later(hours=24)
    dated()
    young = orphan(team)
    assert ids(team) == before | left | theirs | {used, ours, young}
    team.lose_checkout()
    team.round()
    assert ids(team) == before | left | theirs | {used, ours, young}

    team.later(minutes=30)
    team.round("--do", "evaluate", "--do", "propose")  # whose keys are for something else
    assert ids(team) == before | left | theirs | {used, ours, young}
    (swept,) = team.round("--do", "follow")

    assert ids(team) == before | theirs | {used, ours, young}
    assert sorted(line for line in swept["done"] if "upload" in line) == sorted(
        f"deleted {name}, an upload that nothing uses" for name in left
    )
    assert swept["run_dir"] == run["run_dir"]
    written = team.writes()
    assert team.round()[0]["done"] == []
    assert team.writes() == written


def test_no_more_is_deleted_than_a_round_may_change(team, dated):  # noqa: F811
    left = {orphan(team) for _ in range(3)}
    team.launch()
    team.round("--do", "follow")
    team.later(hours=25)

    for rest in (2, 1, 0):
        team.round("--do", "follow", "--limit", "1")
        assert len(ids(team) & left) == rest


def test_what_is_of_no_known_age_is_left_and_a_plan_beside_it_uses_nothing(team, dated):  # noqa: F811
    left = orphan(team)
    team.launch()
    plan = ("ft", "stage", "--stage", "synthesis_decision", "--suffix", "plan", "--provider", "sandbox")
    assert team._ftv4(*plan, "--dry-run").code == 0
    team.round("--do", "follow")
    team.later(hours=25)
    listed = team.provider.raw(f"{FILES}/{left}")
    page = {"object": "list", "has_more": False, "data": [listed | {"created_at": None}]}
    team.provider.fail("alter", "GET", FILES, fields=page)

    assert team.round("--do", "follow")[0]["done"] == []
    assert left in ids(team)
    (run,) = team.round("--do", "follow")
    assert run["done"] == [f"deleted {left}, an upload that nothing uses"]


@pytest.mark.parametrize("path", [FILES, JOBS])
def test_a_provider_that_cannot_say_what_is_used_keeps_everything(team, dated, path):  # noqa: F811
    """Nor may the key of every job delete: it is noted, and costs the round nothing."""
    left = orphan(team)
    team.launch()
    team.round("--do", "follow")
    team.later(hours=25)
    team.provider.fail("reject", "GET", path, status=403, nth=1 if path == FILES else 2, times=9)

    (run,) = team.round("--do", "follow")

    assert left in ids_later(team)
    assert "unused uploads at sandbox may be left" in run["notes"][0]


def ids_later(team):  # noqa: F811
    team.provider.begin_faults()
    return ids(team)


def test_beside_a_damaged_ledger_nothing_is_deleted(team, dated):  # noqa: F811
    """Whose file it is may stand in the record that can't be read."""
    left = orphan(team)
    run = team.launch()
    team.later(minutes=1)
    team.launch(suffix=f"{team.suffix}b")
    team.later(hours=25)
    team.lose_checkout()
    rewrite(team, lambda path, text: "{" if path == f"{run['run_dir']}/job.json" else text)

    team.round("--do", "follow", code=3)

    assert left in ids(team)


def test_a_provider_that_nobody_has_asked_of_late_is_left_alone(team, dated):  # noqa: F811
    left = orphan(team)
    team.launch()
    team.round("--do", "follow")
    team.later(days=7)
    asked = len(team.provider.asked("GET", FILES))

    team.round("--do", "follow")

    assert left in ids(team)
    assert len(team.provider.asked("GET", FILES)) == asked + 1  # ours, just now


def test_a_run_of_no_known_time_counts_as_long_ago(team, dated):  # noqa: F811
    """Whoever may push can say so on the ledger: the round goes on."""
    left = orphan(team)
    team.launch()
    made = team.repository.read_json(next(path for path in team.ledger() if "manifest" in path))[
        "generated_at"
    ]
    rewrite(team, lambda path, text: text.replace(f'"generated_at": "{made}"', '"generated_at": "some day"'))
    team.later(hours=25)

    (run,) = team.round("--do", "follow")

    assert (run["error"], run["notes"]) == (None, [])
    assert left in ids(team)


def test_every_name_that_is_given_is_one_that_is_known_as_ours(operator):  # noqa: F811
    assert OURS.fullmatch(name_of(operator.buy().run))
