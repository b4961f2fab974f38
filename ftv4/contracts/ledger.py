"""What became of a run: `train/finetune_runs/<stage>/<stamp>/outcome.json`, on the ledger."""

from typing import Annotated, Literal

from pydantic import Field

from ftv4.contracts import Contract, Items, Moment, Whole
from ftv4.contracts.models import ModelId
from ftv4.contracts.paths import RepoPath

OutcomeState = Literal[
    "open", "missing", "silent", "evaluated", "refused", "proposed", "closed", "merged", "serving"
]
LAST: frozenset[OutcomeState] = frozenset({"missing", "refused", "closed", "merged", "serving"})
"""In one of these nothing more is done by itself."""


class Outcome(Contract):
    """`outcome.json`: what reconcile found out about a run, so that it isn't asked or done again."""

    run_key: str
    state: OutcomeState
    """`open`: the job was looked for in vain, or an eval got too few answers, but not often enough to
    say so. `missing`: the provider has lost the job. `silent`: the pinned model doesn't answer, so that
    nothing can be compared; with `reasons`, that stays so under this models.json. `evaluated`: its model
    may be proposed. `refused`: it may not. `proposed`: a pull request is open. `closed`: by a person,
    unmerged. `merged`: it was merged. `serving`: by other means."""
    updated_at: Moment
    """Of what the state rests on; the time that a promotion of an evaluated model carries."""
    missed_at: Annotated[tuple[Moment, ...], Items] = ()
    """When the provider was asked in vain: for the job or the pinned model an hour or more apart, for
    the answers of the model in each eval since the last that got one."""
    model_id: ModelId | None = None
    """The candidate, once it was evaluated."""
    reports: dict[Literal["pipeline", "stage", "pinned"], RepoPath] = {}
    """The eval reports, kept beside this file on the ledger until they are merged."""
    reasons: Annotated[tuple[str, ...], Items] = ()
    """Why it was refused; what models said is in them, so encode before showing."""
    pull_request: Annotated[Whole, Field(ge=1)] | None = None
    models_sha256: str | None = None
    """Of the models.json that the pull request was made from, or that pins a silent model: with another
    one it is stale."""
