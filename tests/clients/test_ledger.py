"""The ledger over real repositories: a bare one in a folder, and the sandbox forge over HTTP."""

from datetime import UTC, datetime

import pytest

from ftv4.clients.git import Git, GitError, Remote
from ftv4.clients.ledger import REF, Ledger, Moved, State
from ftv4.errors import ContractError, ServiceError, UsageError
from ftv4.sandbox.serve import TOKEN, serving

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
RUN = "train/finetune_runs/quant_signals/20261122T120000Z"
MANIFEST, JOB = f"{RUN}/run_manifest.json", f"{RUN}/job.json"


@pytest.fixture
def bare(tmp_path):
    folder = tmp_path / "ledger.git"
    folder.mkdir()
    Git(folder)("init", "--quiet", "--bare", ".")
    return folder


@pytest.fixture
def remote(bare):
    return Remote(str(bare))


@pytest.fixture
def ledger(remote):
    with Ledger.opened(remote) as opened:
        yield opened


@pytest.fixture
def other(remote):
    with Ledger.opened(remote) as opened:
        yield opened


def plant(bare, path, content=b"{}", mode="100644"):
    """Put a file on the ledger as a stranger would."""
    git = Git(bare)
    blob = git("hash-object", "-w", "--stdin", stdin=content)
    head = git("for-each-ref", "--format=%(objectname)", REF) or None
    tree = git.tree(head, f"{mode} {blob}\t{path}\0".encode())
    who = {f"GIT_{one}_{what}": "x" for one in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    parents = ["-p", head] if head else []
    git("update-ref", REF, git.made("commit-tree", "-m", "x", tree, *parents, environment=who))


def test_what_is_written_is_read(ledger, other):
    assert ledger.read() == State(None, {})

    first = ledger.write(ledger.read(), {MANIFEST: b"1"}, "plan quant_signals", NOW)
    second = ledger.write(first, {JOB: b"2"}, "attempt quant_signals", NOW)

    assert other.read() == second
    assert second.files == {MANIFEST: b"1", JOB: b"2"}


def test_the_second_of_two_writers_is_told(ledger, other):
    before = ledger.read()
    ledger.write(before, {MANIFEST: b"1"}, "attempt quant_signals", NOW)

    with pytest.raises(Moved):
        other.write(before, {JOB: b"2"}, "attempt quant_signals", NOW)

    assert other.read().files == {MANIFEST: b"1"}


def test_two_that_write_the_very_same_at_the_same_time_are_not_both_first(ledger, other):
    ledger.write(ledger.read(), {MANIFEST: b"1"}, "plan quant_signals", NOW)
    mine, theirs = ledger.read(), other.read()
    ledger.write(mine, {JOB: b"2"}, "attempt quant_signals", NOW)

    with pytest.raises(Moved):
        other.write(theirs, {JOB: b"2"}, "attempt quant_signals", NOW)


def test_nothing_new_makes_no_commit(ledger):
    state = ledger.write(ledger.read(), {MANIFEST: b"1"}, "plan quant_signals", NOW)

    assert ledger.write(state, {MANIFEST: b"1"}, "plan quant_signals", NOW) is state
    assert ledger.read().head == state.head


def test_a_push_that_landed_though_its_answer_was_lost_counts(ledger, other, monkeypatch):
    push = Git.push

    def lost(git, remote, refspec):
        push(git, remote, refspec)
        monkeypatch.setattr(Git, "push", push)
        other.write(other.read(), {JOB: b"2"}, "attempt quant_signals", NOW)  # and somebody went on from it
        raise ServiceError("no answer", retryable=True)

    monkeypatch.setattr(Git, "push", lost)
    ledger.write(ledger.read(), {MANIFEST: b"1"}, "plan quant_signals", NOW)

    assert other.read().files == {MANIFEST: b"1", JOB: b"2"}


def test_a_push_that_did_not_land_is_an_error_not_a_lost_race(ledger, bare):
    state = ledger.read()
    (bare / "hooks").mkdir(exist_ok=True)
    hook = bare / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho no >&2\nexit 1\n")
    hook.chmod(0o755)

    with pytest.raises(ServiceError) as refused:
        ledger.write(state, {MANIFEST: b"1"}, "plan quant_signals", NOW)

    assert not isinstance(refused.value, Moved)


def test_only_what_a_ledger_holds_is_read(ledger, bare):
    plant(bare, MANIFEST, b"1")
    for path in ("config/intelligence_v4.models.json", f"{RUN}/x.sh", "evals/cases/a.json"):
        plant(bare, path)
    plant(bare, "train/finetune_runs/a/b/job.json")
    for name in ("report_a/b", "report_", "report_a.b", f"report_{'a' * 101}"):
        plant(bare, f"evals/{name}.json")

    assert ledger.read().files == {MANIFEST: b"1"}


@pytest.mark.parametrize("mode", ["100755", "120000"])
def test_what_is_no_plain_file_is_told_and_says_nothing(ledger, bare, mode):
    plant(bare, MANIFEST, b"1")
    plant(bare, JOB, b"/etc/passwd", mode)

    state = ledger.read()

    assert (state.files, state.odd) == ({MANIFEST: b"1", JOB: b""}, {JOB: mode})
    assert ledger.write(state, {JOB: b"2"}, "job quant_signals", NOW) == ledger.read()
    assert (ledger.read().files[JOB], ledger.read().odd) == (b"2", {})


def test_what_somebody_else_keeps_there_stays(ledger, bare):
    plant(bare, "README.md", b"hello")

    state = ledger.write(ledger.read(), {MANIFEST: b"1"}, "plan quant_signals", NOW)

    assert Git(bare)("ls-tree", "-r", "--name-only", state.head).split() == ["README.md", MANIFEST]


def test_a_message_says_nothing_of_a_stranger(ledger):
    with pytest.raises(ValueError, match="message"):
        ledger.write(ledger.read(), {JOB: b"1"}, "attempt\n\nCo-authored-by: x", NOW)
    with pytest.raises(UsageError):
        ledger.write(ledger.read(), {"../x": b"1"}, "attempt", NOW)


def test_a_ledger_that_is_away_is_a_service_that_is_away(tmp_path):
    with Ledger.opened(Remote(str(tmp_path / "nowhere.git"))) as ledger, pytest.raises(ServiceError) as away:
        ledger.read()

    assert away.value.retryable


def test_over_http_with_the_token_and_not_without(tmp_path):
    with serving(tmp_path / "sandbox") as urls:
        with Ledger.opened(Remote(f"{urls.web}.git", TOKEN)) as ledger:
            ledger.write(ledger.read(), {MANIFEST: b"1"}, "plan quant_signals", NOW)
            assert ledger.read().files == {MANIFEST: b"1"}
        with Ledger.opened(Remote(f"{urls.web}.git")) as ledger, pytest.raises(ServiceError):
            ledger.write(ledger.read(), {JOB: b"1"}, "plan quant_signals", NOW)


@pytest.mark.parametrize("url", ["ext::sh -c id", "--upload-pack=id", "fd::3", "http://h/x.git", "git://h/x"])
def test_a_remote_is_no_way_to_run_a_program_or_to_show_a_token(url):
    with pytest.raises(UsageError):
        Remote(url, "secret-token")


@pytest.mark.parametrize(
    "url", ["ext::sh -c id", "--upload-pack=id", "fd::3", "git://h/x", "x/y", "file://h/x"]
)
def test_a_remote_is_a_url_or_a_folder_also_without_a_token(url):
    with pytest.raises(UsageError, match="not a URL or folder"):
        Remote(url)


def test_where_there_is_no_token_none_is_sent():
    assert Remote("https://127.0.0.1:1/x.git").settings() == {}


def test_git_is_quoted_by_the_line_that_says_why(bare, tmp_path, monkeypatch):
    with pytest.raises(GitError, match=r"^git cat-file: fatal: "):
        Git(bare).size("0" * 40)
    (tmp_path / "git").write_text(
        "#!/bin/sh\nprintf 'remote: advice\\nfatal: why\\nmore advice\\n' >&2\nexit 1\n"
    )
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(ServiceError, match=r"git fetch: fatal: why$"):
        Git(bare).fetch(Remote("https://127.0.0.1:1/x.git"), "refs/heads/main")


def test_a_ledger_larger_than_any_is_not_read(ledger, bare, monkeypatch):
    plant(bare, JOB, b"x" * 100)
    monkeypatch.setattr("ftv4.clients.ledger.LARGEST", 99)

    with pytest.raises(ContractError, match="have 100 bytes"):
        ledger.read()


def test_a_token_is_in_no_argument_and_no_text(bare, monkeypatch):
    import subprocess

    seen = []
    run = subprocess.run
    monkeypatch.setattr(
        subprocess, "run", lambda command, **how: (seen.append(command), run(command, **how))[1]
    )
    remote = Remote("https://127.0.0.1:1/x.git", "secret-token")

    with pytest.raises(ServiceError) as refused:
        Git(bare).fetch(remote, "refs/heads/main")

    assert "secret" not in repr(remote) + str(seen) + str(refused.value.__dict__)
    assert "Authorization" not in str(seen)


def test_where_git_is_not_installed_the_remote_is_not_to_blame(ledger, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(GitError, match=r"^git is not installed$") as refused:
        ledger.read()

    assert refused.value.hint == "install git and run again"


def test_a_hook_that_this_runs_in_is_no_matter_of_the_ledgers(bare, remote, monkeypatch, tmp_path):
    """git tells a hook its repository by variables, which would make our own one that."""
    hooked = tmp_path / "checkout"
    hooked.mkdir()
    Git(hooked)("init", "--quiet", ".")
    monkeypatch.setenv("GIT_DIR", str(hooked / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(hooked / ".git/index"))

    with Ledger.opened(remote) as ledger:
        ledger.write(ledger.read(), {MANIFEST: b"1"}, "plan quant_signals", NOW)

    monkeypatch.delenv("GIT_DIR")
    monkeypatch.delenv("GIT_INDEX_FILE")
    assert Git(hooked)("for-each-ref") == ""
    assert Git(hooked)("count-objects").startswith("0 objects")
    assert Git(bare)("for-each-ref") != ""


def test_settings_that_the_environment_gives_git_stay(bare, monkeypatch):
    """As a container's, which says that it is safe to read a folder."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "url.https://127.0.0.1:1/.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://example.org/")

    with pytest.raises(ServiceError, match=r"127\.0\.0\.1") as refused:
        Git(bare).fetch(Remote("https://example.org/x.git", "secret-token"), "refs/heads/main")

    assert "secret" not in refused.value.message
