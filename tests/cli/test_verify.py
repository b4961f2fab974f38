import json
import subprocess
from dataclasses import replace
from datetime import timedelta

import pytest

from ftv4.canonical import digest
from ftv4.clients.git import Git, Remote
from ftv4.clients.ledger import Ledger
from ftv4.contracts.promotion import PromotionReport
from ftv4.contracts.run import RunManifest
from ftv4.documents import MODELS, POLICY, Repository, to_json
from ftv4.steps.runs import read_run
from ftv4.steps.snapshot import Snapshot
from ftv4.steps.verify import concerns, verify
from ftv4.steps.verify_run import loose_ends
from tests.cli.test_promote import RULE, forge, git, owned_by, plant_run, promote, ready  # noqa: F401
from tests.forge_sandbox import NAME
from tests.promotion_bench import GOOD, NOW, STAGE, against, bench, setting  # noqa: F401
from tests.workflow_run import WorkflowRun


def rules(found):
    return {rule for rule, _, _ in against(found)}


# what passes


def test_a_promotion_as_it_was_made_is_verified(bench):  # noqa: F811
    found = bench.verify()

    assert found.findings == ()
    assert found.passed
    assert (found.kind, found.stage, found.verdict) == ("promotion", STAGE, "IMPROVED")
    assert (found.old_model_id, found.new_model_id) == ("deterministic:synthesis-v1", GOOD)
    assert {one.path for one in found.subjects} == {MODELS, bench.report, bench.card, *bench.evals.values()}


def test_what_the_forge_got_is_verified_too(ready, promote, forge, ftv4):  # noqa: F811
    _, answer, _ = promote("--open-pr")
    pull = forge.github().get_pull(answer["pull_request"]["number"])
    git(ready, "fetch", "-q", str(forge.git), pull.head.ref)
    done = ftv4("verify", "--base", "main", "--head", "FETCH_HEAD")

    assert done.code == 0, done.out
    assert f"verified: a promotion: {STAGE} from deterministic:synthesis-v1 to {GOOD}" in done.out


def test_what_promote_lists_is_all_that_a_commit_needs(ready, promote, ftv4):  # noqa: F811
    plant_live_run(ready, ftv4)

    promote(form="text")
    listed = [word for word in promote.out.split() if "/" in word and ready.has(word)]
    git(ready, "add", "--", *listed)
    git(ready, "commit", "-q", "-m", "promoted")
    done = ftv4("verify", "--base", "HEAD~1")

    assert (done.code, "run_manifest" in promote.out) == (0, True), done.out
    assert "isn't committed" not in promote.out


def plant_live_run(ready, ftv4):  # noqa: F811
    """A run that was paid for, not only planned."""
    folder = plant_run(ready, ftv4, GOOD.removeprefix("sandbox:"))
    manifest = ready.read_json(f"{folder}/run_manifest.json")
    ready.write(
        f"{folder}/run_manifest.json", to_json(RunManifest.model_validate(manifest | {"dry_run": False}))
    )


@pytest.mark.parametrize("how", ["new", "changed"])
def test_promote_says_that_verify_will_refuse_a_dataset_that_is_not_committed(ready, promote, ftv4, how):  # noqa: F811
    path = "train/datasets/stage_synthesis.jsonl"
    if how == "new":
        git(ready, "rm", "-q", "--cached", path)
        git(ready, "commit", "-q", "-m", "no rows")
    else:
        ready.write(path, ready.read_bytes(path).split(b"\n", 1)[1])
    plant_live_run(ready, ftv4)

    code, answer, _ = promote()

    assert code == 0
    (note,) = answer["notes"]
    assert note.startswith(f"{path} isn't committed in HEAD as it is here: `ftv4 verify` will refuse")
    git(ready, "add", "--", *answer["files"])
    git(ready, "commit", "-q", "-m", "promoted")
    assert ftv4("verify", "--base", "HEAD~1").code != 0


