"""The competitive lens as an expert leaves it: what the market asks, in the light of the signals."""

from ftv4.contracts import Json
from ftv4.synth.curator.reading import SIGNALS, Reading
from ftv4.synth.curator.voice import Point, Voice, any_industry


def write(reading: Reading, voice: Voice, stage_input: Json) -> Json:
    """Everything of a competitive_lens output that the envelope doesn't hold."""
    scenes = [voice.scenes[name] for name in reading.present[:2]]
    return {
        "evidence_refs": reading.cite(*reading.present[:3], *_calm(reading)),
        "market_pressures": _pressures(reading, voice),
        "strengths": [
            *reading.choose(voice.strengths, 2, "strengths", reading.first),
            *(any_industry().calm_strengths[name] for name in _calm(reading)),
        ],
        "vulnerabilities": [
            *(scene.vulnerability for scene in scenes),
            reading.pick(voice.vulnerabilities, "vulnerability", reading.third),
        ],
        "collapsed_view": scenes[0].view,
    }


def _calm(reading: Reading) -> list[str]:
    """The calm signal that is worth most in a market, if there is one."""
    order = ("latency", "squeeze", "volatility", "concentration", "season")
    return [name for name in order if reading.values[SIGNALS[name]] in {"low", "none"}][:1]


def _pressures(reading: Reading, voice: Voice) -> list[Json]:
    found = [
        _pressure(reading, voice.scenes[name].pressure, "medium" if name in reading.strong else "low", name)
        for name in reading.present[:2]
    ]
    usual = reading.pick(voice.pressures, "pressure", reading.third)
    return [*found, _pressure(reading, usual, "low", *reading.present[:2])]


def _pressure(reading: Reading, pressure: Point, confidence: str, *situations: str) -> Json:
    return {
        "id": pressure.id,
        "pressure": pressure.text,
        "confidence": confidence,
        "evidence_refs": reading.cite(*situations),
    }
