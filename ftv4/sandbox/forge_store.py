"""What the sandbox forge knows beside git: pull requests, comments, statuses, people; one SQLite file."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

Thing = dict[str, Any]
"""One record: its own fields, and `id`."""

_TABLE = """
CREATE TABLE IF NOT EXISTS things (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, about TEXT NOT NULL, fields TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS things_about ON things (kind, about);
"""


class Store:
    """Records by kind, and by what they are about (a pull's number, a commit's sha, a label's name).

    A connection lives as long as one question, so threads and processes may ask together.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as database:
            database.executescript(_TABLE)

    def add(self, kind: str, about: object, fields: Thing) -> Thing:
        """Keep a record; give it back with its id."""
        with self._open() as database:
            insert = "INSERT INTO things (kind, about, fields) VALUES (?, ?, ?)"
            number = database.execute(insert, (kind, str(about), json.dumps(fields))).lastrowid
        return {**fields, "id": number}

    def put(self, thing: Thing) -> None:
        """Write a record's fields back."""
        fields = {key: value for key, value in thing.items() if key != "id"}
        with self._open() as database:
            database.execute("UPDATE things SET fields = ? WHERE id = ?", (json.dumps(fields), thing["id"]))

    def drop(self, thing: Thing) -> None:
        """Forget a record."""
        with self._open() as database:
            database.execute("DELETE FROM things WHERE id = ?", (thing["id"],))

    def of(self, kind: str, about: object = None) -> list[Thing]:
        """The records of a kind, about one thing or all, oldest first."""
        where, values = (
            ("kind = ?", [kind]) if about is None else ("kind = ? AND about = ?", [kind, str(about)])
        )
        with self._open() as database:
            rows = database.execute(
                f"SELECT id, fields FROM things WHERE {where} ORDER BY id", values
            ).fetchall()
        return [{**json.loads(fields), "id": number} for number, fields in rows]

    def one(self, kind: str, number: int) -> Thing | None:
        """A record by its id."""
        with self._open() as database:
            row = database.execute(
                "SELECT fields FROM things WHERE kind = ? AND id = ?", (kind, number)
            ).fetchone()
        return {**json.loads(row[0]), "id": number} if row else None

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=10)) as database:
            # A sandbox survives being killed; it need not survive a power cut.
            database.execute("PRAGMA synchronous = OFF")
            with database:
                yield database
