"""Our client against the sandbox forge: what it does, how often it asks, and what it never overwrites."""

import re
import subprocess

import pytest

from ftv4.clients.forge import Forge
from ftv4.clients.forge_comments import Comments
from ftv4.clients.forge_errors import door
from ftv4.errors import GateError, ServiceError, UsageError
from tests.forge_sandbox import NAME

BRANCH = "promote/synthesis"


def wanted(**changes):
    proposal = {
        "base": "main",
        "branch": BRANCH,
        "title": "Promote the candidate",
        "body": "Verdict: NON_INFERIOR",
        "message": "Promote the candidate",
        "files": {"config/models.json": b'{"pin": "b"}\n', "train/card.md": "Kärtchen ✓\n".encode()},
    }
    return proposal | changes


@pytest.fixture
def forge(sandbox):
    return sandbox.forge()


# proposing


def test_a_proposal_is_one_commit_on_the_base_and_one_pull_request(sandbox, forge):
    pull = forge.propose(**wanted(labels=("promotion",)))

    hosted = sandbox.github().get_pull(1)
    assert (pull.number, pull.branch, pull.base, pull.state, pull.merged) == (
        1,
        BRANCH,
        "main",
        "open",
        False,
    )
    assert pull.head_sha == hosted.head.sha
    assert pull.url == f"{sandbox.url}/{NAME}/pull/1"
    assert hosted.commits == 1
    assert {file.filename: file.status for file in hosted.get_files()} == {
        "config/models.json": "modified",
        "train/card.md": "added",
    }
    assert [label.name for label in hosted.labels] == ["promotion"]
    assert hosted.body.startswith("Verdict: NON_INFERIOR")


def test_a_proposal_takes_at_most_8_calls(sandbox, forge):
    forge.propose(**wanted(labels=("promotion",)))

    assert len(sandbox.asked()) <= 8
    assert not [line for line in sandbox.asked("POST") if "blobs" in line]


def test_an_update_takes_at_most_8_calls(sandbox, forge):
    forge.propose(**wanted())
    before = len(sandbox.asked())

    forge.propose(**wanted(files={"config/models.json": b"c"}, title="Another", labels=("promotion",)))

    assert len(sandbox.asked()) - before <= 8


def test_any_bytes_arrive_as_they_are(sandbox, forge):
    files = {
        "a.bin": b"\x00\xff\xfe",
        "b.txt": b"no newline",
        "c.txt": b"\r\n\r\n",
        "d.txt": b"",
        "e.txt": b"a\0b",
    }

    pull = forge.propose(**wanted(files=files))

    assert {path: forge.read(path, pull.head_sha) for path in files} == files


def test_none_removes_a_file(sandbox, forge):
    pull = forge.propose(**wanted(files={"data/rows.jsonl": None}))

    (file,) = sandbox.github().get_pull(pull.number).get_files()
    assert (file.filename, file.status) == ("data/rows.jsonl", "removed")


def test_the_same_again_writes_nothing_and_gives_the_same_pull_request(sandbox, forge):
    first = forge.propose(**wanted(labels=("promotion",)))
    written = len(sandbox.asked()) - len(sandbox.asked("GET"))

    again = forge.propose(**wanted(labels=("promotion",)))

    assert again == first
    assert len(sandbox.asked()) - len(sandbox.asked("GET")) == written


def test_other_files_update_the_open_pull_request_in_place(sandbox, forge):
    first = forge.propose(**wanted())
    sandbox.checkout().push({"other.txt": b"main moved\n"})

    second = forge.propose(**wanted(title="Promote another", files={"config/models.json": b"c"}))

    hosted = sandbox.github().get_pull(1)
    assert second.number == first.number
    assert second.head_sha == hosted.head.sha != first.head_sha
    assert (hosted.title, hosted.commits, hosted.mergeable) == ("Promote another", 1, True)
    assert [file.filename for file in hosted.get_files()] == ["config/models.json"]
    assert len(sandbox.github().get_pulls(state="all").get_page(0)) == 1