def test_what_the_promote_workflow_asks_is_on_the_ledger_and_what_a_person_asks_is_not(
    ready,  # noqa: F811
    promote,  # noqa: F811
    forge,  # noqa: F811
    monkeypatch,
    tmp_path,
):
    def ledger():
        with Ledger.opened(Remote(str(forge.git))) as door:
            return door.read().files

    def proposed(*flags):
        number = promote("--open-pr", *flags)[1]["pull_request"]["number"]
        git(ready, "fetch", "-q", str(forge.git), forge.github().get_pull(number).head.ref)
        return verify(Git(ready.root), "main", "FETCH_HEAD", NOW, ledger)

    assert proposed("--ledger", str(forge.git)).ledger == "missing"
    job = WorkflowRun(tmp_path / "runner", monkeypatch.setenv)
    job.set(GITHUB_SERVER_URL=forge.url, GITHUB_API_URL=forge.url, GITHUB_REPOSITORY=NAME)
    found = proposed()

    assert (found.ledger, found.findings) == ("answers", ())
    assert set(ledger()) == {one.path for one in found.subjects if one.path.startswith("evals/")}


def test_nothing_of_a_promotion_is_nothing_to_verify(bench):  # noqa: F811
    found = bench.verify(bench.commit({"README.md": b"# Models\n"}, bench.base))

    assert (found.kind, found.passed, found.subjects) == ("nothing", True, ())


@pytest.mark.parametrize(
    ("path", "concerned"),
    [
        (MODELS, True),
        ("train/promotion/x", True),
        ("train/model_cards/blue_ocean/x.md", True),
        ("train/finetune_runs/blue_ocean/1/job.json", True),
        ("evals/report_1.json", True),
        ("Config/Intelligence_v4.models.json", True),
        ("evals/\N{FULLWIDTH LATIN SMALL LETTER R}eport_1.json", True),
        ("train/promotion", True),
        ("evals/cases/a.json", False),
        ("train/datasets/stage_quant.jsonl", False),
        ("config/intelligence_v4.policy.json", False),
    ],
)
def test_what_concerns_the_verifier(path, concerned):
    assert concerns(["README.md", path]) == concerned


# 10: nothing it says of itself counts


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/passed", False),
        ("/verdict", "NON_INFERIOR"),
        ("/blocked_by", ["nothing"]),
        ("/warnings", ["all is well"]),
        ("/evals/passed", False),
        ("/evals/pipeline/totals/passed", 7),
        ("/evals/stage/totals/failed", 1),
        ("/evals/pinned/totals/fixtures", 5),
        ("/evals/comparison/wins", 5),
        ("/evals/comparison/p_better", 0.001),
        ("/evals/comparison/verdict", "INCONCLUSIVE"),
        ("/evals/comparison/pairs/0/b_agreement", 0.5),
        ("/dataset/eligible_rows", 43),
        ("/dataset/total_rows", 41),
        ("/dataset/min_rows_required", 1),
        ("/lifetime/days_left", 400),
        ("/lifetime/source", "a friend"),
        ("/cleared_overrides/hvac", "deterministic:other"),
    ],
)
def test_no_number_or_flag_of_a_report_is_believed(bench, pointer, value):  # noqa: F811
    found = bench.verify(bench.edited(bench.report, setting(pointer, value)))

    assert any(file == bench.report and at.startswith(pointer) for _, file, at in against(found)), found


@pytest.mark.parametrize(
    ("arm", "pointer", "value"),
    [
        ("stage", "/results/0/passed", False),
        ("stage", "/results/3/agreement", 0.25),
        ("pinned", "/results/0/agreement", 0.0),
        ("pipeline", "/results/5/grounding_passed", False),
        ("pipeline", "/results/0/answers/0/scores/0/passed", False),
        ("stage", "/totals/passed", 5),
        ("stage", "/results/0/answers/0/answer", "{}"),
        ("pinned", "/results/1/answers/0/answer", "no answer at all"),
        ("stage", "/results/0/answers/0/model_id", "sandbox:other"),
        ("stage", "/results/0/fixture_id", "another_case"),
    ],
)
def test_scores_are_earned_by_the_answers_or_refused(bench, arm, pointer, value):  # noqa: F811
    found = bench.verify(bench.edited(bench.evals[arm], setting(pointer, value)))

    assert ("promotion_differs", bench.evals[arm], "/results") in against(found)


def test_a_case_left_out_is_missed(bench):  # noqa: F811
    def drop(report):
        report["results"].pop()
        report["totals"] = {"fixtures": 5, "passed": 5, "failed": 0}

    assert not bench.verify(bench.edited(bench.evals["stage"], drop)).passed


