"""What GitHub and OpenAI publish about their APIs, and whether an exchange is as described.

`github.json.gz` holds the operations we use of GitHub's REST description 23.0.2, `openai.json.gz` those
of OpenAI's 2.3.0 (both under the MIT license), mended where the published text refuses the service's own
answers: nullable enums without null, boolean exclusive bounds, discriminators of optional members, `oneOf`
whose branches overlap (now `anyOf`), and the bare list of labels that GitHub takes.
"""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

FOLDER = Path(__file__).parent
SLASHES = ("/contents/{path}", "/git/ref/{ref}", "/git/refs/{ref}", "/compare/{basehead}", "/{branch}")
"""Ends of addresses that may hold slashes, which a description has no way to say."""

SLIPS = re.compile(r"(author|committer): None is not valid|labels/\d+/description: None")
"""Where GitHub answers what its description leaves out: a commit of somebody without an account, a
label without a description."""


class Recorder:
    """An ASGI app that keeps each exchange of the one it stands before."""

    def __init__(self, app):
        self.app = app
        self.exchanges = []

    async def __call__(self, scope, receive, send):
        """Keeps the exchange before the last of its answer is sent: who asked may look right after."""
        sent, answer, status = [], [], []
        form = dict(scope["headers"]).get(b"content-type", b"").startswith(b"multipart/")

        async def receiving():
            event = await receive()
            sent.append(event.get("body", b""))
            return event

        async def sending(event):
            answer.append(event.get("body", b""))
            status.append(event.get("status"))
            if event["type"] == "http.response.body" and not event.get("more_body"):
                self.exchanges.append(
                    {
                        "method": scope["method"],
                        "path": scope["path"],
                        "query": scope["query_string"].decode(),
                        "request": fields(sent) if form else parsed(sent),
                        "status": status[0],
                        "response": parsed(answer),
                    }
                )
            await send(event)

        await self.app(scope, receiving, sending)


def parsed(parts):
    """The JSON of a body that came in parts; None for an empty one."""
    text = b"".join(parts)
    return json.loads(text) if text else None


def fields(parts):
    """The fields of a form that came in parts; a file's bytes as text."""
    whole = b"".join(parts)
    found = re.findall(rb'; name="(\w+)".*?\r\n\r\n(.*?)\r\n--', whole, re.DOTALL)
    return {name.decode(): value.decode() for name, value in found}


class Description:
    """One service's description of its API."""

    def __init__(self, name, *, base=""):
        from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator, OAS31Validator
        from referencing import Registry, Resource
        from referencing.jsonschema import DRAFT4, DRAFT202012

        self._all = json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))
        new = self._all["openapi"].startswith("3.1")
        self._reads, self._writes = (
            (OAS31Validator, OAS31Validator) if new else (OAS30ReadValidator, OAS30WriteValidator)
        )
        resource = Resource.from_contents(self._all, default_specification=DRAFT202012 if new else DRAFT4)
        self._registry = Registry().with_resource("urn:all", resource)
        self._operations = sorted(
            ((_pattern(base + path), path, item) for path, item in self._all["paths"].items()),
            key=lambda one: -len(re.sub(r"\{[^{}]+\}", "", one[1])),
        )

    def find(self, exchange):
        """`METHOD /path/{of}/operation` of an exchange; None for what isn't described here."""
        found = self._find(exchange)
        return f"{exchange['method']} {found[0]}" if found else None

    def problems(self, exchange) -> list[str]:
        """What of a described exchange isn't as the description says."""
        path, item = self._find(exchange)
        operation = item[exchange["method"].lower()]
        found = [
            *self._of_query([*item.get("parameters", []), *operation.get("parameters", [])], exchange),
            *self._of_request(operation.get("requestBody"), exchange["request"]),
            *self._of_answer(operation["responses"], exchange),
        ]
        return [f"{exchange['method']} {path}: {one}" for one in found]

    def _find(self, exchange):
        verb = exchange["method"].lower()
        for pattern, path, item in self._operations:
            if verb in item and pattern.fullmatch(exchange["path"]):
                return path, item
        return None

    def _of_query(self, parameters, exchange) -> Iterator[str]:
        known = {
            one["name"].split("[")[0]: one for one in map(self._resolved, parameters) if one["in"] == "query"
        }
        given = dict(parse_qsl(exchange["query"], keep_blank_values=True))
        for name, value in given.items():
            if name.split("[")[0] not in known:
                yield f"query: {name} is not described"
            elif value not in self._resolved(known[name.split("[")[0]].get("schema", {})).get(
                "enum", [value]
            ):
                yield f"query: {name}={value} is not among those described"

    def _of_request(self, body, sent) -> Iterator[str]:
        if body is None:
            if sent:
                yield "request: a body, and none is described"
            return
        schema = next(iter(self._resolved(body)["content"].values()))["schema"]
        if sent is None:
            if self._resolved(body).get("required"):
                yield "request: no body"
            return
        yield from (f"request{one}" for one in self._invalid(self._writes, schema, sent))
        named = self._names(schema)
        if isinstance(sent, dict) and named:
            yield from (f"request: {name} is not described" for name in sorted(set(sent) - named))

    def _of_answer(self, answers, exchange) -> Iterator[str]:
        status = str(exchange["status"])
        if status not in answers:
            yield f"status {status} is not among {', '.join(answers)}"
            return
        content = self._resolved(answers[status]).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if schema is not None:
            yield from (f"response{one}" for one in self._invalid(self._reads, schema, exchange["response"]))

    def _invalid(self, kind, schema, value) -> Iterator[str]:
        whole = json.loads(json.dumps(schema).replace('"#/components/', '"urn:all#/components/'))
        for error in kind(whole, registry=self._registry).iter_errors(value):
            yield f"/{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"

    def _resolved(self, node):
        while "$ref" in node:
            target = self._all
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def _names(self, schema) -> set[str]:
        """Every member that any branch of a schema names; none when one takes anything."""
        schema = self._resolved(schema)
        found = set(schema.get("properties", {}))
        for way in ("anyOf", "allOf"):
            for branch in schema.get(way, []):
                found |= self._names(branch)
        return found


@dataclass(frozen=True)
class Described:
    """What exchanges are by a service's description."""

    operations: frozenset[str]
    unknown: frozenset[str]
    """Those that it doesn't have, as `METHOD /path`."""
    problems: frozenset[str]


def described(name, exchanges, *, base=""):
    """Exchanges that were answered well, held against a description."""
    service = Description(name, base=base)
    found = {}
    for one in exchanges:
        if one["status"] < 400:
            found.setdefault(service.find(one), []).append(one)
    unknown = frozenset(f"{one['method']} {one['path']}" for one in found.pop(None, []))
    problems = {line for some in found.values() for one in some for line in service.problems(one)}
    return Described(frozenset(found), unknown, frozenset(one for one in problems if not SLIPS.search(one)))


def _pattern(path):
    last = ".+" if path.endswith(SLASHES) else "[^/]+"
    *before, end = re.split(r"\{[^{}]+\}", path)
    return re.compile("[^/]+".join(map(re.escape, before)) + (last if before else "") + re.escape(end))
