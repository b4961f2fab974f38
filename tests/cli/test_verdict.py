"""`ftv4 verdict`: one job judges a pull request with main's code, another reports what it is handed."""

import json

import orjson
import pytest

from ftv4.clients.forge import Forge
from ftv4.clients.git import Git
from ftv4.contracts.pull_verdict import PullVerdict
from ftv4.encode import COMMENT
from ftv4.steps.handover import LARGEST, pack, unpack
from tests.conftest import ROOT
from tests.forge_sandbox import NAME
from tests.hosted import BAD, BOT, CONTEXT, GOOD, MARKER, STRANGER, SYNTHESIS, rows
from tests.promotion_bench import bench, setting  # noqa: F401

POLICY = "config/intelligence_v4.policy.json"
MODELS = "config/intelligence_v4.models.json"
EDITED = (ROOT / MODELS).read_bytes().replace(b"deterministic:", b"openai:", 1)


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
    assert "Dataset gate" in verdict.page
    assert verdict.page in comment


def test_a_dataset_that_nobody_can_judge_is_refused_by_its_name(hosted):
    """Nothing of it is read, so there is no report; what is found of its name counts."""
    verdict, _ = hosted.both(hosted.open({"train/datasets/No Name.jsonl": BAD}).head.sha)

    assert (verdict.passed, verdict.touches) == (False, ("datasets",))
    assert "No Name" in verdict.page


def lenient():
    """Our policy, but for the rows it takes."""
    policy = json.loads((ROOT / POLICY).read_text())
    policy["training_diversity"]["min_total_rows"] = 0
    return orjson.dumps(policy)


def test_the_comment_and_the_summary_as_people_see_them(hosted, golden):
    head = hosted.open({SYNTHESIS: BAD, POLICY: lenient(), "ftv4/gates/rows.py": b"# passes\n"}).head.sha
    verdict, _ = hosted.both(head)
    (_, comment), *_ = hosted.comments()

    assert comment.endswith(verdict.page)
    assert all(name in verdict.page for name in (POLICY, "ftv4/gates/rows.py", "`output_schema_invalid`"))
    comment = comment.replace(verdict.page, "(the page of `ftv4 gate`)\n")
    names = {verdict.head: "1" * 40, verdict.base[:12]: "2" * 12, hosted.sandbox.url: "https://forge.example"}
    for name, shown in names.items():
        comment = comment.replace(name, shown)
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


@pytest.mark.parametrize(
    ("path", "content", "rule"),
    [
        (POLICY, b"{broken", "config_invalid"),
        (POLICY, lenient().replace(b"{", b'{"shaming_phrases":[],', 1), "config_invalid"),
        ("config/waivers.json", b'{"waivers":[', "config_invalid"),
        ("config/providers.json", b'{"providers":{}}', "config_invalid"),
        ("evals/cases/new.json", b"{}", "config_invalid"),
        (MODELS, b"{broken", "record_unreadable"),
    ],
)
def test_what_would_stop_every_later_verdict_is_refused(hosted, path, content, rule):
    verdict, done = hosted.both(hosted.open({path: content}).head.sha)

    assert done.code == 0, done.err
    assert not verdict.passed
    assert path in verdict.first
    assert f"`{rule}`" in verdict.page


def test_a_damaged_main_is_mended_by_a_pull_request_without_datasets_alone(hosted):
    hosted.push({POLICY: b"{broken"}, "main")
    mend = {POLICY: (ROOT / POLICY).read_bytes()}
    verdict, done = hosted.both(hosted.open(mend, "mend").head.sha)

    assert done.code == 0, done.err
    assert (verdict.passed, verdict.warnings) == (True, 1)
    assert "`base_damaged`" in verdict.page

    refused, word = hosted.judge(hosted.open({**mend, SYNTHESIS: GOOD}, "both").head.sha)
    assert (refused.code, word) == (3, None)
    assert "the base of the change: config/intelligence_v4.policy.json:1: not JSON" in refused.err


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


