"""What each file of the repository says: closed, frozen, strict, and without I/O.

Two rules hold everywhere. Unknown keys are mistakes. Nothing is coerced, except that a JSON
number without a fraction is an integer however it is written (`90.0`, `9e1`): contracts.md,
"Conventions".
"""

import math
import re
from datetime import datetime, timedelta
from typing import Annotated, Any, NamedTuple, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    Strict,
    ValidationError,
)
from pydantic_core import CoreSchema, ErrorDetails

T = TypeVar("T")
_SURROGATE = re.compile("[\ud800-\udfff]")


class Contract(BaseModel):
    """The base of every shape: frozen, closed, strict."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, protected_namespaces=())


def _whole(value: object) -> object:
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    return value


def _distinct(items: tuple[T, ...]) -> tuple[T, ...]:
    if len(items) > 1 and len(set(items)) != len(items):
        raise ValueError("items must be distinct")
    return items


class _Distinct(AfterValidator):
    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(schema) | {"uniqueItems": True}


def _moment(text: str) -> str:
    try:
        utc = datetime.fromisoformat(text).utcoffset() == timedelta()
    except ValueError:
        utc = False
    if not utc:
        raise ValueError("must be a time in UTC, such as 2026-02-09T19:03:27.337Z")
    return text


def _time(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a time, such as 2026-02-09T19:03:27.337Z") from None
    return text


Whole = Annotated[int, BeforeValidator(_whole, json_schema_input_type=int)]
"""A JSON number without a fraction, however it is written."""

Moment = Annotated[str, AfterValidator(_moment)]
"""A time in ISO 8601 that says it is in UTC, as `clock.iso` writes it."""

Time = Annotated[str, AfterValidator(_time)]
"""A time in ISO 8601; UTC where it has no offset."""

Distinct = _Distinct(_distinct)
"""No two equal items."""

Items = Strict(False)
"""On a tuple: a JSON array. (Arrays are lists to a strict tuple, which would refuse them.)"""

Json = dict[str, Any]
"""A JSON object whose shape another contract, or nobody here, states."""


class Problem(NamedTuple):
    """One thing a payload says wrongly."""

    pointer: str
    """RFC 6901 JSON pointer; the empty string is the whole document."""
    problem: str


def pointer(location: tuple[int | str, ...]) -> str:
    """Write a location as an RFC 6901 JSON pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def problems(error: ValidationError) -> tuple[Problem, ...]:
    """Every problem pydantic found, in its order, as pointer and sentence."""
    return tuple(
        Problem(pointer(detail["loc"]), _said(detail))
        for detail in error.errors(include_url=False, include_input=False)
    )


_IN_JSON = {
    "tuple_type": "Input should be a valid array",
    "list_type": "Input should be a valid array",
    "dict_type": "Input should be a valid object",
    "model_type": "Input should be a valid object",
    "too_short": "should have at least {min_length} items, has {actual_length}",
    "too_long": "should have at most {max_length} items, has {actual_length}",
}
"""Sentences in the words of JSON, where pydantic's are Python's."""


def _said(detail: ErrorDetails) -> str:
    sentence = _IN_JSON.get(detail["type"], "").format_map(detail.get("ctx", {}))
    return sentence or detail["msg"].removeprefix("Value error, ")


def check(contract: type[BaseModel], payload: object) -> tuple[Problem, ...]:
    """Ask whether a parsed JSON value fits a contract; no problems means yes.

    A lone surrogate is one character like any other, though no UTF-8 text can hold it.
    """
    try:
        contract.__pydantic_validator__.validate_python(payload)
    except ValidationError as error:
        found = problems(error)
    except UnicodeEncodeError:
        found = None
    else:
        return ()
    readable = _without_surrogates(payload)
    return check(contract, readable) if readable != payload or found is None else found


def _without_surrogates(value: Any) -> Any:
    """The value with U+FFFD for each lone surrogate: as long, and in no pattern either."""
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_surrogates(item) for item in value]
    return value
