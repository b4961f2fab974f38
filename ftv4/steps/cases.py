"""The eval cases and the packs they were made from, checked before anybody is asked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ftv4.canonical import digest, sha256
from ftv4.contracts import Json, Problem
from ftv4.contracts.evaluation import Case
from ftv4.contracts.pack import DataPack
from ftv4.documents import Repository
from ftv4.errors import ContractError, Ftv4Error, GateError
from ftv4.gates.question import HeldOut
from ftv4.stages import STAGES, problems_of
from ftv4.stages.stage import Stage
from ftv4.steps.packs import read_pack

Side = Literal["input", "output"]
CASES = "evals/cases"
SHOWN = 20
EACH = 3
"""Problems shown of one case: every malformed case is named."""


@dataclass(frozen=True)
class Asked:
    """A case, ready to be asked: its pack read, its gold known to fit the contracts."""

    case: Case
    pack: DataPack
    sha256: str
    """Of the case and of every file of its pack."""


def load_cases(repository: Repository, fixture: str | None = None) -> tuple[Asked, ...]:
    """Every case, in name order, or the one asked for; none where there are none.

    Raises ContractError naming every malformed case, and GateError for an unknown `fixture`:
    a question that nobody can be asked has not been passed (weaknesses.md A10).
    """
    problems: list[str] = []
    loaded = [_load(repository, path, problems) for path in repository.files(CASES, "*.json")]
    if problems:
        raise ContractError(
            f"{CASES}: {loaded.count(None)} of {len(loaded)} cases can't be asked",
            problems=problems,
            hint="mend the cases that are named, or restore them from git",
        )
    cases = tuple(asked for asked in loaded if asked is not None)
    return cases if fixture is None else (_named(cases, fixture),)


def held_out(repository: Repository, stage: Stage) -> tuple[HeldOut, ...]:
    """What every case asks of a stage, and its gold, for gates that compare rows with them.

    Raises GateError for a case that can't be read: no row could be compared with it.
    """
    try:
        cases = [repository.read(Case, path) for path in repository.files(CASES, "*.json")]
    except ContractError as error:
        hint = "mend or delete the case: until then nobody can say whether rows give it away"
        raise GateError(error.message, problems=error.problems, hint=hint) from None
    gold = ((case.case_id, case.gold.get(stage.name)) for case in cases)
    return tuple(HeldOut(name, found.input, found.output) for name, found in gold if found)


def cases_digest(cases: tuple[Asked, ...]) -> str:
    """One digest of all that is asked."""
    return digest([[asked.case.case_id, asked.sha256] for asked in cases])


def wrong(case: Case, name: str) -> list[Problem]:
    """What a case says wrongly beyond its own shape; `name` is its file's."""
    own = name == f"{CASES}/{case.case_id}.json"
    found = [] if own else [Problem("/case_id", f"is {case.case_id}; the file isn't")]
    found += [Problem(f"/gold/{stage}", "no such stage") for stage in case.gold if stage not in STAGES]
    for stage in STAGES.values():
        gold = case.gold.get(stage.name)
        sides: tuple[tuple[Side, Json], ...] = (
            (("input", gold.input), ("output", gold.output)) if gold else ()
        )
        for side, payload in sides:
            at = f"/gold/{stage.name}/{side}"
            found += [Problem(at + one.pointer, one.problem) for one in problems_of(stage, side, payload)]
    return found


def _named(cases: tuple[Asked, ...], fixture: str) -> Asked:
    for asked in cases:
        if asked.case.case_id == fixture:
            return asked
    known = ", ".join(asked.case.case_id for asked in cases[:SHOWN]) or "none"
    raise GateError(f"no eval case {fixture!r}", hint=f"{CASES} has {known}")


def _load(repository: Repository, path: Path, problems: list[str]) -> Asked | None:
    name = repository.relative(path)
    try:
        case = repository.read(Case, name)
        found = [f"{name}#{place}: {problem}" for place, problem in wrong(case, name)]
        if not found:
            return _asked(repository, case)
    except Ftv4Error as error:
        found = list(error.problems or [error.message])
    problems += found[:EACH]
    if len(found) > EACH:
        problems.append(f"{name}: and {len(found) - EACH} more")
    return None


def _asked(repository: Repository, case: Case) -> Asked:
    files = repository.files(case.pack, "*")
    contents = {path.name: sha256(repository.read_bytes(path)) for path in files}
    _, pack = read_pack(repository, case.pack)
    return Asked(case, pack, digest([case.model_dump(mode="json"), contents]))
