"""The forge's pull requests and what is noted on them, asked with an unmodified PyGithub."""

import subprocess

import pytest
from github import GithubException


@pytest.fixture
def hosted(sandbox):
    return sandbox.github()


@pytest.fixture
def branch(sandbox):
    """Push a branch with changes: `branch("topic", {"a": b"1"})`."""

    def push(name="topic", files=None, message="Change"):
        return sandbox.checkout().push(files or {f"{name}.txt": b"1\n"}, message, branch=name)

    return push


def refused(call, *arguments, **given):
    with pytest.raises(GithubException) as error:
        call(*arguments, **given)
    return error.value.status, str(error.value.data)


# opening, listing, editing


def test_a_pull_request_is_opened_and_read(hosted, branch):
    sha = branch()

    pull = hosted.create_pull("main", "topic", title="T", body="B")

    read = hosted.get_pull(pull.number)
    assert (read.number, read.title, read.body, read.state, read.user.login) == (1, "T", "B", "open", "ada")
    assert (read.head.sha, read.head.ref, read.head.label, read.base.ref) == (
        sha,
        "topic",
        "sandbox:topic",
        "main",
    )
    assert (read.mergeable, read.mergeable_state, read.merged) == (True, "clean", False)
    assert (read.commits, read.changed_files, read.additions, read.deletions) == (1, 1, 1, 0)


def test_a_branch_has_one_open_pull_request_to_a_base(hosted, branch):
    branch()
    pull = hosted.create_pull("main", "topic", title="T")

    status, said = refused(hosted.create_pull, "main", "topic", title="T")
    assert status == 422
    assert "A pull request already exists for sandbox:topic." in said

    pull.edit(state="closed")
    assert hosted.create_pull("main", "topic", title="T").number == 2
    assert refused(pull.edit, state="open")[0] == 422


@pytest.mark.parametrize(
    ("base", "head", "title", "said"),
    [
        ("main", "none", "T", "'field': 'head'"),
        ("none", "topic", "T", "'field': 'base'"),
        ("topic", "main", "T", "No commits between topic and main"),
        ("main", "topic", " ", "title is blank"),
        ("main", "topic", "x" * 257, "title is blank or longer"),
    ],
)
def test_a_pull_request_that_cannot_be_opened(hosted, branch, base, head, title, said):
    branch()

    status, body = refused(hosted.create_pull, base, head, title=title)

    assert status == 422
    assert said in body


def test_a_body_has_65536_characters_at_most(hosted, branch):
    branch()

    assert refused(hosted.create_pull, "main", "topic", title="T", body="x" * 65_537)[0] == 422
    assert len(hosted.create_pull("main", "topic", title="T", body="x" * 65_536).body) == 65_536


def test_lists_are_filtered_newest_first_and_in_pages(hosted, branch):
    for number in range(4):
        branch(f"b{number}")
        hosted.create_pull("main", f"b{number}", title=f"T{number}")
    hosted.get_pull(2).edit(state="closed")

    assert [pull.number for pull in hosted.get_pulls()] == [4, 3, 1]
    assert [pull.number for pull in hosted.get_pulls(state="closed")] == [2]
    assert [pull.number for pull in hosted.get_pulls(state="all", head="sandbox:b2")] == [3]
    assert [pull.number for pull in hosted.get_pulls(base="other")] == []
    assert [pull.number for pull in hosted.get_pulls(sort="created", direction="asc")] == [1, 3, 4]
    _, headers, body = hosted.requester.requestJson("GET", f"{hosted.url}/pulls", parameters={"per_page": 2})
    assert 'page=2>; rel="next"' in headers["link"]
    assert 'page=2>; rel="last"' in headers["link"]
    assert body.count('"number":') == 2


def test_an_open_pull_request_follows_its_branch_and_closes_with_it(sandbox, hosted, branch):
    branch()
    pull = hosted.create_pull("main", "topic", title="T")
    second = sandbox.checkout("topic").push({"more": b"2"})

    assert hosted.get_pull(pull.number).head.sha == second
    hosted.get_git_ref("heads/topic").delete()
    closed = hosted.get_pull(pull.number)
    assert (closed.state, closed.head.sha, closed.merged) == ("closed", second, False)
    assert [one.sha for one in closed.get_commits()][-1] == second


def test_files_have_their_change_and_their_patch(sandbox, hosted):
    clone = sandbox.checkout()
    clone.push({"moved/long.txt": b"".join(b"%d\n" % n for n in range(50))})
    clone.run("mv", "moved/long.txt", "moved/longer.txt")
    files = {"config/models.json": b'{\n  "pin": "b"\n}\n', "data/rows.jsonl": None, "new.bin": b"\0\1"}
    clone.push(files, branch="topic")

    found = {one.filename: one for one in hosted.create_pull("main", "topic", title="T").get_files()}

    assert {path: one.status for path, one in found.items()} == {
        "config/models.json": "modified",
        "data/rows.jsonl": "removed",
        "moved/longer.txt": "renamed",
        "new.bin": "added",
    }
    assert found["config/models.json"].patch == '@@ -1,3 +1,3 @@\n {\n-  "pin": "a"\n+  "pin": "b"\n }'
    assert found["moved/longer.txt"].previous_filename == "moved/long.txt"
    assert found["new.bin"].patch is None
    assert (found["data/rows.jsonl"].additions, found["data/rows.jsonl"].deletions) == (0, 3)


