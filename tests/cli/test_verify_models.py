"""What a change of models.json may be besides a promotion, and that nothing else of it passes."""

import json
import subprocess
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ftv4.canonical import canonical
from ftv4.clients.git import Git
from ftv4.clock import iso
from ftv4.contracts import pointer
from ftv4.documents import MODELS, POLICY
from ftv4.steps.change import Change
from ftv4.steps.past import states
from ftv4.steps.rollback import as_state, way_back
from ftv4.steps.verify import _judge
from ftv4.steps.verify_promotion import check_promotion, compare
from tests.promotion_bench import GOOD, NOW, STAGE, against, bench, written  # noqa: F401

RULE = "deterministic:synthesis-v1"
KINDS = ("gone", "null", "other word", "other case", "number", "true", "emptied", "twice")


@dataclass(frozen=True)
class Planted(Change):
    """A change whose models.json is what a test says."""

    text: bytes = b""

    def bytes(self, path):
        return self.text if path == MODELS else super().bytes(path)


def places(value, at=()):
    """Every place in a JSON document but its top."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inside:
        yield (*at, key)
        yield from places(part, (*at, key))


def mutated(text, at, kind):
    """models.json with one thing changed at a place; None where that would change nothing."""
    document = json.loads(text)
    owner = document
    for step in at[:-1]:
        owner = owner[step]
    old = owner[at[-1]]
    if kind == "gone":
        del owner[at[-1]]
    elif kind == "twice":
        owner[at[-1]] = "\N{SNOWMAN}"
        member = json.dumps(at[-1]) + ":" if isinstance(owner, dict) else ""
        once = json.dumps(document, indent=2).replace('"\\u2603"', json.dumps(old), 1)
        return once.replace(
            f"{json.dumps(old)}", f"{json.dumps(old)}, {member} {json.dumps(old)}", 1
        ).encode()
    else:
        word = old.swapcase() if isinstance(old, str) else "X"
        owner[at[-1]] = {
            "null": None, "other word": f"{old}x", "other case": word, "number": 7, "true": True,
            "emptied": type(old)() if isinstance(old, str | dict | list) else [],
        }[kind]  # fmt: skip
    new = written(document)
    return None if canonical(json.loads(new)) == canonical(json.loads(text)) else new


def mutations(text):
    """Each place of models.json, changed in each way."""
    for at in places(json.loads(text)):
        for kind in KINDS:
            new = mutated(text, at, kind)
            if new is not None and new != text:
                yield f"{kind} {pointer(at)}", new


# 8: nobody edits models.json by hand


def test_no_edit_of_a_promoted_models_json_passes(bench):  # noqa: F811
    """Threat 8: every pointer, eight kinds."""
    change = Change(bench.git, bench.base, bench.base, bench.head, NOW)
    found, derived = check_promotion(change, bench.report)
    assert found == []
    seen, passed = 0, []
    for name, text in mutations(bench.bytes(MODELS)):
        planted = Planted(bench.git, bench.base, bench.base, bench.head, NOW, text)
        planted.__dict__["after"] = change.after
        # who promoted is taken from the file, and must then be on the card: that is derived anew
        who = "pinned_by" in name and STAGE in name
        findings = check_promotion(planted, bench.report)[0] if who else compare(planted, derived)
        seen += 1
        passed += [name] * (not findings)

    assert passed == []
    assert seen >= 500


def test_no_edit_by_hand_passes_as_anything_else(bench):  # noqa: F811
    """Threat 8 without records: neither a rollback nor a revert is so near that an edit could be one."""
    head = bench.commit({MODELS: b"{}"})
    past = states(bench.git, bench.head)
    change = Change(bench.git, bench.head, bench.head, head, NOW)
    seen, passed = 0, []
    for name, text in mutations(bench.bytes(MODELS)):
        planted = Planted(bench.git, bench.head, bench.head, head, NOW, text)
        planted.__dict__.update(
            past=past,
            entries=change.entries,
            standing=change.standing,
            models=change.models,
            after=change.after,
        )
        seen += 1
        passed += [name] * _judge(planted, None).passed

    assert passed == []
    assert seen >= 500


@pytest.mark.parametrize(
    "rewrite",
    [
        lambda text: text + b"\n",
        lambda text: canonical(json.loads(text)).encode(),
        lambda text: text.replace(b"{", b'{"version": "intelligence_v4.models/1",', 1),
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: b"",
        lambda text: b"[" * 100_000,
        lambda text: text.replace(b'"temperature": 0', b'"temperature": 1e999', 1),
    ],
)
def test_no_other_way_to_write_it_passes(bench, rewrite):  # noqa: F811
    assert not bench.verify(bench.commit({MODELS: rewrite(bench.bytes(MODELS))})).passed
    assert not bench.verify(bench.commit({MODELS: rewrite(bench.bytes(MODELS))}), bench.head).passed


def test_a_hand_is_told_where_it_was(bench):  # noqa: F811
    config = bench.document(MODELS)
    config["stages"]["blue_ocean"]["temperature"] = 0.3
    found = bench.verify(bench.commit({MODELS: config}), bench.head)

    assert against(found) == {("models_edited", MODELS, "/stages/blue_ocean/temperature")}
    assert (found.kind, found.findings[0].fix) == (
        "edit",
        "change who serves with `ftv4 promote` or `ftv4 rollback`",
    )


def test_models_json_does_not_go(bench):  # noqa: F811
    assert not bench.verify(bench.commit({MODELS: None}), bench.head).passed


def test_the_first_models_json_may_pin_rules_only(bench):  # noqa: F811
    empty = bench.commit({MODELS: None}, bench.base)
    first = bench.verify(bench.commit({MODELS: bench.bytes(MODELS, bench.base)}, empty), empty)
    promoted = bench.verify(bench.commit({MODELS: bench.bytes(MODELS)}, empty), empty)

    assert (first.kind, first.passed) == ("start", True)
    assert {(rule, at) for rule, _, at in against(promoted)} == {
        ("models_edited", f"/stages/{STAGE}/model_id"),
        ("models_edited", f"/stages/{STAGE}/promotion_history"),
    }


@pytest.mark.parametrize(
    "hidden",
    [
        {"model_id": GOOD},
        {"fallback": {"enabled": True, "model_id": GOOD}},
    ],
    ids=["override", "fallback"],
)
def test_the_first_models_json_pins_no_model_for_an_industry_either(bench, hidden):  # noqa: F811
    empty = bench.commit({MODELS: None}, bench.base)
    config = bench.document(MODELS, bench.base)
    config["industry_overrides"].setdefault("hvac", {})[STAGE] = hidden
    found = bench.verify(bench.commit({MODELS: config}, empty), empty)

    assert (found.kind, against(found)) == ("start", {("models_edited", MODELS, f"/stages/{STAGE}/model_id")})
    assert GOOD in found.findings[0].problem


def test_one_that_was_made_beside_the_bases_first_is_stale(bench):  # noqa: F811
    empty = bench.commit({MODELS: None}, bench.base)
    base = bench.commit({MODELS: bench.bytes(MODELS, bench.base)}, empty)
    found = bench.verify(bench.commit({MODELS: bench.bytes(MODELS)}, empty), base)

    assert against(found) == {("promotion_stale", MODELS, "")}


def test_a_report_that_goes_or_changes_is_no_promotion(bench):  # noqa: F811
    for text in (None, bench.bytes(bench.report).replace(b"2026", b"2025")):
        found = bench.verify(bench.commit({bench.report: text}), bench.head)
        assert (found.kind, against(found)) == ("records", {("record_changed", bench.report, "")})


def test_what_lies_beside_a_report_is_none(bench):  # noqa: F811
    found = bench.verify(bench.commit({"train/promotion/reports/notes.md": b"# Notes"}), bench.head)

    assert (found.kind, found.passed) == ("records", True)


@pytest.mark.parametrize("said", [{"passed": False, "blocked_by": ["rows"]}, {"dry_run": True}], ids=str)
def test_the_report_of_a_promotion_that_did_not_happen_is_a_record(bench, said):  # noqa: F811
    found = bench.verify(bench.commit({bench.report: bench.document(bench.report) | said}, bench.base))

    assert (found.kind, found.passed) == ("records", True)


def test_what_comes_along_is_said_once(bench):  # noqa: F811
    (one,) = bench.verify(bench.commit({"README.md": b"# x"})).findings

    assert (one.rule, one.file) == ("promotion_mixed", "README.md")


def test_a_record_that_stands_is_not_put_right_by_a_promotion(bench):  # noqa: F811
    path = bench.evals["stage"]
    base = bench.commit({path: b"{}"}, bench.base)
    names = bench.run("diff", "--name-only", "main", "promotion").splitlines()
    found = bench.verify(bench.commit({name: bench.bytes(name) for name in names}, base), base)

    assert against(found) == {("record_changed", path, "")}


def test_two_dots_in_a_name_are_no_records(bench):  # noqa: F811
    path = "train/promotion/reports/a..b.json"
    found = bench.verify(bench.commit({path: b"{}"}, bench.head), bench.head)

    assert against(found) == {("promotion_path", path, "")}


def test_a_record_larger_than_any_is_not_read(bench, monkeypatch):  # noqa: F811
    for module in ("change", "verify"):
        monkeypatch.setattr(f"ftv4.steps.{module}.LARGEST", len(bench.bytes(bench.report)) - 1)
    found = bench.verify()

    assert ("record_unreadable", bench.report, "") in against(found)
    assert {rule for rule, _, _ in against(found)} == {"record_unreadable"}


# 12: back to what has served


def rolled_back(bench, then=None, by="ada@example.org", when=NOW, reason="it invents evidence"):  # noqa: F811
    """models.json as `ftv4 rollback` makes it, by default of the state before the promotion."""
    then = then or states(bench.git, bench.base)[-1]
    return way_back(bench.bytes(MODELS), STAGE, then, by, iso(when), reason).after


def test_a_rollback_is_verified(bench):  # noqa: F811
    found = bench.verify(bench.commit({MODELS: rolled_back(bench)}), bench.head)

    assert found.findings == ()
    assert (found.kind, found.stage, found.old_model_id, found.new_model_id) == (
        "rollback",
        STAGE,
        GOOD,
        RULE,
    )
    assert [one.path for one in found.subjects] == [MODELS]


def test_what_the_command_proposes_is_verified(bench, ftv4, tmp_path, monkeypatch):  # noqa: F811
    subprocess.run(["git", "clone", "-q", "-b", "promotion", bench.root, tmp_path / "here"], check=True)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("FTV4_NOW", NOW.isoformat())
    Git(tmp_path / "here")("config", "user.email", "ada@example.org")
    flags = ("--stage", STAGE, "--to", "previous", "--reason", "x", "--base", "promotion")
    assert ftv4("rollback", *flags).code == 0
    Git(tmp_path / "here")("-c", "user.name=Ada", "commit", "-q", "-a", "-m", "back")
    done = ftv4("verify", "--base", "origin/promotion")

    assert done.code == 0, done.out
    assert "verified: a rollback" in done.out


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.from_regex(r"[a-z]{1,8}:[A-Za-z0-9][A-Za-z0-9_.:-]{0,20}", fullmatch=True))
def test_no_rollback_reaches_what_never_served(bench, model):  # noqa: F811
    """Threat 12: whatever id, made by our own command's code from a state that never was."""
    config = json.loads(bench.bytes(MODELS, bench.base))
    config["stages"][STAGE]["model_id"] = model
    text = rolled_back(bench, as_state(written(config)))
    head = bench.commit({MODELS: b"{}"})
    found = _judge(Planted(bench.git, bench.head, bench.head, head, NOW, text), None)

    assert ("rollback_unknown", MODELS, f"/stages/{STAGE}/model_id") in against(found)


