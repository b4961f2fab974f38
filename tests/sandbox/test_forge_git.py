"""The forge's git half, asked with an unmodified PyGithub."""

import subprocess

import pytest
from github import GithubException, InputGitTreeElement

from tests.forge_sandbox import FIRST, NAME


@pytest.fixture
def hosted(sandbox):
    return sandbox.github()


def file(path, content=None, **given):
    return InputGitTreeElement(
        path, "100644", "blob", **({"content": content} if content is not None else given)
    )


def commit(hosted, entries, message="Change", branch="main"):
    """A commit on top of a branch, which stays where it is."""
    tip = hosted.get_branch(branch).commit
    tree = hosted.create_git_tree(entries, tip.commit.tree)
    return hosted.create_git_commit(message, tree, [hosted.get_git_commit(tip.sha)])


def refused(call, *arguments, **given):
    with pytest.raises(GithubException) as error:
        call(*arguments, **given)
    return error.value.status, error.value.data["message"]


# refs


def test_a_ref_is_made_read_moved_and_removed(hosted):
    made = commit(hosted, [file("a", "1")])
    ref = hosted.create_git_ref("refs/heads/topic/one", made.sha)

    assert hosted.get_git_ref("heads/topic/one").object.sha == made.sha
    assert [one.ref for one in hosted.get_git_matching_refs("heads/topic")] == ["refs/heads/topic/one"]
    ref.delete()
    assert refused(hosted.get_git_ref, "heads/topic/one") == (404, "Not Found")


def test_a_ref_moves_forward_only_which_makes_it_a_compare_and_swap(hosted):
    base = hosted.get_branch("main").commit.sha
    one, other = commit(hosted, [file("a", "1")]), commit(hosted, [file("a", "2")])
    ref = hosted.create_git_ref("refs/heads/ledger", base)
    ref.edit(one.sha)

    assert refused(ref.edit, other.sha) == (422, "Update is not a fast forward")
    assert hosted.get_git_ref("heads/ledger").object.sha == one.sha
    ref.edit(other.sha, force=True)
    assert hosted.get_git_ref("heads/ledger").object.sha == other.sha


@pytest.mark.parametrize(
    ("name", "sha", "said"),
    [
        ("refs/heads/main", None, "Reference already exists"),
        ("refs/heads/new", "0" * 40, "Object does not exist"),
        ("refs/heads/new", "main", "Object does not exist"),
        ("refs/heads/a..b", None, "Reference name 'refs/heads/a..b' is not valid"),
        ("main", None, "Reference name 'main' is not valid"),
    ],
)
def test_a_ref_that_cannot_be_made(hosted, name, sha, said):
    sha = sha or hosted.get_branch("main").commit.sha

    assert refused(hosted.create_git_ref, name, sha) == (422, said)


def test_a_ref_that_is_not_there_cannot_be_moved_or_removed(hosted):
    ref = hosted.create_git_ref("refs/heads/short", hosted.get_branch("main").commit.sha)
    ref.delete()

    assert refused(ref.edit, ref.object.sha) == (422, "Reference does not exist")
    assert refused(ref.delete) == (422, "Reference does not exist")


def test_many_branches_come_in_pages(sandbox, hosted):
    sha = hosted.get_branch("main").commit.sha
    for number in range(34):
        subprocess.run(["git", "-C", sandbox.git, "update-ref", f"refs/heads/b{number:02}", sha], check=True)

    names = [branch.name for branch in hosted.get_branches()]

    assert names == [*(f"b{number:02}" for number in range(34)), "main"]
    assert sum("/branches" in line for line in sandbox.asked("GET")) == 3


def test_a_revision_is_not_a_ref(sandbox, hosted):
    sandbox.checkout().push({"x": b"1"})

    for name in ("heads/main~1", "heads/main^", "heads/main@{0}", "heads/main:README.md"):
        assert refused(hosted.get_git_ref, name)[0] == 404


def test_what_only_git_refuses_is_422_as_well(hosted):
    tip = hosted.get_branch("main").commit
    hosted.create_git_ref("refs/heads/a/b", tip.sha)

    assert refused(hosted.create_git_ref, "refs/heads/a", tip.sha)[0] == 422


# trees, commits, blobs


def test_a_tree_keeps_what_it_is_not_told_about(hosted):
    made = commit(
        hosted, [file("config/models.json", "new"), file("data/rows.jsonl", sha=None), file("ü/ß", "x")]
    )

    tree = hosted.get_git_tree(made.tree.sha, recursive=True).tree

    assert {entry.path: entry.type for entry in tree} == {
        "README.md": "blob",
        "config": "tree",
        "config/models.json": "blob",
        "ü": "tree",
        "ü/ß": "blob",
    }