def test_files_are_what_the_branch_changed_not_what_main_did_since(sandbox, hosted, branch):
    branch()
    sandbox.checkout().push({"main.txt": b"1"})

    pull = hosted.create_pull("main", "topic", title="T")

    assert [one.filename for one in pull.get_files()] == ["topic.txt"]


def test_a_file_that_becomes_a_link_does_not_shift_the_other_patches(sandbox, hosted):
    clone = sandbox.checkout()
    (clone.folder / "README.md").unlink()
    (clone.folder / "README.md").symlink_to("config/models.json")
    clone.push({"z.txt": b"z\n"}, branch="topic")

    found = {one.filename: one.patch for one in hosted.create_pull("main", "topic", title="T").get_files()}

    assert found["z.txt"] == "@@ -0,0 +1 @@\n+z"
    assert "+config/models.json" in found["README.md"]


# merging


def test_a_merge_is_a_real_merge_commit(sandbox, hosted, branch):
    head = branch()
    sandbox.checkout().push({"main.txt": b"1"})
    base = hosted.get_branch("main").commit.sha
    pull = hosted.create_pull("main", "topic", title="T")

    merged = pull.merge(sha=head)

    clone = sandbox.checkout()
    assert clone.run("rev-parse", "HEAD") == merged.sha
    assert clone.run("log", "-1", "--format=%P") == f"{base} {head}"
    assert (clone.folder / "topic.txt").exists()
    assert (clone.folder / "main.txt").exists()
    read = hosted.get_pull(1)
    assert (read.merged, read.state, read.merge_commit_sha, read.merged_by.login) == (
        True,
        "closed",
        merged.sha,
        "ada",
    )
    assert [one.filename for one in read.get_files()] == ["topic.txt"]
    assert pull.is_merged()


def test_a_squash_is_one_commit_on_main(sandbox, hosted, branch):
    branch()
    sandbox.checkout("topic").push({"more.txt": b"2"})
    pull = hosted.create_pull("main", "topic", title="Both")

    pull.merge(merge_method="squash")

    clone = sandbox.checkout()
    assert clone.run("log", "--format=%s") == "Both (#1)\nStart"
    assert (clone.folder / "more.txt").exists()


def test_a_conflict_is_computed_and_refused(sandbox, hosted, branch):
    branch("topic", {"config/models.json": b"topic"})
    sandbox.checkout().push({"config/models.json": b"main"})
    pull = hosted.create_pull("main", "topic", title="T")

    assert (pull.mergeable, pull.mergeable_state) == (False, "dirty")
    assert refused(pull.merge) == (405, str(pull_error("Pull Request is not mergeable", 405)))


def pull_error(message, status):
    return {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}


def test_two_changes_of_different_lines_both_land(sandbox, hosted, branch):
    lines = [b"%d\n" % number for number in range(40)]
    sandbox.checkout().push({"list": b"".join(lines)})
    branch("one", {"list": b"".join([b"one\n", *lines[1:]])})
    branch("two", {"list": b"".join([*lines[:-1], b"two\n"])})
    for name in ("one", "two"):
        hosted.create_pull("main", name, title=name).merge()

    text = (sandbox.checkout().folder / "list").read_bytes()
    assert text.startswith(b"one\n")
    assert text.endswith(b"two\n")


def test_a_merge_of_a_head_that_moved_is_409(hosted, branch):
    branch()
    pull = hosted.create_pull("main", "topic", title="T")

    assert refused(pull.merge, sha="1" * 40)[0] == 409


@pytest.mark.parametrize("how", ["closed", "merged", "draft", "rebase"])
def test_what_cannot_be_merged_is_405(hosted, branch, how):
    branch()
    pull = hosted.create_pull("main", "topic", title="T", draft=how == "draft")
    if how == "merged":
        pull.merge()
    elif how == "closed":
        pull.edit(state="closed")

    assert refused(pull.merge, merge_method="rebase" if how == "rebase" else "merge")[0] == 405


def test_the_bare_repository_stays_sound(sandbox, hosted, branch):
    branch()
    hosted.create_pull("main", "topic", title="Ünï <x> \n y".replace("\n", " ")).merge()

    subprocess.run(["git", "-C", sandbox.git, "fsck", "--strict"], check=True, capture_output=True)


# notes