def test_what_only_a_side_branch_had_is_no_past(bench):  # noqa: F811
    config = json.loads(bench.bytes(MODELS))
    config["stages"][STAGE]["model_id"] = "sandbox:side"
    side = bench.commit({MODELS: config})
    merged = bench.commit({}, bench.head, parents=[bench.head, side])
    text = rolled_back(bench, as_state(written(config)))
    found = bench.verify(bench.commit({MODELS: text}, merged), merged)

    assert ("rollback_unknown", MODELS, f"/stages/{STAGE}/model_id") in against(found)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b'"max_tokens": 1200', b'"max_tokens": 900'),
        (b"blueocean-v1", b"blueocean-v2"),
        (b"synthesis-hvac-v1", b"core-v1"),
        (b'"action": "rollback"', b'"action": "promotion"'),
        (b'"old_model": "sandbox', b'"old_model": "openai'),
    ],
)
def test_a_rollback_brings_back_the_pin_as_it_was_and_nothing_more(bench, was, becomes):  # noqa: F811
    text = rolled_back(bench)
    assert was in text

    assert not bench.verify(bench.commit({MODELS: text.replace(was, becomes)}), bench.head).passed


def test_a_rollback_says_why(bench):  # noqa: F811
    found = bench.verify(bench.commit({MODELS: rolled_back(bench, reason="  ")}), bench.head)

    assert {rule for rule, _, _ in against(found)} == {"rollback_unexplained"}