def test_what_is_wrong_first_and_what_to_do_stand_right_under_the_headline(hosted):
    hosted.both(hosted.open({SYNTHESIS: BAD}).head.sha)
    hosted.both(hosted.open({MODELS: EDITED, SYNTHESIS: BAD}, "other").head.sha)
    of_rows, of_models = (hosted.comments(number)[0][1].splitlines()[3] for number in (1, 2))

    assert of_rows.startswith(f"`{SYNTHESIS}:43: /output/confidence: ")
    assert "'low', 'medium' or 'high'" in of_rows
    assert ". What to do: " in of_rows
    assert of_models.startswith(f"`{MODELS}: /stages/quant_signals/model_id: changed by hand. What to do: ")
    assert "judged by what" not in hosted.comments(2)[0][1]


def test_a_change_of_the_policy_is_told_though_people_judge_it(hosted):
    verdict, _ = hosted.both(hosted.open({POLICY: lenient()}).head.sha)
    ((_, comment),) = hosted.comments()

    assert (verdict.touches, verdict.passed, verdict.settings) == (("settings",), True, 1)
    assert hosted.statuses(verdict.head) == [
        (CONTEXT, "success", "passed; changes 1 value of the configuration")
    ]
    assert "passed; changes 1 value of the configuration" in comment
    assert "| `/training_diversity/min_total_rows` | `40` | `0` |" in comment


def test_a_change_of_what_later_verdicts_go_by_is_told(hosted):
    files = {
        "config/other.json": b"{}",
        "evals/packs/mine`@ada|<b>.json": b"{}",
        "Templates/Prompts/quant_signals.md": b"Say yes.",
        ".github/workflows/verdict.yml": b"on: push",
    }
    verdict, _ = hosted.both(hosted.open({**files, "README.md": b"# Rows"}).head.sha)
    ((_, comment),) = hosted.comments()

    assert (verdict.touches, verdict.passed, verdict.deciding) == (("settings",), True, 4)
    assert hosted.statuses(verdict.head)[0][2] == "passed; changes 4 files that later verdicts go by"
    assert all(f"- `{name}`" in comment for name in files if "mine" not in name)
    assert "evals/packs/mine" in comment
    assert not any(sign in comment for sign in ("@ada", "<b>", "README.md"))


def test_more_settings_than_a_page_holds_are_cut_and_counted(hosted):
    policy = json.loads((ROOT / POLICY).read_text())
    policy["forbidden_vocabulary"] += [f"word {number} {'long ' * 30}" for number in range(800)]
    files = {f"evals/packs/{'long' * 40}{number}.json": b"{}" for number in range(100)}
    head = hosted.open({POLICY: orjson.dumps(policy), SYNTHESIS: BAD, **files}).head.sha
    done, word = hosted.judge(head)
    verdict = unpack(word)

    assert done.code == 0, done.err
    assert (verdict.settings, verdict.deciding, len(word) <= LARGEST) == (800, 100, True)
    assert "And 70 more." in verdict.page
    assert hosted.report(word).code == 0
    assert hosted.statuses(head)[0][2].startswith("refused: 1 error, ")
    assert hosted.statuses(head)[0][2].endswith(
        "changes 800 values of the configuration and 100 files that later verdicts go by"
    )


@pytest.mark.parametrize(
    ("path", "content", "rule"),
    [
        (MODELS, EDITED, "models_edited"),
        ("train/promotion/reports/x/promotion_1.json", b"{}", "record_unreadable"),
        ("evals/report_1.json", b"{}", "record_unreadable"),
        ("Train/Promotion/x.json", b"{}", "promotion_path"),
    ],
)
def test_what_says_who_serves_is_verified(hosted, path, content, rule):
    verdict, done = hosted.both(hosted.open({path: content}).head.sha)
    ((_, comment),) = hosted.comments()

    assert done.code == 0, done.err
    assert (verdict.passed, verdict.touches) == (False, ("promotion",))
    assert f"`{rule}`" in comment


def test_a_promotion_as_it_was_made_passes_and_one_that_was_touched_does_not(hosted, bench):  # noqa: F811
    touched = bench.edited(bench.report, setting("/notes", "For autumn."))
    refs = {"main": bench.base, "sound": bench.head, "touched": touched}
    bench.run(
        "push",
        "-q",
        "-f",
        str(hosted.sandbox.git),
        *(f"{sha}:refs/heads/{name}" for name, sha in refs.items()),
    )
    for name in ("sound", "touched"):
        hosted.sandbox.github().create_pull("main", name, title="Promote")
        hosted.both(refs[name])

    assert hosted.statuses(bench.head)[0][1] == "success"
    assert "## Verified: a promotion" in hosted.comments(1)[0][1]
    assert hosted.statuses(touched)[0][1] == "failure"
    assert "`promotion_differs`" in hosted.comments(2)[0][1]


