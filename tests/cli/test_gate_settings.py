"""`ftv4 gate --base`: what a change does to the policy and the waivers is shown, value by value."""

import json

import pytest

from tests.conftest import ROOT
from tests.git_tree import LINK, Tree

POLICY, WAIVERS = "config/intelligence_v4.policy.json", "config/waivers.json"
PROVIDERS = "config/providers.json"
SHIPPED = json.loads((ROOT / POLICY).read_text())


@pytest.fixture
def tree(repository):
    """A git repository with our policy and providers, and nothing else."""
    tree = Tree(repository.root)
    tree.base = tree.commit({path: (ROOT / path).read_bytes() for path in (POLICY, PROVIDERS)})
    return tree


@pytest.fixture
def settings(tree, ftv4):
    """Commit a policy, or files; give back what the report says of them: pointer, before, after."""

    def changed(document=None, passed=True, **files):
        paths = {"policy": POLICY, "waivers": WAIVERS, "providers": PROVIDERS}
        files = {paths[name]: content for name, content in files.items()}
        tree.commit(files or {POLICY: json.dumps(document).encode()})
        report = json.loads(ftv4("gate", "--base", tree.base, "--format=json").out)
        assert report["passed"] is passed
        return [(one["pointer"], one["before"], one["after"]) for one in report["settings"]]

    return changed


def test_a_changed_number_is_shown_before_and_after(settings):
    limits = SHIPPED["training_diversity"] | {"min_total_rows": 0}

    assert settings(SHIPPED | {"training_diversity": limits}) == [
        ("/training_diversity/min_total_rows", "40", "0")
    ]


def test_words_that_come_and_go_are_shown_one_by_one(settings):
    first, *others = SHIPPED["shaming_phrases"]

    changed = SHIPPED | {"shaming_phrases": [*others, "a~/b"], "new/~": {"a": 1}}

    assert settings(changed, passed=False) == [
        ("/new~1~0", "", '{\\"a\\"\\u003a1}'),
        ("/shaming_phrases/0", f'"{first}"', ""),
        (f"/shaming_phrases/{len(others)}", "", '"a~/b"'),
    ]


def test_another_order_is_shown_and_another_layout_is_not(settings):
    words = SHIPPED["shaming_phrases"]

    assert settings(SHIPPED) == []
    assert [pointer for pointer, *_ in settings(SHIPPED | {"shaming_phrases": words[::-1]})] == [
        "/shaming_phrases"
    ]


def test_a_waiver_that_is_put_in_is_shown(settings):
    waivers = {"waivers": [{"rule": "secret", "reason": "write to jo.canary@example.org"}]}
    (shown,) = settings(passed=False, waivers=json.dumps(waivers).encode())

    assert shown == ("/waivers", "", "not shown: private")


@pytest.mark.parametrize(
    ("content", "after"),
    [
        (b"{", "not JSON"),
        (b"[" * 9999, "not JSON"),
        (b" " * (1 << 20) + b"{}", "not read\\u003a 1048578 bytes"),
        ((LINK, b"/etc/passwd"), "not a file\\u003a mode 120000"),
        (None, ""),
    ],
)
def test_a_policy_that_cannot_be_read_is_said_to_be_different(settings, content, after):
    found = settings(passed=False, policy=content)

    assert found
    assert all(after in told for _, _, told in found)
    assert "root:" not in str(found)


def test_a_flood_of_values_is_cut_and_counted(tree, ftv4):
    words = [f"word {number}" for number in range(5_000)]
    tree.commit({POLICY: json.dumps(SHIPPED | {"shaming_phrases": words}).encode()})
    report = json.loads(ftv4("gate", "--base", tree.base, "--format=json").out)
    total = len(words) + len(SHIPPED["shaming_phrases"])

    assert len(report["settings"]) + report["more_settings"] == total
    for form in ("text", "markdown"):
        out = ftv4("gate", "--base", tree.base, "--format", form).out
        assert f"and {total - 20} more" in out
        assert "by th" in out
        assert len(out) < 10_000


def test_another_address_of_a_provider_is_shown(settings):
    """Whoever is there gets the rows, and the key."""
    table = json.loads((ROOT / PROVIDERS).read_text())
    before = table["providers"]["openai"]["base_url"]
    table["providers"]["openai"]["base_url"] = "https://elsewhere.example/v1"

    assert settings(providers=json.dumps(table).encode()) == [
        (
            "/providers/openai/base_url",
            *(
                json.dumps(url).replace("://", "\\u003a//")
                for url in (before, "https://elsewhere.example/v1")
            ),
        )
    ]
