"""The files API: what was uploaded for training, and the result files of jobs."""

from collections.abc import Mapping
from typing import Any

from ftv4.canonical import sha256
from ftv4.sandbox.provider.models import Clock
from ftv4.sandbox.provider.store import Store
from ftv4.sandbox.provider.wire import Refusal, Upload, missing, page

Json = dict[str, Any]
PURPOSES = frozenset(
    {"assistants", "batch", "fine-tune", "vision", "user_data", "evals", "fine-tune-results"}
)
LIMIT = 512 * 1024 * 1024
"""Bytes of the largest file taken."""


class Files:
    """Uploaded and written files; contents are kept by their SHA-256, beside the file objects."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def upload(self, form: Mapping[str, Upload]) -> Json:
        """`POST /files`."""
        file, purpose = form.get("file"), form.get("purpose")
        if file is None or file.filename is None:
            raise Refusal(400, "Missing required parameter: 'file'.", param="file")
        wanted = purpose.content.decode("utf-8", "replace") if purpose else ""
        if wanted not in PURPOSES - {"fine-tune-results"}:
            raise Refusal(400, f"'{wanted}' is not one of {sorted(PURPOSES)} - 'purpose'.", param="purpose")
        if not file.content:
            raise Refusal(400, "File is empty.", param="file", code="empty_file")
        if len(file.content) > LIMIT:
            raise Refusal(413, "File is larger than 512 MB.", param="file", code="file_too_large")
        return self.write(file.filename, wanted, file.content)

    def write(self, filename: str, purpose: str, content: bytes) -> Json:
        """Keep a file of our own or somebody's; its id follows from its number and bytes."""
        with self._store.transaction():
            name = self._store.keep(content)
            number = self._store.next_number("file")
            id = f"file-{sha256(f'{number}:{name}')[:24]}"
            body = {
                "id": id,
                "object": "file",
                "bytes": len(content),
                "created_at": int(self._clock()),
                "filename": filename,
                "purpose": purpose,
                "status": "processed",
                "sha256": name,
            }
            self._store.add("file", id, body)
        return _shown(body)

    def get(self, id: str) -> Json:
        """`GET /files/{id}`."""
        return _shown(self._find(id))

    def content(self, id: str) -> bytes:
        """`GET /files/{id}/content`."""
        return self._store.content(self.sha256(id))

    def sha256(self, id: str) -> str:
        """SHA-256 of a file's bytes."""
        name: str = self._find(id)["sha256"]
        return name

    def list(self, query: Mapping[str, str]) -> Json:
        """`GET /files`: newest first unless `order=asc`, of one `purpose` if it is given."""
        files = [_shown(file) for file in self._store.all("file")]
        if query.get("order") != "asc":
            files.reverse()
        if purpose := query.get("purpose"):
            files = [file for file in files if file["purpose"] == purpose]
        listed = page(files, query, limit=10_000)
        # Described as texts, also where there is nothing to name.
        return listed | {end: listed[end] or "" for end in ("first_id", "last_id")}

    def delete(self, id: str) -> Json:
        """`DELETE /files/{id}`: a model that learned from it keeps what it learned."""
        if not self._store.delete("file", id):
            raise missing("File object", id)
        return {"id": id, "object": "file", "deleted": True}

    def _find(self, id: str) -> Json:
        file = self._store.get("file", id)
        if file is None:
            raise missing("File object", id)
        return file


def _shown(file: Json) -> Json:
    return {key: value for key, value in file.items() if key != "sha256"}
