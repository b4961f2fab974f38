"""The decision as an expert leaves it: one constraint, three paths, thirty days of steps."""

from ftv4.contracts import Json
from ftv4.synth.curator.reading import PATHS, STEADY, Reading
from ftv4.synth.curator.voice import Path, Voice


def write(reading: Reading, voice: Voice, stage_input: Json) -> Json:
    """Everything of a decision artifact that the envelope doesn't hold.

    `language_checks` is what the bank promises: none of its sentences holds a forbidden term, and
    the tests hold it to that.
    """
    order = _order(reading, voice)
    first = voice.scenes[reading.first]
    return {
        "evidence_refs": reading.cite(*reading.present[:3]),
        "primary_constraint": reading.pick(first.constraint, "constraint", order[1]),
        "why_it_feels_heavy": first.heavy,
        "paths": {name: _path(reading, path, name, order) for name, path in sorted(voice.paths.items())},
        "recommended_path": PATHS[reading.first],
        "first_30_days": _actions(reading, voice, order),
        "owner_choice_prompt": first.question,
        "language_checks": {"forbidden_terms_found": [], "passed": True},
    }


def _order(reading: Reading, voice: Voice) -> tuple[str, ...]:
    """Situations to act on: those the signals show, then where such a business tends to give way."""
    return tuple(dict.fromkeys((*reading.present, *voice.lean, STEADY)))


def _actions(reading: Reading, voice: Voice, order: tuple[str, ...]) -> list[str]:
    """Three steps against what decides, two or three against what comes next, one against the third."""
    scenes = [voice.scenes[name] for name in order]
    counts = (3, 3 if len(reading.strong) > 1 else 2, 1)
    return [
        action
        for scene, count, name in zip(scenes, counts, order, strict=False)
        for action in reading.choose(scene.actions, count, "actions", reading.first, name)
    ]


def _path(reading: Reading, path: Path, name: str, order: tuple[str, ...]) -> Json:
    """A path with some of its points; the three leading situations choose which."""
    first, second, third = order[:3]
    return {
        "title": path.title,
        "who_it_fits": path.who_it_fits,
        "tradeoffs": reading.choose(path.tradeoffs, 2, name, "tradeoffs", first),
        "first_steps": reading.choose(path.first_steps, 3, name, "first_steps", first, second),
        "risks": reading.choose(path.risks, 2, name, "risks", second),
        "guardrails": reading.choose(path.guardrails, 2, name, "guardrails", third),
    }