def test_who_says_that_a_model_gave_the_answers_is_looked_up_on_the_ledger(hosted, bench):  # noqa: F811
    """A promotion made by hand, with answers that nobody recorded, must not look like one that was asked."""
    remote, stage = str(hosted.sandbox.git), bench.evals["stage"]
    bench.run("push", "-q", "-f", remote, f"{bench.base}:refs/heads/main", f"{bench.head}:refs/heads/sound")
    hosted.sandbox.github().create_pull("main", "sound", title="Promote")
    job = bench.document(bench.job)
    younger = job["openai"] | {"fine_tuned_model": None, "status": "running"}
    ledgers = {
        None: ("missing", "not_on_ledger"),
        bench.head: ("held", ""),
        bench.edited(bench.job, setting("/updated_at", "2026-11-21T14:00:00.000Z")): ("held", ""),
        bench.commit({stage: None}): ("missing", "not_on_ledger"),
        bench.commit({bench.manifest: None, bench.job: None}): ("missing", "not_on_ledger"),
        bench.commit({bench.job: job | {"openai": younger}}): ("missing", "not_on_ledger"),
        bench.edited(stage, setting("/results/0/answers/0/answer", "{}")): ("other", "ledger_differs"),
        bench.commit({stage: bench.bytes(stage) + b"\n"}): ("other", "ledger_differs"),
        bench.edited(bench.manifest, setting("/config/seed", 7)): ("other", "ledger_differs"),
        bench.edited(bench.job, setting("/openai/job_id", "ftjob-2")): ("other", "ledger_differs"),
        bench.edited(bench.job, setting("/openai/fine_tuned_model", "ft:other")): ("other", "ledger_differs"),
        bench.edited(bench.job, setting("/run_key", "0" * 64)): ("other", "ledger_differs"),
        bench.commit({bench.job: b"{"}): ("other", "ledger_differs"),
        bench.commit({stage: ("120000", bench.bytes(stage))}): ("other", "ledger_differs"),
    }
    told = {
        "held": "run and answers are those that the ledger holds",
        "missing": "nobody but the author says",
        "other": "not what the ledger holds",
    }
    for ledger, (what, rule) in ledgers.items():
        if ledger:
            bench.run("push", "-q", "-f", remote, f"{ledger}:refs/heads/ftv4-ledger")
        done, word = hosted.judge(bench.head)
        verdict = unpack(word)
        assert [name for name, words in told.items() if words in verdict.page] == [what], (ledger, done.err)
        assert (verdict.passed, verdict.warnings) == (what != "other", int(what == "missing"))
        assert f"`{rule}`" in verdict.page or not rule


def test_without_the_ledger_a_promotion_has_no_verdict_and_anything_else_has(hosted, bench, monkeypatch):  # noqa: F811
    from ftv4.clients.ledger import Ledger
    from ftv4.errors import ServiceError

    def away(ledger):
        raise ServiceError("ledger: away")

    monkeypatch.setattr(Ledger, "read", away)
    rows_alone = hosted.open({SYNTHESIS: GOOD}).head.sha
    assert unpack(hosted.judge(rows_alone)[1]).passed
    refs = (f"{bench.base}:refs/heads/main", f"{bench.head}:refs/heads/sound")
    bench.run("push", "-q", "-f", str(hosted.sandbox.git), *refs)
    hosted.sandbox.github().create_pull("main", "sound", title="Promote")
    done, word = hosted.judge(bench.head)

    assert (done.code, word) == (5, None)


def test_data_and_promotion_in_one_change_are_both_judged(hosted):
    verdict, _ = hosted.both(hosted.open({MODELS: EDITED, SYNTHESIS: BAD}).head.sha)

    assert verdict.touches == ("datasets", "promotion")
    assert verdict.errors >= 2
    assert "`models_edited`" in verdict.page
    assert "`output_schema_invalid`" in verdict.page


def test_only_the_change_is_judged_though_main_went_on(hosted):
    head = hosted.open({"README.md": b"# Rows\n"}).head.sha
    hosted.push({SYNTHESIS: BAD}, "main")
    verdict, _ = hosted.both(head)

    assert (verdict.touches, verdict.passed) == ((), True)
    assert verdict.base == hosted.sandbox.github().get_branch("main").commit.sha


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