@pytest.mark.parametrize("days", [-31, 2])
def test_a_rollback_is_of_these_days(bench, days):  # noqa: F811
    text = rolled_back(bench, when=NOW + timedelta(days=days))
    found = bench.verify(bench.commit({MODELS: text}), bench.head)

    assert {rule for rule, _, _ in against(found)} == {"promotion_stale"}


def test_a_rollback_says_when_as_ftv4_does(bench):  # noqa: F811
    when = NOW + timedelta(hours=1)  # unlike the promotion's
    text = rolled_back(bench, when=when).replace(iso(when).encode(), when.isoformat().encode())
    found = bench.verify(bench.commit({MODELS: text}), bench.head)

    assert {(rule, at.rpartition("/")[2]) for rule, _, at in against(found)} == {
        ("promotion_unbound", "timestamp")
    }


def test_a_rollback_to_what_serves_already_is_none(bench):  # noqa: F811
    config = bench.document(MODELS)
    pin = config["stages"][STAGE]
    entry = json.loads(rolled_back(bench))["stages"][STAGE]["promotion_history"][-1]
    pin["promotion_history"].append(entry | {"old_model": GOOD, "new_model": GOOD})
    found = bench.verify(bench.commit({MODELS: config}), bench.head)

    assert against(found) == {("rollback_unknown", MODELS, f"/stages/{STAGE}/model_id")}
    assert "serves already" in found.findings[0].problem