def test_a_failing_candidate_is_refused_however_well_its_records_fit(bench):  # noqa: F811
    """Everything derived from a bad answer, and a models.json that pins the model all the same."""
    import ftv4.steps.verify_promotion as derivation
    from ftv4.steps.change import Change

    report = bench.document(bench.evals["stage"])
    result = report["results"][0]
    scores = result["answers"][0]["scores"]
    result |= {"answers": [result["answers"][0] | {"answer": "hello", "scores": _ungraded(bench)}]}
    assert scores != result["answers"][0]["scores"]
    head = bench.commit({bench.evals["stage"]: report})
    found = bench.verify(head)

    assert not found.passed
    assert derivation.check_promotion(Change(bench.git, bench.base, bench.base, head, NOW), bench.report)[0]


def _ungraded(bench):  # noqa: F811
    from ftv4.graders import ungradable
    from ftv4.stages import STAGES

    return [score.model_dump(mode="json") for score in ungradable(STAGES[STAGE], "the answer is not JSON")]


# 9, 14: evidence of one thing is none of another


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/stage", "blue_ocean"),
        ("/old_model_id", "deterministic:core-v1"),
        ("/base_model", "gpt-4o-mini-2024-07-18"),
        ("/generated_at", "2026-11-22T12:00:01.000Z"),
        ("/dataset/sha256", "0" * 64),
        ("/dataset/path", "evals/cases/x.jsonl"),
        ("/dataset/path", "../../../etc/passwd"),
        ("/dataset/run_manifest_path", None),
        ("/dataset/run_manifest_path", "train/finetune_runs/blue_ocean/1/run_manifest.json"),
        ("/evals/stage/report_sha256", "0" * 64),
        ("/evals/stage/report_path", None),
        ("/evals/stage/report_path", "../x.json"),
        ("/bound", None),
        ("/bound/models_sha256", "0" * 64),
        ("/bound/policy_sha256", "0" * 64),
        ("/bound/cases_sha256", "0" * 64),
        ("/bound/parameters_sha256", "0" * 64),
        ("/bound/run_key", "0" * 64),
        ("/bound/job_id", "ftjob-2"),
        ("/bound/training_sha256", "0" * 64),
    ],
)
def test_each_field_swapped_alone_is_named(bench, pointer, value):  # noqa: F811
    found = bench.verify(bench.edited(bench.report, setting(pointer, value)))

    assert any(file == bench.report and at == pointer for _, file, at in against(found)), found.findings


@pytest.mark.parametrize(
    "model",
    [
        "sandbox:ft:gpt-4.1-mini-2025-04-14:acme::other",
        GOOD.upper(),
        GOOD.replace("good", "Good"),
        GOOD.replace("acme", "\N{CYRILLIC SMALL LETTER A}cme"),
        GOOD.replace("acme", "evil"),
        f"openai:{GOOD.removeprefix('sandbox:')}",
    ],
)
@pytest.mark.parametrize("where", ["report", "job"])
def test_the_model_trained_asked_and_pinned_is_one_and_the_same(bench, where, model):  # noqa: F811
    places = {
        "report": (bench.report, "/new_model_id", model),
        "job": (bench.job, "/openai/fine_tuned_model", model.partition(":")[2]),
    }
    if where == "job" and model.startswith("openai:"):
        places["job"] = (bench.job, "/provider", "openai")
    path, pointer, value = places[where]
    found = bench.verify(bench.edited(path, setting(pointer, value)))

    assert rules(found) & {"promotion_unbound", "promotion_differs", "record_unreadable"}
    assert any(file == path for _, file, _ in against(found)) or where == "report"


