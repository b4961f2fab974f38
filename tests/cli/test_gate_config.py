"""`ftv4 gate --base`: what a change makes of the files that judge the next one has to be readable."""

import json

import pytest

from tests.conftest import ROOT
from tests.gates.build import lines, varied
from tests.git_tree import LINK, Tree

POLICY, WAIVERS = "config/intelligence_v4.policy.json", "config/waivers.json"
PROVIDERS, CASE = "config/providers.json", "evals/cases/agency_eval_01.json"
SYNTHESIS = "train/datasets/stage_synthesis.jsonl"
SHIPPED = {path: (ROOT / path).read_bytes() for path in (POLICY, PROVIDERS, CASE)}
WAIVER = {"rule": "doctrine_guard_failed", "file": SYNTHESIS, "rows": ["0" * 64], "owner": "@jo"}
WAIVER |= {"reason": "quoted from a customer", "expires": "2027-01-31"}


def waivers(*changes):
    return json.dumps({"waivers": [WAIVER | one for one in changes]}, indent=1).encode()


def line_of(path, text):
    """The last line of a shipped file that holds a text, from 1."""
    return SHIPPED[path].rpartition(text)[0].count(b"\n") + 1


def twice(path, member):
    """A shipped file that says one of its members again, on its second line."""
    return SHIPPED[path].replace(b"{\n", b'{\n "%s": 1,\n' % member.encode(), 1)


@pytest.fixture(autouse=True)
def _today(monkeypatch):
    monkeypatch.setenv("FTV4_NOW", "2026-11-22T12:00:00Z")


@pytest.fixture
def tree(repository):
    """A git repository with our config, one case, and no work tree."""
    tree = Tree(repository.root)
    tree.base = tree.commit(SHIPPED)
    return tree


@pytest.fixture
def told(tree, ftv4):
    """Commit files; give back what the report says of them: rule, file, line, pointer."""

    def changed(files):
        tree.commit(files)
        done = ftv4("gate", "--base", tree.base, "--format=json")
        changed.findings = json.loads(done.out)["findings"]
        assert done.code == (4 if any(one["severity"] == "error" for one in changed.findings) else 0)
        return [(one["rule"], one["file"], one["line"], one["pointer"]) for one in changed.findings]

    return changed


@pytest.mark.parametrize(
    ("path", "content", "line", "pointer"),
    [
        (POLICY, b"{broken", 1, ""),
        (
            POLICY,
            SHIPPED[POLICY].replace(b'"max_actions_30_days": 9', b'"max_actions_30_days": NaN'),
            line_of(POLICY, b"max_actions_30"),
            "",
        ),
        (
            POLICY,
            twice(POLICY, "shaming_phrases"),
            line_of(POLICY, b"shaming_phrases") + 1,
            "/shaming_phrases",
        ),
        (POLICY, (LINK, b"/etc/passwd"), None, ""),
        (POLICY, b" " * (1 << 20) + b"{}", None, ""),
        (POLICY, None, None, ""),
        (PROVIDERS, None, None, ""),
        (PROVIDERS, b'{"providers": {}}', 1, "/providers"),
        (PROVIDERS, twice(PROVIDERS, "as_of"), line_of(PROVIDERS, b'"as_of"') + 1, "/as_of"),
        (WAIVERS, b'{"waivers":[', 1, ""),
        (WAIVERS, waivers({}, {"owner": "jo or ada"}), 19, "/waivers/1/owner"),
        (WAIVERS, waivers({}).replace(b'"owner"', b'"owner":"x","owner"'), 9, "/waivers/0/owner"),
        (CASE, SHIPPED[CASE].replace(b'"gold"', b'"gold":{},"gold"'), 7, "/gold"),
        ("evals/cases/other.json", SHIPPED[CASE], 2, "/case_id"),
    ],
)
def test_a_file_that_would_stop_every_later_verdict_is_refused(told, path, content, line, pointer):
    assert ("config_invalid", path, line, pointer) in told({path: content})
    assert "root:" not in json.dumps(told.findings)


def test_what_is_fine_and_what_need_not_be_there_passes(told):
    assert told({WAIVERS: waivers({}, {"owner": "jo@example.org"})}) == []
    assert told({WAIVERS: None, CASE: None, POLICY: SHIPPED[POLICY] + b"\n"}) == []


