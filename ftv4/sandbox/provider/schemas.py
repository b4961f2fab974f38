"""Structured outputs: which JSON Schemas a model accepts, and answers made to fit one."""

from collections.abc import Iterator
from typing import Any

from ftv4.sandbox.provider.wire import Refusal

Json = dict[str, Any]
NEVER = frozenset({"allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas"})
NOT_WHEN_TUNED = frozenset(
    {"minLength", "maxLength", "pattern", "format", "minimum", "maximum", "multipleOf"}
    | {"patternProperties", "minItems", "maxItems"}
)
MAX_PROPERTIES = 5000
MAX_DEPTH = 10


def check_schema(schema: Json, *, strict: bool, tuned: bool) -> None:
    """Raises Refusal (400) for a schema the model would not take."""
    if not strict:
        return
    if schema.get("type") != "object":
        raise _refused("schema must be a JSON Schema of 'type: \"object\"'")
    properties = 0
    for where, part, depth in _parts(schema, "()", 1):
        refused = NEVER | (NOT_WHEN_TUNED if tuned else frozenset())
        if found := sorted(refused & part.keys()):
            raise _refused(f"In context={where}, '{found[0]}' is not permitted.")
        if depth > MAX_DEPTH:
            raise _refused(f"In context={where}, the schema is nested deeper than {MAX_DEPTH} levels.")
        properties += len(part.get("properties", {}))
        _check_object(where, _resolved(part, schema))
    if properties > MAX_PROPERTIES:
        raise _refused(f"The schema has more than {MAX_PROPERTIES} properties.")


def _check_object(where: str, part: Json) -> None:
    if part.get("type") != "object" and "properties" not in part:
        return
    if part.get("additionalProperties") is not False:
        raise _refused(
            f"In context={where}, 'additionalProperties' is required to be supplied and to be false."
        )
    lacking = sorted(part.get("properties", {}).keys() - set(part.get("required", ())))
    if lacking:
        raise _refused(
            f"In context={where}, 'required' is required to be supplied and to be an array "
            f"including every key in properties. Missing '{lacking[0]}'."
        )


def _refused(problem: str) -> Refusal:
    message = f"Invalid schema for response_format: {problem}"
    return Refusal(400, message, param="response_format", code="invalid_json_schema")


def _parts(schema: Any, where: str, depth: int) -> Iterator[tuple[str, Json, int]]:
    """Every subschema, with where it is and how deep."""
    if not isinstance(schema, dict):
        return
    yield where, schema, depth
    for name, part in schema.get("properties", {}).items():
        yield from _parts(part, f"{where}['properties']['{name}']", depth + 1)
    for group in ("$defs", "definitions"):
        for name, part in schema.get(group, {}).items():
            yield from _parts(part, f"{where}['{group}']['{name}']", 1)
    yield from _parts(schema.get("items"), f"{where}['items']", depth + 1)
    for number, part in enumerate(schema.get("anyOf", ())):
        yield from _parts(part, f"{where}['anyOf'][{number}]", depth)


def fit(value: Any, schema: Json, root: Json | None = None) -> Any:
    """The value as near as the schema lets it be; what is missing is filled with the least there is.

    This is what decoding under a strict schema does: it can't leave the shape, and it doesn't know
    what belongs there.
    """
    root = schema if root is None else root
    schema = _resolved(schema, root)
    if options := schema.get("anyOf"):
        return fit(value, next((o for o in options if _is(value, _resolved(o, root))), options[0]), root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return value if any(_same(value, one) for one in schema["enum"]) else schema["enum"][0]
    kind = _kind(value, schema)
    if kind == "object":
        given = value if isinstance(value, dict) else {}
        return {name: fit(given.get(name), part, root) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return _fit_list(value, schema, root)
    return value if _is(value, {"type": kind}) else _least(kind, schema)


def _fit_list(value: Any, schema: Json, root: Json) -> list[Any]:
    items = list(value) if isinstance(value, list) else []
    items += [None] * (schema.get("minItems", 0) - len(items))
    return [fit(item, schema.get("items", {}), root) for item in items[: schema.get("maxItems")]]


def _resolved(schema: Json, root: Json) -> Json:
    while "$ref" in schema:
        target: Any = root
        for step in filter(None, str(schema["$ref"]).removeprefix("#").split("/")):
            if not isinstance(target, dict) or step not in target:
                raise _refused(f"'$ref' leads nowhere: {schema['$ref']}")
            target = target[step]
        schema = target
    return schema


def _kind(value: Any, schema: Json) -> str:
    kinds = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kinds, list):
        return next((kind for kind in kinds if _is(value, {"type": kind})), str(kinds[0]))
    return str(kinds)


def _is(value: Any, schema: Json) -> bool:
    kind = schema.get("type")
    if kind == "null":
        return value is None
    if kind == "boolean" or isinstance(value, bool):
        return kind == "boolean" and isinstance(value, bool)
    types: dict[Any, tuple[type, ...]] = {
        "string": (str,),
        "integer": (int,),
        "number": (int, float),
        "object": (dict,),
        "array": (list,),
    }
    return isinstance(value, types.get(kind, (object,)))


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _least(kind: str, schema: Json) -> Any:
    if kind == "string":
        return "unknown".ljust(schema.get("minLength", 0), ".")
    least = schema.get("minimum", 0)
    return {"integer": least, "number": least, "boolean": False}.get(kind)
