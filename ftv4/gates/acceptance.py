"""Is every row one to train on?

The rules of contracts.md §9.1 in their order, then what the Node tool forgot: the row's stage keeps
to its own work, a decision holds together, and the output is the one that was approved.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from ftv4.canonical import sha256
from ftv4.contracts import Problem
from ftv4.contracts.findings import Finding
from ftv4.contracts.jsontext import TOO_LONG
from ftv4.encode import for_log
from ftv4.gates import ambiguity
from ftv4.gates.lines import Lines
from ftv4.gates.question import Ask, Judged, Question
from ftv4.gates.reading import Reading, as_json
from ftv4.gates.rejection import Rejection
from ftv4.guards import Guards, LeakHit, Objection, private
from ftv4.guards.decision import STAGE as DECISION
from ftv4.guards.decision import decision_errors
from ftv4.guards.objection import RAW_DATA
from ftv4.guards.plain import visible
from ftv4.stages import STAGES, problems_of
from ftv4.stages.stage import Stage

Side = Literal["input", "output"]

FIXES: Mapping[str, str] = {
    "malformed_line": "write one JSON object on the line, in UTF-8, or delete the line",
    "line_too_long": "shorten the row, or raise limits.line_bytes in the policy",
    "not_approved": "approve rows with ftv4 review and delete the rest; --approved-only=false judges all",
    "missing_input_or_output": "a row is an object with input and output; ftv4 datasets build writes them",
    "input_schema_version_mismatch": "build the dataset again with ftv4 datasets build, or give its --stage",
    "output_schema_version_mismatch": "build the dataset again with ftv4 datasets build, or give its --stage",
    "input_schema_invalid": "ftv4 contracts schema --stage STAGE --side input prints what it must be",
    "output_schema_invalid": (
        "edit it in ftv4 review; ftv4 contracts schema --stage STAGE --side output prints its shape"
    ),
    "doctrine_guard_failed": "say it otherwise in ftv4 review; the terms are in the policy",
    "raw_leak_scan_failed": "take the raw data out of the text; rows hold buckets, never records",
    "stage_drift_failed": "leave it to the stage whose work it is; the terms are in the policy",
    "decision_failed": "edit the decision in ftv4 review",
    "edited_after_approval": "put the approved output back, or review it anew: ftv4 curate, ftv4 review",
    **ambiguity.FIXES,
}
"""Reason → what to do about it, in the order in which the rules are asked."""

_VERSIONS = {
    version: stage.name for stage in STAGES.values() for version in (stage.input_schema, stage.output_schema)
}
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
    ) -> tuple[Rejection, ...]:
        """Every rule that a line's value breaks, in their order; nothing when it is accepted. Never throws.

        Of a row that isn't approved nothing else is asked. `suspects`, where `Guards.suspects_in` has told
        them already, and a `reading` spare a look.
        """
        if not isinstance(value, dict):
            return (_broken("missing_input_or_output", f"the line is {_kind(value)}, not an object"),)
        if self._approved_only and value.get("approved") is not True:
            return (_broken("not_approved", "approved is not true", "/approved"),)
        return tuple(self._asked(value, suspects, reading or Reading(value)))

    def _asked(
        self, row: Mapping[str, object], suspects: frozenset[str] | None, reading: Reading
    ) -> Iterator[Rejection]:
        sides = {side: row[side] for side in ("input", "output") if side in row}
        if len(sides) < 2:
            missing = [side for side in ("input", "output") if side not in sides]
            yield _broken("missing_input_or_output", f"the row has no {' and no '.join(missing)}")
        yield from self._forms(sides)
        yield from self._words(sides, suspects)
        if self._answers(sides):
            yield from self._decision(sides["output"])
        if "output" in sides:
            yield from _edited(row.get("approval"), reading)

    def _answers(self, sides: Mapping[str, object]) -> bool:
        """Whether there is an output that this stage's own rules are for: another stage's breaks them all."""
        return "output" in sides and _stage_of(sides["output"]) in (None, self._stage.name)

    def _forms(self, sides: Mapping[str, object]) -> Iterator[Rejection]:
        """Versions, then contracts; what is of another version isn't held against this one's contract."""
        stage = self._stage
        mine: list[Side] = []
        versions: tuple[tuple[Side, str], ...] = (
            ("input", stage.input_schema),
            ("output", stage.output_schema),
        )
        for side, version in versions:
            if side not in sides:
                continue
            if other := _version(side, sides[side], version):
                yield other
            else:
                mine.append(side)
        for side in mine:
            if problems := problems_of(stage, side, sides[side]):
                placed = (Problem(f"/{side}{problem.pointer}", problem.problem) for problem in problems)
                yield Rejection(f"{side}_schema_invalid", tuple(placed))

    def _words(self, sides: Mapping[str, object], suspects: frozenset[str] | None) -> Iterable[Rejection]:
        if suspects is None:
            suspects = self._guards.suspects_in(as_json(sides), sides)
        said = self._said(sides, suspects)
        # As people see it only where something could be found: no spelling hides a word from the gate.
        if suspects.isdisjoint(("doctrine", "leaks", self._stage.name)):
            return said
        return _together((*said, *self._said(_seen(sides), suspects)))

    def _said(self, sides: Mapping[str, object], suspects: frozenset[str]) -> Iterator[Rejection]:
        # Evidence references are the contracts' business, whether these vouch for them or not.
        doctrine = self._guards.text_objections(sides) if "doctrine" in suspects else ()
        yield from _rejection("doctrine_guard_failed", map(_problem, doctrine))
        leaks = self._guards.leaks(sides) if "leaks" in suspects else ()
        yield from _rejection("raw_leak_scan_failed", map(_leak, leaks))
        if self._answers(sides):
            drift = self._guards.drift_objections(sides["output"], self._stage.name, suspects)
            problems = (_problem(objection, "/output") for objection in drift)
            yield from _rejection("stage_drift_failed", problems)

    def _decision(self, answer: object) -> Iterator[Rejection]:
        errors = decision_errors(answer) if self._stage.name == DECISION else ()
        return _rejection("decision_failed", (Problem("/output", error) for error in errors))


def _seen(value: Any) -> Any:
    """A value with its texts as people see them, a single space between words."""
    if isinstance(value, str):
        plain = value.isascii() and value.isprintable() and "  " not in value
        return value if plain else re.sub(r"\s+", " ", visible(value))
    if isinstance(value, dict):
        return {key: _seen(item) for key, item in value.items()}
    return [_seen(item) for item in value] if isinstance(value, list) else value


def _rejection(reason: str, problems: Iterable[Problem]) -> Iterator[Rejection]:
    """For these problems; nothing when there are none."""
    if listed := tuple(problems):
        yield Rejection(reason, listed)


def _together(found: Sequence[Rejection]) -> Iterator[Rejection]:
    """One rejection a reason, each problem of it once."""
    reasons: dict[str, dict[Problem, None]] = {reason: {} for reason in FIXES}
    for rejection in found:
        reasons[rejection.reason].update(dict.fromkeys(rejection.problems))
    return (Rejection(reason, tuple(problems)) for reason, problems in reasons.items() if problems)


def _broken(reason: str, problem: str, pointer: str = "") -> Rejection:
    return Rejection(reason, (Problem(pointer, problem),))


def _kind(value: object) -> str:
    names = {str: "a string", list: "an array", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")


def _stage_of(payload: object) -> str | None:
    """The stage whose version of today an input or output says."""
    said = payload.get("schema_version") if isinstance(payload, dict) else None
    return _VERSIONS.get(said) if isinstance(said, str) else None


def _version(side: str, payload: object, expected: str) -> Rejection | None:
    found = payload.get("schema_version") if isinstance(payload, dict) else None
    if found == expected:
        return None
    shown = isinstance(found, str) and not private.find(found)
    says = for_log(str(found), 60) if shown else "no schema version"
    whose = _stage_of(payload)
    problem = f"says {says}{f', as rows of {whose} do' if whose else ''}; this ftv4 trains on {expected}"
    return _broken(f"{side}_schema_version_mismatch", problem, f"/{side}/schema_version")


def _problem(objection: Objection, side: str = "") -> Problem:
    subject = f": {for_log(objection.subject, 80)}" if objection.subject else ""
    return Problem(side + objection.pointer, objection.problem + subject)


def _leak(hit: LeakHit) -> Problem:
    # Where it is, not what it says: reports are public, and it may be somebody's address.
    return Problem(hit.pointer, f"{RAW_DATA}: {hit.kind}")


def _edited(approval: object, reading: Reading) -> Iterator[Rejection]:
    """An approval that is for another output than the row's (weaknesses.md E9)."""
    if approval is None:
        return
    approved = approval.get("output_sha256") if isinstance(approval, dict) else None
    if approved != sha256(reading.approved):
        yield _broken("edited_after_approval", "the approval is for another output than this", "/output")