@pytest.mark.parametrize(
    ("file", "pointer", "value"),
    [
        ("manifest", "/stage", "blue_ocean"),
        ("manifest", "/run_key", "0" * 64),
        ("manifest", "/key_of/stage", "blue_ocean"),
        ("manifest", "/key_of/provider", "openai"),
        ("manifest", "/key_of/base_model", "gpt-4o"),
        ("manifest", "/config/base_model", "gpt-4o"),
        ("manifest", "/config/suffix", "other"),
        ("manifest", "/config/seed", 7),
        ("manifest", "/config/n_epochs", 7),
        ("manifest", "/config/learning_rate_multiplier", 0.5),
        ("manifest", "/hashes/training_sha256", "0" * 64),
        ("manifest", "/dry_run", True),
        ("manifest", "/output_dir", "train/finetune_runs/synthesis_decision/other"),
        ("job", "/stage", "blue_ocean"),
        ("job", "/provider", "openai"),
        ("job", "/run_key", "0" * 64),
        ("job", "/dataset_path", "train/datasets/other.jsonl"),
        ("job", "/openai/job_id", None),
        ("job", "/openai/status", "running"),
        ("job", "/openai/base_model", "gpt-4o"),
    ],
)
def test_a_run_whose_parts_do_not_fit_made_nothing(bench, file, pointer, value):  # noqa: F811
    path = {"manifest": bench.manifest, "job": bench.job}[file]
    found = bench.verify(bench.edited(path, setting(pointer, value)))

    named = {
        "/config/base_model": "/key_of/base_model",
        "/config/suffix": "/key_of/suffix",
        "/config/seed": "/key_of/seed",
        "/config/n_epochs": "/key_of/n_epochs",
        "/config/learning_rate_multiplier": "/key_of/learning_rate_multiplier",
        "/hashes/training_sha256": "/key_of/training_sha256",
    }

    assert ("record_changed", path, "") in against(found)
    assert ("promotion_unbound", path, named.get(pointer, pointer)) in against(found)


@pytest.mark.parametrize(
    ("asked", "answered", "model", "fits"),
    [
        ("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", "ft:gpt-4.1-mini-2025-04-14:acme::x", True),
        ("gpt-4.1-mini", "gpt-4.1-mini", "ft:gpt-4.1-mini-2025-04-14:acme::x", True),
        ("gpt-4.1", "gpt-4.1-mini-2025-04-14", "ft:gpt-4.1-mini-2025-04-14:acme::x", False),
        ("gpt-4.1-mini", "gpt-4.1-mini", "ft:gpt-4o-2024-08-06:acme::x", False),
        ("llama", "llama", "llama-tuned", True),
    ],
)
def test_a_base_model_may_be_called_by_its_alias_and_no_other(bench, asked, answered, model, fits):  # noqa: F811
    report = PromotionReport.model_validate(
        bench.document(bench.report) | {"new_model_id": f"sandbox:{model}"}
    )
    run = read_run(Snapshot(Repository(bench.root), data=bench.head, rest=bench.head), bench.folder)
    key = run.manifest.key_of.model_copy(update={"base_model": asked})
    config = run.manifest.config.model_copy(update={"base_model": asked})
    run_key = digest(key.model_dump())
    ids = run.job.openai.model_copy(update={"base_model": answered, "fine_tuned_model": model})
    made = replace(
        run,
        manifest=run.manifest.model_copy(update={"key_of": key, "config": config, "run_key": run_key}),
        job=run.job.model_copy(update={"openai": ids, "run_key": run_key}),
    )

    assert (loose_ends(made, report) == []) == fits


def test_the_report_of_one_stage_is_none_of_another(bench):  # noqa: F811
    moved = bench.report.replace(STAGE, "blue_ocean")
    found = bench.verify(bench.commit({bench.report: None, moved: bench.bytes(bench.report)}))

    assert ("promotion_unbound", moved, "/stage") in against(found)


def test_a_member_said_twice_is_not_overlooked(bench):  # noqa: F811
    for path in (bench.report, bench.job, bench.evals["stage"]):
        text = bench.bytes(path).replace(b"{", b'{"stage": "blue_ocean",', 1)
        assert not bench.verify(bench.commit({path: text})).passed


def test_a_run_that_made_the_model_cannot_be_kept_quiet(bench):  # noqa: F811
    found = bench.verify(bench.edited(bench.report, setting("/dataset/run_manifest_path", None)))

    assert ("promotion_unbound", bench.report, "/dataset/run_manifest_path") in against(found)


# 11, 36: what it was weighed by must be what the base has


def test_another_policy_since_makes_it_stale(bench):  # noqa: F811
    policy = bench.document("config/intelligence_v4.policy.json", bench.base)
    policy["max_actions_30_days"] = 8
    base = bench.commit({"config/intelligence_v4.policy.json": policy}, bench.base)
    found = bench.verify(base=base)

    assert ("promotion_stale", bench.report, "/bound/policy_sha256") in against(found)


def test_another_models_json_since_makes_it_stale_and_says_what_to_do(bench):  # noqa: F811
    config = bench.document(MODELS, bench.base)
    config["stages"]["blue_ocean"]["temperature"] = 0.1
    found = bench.verify(base=bench.commit({MODELS: config}, bench.base))

    assert against(found) == {("promotion_stale", bench.report, "/bound/models_sha256")}
    assert "ftv4 promote" in found.findings[0].fix


