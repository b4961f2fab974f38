"""Is every row one to train on?

The rules of contracts.md §9.1 in their order, then what the Node tool forgot: the row's stage keeps
to its own work, a decision holds together, and the output is the one that was approved.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ftv4.canonical import sha256
from ftv4.contracts import Problem
from ftv4.contracts.findings import Finding
from ftv4.encode import for_log
from ftv4.gates import ambiguity
from ftv4.gates.question import Ask, Judged, Question
from ftv4.gates.reading import Reading, as_json
from ftv4.gates.rejection import Rejection
from ftv4.guards import Guards, LeakHit, Objection, private
from ftv4.guards.decision import STAGE as DECISION
from ftv4.guards.decision import decision_errors
from ftv4.guards.objection import RAW_DATA
from ftv4.guards.plain import visible
from ftv4.stages import problems_of
from ftv4.stages.stage import Stage

FIXES: Mapping[str, str] = {
    "malformed_line": "write one JSON object on the line, or delete the line",
    "not_approved": "approve rows with ftv4 review and delete the rest; --approved-only=false judges all",
    "missing_input_or_output": "a row is an object with input and output; ftv4 datasets build writes them",
    "input_schema_version_mismatch": "build the dataset again with ftv4 datasets build, or give its --stage",
    "output_schema_version_mismatch": "build the dataset again with ftv4 datasets build, or give its --stage",
    "input_schema_invalid": "ftv4 contracts schema --side input prints what it must be",
    "output_schema_invalid": "edit it in ftv4 review; ftv4 contracts schema --side output prints its shape",
    "doctrine_guard_failed": "say it otherwise in ftv4 review; the terms are in the policy",
    "raw_leak_scan_failed": "take the raw data out of the text; rows hold buckets, never records",
    "stage_drift_failed": "leave it to the stage whose work it is; the terms are in the policy",
    "decision_failed": "edit the decision in ftv4 review",
    "edited_after_approval": "put the approved output back, or review it anew: ftv4 curate, ftv4 review",
    **ambiguity.FIXES,
}
"""Reason → what to do about it, in the order in which the rules are asked."""

SHOWN = 20
"""Problems of one row that are listed; the rest is counted."""


class Acceptance:
    """The one answer to whether a row is trained on; gate, fine-tune and promotion all ask here."""

    def __init__(self, stage: Stage, guards: Guards, approved_only: bool = True) -> None:
        self._stage = stage
        self._guards = guards
        self._approved_only = approved_only

    def judge(
        self, value: object, suspects: frozenset[str] | None = None, reading: Reading | None = None
    ) -> Rejection | None:
        """The first rule that a line's value breaks; None when it is accepted. Never throws.

        `suspects`, where `Guards.suspects_in` has told them already, and a `reading` spare a look.
        """
        if not isinstance(value, dict):
            return _broken("missing_input_or_output", f"the line is {_kind(value)}, not an object")
        if self._approved_only and value.get("approved") is not True:
            return _broken("not_approved", "approved is not true", "/approved")
        missing = [side for side in ("input", "output") if side not in value]
        if missing:
            return _broken("missing_input_or_output", f"the row has no {' and no '.join(missing)}")
        return self._judge_sides(value, suspects, reading or Reading(value))

    def _judge_sides(
        self, row: Mapping[str, object], suspects: frozenset[str] | None, reading: Reading
    ) -> Rejection | None:
        given, answer = row["input"], row["output"]
        return (
            _version("input", given, self._stage.input_schema)
            or _version("output", answer, self._stage.output_schema)
            or _contract("input", problems_of(self._stage, "input", given))
            or _contract("output", problems_of(self._stage, "output", answer))
            or self._words(given, answer, suspects)
            or self._decision(answer)
            or _edited(row.get("approval"), reading)
        )

    def _words(self, given: object, answer: object, suspects: frozenset[str] | None) -> Rejection | None:
        sides = {"input": given, "output": answer}
        if suspects is None:
            suspects = self._guards.suspects_in(as_json(sides), sides)
        found = self._said(sides, suspects)
        # As people see it only where something could be found: no spelling hides a word from the gate.
        looked_for = {"doctrine", "leaks", self._stage.name} & suspects
        return found or (self._said(_seen(sides), suspects) if looked_for else None)

    def _said(self, sides: Mapping[str, object], suspects: frozenset[str]) -> Rejection | None:
        # Evidence references are the contracts' business too, which have vouched for them already.
        doctrine = self._guards.doctrine_objections(sides) if "doctrine" in suspects else ()
        leaks = self._guards.leaks(sides) if "leaks" in suspects else ()
        drift = self._guards.drift_objections(sides["output"], self._stage.name, suspects)
        return (
            _rejection("doctrine_guard_failed", map(_problem, doctrine))
            or _rejection("raw_leak_scan_failed", map(_leak, leaks))
            or _rejection("stage_drift_failed", (_problem(objection, "/output") for objection in drift))
        )

    def _decision(self, answer: object) -> Rejection | None:
        errors = decision_errors(answer) if self._stage.name == DECISION else ()
        return _rejection("decision_failed", (Problem("/output", error) for error in errors))


def _seen(value: Any) -> Any:
    """A value with its texts as people see them, a single space between words."""
    if isinstance(value, str):
        return re.sub(r"\s+", " ", visible(value))
    if isinstance(value, dict):
        return {key: _seen(item) for key, item in value.items()}
    return [_seen(item) for item in value] if isinstance(value, list) else value


def _rejection(reason: str, problems: Iterable[Problem]) -> Rejection | None:
    """For these problems; None when there are none."""
    listed = tuple(problems)
    return Rejection(reason, listed) if listed else None


def _broken(reason: str, problem: str, pointer: str = "") -> Rejection:
    return Rejection(reason, (Problem(pointer, problem),))


def _kind(value: object) -> str:
    names = {str: "a string", list: "an array", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")


def _version(side: str, payload: object, expected: str) -> Rejection | None:
    found = payload.get("schema_version") if isinstance(payload, dict) else None
    if found == expected:
        return None
    shown = isinstance(found, str) and not private.find(found)
    says = for_log(str(found), 60) if shown else "no schema version"
    problem = f"says {says}; this ftv4 trains on {expected}"
    return _broken(f"{side}_schema_version_mismatch", problem, f"/{side}/schema_version")


def _contract(side: str, problems: tuple[Problem, ...]) -> Rejection | None:
    placed = (Problem(f"/{side}{problem.pointer}", problem.problem) for problem in problems)
    return _rejection(f"{side}_schema_invalid", placed)


def _problem(objection: Objection, side: str = "") -> Problem:
    subject = f": {for_log(objection.subject, 80)}" if objection.subject else ""
    return Problem(side + objection.pointer, objection.problem + subject)


def _leak(hit: LeakHit) -> Problem:
    # Where it is, not what it says: reports are public, and it may be somebody's address.
    return Problem(hit.pointer, f"{RAW_DATA}: {hit.kind}")


def _edited(approval: object, reading: Reading) -> Rejection | None:
    """An approval that is for another output than the row's (weaknesses.md E9)."""
    if approval is None:
        return None
    approved = approval.get("output_sha256") if isinstance(approval, dict) else None
    if approved == sha256(reading.approved):
        return None
    return _broken("edited_after_approval", "the approval is for another output than this", "/output")


