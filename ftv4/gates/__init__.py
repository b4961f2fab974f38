"""One question about a dataset a module: no I/O, no printing. The table is here."""

from ftv4.gates import (
    acceptance,
    concentration,
    contamination,
    contradictions,
    diversity,
    duplicates,
    envelope,
    form,
    grounding,
    injection,
    length,
    names,
    personal_data,
    rows,
    triggers,
)
from ftv4.gates.question import Gate

GATES: dict[str, Gate] = {
    "form": form,
    "acceptance": acceptance,
    "envelope": envelope,
    "rows": rows,
    "diversity": diversity,
    "personal_data": personal_data,
    "names": names,
    "injection": injection,
    "grounding": grounding,
    "length": length,
    "duplicates": duplicates,
    "contradictions": contradictions,
    "contamination": contamination,
    "concentration": concentration,
    "triggers": triggers,
}
"""By name, in the order they are asked and answered."""
