"""Commits made of objects alone, so that a tree may hold what no file system would; folders made once."""

import atexit
import os
import shutil
import subprocess
import tempfile
import zlib
from functools import cache
from hashlib import sha1
from pathlib import Path

FILE, EXECUTABLE, LINK, SUBMODULE = "100644", "100755", "120000", "160000"
WHO = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "jo"), ("EMAIL", "jo@example.org"), ("DATE", "2026-11-01T00:00:00Z"))
}


class Tree:
    """A repository in a folder, whose work tree is never written."""

    def __init__(self, folder):
        self.folder = folder
        self._blobs = {}
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments, stdin=b""):
        """Run git; give back what it prints."""
        done = subprocess.run(
            ["git", "-C", str(self.folder), *arguments],
            input=stdin,
            capture_output=True,
            check=True,
            env=os.environ | WHO | {"GIT_CONFIG_GLOBAL": os.devnull},
        )
        return done.stdout.decode().strip()

    def commit(self, files, *parents):
        """Commit the index with these files put in (None: taken out); give back the id, now HEAD.

        Names may be bytes; a content may be (mode, bytes), and of a submodule its commit.
        """
        entries = b"".join(self._entry(name, content) for name, content in files.items())
        self.git("update-index", "-z", "--index-info", stdin=entries)
        parents = parents or self.git("for-each-ref", "--format=%(objectname)", "refs/heads/main").split()
        marked = [word for parent in parents for word in ("-p", parent)]
        commit = self.git("commit-tree", self.git("write-tree"), "-m", "x", *marked)
        self.git("update-ref", "refs/heads/main", commit)
        return commit

    def _entry(self, name, content):
        name = name if isinstance(name, bytes) else name.encode()
        if content is None:
            return b"0 %040d\t%b\0" % (0, name)
        mode, data = content if isinstance(content, tuple) else (FILE, content)
        if data not in self._blobs:
            stored = mode != SUBMODULE
            self._blobs[data] = self._blob(data) if stored else data.decode()
        return f"{mode} {self._blobs[data]}\t".encode() + name + b"\0"

    def _blob(self, data):
        whole = b"blob %d\0" % len(data) + data
        name = sha1(whole).hexdigest()
        path = self.folder / ".git/objects" / name[:2] / name[2:]
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            path.write_bytes(zlib.compress(whole, 1))
        return name


_MADE = {}


@cache
def _kept():
    folder = Path(tempfile.mkdtemp(prefix="kept-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def once(key, make, *folders):
    """Folders as `make` leaves them: it is called once for a key, and copied from then on."""
    if key in _MADE:
        for folder, kept in zip(folders, _MADE[key], strict=True):
            shutil.copytree(kept, folder, dirs_exist_ok=True)
        return
    make()
    copies = [_kept() / f"{len(_MADE)}-{number}" for number, _ in enumerate(folders)]
    for folder, kept in zip(folders, copies, strict=True):
        shutil.copytree(folder, kept)
    _MADE[key] = copies


def files_of(folder, but="forge"):
    """Path → content below a folder, as a key; `but` is what isn't looked into."""
    tops = [one for one in sorted(folder.iterdir()) if one.name != but]
    paths = [path for one in tops for path in (one, *sorted(one.rglob("*")))]
    return tuple((str(path.relative_to(folder)), path.read_bytes()) for path in paths if path.is_file())