def test_other_words_alone_push_nothing(sandbox, forge):
    first = forge.propose(**wanted())

    second = forge.propose(**wanted(body="Verdict: IMPROVED"))

    assert second.head_sha == first.head_sha
    assert sandbox.github().get_pull(1).body.startswith("Verdict: IMPROVED")


def test_what_a_person_pushed_is_never_overwritten(sandbox, forge):
    forge.propose(**wanted())
    theirs = sandbox.checkout(BRANCH).push({"config/models.json": b"by hand"})

    with pytest.raises(GateError) as refused:
        forge.propose(**wanted(files={"config/models.json": b"c"}))

    assert f"pull request 1, {sandbox.url}/{NAME}/pull/1" in refused.value.message
    assert theirs[:12] in refused.value.message
    assert "Ada" in refused.value.message
    assert sandbox.github().get_branch(BRANCH).commit.sha == theirs


def test_an_amended_commit_is_a_persons_though_it_kept_our_trailers(sandbox, forge):
    forge.propose(**wanted())
    clone = sandbox.checkout(BRANCH)
    (clone.folder / "config/models.json").write_bytes(b"by hand")
    clone.run("commit", "-q", "-a", "--amend", "--no-edit")
    clone.run("push", "-q", "--force", "origin", BRANCH)

    with pytest.raises(GateError, match="not ours"):
        forge.propose(**wanted())


def test_a_persons_push_between_our_look_and_our_push_is_not_overwritten(sandbox, forge, monkeypatch):
    forge.propose(**wanted())
    theirs = []
    point = Forge._point

    def late(self, *arguments):
        theirs.append(sandbox.checkout(BRANCH).push({"theirs.txt": b"by hand"}))
        point(self, *arguments)

    monkeypatch.setattr(Forge, "_point", late)

    with pytest.raises(ServiceError, match="expected"):
        forge.propose(**wanted(files={"config/models.json": b"c"}))

    assert sandbox.github().get_branch(BRANCH).commit.sha == theirs[0]


def test_what_a_person_closed_is_not_opened_again_for_the_same_files(sandbox, forge):
    pull = forge.propose(**wanted())
    sandbox.github().get_pull(pull.number).edit(state="closed")

    with pytest.raises(GateError, match="pull request 1 proposed the same and was closed unmerged"):
        forge.propose(**wanted(title="Please"))

    assert forge.pulls() == []


def test_what_a_key_names_stays_closed_whatever_the_files(sandbox, forge):
    pull = forge.propose(**wanted(key="synthesis ft:a:1"))
    sandbox.github().get_pull(pull.number).edit(state="closed")
    files = {"config/models.json": b"the same model, another day"}

    with pytest.raises(GateError, match="closed unmerged"):
        forge.propose(**wanted(key="synthesis ft:a:1", files=files))

    assert forge.propose(**wanted(key="synthesis ft:a:2", files=files)).number == 2


def test_files_made_from_another_base_are_refused(sandbox, forge):
    """Fault 37: of two promotions made from one main, the second does not undo the first."""
    made_from = forge.read("config/models.json", "main")
    first = forge.propose(**wanted(expect={"config/models.json": made_from, "train/card.md": None}))
    second = wanted(branch="promote/quant", files={"config/models.json": b"also from the old main"})
    forge.merge(first.number, expect_sha=first.head_sha)

    with pytest.raises(GateError, match=r"main has another config/models\.json than this was made from"):
        forge.propose(**second, expect={"config/models.json": made_from})

    assert forge.read("config/models.json", "main") == wanted()["files"]["config/models.json"]
    assert forge.pulls() == []


def test_two_promotions_made_from_one_main_do_not_undo_each_other(sandbox, forge):
    one = forge.propose(**wanted(files={"config/models.json": b'{\n  "pin": "one"\n}\n'}))
    other = forge.propose(
        **wanted(branch="promote/quant", files={"config/models.json": b'{\n  "pin": "other"\n}\n'})
    )
    forge.merge(one.number, expect_sha=one.head_sha)

    with pytest.raises(ServiceError, match="405"):
        forge.merge(other.number, expect_sha=other.head_sha)


