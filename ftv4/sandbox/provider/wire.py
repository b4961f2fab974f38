"""How the API says things: error bodies, pages of a list, form uploads, request contracts."""

from collections.abc import Mapping, Sequence
from email.message import Message
from typing import Any, NamedTuple, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

Json = dict[str, Any]
R = TypeVar("R", bound=BaseModel)


class Refusal(Exception):
    """A request the provider answers with an error body instead of doing it."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = error_body(message, kind, param, code)


class Upload(NamedTuple):
    """One field of a form: its file name (none for plain fields) and bytes."""

    filename: str | None
    content: bytes


def error_body(message: str, kind: str, param: str | None = None, code: str | None = None) -> Json:
    """The envelope every error of the API comes in."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def missing(what: str, name: str) -> Refusal:
    """404 for an object that isn't there."""
    return Refusal(404, f"No such {what}: {name}", param="id", code="not_found")


def read_json(body: bytes) -> Json:
    """The request's JSON object. Raises Refusal (400) for anything else."""
    try:
        value = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        raise Refusal(400, "We could not parse the JSON body of your request.") from None
    if not isinstance(value, dict):
        raise Refusal(400, "The body of your request must be a JSON object.")
    return value


def read_as(contract: type[R], body: bytes) -> R:
    """The request's JSON as its contract. Raises Refusal (400) that names the parameter."""
    try:
        return contract.model_validate(read_json(body), strict=True)
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> Refusal:
    problem = error.errors()[0]
    param = ".".join(str(step) for step in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return Refusal(400, f"Unknown parameter: '{param}'.", param=param, code="unknown_parameter")
    if problem["type"] == "missing":
        message = f"Missing required parameter: '{param}'."
        return Refusal(400, message, param=param, code="missing_required_parameter")
    return Refusal(400, f"Invalid value for '{param}': {problem['msg']}.", param=param, code="invalid_value")


def page(items: Sequence[Json], query: Mapping[str, str], *, limit: int) -> Json:
    """One page of a list, `after` an id and at most `limit` long, with ids of its ends."""
    wanted = _whole(query.get("limit"), limit)
    start = 0
    if after := query.get("after"):
        ids = [item["id"] for item in items]
        if after not in ids:
            raise Refusal(400, f"No object with id '{after}' in this list.", param="after")
        start = ids.index(after) + 1
    data = list(items[start : start + wanted])
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": start + wanted < len(items),
    }


def _whole(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise Refusal(
            400, f"Invalid value for 'limit': {text!r} is not a whole number from 1.", param="limit"
        )
    return int(text)


def metadata_filter(query: Mapping[str, str]) -> dict[str, str]:
    """`metadata[k]=v` of a query string, as `{k: v}`."""
    return {
        name[len("metadata[") : -1]: value
        for name, value in query.items()
        if name.startswith("metadata[") and name.endswith("]")
    }


def read_form(content_type: str, body: bytes) -> dict[str, Upload]:
    """The fields of a `multipart/form-data` body, byte for byte. Raises Refusal (400) for others."""
    header = _header("Content-Type", content_type)
    boundary = header.get_param("boundary")
    if header.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        raise Refusal(400, "Expected a multipart/form-data body.")
    fields: dict[str, Upload] = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary.encode())[1:]:
        if part.startswith(b"--"):
            break
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name, filename = _disposition(head.decode("utf-8", "replace"))
        fields[name] = Upload(filename, content)
    return fields


def _disposition(head: str) -> tuple[str, str | None]:
    for line in head.split("\r\n"):
        field, _, value = line.partition(":")
        if field.strip().lower() == "content-disposition":
            header = _header("Content-Disposition", value.strip())
            return header.get_param("name", "", "Content-Disposition") or "", header.get_filename()  # type: ignore[return-value]
    return "", None


def _header(name: str, value: str) -> Message:
    message = Message()
    message[name] = value
    return message