def test_a_tree_may_hold_a_whole_tree(hosted):
    below = hosted.create_git_tree([file("x", "1"), file("y/z", "2")])

    made = hosted.create_git_tree([InputGitTreeElement("sub/dir", "040000", "tree", sha=below.sha)])

    paths = [entry.path for entry in hosted.get_git_tree(made.sha, recursive=True).tree]
    assert paths == ["sub", "sub/dir", "sub/dir/x", "sub/dir/y", "sub/dir/y/z"]


@pytest.mark.parametrize("path", ["../x", "a//b", "/x", "a/./b", ".git/config", "a/.GIT", ""])
def test_a_path_that_a_tree_cannot_hold(hosted, path):
    assert refused(hosted.create_git_tree, [file(path, "x")])[0] == 422


def test_removing_what_is_not_there_is_refused(hosted):
    tree = hosted.get_branch("main").commit.commit.tree

    assert refused(hosted.create_git_tree, [file("none", sha=None)], tree) == (422, "GitRPC::BadObjectState")


def test_a_blob_is_any_bytes(hosted):
    blob = hosted.create_git_blob("AP/+", "base64")

    read = hosted.get_git_blob(blob.sha)

    assert (read.encoding, read.content, read.size) == ("base64", "AP/+\n", 3)


def test_a_commit_says_exactly_what_it_was_told_and_who_asked(hosted):
    message = "Title ✓\n\ntree 123\nauthor x\n\n  body  \n"
    made = commit(hosted, [file("a", "1")], message)

    read = hosted.get_git_commit(made.sha)

    assert (read.message, read.author.name, read.committer.name) == (message, "ada", "ada")
    assert hosted.get_commit(made.sha).author.login == "ada"


def test_a_commit_of_a_person_without_an_account_has_no_author(hosted):
    assert hosted.get_branch("main").commit.author is None


def test_a_commit_lists_its_files(hosted):
    made = commit(hosted, [file("config/models.json", "new\n"), file("c", "1\n")])

    files = {
        one.filename: (one.status, one.additions, one.deletions) for one in hosted.get_commit(made.sha).files
    }

    assert files == {"config/models.json": ("modified", 1, 3), "c": ("added", 1, 0)}


def test_history_is_of_a_branch_and_of_a_path(sandbox, hosted):
    clone = sandbox.checkout()
    clone.push({"x": b"1"}, "Add x")
    clone.push({"y": b"1"}, "Add y")

    assert [one.commit.message for one in hosted.get_commits()] == ["Add y\n", "Add x\n", "Start\n"]
    assert [one.commit.message for one in hosted.get_commits(path="x")] == ["Add x\n"]


def test_comparison_says_how_far_apart_two_branches_are(sandbox, hosted):
    clone = sandbox.checkout()
    clone.push({"topic.txt": b"1"}, branch="topic")
    clone.run("reset", "-q", "--hard", "origin/main")
    clone.push({"main.txt": b"1"})

    found = hosted.compare("main", "topic")

    assert (found.status, found.ahead_by, found.behind_by) == ("diverged", 1, 1)
    assert [one.filename for one in found.files] == ["topic.txt"]
    assert hosted.compare("main", "main").status == "identical"


# contents


def test_contents_are_files_and_folders(hosted):
    assert hosted.get_contents("README.md").decoded_content == FIRST["README.md"]
    assert {one.path: one.type for one in hosted.get_contents("")} == {
        "README.md": "file",
        "config": "dir",
        "data": "dir",
    }
    assert [one.path for one in hosted.get_contents("config")] == ["config/models.json"]


def test_contents_are_of_a_ref(sandbox, hosted):
    first = hosted.get_branch("main").commit.sha
    sandbox.checkout().push({"README.md": b"second"})

    assert hosted.get_contents("README.md", ref=first).decoded_content == FIRST["README.md"]
    assert hosted.get_contents("README.md", ref="main").decoded_content == b"second"
    assert refused(hosted.get_contents, "README.md", ref="nowhere")[0] == 404
    assert refused(hosted.get_contents, "none")[0] == 404


# who asks


@pytest.mark.parametrize("token", ["wrong", "sandbox-", "sandbox-Ada", "sandbox-a b"])
def test_a_token_is_required(sandbox, token):
    from github import Auth, Github

    hub = Github(auth=Auth.Token(token), base_url=sandbox.url, retry=None)

    assert refused(hub.get_repo, NAME) == (401, "Bad credentials")


def test_without_a_token(sandbox):
    from github import Github

    assert refused(Github(base_url=sandbox.url, retry=None).get_repo, NAME) == (
        401,
        "Requires authentication",
    )