def test_other_files_may_be_proposed_after_one_was_closed(sandbox, forge):
    pull = forge.propose(**wanted())
    sandbox.github().get_pull(pull.number).edit(state="closed")

    second = forge.propose(**wanted(files={"config/models.json": b"c"}))

    assert second.number == 2
    assert sandbox.github().get_pull(2).commits == 1


def test_what_was_merged_is_given_back_and_not_proposed_again(sandbox, forge):
    pull = forge.propose(**wanted())
    forge.merge(pull.number, expect_sha=pull.head_sha)

    again = forge.propose(**wanted())

    assert (again.number, again.merged, again.state) == (pull.number, True, "closed")
    assert forge.pulls() == []


def test_files_that_the_base_has_are_nothing_to_propose(sandbox, forge):
    with pytest.raises(GateError, match="main has these files already"):
        forge.propose(**wanted(files={"README.md": b"# Models\n"}))


def test_what_the_base_has_by_another_way_was_not_merged_by_us(sandbox, forge):
    """Neither an open pull request of the same key nor a merged one of something else brought it."""
    merged = forge.propose(**wanted(branch="promote/quant", files={"train/other.md": b"x"}))
    forge.merge(merged.number, expect_sha=merged.head_sha)
    forge.propose(**wanted(key="a"))
    sandbox.checkout().push({"config/models.json": b"by hand"})

    for branch in (BRANCH, "promote/quant"):
        with pytest.raises(GateError, match="main has these files already"):
            forge.propose(**wanted(key="a", branch=branch, files={"config/models.json": b"by hand"}))


def test_a_branch_that_a_run_left_behind_is_taken_up(sandbox, forge):
    sandbox.fail("reject", "POST", "/pulls$", status=500)
    with pytest.raises(ServiceError):
        forge.propose(**wanted())
    left = sandbox.github().get_branch(BRANCH).commit.sha

    pull = forge.propose(**wanted())

    assert (pull.number, pull.head_sha) == (1, left)


def test_a_branch_that_a_run_left_behind_is_held_against_the_base_anew(sandbox, forge):
    sandbox.fail("reject", "POST", "/pulls$", status=500)
    with pytest.raises(ServiceError):
        forge.propose(**wanted())
    made_from = forge.read("config/models.json", "main")
    sandbox.checkout().push({"config/models.json": b"main went elsewhere"})

    with pytest.raises(GateError, match="than this was made from"):
        forge.propose(**wanted(expect={"config/models.json": made_from}))

    assert forge.pulls() == []


def test_two_stages_have_two_pull_requests(forge):
    one = forge.propose(**wanted())
    other = forge.propose(**wanted(branch="promote/quant", files={"train/other.md": b"x"}))

    assert {pull.number for pull in forge.pulls()} == {one.number, other.number}
    assert [pull.number for pull in forge.pulls(head="promote/quant")] == [other.number]


@pytest.mark.parametrize(
    "words", ["", "two\nlines", "bell\a", "done [skip ci]", "skip-checks: true", "a\u202eb"]
)
@pytest.mark.parametrize("where", ["title", "message"])
def test_words_that_a_commit_must_not_say(forge, sandbox, where, words):
    with pytest.raises(UsageError, match="title" if where == "title" else "commit message"):
        forge.propose(**wanted(**{where: words}))

    assert sandbox.asked() == []


# lost answers


def test_a_lost_answer_to_opening_adopts_what_was_opened(sandbox, forge):
    sandbox.fail("accept_then_drop", "POST", "/pulls$", seconds=0)

    pull = forge.propose(**wanted(labels=("promotion",)))

    assert pull.number == 1
    assert sandbox.accepted("/pulls") == 1
    assert len(forge.pulls(state="all")) == 1