@pytest.fixture
def pull(hosted, branch):
    branch()
    return hosted.create_pull("main", "topic", title="T")


def test_labels(hosted, pull):
    hosted.create_label("known", "00ff00", "said before")
    pull.add_to_labels("known", "new")

    assert [label.name for label in pull.get_labels()] == ["known", "new"]
    pull.remove_from_labels("known")
    assert [label.name for label in hosted.get_pull(1).labels] == ["new"]
    pull.set_labels("known")
    assert [label.name for label in pull.get_labels()] == ["known"]
    assert refused(pull.remove_from_labels, "none")[0] == 404
    assert refused(hosted.create_label, "Known", "ffffff")[0] == 422
    assert {label.name for label in hosted.get_labels()} == {"known", "new"}


def test_comments(sandbox, pull):
    mine = pull.create_issue_comment("one")
    theirs = sandbox.github("bob").get_pull(1).create_issue_comment("two")
    mine.edit("three")

    assert [(one.user.login, one.body) for one in pull.get_issue_comments()] == [
        ("ada", "three"),
        ("bob", "two"),
    ]
    theirs.delete()
    assert pull.get_issue_comments().totalCount == 1
    assert refused(pull.create_issue_comment, " ")[0] == 422
    assert refused(pull.create_issue_comment, "x" * 65_537)[0] == 422


def test_reviews_are_by_others(sandbox, pull):
    assert "Can not approve your own" in refused(pull.create_review, event="APPROVE")[1]
    sandbox.github("bob").get_pull(1).create_review(body="no", event="REQUEST_CHANGES")
    sandbox.github("bob").get_pull(1).create_review(event="APPROVE")
    pull.create_review(body="hm", event="COMMENT")

    states = [(one.user.login, one.state) for one in pull.get_reviews()]
    assert states == [("bob", "CHANGES_REQUESTED"), ("bob", "APPROVED"), ("ada", "COMMENTED")]


def test_statuses_combine_the_last_of_each_context(hosted, pull):
    commit = hosted.get_commit(pull.head.sha)
    commit.create_status("failure", context="gate")
    commit.create_status("success", context="gate", description="passed")
    assert commit.get_combined_status().state == "success"

    commit.create_status("pending", context="verdict")

    combined = commit.get_combined_status()
    assert (combined.state, combined.total_count) == ("pending", 2)
    assert [one.state for one in commit.get_statuses()] == ["pending", "success", "failure"]
    assert refused(commit.create_status, "success", description="x" * 141)[0] == 422
    assert refused(commit.create_status, "done")[0] == 422


def test_check_runs_go_on_until_they_conclude(hosted, pull):
    notes = [{"path": "a", "start_line": 1, "end_line": 1, "annotation_level": "warning", "message": "m"}]
    check = hosted.create_check_run("gate", pull.head.sha, status="in_progress")
    assert check.conclusion is None

    check.edit(conclusion="failure", output={"title": "t", "summary": "s", "annotations": notes * 50})
    check.edit(output={"title": "t", "summary": "s", "annotations": notes})

    (read,) = hosted.get_commit(pull.head.sha).get_check_runs()
    assert (read.status, read.conclusion, read.output.annotations_count) == ("completed", "failure", 51)
    assert check.get_annotations().totalCount == 51
    too_many = {"title": "t", "summary": "s", "annotations": notes * 51}
    assert refused(check.edit, output=too_many)[0] == 422


def test_a_status_is_of_a_commit_that_is_there(hosted):
    post = hosted.requester.requestJsonAndCheck
    assert refused(post, "POST", f"{hosted.url}/statuses/{'0' * 40}", input={"state": "success"})[0] == 422
    assert refused(hosted.create_check_run, "gate", "0" * 40)[0] == 422


# forks


def test_a_pull_request_from_a_fork_follows_the_forks_branch(sandbox):
    sha = sandbox.checkout().push({"a": b"1"}, branch="refs/forks/mallory/main")
    theirs = sandbox.github("mallory")
    pull = theirs.create_pull("main", "mallory:main", title="T", body="B")

    assert (pull.head.label, pull.head.sha, pull.head.repo.full_name) == (
        "mallory:main",
        sha,
        "mallory/models",
    )
    assert (pull.head.repo.fork, pull.base.repo.fork) == (True, False)
    assert pull.head.repo.id != pull.base.repo.id
    assert sandbox.checkout().run("ls-remote", "origin", "refs/pull/1/head").split()[0] == sha
    assert [one.number for one in theirs.get_pulls(head="mallory:main")] == [1]
    assert list(theirs.get_pulls(head="sandbox:main")) == []
    assert refused(theirs.create_pull, "main", "mallory:main", title="T")[0] == 422

    moved = sandbox.checkout().push({"a": b"2"}, branch="refs/forks/mallory/main", force=True)
    assert theirs.get_pull(1).head.sha == moved
    assert theirs.get_pull(1).merge().merged