def test_each_login_is_a_user_and_stays_one(sandbox):
    def who(login):
        return sandbox.github(login).requester.requestJsonAndCheck("GET", "/user")[1]

    assert who("ada")["login"] == "ada"
    assert who("ada")["id"] == who("ada")["id"] != who("bob")["id"]


def test_errors_are_in_githubs_form(hosted):
    with pytest.raises(GithubException) as error:
        hosted.get_branch("none")

    assert error.value.data["message"] == "Branch not found"
    assert set(error.value.data) == {"message", "documentation_url", "status"}


def test_answers_name_the_host_that_was_asked(sandbox):
    from urllib.parse import urlsplit

    port = urlsplit(sandbox.url).port
    hosted = sandbox.github()
    data = hosted.requester.requestJsonAndCheck("GET", f"http://127.0.0.1:{port}/repos/{NAME}")[1]

    urls = [value for key, value in data.items() if key.endswith("url") and isinstance(value, str)]
    assert all(url.startswith(f"http://127.0.0.1:{port}/") for url in urls)


def test_an_empty_repository_says_so(empty_sandbox):
    hosted = empty_sandbox.github()

    assert refused(hosted.get_contents, "")[0] in {404, 409}
    assert refused(hosted.get_branch, "main") == (404, "Branch not found")
    assert list(hosted.get_branches()) == []


# git itself


def test_clone_and_push_over_http(sandbox, tmp_path):
    url = f"{sandbox.url}/{NAME}.git"
    with_token = url.replace("http://", "http://x:sandbox-ada@")
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "credential.helper="]
    subprocess.run([*git, "clone", "-q", url, tmp_path / "clone"], check=True)
    (tmp_path / "clone" / "new.txt").write_text("x" * 200_000)
    subprocess.run([*git, "-C", tmp_path / "clone", "add", "."], check=True)
    subprocess.run([*git, "-C", tmp_path / "clone", "commit", "-q", "-m", "New"], check=True)

    anonymous = subprocess.run(
        [*git, "-C", tmp_path / "clone", "push", "-q", url, "HEAD:main"],
        check=False,
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", "GIT_TERMINAL_PROMPT": "0"},
    )
    subprocess.run([*git, "-C", tmp_path / "clone", "push", "-q", with_token, "HEAD:main"], check=True)

    assert anonymous.returncode != 0
    assert sandbox.github().get_contents("new.txt").size == 200_000


def test_a_hostile_file_name_is_only_a_name(sandbox, hosted):
    names = ['a"b', "tab\there", "new\nline", "-rf", "diff --git a b", "ünï"]
    sandbox.checkout().push({name: b"x\n" for name in names}, branch="hostile")

    pull = hosted.create_pull("main", "hostile", title="T")

    assert {one.filename: one.patch for one in pull.get_files()} == dict.fromkeys(names, "@@ -0,0 +1 @@\n+x")


def test_state_survives_a_restart(sandbox, hosted):
    from ftv4.sandbox.forge_api import Forge
    from ftv4.sandbox.forge_git import BareRepository
    from ftv4.sandbox.forge_pulls import pulls
    from ftv4.sandbox.forge_store import Store

    sandbox.checkout().push({"x": b"1"}, branch="topic")
    hosted.create_pull("main", "topic", title="Kept")

    again = Forge(
        "sandbox", "models", BareRepository(sandbox.git), Store(sandbox.folder / "forge.sqlite"), sandbox.now
    )

    assert [one["title"] for one in pulls(again)] == ["Kept"]


# contents, written


def test_a_file_is_created_replaced_and_deleted_one_commit_each(hosted):
    before = len(list(hosted.get_commits()))
    made = hosted.create_file("notes/a.md", "Say so", "one", branch="main")["content"]
    newer = hosted.update_file("notes/a.md", "Say why", "two", made.sha, branch="main")["content"]

    assert hosted.get_contents("notes/a.md").decoded_content == b"two"
    hosted.delete_file("notes/a.md", "Say no more", newer.sha, branch="main")
    assert refused(hosted.get_contents, "notes/a.md")[0] == 404
    assert len(list(hosted.get_commits())) == before + 3


def test_a_file_is_replaced_only_by_who_knows_what_it_replaces(hosted):
    made = hosted.create_file("a.md", "Say so", "one", branch="main")["content"]
    hosted.update_file("a.md", "Say why", "two", made.sha, branch="main")

    assert refused(hosted.create_file, "a.md", "Say", "three", branch="main")[0] == 422
    assert refused(hosted.update_file, "a.md", "Say", "three", made.sha, branch="main")[0] == 409
    assert refused(hosted.delete_file, "b.md", "Say", made.sha, branch="main")[0] == 404
    assert refused(hosted.create_file, "b.md", "Say", "x", branch="nowhere")[0] == 404
    assert hosted.get_contents("a.md").decoded_content == b"two"