def test_other_cases_since_make_it_stale(bench):  # noqa: F811
    gone = next(path for path in bench.run("ls-files", "evals/cases").splitlines())
    found = bench.verify(base=bench.commit({gone: None}, bench.base))

    assert ("promotion_stale", bench.evals["stage"], "/cases_sha256") in against(found)


def test_other_rows_since_are_seen(bench):  # noqa: F811
    path = "train/datasets/stage_synthesis.jsonl"
    rows = bench.bytes(path, bench.base).split(b"\n", 1)[1]
    found = bench.verify(base=bench.commit({path: rows}, bench.base))

    assert ("promotion_differs", bench.report, "/dataset/sha256") in against(found)


@pytest.mark.parametrize(("days", "passed"), [(30, True), (31, False), (-2, False)])
def test_a_promotion_is_not_for_ever(bench, days, passed):  # noqa: F811
    found = bench.verify(now=NOW + timedelta(days=days, hours=1))

    assert found.passed == passed
    assert passed or rules(found) == {"promotion_stale"}


# 13: records are only added


@pytest.mark.parametrize("how", ["modified", "deleted", "renamed"])
@pytest.mark.parametrize("which", ["report", "eval", "job", "manifest", "card"])
def test_what_was_recorded_stays(bench, how, which):  # noqa: F811
    path = {"report": bench.report, "eval": bench.evals["pinned"], "job": bench.job, "card": bench.card,
            "manifest": bench.manifest}[which]  # fmt: skip
    text = bench.bytes(path)
    changes = {
        "modified": {path: text.replace(b"2026", b"2025")},
        "deleted": {path: None},
        "renamed": {path: None, path.replace("_", "-"): text},
    }[how]
    if how == "deleted":
        changes[MODELS] = bench.bytes(MODELS).replace(b"blueocean-v1", b"blueocean-v2")
    found = bench.verify(bench.commit(changes), base=bench.head)

    assert ("record_changed", path, "") in against(found)


def test_new_records_beside_old_ones_are_welcome(bench):  # noqa: F811
    text = bench.bytes(bench.evals["pinned"]).replace(b"report_20261122", b"report_20261123")
    found = bench.verify(bench.commit({"evals/report_20261123.json": text}), base=bench.head)

    assert (found.kind, found.passed) == ("records", True)


def test_a_job_that_has_not_ended_may_go_on(bench):  # noqa: F811
    running = bench.document(bench.job)
    running["openai"] |= {"status": "running", "fine_tuned_model": None}
    base = bench.commit({bench.job: running}, bench.base)

    assert bench.verify(bench.commit({bench.job: bench.bytes(bench.job)}, base), base).passed


def test_a_record_that_nobody_can_read_is_refused(bench):  # noqa: F811
    found = bench.verify(bench.commit({"evals/report_x.json": b"{"}, bench.base))

    assert rules(found) == {"record_unreadable"}


# what else a change may hold


@pytest.mark.parametrize(
    "path", ["config/intelligence_v4.policy.json", "ftv4/steps/verify.py", "train/datasets/stage_quant.jsonl",
             "templates/model_card.md.j2", "evals/cases/new.json", ".github/workflows/verdict.yml"],
)  # fmt: skip
def test_a_promotion_comes_alone(bench, path):  # noqa: F811
    found = bench.verify(bench.commit({path: b"{}\n"}))

    assert ("promotion_mixed", path, "") in against(found)


def test_the_policy_that_a_change_brings_judges_nothing(bench):  # noqa: F811
    lax = bench.document("config/intelligence_v4.policy.json", bench.base)
    lax["promotion"] = {"max_age_days": 4000}
    found = bench.verify(
        bench.commit({"config/intelligence_v4.policy.json": lax}), now=NOW + timedelta(days=40)
    )

    assert "promotion_stale" in rules(found)


def test_no_link_or_submodule_takes_the_place_of_the_records(bench):  # noqa: F811
    for mode, content in (("120000", b"/tmp"), ("160000", bench.base.encode())):
        found = bench.verify(bench.commit({"train/promotion": (mode, content)}, bench.base))
        assert ("promotion_path", "train/promotion", "") in against(found)


@pytest.mark.parametrize("mode", ["120000", "100755"])
def test_records_are_plain_files(bench, mode):  # noqa: F811
    for path in (MODELS, bench.report):
        found = bench.verify(bench.commit({path: (mode, bench.bytes(path))}))
        assert ("promotion_path", path, "") in against(found)


