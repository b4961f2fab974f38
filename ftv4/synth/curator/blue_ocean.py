"""Blue ocean as an expert leaves it: moves that lower the load, and those turned down for adding to it."""

from ftv4.contracts import Json
from ftv4.synth.curator.reading import Reading
from ftv4.synth.curator.voice import Move, Voice


def write(reading: Reading, voice: Voice, stage_input: Json) -> Json:
    """Everything of a blue_ocean output that the envelope doesn't hold."""
    shown = reading.present[:2]
    usual = reading.choose(voice.moves, 1 if len(shown) > 1 else 2, "move", reading.first, reading.third)
    moves = [
        _move(reading, voice.scenes[name].move, "medium" if name in reading.strong else "low", name)
        for name in shown
    ]
    moves += [_move(reading, move, "low", reading.first) for move in usual]
    return {
        "evidence_refs": reading.cite(*shown, "squeeze"),
        "capacity_guardrail_statement": voice.guardrails.get(reading.capacity, voice.guardrails["unknown"]),
        "asymmetric_moves": moves,
        "rejected_load_increasing_moves": [
            *(voice.scenes[name].rejected for name in shown),
            reading.pick(voice.rejected, "rejected", reading.first, reading.third),
        ],
    }


def _move(reading: Reading, move: Move, confidence: str, situation: str) -> Json:
    return {
        "id": move.id,
        "move": move.move,
        "why_now": move.why_now,
        "capacity_check": move.capacity_check,
        "confidence": confidence,
        "evidence_refs": reading.cite(situation),
    }
