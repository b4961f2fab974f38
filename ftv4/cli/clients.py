"""Opens the doors to outside services; commands get their clients here and nowhere else."""

from ftv4.actions import variable
from ftv4.clients.provider import Provider
from ftv4.documents import Repository
from ftv4.steps.serve import provider_row


def connect_provider(repository: Repository, name: str) -> Provider:
    """The provider of a name in config/providers.json.

    Raises ContractError for a name that isn't there, and UsageError when its key isn't set.
    """
    return Provider.connect(name, provider_row(repository, name), variable)
