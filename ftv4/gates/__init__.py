"""One question about a dataset a module: no I/O, no printing. The table is here."""

from ftv4.gates import acceptance, diversity, form, rows
from ftv4.gates.question import Gate

GATES: dict[str, Gate] = {
    "form": form,
    "acceptance": acceptance,
    "rows": rows,
    "diversity": diversity,
}
"""By name, in the order they are asked and answered."""