def test_an_answer_cut_in_half_is_a_lost_one(sandbox, forge):
    sandbox.fail("malformed", "POST", "/pulls$")

    assert forge.propose(**wanted()).number == 1
    assert sandbox.accepted("/pulls") == 1


@pytest.mark.parametrize("path", ["/git/refs$", "/git/trees$", "/git/commits$", "/pulls$", "/labels$"])
@pytest.mark.parametrize("kind", ["drop", "accept_then_drop"])
def test_whichever_answer_is_lost_a_second_run_ends_with_one_pull_request(sandbox, forge, path, kind):
    sandbox.fail(kind, "POST", path)
    try:
        forge.propose(**wanted(labels=("promotion",)))
    except ServiceError as error:
        assert error.retryable

    pull = forge.propose(**wanted(labels=("promotion",)))

    hosted = sandbox.github().get_pull(pull.number)
    assert [one.number for one in forge.pulls(state="all")] == [1]
    assert (hosted.commits, [label.name for label in hosted.labels]) == (1, ["promotion"])


def test_a_lost_answer_to_an_update_is_settled_by_looking(sandbox, forge):
    forge.propose(**wanted())
    sandbox.fail("accept_then_drop", "POST", "/graphql")

    pull = forge.propose(**wanted(files={"config/models.json": b"c"}))

    assert sandbox.github().get_branch(BRANCH).commit.sha == pull.head_sha
    assert forge.read("config/models.json", BRANCH) == b"c"


def test_an_update_that_did_not_land_is_an_error(sandbox, forge):
    forge.propose(**wanted())
    before = sandbox.github().get_branch(BRANCH).commit.sha
    sandbox.fail("drop", "POST", "/graphql")

    with pytest.raises(ServiceError, match="no answer"):
        forge.propose(**wanted(files={"config/models.json": b"c"}))

    assert sandbox.github().get_branch(BRANCH).commit.sha == before


def test_a_closed_pull_request_is_not_taken_for_the_one_whose_answer_was_lost(sandbox, forge):
    pull = forge.propose(**wanted())
    sandbox.github().get_pull(pull.number).edit(state="closed")
    sandbox.fail("drop", "POST", "/pulls$")

    with pytest.raises(ServiceError, match="no answer"):
        forge.propose(**wanted(title="Promote another", files={"config/models.json": b"c"}))

    assert [(one.number, one.state) for one in forge.pulls(state="all")] == [(pull.number, "closed")]
    assert sandbox.github().get_pull(pull.number).title == "Promote the candidate"


def test_a_refusal_that_only_says_that_something_exists_is_no_lost_answer(sandbox, forge):
    said = "A pull request already exists"
    sandbox.fail("reject", "POST", "/pulls$", status=400, message=said)
    assert not refusal(forge).retryable
    sandbox.fail("reject", "POST", "/pulls$", status=422, message=said)
    assert refusal(forge).retryable
    sandbox.fail("reject", "POST", "/pulls$", status=422, message="too long")
    assert not refusal(forge).retryable


@pytest.mark.parametrize(
    ("status", "said", "later"), [(429, "slow down", True), (403, "no", False), (404, "rate limit", False)]
)
def test_too_many_requests_are_told_from_missing_rights(sandbox, forge, status, said, later):
    sandbox.fail("reject", "POST", "/git/trees", status=status, message=said, times=9)

    error = refusal(forge)

    assert (error.retryable, "later" in error.hint) == (later, later)


def test_a_post_is_never_sent_twice_and_a_get_is(sandbox, forge):
    sandbox.fail("reject", "POST", "/git/trees", status=502)
    sandbox.fail("reject", "GET", "/pulls$", status=502, times=2)

    with pytest.raises(ServiceError) as lost:
        forge.propose(**wanted())

    assert lost.value.retryable
    asked = sandbox.asked()
    assert sum("/git/trees" in line for line in asked) == 1
    assert sum(line.startswith("GET /pulls ") for line in asked) == 3