@pytest.mark.parametrize(
    "path",
    [
        "Config/intelligence_v4.models.json",
        "config/intelligence_v4.models.JSON",
        "evals/report_\N{LATIN SMALL LETTER E WITH ACUTE}.json",
        "train/promotion/a b.json",
        "train/promotion/x\n.json",
    ],
)
def test_no_other_path_poses_as_a_record(bench, path):  # noqa: F811
    found = bench.verify(bench.commit({path: b"{}"}, bench.base))

    assert ("promotion_path", path, "") in against(found)


def test_another_models_card_does_not_come_along(bench):  # noqa: F811
    found = bench.verify(bench.commit({f"train/model_cards/{STAGE}/other.md": b"# Approved\n"}))

    assert rules(found) == {"promotion_mixed"}


def test_a_card_says_what_its_records_give(bench):  # noqa: F811
    text = bench.bytes(bench.card).replace(b"IMPROVED", b"PERFECT")
    found = bench.verify(bench.commit({bench.card: text}))

    assert {(rule, file) for rule, file, _ in against(found)} == {("promotion_differs", bench.card)}
    assert found.findings[0].line


def test_what_was_forced_past_and_why_is_on_the_page(ready, promote, ftv4):  # noqa: F811
    plant_run(ready, ftv4, "never:mind")
    git(ready, "add", ".")
    git(ready, "commit", "-q", "-m", "start")
    assert promote("--force", "--reason", "half the price | @ada", model=RULE, answers={})[0] == 0
    git(ready, "add", ".")
    git(ready, "commit", "-q", "-m", "promote")
    done = ftv4("verify", "--base", "HEAD~1", "--format", "markdown")
    (told,) = [line for line in done.out.splitlines() if "`promotion_forced`" in line]

    assert (done.code, "0 errors, 1 warning;" in done.out) == (0, True), done.out
    assert told.startswith("| warning |")
    assert "forced past verdict INCONCLUSIVE: " in told
    assert "half the price" in told
    assert told.count("|") == 6
    assert "@" not in told


@pytest.mark.parametrize("required", [True, False])
def test_a_policy_may_want_all_of_it_on_the_ledger(ready, promote, required):  # noqa: F811
    policy = ready.read_json(POLICY)
    policy.setdefault("promotion", {})["require_ledger"] = required
    ready.write(POLICY, json.dumps(policy))
    git(ready, "commit", "-qam", "policy")
    promote()
    git(ready, "add", ".")
    git(ready, "commit", "-q", "-m", "promote")
    found = verify(Git(ready.root), "HEAD~1", "HEAD", NOW, dict)
    (lacks,) = [one for one in found.findings if one.rule == "not_on_ledger"]

    assert (found.passed, lacks.severity) == (not required, "error" if required else "warning")
    assert "promote workflow" in lacks.fix


def test_what_a_reviewer_weighs_is_on_the_page_by_our_own_account(bench):  # noqa: F811
    """Whatever the pull request's own text says of it."""
    weighed = bench.verify().weighed
    report = PromotionReport.model_validate_json(bench.bytes(bench.report))

    assert (weighed.wins, weighed.losses, weighed.ties) == (6, 0, 0)
    assert (weighed.eligible_rows, weighed.needed_rows) == (42, report.dataset.min_rows_required)
    assert weighed.warnings == report.warnings
    assert weighed.lifetime == report.lifetime


# 15: a model that is about to end


@pytest.mark.parametrize(
    ("day", "passed"), [("2026-12-22", True), ("2026-12-21", False), ("2026-11-01", False)]
)
def test_a_model_must_last_as_long_as_the_policy_asks(bench, day, passed):  # noqa: F811
    """By the dated table of the base, which has learnt of it since."""
    providers = bench.document("config/providers.json", bench.base)
    row = next(iter(providers["providers"]["openai"]["base_models"].values()))
    providers["providers"]["sandbox"]["base_models"] = {
        "gpt-4.1-mini-2025-04-14": row | {"shutdown_date": day}
    }
    found = bench.verify(base=bench.commit({"config/providers.json": providers}, bench.base))

    assert ("model_ends" in rules(found)) == (not passed)


