"""Owner load as an expert leaves it: why it is heavy, and relief without growth."""

from ftv4.contracts import Json
from ftv4.synth.curator.reading import Reading
from ftv4.synth.curator.voice import Point, Voice, any_industry


def write(reading: Reading, voice: Voice, stage_input: Json) -> Json:
    """Everything of an owner_load output that the envelope doesn't hold."""
    first = voice.scenes[reading.first]
    role = reading.role if reading.role in any_industry().roles else "mixed"
    return {
        "evidence_refs": reading.cite(*reading.present[:3]),
        "bottleneck_diagnosis": first.diagnosis,
        "why_it_feels_heavy": any_industry().heavy[reading.first][role],
        "owner_load_drivers": _drivers(reading, voice, role),
        "relief_without_expansion": [
            *first.reliefs,
            any_industry().roles[role].relief,
            *(voice.scenes[name].reliefs[0] for name in reading.present[1:2]),
        ],
        "prohibitions_checked": {
            "no_tools_prescribed": True,
            "no_hiring_prescribed": True,
            "no_scaling_prescribed": True,
        },
    }


def _drivers(reading: Reading, voice: Voice, role: str) -> list[Json]:
    """What the signals show, strongest first; then what the role and the mix of records add."""
    shown = [
        _driver(reading, voice.scenes[name].driver, "medium" if name in reading.strong else "low", name)
        for name in reading.present[:2]
    ]
    shown.append(_driver(reading, any_industry().roles[role].driver, "low", reading.first))
    mix = any_industry().mixes.get(reading.service_mix)
    if mix is not None:
        shown.append(_driver(reading, mix, "low", *reading.present[:2]))
    return shown


def _driver(reading: Reading, driver: Point, confidence: str, *situations: str) -> Json:
    return {
        "id": driver.id,
        "summary": driver.text,
        "confidence": confidence,
        "evidence_refs": reading.cite(*situations),
    }