# merging, reading, noting


def test_a_merge_is_in_a_real_clone(sandbox, forge):
    pull = forge.propose(**wanted())

    sha = forge.merge(pull.number, expect_sha=pull.head_sha)

    clone = sandbox.checkout()
    assert (clone.folder / "config/models.json").read_bytes() == b'{"pin": "b"}\n'
    assert clone.run("rev-parse", "HEAD") == sha
    assert forge.pull(pull.number).merged


def test_a_merge_of_what_was_not_judged_is_refused(sandbox, forge):
    pull = forge.propose(**wanted())
    sandbox.checkout(BRANCH).push({"more.txt": b"unseen"})

    with pytest.raises(ServiceError, match="409") as refused:
        forge.merge(pull.number, expect_sha=pull.head_sha)

    assert not refused.value.retryable
    assert not forge.pull(pull.number).merged


def test_a_merge_that_conflicts_is_refused(sandbox, forge):
    pull = forge.propose(**wanted())
    sandbox.checkout().push({"config/models.json": b"main went elsewhere"})

    with pytest.raises(ServiceError, match="405"):
        forge.merge(pull.number, expect_sha=pull.head_sha)


def test_merging_again_is_merged(sandbox, forge):
    pull = forge.propose(**wanted())
    sandbox.fail("accept_then_drop", "PUT", "/merge")

    first = forge.merge(pull.number, expect_sha=pull.head_sha)

    assert forge.merge(pull.number, expect_sha=pull.head_sha) == first
    with pytest.raises(ServiceError, match=r"405|409"):
        forge.merge(pull.number, expect_sha="0" * 40)


def test_one_comment_for_life(sandbox, forge):
    pull = forge.propose(**wanted())

    urls = {forge.comment(pull.number, "<!-- ftv4:gate -->", text) for text in ("one", "two", "two")}

    (comment,) = sandbox.github().get_pull(pull.number).get_issue_comments()
    assert urls == {comment.html_url}
    assert comment.body == "<!-- ftv4:gate -->\ntwo"
    assert sum("PATCH /issues/comments" in line for line in sandbox.asked()) == 1


def test_a_copied_marker_is_not_our_comment(sandbox, forge):
    """Threat 37: the marker must be at byte 0 and the author be us."""
    pull = forge.propose(**wanted())
    thread = sandbox.github("mallory").get_pull(pull.number)
    spoof = thread.create_issue_comment("<!-- ftv4:gate -->\nAll is well")
    sandbox.github("ftv4-bot").get_pull(pull.number).create_issue_comment("quoting <!-- ftv4:gate -->")

    forge.comment(pull.number, "<!-- ftv4:gate -->", "Refused")

    bodies = [comment.body for comment in thread.get_issue_comments()]
    assert bodies == [spoof.body, "quoting <!-- ftv4:gate -->", "<!-- ftv4:gate -->\nRefused"]


def test_a_comment_whose_answer_was_lost_is_not_written_twice(sandbox, forge):
    pull = forge.propose(**wanted())
    sandbox.fail("accept_then_drop", "POST", "/comments$")

    forge.comment(pull.number, "<!-- ftv4:gate -->", "Passed")

    assert sandbox.github().get_pull(pull.number).get_issue_comments().totalCount == 1


def test_a_comment_that_did_not_land_is_an_error(sandbox, forge):
    pull = forge.propose(**wanted())
    sandbox.fail("drop", "POST", "/comments$")

    with pytest.raises(ServiceError, match="no answer"):
        forge.comment(pull.number, "<!-- ftv4:gate -->", "Passed")


def test_a_list_that_lags_behind_hides_no_comment(sandbox, forge, monkeypatch):
    pull = forge.propose(**wanted())
    monkeypatch.setattr(Comments, "own", lambda self, *arguments: [])
    url = forge.comment(pull.number, "<!-- ftv4:gate -->", "Passed")

    (comment,) = sandbox.github().get_pull(pull.number).get_issue_comments()
    assert comment.html_url == url


