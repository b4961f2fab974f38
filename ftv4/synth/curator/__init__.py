"""The synthetic curator: plays the domain expert for the shipped data, and says so in every row.

From a stage's input it writes what an expert would have approved: specific to the industry and the
signals, valid, clean under the guards, the same for the same content. It knows nothing of clients,
runs and dates, and every ref it cites is in the input's index.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ftv4.contracts import Json
from ftv4.synth.curator import blue_ocean, competitive, owner_load, quant, synthesis
from ftv4.synth.curator.reading import SIGNALS, Reading, read
from ftv4.synth.curator.voice import Voice, voice_of

if TYPE_CHECKING:
    from ftv4.stages.stage import Stage

REVIEWER = "synthetic-curator"
"""Who approved, in the rows the curator approved."""
NOTE = "synthetic curator v1, not a person; written from the stage input alone"
"""What those rows' notes say."""

_WRITERS: dict[str, Callable[[Reading, Voice, Json], Json]] = {
    "quant_signals": quant.write,
    "emyth_owner_load": owner_load.write,
    "competitive_lens": competitive.write,
    "blue_ocean": blue_ocean.write,
    "synthesis_decision": synthesis.write,
}
_ENVELOPE = ("schema_version", "stage_name", "model_id", "prompt_version")


def curate(stage: "Stage", stage_input: Json, stored_output: Json) -> Json:
    """Write what an expert would have approved for a stage's input.

    The envelope (ids, versions, data limits) is the stored output's; the rest comes from the input
    alone. The input fits the stage's input contract; the result fits its output contract.
    """
    reading = read(stage_input)
    written = _WRITERS[stage.name](reading, voice_of(reading.industry), stage_input)
    return {
        **{key: stored_output[key] for key in _ENVELOPE},
        "confidence": _confidence(reading),
        "evidence_refs": written["evidence_refs"],
        "data_limits": stored_output["data_limits"],
        **written,
    }


def _confidence(reading: Reading) -> str:
    """Low on thin or gappy records, high on rich ones, medium on what most businesses have."""
    known = sum(reading.values[signal] != "unknown" for signal in SIGNALS.values())
    if known < 4 or (reading.rows is not None and reading.rows < 40):
        return "low"
    return "high" if reading.rows is not None and reading.rows >= 120 else "medium"
