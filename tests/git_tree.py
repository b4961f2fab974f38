"""Commits made of objects alone, so that a tree may hold what no file system would."""

import os
import subprocess

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
            self._blobs[data] = (
                self.git("hash-object", "-w", "--stdin", stdin=data) if stored else data.decode()
            )
        return f"{mode} {self._blobs[data]}\t".encode() + name + b"\0"