class _Rows:
    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._unapproved = 0
        self._first_unapproved: int | None = None

    def read(self, row: Judged) -> Judged | None:
        clean = row.malformed is None and row.rejection is None and row.ambiguity is None
        return None if clean else row.verdict

    def row(self, row: Judged) -> Iterator[Finding]:
        if row.malformed is not None:
            yield self._finding("malformed_line", row.line, Problem("", f"not JSON: {row.malformed}"))
        elif row.rejection is not None and row.rejection.reason == "not_approved":
            self._unapproved += 1
            self._first_unapproved = self._first_unapproved or row.line
        elif row.rejection is not None:
            yield from self._rejected(row.line, row.rejection)
        if row.ambiguity is not None and row.ambiguity is not row.rejection:
            yield from self._rejected(row.line, row.ambiguity)

    def end(self) -> Iterator[Finding]:
        if self._ask.stage is None:
            yield self._ask.finding(
                "stage_unknown", "neither file name nor rows say which stage this is", "give --stage"
            )
        if self._unapproved:
            problem = f"rows that are not approved, and not trained on: {self._unapproved}"
            yield self._finding("not_approved", self._first_unapproved, Problem("/approved", problem))

    def _rejected(self, line: int, rejection: Rejection) -> Iterator[Finding]:
        for problem in rejection.problems[:SHOWN]:
            yield self._finding(rejection.reason, line, problem)
        more = len(rejection.problems) - SHOWN
        if more > 0:
            yield self._finding(rejection.reason, line, Problem("", f"and {more} more problems in this row"))

    def _finding(self, rule: str, line: int | None, problem: Problem) -> Finding:
        raw = problem.problem.startswith(RAW_DATA)
        return self._ask.finding(
            rule,
            problem.problem,
            FIXES["raw_leak_scan_failed" if raw else rule],
            line=line,
            pointer=problem.pointer,
            severity="warning" if rule == "not_approved" else "error",
        )


def start(ask: Ask) -> Question:
    """Ask it of every row; a line that isn't JSON is a finding, never skipped (weaknesses.md C1)."""
    return _Rows(ask)
