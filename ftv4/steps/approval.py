"""Lets a run be paid for only as planned, and once somebody else than who asks approved it (threat 24).

What counts as an approval is `approval` of the policy, which a reviewed pull request alone changes.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ftv4.contracts.run import PaidRequest
from ftv4.documents import Repository
from ftv4.errors import ContractError, GateError
from ftv4.steps.runs import Run

if TYPE_CHECKING:
    from ftv4.clients.forge_settings import Approvals

PAID = "ftv4-paid"
"""The environment that a paid job runs in."""
REQUESTS = "train/requests"
POLICY_SAYS = "`approval` in config/intelligence_v4.policy.json"


def must_be_planned(run: Run, planned: str | None) -> None:
    """Raise GateError when what would be bought isn't what somebody saw, and approved."""
    if planned not in {None, run.manifest.run_key}:
        raise GateError(
            f"{run.manifest.stage}: main has changed since the plan, and another run would come of it; "
            "nothing was sent",
            problems=[f"planned {planned}", f"now {run.manifest.run_key}"],
            hint="plan again",
        )


def must_be_approved(repository: Repository, run: Run, approvals: "Callable[[], Approvals] | None") -> None:
    """Raise GateError where a run lacks the approval that the policy wants.

    `approvals` asks the forge about the workflow run that we are; None outside of one, where no
    environment could be approved. Raises ServiceError when the forge doesn't tell, and ContractError
    for a damaged request.
    """
    wanted = repository.policy().approval
    if wanted == "environment" and approvals is not None:
        _approved(run, approvals())
    elif wanted == "merged_request":
        _requested(repository, run)


def _approved(run: Run, found: "Approvals") -> None:
    if not found.approved_by - found.asked_by:
        alone = "nobody but who asked for it" if found.approved_by else "nobody"
        raise GateError(
            f"{run.manifest.stage}: {alone} has approved this workflow run in {PAID}; nothing was sent",
            hint=f"Settings, Environments, {PAID}: Required reviewers, Prevent self-review; where the forge "
            f"has none in your plan, {POLICY_SAYS} says what else counts",
        )


def _requested(repository: Repository, run: Run) -> None:
    path = f"{REQUESTS}/{run.manifest.run_key}.json"
    if not repository.has(path):
        raise GateError(
            f"{path}: nobody has merged this request; nothing was sent",
            hint=f'bring the file to main by a pull request: {{"run_key": "{run.manifest.run_key}", '
            f'"stage": "{run.manifest.stage}"}}; {POLICY_SAYS} asks for it',
        )
    request = repository.read(PaidRequest, path)
    if (request.run_key, request.stage) != (run.manifest.run_key, run.manifest.stage):
        raise ContractError(
            f"{path}: asks for another run than its name says; nothing was sent",
            hint="name it after its run_key",
        )
