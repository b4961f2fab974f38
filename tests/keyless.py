"""A job of a workflow on the sandbox with no key stored, and every token that it was ever given."""

import pytest

from ftv4.sandbox.forge import forge_app
from ftv4.sandbox.issuer import Issuer
from ftv4.sandbox.provider import provider_app
from ftv4.sandbox.provider.federation import IDENTITY_PROVIDER, SERVICE_ACCOUNT
from tests.forge_sandbox import NAME, changing
from tests.forge_sandbox import Sandbox as Forge
from tests.provider_sandbox import SECONDS
from tests.provider_sandbox import Sandbox as Provider

EXCHANGE = "/oauth/token"
POLICY = "issuer: https://token.actions.githubusercontent.com\nsubject: repo:sandbox/models:environment:{}\n"


class Keyless:
    """A job in the environment `ftv4-paid`, until a test says otherwise."""

    def __init__(self, provider, forge, signed, setenv):
        self.provider, self.forge, self.signed, self._setenv = provider, forge, signed, setenv
        self.begin("ftv4-paid")
        self.set(
            FTV4_SANDBOX_URL=f"{provider.url}/v1",
            FTV4_SANDBOX_KEY="",
            FTV4_SANDBOX_IDENTITY_PROVIDER_ID=IDENTITY_PROVIDER,
            FTV4_SANDBOX_SERVICE_ACCOUNT_ID=SERVICE_ACCOUNT,
            GITHUB_API_URL=forge.url,
            GITHUB_SERVER_URL=forge.url,
            GITHUB_REPOSITORY=NAME,
            GITHUB_TOKEN="sandbox-github-actions",
        )

    def set(self, **variables):
        for name, value in variables.items():
            self._setenv(name, value)

    def begin(self, environment):
        """Another job, of this environment."""
        self.set(**self.forge._own("oidc", "POST", {"environment": environment}))

    def by_service(self, name="ftv4-paid"):
        """From here on the forge's token comes from the token service."""
        self.set(FTV4_STS_URL=self.forge.url, FTV4_STS_IDENTITY=name)

    def exchanges(self):
        """How often the provider was asked for a token."""
        return len([one for one in self.provider.log() if one["path"] == EXCHANGE])

    def shown_in(self, text):
        """What a text holds of the tokens that were given; the service's are known by how they begin."""
        return [token for token in self.signed if token in text] + ["ghs_"] * ("ghs_" in text)


@pytest.fixture(scope="module")
def _services():
    """Servers of both for a module's tests; each test puts apps of its own behind them."""
    with changing("provider") as provider, changing("forge") as forge:
        yield provider, forge


@pytest.fixture
def keyless(_services, tmp_path_factory, monkeypatch):
    signed, sign = [], Issuer.sign

    def signing(self, *arguments):
        signed.append(sign(self, *arguments))
        return signed[-1]

    monkeypatch.setattr(Issuer, "sign", signing)
    root, issuer = tmp_path_factory.mktemp("keyless"), Issuer()
    (provider_url, behind_provider), (forge_url, behind_forge) = _services
    provider, forge = Provider(provider_url), Forge(forge_url, root / "forge")
    behind_provider["app"] = provider_app(
        root / "provider", clock=provider.now, training_seconds=SECONDS, issuer=issuer
    )
    behind_forge["app"] = forge_app(forge.folder, clock=forge.now, issuer=issuer)
    names = ("ftv4-paid", "ftv4-bot")
    forge.start({f".github/chainguard/{name}.sts.yaml": POLICY.format(name).encode() for name in names})
    return Keyless(provider, forge, signed, monkeypatch.setenv)
