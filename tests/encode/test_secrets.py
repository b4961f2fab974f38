"""Threat 27: a key stays in the environment, whatever a provider answers and whatever goes wrong."""

import base64
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.dataset_rows import rows, write_dataset
from tests.provider_sandbox import _provider, sandbox  # noqa: F401

KEY = "sk-canary/9f8E+7d6C=5b4A"
FORMS = {
    KEY,
    quote(KEY, safe=""),
    KEY.encode().hex(),
    *(base64.b64encode(b" " * shift + KEY.encode()).decode().strip("=")[4:-4] for shift in range(3)),
}
"""Raw, in an address, in hex, and in base64 wherever in the text it begins."""

FT = (
    "ft",
    "stage",
    "--stage",
    "quant_signals",
    "--provider",
    "sandbox",
    "--dry-run=false",
    "--suffix",
    "canary",
    "--poll-interval=0.1",
)
COMMANDS = [
    FT,
    ("ft", "follow", "ftjob-none", "--provider", "sandbox", "--poll-interval=0.1"),
    ("ft", "list", "--provider", "sandbox"),
    ("ops", "ft-doctor", "--provider", "sandbox"),
    ("ops", "status"),
]
ECHO = f"no key Authorization: Bearer {KEY}"
FAULTS = [
    {"kind": "reject", "status": 401, "message": ECHO},
    {"kind": "reject", "status": 403, "message": ECHO, "code": KEY},
    {"kind": "reject", "status": 400, "message": ECHO},
    {"kind": "malformed"},
    {"kind": "drop"},
    None,
]


@pytest.fixture
def with_key(repository, sandbox, monkeypatch):  # noqa: F811
    for name in ("FTV4_SANDBOX_KEY", "OPENAI_API_KEY", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("FTV4_TRACEBACK", "1")
    write_dataset(repository, rows(30))
    sandbox.hurry = True
    return sandbox


@pytest.mark.parametrize("fault", FAULTS, ids=str)
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_command_shows_or_writes_a_key(fault, form, with_key, ftv4):
    for command in COMMANDS:
        for _ in range(6 if fault else 0):
            with_key.fail(**fault)
        done = ftv4(*command, "--format", form)
        assert done.out + done.err
        assert not [secret for secret in FORMS if secret in done.out + done.err]
    written = [path.read_bytes() for path in Path().rglob("*") if path.is_file()]
    assert not [secret for secret in FORMS if any(secret.encode() in content for content in written)]


def test_the_forms_are_found_where_they_hide():
    """The control."""
    for before in ("", "a", "ab", "abc"):
        hidden = base64.b64encode(f"{before}{KEY}xyz".encode()).decode()
        assert any(secret in hidden for secret in FORMS)
