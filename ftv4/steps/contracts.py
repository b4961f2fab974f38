"""Judges payloads, one a line: does each fit a stage's contract, and what do the guards say?"""

from collections.abc import Iterable, Iterator
from typing import Literal

from ftv4.contracts import Json, Problem, jsontext
from ftv4.guards import Guards
from ftv4.stages import problems_of
from ftv4.stages.stage import Stage

UNREAD: Json = {"global_codes": [], "drift_codes": [], "leaks": []}


def judge_lines(
    lines: Iterable[bytes], stage: Stage, side: Literal["input", "output"], guards: Guards | None = None
) -> Iterator[Json]:
    """One verdict a line: `{"line", "ok", "errors": [{"pointer", "problem"}]}`.

    Lines are counted from 1; blank ones are counted and say nothing. A payload is bare JSON: a byte
    order mark or a no-break space before it is an error (contracts.md, Conventions). `ok` is the
    contract's word alone. With guards also `global_codes`, `drift_codes` (meant for outputs) and `leaks`.
    """
    for number, line in enumerate(lines, 1):
        text = line.strip(b" \t\r\n")
        if text:
            yield {"line": number, **_judge(text, stage, side, guards)}


def _judge(text: bytes, stage: Stage, side: Literal["input", "output"], guards: Guards | None) -> Json:
    try:
        payload = jsontext.loads(text)
    except jsontext.NotJson as error:
        verdict = _verdict((Problem("", f"not JSON: {error}"),))
        return verdict | UNREAD if guards else verdict
    verdict = _verdict(problems_of(stage, side, payload))
    return verdict | _guarded(payload, stage, guards) if guards else verdict


def _verdict(problems: tuple[Problem, ...]) -> Json:
    return {"ok": not problems, "errors": [problem._asdict() for problem in problems]}


def _guarded(payload: object, stage: Stage, guards: Guards) -> Json:
    return {
        "global_codes": [failure.code for failure in guards.doctrine(payload, stage.name)],
        "drift_codes": [failure.code for failure in guards.drift(payload, stage.name)],
        "leaks": [{"kind": hit.kind, "sample": hit.sample} for hit in guards.leaks(payload)],
    }
