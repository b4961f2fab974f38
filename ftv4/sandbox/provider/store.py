"""Where the provider's state lives: one SQLite file, so that a restart forgets nothing."""

import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from ftv4.canonical import sha256

Json = dict[str, Any]
KINDS = ("file", "job", "model", "log")
TABLES = """
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL, number INTEGER NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (kind, number), UNIQUE (kind, id)
);
CREATE TABLE IF NOT EXISTS contents (sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL);
"""


class Store:
    """Numbered JSON documents of four kinds, and the contents of files by their SHA-256."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._sqlite = sqlite3.connect(
            folder / "provider.sqlite", check_same_thread=False, isolation_level=None
        )
        weakref.finalize(self, self._sqlite.close)
        self._sqlite.execute("PRAGMA journal_mode=WAL")
        self._sqlite.execute("PRAGMA synchronous=NORMAL")
        self._sqlite.executescript(TABLES)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside happens, or nothing; one transaction at a time."""
        with self._lock:
            if self._sqlite.in_transaction:
                yield
                return
            self._sqlite.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._sqlite.execute("ROLLBACK")
                raise
            self._sqlite.execute("COMMIT")

    def next_number(self, kind: str) -> int:
        """The number the next document of a kind gets, from 1. Never one that was used before."""
        with self._lock:
            row = self._sqlite.execute(
                "SELECT body FROM documents WHERE kind = 'counter' AND id = ?", (kind,)
            ).fetchone()
        return int(row[0]) + 1 if row else 1

    def add(self, kind: str, id: str, body: Json) -> int:
        """Keep a new document; give back its number."""
        with self.transaction():
            number = self.next_number(kind)
            self._sqlite.execute(
                "INSERT INTO documents VALUES (?, ?, ?, ?)", (kind, number, id, orjson.dumps(body))
            )
            self._sqlite.execute(
                "INSERT OR REPLACE INTO documents VALUES ('counter', ?, ?, ?)",
                (KINDS.index(kind), kind, str(number)),
            )
        return number

    def update(self, kind: str, id: str, body: Json) -> None:
        """Replace a document's body."""
        with self.transaction():
            self._sqlite.execute(
                "UPDATE documents SET body = ? WHERE kind = ? AND id = ?", (orjson.dumps(body), kind, id)
            )

    def get(self, kind: str, id: str) -> Json | None:
        """A document by its id."""
        with self._lock:
            row = self._sqlite.execute(
                "SELECT body FROM documents WHERE kind = ? AND id = ?", (kind, id)
            ).fetchone()
        return orjson.loads(row[0]) if row else None

    def all(self, kind: str) -> list[Json]:
        """Every document of a kind, oldest first."""
        with self._lock:
            rows = self._sqlite.execute(
                "SELECT body FROM documents WHERE kind = ? ORDER BY number", (kind,)
            ).fetchall()
        return [orjson.loads(row[0]) for row in rows]

    def delete(self, kind: str, id: str) -> bool:
        """Forget a document; whether there was one."""
        with self.transaction():
            return (
                self._sqlite.execute("DELETE FROM documents WHERE kind = ? AND id = ?", (kind, id)).rowcount
                > 0
            )

    def keep(self, content: bytes) -> str:
        """Keep a file's bytes; give back their SHA-256."""
        name = sha256(content)
        with self.transaction():
            self._sqlite.execute("INSERT OR IGNORE INTO contents VALUES (?, ?)", (name, content))
        return name

    def content(self, name: str) -> bytes:
        """The bytes kept under a SHA-256."""
        with self._lock:
            row = self._sqlite.execute("SELECT bytes FROM contents WHERE sha256 = ?", (name,)).fetchone()
        return bytes(row[0])