def test_the_word_of_a_provider_counts_where_it_ends_sooner(ready, promote, ftv4):  # noqa: F811
    plant_run(ready, ftv4, "never:mind")
    git(ready, "add", ".")
    git(ready, "commit", "-q", "-m", "start")
    promote("--dry-run=false", shutdowns={GOOD.removeprefix("sandbox:"): "2027-01-14"})
    git(ready, "add", ".")
    git(ready, "commit", "-q", "-m", "promote")
    here = Git(ready.root)

    assert verify(here, "HEAD~1", "HEAD", NOW).passed
    late = verify(here, "HEAD~1", "HEAD", NOW + timedelta(days=25))
    assert rules(late) == {"model_ends"}


# what else a report claims, one thing at a time


def test_a_run_is_written_as_ftv4_writes_it(bench):  # noqa: F811
    """When the change brings it: what reads the same may hide something."""
    base = bench.commit({bench.manifest: None, bench.job: None}, bench.base)
    run = {name: bench.bytes(name, bench.base) for name in (bench.manifest, bench.job)}
    assert bench.verify(bench.commit(run, bench.head, [base]), base).passed

    for name, text in run.items():
        other = run | {name: json.dumps(json.loads(text)).encode()}
        found = bench.verify(bench.commit(other, bench.head, [base]), base)
        assert {(rule, file) for rule, file, _ in against(found)} == {("record_unreadable", name)}


def test_a_run_lies_right_below_its_stage(bench):  # noqa: F811
    folder = f"{bench.folder}/deeper"
    manifest = bench.document(bench.manifest) | {"output_dir": folder}
    report = bench.document(bench.report)
    report["dataset"]["run_manifest_path"] = f"{folder}/run_manifest.json"
    job = bench.bytes(bench.job)
    files = {bench.report: report, f"{folder}/run_manifest.json": manifest, f"{folder}/job.json": job}
    found = bench.verify(bench.commit(files))

    assert against(found) == {("promotion_unbound", bench.report, "/dataset/run_manifest_path")}


def test_a_last_day_that_no_provider_told_is_not_taken(bench):  # noqa: F811
    said = {"shutdown_date": "2027-06-01", "days_left": 191, "source": "a friend"}
    found = bench.verify(bench.edited(bench.report, setting("/lifetime", said)))

    assert ("promotion_differs", bench.report, "/lifetime/source") in against(found)


def test_a_dataset_that_is_gone_is_a_finding(bench):  # noqa: F811
    head = bench.edited(bench.report, setting("/dataset/path", "train/datasets/none.jsonl"))
    found = bench.verify(head)

    assert against(found) == {("promotion_unbound", bench.report, "")}
    assert "no such dataset" in found.findings[0].problem


def test_a_trial_promotes_nothing(bench):  # noqa: F811
    found = bench.verify(bench.edited(bench.report, setting("/dry_run", True)))

    assert against(found) == {("promotion_unbound", bench.report, "/dry_run")}


@pytest.mark.parametrize("pointer", ["/stage", "/report_path"])
def test_an_eval_report_is_of_this_stage_and_this_file(bench, pointer):  # noqa: F811
    value = {"/stage": "blue_ocean", "/report_path": bench.evals["pipeline"]}[pointer]
    found = bench.verify(bench.edited(bench.evals["stage"], setting(pointer, value)))

    assert ("promotion_unbound", bench.evals["stage"], pointer) in against(found)


def test_a_models_json_that_cannot_be_read_differs_from_the_derived_one(bench):  # noqa: F811
    found = bench.verify(bench.commit({MODELS: b"{"}))

    assert ("promotion_differs", MODELS) in {(rule, file) for rule, file, _ in against(found)}


def test_a_report_that_stands_is_no_new_promotion(bench):  # noqa: F811
    config = bench.document(MODELS)
    config["stages"][STAGE]["temperature"] = 0.3
    rewritten = bench.document(bench.report) | {"passed": False}
    found = bench.verify(bench.commit({MODELS: config, bench.report: rewritten}), bench.head)

    assert (found.kind, {rule for rule, _, _ in against(found)}) == (
        "edit",
        {"models_edited", "record_changed"},
    )


@pytest.mark.parametrize(
    ("status", "final"), [("succeeded", True), ("failed", True), ("cancelled", True), ("running", False)]
)
def test_a_job_that_has_ended_stays_as_it_is(bench, status, final):  # noqa: F811
    job = bench.document(bench.job)
    job["openai"] |= {"status": status}
    base = bench.commit({bench.job: job}, bench.base)
    found = bench.verify(
        bench.commit({bench.job: job | {"updated_at": "2026-11-21T14:00:00.000Z"}}, base), base
    )

    assert ("record_changed", bench.job, "") in against(found) or not final
    assert found.passed != final