def test_two_runs_that_comment_at_once_leave_one_comment(sandbox, forge, monkeypatch):
    """Threat 38: neither saw a comment of ours when it looked."""
    pull = forge.propose(**wanted())
    look, marker = Comments.own, "<!-- ftv4:gate -->"

    def late(self, *arguments):
        monkeypatch.setattr(Comments, "own", look)
        seen = look(self, *arguments)
        sandbox.forge().comment(pull.number, marker, "The other run's")
        return seen

    monkeypatch.setattr(Comments, "own", late)
    url = forge.comment(pull.number, marker, "Ours")

    (comment,) = sandbox.github().get_pull(pull.number).get_issue_comments()
    assert (comment.body, comment.html_url) == (f"{marker}\nOurs", url)


@pytest.mark.parametrize("data", [None, {}, {"viewer": None}, []], ids=str)
def test_an_answer_in_no_known_shape_is_the_forges_fault(sandbox, forge, data):
    pull = forge.propose(**wanted())
    sandbox.github().get_pull(pull.number).create_issue_comment("<!-- ftv4:gate -->")
    sandbox.fail("alter", "POST", "/graphql$", fields={"data": data}, times=9)

    with pytest.raises(ServiceError, match="could not read the comments"):
        forge.comment(pull.number, "<!-- ftv4:gate -->", "Passed")


@pytest.mark.parametrize("errors", [None, "odd", {"message": "odd"}], ids=str)
def test_a_refusal_in_no_known_shape_is_told_all_the_same(sandbox, forge, errors):
    sandbox.fail("alter", "GET", "/pulls/999", fields={"errors": errors})

    with pytest.raises(ServiceError, match="404: Not Found"):
        forge.pull(999)


def test_our_comment_is_found_on_a_later_page(sandbox, forge):
    pull = forge.propose(**wanted())
    thread = sandbox.github().get_pull(pull.number)
    for number in range(100):
        thread.create_issue_comment(f"remark {number}")
    url = forge.comment(pull.number, "<!-- ftv4:gate -->", "one")

    assert forge.comment(pull.number, "<!-- ftv4:gate -->", "two") == url


def test_a_status_is_set_in_one_call_and_its_words_are_cut(sandbox, forge):
    pull = forge.propose(**wanted())
    before = len(sandbox.asked())

    forge.status(pull.head_sha, "ftv4/gate", "failure", "x" * 500, url="https://example.org/report")

    assert len(sandbox.asked()) == before + 1
    (status,) = sandbox.github().get_commit(pull.head_sha).get_combined_status().statuses
    assert (status.context, status.state, len(status.description)) == ("ftv4/gate", "failure", 140)
    assert status.target_url == "https://example.org/report"


def test_labels_are_added(sandbox, forge):
    pull = forge.propose(**wanted(labels=("a",)))

    forge.label(pull.number, "b")

    assert {label.name for label in sandbox.github().get_pull(pull.number).labels} == {"a", "b"}


def test_a_large_file_is_read_whole(sandbox, forge):
    large = b"0123456789abcdef" * 100_000
    sandbox.checkout().push({"large.bin": large})

    assert forge.read("large.bin", "main") == large


def test_a_folder_is_no_file(forge, sandbox):
    sandbox.checkout().push({"config/models.json": b"1"})

    with pytest.raises(ServiceError, match="is a folder"):
        forge.read("config", "main")


# refusals


def refusal(forge, **fault):
    with pytest.raises(ServiceError) as refused:
        forge.propose(**wanted(**fault))
    return refused.value


def test_401_names_the_variable(sandbox):
    error = refusal(Forge.connect(sandbox.url, NAME, "wrong"))

    assert "401: Bad credentials" in error.message
    assert "GITHUB_TOKEN" in error.hint
    assert not error.retryable


