"""A repository as commits have it: what is no plain file there is none."""

import pytest

from ftv4.clients.git import Git
from ftv4.documents import Repository
from ftv4.errors import ContractError
from ftv4.steps.snapshot import Held, Snapshot
from tests.git_tree import WHO


@pytest.fixture
def commit(tmp_path):
    """A commit with a file, a link, a submodule and a program; nothing of it is in the work tree."""
    git = Git(tmp_path)
    git("init", "-q", ".")
    blob = git("hash-object", "-w", "--stdin", stdin=b"{}")
    modes = {"a.json": "100644", "link.json": "120000", "run.json": "100755", "deep/b.json": "100644"}
    lines = [f"{mode} {blob}\tconfig/{name}\0" for name, mode in modes.items()]
    lines.append(f"160000 {'1' * 40}\tconfig/module.json\0")
    tree = git.tree(None, "".join(lines).encode())
    return git.made("commit-tree", "-m", "x", tree, environment=WHO)


@pytest.fixture(params=[Snapshot, Held])
def files(request, tmp_path, commit):
    if request.param is Held:
        return Held(Repository(tmp_path), commit, ["config"], {"gone.json": "0" * 40})
    return Snapshot(Repository(tmp_path), data=commit, rest=commit)


@pytest.mark.parametrize(
    "path", ["config", "config/link.json", "config/module.json", "config/none.json", "gone.json"]
)
def test_what_is_no_plain_file_is_not_opened(files, path):
    with pytest.raises(ContractError, match="no such file in commit"):
        files.open(path)


def test_files_are_found_by_their_pattern(files):
    def names(pattern):
        return [path.name for path in files.files("config", pattern)]

    assert names("*.json") == ["a.json", "run.json"]
    assert names("**/b.json") == ["b.json"]
    assert names("a.*") == ["a.json"]
    assert files.read_bytes("config/a.json") == b"{}"


def test_a_folder_is_where_files_are(files):
    assert files.has_folder("config/deep")
    assert files.has("config/a.json")
    assert not files.has_folder("config/a.json")
    assert not files.has("config/link.json")
    assert not files.has_folder("elsewhere")