def test_a_rollback_to_a_model_whose_provider_is_gone_is_refused(bench):  # noqa: F811
    back = bench.commit({MODELS: rolled_back(bench)})
    providers = bench.document("config/providers.json")
    del providers["providers"]["sandbox"]
    base = bench.commit({"config/providers.json": providers}, back)
    then = states(bench.git, back)[-2]
    again = way_back(bench.bytes(MODELS, back), STAGE, then, "ada@example.org", iso(NOW), "again").after
    found = bench.verify(bench.commit({MODELS: again}, base), base)

    assert against(found) == {("model_ends", MODELS, f"/stages/{STAGE}/model_id")}
    assert "no provider sandbox" in found.findings[0].problem


def test_a_rollback_comes_alone(bench):  # noqa: F811
    found = bench.verify(bench.commit({MODELS: rolled_back(bench), "README.md": b"x"}), bench.head)

    assert {rule for rule, _, _ in against(found)} == {"promotion_mixed"}


def test_a_rollback_to_what_is_shut_down_is_refused(bench):  # noqa: F811
    """Threat 12 and 15: the promoted model has served, was replaced, and has ended since."""
    back = bench.commit({MODELS: rolled_back(bench)})
    providers = bench.document("config/providers.json")
    row = next(iter(providers["providers"]["openai"]["base_models"].values()))
    providers["providers"]["sandbox"]["base_models"] = {
        "gpt-4.1-mini-2025-04-14": row | {"shutdown_date": "2026-11-30"}
    }
    base = bench.commit({"config/providers.json": providers}, back)
    then = states(bench.git, back)[-2]
    again = way_back(bench.bytes(MODELS, back), STAGE, then, "ada@example.org", iso(NOW), "again").after
    assert bench.verify(bench.commit({MODELS: again}, back), back).passed
    found = bench.verify(bench.commit({MODELS: again}, base), base)

    assert {rule for rule, _, _ in against(found)} == {"model_ends"}


