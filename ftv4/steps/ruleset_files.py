"""Compares `.github/rulesets/*.json`, what the team agreed on by review, with what the forge really holds."""

from collections.abc import Iterator, Sequence
from typing import Any

from ftv4.contracts import Json
from ftv4.encode import for_log, name_for_log
from ftv4.errors import ContractError
from ftv4.steps.settings import API, Look, Told, told

FOLDER = ".github/rulesets"
PLAIN = ("target", "enforcement", "conditions", "bypass_actors")


def as_code(look: Look) -> Iterator[Told]:
    """Every file is a ruleset of the forge, and says what that says."""
    files = [look.files.relative(path) for path in look.files.files(FOLDER, "*.json")]
    if not files:
        title = "the rulesets are files of the repository"
        yield Told("warning", title, f"no file in {FOLDER}", "ftv4 init writes them")
        return
    held = look.forge.rulesets()
    for path in files:
        yield _compared(path, look.files.read_json(path), held)


def _compared(path: str, wanted: Any, held: dict[str, Json]) -> Told:
    if not isinstance(wanted, dict) or not isinstance(wanted.get("name"), str):
        raise ContractError(f"{name_for_log(path)}: not a ruleset", hint="ftv4 init --force writes it anew")
    found, shown = held.get(wanted["name"]), name_for_log(path)
    title, about = f"the forge holds what {shown} says", path.removeprefix(f"{FOLDER}/").removesuffix(".json")
    if found is None:
        send = f"{API}/rulesets --method POST --input {shown}"
        return told(False, title, "it has no ruleset of that name", send, about=name_for_log(about))
    other = list(differences(wanted, found))
    return told(
        not other,
        title,
        "it does" if not other else f"differs in {for_log(', '.join(other))}",
        f"{API}/rulesets/{found['id']} --method PUT --input {shown}",
        about=name_for_log(about),
    )


def differences(wanted: Json, found: Json) -> Iterator[str]:
    """Names of what the forge's ruleset says otherwise; what the file leaves to the forge is no difference.

    Who may bypass is told only to those who may change the ruleset: unsaid, it isn't compared.
    """
    said = (key for key in PLAIN if key in wanted and found.get(key) is not None)
    yield from (key for key in said if wanted[key] != found[key])
    mine, theirs = (_by_type(one.get("rules", [])) for one in (wanted, found))
    yield from (f"rules/{name}" for name in sorted(mine.keys() ^ theirs.keys()))
    for name in sorted(mine.keys() & theirs.keys()):
        for key, value in mine[name].items():
            if _comparable(value) != _comparable(theirs[name].get(key)):
                yield f"rules/{name}/{key}"


def _by_type(rules: Sequence[Json]) -> dict[str, Json]:
    return {rule["type"]: rule.get("parameters") or {} for rule in rules}


def _comparable(value: Any) -> Any:
    """A list of objects or words in an order of its own: the forge keeps none."""
    if isinstance(value, list):
        return sorted(repr(sorted(one.items()) if isinstance(one, dict) else one) for one in value)
    return value