def test_that_the_pinned_model_was_not_heard_is_said(ready, promote):  # noqa: F811
    models = ready.read_json(MODELS)
    models["stages"][STAGE]["model_id"] = "sandbox:gone"
    ready.write(MODELS, json.dumps(models, indent=2) + "\n")
    git(ready, "commit", "-q", "-a", "-m", "gone")
    assert promote("--dry-run=false", "--force", "--reason", "it is gone")[0] == 0
    git(ready, "add", ".")
    git(ready, "commit", "-q", "-m", "promote")
    found = verify(Git(ready.root), "HEAD~1", "HEAD", NOW)

    assert found.passed, found.findings
    assert "pinned_not_heard" in {one.rule for one in found.findings}


# 43: whose card


def test_another_models_card_at_the_path_is_seen(bench):  # noqa: F811
    base = bench.commit({bench.card: b"# Model card: `openai:ft:other`\n"}, bench.base)
    found = bench.verify(bench.commit({bench.card: bench.bytes(bench.card)}, bench.head, [base]), base)

    assert any("is the card of another model" in one.problem for one in found.findings)


# 14: whose model


def test_a_strangers_model_is_seen_by_the_verifier_however_it_was_promoted(ready, promote, monkeypatch):  # noqa: F811
    owned_by(ready, "acme-two")
    git(ready, "commit", "-q", "-a", "-m", "owners")
    with monkeypatch.context() as blind:
        blind.setattr("ftv4.steps.weigh.not_ours", lambda *_: [])
        assert promote("--dry-run=false")[0] == 0
    git(ready, "add", ".")
    git(ready, "commit", "-q", "-m", "promote")
    found = verify(Git(ready.root), "HEAD~1", "HEAD", NOW)

    assert {"promotion_refused", "model_not_ours"} <= rules(found)
    assert any(one.pointer == "/new_model_id" and "it is acme's" in one.problem for one in found.findings)


# forms


def test_a_refusal_is_told_in_every_form(bench, ftv4, golden, monkeypatch):  # noqa: F811
    head = bench.edited(bench.report, setting("/passed", False))
    monkeypatch.chdir(bench.root)
    monkeypatch.setenv("FTV4_NOW", NOW.isoformat())
    call = ("verify", "--base", bench.base, "--head", head, "--format")
    told = {form: ftv4(*call, form) for form in ("text", "json", "markdown", "github")}

    assert {done.code for done in told.values()} == {4}
    assert json.loads(told["json"].out)["findings"][0]["pointer"] == "/passed"
    golden("verify_refused.txt", _timeless(bench, told["text"].out))
    golden("verify_refused.md", _timeless(bench, told["markdown"].out))
    assert told["github"].out.startswith(
        f"::error file={bench.report},title=promotion_differs::/passed: says false"
    )


def test_what_was_verified_reads_well(bench, ftv4, golden, monkeypatch, tmp_path):  # noqa: F811
    monkeypatch.chdir(bench.root)
    monkeypatch.setenv("FTV4_NOW", NOW.isoformat())
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    done = ftv4("verify", "--base", "main", "--head", "promotion", "--format", "markdown", "--summary")

    assert done.code == 0
    golden("verify_passed.md", _timeless(bench, done.out))
    assert (tmp_path / "summary").read_text() == done.out


def _timeless(bench, page):  # noqa: F811
    import re

    return re.sub(r"`[0-9a-f]{12}`", "`0123456789ab`", page.replace(bench.base[:12], "0123456789ab"))


def test_an_unknown_revision_is_a_usage_error(bench, ftv4, monkeypatch):  # noqa: F811
    monkeypatch.chdir(bench.root)

    assert ftv4("verify", "--base", "nowhere").code == 2
    assert ftv4("verify", "--base", "--upload-pack=x").code == 2


def test_the_work_tree_has_no_say(bench, ftv4, monkeypatch, tmp_path):  # noqa: F811
    subprocess.run(["git", "clone", "-q", "--bare", bench.root, tmp_path / "bare"], check=True)

    assert verify(Git(tmp_path / "bare"), bench.base, bench.head, NOW).passed