def test_threat_14_a_rollback_to_a_strangers_model_is_refused(bench):  # noqa: F811
    back = bench.commit({MODELS: rolled_back(bench)})
    policy = bench.document(POLICY)
    policy["promotion"]["owners"] = ["other"]
    base = bench.commit({POLICY: policy}, back)
    then = states(bench.git, back)[-2]
    again = way_back(bench.bytes(MODELS, back), STAGE, then, "ada@example.org", iso(NOW), "again").after
    found = bench.verify(bench.commit({MODELS: again}, base), base)

    assert against(found) == {("model_not_ours", MODELS, f"/stages/{STAGE}/model_id")}


def test_in_a_shallow_clone_nothing_comes_back(bench, tmp_path):  # noqa: F811
    head = bench.commit({MODELS: rolled_back(bench)})
    bench.run("update-ref", "refs/heads/back", head)
    subprocess.run(
        ["git", "clone", "-q", "--depth=2", "-b", "back", f"file://{bench.root}", tmp_path / "s"], check=True
    )
    from ftv4.steps.verify import verify

    found = verify(Git(tmp_path / "s"), bench.head, head, NOW)

    assert {rule for rule, _, _ in against(found)} == {"history_unknown"}


# 36, 39: of two that race, the second goes stale


def test_a_rollback_merged_first_makes_the_promotion_stale_and_the_other_way_round(bench):  # noqa: F811
    other = bench.document(MODELS)
    other["stages"]["blue_ocean"]["model_id"] = "deterministic:core-v1"
    moved = bench.commit({MODELS: other})
    back = bench.commit({MODELS: rolled_back(bench)})
    found = bench.verify(back, moved)
    assert (found.kind, against(found)) == ("rollback", {("promotion_stale", MODELS, "")})

    base = bench.commit({MODELS: bench.bytes(MODELS, back)}, bench.base)
    found = bench.verify(bench.head, base)
    assert against(found) == {("promotion_stale", bench.report, "/bound/models_sha256")}


# 40: the forge's Revert button


def clone(bench, tmp_path, name):  # noqa: F811
    """A clone with the promotion merged into main, as the forge merges."""
    folder = tmp_path / name
    subprocess.run(["git", "clone", "-q", "-b", "main", bench.root, folder], check=True)
    git = Git(folder)
    for key, value in (("user.email", "bo@example.org"), ("user.name", "Bo")):
        git("config", key, value)
    git("merge", "-q", "--no-ff", "-m", "Merge", "origin/promotion")
    return git


def checked(git, base="main~1", head="main"):
    from ftv4.steps.verify import verify

    return verify(git, base, head, NOW)