def test_all_that_is_wrong_with_a_file_is_said_at_once_with_what_stands_there(told):
    found = told({WAIVERS: waivers({"owner": "jo or ada", "rows": ["3f"]}, {"expires": "soon", "more": 1})})

    assert [pointer for *_, pointer in found] == [
        *("/waivers/0/rows/0", "/waivers/0/owner", "/waivers/1/expires", "/waivers/1/more"),
    ]
    assert [one["value"] for one in told.findings] == ["3f", "jo or ada", "soon", "1"]
    assert "@org/team" in told.findings[1]["problem"]


@pytest.mark.parametrize(
    ("waiver", "rule"),
    [
        ({"rule": "secret"}, "waiver_refused"),
        ({"rule": "no_such_rule"}, "waiver_unknown_rule"),
        ({"expires": "2020-01-01"}, "waiver_expired"),
    ],
)
def test_a_waiver_that_can_never_hold_is_refused_before_it_is_merged(told, waiver, rule):
    assert told({WAIVERS: waivers({}, waiver)}) == [(rule, WAIVERS, 13, "/waivers/1")]


def test_what_is_private_in_such_a_file_is_not_shown(told, tree, ftv4):
    told({WAIVERS: waivers({"owner": "ask jo.canary@example.org"})})

    for form in ("text", "json", "markdown", "github", "sarif"):
        assert "canary" not in ftv4("gate", "--base", tree.base, "--format", form).out


def test_a_flood_of_problems_is_cut_and_counted(told):
    found = told({POLICY: json.dumps({"shaming_phrases": [1] * 9_000}).encode()})

    assert len(found) == 51
    assert told.findings[-1]["problem"].startswith("and 8,9")


def test_an_expired_waiver_of_a_dataset_that_is_not_judged_is_a_warning(told, tree, ftv4):
    expired = {"file": "train/datasets/stage_quant.jsonl", "expires": "2026-11-21"}
    tree.base = tree.commit({WAIVERS: waivers(expired)})

    assert told({"README.md": b"x"}) == []
    assert told({SYNTHESIS: lines(*varied(42))}) == [("waiver_expired", WAIVERS, 3, "/waivers/0")]
    assert told.findings[0]["severity"] == "warning"


BROKEN = SHIPPED[POLICY].replace(b'"max_industry_share": 0.6', b'"max_industry_share": 6')


@pytest.mark.parametrize(
    ("broken", "mended"),
    [({POLICY: BROKEN}, {POLICY: SHIPPED[POLICY]}), ({WAIVERS: b"{"}, {WAIVERS: None})],
)
def test_what_is_damaged_in_the_base_can_be_mended_in_a_change_without_datasets(told, tree, broken, mended):
    tree.base = tree.commit(broken)

    assert told(mended) == [("base_damaged", "config", None, "")]
    assert told.findings[0]["severity"] == "warning"
    assert next(iter(broken)) in told.findings[0]["problem"]


def test_a_dataset_is_never_judged_by_its_own_policy(tree, ftv4):
    base = tree.commit({POLICY: BROKEN})
    tree.commit({POLICY: SHIPPED[POLICY], "Train/Datasets/x.jsonl": lines(*varied(42))})
    done = ftv4("gate", "--base", base)

    assert (done.code, done.out) == (3, "")
    assert f"error: {base[:12]}, the base of the change: {POLICY}: 1 problem\n" in done.err
    assert "max_industry_share" in done.err
    assert "hint: mend that in a change of its own, without datasets" in done.err


def test_a_change_that_leaves_the_damage_is_told_of_it(tree, ftv4):
    base = tree.commit({POLICY: BROKEN})
    tree.commit({"README.md": b"x"})
    done = ftv4("gate", "--base", base)

    assert (done.code, done.out) == (3, "")
    assert f"error: {POLICY}: 1 problem\n" in done.err


def test_prices_are_read_where_the_policy_is_not_where_one_stands(told, tree, ftv4, repository):
    repository.write(PROVIDERS, "{broken")

    assert told({"README.md": b"x"}) == []
    assert [rule for rule, *_ in told({PROVIDERS: b"{broken"})] == ["config_invalid"]

    base = tree.commit({PROVIDERS: b"{broken"})
    assert ftv4("gate", "--base", base).code == 3
    tree.base = base
    assert told({PROVIDERS: SHIPPED[PROVIDERS]}) == [("base_damaged", "config", None, "")]
