"""The five stages of the pipeline: one module each, and the one table of them."""

from typing import Literal

from ftv4.contracts import Problem, check
from ftv4.stages import blue_ocean, competitive_lens, emyth_owner_load, quant_signals, synthesis_decision
from ftv4.stages.stage import Stage

STAGES: dict[str, Stage] = {
    module.STAGE.name: module.STAGE
    for module in (quant_signals, emyth_owner_load, competitive_lens, blue_ocean, synthesis_decision)
}
"""By name, in the pipeline's order."""


def problems_of(stage: Stage, side: Literal["input", "output"], payload: object) -> tuple[Problem, ...]:
    """Everything a parsed payload says wrongly as this stage's input or output; none means it fits."""
    return check(stage.input if side == "input" else stage.output, payload)