def test_403_names_the_permission_to_add(sandbox, forge):
    sandbox.fail("reject", "POST", "/pulls$", status=403, message="Resource not accessible by integration")

    error = refusal(forge)

    assert f"open a pull request for {BRANCH}" in error.message
    assert error.hint == 'give the job or token "pull-requests: write"'
    assert not error.retryable


def test_403_takes_the_permission_from_the_answer(sandbox, forge):
    headers = {"X-Accepted-GitHub-Permissions": "contents=write"}
    sandbox.fail("reject", "POST", "/git/refs$", status=403, headers=headers)

    assert refusal(forge).hint == 'give the job or token "contents: write"'


def test_403_of_the_repositorys_setting_names_the_setting(sandbox, forge):
    said = "GitHub Actions is not permitted to create or approve pull requests."
    sandbox.fail("reject", "POST", "/pulls$", status=403, message=said)

    assert "Settings, Actions, General" in refusal(forge).hint


def test_a_rate_limit_ends_the_run_as_retryable_and_does_not_wait(sandbox, forge):
    sandbox.fail("reject", "GET", "/pulls$", code="rate_limit")

    error = refusal(forge)

    assert error.retryable
    assert "later" in error.hint


def test_404_says_what_it_can_mean(sandbox):
    error = refusal(Forge.connect(sandbox.url, "sandbox/elsewhere", "sandbox-ftv4-bot"))

    assert "404" in error.message
    assert "GITHUB_REPOSITORY" in error.hint


def test_a_base_that_is_not_there(forge):
    error = refusal(forge, base="trunk")

    assert "no branch trunk" in error.message


def test_422_shows_what_the_forge_said(sandbox, forge):
    error = refusal(forge, files={"a/../../b": b"x"})

    assert "422" in error.message
    assert "malformed path" in error.message


def test_an_empty_repository_has_nothing_to_propose_to(empty_sandbox):
    error = refusal(empty_sandbox.forge())

    assert "no branch main" in error.message
    assert "push one first" in error.hint


def test_a_forge_that_is_away_is_retryable():
    error = refusal(Forge.connect("http://127.0.0.1:9", NAME, "x"))

    assert error.retryable
    assert "no answer from the forge" in error.message


def test_what_the_forge_says_reaches_people_encoded(sandbox, forge):
    sandbox.fail("reject", "POST", "/pulls$", status=422, message="no\n::error::\x1b[2J##[group]\u202e")

    error = refusal(forge)

    assert error.message.isascii()
    assert error.message.isprintable()
    assert not re.search(r"::|##\[", error.message.partition("answered")[2])


def test_a_token_is_sent_over_https_only():
    with pytest.raises(UsageError, match="https only"):
        Forge.connect("http://forge.example.org", NAME, "secret")
    assert Forge.connect("https://forge.example.org", NAME, "secret")


def test_a_repository_is_owner_and_name():
    with pytest.raises(UsageError, match="owner/name"):
        Forge.connect("https://api.github.com", "models", "secret")


def test_the_token_is_in_no_message_and_no_repr(sandbox):
    forge = Forge.connect(sandbox.url, NAME, "canary-4711")

    error = refusal(forge)

    assert "canary" not in f"{error.message}{error.hint}{error.problems}{forge!r}"


def test_the_bare_repository_is_sound_after_all_this(sandbox, forge):
    pull = forge.propose(**wanted())
    forge.merge(pull.number, expect_sha=pull.head_sha)

    subprocess.run(["git", "-C", sandbox.git, "fsck", "--strict"], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<html>a\n::error::b", "<html>a\\n\\u003a\\u003aerror\\u003a\\u003ab"),
        ({"message": "No", "errors": None}, "No"),
        ({"message": None, "errors": ["odd", {"message": "more"}]}, "odd; more"),
    ],
    ids=str,
)
def test_a_refusal_is_told_by_what_its_body_says(body, said):
    from github import GithubException

    with pytest.raises(ServiceError) as refused, door("look"):
        raise GithubException(400, body)

    assert refused.value.message == f"could not look: the forge answered 400: {said}"