class _Rows:
    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._unapproved = Lines()

    def read(self, row: Judged) -> Judged | None:
        return None if row.malformed is None and row.rejection is None else row.verdict

    def row(self, row: Judged) -> Iterator[Finding]:
        if row.rejection is not None and row.rejection.reason == "not_approved":
            self._unapproved.add(row.line)
        problems = _problems(row)
        for rule, problem in problems[:SHOWN]:
            yield self._finding(rule, row.line, problem)
        more = len(problems) - SHOWN
        if more > 0:
            told = Problem("", f"and {more} more problems in this row")
            yield self._finding(problems[SHOWN][0], row.line, told)

    def end(self) -> Iterator[Finding]:
        if self._ask.stage is None:
            yield self._ask.finding(
                "stage_unknown", "neither file name nor rows say which stage this is", "give --stage"
            )
        if waiting := self._unapproved:
            problem = f"rows that are not approved, and not trained on: {len(waiting)}, {waiting}"
            yield self._finding("not_approved", waiting.first, Problem("/approved", problem))

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


def _problems(row: Judged) -> list[tuple[str, Problem]]:
    """What is wrong with a row, by rule: the first of each, then the rest."""
    found = list(_rejections(row))
    numbers = {
        problem.pointer for one in found if one.reason == "number_out_of_range" for problem in one.problems
    }
    first, rest = [], []
    for rule, problems in found:
        # A number that isn't read alike can't fit a contract either.
        unsaid = [one for one in problems if one.pointer not in numbers or "_schema_" not in rule]
        first += [(rule, problem) for problem in unsaid[:1]]
        rest += [(rule, problem) for problem in unsaid[1:]]
    return first + rest


def _rejections(row: Judged) -> Iterator[Rejection]:
    """All that a row is rejected for, but that it isn't approved, which is said of all such rows together."""
    found = row.further if row.rejection is None else (row.rejection, *row.further)
    if row.malformed is not None and all(one.reason != "malformed_line" for one in found):
        rule = "line_too_long" if row.malformed.startswith(TOO_LONG) else "malformed_line"
        yield _broken(rule, f"not JSON: {row.malformed}" if rule == "malformed_line" else row.malformed)
    yield from (one for one in found if one.reason != "not_approved")


def start(ask: Ask) -> Question:
    """Ask it of every row; a line that isn't JSON is a finding, never skipped (weaknesses.md C1)."""
    return _Rows(ask)