def test_the_revert_button_is_accepted_with_a_warning(bench, tmp_path):  # noqa: F811
    git = clone(bench, tmp_path, "a")
    git("revert", "--no-edit", "-m", "1", "HEAD")
    found = checked(git)

    assert found.passed
    assert (found.kind, found.stage, found.new_model_id) == ("revert", STAGE, RULE)
    assert [one.rule for one in found.findings] == ["revert_unexplained"]


def test_a_revert_of_a_revert_is_one_too(bench, tmp_path):  # noqa: F811
    git = clone(bench, tmp_path, "b")
    git("revert", "--no-edit", "-m", "1", "HEAD")
    git("revert", "--no-edit", "HEAD")
    found = checked(git)

    assert found.passed
    assert found.new_model_id == GOOD


def test_a_revert_leaves_what_another_stage_got_meanwhile(bench, tmp_path):  # noqa: F811
    git = clone(bench, tmp_path, "c")
    path = git.folder / MODELS
    path.write_text(path.read_text().replace("deterministic:blueocean-v1", "deterministic:core-v1"))
    git("commit", "-q", "-a", "-m", "another stage")
    git("revert", "--no-edit", "-m", "1", "HEAD~1")
    found = checked(git)

    assert found.passed, found.findings
    assert "deterministic:core-v1" in path.read_text()


@pytest.mark.parametrize(
    "meddle",
    [
        lambda folder: (folder / MODELS).write_text(
            (folder / MODELS).read_text().replace("synthesis-v1", "synthesis-v2")
        ),
        lambda folder: (folder / MODELS).write_text(
            (folder / MODELS).read_text().replace("blueocean-v1", "blueocean-v2")
        ),
        lambda folder: (folder / "config/intelligence_v4.policy.json").unlink(),
        lambda folder: next((folder / "train/finetune_runs").rglob("job.json")).unlink(),
    ],
)
def test_a_revert_with_something_more_is_refused(bench, tmp_path, meddle):  # noqa: F811
    git = clone(bench, tmp_path, "d")
    git("revert", "--no-edit", "-m", "1", "HEAD")
    meddle(git.folder)
    git("commit", "-q", "-a", "--amend", "--no-edit")

    assert not checked(git).passed


def test_a_revert_to_what_is_shut_down_is_refused(bench, tmp_path):  # noqa: F811
    git = clone(bench, tmp_path, "e")
    git("revert", "--no-edit", "-m", "1", "HEAD")
    path = git.folder / "config/providers.json"
    providers = json.loads(path.read_text())
    row = next(iter(providers["providers"]["openai"]["base_models"].values()))
    providers["providers"]["sandbox"]["base_models"] = {
        "gpt-4.1-mini-2025-04-14": row | {"shutdown_date": "2026-11-30"}
    }
    path.write_text(json.dumps(providers))
    git("commit", "-q", "-a", "-m", "news of the provider")
    git("revert", "--no-edit", "HEAD~1")
    found = checked(git)

    assert {rule for rule, _, _ in against(found)} == {"model_ends"}


def undone(bench, *, text=None, mode="100644"):  # noqa: F811
    """The undoing of a commit that moved a stage and changed the policy besides."""
    before = bench.bytes(POLICY, bench.base)
    moved = bench.commit({MODELS: bench.bytes(MODELS), POLICY: before + b"\n"}, bench.base)
    plain = bench.bytes(MODELS, bench.base)
    head = bench.commit({MODELS: plain if text is None else text(plain), POLICY: (mode, before)}, moved)
    return bench.verify(head, moved)


def test_a_revert_brings_files_back_as_they_were(bench):  # noqa: F811
    assert (undone(bench).kind, undone(bench).passed) == ("revert", True)
    assert not undone(bench, mode="100755").passed
    assert not undone(bench, text=lambda plain: json.dumps(json.loads(plain)).encode()).passed