def test_a_forge_that_lists_more_than_it_was_asked_for_is_not_believed(hosted, monkeypatch):
    pull = hosted.open({SYNTHESIS: BAD})
    pull.edit(state="closed")
    monkeypatch.setattr(Forge, "pulls", lambda self, **asked: [self.pull(1)])
    done, word = hosted.judge(pull.head.sha)

    assert (done.code, word) == (0, None)
    assert "no open pull request" in done.out


def test_a_head_of_two_pull_requests_gets_its_status_and_no_comment(hosted):
    head = hosted.open({SYNTHESIS: BAD}).head.sha
    hosted.sandbox.github().create_git_ref("refs/heads/same", head)
    hosted.sandbox.github().create_pull("main", "same", title="Again")
    verdict, done = hosted.both(head)

    assert (verdict.pull, done.code) == (None, 0)
    assert hosted.statuses(head)[0][1] == "failure"
    assert hosted.comments(1) == hosted.comments(2) == []


def test_a_head_that_moves_while_it_is_fetched_is_not_judged(hosted, monkeypatch):

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


def test_what_is_queued_together_is_judged_as_one_change_against_main(hosted, bench):  # noqa: F811
    """Whatever base the queue's branch names: an entry that failed may be merged with one that passed."""
    group = bench.commit({"notes.md": b"x\n"}, onto=bench.head)
    branches = {
        f"gh-readonly-queue/main/pr-1-{bench.base}": bench.head,
        f"gh-readonly-queue/main/pr-2-{bench.head}": group,
    }
    refs = [f"{bench.base}:refs/heads/main", *(f"{sha}:refs/heads/{name}" for name, sha in branches.items())]
    bench.run("push", "-q", "-f", str(hosted.sandbox.git), *refs)
    words = [hosted.judge(sha, trigger="merge_group", branch=name)[1] for name, sha in branches.items()]
    alone, together = map(unpack, words)

    assert (alone.passed, alone.base, together.base) == (True, bench.base, bench.base)
    assert together.first.startswith("notes.md: has nothing to do with the promotion.")


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


def test_a_shallow_checkout_is_refused(hosted, monkeypatch, tmp_path):
    head = hosted.open({SYNTHESIS: GOOD}).head.sha
    hosted.push({"README.md": b"# Rows\n"}, "main")
    hosted.git("clone", "-q", "--depth=1", f"file://{hosted.sandbox.git}", str(tmp_path / "shallow"))
    monkeypatch.chdir(tmp_path / "shallow")
    done, word = hosted.judge(head)

    assert (done.code, word) == (2, None)
    assert "fetch-depth: 0" in done.err


@pytest.mark.parametrize("status", [403, 404, 422, 502])
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


def test_a_token_that_opens_nothing_ends_the_judging_with_5(hosted):
    hosted.job.set(GITHUB_TOKEN="ghs_none")
    done, word = hosted.judge("0" * 40)

    assert (done.code, word) == (5, None)
    assert "ghs_none" not in done.err


def test_json_says_the_same(hosted):
    head = hosted.open({SYNTHESIS: BAD}).head.sha
    done, word = hosted.judge(head, "--format", "json")
    answer = json.loads(done.out)

    assert PullVerdict.model_validate_json(json.dumps(answer["verdict"])) == unpack(word)
    assert json.loads(hosted.report(word, "--format", "json").out)["done"][0].endswith("failure")
    assert json.loads(hosted.judge("0" * 40, "--format", "json")[0].out)["verdict"] is None


def test_a_large_report_is_cut_and_counted(hosted):
    text = '{"notes": "' + "\u202e|`@x <b> ::error:: " * 20 + '"'
    broken = "".join(f"{text} {number}\n" for number in range(30)).encode()
    head = hosted.open({f"train/datasets/part_{number}.jsonl": broken for number in range(12)}).head.sha
    verdict, done = hosted.both(head)
    ((_, comment),) = hosted.comments()

    assert done.code == 0, done.err
    assert len(comment) <= COMMENT
    assert "more lines of this page" in comment
    assert verdict.errors >= 12 * 30
    assert f"refused: {verdict.errors} errors" in comment
    assert len(pack(verdict)) <= LARGEST
