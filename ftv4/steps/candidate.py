"""Says which model is meant when somebody names one, and where it comes from."""

import re
from pathlib import Path

from ftv4.contracts.models import MODEL_ID
from ftv4.documents import Repository
from ftv4.encode import name_for_log
from ftv4.errors import UsageError
from ftv4.pipeline.model import RULE
from ftv4.steps.lifetime import base_of
from ftv4.steps.runs import MANIFEST, Run, of_model, run_at, survey
from ftv4.steps.serve import provider_row

LONGEST = 191
"""Characters of a model's name, as MODEL_ID has them."""


def model_id_of(repository: Repository, model: str) -> str:
    """`<provider>:<model>` as models.json writes it.

    Providers call a tuned model `ft:…`; that is completed when only one of ours can have made it
    (weaknesses.md A2). Raises UsageError that says how to write it otherwise, ContractError for a
    provider that config/providers.json doesn't have.
    """
    known = list(repository.providers().providers)
    if model.startswith("ft:") and "ft" not in known:
        model = f"{_maker(repository, model, known)}:{model}"
    provider, _, name = model.partition(":")
    if not re.fullmatch(MODEL_ID, model):
        wrong = f"longer than {LONGEST} characters" if len(name) > LONGEST else "not <provider>:<model>"
        raise UsageError(
            f"model {name_for_log(model)}: {wrong}",
            hint=f"the providers are {', '.join(known)}; {RULE}<rule> names a built-in rule",
        )
    if not model.startswith(RULE):
        provider_row(repository, provider, model)
    return model


def find_run(repository: Repository, manifest: str | None, model_id: str) -> Run | None:
    """The run whose manifest is named, else the one that made the model; None when none here did."""
    if manifest is None:
        return of_model(repository, model_id)
    if Path(manifest).name != MANIFEST:
        raise UsageError(
            f"{name_for_log(repository.relative(manifest))}: not a run's {MANIFEST}",
            hint="`ftv4 ft list` shows the runs there are",
        )
    return run_at(repository, str(Path(manifest).parent))


def base_model_of(run: Run | None, model_id: str) -> str:
    """What a model was tuned from: its run knows, or its id says; a rule is its own base."""
    if run is not None:
        return run.manifest.config.base_model
    return model_id if model_id.startswith(RULE) else base_of(model_id.partition(":")[2])


def _maker(repository: Repository, model: str, known: list[str]) -> str:
    """The provider that a run of this repository had the model from, or the only one there is."""
    runs, _ = survey(repository)
    makers = {run.manifest.provider for run in runs if run.model_id == f"{run.manifest.provider}:{model}"}
    makers = makers or set(known)
    if len(makers) == 1:
        return makers.pop()
    raise UsageError(
        f"model {name_for_log(model)}: whose is it?",
        hint="write " + " or ".join(f"{name}:{name_for_log(model)}" for name in sorted(makers)),
    )
